"""What is kept in the shared store, and how it gets there."""
