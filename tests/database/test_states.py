"""What a server says, by SQLSTATE: a code of ours each, whoever raised it and where.

A database may have triggers, rules and policies that its owner wrote, and these may
raise any SQLSTATE; so may extensions, foreign tables and proxies.
"""

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any, Final

import asyncpg
import pytest
from asyncpg import exceptions

from tests.service.backdoor import run_sql
from tests.support.postgres import PostgresServer
from tests.support.size import size
from tests.support.stores import Clock, Store, make
from todo_cli.database.engine import open_database
from todo_cli.errors import Code, Conflict, TodoError
from todo_cli.service import TaskService
from todo_cli.task import NewTask, TaskChange

# Those of PostgreSQL's appendix A, as the driver lists them, and others that an
# extension or a trigger could raise.
STATES: Final = sorted(
    {
        state
        for kind in vars(exceptions).values()
        if re.fullmatch(
            "[0-9A-Z]{5}", state := str(getattr(kind, "sqlstate", None))
        )
    }
    | {"25P04", "57P05", "CR000", "TS001", "U0001", "ZZ999", "99999", "55N00"}
)
CODES: Final[Mapping[str, Code]] = {
    "08": Code.OUTCOME_UNKNOWN,
    "0A": Code.CONFIG,
    "0L": Code.FORBIDDEN,
    "0P": Code.FORBIDDEN,
    "22": Code.INVALID_INPUT,
    "23502": Code.INVALID_INPUT,
    "23514": Code.INVALID_INPUT,
    "24": Code.CONFIG,
    "25": Code.CONFIG,
    "25006": Code.FORBIDDEN,
    "25P03": Code.TIMEOUT,
    "25P04": Code.TIMEOUT,
    "26": Code.CONFIG,
    "28": Code.AUTH_FAILED,
    "2B": Code.FORBIDDEN,
    "34": Code.CONFIG,
    "3D": Code.CONFIG,
    "3F": Code.SCHEMA,
    "40": Code.DATABASE_BUSY,
    "40002": Code.CONFLICT,
    "40003": Code.OUTCOME_UNKNOWN,
    "42": Code.CONFIG,
    "42501": Code.FORBIDDEN,
    "42703": Code.SCHEMA,
    "42P01": Code.SCHEMA,
    "44": Code.INVALID_INPUT,
    "53": Code.DATABASE_UNAVAILABLE,
    "53100": Code.IO_ERROR,
    "53300": Code.DATABASE_BUSY,
    "54": Code.CONFIG,
    "54000": Code.INVALID_INPUT,
    "55": Code.SCHEMA,
    "55006": Code.DATABASE_BUSY,
    "55P03": Code.DATABASE_BUSY,
    "57": Code.DATABASE_UNAVAILABLE,
    "57014": Code.TIMEOUT,
    "57P01": Code.OUTCOME_UNKNOWN,
    "57P02": Code.OUTCOME_UNKNOWN,
    "58": Code.IO_ERROR,
    "72": Code.DATABASE_BUSY,
    "F0": Code.DATABASE_UNAVAILABLE,
    "HV": Code.DATABASE_UNAVAILABLE,
    "XX": Code.IO_ERROR,
    "XX000": Code.DATABASE_UNAVAILABLE,
}
"""By SQLSTATE or its class, as a write ends; everything else is CONFLICT."""

