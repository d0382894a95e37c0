"""The port `Waker` as a signed webhook: for a service of the deployment that speaks to the phone vendors."""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
from dataclasses import asdict

from aiohttp import ClientError, ClientSession, ClientTimeout

from calls.ports.signalling import Wake
from server.kit.world import Clock

log = logging.getLogger(__name__)

TIMEOUT_S = 5.0
SIGNATURE = "Tidewire-Signature"


class NoWaker:
    """For deployments without one: devices without a stream do not ring."""

    async def wake(self, wake: Wake) -> None:
        """See `Waker.wake`."""


class Webhook:
    """POSTs JSON with the fields of `Wake`, signed as `Tidewire-Signature: t=<Unix s>,v1=<hex of HMAC-SHA256 over "t.body">`."""

    def __init__(self, session: ClientSession, url: str, secret: bytes, clock: Clock) -> None:
        self._session = session
        self._url = url
        self._secret = secret
        self._clock = clock

    async def wake(self, wake: Wake) -> None:
        """See `Waker.wake`."""
        body = json.dumps({"kind": "call", **asdict(wake)}, separators=(",", ":")).encode()
        at_s = self._clock.now_ms() // 1000
        digest = hmac.new(self._secret, f"{at_s}.".encode() + body, hashlib.sha256).hexdigest()
        headers = {"Content-Type": "application/json", SIGNATURE: f"t={at_s},v1={digest}"}
        try:
            async with self._session.post(
                self._url, data=body, headers=headers, timeout=ClientTimeout(TIMEOUT_S), allow_redirects=False
            ) as response:
                if response.status >= 300:
                    log.warning("devices were not woken", extra={"status": response.status})
        except (ClientError, TimeoutError, OSError) as error:
            log.warning("devices were not woken", extra={"why": str(error) or type(error).__name__})
