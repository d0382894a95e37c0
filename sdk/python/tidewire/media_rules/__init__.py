"""What may be sent as what: rules alone, without I/O, the wire or a dependency. Servers and devices judge by the same ones."""
