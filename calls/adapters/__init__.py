"""Implementations of the ports, named after what they depend on."""
