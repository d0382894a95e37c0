"""What may be forgotten: bodies that every device has, headers that are old enough. Pure; the sweeper asks it.

Rules that live here and nowhere else (DESIGN §4 Forget; log-attacks A1, A4, A8):
- A body is emptied when all devices of all members, and of former members up to their `left_seq`, have acked it. A device without
  a row counts as 0. Devices that were idle for the retention do not count; removed ones are not listed.
- Headers go by age, up to a snapshot that was read back, and never the last entry. The head stays.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from server.domain.envelope import Entry
from server.domain.fold import Fold
from server.domain.limits import Limits


def bodies_up_to(
    fold: Fold, acked: Mapping[str, int], devices: Mapping[str, Mapping[str, int]], now_ms: int, limits: Limits
) -> int:
    """The seq up to which bodies may be emptied.

    Args:
        acked: device id → acked seq; read *before* `devices`.
        devices: account id → device id → Unix ms of its last activity.
    """
    idle_before_ms = now_ms - 1000 * limits.retention_s
    least = fold.seq
    for account_id, member in fold.members.items():
        left_seq = member.left_seq()
        for device_id, active_at_ms in devices.get(account_id, {}).items():
            if active_at_ms < idle_before_ms:
                continue
            position = acked.get(device_id, 0)
            if left_seq and position >= left_seq:
                continue
            least = min(least, position)
    return least


def headers_up_to(entries: Iterable[Entry], head: int, snapshot_seq: int, now_ms: int, limits: Limits) -> int:
    """The seq up to which headers may go. `entries` are the oldest ones, ascending; 0: none."""
    old_before_ms = now_ms - 1000 * max(limits.header_retention_s, limits.retention_s)
    last = 0
    for entry in entries:
        if entry.header.at_ms >= old_before_ms or entry.seq >= head or entry.seq > snapshot_seq:
            break
        last = entry.seq
    return last
