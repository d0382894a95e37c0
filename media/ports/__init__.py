"""What the services need of the world: Protocols only."""
