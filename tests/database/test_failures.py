"""Each fault of a driver becomes one error of ours; produced for real wherever a server
or a file can be made to.

Words are not asserted: only the kind of error, what a message or hint must name, and that
neither shows a password or a statement.
"""

import asyncio
import errno
import sqlite3
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
from sqlalchemy.exc import DBAPIError

from tests.database.conftest import opened
from tests.service.backdoor import file_of
from tests.support.postgres import PostgresCluster
from tests.support.servers import free_port
from tests.support.stores import Clock, Store
from todo_cli.database import connection, failures
from todo_cli.database.engine import Database, open_database
from todo_cli.database.url import PostgresTarget, SqliteTarget, parse_url
from todo_cli.errors import (
    AuthFailed,
    ConfigInvalid,
    Conflict,
    DatabaseBusy,
    DatabaseUnavailable,
    Forbidden,
    Internal,
    InvalidInput,
    IoFailed,
    SchemaMismatch,
    TimedOut,
    TlsFailed,
    TodoError,
)
from todo_cli.service import TaskService
from todo_cli.task import NewTask

PASSWORD = "CANARY-p\u00e4ss"
TARGET = PostgresTarget(
    hosts=(("db.example", 5432),),
    user="ada",
    password=PASSWORD,
    database="shop",
)
only_sqlite = pytest.mark.parametrize("store", ["sqlite"], indirect=True)


def of_server(state: str, message: str, **fields: str) -> BaseException:
    """The error that asyncpg makes of what a server sends."""
    sent = {"S": "ERROR", "C": state, "M": message, **fields}
    error: BaseException = asyncpg.PostgresError.new(sent)
    return error


def said(error: BaseException, target: Any = TARGET, **how: bool) -> TodoError:
    """Our error for a driver's; seen to show nothing secret, and to name the place."""
    ours = failures.translated(error, target, **how)
    shown = f"{ours.message} {ours.hint}"
    assert "CANARY" not in shown
    if type(ours) not in (Internal, Conflict):
        assert target.place in ours.message
    return ours


# PostgreSQL, by SQLSTATE and by message

STATES = {
    "08000": DatabaseUnavailable,
    "08006": DatabaseUnavailable,
    "08P01": ConfigInvalid,
    "0A000": ConfigInvalid,
    "22012": InvalidInput,
    "23502": InvalidInput,
    "23505": Conflict,
    "23514": InvalidInput,
    "25006": Forbidden,
    "28000": AuthFailed,
    "28P01": AuthFailed,
    "3D000": ConfigInvalid,
    "3F000": SchemaMismatch,
    "40001": DatabaseBusy,
    "40P01": DatabaseBusy,
    "42501": Forbidden,
    "42601": ConfigInvalid,
    "42703": SchemaMismatch,
    "42704": ConfigInvalid,
    "42P01": SchemaMismatch,
    "53000": DatabaseUnavailable,
    "53100": IoFailed,
    "53200": DatabaseUnavailable,
    "53300": DatabaseBusy,
    "55000": SchemaMismatch,
    "55P03": DatabaseBusy,
    "57014": TimedOut,
    "57P01": DatabaseUnavailable,
    "57P03": DatabaseUnavailable,
    "58030": IoFailed,
    "P0001": Conflict,
    "XX000": DatabaseUnavailable,
    "XX001": IoFailed,
    failures.STRANGERS_STATE: SchemaMismatch,
}


def test_each_sqlstate_becomes_one_error() -> None:
    found = {
        state: said(of_server(state, "it went wrong")) for state in STATES
    }

    assert {state: type(error) for state, error in found.items()} == STATES
    for state in ("22012", "23502", "23514", "58030", "P0001", "XX001"):
        assert state in found[state].message


def test_a_setting_that_the_server_refuses_while_connecting_is_config() -> (
    None
):
    for state in ("22023", "22021", "42704"):
        error = said(of_server(state, "it went wrong"), connecting=True)
        assert type(error) is ConfigInvalid, state
    error = said(of_server("42501", "it went wrong"), connecting=True)
    assert type(error) is Forbidden


