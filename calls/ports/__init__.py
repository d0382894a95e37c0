"""What calls ask of the world."""
