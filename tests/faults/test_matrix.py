"""The table of faults: each of them as a process on each store, in words and as JSON."""

import shutil
import signal
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from tests.cli import contract
from tests.cli.expect import EXITS, assert_document, assert_words
from tests.cli.tampering import path_of
from tests.cli.test_contract import faults as faults_of
from tests.cli.test_contract import strict
from tests.faults.matrix import FAULTS, TITLES, FaultCase, disk_full
from tests.faults.workspace import Workspace
from tests.support.forked import ForkServer
from tests.support.machine import needs
from tests.support.postgres import PostgresServer
from tests.support.program import Ran, finished
from tests.support.size import IS_LONG
from tests.support.stores import Store
from tests.support.texts import raw
from tests.support.warm import IS_WARM, of_session, wait_until

SECRET = "secret"
"""What every password of the table is."""


@pytest.fixture(scope="module")
def workspaces(
    tmp_path_factory: pytest.TempPathFactory,
    postgres: PostgresServer,
    fork_server: ForkServer,
) -> Any:
    """A store of each kind with three tasks, for all faults that leave it as it is."""
    folder = tmp_path_factory.mktemp("matrix")
    name = postgres.create_database()
    workspaces = {
        "sqlite": Workspace(
            Store("sqlite", f"sqlite:///{folder / 'store.db'}"),
            folder,
            folder,
            None,
            fork_server.launch,
        ),
        "postgresql": Workspace(
            Store("postgresql", postgres.url(name)),
            folder,
            folder,
            postgres,
            fork_server.launch,
        ),
    }
    for workspace in workspaces.values():
        lines = "".join(f"{title}\n" for title in TITLES).encode()
        assert workspace.process("add", "-", stdin=lines).status == 0
    yield workspaces
    postgres.drop_database(name)


@pytest.fixture
def copy(
    workspaces: dict[str, Workspace], tmp_path: Path
) -> Iterator[Callable[[str], Workspace]]:
    """A store of a kind to damage."""
    with ExitStack() as stack:

        def make(kind: str) -> Workspace:
            whole = workspaces[kind]
            if whole.server is None:
                shutil.copy(path_of(whole.store), tmp_path / "store.db")
                return whole.at(f"sqlite:///{tmp_path / 'store.db'}")
            whole.rest()
            name = whole.server.create_database(template=whole.database)
            stack.callback(whole.server.drop_database, name)
            return whole.at(whole.server.url(name))

        yield make


def number_of(case: FaultCase) -> str:
    """What a test of a fault is called."""
    return f"{case.row}-{case.name.replace(' ', '-')}"


def rows_of(workspace: Workspace) -> Counter[tuple[Any, ...]]:
    """Everything that is stored, once nobody is at work any more."""
    workspace.rest()
    rows = workspace.fetch("SELECT * FROM {task}")
    # PostgreSQL gives the tags as a list, which cannot be counted.
    return Counter(tuple(map(_counted, row)) for row in rows)


def _counted(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def run(case: FaultCase, workspace: Workspace, *options: str) -> Ran:
    """Run the command of a fault in its midst."""
    if IS_WARM and workspace.server is not None:
        connect_ahead(workspace)
    with case.arrange(workspace) as setup:
        env = {**case.env, "TODO_DATABASE_URL": setup.url}
        words = [*options, *case.command]
        stdout = subprocess.PIPE if setup.stdout is None else setup.stdout
        with workspace.process.start(
            *words, user=case.user, env=env, stdout=stdout, before=setup.before
        ) as running:
            return finished(running, case.stdin)


def connect_ahead(workspace: Workspace) -> None:
    """Have a connection to a server that the command finds, if it is for that one."""
    warm = of_session()
    assert workspace.process("list").status == 0
    wait_until(lambda: warm.status()["place"] is not None, "no connection")


def assert_safe(ran: Ran) -> None:
    """What holds of whatever a run printed."""
    assert ran.status != 1, ran
    assert "Traceback" not in ran.out + ran.err, ran
    assert raw(ran) == [], ran
    assert SECRET not in ran.out + ran.err, ran
    assert len(ran.err.splitlines()) <= 2, ran


def assert_came_to(case: FaultCase, ran: Ran, *, as_json: bool) -> None:
    """One end for each fault, told in words or in one document."""
    assert_safe(ran)
    match case.comes_to:
        case "reader gone":
            assert ran == Ran(-signal.SIGPIPE, "", "")
        case "no stdout":
            assert_words(ran, status=EXITS["IO_ERROR"], names=case.shows)
        case "done" if as_json:
            assert (ran.status, ran.err) == (0, ""), ran
            assert faults_of(strict(contract.SUCCESS), ran.json) == []
        case "done":
            assert (ran.status, ran.err) == (0, ""), ran
            assert [text for text in case.shows if text not in ran.out] == []
        case code if as_json:
            assert_document(ran, code=code, names=case.shows)
            assert faults_of(strict(contract.FAILURE), ran.json) == []
        case code:
            assert_words(ran, status=EXITS[code], names=case.shows)


def cells() -> list[Any]:
    """Each fault on its stores, in words and as JSON; in the suite a fault that both
    stores can meet is in one form on each, by turns.
    """
    found = []
    for place, case in enumerate(FAULTS):
        for kind, as_json in product(case.stores, (False, True)):
            turn = (place + (kind != case.stores[0])) % 2
            if IS_LONG or len(case.stores) == 1 or as_json == turn:
                form = "json" if as_json else "words"
                name = f"{number_of(case)}-{kind}-{form}"
                marks = []
                if case.arrange is disk_full:
                    marks.append(needs("a full device"))
                cell = pytest.param(case, kind, as_json, id=name, marks=marks)
                found.append(cell)
    return found


@pytest.mark.spec("002/FR-039")
@pytest.mark.spec("002/FR-045")
@pytest.mark.spec("002/FR-049")
@pytest.mark.parametrize(("case", "kind", "as_json"), cells())
def test_fault_comes_to_one_end_and_changes_nothing_else(
    workspaces: dict[str, Workspace],
    copy: Callable[[str], Workspace],
    case: FaultCase,
    kind: str,
    as_json: bool,
) -> None:
    workspace = copy(kind) if case.is_damaging else workspaces[kind]
    before = rows_of(workspace)

    ran = run(case, workspace, *["--json"] * as_json)

    assert_came_to(case, ran, as_json=as_json)
    if not case.is_damaging:
        after = rows_of(workspace)
        assert before <= after
        assert sorted(
            title
            for row in (after - before).elements()
            # The title is there twice, the second time folded.
            for title in dict.fromkeys(row)
            if title in case.adds
        ) == sorted(case.adds)
