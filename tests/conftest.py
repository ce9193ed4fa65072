"""Fixtures of all tests: a sealed environment, real stores, and the ways to run the program."""

import gc
import importlib
import os
import shutil
import socket
import sys
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Callable, Generator, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hypothesis
import pytest

from tests.support.blocking import wait_for
from tests.support.forked import ForkServer
from tests.support.hosts.sitecustomize import resolving
from tests.support.machine import NEEDS, TOOLS, link, needs_of
from tests.support.postgres import (
    PostgresCluster,
    PostgresServer,
    ReusedDatabase,
    find_with_trigrams,
    open_cluster,
    open_server,
)
from tests.support.program import (
    Process,
    PtyProcess,
    Surroundings,
    Todo,
    let_signals_through,
)
from tests.support.servers import swiftest_folder
from tests.support.size import size
from tests.support.stores import Clock, Store, make

if TYPE_CHECKING:
    from todo_cli.database.engine import Database
    from todo_cli.service import TaskService

# Whatever a machine is busy with: an example may take any time.
hypothesis.settings.register_profile(
    "any time",
    hypothesis.settings.default,
    deadline=None,
    max_examples=size(25, 100),
)
hypothesis.settings.load_profile("any time")

pytest_plugins = ["tests.support.site", "tests.support.desk"]

# Read before the environment is sealed.
EXTERNAL_POSTGRES = os.environ.get("TODO_TEST_DATABASE_URL")

SEALED_PREFIXES = ("TODO_", "XDG_", "PG", "LC_", "SSL_CERT_", "CLICOLOR")
SEALED_NAMES = (
    "CI",
    "DATABASE_URL",
    "NO_COLOR",
    "FORCE_COLOR",
    "TERM",
    "COLUMNS",
    "LINES",
    "LANG",
    "USER",
    "LOGNAME",
)


@dataclass(frozen=True, slots=True)
class Seal:
    """Where a test lives instead of the developer's own folders."""

    home: Path
    cwd: Path


def pytest_configure(config: pytest.Config) -> None:
    """Let signals end the programs under test wherever the tests run, also in a
    checkout that cannot be written.
    """
    let_signals_through()
    keep_bytecode()
    report_less(config)
    if (
        not os.access(config.rootpath, os.W_OK)
        and "HYPOTHESIS_STORAGE_DIRECTORY" not in os.environ
    ):
        folder = tempfile.mkdtemp(prefix="todo-hypothesis-")
        os.environ["HYPOTHESIS_STORAGE_DIRECTORY"] = (
            folder  # of the workers too
        )
        config.add_cleanup(lambda: shutil.rmtree(folder, ignore_errors=True))


def keep_bytecode() -> None:
    """Keep what is compiled, as Python does unless it is told otherwise.

    Else every worker, and every process of the program, would compile all of its
    modules: a tenth of the time of all tests.
    """
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    sys.dont_write_bytecode = False


def report_less(config: pytest.Config) -> None:
    """Have a worker say nothing about what passed before and after the call of a test.

    Else it sends three reports of each test, and nobody reads two of them, if not
    for `--durations` or `--junitxml`.
    """
    if config.option.durations is not None or config.option.xmlpath:
        return
    for plugin in config.pluginmanager.get_plugins():
        # xdist sends its source to a worker, so nobody else has the class.
        if type(plugin).__name__ == "WorkerInteractor":
            plugin.sendevent = partial(send_what_counts, plugin.sendevent)


