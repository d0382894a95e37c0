"""What the services need from the world: Protocols, one file per noun. Every adapter of a port passes its contract suite."""
