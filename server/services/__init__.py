"""Use cases: each orchestrates ports and asks the domain. No gRPC, no SQL, no protobuf."""