def send_what_counts(
    send: Callable[..., None], name: str, **values: Any
) -> None:
    """Send an event of a worker, unless it reports a setup or teardown that passed."""
    report = values["data"] if name == "testreport" else {"when": "call"}
    if report["when"] == "call" or report["outcome"] != "passed":
        send(name, **values)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Run two tests a core, and one more: half of the time they wait for processes,
    servers and locks.
    """
    return min(2 * (os.cpu_count() or 1) + 1, 8)


@pytest.hookimpl(wrapper=True)
def pytest_collection(
    session: pytest.Session,
) -> Generator[None, object, object]:
    """Collect the tests without searches for garbage, a quarter of the time, and keep
    what is there by then out of every later search, garbage too: one search for it
    would take each worker a third of a second.
    """
    gc.disable()
    share_rewriting(session)
    result = yield
    gc.freeze()
    gc.set_threshold(
        10_000
    )  # a search for every 700 objects costs a 25th of the time
    gc.enable()
    return result


def share_rewriting(session: pytest.Session) -> None:
    """Share what a first run in a fresh clone does: pytest rewrites the assertions of
    each module and keeps them.
    """
    worker, workers = (
        os.environ.get("PYTEST_XDIST_WORKER"),
        os.environ.get("PYTEST_XDIST_WORKER_COUNT"),
    )
    if (
        worker
        and workers
        and session.config.args == session.config.getini("testpaths")
    ):
        modules = sorted(Path(__file__).parent.rglob("test_*.py"))
        for path in modules[int(worker.removeprefix("gw")) :: int(workers)]:
            with suppress(
                Exception
            ):  # collecting says better what is wrong with a module
                importlib.import_module(
                    ".".join(
                        path.relative_to(session.config.rootpath)
                        .with_suffix("")
                        .parts
                    )
                )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave out what needs something that this machine lacks."""
    for item in items:
        for name in needs_of(item):
            if not NEEDS[name].is_met():
                item.add_marker(
                    pytest.mark.skip(
                        reason=f"needs {name}; {NEEDS[name].remedy}"
                    )
                )
                break


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Name each test that the run left out, and why."""
    reports = terminalreporter.stats.get("skipped", [])
    left_out = Counter(
        (
            report.nodeid.partition("[")[0],
            report.longrepr[2].removeprefix("Skipped: "),
        )
        for report in reports
    )
    for (test, reason), cases in sorted(left_out.items()):
        terminalreporter.write_line(
            f"left out: {test}{f' ({cases} cases)' if cases > 1 else ''} ({reason})"
        )


@pytest.fixture(scope="session")
def sealed_folders() -> Iterator[Path]:
    """Where the sealed folders of all tests are; `mktemp` for each would read thousands
    of names again and again.
    """
    with tempfile.TemporaryDirectory(
        prefix="todo-sealed-", dir=swiftest_folder()
    ) as folder:
        yield Path(folder)


@pytest.fixture(scope="session")
def tools(sealed_folders: Path) -> Path:
    """Folders of programs: `every` of those that a test may always start, and one for
    each that a test may need.
    """
    folder = sealed_folders / "tools"
    link(folder / "every", TOOLS)
    for program in {need.program for need in NEEDS.values() if need.program}:
        link(folder / program, [program])
    return folder


@pytest.fixture(autouse=True)
def seal(
    request: pytest.FixtureRequest,
    sealed_folders: Path,
    tools: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Seal]:
    """Take the developer's settings, folders, programs, colours and databases out of
    every test's reach.
    """
    folder = Path(tempfile.mkdtemp(dir=sealed_folders))
    seal = Seal(folder / "home", folder / "work")
    seal.home.mkdir()
    seal.cwd.mkdir()
    for name in list(os.environ):
        if name.startswith(SEALED_PREFIXES) or name in SEALED_NAMES:
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(seal.home))
    # Else `todo warm` of the developer would run what the tests start.
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))
    programs = [
        "every",
        *filter(
            None, (NEEDS[name].program for name in needs_of(request.node))
        ),
    ]
    monkeypatch.setenv(
        "PATH", os.pathsep.join(str(tools / program) for program in programs)
    )
    yield seal
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def local_hosts(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Make host names mean 127.0.0.1, here and in every process started later:
    `local_hosts("ep-x.neon.tech")`.
    """

    def resolve(*names: str) -> None:
        monkeypatch.setattr(socket, "getaddrinfo", resolving(names))
        monkeypatch.setenv("PYTHON_HOSTS_OF_TESTS", ",".join(names))

    return resolve


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL for the session: the one of TODO_TEST_DATABASE_URL, else a server of our own."""
    server = open_server(EXTERNAL_POSTGRES)
    yield server
    server.close()


@pytest.fixture(scope="session")
def own_postgres(request: pytest.FixtureRequest) -> Iterator[PostgresCluster]:
    """A PostgreSQL that is ours alone, to restart it or to make roles in it."""
    if EXTERNAL_POSTGRES is None:
        server = request.getfixturevalue("postgres")
        assert isinstance(server, PostgresCluster)
        yield server
    else:
        cluster = open_cluster()
        yield cluster
        cluster.close()


@pytest.fixture(scope="session")
def trigrams_postgres() -> Iterator[PostgresCluster]:
    """A PostgreSQL that can have the extension pg_trgm; a test says `needs` first."""
    binaries = find_with_trigrams()
    assert binaries is not None
    cluster = PostgresCluster(binaries)
    yield cluster
    cluster.close()


@pytest.fixture(scope="session")
def shared_database(postgres: PostgresServer) -> ReusedDatabase:
    """The PostgreSQL database that one test after the other gets empty."""
    return ReusedDatabase(postgres)


@pytest.fixture(scope="session")
def made_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with empty tables, to copy."""
    path = tmp_path_factory.mktemp("made") / "store.db"
    wait_for(make(Store("sqlite", f"sqlite:///{path}")))
    return path


