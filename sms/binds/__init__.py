"""Our side of message centres: connections, binds, who holds them, how fast they may be fed."""
