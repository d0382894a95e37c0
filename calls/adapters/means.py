"""How datagrams are read, copied and sent, by the settings: in the unit, and in the trial of what that costs."""

from __future__ import annotations

import socket

from calls.adapters.compiled_fan_out import CompiledFanOut, NotBuilt, compiled
from calls.adapters.fan_out import SingleFanOut
from calls.adapters.mmsg import BatchedDatagrams, BatchedFanOut, library
from calls.adapters.sendto import SingleDatagrams
from calls.ports.media import Datagrams, FanOut


def means(udp: socket.socket, fan_out: str, batched: bool) -> tuple[Datagrams, FanOut]:
    """Over this socket.

    Args:
        fan_out: python; or compiled, which has to be built.
        batched: many datagrams for one system call, where the system can.

    Raises:
        NotBuilt: the compiled fan-out cannot be used.
    """
    loaded = library() if batched else None
    if loaded is None:
        if fan_out == "compiled":
            msg = "fan_out = compiled needs Linux's sendmmsg on a 64-bit machine: set fan_out = python"
            raise NotBuilt(msg)
        single = SingleDatagrams(udp)
        return single, SingleFanOut(single)
    many = BatchedDatagrams(udp, loaded)
    return many, CompiledFanOut(many, compiled()) if fan_out == "compiled" else BatchedFanOut(many)
