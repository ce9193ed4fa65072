"""Pythons that were built without SQLite or OpenSSL."""

import sys

import pytest

from tests.conftest import Seal
from tests.support.program import Process, Ran, Surroundings, new_interpreter
from tests.support.stores import Store
from todo_cli.database.engine import open_database
from todo_cli.errors import ConfigInvalid

FIRST = (["list"], ["add", "Buy milk"], ["doctor"], ["db", "upgrade"])


@pytest.fixture
def process(seal: Seal, store: Store) -> Process:
    """The program as a process of its own, which can lack a module."""
    return Process(
        Surroundings(seal.home, seal.cwd, store.url), new_interpreter
    )


def without(process: Process, module: str, *arguments: str) -> Ran:
    """Run a command with a Python that lacks a module."""
    return process(*arguments, "--json", env={"HIDDEN_MODULE": module})


@pytest.mark.spec("002/FR-187")
async def test_a_store_without_its_module_is_a_wrong_setting(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    own, other = "_sqlite3", "_ssl"
    if store.kind == "postgresql":
        own, other = other, own
    monkeypatch.setitem(sys.modules, other, None)
    async with open_database(store.target) as database:
        await database.ping()
    monkeypatch.setitem(sys.modules, own, None)

    with pytest.raises(ConfigInvalid) as caught:
        async with open_database(store.target):
            pass

    assert caught.value.message.endswith(f": there is no `{own}`")


@pytest.mark.spec("002/FR-187")
def test_every_command_works_without_the_other_module(
    process: Process, store: Store
) -> None:
    """See omnilib/aiosqlite#281 and dbcli/litecli#108."""
    own, other = "_sqlite3", "_ssl"
    if store.kind == "postgresql":
        own, other = other, own

    for arguments in FIRST:
        assert without(process, other, *arguments).status == 0
    for arguments in FIRST[:2]:
        assert without(process, own, *arguments).error["code"] == "CONFIG"


@pytest.mark.spec("002/FR-187")
def test_a_server_without_tls_is_a_wrong_setting(process: Process) -> None:
    """uvicorn imports `ssl`, so the extra seemed to be missing."""
    ran = without(process, "_ssl", "serve", "--port", "0")

    assert ran.error["code"] == "CONFIG"
    assert "`_ssl`" in ran.error["message"]