def test_errors_that_sqlalchemy_wraps_are_the_same() -> None:
    """Alembic runs the migrations on SQLAlchemy."""
    for state, kind in STATES.items():
        bare = of_server(state, "it went wrong")
        wrapped = DBAPIError("SELECT 'CANARY'", None, bare)
        assert type(said(wrapped)) is kind
        assert failures.sqlstate(wrapped) == state
        assert failures.is_of_driver(wrapped)


def test_what_the_server_says_is_not_repeated() -> None:
    for state in STATES.keys() - {failures.STRANGERS_STATE}:
        assert "secret" not in said(of_server(state, "secret")).message


NEON = {
    "password authentication failed for user 'neondb_owner'": AuthFailed,
    "This IP address 203.0.113.7 is not allowed to connect to this endpoint.": AuthFailed,
    'database "shop" does not exist': ConfigInvalid,
    "Your account or project has exceeded the compute time quota.": ConfigInvalid,
    "Your project has exceeded the data transfer quota. Upgrade your plan": ConfigInvalid,
    "Control plane request failed: endpoint is temporarily unavailable. "
    "Check your quotas and/or contact support": ConfigInvalid,
    "Control plane request failed: endpoint is disabled": ConfigInvalid,
    "Control plane request failed: endpoint cannot be found": ConfigInvalid,
    "Endpoint ID is not specified. Either please upgrade the client": ConfigInvalid,
    "Inconsistent project name inferred from SNI ('a') and option ('b').": ConfigInvalid,
    "connection is insecure (try using `sslmode=require`)": ConfigInvalid,
    "unsupported startup parameter in options: search_path": ConfigInvalid,
    "something that Neon has not said yet": DatabaseUnavailable,
}
WAKING = [
    "Couldn't connect to compute node",
    "Control plane request failed",
    "Failed to acquire permit to connect to the database.",
    "Too many connections attempts",
    "Too many connections to this endpoint. Please try again later.",
]
POOLER = {
    "no such database: shop": ConfigInvalid,
    "unsupported startup parameter: search_path": ConfigInvalid,
    "unsupported startup parameter in options: geqo": ConfigInvalid,
    "SASL authentication failed": AuthFailed,
    "no such user: ada": AuthFailed,
    "password authentication failed": AuthFailed,
    "something that PgBouncer has not said yet": ConfigInvalid,
}


def test_each_message_of_neons_proxy_becomes_one_error() -> None:
    kinds = NEON | dict.fromkeys(WAKING, DatabaseUnavailable)
    found = {
        text: said(of_server("XX000", text), connecting=True) for text in kinds
    }

    assert {text: type(error) for text, error in found.items()} == kinds
    assert all(error.hint for error in found.values())


def test_each_message_of_pgbouncer_becomes_one_error() -> None:
    found = {text: said(of_server("08P01", text)) for text in POOLER}

    assert {text: type(error) for text, error in found.items()} == POOLER
    assert all(error.hint for error in found.values())


def test_can_pass_only_what_passes_by_itself() -> None:
    passing = [of_server("XX000", text) for text in WAKING]
    passing += [of_server(state, "") for state in ("57P03", "53300", "08006")]
    passing += [ConnectionResetError(), OSError(errno.EHOSTUNREACH, "")]
    lasting = [of_server("XX000", text) for text in NEON]
    lasting += [of_server("28P01", ""), DatabaseUnavailable("in our words")]
    lasting += [TimeoutError(), ConnectionError("rejected SSL upgrade")]

    assert [error for error in passing if not failures.can_pass(error)] == []
    assert [error for error in lasting if failures.can_pass(error)] == []


