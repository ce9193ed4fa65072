"""Running servers for the time of the tests: an account they accept, a folder, and an
end that always comes.
"""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# Ends a server and removes its folder once nobody holds the other end of the pipe: also
# when the tests were killed.
GUARD = """
trap '' INT TERM HUP
cat >/dev/null
pid=$(head -n 1 "$1" 2>/dev/null) && kill "-$2" "$pid" && sleep 1
rm -rf "$0"
"""


ENOUGH = 4 * 2**30
"""So many bytes free let all servers of a run fill what they may."""


def swiftest_folder() -> Path:
    """Where files come and go fastest: in memory, where there is enough of it and
    programs may be run; else in /tmp.

    Both are short enough for a socket's name, and open to an unprivileged account
    whatever TMPDIR says.
    """
    memory = Path("/dev/shm")
    with suppress(OSError):
        state = os.statvfs(memory)
        if (
            state.f_bavail * state.f_frsize >= ENOUGH
            and not state.f_flag & os.ST_NOEXEC
            and os.access(memory, os.W_OK)
        ):
            return memory
    return Path("/tmp")


@dataclass(frozen=True, slots=True)
class Account:
    """An account to run a server under."""

    uid: int
    gid: int

    @classmethod
    def unprivileged(cls) -> "Account":
        """The account of this process, or `nobody` for root, whom database servers refuse."""
        if os.geteuid() != 0:
            return cls(os.geteuid(), os.getegid())
        nobody = pwd.getpwnam("nobody")
        return cls(nobody.pw_uid, nobody.pw_gid)

    @property
    def switch(self) -> dict[str, Any]:
        """Arguments of subprocess that switch to this account; none where we are it already."""
        if os.geteuid() == self.uid:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}


class ServerFolder:
    """A folder of a server's account alone; it goes, and the server of its pid file
    with it, when this process ends.
    """

    def __init__(
        self, name: str, pid_file: str, how_to_end: signal.Signals
    ) -> None:
        self._account = Account.unprivileged()
        self.path = Path(
            tempfile.mkdtemp(prefix=f"todo-{name}-", dir=swiftest_folder())
        )
        self.own(self.path)
        self._guard = subprocess.Popen(
            [
                "/bin/sh",
                "-c",
                GUARD,
                self.path,
                self.path / pid_file,
                how_to_end.name.removeprefix("SIG"),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            start_new_session=True,
        )

    def own(self, *paths: Path) -> None:
        """Give files and folders to the server's account."""
        for path in paths:
            os.chown(path, self._account.uid, self._account.gid)

    def write(self, name: str, text: str) -> Path:
        """Make a file that only the server's account can read."""
        path = self.path / name
        path.touch(mode=0o600)
        path.write_text(text)
        self.own(path)
        return path

    def log_tail(self) -> str:
        """The last lines of the file `log`."""
        log = self.path / "log"
        return (
            "\n".join(log.read_text(errors="replace").splitlines()[-20:])
            if log.exists()
            else ""
        )

    def run(self, *command: str | Path) -> subprocess.CompletedProcess[str]:
        """Run a command of the server's to its end, stderr joined to stdout."""
        return subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            **self._surroundings(),
        )

    def start(self, *command: str | Path) -> subprocess.Popen[bytes]:
        """Start the server with its output in the file `log`; Ctrl-C does not reach it,
        it belongs to the tests.
        """
        with (self.path / "log").open("ab") as log:
            return subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                **self._surroundings(),
            )

    def close(self) -> None:
        """Remove the folder; the server is to be ended before."""
        shutil.rmtree(self.path, ignore_errors=True)
        self._guard.communicate()

    def _surroundings(self) -> dict[str, Any]:
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("PG", "LC_", "LANG"))
        }
        return {
            "cwd": self.path,
            "env": kept | {"LC_ALL": "C"},
            **self._account.switch,
        }


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
