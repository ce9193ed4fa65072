"""Counts wrong tokens by address, and says when there are too many.

They are in memory that workers share, of a fixed size. A place is found by a
keyed hash of the address, so nobody can choose addresses that take the place of
a certain one.
"""

import fcntl
import mmap
import os
import secrets
import struct
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import blake2b
from ipaddress import IPv4Address, IPv6Address
from math import ceil
from typing import Final

MOST_WRONG: Final = 20
"""How many wrong tokens an address may send in `WITHIN_S`."""
WITHIN_S: Final = 60.0
MOST_ADDRESSES: Final = 4_096
"""How many addresses are counted; a new one takes the place of an old one."""
_TOGETHER: Final = 8
"""How many places there are for a hash; the one goes that is quiet longest."""
_KEY_BYTES: Final = 8
_OF_A_SITE: Final = 64
"""How many bits of an IPv6 address name a site; it chooses the others."""

Address = IPv4Address | IPv6Address | None
"""The address of a client; None if it is not known."""


class Wrongs:
    """The wrong tokens of the last minute, by address.

    With `is_shared` those of all processes that are forked from this one.
    """

    def __init__(
        self,
        *,
        most: int = MOST_WRONG,
        within_s: float = WITHIN_S,
        most_addresses: int = MOST_ADDRESSES,
        is_shared: bool = False,
    ) -> None:
        self._most = most
        self._within_s = within_s
        self._groups = most_addresses // _TOGETHER
        self._secret = secrets.token_bytes()
        # A hash of the site, and when its latest wrong tokens came; 0: never.
        self._place = struct.Struct(f"<{_KEY_BYTES}s{most}d")
        size = self._groups * _TOGETHER * self._place.size
        self._memory = mmap.mmap(-1, size)
        self._lock = _make_lock() if is_shared else None

    def wait_s(self, address: Address, now_s: float) -> int:
        """Return for how many seconds an address has to wait; 0: not at all."""
        key = self._key(address)
        for _, found, times in self._group(key):
            if found == key:
                return self._left_s(times, now_s)
        return 0

    def add(self, address: Address, now_s: float) -> int:
        """Count a wrong token, and return what `wait_s` returns before it.

        One that has to wait is not counted.
        """
        key = self._key(address)
        with self._alone():
            at, times = self._choose(key)
            wait_s = self._left_s(times, now_s)
            if wait_s == 0:
                times[times.index(min(times))] = now_s
                self._place.pack_into(self._memory, at, key, *times)
        return wait_s

    def _left_s(self, times: list[float], now_s: float) -> int:
        """Return for how long so many are too many."""
        earliest_s = min(times)
        if earliest_s == 0:
            return 0
        left_s = earliest_s + self._within_s - now_s
        return max(0, ceil(left_s))

    def _key(self, address: Address) -> bytes:
        """Return the hash of what is counted as one."""
        hash = blake2b(
            _site(address), digest_size=_KEY_BYTES, key=self._secret
        )
        return hash.digest()

    def _group(self, key: bytes) -> Iterator[tuple[int, bytes, list[float]]]:
        """Yield the places for a hash: where each is, and what it has."""
        size = self._place.size
        group = int.from_bytes(key) % self._groups
        begin = group * _TOGETHER * size
        for at in range(begin, begin + _TOGETHER * size, size):
            found, *times = self._place.unpack_from(self._memory, at)
            yield at, found, times

    def _choose(self, key: bytes) -> tuple[int, list[float]]:
        """Return the place of a hash, or the one that it takes."""
        oldest_s, chosen = float("inf"), 0
        for at, found, times in self._group(key):
            if found == key:
                return at, times
            latest_s = max(times)
            if latest_s < oldest_s:
                oldest_s, chosen = latest_s, at
        return chosen, [0.0] * self._most

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep other processes from counting in this context."""
        if self._lock is None:
            yield
            return
        fcntl.lockf(self._lock, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.lockf(self._lock, fcntl.LOCK_UN)


def _make_lock() -> int:
    """Make a file that has no name; processes lock it, and leave it empty."""
    if sys.platform == "linux":
        return os.memfd_create("todo")
    lock, path = tempfile.mkstemp()
    os.unlink(path)
    return lock


def _site(address: Address) -> bytes:
    """Return what is counted as one: an IPv4 address, or a site of IPv6."""
    if address is None:
        return b""
    packed = address.packed
    if address.version == 4:
        return packed
    return packed[: _OF_A_SITE // 8]
