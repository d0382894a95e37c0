"""Every maximum of the node, with its unit in its name and a safe default. All of them are settings."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What this deployment takes. Devices read most of it in `Welcome` and `GetLimits`."""

    frame_bytes_max: int = 65_536
    """Greatest frame on a stream."""
    body_bytes_max: int = 49_152
    """Greatest serialised body of an envelope."""
    window_envelopes_max: int = 256
    """Un-acked envelopes on a connection before the pump waits."""
    window_bytes_max: int = 1_048_576
    """Un-acked bytes on a connection before the pump waits."""
    group_members_max: int = 256
    members_per_command_max: int = 256
    devices_max: int = 5
    """One primary and four linked devices."""
    conversations_max: int = 10_000
    """Conversations of one account."""
    commands_per_s: int = 50
    """Commands of one account, in the long run."""
    commands_burst: int = 500
    address_commands_per_s: int = 500
    """Unauthenticated and unary calls from one address, in the long run."""
    address_commands_burst: int = 5_000
    service_calls_per_s: int = 2_000
    """Calls of one service token on one node, in the long run."""
    service_calls_burst: int = 10_000
    edit_window_s: int = 900
    delete_window_s: int = 216_000
    """60 hours."""
    typing_ms: int = 6_000
    watched_accounts_max: int = 64
    ack_delay_ms: int = 100
    ack_envelopes_max: int = 32
    retention_s: int = 2_592_000
    """30 days: how long a body waits for the devices that lack it."""
    header_retention_s: int = 2_592_000
    hello_timeout_ms: int = 5_000
    hello_frames_max: int = 64
    ping_interval_ms: int = 30_000
    slow_timeout_ms: int = 60_000
    """A device that takes no bytes for this long is closed with SLOW."""
    stream_backlog_bytes_max: int = 8_388_608
    """Bytes that wait for one device which asks faster than it takes; more, and it is closed with SLOW."""
    bad_commands_burst: int = 100
    """Refused commands on one stream before it is closed with FLOOD; one is forgiven each second."""
    setting_keys_max: int = 4_096
    page_envelopes_max: int = 200
    receipt_delay_ms: int = 100
    """Direct ticks are told together, this long after the first."""
    group_receipt_delay_ms: int = 2_000
    """Group ticks are told to their authors at most this often."""
    position_flush_ms: int = 1_000
    group_position_flush_ms: int = 10_000
    second_look_ms: int = 1_500
    """A new connection compares its heads with the log this long after it registered its route."""
    route_cache_ms: int = 1_000
    lease_ms: int = 15_000
    """A node that has not renewed its lease for this long counts as dead; it renews three times as often."""
    link_queue_max: int = 50_000
    """What waits for another node; more is dropped, and the comparison with the log finds it."""
    link_queue_bytes_max: int = 33_554_432
    link_batch_max: int = 512
    link_batch_bytes_max: int = 131_072
    link_batches_max: int = 8
    """Batches that another node has not acknowledged."""
    link_timeout_ms: int = 5_000
    """A link whose batch is not acknowledged for this long is made anew."""
    told_wait_ms: int = 1_000
    """A change of blocks, privacy or contacts waits at most this long until the other nodes have heard of it."""
    comparison_spread_ms: int = 30_000
    """What has to be compared after a fault is spread over this time."""
    drain_spread_ms: int = 3_000
    """Streams of a draining node are closed over at least this time, each at another moment."""
    drain_returns_per_s: int = 25
    """So many of them a second for each of the nodes that stay, and fewer where they are slow to come back, while the grace lasts."""
    comparison_interval_s: int = 1_800
    """Every conversation that the node serves is compared with its log this often in any case."""
    feed_followers_max: int = 16
    """Streams of FeedService.Follow on one node."""
    feed_queue_max: int = 4_096
    """What waits for one of them; more is dropped and told as a gap."""
    feed_stalled_s: int = 60
    """One that takes nothing while its queue stands full for this long is ended, and its place is free again."""
    ring_entries_max: int = 512
    """Recent entries of a conversation kept beside its fold: for the search for twins, and for the pump."""
    append_batch_entries_max: int = 128
    """Entries of one conversation in one append."""
    append_queue_max: int = 4_096
    """Sends of one conversation that wait; more are refused as UNAVAILABLE."""
    folds_max: int = 50_000
    """Folds kept in memory; the least recently used go first."""
    snapshot_entries_max: int = 256
    """A snapshot is written at the latest after this many entries."""
    code_tries_max: int = 5
    code_ttl_s: int = 600
    code_resend_s: int = 60
    codes_per_handle_day: int = 5
    registrations_per_address_hour: int = 60
    access_token_ttl_s: int = 3_600
    refresh_token_ttl_s: int = 5_184_000
    """60 days."""
    offline_delay_ms: int = 10_000
    """Watchers are told "offline" this long after the last foreground lease ended."""
    last_seen_interval_s: int = 300
    call_links_max: int = 50
    """Links into calls of one account."""
    call_link_idle_s: int = 2_592_000
    """30 days: a link that nobody has come by for so long is void."""
    outside_rules_ttl_ms: int = 60_000
    """Blocks, suspensions and privacy may be this stale when an envelope is appended."""
