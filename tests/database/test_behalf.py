"""A setting that goes with a statement: in one packet, and for that statement alone."""

import asyncio
import struct
from collections.abc import AsyncIterator
from itertools import product
from typing import Any

import asyncpg
import pytest

from tests.support.stores import Store
from todo_cli.database.behalf import Behalf, Setting
from todo_cli.database.connection import Connection, connect
from todo_cli.database.startup import message
from todo_cli.database.url import PostgresTarget

SET = "SELECT set_config($1, $2, true)"
ADA = Setting(SET, "todo.user", "ada")
NOW = "SELECT current_setting('todo.user', true)"
BOTH = "SELECT $1::int, current_setting('todo.user', true)"


@pytest.fixture
async def connection(postgres_store: Store) -> AsyncIterator[Connection]:
    """A connection with a setting."""
    target = postgres_store.target
    assert isinstance(target, PostgresTarget)
    connection = await connect(target, timeout_s=10)
    connection.setting = ADA
    yield connection
    connection.terminate()


async def both(connection: Connection, number: int) -> list[object]:
    """A value, and what its statement sees."""
    [row] = await connection.fetch(BOTH, number)
    return list(row)


async def told(connection: Connection) -> object:
    """What a statement without a setting sees: nothing, or what was left."""
    kept, connection.setting = connection.setting, None
    try:
        return await connection.fetchval(
            "SELECT current_setting('todo.user', true)"
        )
    finally:
        connection.setting = kept


async def test_each_statement_has_the_setting_and_no_other(
    connection: Connection,
) -> None:
    for _ in range(3):
        assert await connection.fetchval(NOW) == "ada"
    for number in range(3):
        assert await both(connection, number) == [number, "ada"]
    connection.setting = Setting(SET, "todo.user", "Zoë O'Neil")
    assert await connection.fetchval(NOW) == "Zoë O'Neil"
    assert await told(connection) == ""


async def test_nothing_is_set_where_no_policy_goes_by_it(
    connection: Connection,
) -> None:
    connection.has_walls = False
    assert not await connection.fetchval(NOW)
    connection.has_walls = True
    assert await connection.fetchval(NOW) == "ada"


async def test_a_statement_that_is_run_many_times_has_it(
    connection: Connection,
) -> None:
    rows = await connection.fetchmany(
        BOTH, [[number] for number in range(2_000)]
    )

    assert {row[1] for row in rows} == {"ada"}
    assert len(rows) == 2_000


async def test_a_statement_with_a_name_has_it(connection: Connection) -> None:
    for number in range(15):
        await connection.keep(BOTH)
        assert await both(connection, number) == [number, "ada"]


async def test_a_statement_has_it_whose_types_must_be_asked_for(
    connection: Connection,
) -> None:
    [row] = await connection.fetch(f"{BOTH}, $2::int[]", 1, [2])

    assert list(row) == [1, "ada", [2]]


async def test_a_statement_has_it_that_is_described_while_a_name_is_dropped(
    connection: Connection,
) -> None:
    for _ in range(10):
        await connection.keep(BOTH)
    connection._kept[BOTH].until_s = 0
    await connection.keep(BOTH)

    assert await connection.fetchval(NOW) == "ada"


