"""Every port in memory, for tests, simulations and whoever wants a node that forgets."""
