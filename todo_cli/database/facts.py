"""Collect what `todo doctor` reports about a store.

Nothing is changed. Each statement is asked by itself: if one fails, its values
are None and a warning says why, and the other values are still shown. They are
worth most when something is broken. Only what no command can do without raises
an error: the connection, the version of the schema, and the user's tasks.

The cost is bounded, so that doctor answers on a large store as well: some
twenty round trips, and the limits below.

To add a value: its query in `queries.py`, a call of `Facts.ask` here or in
`server_facts.py` or `file_facts.py`, its label in `cli/doctor.py`, and its type
in `tests/cli/contract.py`.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from todo_cli.database import (
    failures,
    file_facts,
    schema,
    search,
    server_facts,
)
from todo_cli.database.engine import Database
from todo_cli.database.run import Connection, Row, Statement
from todo_cli.database.schema import Fit, State
from todo_cli.database.url import PostgresTarget, SqliteTarget, Target
from todo_cli.errors import NoStore

Take = Callable[[list[Row]], None]
"""Adds values from the rows of a statement."""

_EARLIEST: Final = datetime(1900, 1, 1, tzinfo=UTC)
_TOO_LATE: Final = datetime(9999, 1, 1, tzinfo=UTC)
_NAMED_UP_TO: Final = 20
"""How many users or numbers are named at most."""
_USERS_UP_TO: Final = 10_000
"""How many users are compared with their counters at most.

That takes 0.1 s.
"""
_ROWS_UP_TO: Final = 20_000
"""How many of the user's tasks are checked at most.