async def test_a_call_that_ends_before_its_statement_runs_leaves_nothing(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs: Any = asyncpg.Connection
    describe = theirs._get_statement

    async def interrupted(*args: Any, **options: Any) -> None:
        await describe(*args, **options)
        raise asyncio.CancelledError

    with monkeypatch.context() as patch:
        patch.setattr(theirs, "_get_statement", interrupted)
        with pytest.raises(asyncio.CancelledError):
            await connection.fetchval("SELECT 1")

    assert not await told(connection)


async def test_a_transaction_has_it_and_scripts_go_between(
    connection: Connection,
) -> None:
    await connection.execute("BEGIN")
    assert await connection.fetchval(NOW) == "ada"
    await connection.execute("SELECT 1; SELECT 2")
    assert await told(connection) == "ada"
    await connection.execute("ROLLBACK")
    assert await told(connection) == ""


async def test_a_value_that_cannot_be_sent_leaves_nothing_behind(
    connection: Connection,
) -> None:
    await connection.fetchrow(BOTH, 1)
    with pytest.raises(asyncpg.DataError):
        await connection.fetchrow(BOTH, "no number")
    assert await told(connection) == ""
    assert await connection.fetchval(NOW) == "ada"


@pytest.mark.parametrize(
    ("statement", "fault"),
    [
        ("SELECT nonsense($1, $2)", asyncpg.UndefinedFunctionError),
        ("SELECT ($1 || $2)::int", asyncpg.InvalidTextRepresentationError),
    ],
    ids=["parse", "run"],
)
async def test_a_setting_that_fails_is_the_error_of_the_statement(
    connection: Connection, statement: str, fault: type[Exception]
) -> None:
    connection.setting = Setting(statement, "a", "b")
    for _ in range(2):
        with pytest.raises(fault):
            await connection.fetchval("SELECT 1")
    connection.setting = ADA
    assert await connection.fetchval(NOW) == "ada"


async def test_a_statement_that_fails_takes_the_setting_with_it(
    connection: Connection,
) -> None:
    for statement in ("SELECT nonsense()", "SELECT 1/0", "SELECT 1/0"):
        with pytest.raises(asyncpg.PostgresError):
            await connection.fetchval(statement)
    assert await told(connection) == ""
    assert await connection.fetchval(NOW) == "ada"


async def test_a_statement_that_is_cancelled_takes_it_along(
    connection: Connection,
) -> None:
    with pytest.raises(TimeoutError):
        await connection.fetchval("SELECT pg_sleep(60)", timeout=0.1)
    assert await connection.fetchval(NOW) == "ada"
    assert await told(connection) == ""


async def test_a_notice_reaches_asyncpg(connection: Connection) -> None:
    said: list[str] = []
    connection.add_log_listener(lambda _, notice: said.append(notice.message))
    await connection.execute(
        "CREATE FUNCTION pg_temp.tell(text, text) RETURNS text LANGUAGE plpgsql"
        " AS $$BEGIN RAISE NOTICE 'hello'; RETURN $1; END$$"
    )
    connection.setting = Setting("SELECT pg_temp.tell($1, $2)", "a", "b")

    assert await connection.fetchval("SELECT 1") == 1

    await asyncio.sleep(0)
    assert said == ["hello"]


class Heard:
    """Stands in for a transport and for asyncpg's protocol."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.received: list[bytes] = []
        self.protocol: Any = self
        self.is_aborted = False
        self._transport: Any = self
        self._protocol: Any = self

    def write(self, data: bytes) -> None:
        self.sent.append(bytes(data))

    def get_protocol(self) -> Any:
        return self.protocol

    def set_protocol(self, protocol: Any) -> None:
        self.protocol = protocol

    def abort(self) -> None:
        self.is_aborted = True

    def data_received(self, data: bytes) -> None:
        self.received.append(data)


ANSWER = (
    message(b"1", b"")
    + message(b"2", b"")
    + message(b"D", struct.pack("!hi", 1, 3) + b"ada")
    + message(b"C", b"SELECT 1\0")
)


def test_an_answer_in_any_pieces_is_taken_away() -> None:
    said = message(b"N", b"\0")
    theirs = message(b"1", b"") + message(b"Z", b"I")
    longest = len(ANSWER + said + theirs)
    for size, notice in product(range(1, longest + 1), (b"", said)):
        answer = ANSWER[:5] + notice + ANSWER[5:] + theirs
        heard = Heard()
        behalf = Behalf(heard)
        behalf.precede(ADA)
        heard.write(b"P")
        for start in range(0, len(answer), size):
            heard.protocol.data_received(answer[start : start + size])

        assert b"".join(heard.received) == notice + theirs
        assert heard.protocol is heard
        assert len(heard.sent) == 1


def test_what_no_server_sends_cuts_the_connection() -> None:
    heard = Heard()
    behalf = Behalf(heard)
    behalf.precede(ADA)
    heard.write(b"B")

    heard.protocol.data_received(b"1\0\0\0\0")

    assert heard.is_aborted
    assert heard.received == []


def test_a_script_goes_without_it() -> None:
    heard = Heard()
    behalf = Behalf(heard)
    behalf.precede(ADA)

    heard.write(b"Q1")
    heard.write(b"P1")

    assert heard.sent == [b"Q1", b"P1"]
    assert heard.protocol is heard


def test_the_setting_comes_before_what_another_puts_before_a_request() -> None:
    heard = Heard()
    plain = heard.write

    def ask_first(data: bytes) -> None:
        plain(b"question")
        plain(data)

    vars(heard)["write"] = ask_first
    behalf = Behalf(heard)
    behalf.precede(ADA)
    behalf.precede(ADA)

    heard.write(b"P1")
    heard.write(b"P2")

    first, *others = heard.sent
    assert b"set_config" in first
    assert others == [b"question", b"P1", b"question", b"P2"]
