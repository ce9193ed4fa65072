"""A real `todo serve`: a process of its own with a port of its own."""

import re
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import IO

import httpx

from tests.support.program import LIMIT_S, Child, Process

LISTENING = re.compile(r"Listening on https?://(.+):(\d+) ")


@dataclass(slots=True)
class Served:
    """A server that runs; `lines` is what it has written to stderr so far."""

    process: Child
    host: str = ""
    port: int = 0
    lines: list[str] = field(default_factory=list)
    _news: threading.Condition = field(default_factory=threading.Condition)

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://{self.host}:{self.port}"

    def client(self) -> httpx.Client:
        """A client of its own connection; it loads no certificates, which takes longer
        than what most tests ask.
        """
        return httpx.Client(base_url=self.url, timeout=LIMIT_S, verify=False)

    def connect(self) -> socket.socket:
        """A bare connection."""
        return socket.create_connection(
            (self.host.strip("[]"), self.port), timeout=LIMIT_S
        )

    def wait_for(self, pattern: str) -> re.Match[str]:
        """Wait until a line of stderr fits."""
        with self._news:
            found: list[re.Match[str] | None] = [None]

            def is_there() -> bool:
                found[0] = next(
                    filter(
                        None, (re.search(pattern, line) for line in self.lines)
                    ),
                    None,
                )
                return found[0] is not None or self.process.poll() is not None

            assert self._news.wait_for(is_there, LIMIT_S), (
                f"{pattern!r} never came: {self.lines}"
            )
            assert found[0] is not None, f"it ended: {self.lines}"
            return found[0]

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal and return the exit status."""
        self.process.send_signal(number)
        return self.process.wait(LIMIT_S)

    def follow(self, stderr: IO[bytes]) -> None:
        """Collect lines to the end."""
        for line in stderr:
            with self._news:
                self.lines.append(line.decode().removesuffix("\n"))
                self._news.notify_all()
        with self._news:
            self._news.notify_all()


@contextmanager
def serving(
    process: Process,
    *arguments: str,
    env: dict[str, str | None] | None = None,
    user: str | None = "ada",
) -> Iterator[Served]:
    """Start a server on a free port and end it at last."""
    started = process.start(
        "serve", "--port", "0", *arguments, env=env, user=user
    )
    assert started.stderr is not None
    served = Served(started)
    reader = threading.Thread(
        target=served.follow, args=(started.stderr,), daemon=True
    )
    reader.start()
    try:
        match = served.wait_for(LISTENING.pattern)
        served.host, served.port = match[1], int(match[2])
        yield served
    finally:
        started.kill()
        started.wait()
        reader.join(LIMIT_S)
        for stream in (started.stdin, started.stdout, started.stderr):
            if stream is not None:
                stream.close()
