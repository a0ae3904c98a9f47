"""Fakes and ready worlds for tests, the demo and the conversation drivers. They pass the real ones' tests."""
