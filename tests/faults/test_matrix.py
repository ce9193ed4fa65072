"""The table of faults: each of them as a process on each store, in words and as JSON."""

import re
import shutil
import signal
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.cli import contract
from tests.cli.expect import EXITS, assert_document, assert_words
from tests.cli.tampering import path_of
from tests.cli.test_contract import faults as faults_of
from tests.cli.test_contract import read
from tests.cli.test_text import UNSAFE
from tests.faults.ground import Ground
from tests.faults.matrix import FAULTS, HELD_ELSEWHERE, LEFT_OUT, TITLES, Fault
from tests.support.forked import ForkServer
from tests.support.postgres import PostgresServer
from tests.support.program import Ran, finished
from tests.support.stores import Store

ROOT = Path(__file__).parents[2]
SECRET = "secret"
"""What every password of the table is."""


@pytest.fixture(scope="module")
def grounds(
    tmp_path_factory: pytest.TempPathFactory,
    postgres: PostgresServer,
    fork_server: ForkServer,
) -> Any:
    """A store of each kind with three tasks, for all faults that leave it as it is."""
    folder = tmp_path_factory.mktemp("matrix")
    name = postgres.create_database()
    grounds = {
        "sqlite": Ground(
            Store("sqlite", f"sqlite:///{folder / 'store.db'}"),
            folder,
            folder,
            None,
            fork_server.launch,
        ),
        "postgresql": Ground(
            Store("postgresql", postgres.url(name)),
            folder,
            folder,
            postgres,
            fork_server.launch,
        ),
    }
    for ground in grounds.values():
        lines = "".join(f"{title}\n" for title in TITLES).encode()
        assert ground.process("add", "-", stdin=lines).status == 0
    yield grounds
    postgres.drop_database(name)


@pytest.fixture
def copy(
    grounds: dict[str, Ground], tmp_path: Path
) -> Iterator[Callable[[str], Ground]]:
    """A store of a kind to damage."""
    with ExitStack() as stack:

        def make(kind: str) -> Ground:
            whole = grounds[kind]
            if whole.server is None:
                shutil.copy(path_of(whole.store), tmp_path / "store.db")
                return whole.at(f"sqlite:///{tmp_path / 'store.db'}")
            whole.rest()
            name = whole.server.create_database(template=whole.database)
            stack.callback(whole.server.drop_database, name)
            return whole.at(whole.server.url(name))

        yield make


def number_of(fault: Fault) -> str:
    """What a test of a fault is called."""
    return f"{fault.row}-{fault.name.replace(' ', '-')}"


def rows_of(ground: Ground) -> Counter[tuple[Any, ...]]:
    """Everything that is stored, once nobody is at work any more."""
    ground.rest()
    return Counter(ground.fetch("SELECT * FROM {task}"))


def run(fault: Fault, ground: Ground, *options: str) -> Ran:
    """Run the command of a fault in its midst."""
    with fault.arrange(ground) as place:
        env = {**fault.env, "TODO_DATABASE_URL": place.url}
        words = [*options, *fault.command]
        stdout = subprocess.PIPE if place.stdout is None else place.stdout
        with ground.process.start(
            *words, user=fault.user, env=env, stdout=stdout, before=place.before
        ) as running:
            return finished(running, fault.stdin)


def assert_safe(ran: Ran) -> None:
    """What holds of whatever a run printed."""
    assert ran.status != 1, ran
    assert "Traceback" not in ran.out + ran.err, ran
    assert (
        UNSAFE.search((ran.out + ran.err).replace("\n", "").replace("\t", "")) is None
    ), ran
    assert SECRET not in ran.out + ran.err, ran
    assert len(ran.err.splitlines()) <= 2, ran


def assert_came_to(fault: Fault, ran: Ran, *, as_json: bool) -> None:
    """One end for each fault, told in words or in one document."""
    assert_safe(ran)
    match fault.comes_to:
        case "reader gone":
            assert ran == Ran(-signal.SIGPIPE, "", "")
        case "no stdout":
            assert_words(ran, status=EXITS["IO_ERROR"], names=fault.shows)
        case "done" if as_json:
            assert (ran.status, ran.err) == (0, ""), ran
            assert faults_of(read(contract.SUCCESS), ran.json) == []
        case "done":
            assert (ran.status, ran.err) == (0, ""), ran
            assert [text for text in fault.shows if text not in ran.out] == []
        case code if as_json:
            assert_document(ran, code=code, names=fault.shows)
            assert faults_of(read(contract.FAILURE), ran.json) == []
        case code:
            assert_words(ran, status=EXITS[code], names=fault.shows)


@pytest.mark.spec("002/FR-039")
@pytest.mark.spec("002/FR-045")
@pytest.mark.spec("002/FR-049")
@pytest.mark.parametrize("as_json", [False, True], ids=["words", "json"])
@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        pytest.param(fault, kind, id=f"{number_of(fault)}-{kind}")
        for fault in FAULTS
        for kind in fault.stores
    ],
)
def test_fault_comes_to_one_end_and_changes_nothing_else(
    grounds: dict[str, Ground],
    copy: Callable[[str], Ground],
    fault: Fault,
    kind: str,
    as_json: bool,
) -> None:
    ground = copy(kind) if fault.is_damaging else grounds[kind]
    before = rows_of(ground)

    ran = run(fault, ground, *["--json"] * as_json)

    assert_came_to(fault, ran, as_json=as_json)
    if not fault.is_damaging:
        after = rows_of(ground)
        assert before <= after
        assert sorted(
            title
            for row in (after - before).elements()
            for title in row
            if title in fault.adds
        ) == sorted(fault.adds)


def test_every_row_of_the_table_is_held_or_left_out_for_a_reason() -> None:
    tried = {fault.row for fault in FAULTS}

    assert sorted(tried | set(HELD_ELSEWHERE) | set(LEFT_OUT)) == list(range(1, 57))
    assert (tried | set(HELD_ELSEWHERE)) & set(LEFT_OUT) == set()
    assert all(LEFT_OUT.values())


@pytest.mark.parametrize(
    "test", sorted({test for tests in HELD_ELSEWHERE.values() for test in tests})
)
def test_tests_that_hold_a_row_elsewhere_are_there(test: str) -> None:
    path, _, name = test.partition("::")

    assert re.search(
        rf"^(async )?def {name}\(",
        (ROOT / path).read_text(encoding="utf-8"),
        re.MULTILINE,
    )
