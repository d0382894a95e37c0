"""What internal services speak with a node."""