@pytest.fixture
def empty_database(postgres: PostgresServer) -> Iterator[str]:
    """The name of a brand-new PostgreSQL database of this test alone."""
    name = postgres.create_database()
    yield name
    postgres.drop_database(name)


@pytest.fixture
def is_made(request: pytest.FixtureRequest) -> bool:
    """Whether the store of a test is there already; `nothing_made` says that it is not."""
    return request.node.get_closest_marker("nothing_made") is None


@pytest.fixture
def postgres_store(shared_database: ReusedDatabase, is_made: bool) -> Store:
    """An empty store on PostgreSQL."""
    return shared_database.emptied(is_made=is_made)


@pytest.fixture
def sqlite_store(seal: Seal, made_file: Path, is_made: bool) -> Store:
    """An empty store on SQLite."""
    path = seal.cwd / "store.db"
    if is_made:
        shutil.copy(made_file, path)
    return Store("sqlite", f"sqlite:///{path}")


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest) -> Store:
    """An empty store, first on SQLite and then on PostgreSQL."""
    chosen = request.getfixturevalue(
        "sqlite_store" if request.param == "sqlite" else "postgres_store"
    )
    assert isinstance(chosen, Store)
    return chosen


@pytest.fixture
def clock() -> Clock:
    """A clock that the test moves."""
    return Clock()


@pytest.fixture
async def database(store: Store) -> "AsyncIterator[Database]":
    """The store, opened."""
    from todo_cli.database.engine import open_database

    async with open_database(store.target, timeout_s=15.0) as database:
        yield database


@pytest.fixture
def service(
    database: "Database", clock: Clock
) -> "Callable[..., TaskService]":
    """A task service for any user: `service("ada")`."""
    from todo_cli.service import TaskService

    def make(user: str, **options: bool) -> TaskService:
        return TaskService(database, user, clock, **options)

    return make


@pytest.fixture
def tasks(service: "Callable[[str], TaskService]") -> "TaskService":
    """The task service of ada."""
    return service("ada")


@pytest.fixture
def surroundings(seal: Seal, store: Store) -> Surroundings:
    """What a run of the program on the store starts from."""
    return Surroundings(seal.home, seal.cwd, store.url)


@pytest.fixture
def todo(surroundings: Surroundings, clock: Clock) -> Todo:
    """The program on the store, through its door in this process; for tests that are not async."""
    return Todo(surroundings, clock)


@pytest.fixture
def todo_embedded(seal: Seal, clock: Clock) -> Todo:
    """The program with no connection string, so on the embedded file in the sealed home."""
    return Todo(Surroundings(seal.home, seal.cwd, None), clock)


@pytest.fixture(scope="session")
def fork_server() -> ForkServer:
    """A process that has loaded everything, to fork the program from."""
    return ForkServer()


@pytest.fixture
def process(surroundings: Surroundings, fork_server: ForkServer) -> Process:
    """The program on the store, as a process with pipes, without an interpreter's start."""
    return Process(surroundings, fork_server.launch)


@pytest.fixture
def pty_process(
    surroundings: Surroundings, fork_server: ForkServer
) -> PtyProcess:
    """The program on the store, as a process in a terminal, without an interpreter's start."""
    return PtyProcess(surroundings, fork_server.launch)
