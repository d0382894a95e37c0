"""Every maximum of the media worker that is not about content (those are `tidewire.media_rules`). All of them are settings."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What this worker takes. Clients read it with `GetMediaLimits`."""

    chunk_bytes_max: int = 1_048_576
    """Greatest chunk of an upload; downloads come in chunks of at most this, too."""
    upload_ttl_s: int = 86_400
    """An upload without a byte for this long is given up."""
    upload_memory_s: int = 604_800
    """What became of an upload can be asked for this long."""
    uploads_open_max: int = 32
    """Uploads of one account that are not done."""
    uploads_per_hour: int = 600
    """Uploads that one account may begin, in the long run."""
    upload_sync_bytes: int = 4_194_304
    """Bytes are made durable, and answered, at the latest after so many."""
    upload_idle_s: int = 60
    """A stream of an upload without a chunk for this long is closed; the upload stays."""
    quota_bytes: int = 10_737_418_240
    """Bytes of one account, stored and under way."""
    waiting_max: int = 1_000
    """Uploads that wait to be looked at; more are refused as UNAVAILABLE when they are created."""
    waiting_per_account_max: int = 64
    download_url_ttl_s: int = 300
    upload_url_ttl_s: int = 3_600
    view_token_ttl_s: int = 60
    view_once_ttl_s: int = 1_209_600
    """14 days: a view-once blob that nobody opened goes away."""
    blob_grace_s: int = 86_400
    """A blob that no envelope refers to stays this long: time to send it, or to forward it."""
    avatar_check_s: int = 604_800
    """How long a picture of a profile is held before the node is asked whether it is one still."""
    claims_per_blob_max: int = 4_096
    """Envelopes that refer to one blob at a time."""
    member_cache_ms: int = 30_000
    """How stale the word of the node may be about who is a member, and whose a token is."""
    downloads_per_account_max: int = 32
    """Downloads of one account at a time, by gRPC; by HTTP they end with their addresses."""
    address_calls_per_s: int = 500
    """Unary and download calls from one address, in the long run."""
    address_calls_burst: int = 5_000
    previews_per_hour: int = 120
    """Pages that one account may have fetched for link previews, in the long run."""
    previews_burst: int = 20
    preview_bytes_max: int = 1_048_576
    """Of a page no more than this is read."""
    preview_image_bytes_max: int = 5_242_880
    """A picture of a page that is larger is left out."""
    preview_timeout_ms: int = 5_000
    """Of a fetch, with all its redirects; of the page's picture once more."""
    preview_redirects_max: int = 3
