"""A hosts file for one process: the names in PYTHON_HOSTS_OF_TESTS, separated by commas, are 127.0.0.1.

A parent of `todo warm` keeps variables that begin so, and hands no command over to one
with others.

HIDDEN_MODULE names a module that this Python is to lack.

Python imports this by itself where the folder is on PYTHONPATH, which is how a process
under test gets it.
"""

import os
import socket
import sys
from collections.abc import Callable, Iterable
from typing import Any


def resolving(names: Iterable[str]) -> Callable[..., Any]:
    """A `socket.getaddrinfo` that knows some names as 127.0.0.1 and asks the system for
    all others.
    """
    known, system = frozenset(names), socket.getaddrinfo

    def getaddrinfo(
        host: str | bytes | None, *arguments: Any, **named: Any
    ) -> Any:
        return system(
            "127.0.0.1" if host in known else host, *arguments, **named
        )

    return getaddrinfo


if hidden := os.environ.get("HIDDEN_MODULE"):
    sys.modules[hidden] = None  # type: ignore[assignment]  # whoever imports it fails

if hosts := os.environ.get("PYTHON_HOSTS_OF_TESTS"):
    socket.getaddrinfo = resolving(hosts.split(","))
