"""What staff do with texts, and how the gateway is watched: beside running nodes, and without any."""
