"""The log of the server: lines, which a thread of its own writes to stderr.

Nobody may be reading stderr: a pipe can be full, a terminal stopped. A write
then blocks for as long as that lasts, so the event loop never writes there.
"""

import asyncio
import signal
import threading
from collections.abc import Callable
from typing import Final

MOST_BYTES: Final = 1024 * 1024
"""How much may wait to be written; lines above that are dropped."""
CLOSE_S: Final = 1.0
"""How long the end of the server waits for lines that are not written yet."""

PAUSE_S: Final = 0.05
"""How long the thread lets lines come together between two writes."""

Write = Callable[[bytes], object]
"""Writes all of the bytes, or raises OSError."""


class Log:
    """Takes lines at once, and writes them in their order."""

    def __init__(self, write: Write, *, most_bytes: int = MOST_BYTES) -> None:
        self._write = write
        self._most_bytes = most_bytes
        self._lines: list[bytes] = []
        self._waiting_bytes = 0
        self._dropped = 0
        """Lines that came behind `_lines`, and found no room."""
        self._failed = 0
        """Lines since the last successful write; only its thread has it."""
        self._closed = threading.Event()
        self._lock = threading.RLock()
        self._changed = threading.Condition(self._lock)
        # A daemon: it cannot keep the process alive.
        self._thread = threading.Thread(target=self._write_lines, daemon=True)
        self._thread.start()

    def __call__(self, line: str) -> None:
        """Take a line; this neither blocks nor fails.

        Lone surrogates, as in the bytes of a path, are escaped.
        """
        data = f"{line}\n".encode(errors="backslashreplace")
        with self._lock:
            size = self._waiting_bytes + len(data)
            # After the first dropped line all are, or the count would have
            # no place in their order.
            if self._dropped or size > self._most_bytes:
                self._dropped += 1
                return
            if not self._lines:
                # The thread waits only while there are none.
                self._changed.notify_all()
            self._lines.append(data)
            self._waiting_bytes = size

    async def close(self, within_s: float = CLOSE_S) -> None:
        """Write what is left, and end; give up when the time is over.

        The thread may then still be stuck. It ends with the process.
        """
        self._closed.set()
        with self._changed:
            self._changed.notify_all()
        await asyncio.to_thread(self._thread.join, within_s)

    def _write_lines(self) -> None:
        """Write lines until the log is closed; the thread runs this."""
        # A terminal can be set to stop background jobs that write to it. The
        # signal would stop the whole server; blocked here, the line is shown.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTTOU})
        while True:
            lines, dropped = self._take()
            if not lines:
                return
            # In one write, as many lines may have come since the last one.
            data = _told(self._failed)
            data += b"".join(lines)
            data += _told(dropped)
            try:
                self._write(data)
            except OSError:
                # Closed, or on a full disk: the server goes on without a log.
                self._failed += len(lines) + dropped
            else:
                self._failed = 0
            # Each turn of this thread holds the loop up for a moment.
            self._closed.wait(PAUSE_S)

    def _take(self) -> tuple[list[bytes], int]:
        """Wait for lines; return all, and how many were dropped behind.

        There are none only if the log is closed.
        """
        with self._changed:
            self._changed.wait_for(
                lambda: self._lines or self._closed.is_set()
            )
            taken = self._lines, self._dropped
            self._lines = []
            self._waiting_bytes = 0
            self._dropped = 0
            return taken


def _told(missing: int) -> bytes:
    """Write how many lines are missing at this place, if any are."""
    if missing == 0:
        return b""
    return b"warning: %d lines dropped\n" % missing
