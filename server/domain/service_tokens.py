"""Tokens of internal services: what each may do.

Rules that live here and nowhere else:
- A token is `tws_<name>.<secret>`: the name says which one is meant, the secret proves it. The secret is stored hashed and shown once.
- A token has at least one scope, and may do nothing outside its scopes.
- `append` and `bot` speak for an account, so that a token with either of them is bound to one; no other needs it.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from server.domain.accounts import token_hash
from server.kit.refusal import Reason, Refusal

PREFIX = "tws_"

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
_USERNAME = re.compile(r"[a-z][a-z0-9_.]{2,31}")


class Scope(Enum):
    """What a token may do; the values are what an operator writes."""

    INTROSPECT = "introspect"
    NOTIFY = "notify"
    APPEND = "append"
    PRESENCE = "presence"
    BOT = "bot"
    FEED = "feed"
    ADMIN = "admin"
    MEMBERS = "members"
    CALLS = "calls"


BOUND = (Scope.APPEND, Scope.BOT)
"""Scopes that speak for an account."""


@dataclass(frozen=True, slots=True)
class ServiceToken:
    """A service's token, as it is stored."""

    name: str
    secret_hash: str
    scopes: tuple[Scope, ...]
    account_id: str
    """Whom it speaks for; "": nobody."""
    device_id: str
    """As which device of that account; ""."""
    created_at_ms: int


def written(name: str, secret: str) -> str:
    """The token as it is shown."""
    return f"{PREFIX}{name}.{secret}"


def read(token: str) -> tuple[str, str]:
    """Name and hash of the secret of a token; ("", "") when it has not the form of one."""
    name, dot, secret = token.removeprefix(PREFIX).partition(".")
    if not token.startswith(PREFIX) or not dot or _NAME.fullmatch(name) is None:
        return "", ""
    return name, token_hash(secret)


def check(name: str, scopes: Iterable[str], username: str) -> tuple[Scope, ...] | Refusal:
    """The scopes of a token that is to be made, or why it cannot be."""
    if _NAME.fullmatch(name) is None:
        return Refusal(Reason.INVALID, "a name is 1 to 32 of a-z, 0-9 and -", "name")
    known = {scope.value: scope for scope in Scope}
    wanted = list(dict.fromkeys(scopes))
    unknown = [scope for scope in wanted if scope not in known]
    if unknown or not wanted:
        given = f"{unknown[0]!r} is no scope" if unknown else "a token needs a scope"
        return Refusal(Reason.INVALID, f"{given}; there are {', '.join(known)}", "scope")
    made = tuple(known[scope] for scope in wanted)
    bound = [scope.value for scope in made if scope in BOUND]
    if bound and not username:
        return Refusal(Reason.INVALID, f"{' and '.join(bound)} speak for an account: name it with --account", "account")
    if username and not bound:
        return Refusal(Reason.INVALID, "none of these scopes speaks for an account", "account")
    if username and _USERNAME.fullmatch(username) is None:
        return Refusal(Reason.INVALID, "a username is 3 to 32 of a-z, 0-9, _ and ., beginning with a letter", "account")
    return made


def holds(token: ServiceToken | None, secret_hash: str) -> bool:
    """Whether the secret is that of the stored token."""
    return token is not None and hmac.compare_digest(token.secret_hash, secret_hash)


def permits(token: ServiceToken, scope: Scope) -> Refusal | None:
    """Whether the token may do what `scope` stands for."""
    if scope in token.scopes:
        return None
    return Refusal(Reason.NOT_ALLOWED, f"the token {token.name} has not the scope {scope.value}", "scope")
