"""A machine of somebody, with a home and a login name of its own, and a terminal."""

import io
import os
import pty
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from tests.support.program import LIMIT_S, Ran, Surroundings

Typed = Sequence[tuple[str, bytes]]
"""What is typed, each after a text that has been shown."""


@dataclass
class Machine:
    """`machine(...)` runs the program there, through its door in this process."""

    home: Path
    login: str | None
    clock: Callable[[], datetime]
    secrets: Sequence[str] = ()
    """What no run may print."""
    variables: Mapping[str, str] = field(default_factory=dict)

    @property
    def config(self) -> Path:
        """The config file."""
        return self.home / ".config" / "todo" / "config.toml"

    @property
    def embedded(self) -> Path:
        """The embedded file."""
        return self.home / ".local" / "share" / "todo" / "todo.db"

    def write(self, text: str | bytes, mode: int = 0o600) -> None:
        """Write the config file."""
        self.config.parent.mkdir(parents=True, exist_ok=True)
        data = text if isinstance(text, bytes) else text.encode()
        self.config.write_bytes(data)
        self.config.chmod(mode)

    def __call__(
        self,
        *arguments: str,
        stdin: bytes = b"",
        typed: Typed | None = None,
        env: Mapping[str, str | None] | None = None,
    ) -> Ran:
        """Run one command; with `typed` all streams are terminals."""
        from todo_cli.cli.env import Env, reader
        from todo_cli.cli.main import main

        out, err = io.BytesIO(), io.BytesIO()
        at_terminal = typed is not None
        surroundings = Surroundings(self.home, self.home, None)
        variables = surroundings.variables(
            None, {**self.variables, **(env or {})}
        )
        ours, theirs = pty.openpty()
        typist = threading.Thread(target=_type, args=(ours, err, typed or []))
        typist.start()
        try:
            status = main(
                arguments,
                Env(
                    variables=variables,
                    cwd=self.home,
                    home=self.home,
                    login=self.login,
                    stdin=reader(theirs) if at_terminal else io.BytesIO(stdin),
                    stdout=out,
                    stderr=err,
                    stdin_is_terminal=at_terminal,
                    stdout_is_terminal=at_terminal,
                    stderr_is_terminal=at_terminal,
                    now=self.clock,
                ),
            )
        finally:
            typist.join()
            os.close(ours)
            os.close(theirs)
        ran = Ran(status, out.getvalue().decode(), err.getvalue().decode())
        for secret in self.secrets:
            assert secret not in ran.out + ran.err
        return ran


def _type(terminal: int, shown: io.BytesIO, typed: Typed) -> None:
    """Type each answer once its question has been shown."""
    deadline = time.monotonic() + LIMIT_S / 6
    for question, keys in typed:
        while question not in shown.getvalue().decode():
            if time.monotonic() > deadline:
                # Whoever still waits for keys gets the end of them.
                keys = b"\x04"
                break
            time.sleep(0.01)
        os.write(terminal, keys)
