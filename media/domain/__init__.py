"""The rules of the media worker, pure: no await, no clock, no randomness, no logging, no protobuf."""
