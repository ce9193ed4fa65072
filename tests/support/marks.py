"""What a machine may lack for a test; pytest prints each test that it leaves out, with the reason."""

import os
import socket
from contextlib import suppress
from typing import Final

import pytest


def _has_ipv6() -> bool:
    """Whether this machine can speak IPv6 to itself."""
    with suppress(OSError), socket.create_server(("::1", 0), family=socket.AF_INET6):
        return True
    return False


OVER_IPV6: Final = pytest.mark.skipif(not _has_ipv6(), reason="this machine has no IPv6, not even to itself")


def as_root(why: str) -> pytest.MarkDecorator:
    """Leave a test out for everybody but root, who alone can arrange it."""
    return pytest.mark.skipif(os.geteuid() != 0, reason=f"not tested here: {why}; run the tests as root")
