"""Who speaks, by the token in a call's metadata."""

from __future__ import annotations

from typing import Any

from server.domain.identity import Identity
from server.kit.edge import bearer_token
from server.services.signing_in import Tokens


class Bearer:
    """Reads who speaks from a call's `authorization` metadata."""

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens

    async def __call__(self, context: Any) -> Identity:
        """Who speaks.

        Raises:
            Refused: UNAUTHENTICATED.
        """
        return await self._tokens.identify(bearer_token(context, "access token"))
