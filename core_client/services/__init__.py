"""What the bank does for its customers, whatever the channel. :class:`.client.CoreClient` is the way in."""