That takes 0.3 s on SQLite, where each row is a call of a Python function.
"""


_ABSENT: Final = {
    "schema": "absent",
    "tasks": 0,
    "valid_tokens": 0,
    "expired_tokens": 0,
}
"""What is found where there are no tables yet."""
_NEXT: Final[Mapping[str, str]] = {
    "counters_behind": "the next task that a user adds",
    "operations_behind": "the next change by a user",
}
"""What puts a counter right, by the finding."""


class Findings:
    """What was found so far, in display order.

    A name is a key of the JSON document. It keeps its meaning and its type, and
    its value may be None.
    """

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}
        """Values by name; None where there is none."""
        self.warnings: dict[str, str] = {}
        """By the name of the value: what is wrong with it, and what to do."""

    def add(self, name: str, value: Any, warning: str | None = None) -> None:
        """Note a value, perhaps with a warning; replace an earlier one."""
        self.values[name] = value
        self.warnings.pop(name, None)
        if warning is not None:
            self.warnings[name] = warning

    def add_all(self, values: Mapping[str, Any]) -> None:
        """Note several values without a warning."""
        for name, value in values.items():
            self.add(name, value)


class Facts(Findings):
    """Findings about a store."""

    def __init__(self, target: Target) -> None:
        super().__init__()
        self._target = target

    def add_unreadable(self, names: Sequence[str], error: Exception) -> None:
        """Note why values could not be read."""
        reason = failures.translated(error, self._target).message
        for name in names:
            self.add(name, None, f"could not be read: {reason}")

    async def ask(
        self,
        connection: Connection,
        names: Sequence[str],
        statement: str | Statement,
        take: Take,
        **values: Any,
    ) -> None:
        """Fetch rows for the values with these names; `take` adds them.

        If that fails, note it for each name. A lost connection and a lock are
        raised, so that the whole call is repeated; so is damage, because a
        damaged file cannot be used.
        """
        try:
            rows = await connection.fetch(statement, **values)
        except Exception as error:
            can_repeat = failures.is_cut(error) or failures.is_busy(error)
            is_damage = failures.is_damage(error)
            if can_repeat or is_damage or not failures.is_of_driver(error):
                raise
            self.add_unreadable(names, error)
        else:
            take(rows)


async def gather(
    facts: Facts,
    database: Database,
    user: str | None,
    now: Callable[[], datetime],
    clock_s: Callable[[], float],
) -> None:
    """Query the store and add the answers to `facts`, in display order.

    Without a `user` nobody's tasks are looked at. `now` returns the time in
    UTC, to compare it with the server's clock.
    `clock_s` is a monotonic clock in seconds. Answers before a failure stay in
    `facts`.

    Raises:
        TodoError: the store cannot be reached or used.
    """
    target = database.target
    if isinstance(target, SqliteTarget):
        # Before SQLite opens the file and makes files beside it.
        file_facts.add_of_disk(facts, target.path)
    facts.add("reachable", False)

    async def ask(connection: Connection) -> None:
        facts.add("reachable", True)
        if user is not None:
            connection.claim(schema.USER_SETTING, user)
        if isinstance(target, PostgresTarget):
            await server_facts.add(facts, connection, target, now, clock_s)
            server_facts.refuse_encoding(connection, target)
        else:
            await file_facts.add(facts, connection, target.path)
        # Last, because it raises an error for a store that cannot be used.
        await _add_contents(facts, connection, database, user, now)

    try:
        await database.look(ask)
    except NoStore:
        # The first added task makes it.
        facts.add_all({"reachable": True} | _ABSENT)


async def _add_contents(
    facts: Facts,
    connection: Connection,
    database: Database,
    user: str | None,
    now: Callable[[], datetime],
) -> None:
    """Read the version of the schema, and look at the tasks.

    Raises:
        NoStore: there are no tables yet.
        Forbidden: and our role may not make them.
        SchemaMismatch: the tables do not fit this program.
    """
    state = await schema.read_state(connection)
    place = database.target.place
    if state.fit is Fit.ABSENT:
        await _require_rights(facts, connection, place)
        raise NoStore
    # The next command upgrades an older file, but only `todo db upgrade` upgrades
    # a server. Commands look at the version of a file, but not of a server.
    depends = Fit.UNSTAMPED if database.is_sqlite else Fit.OLDER
    if state.fit in (Fit.FOREIGN, Fit.UNTRUSTED, depends):
        raise schema.mismatch(state, place)
    version = f"{state.version or 'no version'} ({state.fit})"
    facts.add("schema", version, warn_of_schema(state))
    if user is None:
        await _add_behind(facts, connection)
        return
    # Tables of an older file lack columns that the next command adds.
    is_whole = state.fit is not Fit.OLDER
    numbers = await _add_tasks(facts, connection, user, is_whole=is_whole)
    await _add_tokens(facts, connection, user, now(), is_there=is_whole)
    facts.add("numbers", numbers)


async def _require_rights(
    facts: Facts, connection: Connection, place: str
) -> None:
    """Check that the first added task can make the tables on a server.

    Raises:
        Forbidden: our role may not.
    """
    # A file has no roles.
    if connection.is_sqlite:
        return
    if await connection.fetch("role_without_rights"):
        facts.add_all(_ABSENT)
        raise failures.NO_GRANT.fill(place)


def warn_of_schema(state: State) -> str | None:
    """Say what to do about tables of another version that can be used.

    Others are an error: `schema.mismatch`.
    """
    if state.version == schema.HEAD:
        return None
    if state.fit is Fit.NEWER:
        return "made by a newer version of todo: upgrade todo here"
    if state.fit is Fit.UNSTAMPED:
        return f"{schema.RESTORE_VERSION}: `todo db upgrade` reads it"
    return f"run `todo db upgrade`, which brings it to {schema.HEAD}"


async def _add_tasks(
    facts: Facts, connection: Connection, user: str, *, is_whole: bool
) -> str:
    """Count the user's tasks, and look for what other programs have broken.

    Without `is_whole` only numbers are looked at. Return how these are.
    """
    [found] = await connection.fetch("contents", user=user)
    counted, highest, last = found
    facts.add("tasks", counted)
    if is_whole:
        await _add_history(facts, connection, user, counted)
    await _add_behind(facts, connection)
    if is_whole:
        await _add_behind(facts, connection, "operations_behind")
        await _add_flawed(facts, connection, user, counted)
        await _add_unfilled(facts, connection, user)
        await _add_word_index(facts, connection)
    return _numbers(last, highest)


def _numbers(last: Any, highest: Any) -> str:
    """Say whether the user's counter has kept up with the tasks.

    A restored table can put it behind.
    """
    # SQLite can hold a text here, if its CHECKs were off.
    if not isinstance(last, int) or not isinstance(highest, int):
        return "unreadable: a number is not an integer"
    if last >= highest:
        # More is fine: numbers of deleted tasks are not reused.
        return "ok"
    places = f"the counter is at {last}, a task at {highest}"
    return f"behind: {places}; the next added task puts it right"


async def _add_behind(
    facts: Facts, connection: Connection, name: str = "counters_behind"
) -> None:
    """Name the users whose counters are behind their tasks, or operations."""

    def take(rows: Sequence[Row]) -> None:
        """Name the first of them."""
        users = [str(user) for [user] in rows]
        warning = None
        if users:
            warning = (
                f"{_at_least(users)}, as after a partial restore; nothing to "
                f"do: {_NEXT[name]} puts the counter right"
            )
        facts.add(name, users[:_NAMED_UP_TO], warning)

    await facts.ask(
        connection,
        [name],
        name,
        take,
        users=_USERS_UP_TO,
        most=_NAMED_UP_TO + 1,
    )


async def _add_history(
    facts: Facts, connection: Connection, user: str, counted: int
) -> None:
    """Count the tasks in the trash apart, and what the history has."""

    def take(rows: Sequence[Row]) -> None:
        """Add the counts."""
        [(trash, operations, entries)] = rows
        facts.add("tasks", counted - trash)
        facts.add("trash", trash)
        facts.add("operations", operations)
        facts.add("history_entries", entries)

    names = ["trash", "operations", "history_entries"]
    await facts.ask(connection, names, "size_of_history", take, user=user)


async def _add_flawed(
    facts: Facts, connection: Connection, user: str, counted: int
) -> None:
    """Name the tasks with values that our rules refuse."""

    def take(rows: Sequence[Row]) -> None:
        """Name the first of them."""
        # Text, if the number itself is what breaks a rule.
        numbers = [_integer_or_text(number) for [number] in rows]
        warning = None
        if numbers:
            warning = (
                f"{_at_least(numbers)} with a time, an id, a number or a text "
                "that todo refuses; another program stored them: correct or "
                "delete them with SQL"
            )
        facts.add("unreadable_tasks", numbers[:_NAMED_UP_TO], warning)
        checked = min(counted, _ROWS_UP_TO)
        facts.add("tasks_checked", checked)

    names = ["unreadable_tasks", "tasks_checked"]
    # SQLite has a function of ours for the times, and ignores their bounds.
    await facts.ask(
        connection,
        names,
        "flawed",
        take,
        user=user,
        rows=_ROWS_UP_TO,
        most=_NAMED_UP_TO + 1,
        earliest=_EARLIEST,
        too_late=_TOO_LATE,
    )


async def _add_unfilled(
    facts: Facts, connection: Connection, user: str
) -> None:
    """Count what `todo db upgrade` fills: see `filling.py`."""

    def take(name: str, warning: str) -> Take:
        """Return what adds a count, with a warning unless it is 0."""

        def add(rows: Sequence[Row]) -> None:
            [(count,)] = rows
            facts.add(name, count, warning if count else None)

        return add

    name = "unfilled_tasks"
    unfilled = take(name, "no index of words finds them: `todo db upgrade`")
    await facts.ask(connection, [name], "unfilled_of", unfilled, user=user)
    name = "unfilled_tags"
    untagged = take(name, "`list --tag` misses them: `todo db upgrade`")
    await facts.ask(
        connection,
        [name],
        "untagged_of",
        untagged,
        user=user,
        rows=_ROWS_UP_TO,
    )


async def _add_word_index(facts: Facts, connection: Connection) -> None:
    """Say which index of words there is: see `search.py`."""

    def take(rows: Sequence[Row]) -> None:
        """Add its kind; none is no reason for a warning."""
        facts.add("word_index", search.kind_in(rows[0]))

    state = search.STATES[connection.dialect]
    await facts.ask(connection, ["word_index"], state, take)


async def _add_tokens(
    facts: Facts,
    connection: Connection,
    user: str,
    now: datetime,
    *,
    is_there: bool,
) -> None:
    """Count the user's tokens that are not revoked: valid and expired ones.

    An older file has no tokens until the next command upgrades it. One warning
    is enough for a role that may not read them.
    """
    facts.add("valid_tokens", None)
    facts.add("expired_tokens", None)

    def take(rows: Sequence[Row]) -> None:
        """Add the counts."""
        [(valid, expired)] = rows
        facts.add("valid_tokens", valid)
        facts.add("expired_tokens", expired)

    if is_there:
        await facts.ask(
            connection,
            ["valid_tokens"],
            "count_tokens",
            take,
            user=user,
            now=now,
        )


def _at_least(found: Sequence[Any]) -> str:
    """Count what was found.

    The queries stop at one more than we name, so more may be there.
    """
    count = str(len(found))
    if len(found) > _NAMED_UP_TO:
        count = f"at least {count}"
    return count


def _integer_or_text(value: Any) -> int | str:
    """Return a value that JSON can hold."""
    if isinstance(value, int):
        return value
    return str(value)