def test_hints_name_what_helps() -> None:
    hints = {
        "`todo db upgrade --sql`": of_server("42501", ""),
        "--user": of_server("42501", "", R="ExecWithCheckOptions"),
        "`row_security`": of_server("42501", "", R="check_enable_rls"),
        "SECURITY.md": of_server(failures.STRANGERS_STATE, "eve"),
        "TODO_TIMEOUT": TimeoutError(),
        "sslrootcert": ConnectionError("rejected SSL upgrade"),
        "`sslmode=require`": of_server("XX000", "connection is insecure"),
        "`options`": of_server("08P01", "unsupported startup parameter"),
    }

    for name, error in hints.items():
        assert name in (said(error).hint or ""), name
    assert "`eve`" in said(hints["SECURITY.md"]).message
    # Not the login's name: the role may be another one, by SET ROLE.
    assert "ada" not in said(hints["--user"]).message
    assert type(said(hints["sslrootcert"])) is TlsFailed


def test_translated_leaves_our_own_errors_alone() -> None:
    error = DatabaseBusy("The tasks keep changing")

    assert failures.translated(error, TARGET) is error


def test_what_no_driver_raised_is_a_bug() -> None:
    unknown = DBAPIError(None, None, ValueError("CANARY"))

    assert type(said(unknown)) is Internal
    assert not failures.is_of_driver(ValueError())
    assert failures.is_of_driver(asyncpg.InterfaceError(""))
    assert failures.is_of_driver(sqlite3.OperationalError())


def test_is_cut_knows_a_lost_connection() -> None:
    cut = [TimeoutError(), ConnectionResetError(), of_server("57P01", "")]
    cut += [
        of_server("08003", ""),
        asyncpg.InterfaceError("connection is closed"),
    ]
    whole = [
        of_server("57014", ""),
        of_server("40001", ""),
        asyncpg.InterfaceError("x"),
    ]

    for state, kind in {"57P01": cut, "XX000": cut, "25P04": whole}.items():
        lost = asyncpg.ConnectionDoesNotExistError("in the middle")
        # What the server said before it hung up.
        lost.__cause__ = of_server(state, "")
        kind.append(lost)
    cut.append(
        DBAPIError(None, None, ValueError(), connection_invalidated=True)
    )
    assert [error for error in cut if not failures.is_cut(error)] == []
    assert [error for error in whole if failures.is_cut(error)] == []


def test_causes_ends_where_errors_lead_back_to_themselves() -> None:
    first, second = ValueError("first"), KeyError("second")
    first.__cause__, second.__cause__ = second, first

    assert list(failures.causes(first)) == [first, second]


# PostgreSQL, for real


@pytest.fixture
def role(own_postgres: PostgresCluster) -> Iterator[str]:
    """A role that may log in and owns nothing."""
    name = f"role_{uuid4().hex[:8]}"
    own_postgres.run_sql(
        "postgres", f"CREATE ROLE {name} LOGIN PASSWORD '{PASSWORD}'"
    )
    yield name
    own_postgres.run_sql("postgres", f"DROP OWNED BY {name}; DROP ROLE {name}")


async def refusal(url: str, timeout_s: float = 15.0) -> TodoError:
    """The error that answers an attempt to connect."""
    target = parse_url(url, cwd=Path("/"))
    assert isinstance(target, PostgresTarget)
    with pytest.raises(TodoError) as caught:
        await connection.connect(target, timeout_s=timeout_s)
    assert PASSWORD not in f"{caught.value.message} {caught.value.hint}"
    assert target.place in caught.value.message
    return caught.value


@pytest.mark.spec("002/FR-072")
async def test_a_connection_that_cannot_be_made_says_why(
    own_postgres: PostgresCluster, place: str, role: str
) -> None:
    closed = own_postgres.create_database()
    own_postgres.run_sql(
        "postgres", f'REVOKE CONNECT ON DATABASE "{closed}" FROM PUBLIC'
    )
    at = f"127.0.0.1:{own_postgres.port}"
    kinds: dict[str, type[TodoError]] = {
        f"postgresql://ada:{PASSWORD}@127.0.0.1:{free_port()}/shop": DatabaseUnavailable,
        f"postgresql://ada:{PASSWORD}@nosuch.invalid/shop": DatabaseUnavailable,
        f"postgresql://{role}:wrong@{at}/{place}": AuthFailed,
        f"postgresql://{role}@{at}/{place}": AuthFailed,
        f"postgresql://nobody_knows:x@{at}/{place}": AuthFailed,
        own_postgres.url("no_such_database"): ConfigInvalid,
        f"{own_postgres.url(place)}?options=-c%20work_mem%3Dbanana": ConfigInvalid,
        f"{own_postgres.url(place)}?options=-c%20no_such_setting%3D1": ConfigInvalid,
        f"{own_postgres.url(place)}?options=-c%20role%3Dnobody_knows": ConfigInvalid,
        own_postgres.url(closed, user=role, password=PASSWORD): Forbidden,
    }

    found = {url: type(await refusal(url)) for url in kinds}

    own_postgres.drop_database(closed)
    assert found == kinds


