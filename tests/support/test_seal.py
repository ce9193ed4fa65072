"""The tests cannot reach the settings, folders or databases of whoever runs them."""

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import Seal
from tests.support.program import Surroundings, process_environment

SETTINGS = (
    "TODO_DATABASE_URL",
    "TODO_USER",
    "TODO_CONFIG",
    "DATABASE_URL",
    "PGHOST",
    "PGPASSWORD",
    "XDG_CONFIG_HOME",
    "XDG_DATA_HOME",
    "SSL_CERT_FILE",
)


@pytest.fixture(scope="module", autouse=True)
def foreign_settings() -> Iterator[None]:
    """Settings as a developer may have them, set before any test is sealed."""
    with pytest.MonkeyPatch.context() as patch:
        for name in SETTINGS:
            patch.setenv(name, "the developer's own")
        yield


def test_seals_every_setting_of_the_developer() -> None:
    assert [name for name in SETTINGS if name in os.environ] == []


def test_seals_the_home_folder(seal: Seal) -> None:
    assert Path.home() == seal.home
    assert list(seal.home.iterdir()) == []


async def test_resolves_host_names_of_its_own(
    local_hosts: Callable[..., None], seal: Seal
) -> None:
    local_hosts("ep-cool-name.neon.tech", "ep-other.neon.tech")
    ask = "import socket; print(socket.getaddrinfo('ep-other.neon.tech', 5432)[0][4])"
    surroundings = process_environment(
        Surroundings(seal.home, seal.cwd, None), None, None
    )
    answer = subprocess.run(
        [sys.executable, "-c", ask],
        env=surroundings,
        capture_output=True,
        text=True,
        check=True,
    )

    assert socket.getaddrinfo("ep-cool-name.neon.tech", 5432)[0][4] == (
        "127.0.0.1",
        5432,
    )
    assert answer.stdout == "('127.0.0.1', 5432)\n"
