"""What a machine must have for the tests, and what it may lack.

A test that needs more than TOOLS says so by `@needs(...)`: where that is missing it is
left out, and named in the last lines of the run. No other test finds more than TOOLS on
its path, so that one that forgot to say so fails everywhere.

`python -m tests.support.machine FOLDER` makes a folder to be the whole PATH of a bare
machine. It uses the standard library alone, because nothing is installed there yet.
"""

import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.support.disks import can_mount, has_user_namespaces

if TYPE_CHECKING:
    import pytest

PATH: Final = os.environ.get(
    "PATH", os.defpath
)  # read before a test is sealed
ADMIN_PATH: Final = PATH.replace(
    "/bin", "/sbin"
)  # where Debian has servers, and no ordinary user looks

TOOLS: Final = (
    "sh",
    "git",
    "cat",
    "cut",
    "date",
    "head",
    "ln",
    "mkdir",
    "rm",
    "sleep",
)
"""What every test may start besides Python: the shell, git, and what is used of coreutils.

A test that fails without git says that it needs it: where an sdist is tested, it may be missing.
"""

PREPARED_SINCE = (1, 21)


def find(program: str) -> Path | None:
    """Where this machine has a program."""
    found = shutil.which(program, path=PATH) or shutil.which(
        program, path=ADMIN_PATH
    )
    return Path(found).absolute() if found else None


def has_ipv6() -> bool:
    """Whether this machine can speak IPv6 to itself."""
    with (
        suppress(OSError),
        socket.create_server(("::1", 0), family=socket.AF_INET6),
    ):
        return True
    return False


@cache
def own_address() -> str | None:
    """The address by which other machines can reach this one; None if there is none."""
    with (
        suppress(OSError),
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe,
    ):
        # This sends nothing.
        probe.connect(("192.0.2.1", 9))
        address: str = probe.getsockname()[0]
        return None if address.startswith("127.") else address
    return None


def has_many_loopbacks() -> bool:
    """Whether all of 127.0.0.0/8 is this machine."""
    with suppress(OSError), socket.create_server(("127.0.0.2", 0)):
        return True
    return False


def lists_open_files() -> bool:
    """Whether a process can see the names of the files that it has open."""
    return Path("/proc/self/fd").exists()


def children_of(process: int) -> list[int] | None:
    """The processes that a process has forked; None if nothing lists them."""
    with suppress(OSError):
        path = Path(f"/proc/{process}/task/{process}/children")
        return [int(each) for each in path.read_text().split()]
    return None


def is_root() -> bool:
    """Whether this process may do everything."""
    return os.geteuid() == 0


@cache
def keeps_prepared_statements() -> bool:
    """Whether there is a PgBouncer that knows `max_prepared_statements`."""
    program = find("pgbouncer")
    if program is None:
        return False
    said = subprocess.run(
        [program, "--version"], capture_output=True, text=True, check=True
    ).stdout
    version = re.search(r"(\d+)\.(\d+)", said)
    return (
        version is not None
        and tuple(map(int, version.groups())) >= PREPARED_SINCE
    )


@cache
def has_taskwarrior() -> bool:
    """Whether there is a Taskwarrior 2.6, as recorded: other programs are called `task`, too."""
    program = find("task")
    if program is None:
        return False
    said = subprocess.run(
        [program, "--version"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    ).stdout
    return said.startswith("2.6.")


def has_trigrams() -> bool:
    """Whether there is a PostgreSQL that can have the extension pg_trgm."""
    from tests.support.postgres import find_with_trigrams

    return find_with_trigrams() is not None


@dataclass(frozen=True, slots=True)
class Need:
    """What a test may need: whether it is there, what to do where it is not, and the
    program to put on its path.
    """

    is_met: Callable[[], bool]
    remedy: str
    program: str | None = None


def _program(name: str) -> Need:
    return Need(
        lambda: find(name) is not None, f"apt-get install {name}", name
    )


NEEDS: Final = {
    "bash": _program("bash"),
    "fish": _program("fish"),
    "zsh": _program("zsh"),
    "vi": Need(
        lambda: find("vi") is not None, "apt-get install vim-tiny", "vi"
    ),
    "curl": _program("curl"),
    "less": _program("less"),
    "git": _program("git"),
    "jq": _program("jq"),
    "openssl": _program("openssl"),
    "nginx": _program("nginx"),
    "caddy": _program("caddy"),
    "pgbouncer": _program("pgbouncer"),
    "pgbouncer 1.21": Need(
        keeps_prepared_statements,
        "install this version or a later one",
        "pgbouncer",
    ),
    "taskwarrior": Need(
        has_taskwarrior, "apt-get install taskwarrior", "task"
    ),
    "topydo": Need(
        lambda: find("topydo") is not None, "pip install topydo", "topydo"
    ),
    "systemd-analyze": Need(
        lambda: find("systemd-analyze") is not None,
        "apt-get install systemd",
        "systemd-analyze",
    ),
    "man": Need(
        lambda: find("man") is not None and find("groff") is not None,
        "apt-get install man-db groff-base",
        "man",
    ),
    "pg_trgm": Need(has_trigrams, "apt-get install postgresql"),
    "IPv6": Need(
        cache(has_ipv6), "this machine cannot speak it, not even to itself"
    ),
    "an address beyond loopback": Need(
        lambda: own_address() is not None, "connect this machine to a network"
    ),
    "127.0.0.2": Need(
        cache(has_many_loopbacks),
        "run the tests on Linux, where all of 127.0.0.0/8 is this machine",
    ),
    "a list of open files": Need(
        lists_open_files, "run the tests on Linux, which has /proc/self/fd"
    ),
    "a list of limits": Need(
        lambda: Path("/proc/self/limits").exists(),
        "run the tests on Linux, which has /proc/self/limits",
    ),
    "a list of children": Need(
        lambda: children_of(os.getpid()) is not None,
        "run the tests on Linux, which has /proc/PID/task/PID/children",
    ),
    "a full device": Need(
        lambda: Path("/dev/full").exists(),
        "run the tests on Linux, which has /dev/full",
    ),
    "root": Need(is_root, "run the tests as root"),
    "mounts": Need(
        can_mount, "run the tests as root, where root may mount a disk"
    ),
    "user namespaces": Need(
        has_user_namespaces, "let every account make one (sysctl, seccomp)"
    ),
}


def needs(name: str) -> "pytest.MarkDecorator":
    """Leave a test out where something of NEEDS is missing."""
    import pytest

    assert name in NEEDS, name
    return pytest.mark.needs(name)


def needs_of(item: "pytest.Item") -> Iterator[str]:
    """What a test says that it needs; what its module says comes first."""
    return (
        name
        for mark in reversed([*item.iter_markers("needs")])
        for name in mark.args
    )


def link(folder: Path, programs: Iterable[str]) -> None:
    """Make a folder in which the programs are found that this machine has."""
    folder.mkdir(parents=True)
    for program in programs:
        if found := find(program):
            (folder / program).symlink_to(found)


def main(folder: str) -> None:
    """Make the one folder on the PATH of a bare machine: TOOLS and Python."""
    link(Path(folder), TOOLS)
    python = Path(folder, "python3")
    python.write_text(
        f'#!/bin/sh\nexec "{sys.executable}" "$@"\n'
    )  # by a link, Python would not find its home
    python.chmod(0o755)


if __name__ == "__main__":
    main(sys.argv[1])