REFUSING: Final = """
CREATE TABLE public.chosen (state text);
INSERT INTO public.chosen VALUES (NULL);
CREATE FUNCTION public.refuse() RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE state text := (SELECT chosen.state FROM public.chosen);
BEGIN
    IF state IS NOT NULL THEN
        RAISE EXCEPTION 'what the server says' USING ERRCODE = state;
    END IF;
    RETURN true;
END $$;
CREATE FUNCTION public.refuse_row() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM public.refuse();
    IF tg_op = 'DELETE' THEN RETURN old; END IF;
    RETURN new;
END $$;
"""
# AFTER: the row is written already, and has to go again.
TRIGGER: Final = """
CREATE TRIGGER refusing AFTER INSERT OR UPDATE OR DELETE ON todo.task
    FOR EACH ROW EXECUTE FUNCTION public.refuse_row();
"""
VIEW: Final = """
ALTER TABLE todo.task RENAME TO kept;
CREATE VIEW todo.task AS SELECT * FROM todo.kept WHERE public.refuse();
"""
EVERYTHING: Final = "SELECT (SELECT array_agg(t::text) FROM todo.task t), (SELECT array_agg(c::text) FROM todo.counter c)"
Call = Callable[[TaskService], Awaitable[object]]
WRITES: Final[Mapping[str, Call]] = {
    "add": lambda tasks: tasks.add(NewTask(title="new")),
    "add_all": lambda tasks: tasks.add_all([NewTask(title="new")] * 2),
    "update": lambda tasks: tasks.update([1], TaskChange(title="other")),
    "delete": lambda tasks: tasks.delete([1]),
}
READS: Final[Mapping[str, Call]] = {
    "list": lambda tasks: tasks.list(),
    "find": lambda tasks: tasks.find([1, range(2, 9)]),
    "stats": lambda tasks: tasks.stats(),
}


@pytest.fixture
async def owner(
    empty_database: str, postgres: PostgresServer, clock: Clock
) -> AsyncIterator[asyncpg.Connection]:
    """The owner's connection to a database that may refuse, with two tasks of ada."""
    url = postgres.url(empty_database)
    async with open_database(Store("postgresql", url).target) as database:
        tasks = TaskService(database, "ada", clock)
        await tasks.add_all([NewTask(title="one"), NewTask(title="two")])
    connection = await asyncpg.connect(url)
    await connection.execute(REFUSING)
    yield connection
    await connection.close()


@pytest.fixture
async def refused(
    owner: asyncpg.Connection,
    empty_database: str,
    postgres: PostgresServer,
    clock: Clock,
) -> AsyncIterator[TaskService]:
    """The tasks of ada in that database; what is busy is hardly waited for."""
    store = Store("postgresql", postgres.url(empty_database))
    async with open_database(store.target, busy_for_s=0.001) as database:
        yield TaskService(database, "ada", clock)


def met_by(call: Call) -> list[str]:
    """The SQLSTATEs that a call meets: in the suite each write, and each read, meets
    others.
    """
    calls = list((WRITES if call in WRITES.values() else READS).values())
    first = size(calls.index(call), 0)
    return STATES[first :: size(len(calls), 1)]


async def codes(
    owner: asyncpg.Connection, tasks: TaskService, call: Call
) -> dict[str, Code]:
    """The code of each SQLSTATE; seen to leave everything as it was and to repeat
    nothing that the server said.
    """
    before = await owner.fetchrow(EVERYTHING)
    found = {}
    for state in met_by(call):
        await owner.execute("UPDATE public.chosen SET state = $1", state)
        with pytest.raises(TodoError) as caught:
            await call(tasks)
        found[state] = caught.value.code
        assert "what the server says" not in caught.value.message, state
    await owner.execute("UPDATE public.chosen SET state = NULL")
    assert await owner.fetchrow(EVERYTHING) == before
    return found


def code_of(state: str) -> Code:
    """The code that a write ends with."""
    return CODES.get(state) or CODES.get(state[:2]) or Code.CONFLICT


@pytest.mark.spec("002/FR-037")
@pytest.mark.parametrize("call", WRITES.values(), ids=WRITES.keys())
async def test_whatever_a_trigger_raises_is_no_bug_and_nothing_is_written(
    owner: asyncpg.Connection, refused: TaskService, call: Call
) -> None:
    """brianc/node-postgres#2475, PostgREST/postgrest#1511: SQLSTATEs that the program
    had not heard of.
    """
    await owner.execute(TRIGGER)

    found = await codes(owner, refused, call)

    assert len(STATES) > 260
    assert found == {state: code_of(state) for state in met_by(call)}


