"""What a deployment's own programs use: services with a token, and bots. Not for apps."""

from tidewire.internal.bot import Bot, Received, Stopped
from tidewire.internal.client import EnvelopeIds, Services

__all__ = ["Bot", "EnvelopeIds", "Received", "Services", "Stopped"]
