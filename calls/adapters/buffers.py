"""Memory that Python and C both see."""

from __future__ import annotations

from typing import Any

import cffi

from calls.ports.media import BUFFER_BYTES

FFI = cffi.FFI()


class Memory:
    """One buffer. The block that it is of stays for as long as it does."""

    __slots__ = ("_block", "memory", "pointer")

    def __init__(self, block: Any, index: int) -> None:
        self._block = block
        self.pointer = block + index * BUFFER_BYTES
        self.memory = memoryview(FFI.buffer(self.pointer, BUFFER_BYTES))


def buffers(count: int) -> list[Memory]:
    """So many, one after the other in one block."""
    block = FFI.new("char[]", count * BUFFER_BYTES)
    return [Memory(block, index) for index in range(count)]
