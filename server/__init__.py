"""The routing node: chat, accounts, groups, presence, account state."""

import os

if (
    os.getenv("GRPC_VERBOSITY") is None
):  # else gRPC writes a line that is no JSON for each stranger who knocks; read when it is imported
    os.environ["GRPC_VERBOSITY"] = "ERROR"  # noqa: TID251
