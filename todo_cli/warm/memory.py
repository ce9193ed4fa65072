"""Copies the memory that a forked process shares with its parent, ahead.

The system copies a page of 4 KiB when one of both first writes to it, and
Python writes to each object that it looks at: a worker would do that two
thousand times while somebody waits for it. So it does it while nobody waits.
"""

import ctypes
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Final, NamedTuple

_POPULATE_READ: Final = 22
_POPULATE_WRITE: Final = 23
"""What `madvise` of Linux 5.14 and newer does at once for a range."""


class Range(NamedTuple):
    """A part of the memory, and whether it can be written."""

    begin: int
    size: int
    is_writable: bool


def ranges() -> list[Range]:
    """List the private memory of this process; nothing where it is unknown."""
    found: list[Range] = []
    if sys.platform != "linux":
        return found
    with suppress(OSError), open("/proc/self/maps") as lines:
        for line in lines:
            place, permissions, *_ = line.split()
            is_mapped = not line.rstrip().endswith("]") or "[heap]" in line
            if is_mapped and permissions.startswith("r"):
                begin, _, end = place.partition("-")
                size = int(end, 16) - int(begin, 16)
                is_writable = permissions[1] == "w"
                found.append(Range(int(begin, 16), size, is_writable))
    return found


def copy(parts: Sequence[Range]) -> None:
    """Make the memory our own, as far as the system can."""
    library = ctypes.CDLL(None)
    for part in parts:
        advice = _POPULATE_READ
        if part.is_writable:
            advice = _POPULATE_WRITE
        # Where it fails, pages are copied as they are written.
        library.madvise(
            ctypes.c_void_p(part.begin),
            ctypes.c_size_t(part.size),
            ctypes.c_int(advice),
        )
