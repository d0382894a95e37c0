"""gRPC: MediaService for devices, BlobService for the routing node."""