@pytest.mark.spec("002/FR-037")
@pytest.mark.parametrize("call", READS.values(), ids=READS.keys())
async def test_whatever_a_view_raises_is_no_bug(
    owner: asyncpg.Connection, refused: TaskService, call: Call
) -> None:
    await owner.execute(VIEW)

    found = await codes(owner, refused, call)

    # What became of a read does not matter: it can be repeated.
    reads = {Code.OUTCOME_UNKNOWN: Code.DATABASE_UNAVAILABLE}
    expected = {state: code_of(state) for state in STATES}
    expected = {
        state: reads.get(code, code) for state, code in expected.items()
    } | {"08P01": Code.CONFIG, "40003": Code.DATABASE_BUSY}
    assert found == {state: expected[state] for state in met_by(call)}


async def test_a_refusal_says_that_the_database_refuses(
    owner: asyncpg.Connection, refused: TaskService
) -> None:
    await owner.execute(
        """
        ALTER TABLE todo.task ADD CONSTRAINT short CHECK (length(title) < 5);
        CREATE UNIQUE INDEX only_once ON todo.task (title);
        CREATE TABLE public.known (title text PRIMARY KEY);
        INSERT INTO public.known VALUES ('one'), ('two'), ('a');
        ALTER TABLE todo.task ADD FOREIGN KEY (title) REFERENCES public.known;
        """
    )
    calls: dict[str, tuple[Call, Code]] = {
        "23514": (
            lambda tasks: tasks.add(NewTask(title="longer")),
            Code.INVALID_INPUT,
        ),
        "23505": (
            lambda tasks: tasks.update([1], TaskChange(title="two")),
            Code.CONFLICT,
        ),
        "23503": (
            lambda tasks: tasks.update([1], TaskChange(title="b")),
            Code.CONFLICT,
        ),
    }

    for state, (call, code) in calls.items():
        with pytest.raises(TodoError, match=f"refuses .*{state}") as caught:
            await call(refused)
        assert caught.value.code is code
        is_change = code is Code.CONFLICT
        assert ("nothing was changed" in caught.value.message) is is_change
    assert (await refused.get(1)).title == "one"


@pytest.mark.spec("002/FR-144")
@pytest.mark.parametrize("key", ["title", "user_id, lower(title)"])
async def test_a_unique_key_of_the_owner_is_not_taken_for_ours(
    store: Store, clock: Clock, key: str
) -> None:
    """The error had been about the id or the number, which were free."""
    async with open_database(store.target) as database:
        tasks = TaskService(database, "ada", clock)
        first = await tasks.add(NewTask(title="milk"))
        await tasks.add(NewTask(title="bread"))
        index = f"CREATE UNIQUE INDEX once ON todo.task ({key})"
        await run_sql(store, index)
        calls: list[Callable[[], Awaitable[object]]] = [
            lambda: tasks.add(NewTask(title="milk")),
            lambda: tasks.add_all([NewTask(title="milk")]),
            lambda: tasks.update([2], TaskChange(title="milk")),
        ]
        for call in calls:
            with pytest.raises(Conflict, match="refuses this") as caught:
                await call()
            assert "ask its owner" in (caught.value.hint or "")
        stored = (await tasks.list()).tasks
    assert [each.title for each in stored] == ["bread", "milk"]
    assert first.task in stored


async def test_a_mistake_of_ours_in_a_call_stays_a_bug(
    postgres_store: Store,
) -> None:
    """asyncpg's read-only warnings end as a TypeError, too."""
    no_sql: Any = 5
    await make(postgres_store)
    async with open_database(postgres_store.target) as database:
        with pytest.raises(TypeError):
            await database.look(lambda connection: connection.execute(no_sql))
        # A value of the wrong type is not taken for a changed column.
        with pytest.raises(TodoError) as caught:
            await database.look(
                lambda connection: connection.fetch("contents", user=5)
            )
        assert caught.value.code is Code.INVALID_INPUT
