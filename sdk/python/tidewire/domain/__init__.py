"""The device's rules, pure: no await, clock, protobuf or database."""