async def test_a_connection_that_becomes_free_is_waited_for(
    own_postgres: PostgresCluster, place: str, role: str
) -> None:
    own_postgres.run_sql("postgres", f"ALTER ROLE {role} CONNECTION LIMIT 1")
    url = own_postgres.url(place, user=role, password=PASSWORD)
    first = await asyncpg.connect(url)

    assert type(await refusal(url, timeout_s=1.0)) is DatabaseBusy
    asyncio.get_running_loop().call_later(0.3, first.terminate)
    async with opened(url) as database:
        await database.ping()


@pytest.mark.parametrize("is_made", [False, True], ids=["absent", "made"])
async def test_a_read_only_database_is_forbidden_to_write(
    own_postgres: PostgresCluster, place: str, clock: Clock, is_made: bool
) -> None:
    if is_made:
        async with opened(own_postgres.url(place)) as database:
            await TaskService(database, "ada", clock).add(NewTask(title="a"))
    own_postgres.run_sql(
        "postgres",
        f'ALTER DATABASE "{place}" SET default_transaction_read_only = on',
    )

    async with opened(own_postgres.url(place)) as database:
        tasks = TaskService(database, "ada", clock)
        for call in (
            tasks.add(NewTask(title="b")),
            tasks.add_all([NewTask(title="c")]),
        ):
            with pytest.raises(Forbidden):
                await call
        assert len((await tasks.list()).tasks) == is_made


# SQLite, for real


def raised(file: sqlite3.Connection, statement: str) -> BaseException:
    """The error that answers a statement."""
    with pytest.raises(sqlite3.Error) as caught:
        file.execute(statement).fetchall()
    return caught.value


@pytest.fixture
def target(tmp_path: Path) -> SqliteTarget:
    """A file with the table `kept` and one row in it."""
    path = tmp_path / "store.db"
    with closing(sqlite3.connect(path)) as file, file:
        file.execute(
            "CREATE TABLE kept (n INTEGER PRIMARY KEY CHECK (n > 0), t TEXT)"
        )
        file.execute("INSERT INTO kept VALUES (1, CAST(x'61ff62' AS TEXT))")
    return SqliteTarget(path)


def test_each_error_of_sqlite_becomes_one_error(target: SqliteTarget) -> None:
    kinds: dict[str, type[TodoError]] = {
        "INSERT INTO kept VALUES (1, '')": Conflict,
        "INSERT INTO kept VALUES (0, '')": InvalidInput,  # a CHECK
        "INSERT INTO kept VALUES (2, zeroblob(100000))": IoFailed,  # a full disk
        "SELECT n FROM gone": SchemaMismatch,
        "SELECT gone FROM kept": SchemaMismatch,
        "INSERT INTO kept (gone) VALUES (1)": SchemaMismatch,
        "SELECT t FROM kept": failures.Damaged,  # not UTF-8
        "SELEKT 1": Internal,
        # As a trigger of another program can do.
        "SELECT abs(-9223372036854775808)": SchemaMismatch,
        "SELECT nowhere(1)": SchemaMismatch,
    }
    with closing(sqlite3.connect(target.path)) as file:
        file.execute("PRAGMA max_page_count = 2")
        found = {text: raised(file, text) for text in kinds}
        file.execute("PRAGMA query_only = 1")
        read_only = raised(file, "DELETE FROM kept")

    ours = {text: said(error, target) for text, error in found.items()}
    assert {text: type(error) for text, error in ours.items()} == kinds
    assert type(said(read_only, target)) is IoFailed
    assert "(SQLITE_READONLY)" in said(read_only, target).message
    assert failures.is_absent(found["SELECT n FROM gone"])
    assert not failures.is_absent(found["SELEKT 1"])
    assert "`todo db import" in (ours["SELECT t FROM kept"].hint or "")


