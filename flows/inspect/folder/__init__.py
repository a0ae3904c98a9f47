"""The lints over all flows of a folder at once."""
