"""Whether a proposal may be appended at the head of a log, and as what: everything that is exact by the fold.

Rules that live here and nowhere else:
- Only a member appends. Group changes follow `groups.decide`.
- An edit: by the sender, of a text, within `edit_window_s`. A deletion: by the sender within `delete_window_s`, in a group by an
  admin at any time. A reaction: on a visible entry. Targets lie in the same log, in the sender's own intervals.
- The first entry of a conversation fixes whether it is sealed.
- Settings live in self conversations only, at most `setting_keys_max` keys.
- `at_ms` is the greater of now and the entry before.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from server.domain import groups, ids
from server.domain.envelope import TARGETED_KINDS, Change, Header, Kind, Role
from server.domain.fold import Fold, is_visible
from server.domain.identity import Identity
from server.domain.limits import Limits
from server.kit.refusal import Reason, Refusal, limit_exceeded


@dataclass(slots=True)
class Proposal:
    """What a device, the node or an internal service wants to append.

    `target` is the header at `target_seq`, read before; it never changes, so that it need not be read at the head.
    `withheld_from` is up to `outside_rules_ttl_ms` stale: the account that blocks the sender.
    """

    sender: Identity
    envelope_id: str
    known_seq: int
    kind: int
    body: bytes | None = None
    target_seq: int = 0
    target: Header | None = None
    expires_in_s: int = 0
    sealed: bool = False
    withheld_from: str = ""
    setting: tuple[str, bytes] | None = None
    command: groups.Command | None = None

    def is_system(self) -> bool:
        """Whether a system sender wants it: it has no log of its own, so that the fold, not `known_seq`, says what is a twin."""
        return not self.sender.device_id and self.command is None


class Admitted(NamedTuple):
    """The header that the proposal gets, and the accounts that its command could not change."""

    header: Header
    refused: tuple[tuple[str, Refusal], ...] = ()


def admit(fold: Fold, proposal: Proposal, now_ms: int, limits: Limits) -> Admitted | Refusal:
    """Check `proposal` against the state at the head; what it is admitted as holds only for an append at that head."""
    change: Change | None = None
    refused: tuple[tuple[str, Refusal], ...] = ()
    if proposal.command is not None:
        decision = groups.decide(fold, proposal.sender.account_id, proposal.command, limits)
        if isinstance(decision, Refusal):
            return decision
        change, refused = decision
    else:
        refusal = _check(fold, proposal, now_ms, limits)
        if refusal is not None:
            return refusal
        if proposal.setting is not None:
            change = Change(setting=proposal.setting)
    at_ms = max(now_ms, fold.at_ms)
    return Admitted(
        Header(
            proposal.envelope_id,
            proposal.sender.account_id,
            proposal.sender.device_id,
            proposal.kind,
            at_ms,
            at_ms + 1000 * proposal.expires_in_s if proposal.expires_in_s else 0,
            proposal.target_seq,
            fold.visible_count + is_visible(proposal.kind),
            proposal.sealed,
            proposal.withheld_from,
            change,
        ),
        refused,
    )


def _check(fold: Fold, proposal: Proposal, now_ms: int, limits: Limits) -> Refusal | None:
    if not fold.is_member(proposal.sender.account_id):
        return groups.NOT_A_MEMBER
    if fold.seq and proposal.sealed != fold.sealed:
        return Refusal(Reason.MODE_MISMATCH, subject="sealed", limit=int(fold.sealed), actual=int(proposal.sealed))
    if proposal.setting is not None:
        return _check_setting(fold, proposal.setting[0], limits)
    if proposal.kind in TARGETED_KINDS:
        return _check_target(fold, proposal, now_ms, limits)
    return None


def _check_setting(fold: Fold, key: str, limits: Limits) -> Refusal | None:
    if not ids.is_self(fold.conversation_id):
        return Refusal(Reason.NOT_ALLOWED, detail="settings live in the self conversation", subject="conversation_id")
    if key not in fold.settings and len(fold.settings) >= limits.setting_keys_max:
        return limit_exceeded("setting_keys_max", limits.setting_keys_max, len(fold.settings) + 1)
    return None


def _check_target(fold: Fold, proposal: Proposal, now_ms: int, limits: Limits) -> Refusal | None:
    target, account = proposal.target, proposal.sender.account_id
    if target is None or not fold.entitled(account, proposal.target_seq):
        return _no_target(proposal)
    age_s = max(0, now_ms - target.at_ms) // 1000
    own = target.sender_id == account
    match proposal.kind:
        case Kind.EDIT:
            if not own or target.kind != Kind.TEXT:
                return _no_target(proposal)
            if age_s > limits.edit_window_s:
                return _too_late("edit_window_s", limits.edit_window_s, age_s)
        case Kind.DELETION:
            if target.change is not None or target.kind in TARGETED_KINDS:
                return _no_target(proposal)
            if own:
                if age_s > limits.delete_window_s:
                    return _too_late("delete_window_s", limits.delete_window_s, age_s)
            elif fold.role(account) < Role.ADMIN:
                return Refusal(Reason.NOT_ALLOWED, detail="only an admin deletes for others", subject="role", limit=2)
        case _:
            if not is_visible(target.kind):
                return _no_target(proposal)
    return None


def _no_target(proposal: Proposal) -> Refusal:
    return Refusal(Reason.TARGET_NOT_FOUND, subject="target_seq", actual=proposal.target_seq)


def _too_late(name: str, window_s: int, age_s: int) -> Refusal:
    return Refusal(Reason.WINDOW_PASSED, subject=name, limit=window_s, actual=age_s)
