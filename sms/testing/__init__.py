"""Fakes of the other side, for tests, demos and trying; the server itself never imports them."""
