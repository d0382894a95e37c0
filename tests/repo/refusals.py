"""Writes docs/refusals.md from the enum that the code uses: `python -m tests.repo.refusals`."""

from __future__ import annotations

from pathlib import Path

from server.adapters.grpc.refusals import STATUS
from server.domain.refusal import Reason

PAGE = Path(__file__).parents[2] / "docs" / "refusals.md"

HEAD = """# Refusals

Every refusal of the node, from the enum that the code uses. In a response it is a `tidewire.v1.Refusal` (or a typed branch of
`SendResult`); as a status it carries `google.rpc.ErrorInfo` with this reason in the domain `tidewire`, and `RetryInfo` where trying
again may help. A limit comes with its value and the actual one. Generated: `python -m tests.repo.refusals`.

| reason | meaning | status, where it ends a call |
|---|---|---|
"""


def page() -> str:
    """The page as it should be."""
    rows = (f"| `{r.name}` | {r.value} | {STATUS[r].name if r in STATUS else 'travels in the response'} |\n" for r in Reason)
    return HEAD + "".join(rows)


if __name__ == "__main__":
    PAGE.write_text(page())
