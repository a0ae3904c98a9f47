"""What the services need of the world, as protocols. Each method that changes something is one transaction."""
