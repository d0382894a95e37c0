"""Signed HTTP addresses: whoever has one may use it until it ends; nobody can make or change one."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from urllib.parse import urlencode

from media.domain.blob import NOT_FOUND
from media.domain.limits import Limits
from media.domain.wish import Variant
from media.ports.node import Device
from server.kit.refusal import Reason, Refusal, Refused
from server.kit.world import Clock

UPLOADS = "/v1/uploads/"
BLOBS = "/v1/blobs/"
ENDED = Refused(Refusal(Reason.UNAUTHENTICATED, "the address has ended, or was changed: ask for a new one", "sig"))


class Signing:
    """Addresses of this worker, by HMAC-SHA-256 over method, path and query."""

    def __init__(self, secret: str, base_url: str, clock: Clock, limits: Limits) -> None:
        """`base_url`: what addresses begin with."""
        self._secret = secret.encode()
        self.base_url = base_url
        self._clock = clock
        self._limits = limits

    def upload_url(self, upload_id: str, device: Device) -> str:
        """Where to PUT an upload."""
        until_ms = self._clock.now_ms() + 1000 * self._limits.upload_url_ttl_s
        query = {"account": device.account_id, "device": device.device_id, "until": str(until_ms)}
        return self._url("PUT", UPLOADS + upload_id, query)

    def download_url(self, blob_id: str, variant: Variant, view_token: str) -> tuple[str, int]:
        """Where to GET a file of a blob, and when that ends: Unix ms. `view_token`: of a view-once blob; the address is used up with it."""
        ttl_s = self._limits.view_token_ttl_s if view_token else self._limits.download_url_ttl_s
        until_ms = self._clock.now_ms() + 1000 * ttl_s
        query = {"view": view_token} if view_token else {}
        return self._url("GET", f"{BLOBS}{blob_id}/{variant.value}", {**query, "until": str(until_ms)}), until_ms

    def uploader(self, path: str, query: Mapping[str, str]) -> Device:
        """Whose upload an address is.

        Raises:
            Refused: UNAUTHENTICATED.
        """
        self._check("PUT", path, query)
        return Device(query.get("account", ""), query.get("device", ""))

    def file(self, path: str, query: Mapping[str, str]) -> tuple[str, Variant, str]:
        """Blob, variant, and of a view-once blob its token.

        Raises:
            Refused: UNAUTHENTICATED, NOT_FOUND.
        """
        self._check("GET", path, query)
        blob_id, _, variant = path.removeprefix(BLOBS).partition("/")
        if variant not in set(Variant):
            raise Refused(NOT_FOUND)
        return blob_id, Variant(variant), query.get("view", "")

    def _url(self, method: str, path: str, query: Mapping[str, str]) -> str:
        signed = {**query, "sig": self._signature(method, path, query)}
        return f"{self.base_url}{path}?{urlencode(signed)}"

    def _check(self, method: str, path: str, query: Mapping[str, str]) -> None:
        rest = {name: value for name, value in query.items() if name != "sig"}
        until = rest.get("until", "")
        signed = hmac.compare_digest(self._signature(method, path, rest).encode(), query.get("sig", "").encode())
        if not signed or not until.isdigit() or int(until) <= self._clock.now_ms():
            raise ENDED

    def _signature(self, method: str, path: str, query: Mapping[str, str]) -> str:
        said = f"{method}\n{path}\n{urlencode(sorted(query.items()))}"
        return hmac.new(self._secret, said.encode(), hashlib.sha256).hexdigest()
