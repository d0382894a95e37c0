"""What the media worker needs of the world: Protocols alone."""