def test_a_locked_file_is_busy(target: SqliteTarget) -> None:
    with (
        closing(sqlite3.connect(target.path, isolation_level=None)) as other,
        closing(sqlite3.connect(target.path, timeout=0)) as file,
    ):
        other.execute("BEGIN IMMEDIATE")
        error = raised(file, "DELETE FROM kept")

    assert failures.is_busy(error)
    assert type(said(error, target)) is DatabaseBusy


def test_errors_of_the_disk_outside_sqlite_name_the_file(
    tmp_path: Path,
) -> None:
    target = SqliteTarget(tmp_path / "todo.db")

    for number in (errno.EIO, errno.ENOSPC, errno.EDQUOT):
        assert isinstance(said(OSError(number, "no"), target), IoFailed)
    other = FileNotFoundError(errno.ENOENT, "no", "/other")
    assert failures.translated(other, target).message == "/other: no"


@pytest.mark.spec("002/FR-077")
def test_a_folder_in_the_place_of_the_log_is_an_io_error(
    target: SqliteTarget,
) -> None:
    with closing(sqlite3.connect(target.path)) as file:
        file.execute("PRAGMA journal_mode = WAL")
    target.path.with_name("store.db-wal").mkdir()

    with closing(sqlite3.connect(target.path)) as file:
        error = raised(file, "SELECT n FROM kept")

    assert isinstance(said(error, target), IoFailed)


PRIMARY = {
    "ERROR": SchemaMismatch,
    "INTERNAL": Internal,
    "PERM": IoFailed,
    "ABORT": DatabaseBusy,
    "BUSY": DatabaseBusy,
    "LOCKED": DatabaseBusy,
    "NOMEM": IoFailed,
    "READONLY": IoFailed,
    "INTERRUPT": DatabaseBusy,
    "IOERR": IoFailed,
    "CORRUPT": IoFailed,
    "NOTFOUND": IoFailed,
    "FULL": IoFailed,
    "CANTOPEN": IoFailed,
    "PROTOCOL": DatabaseBusy,
    "EMPTY": Internal,  # no SQLite of today says so
    "SCHEMA": DatabaseBusy,
    "TOOBIG": SchemaMismatch,
    "CONSTRAINT": Conflict,
    "MISMATCH": SchemaMismatch,
    "MISUSE": Internal,
    "NOLFS": IoFailed,
    "AUTH": SchemaMismatch,
    "FORMAT": IoFailed,
    "RANGE": Internal,
    "NOTADB": IoFailed,
}
"""Each primary code of SQLite, in the order of its numbers, from 1 on."""
OTHERWISE = {
    "SQLITE_READONLY_DBMOVED": DatabaseBusy,
    "SQLITE_CONSTRAINT_CHECK": InvalidInput,
    "SQLITE_CONSTRAINT_DATATYPE": InvalidInput,
    "SQLITE_CONSTRAINT_NOTNULL": InvalidInput,
}
LATER = ("unknown", None)
"""What Python calls a code that came with a later SQLite."""


def of_sqlite(code: int, name: str | None) -> sqlite3.Error:
    """An error as sqlite3 raises it."""
    error = sqlite3.OperationalError("it went wrong")
    error.sqlite_errorcode = code
    if name is not None:
        error.sqlite_errorname = name
    return error


