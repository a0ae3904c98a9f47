"""Texts that go out: their life from queued to a last word, routes, receipts."""
