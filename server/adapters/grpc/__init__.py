"""The gRPC edge: decode, call a service, encode."""
