"""The picture of an account or of a group."""

from __future__ import annotations

from typing import NamedTuple


class Avatar(NamedTuple):
    """A picture. The blob is the media worker's; the node only refers to it, and holds it by a claim as long as it is the profile's."""

    blob_id: str
    """"" where a change says that there is none any more."""
    blurhash: str = ""
    held_by: str = ""
    """The account that claimed it. "" in a change: who sent that."""
    claim_id: str = ""
    """The claim, by the id of the change that made it the picture. "" in a change: that of its envelope."""


NONE = Avatar("")
"""In a change: the picture is taken away."""