@pytest.mark.spec("002/FR-144")
def test_each_code_of_sqlite_becomes_one_error(target: SqliteTarget) -> None:
    codes = [
        (number, f"SQLITE_{name}", kind)
        for number, (name, kind) in enumerate(PRIMARY.items(), start=1)
    ]
    for number, name, kind in codes:
        assert getattr(sqlite3, name) == number
        extended = [
            each for each in dir(sqlite3) if each.startswith(f"{name}_")
        ]
        for known in [name, *extended]:
            code = getattr(sqlite3, known)
            error = said(of_sqlite(code, known), target)
            right = OTHERWISE.get(known, kind)
            assert isinstance(error, right), known
        for later in LATER:
            for code in (number, number | 99 << 8):
                error = said(of_sqlite(code, later), target)
                assert isinstance(error, kind), (name, later)
    assert type(said(of_sqlite(200, "unknown"), target)) is Internal
    assert type(said(sqlite3.ProgrammingError(), target)) is Internal


@pytest.mark.spec("002/FR-144")
def test_what_a_trigger_of_another_program_does_is_no_bug(
    target: SqliteTarget,
) -> None:
    bodies = {
        "SELECT RAISE(ABORT, 'no')": Conflict,
        "SELECT RAISE(ROLLBACK, 'no')": Conflict,
        "INSERT INTO kept VALUES (NULL, zeroblob(2000000000))": SchemaMismatch,
        "INSERT INTO kept VALUES ('x', '')": SchemaMismatch,
        "INSERT INTO gone VALUES (1)": SchemaMismatch,
        "SELECT json('{')": SchemaMismatch,
        'SELECT "syntax error"(1)': SchemaMismatch,
    }
    for body, kind in bodies.items():
        with closing(sqlite3.connect(target.path)) as file, file:
            file.execute("DROP TRIGGER IF EXISTS foreign_one")
            file.execute(
                "CREATE TRIGGER foreign_one AFTER INSERT ON kept "
                f"BEGIN {body}; END"
            )
            error = raised(file, "INSERT INTO kept VALUES (9, 'x')")
        assert isinstance(said(error, target), kind), body


CONTENTS = {
    "text": b"not a database, " * 100,
    "short text": b"short",
    "a header and rubbish": b"SQLite format 3\x00" + b"\xff" * 5_000,
    "a newer format": b"SQLite format 3\x00\x10\x00\x09\x09" + b"\x00" * 4_080,
}


@only_sqlite
@pytest.mark.spec("002/FR-077")
@pytest.mark.parametrize("content", CONTENTS.values(), ids=CONTENTS.keys())
async def test_a_file_that_is_no_database_is_an_io_error_and_stays(
    store: Store, database: Database, tasks: TaskService, content: bytes
) -> None:
    file_of(store).write_bytes(content)
    calls: list[Callable[[], Awaitable[object]]] = [
        tasks.list,
        lambda: tasks.add(NewTask(title="a")),
        database.upgrade,
    ]

    for call in calls:
        with pytest.raises(IoFailed) as caught:
            await call()
        hint = caught.value.hint or ""
        assert {"store.db", "store.db-wal", "store.db-shm"} <= set(
            hint.replace(",", " ").split()
        )
        assert ("TODO_DATABASE_URL" in hint) is (
            "SQLite database" in str(caught.value)
        )
    assert file_of(store).read_bytes() == content


@pytest.mark.parametrize(
    "name", ["100% a?mode=ro#b", "\u0645\u06cc", "\udcff", "a'\n"]
)
async def test_a_file_may_have_any_name(
    tmp_path: Path, clock: Clock, name: str
) -> None:
    target = SqliteTarget(tmp_path / name / f"{name}.db")
    async with open_database(target) as database:
        await TaskService(database, "ada", clock).add(NewTask(title="a"))

    assert [path.name for path in (tmp_path / name).iterdir()] == [
        f"{name}.db"
    ]


def test_our_keys_in_a_file_are_taken() -> None:
    with closing(sqlite3.connect(":memory:")) as file:
        file.execute("CREATE TABLE task (id TEXT PRIMARY KEY)")
        file.execute("INSERT INTO task VALUES ('a')")
        with pytest.raises(sqlite3.IntegrityError) as raised:
            file.execute("INSERT INTO task VALUES ('a')")

    found = failures.translated(raised.value, SqliteTarget(Path("/x/todo.db")))

    assert type(found) is Conflict
    assert found.message == "The id or the number is taken"
