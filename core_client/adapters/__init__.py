"""The world outside: stores, clocks, banks."""
