"""Copy everything from one store into another: `todo db import`.

Usually from an embedded file to a server. `intake.py` reads the file and
checks it, and `scratch.py` keeps the rows, so that memory does not grow with
their number. Here they are written, batch by batch, in one transaction:

1. The counters of all users in the file are locked and raised, so that no
   other command can take a number meanwhile.
2. The tasks that are missing are added, batch by batch. An id that another
   user has here is a conflict; so is a number that another task has, or had
   before it was purged, unless such tasks get new numbers.
3. The history comes along, or the import becomes a part of it: `histories.py`.
4. All other tables are copied; a row whose key is here already stays as it is.
"""

from collections.abc import (
    Awaitable,
    Callable,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import datetime
from shlex import quote
from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar

from todo_cli import rules
from todo_cli.database import intake, search
from todo_cli.database.engine import Database, Effect
from todo_cli.database.failures import SEE_DOCTOR, Damaged
from todo_cli.database.filling import add_tags
from todo_cli.database.histories import TABLES, Histories
from todo_cli.database.intake import CHECK
from todo_cli.database.run import (
    Connection,
    Record,
    fetch_value,
    store_tasks,
)
from todo_cli.database.schema import NAME_ANOTHER, USER_SETTING
from todo_cli.database.sidecars import LeftBehind
from todo_cli.database.url import SqliteTarget, Target
from todo_cli.disk import DiskFailed
from todo_cli.errors import (
    ConfigInvalid,
    Conflict,
    Forbidden,
    InvalidInput,
    IoFailed,
    NoStore,
    SchemaMismatch,
    first_few,
)

if TYPE_CHECKING:
    from todo_cli.database.scratch import Scratch

T = TypeVar("T")

_NAME_A_FILE: Final = "name the file that `todo doctor` shows"
"""The hint if there is no store of ours where the user said."""
_WAY_OUT: Final = (
    "`--renumber` gives them new numbers, "
    "`--as NAME` makes them the tasks of another user"
)
"""The end of the hint for numbers that are taken."""
_BATCH: Final = 10_000
"""Rows in one batch.

A batch of tasks takes three statements, about six round trips.
"""
_WRITTEN: Final = ("task", "counter", *TABLES)
"""The tables that depend on each other; the others are copied as they are."""
_NAMED_UP_TO: Final = 5
"""How many numbers or users an error names at most."""


class Renumbered(NamedTuple):
    """A task whose number was taken, and the number that it got."""

    user: str
    """Whose task it is."""
    old: int
    """Its number in the source."""
    new: int
    """Its number in the target."""


@dataclass(frozen=True, slots=True)
class Imported:
    """The result of an import.

    `tasks` and `users` count what the source contains, `new` the tasks that
    were not in the target before.
    """

    tasks: int
    users: int
    new: int
    new_users: Sequence[str] = ()
    """The users of those tasks who had no tasks in the target before."""
    owners: Sequence[str] = ()
    """The users who have tasks in the source.

    With `--as` it is the user who got them.
    """
    renumbered: Sequence[Renumbered] = ()
    """The new tasks that did not keep their numbers, in the order of writing."""
    operations: Mapping[str, int] = field(default_factory=dict)
    """The number of the operation that the import is, for users who got one."""
    history_left: Sequence[str] = ()
    """The users whose history stayed behind."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """What an import does besides copying."""

    owner: str | None = None
    """Whose the tasks become; None leaves them to their owners."""
    renumbers: bool = False
    """Whether a task whose number is taken gets a new one."""


@dataclass(slots=True)
class _Import:
    """An import while it runs, in one transaction.

    A repeat after a lost answer begins with a new one.
    """

    connection: Connection
    """The target, inside the transaction."""
    place: str
    """Where the source is, for messages."""
    rows: "Scratch"
    """All rows of the source, checked."""
    wishes: Wishes
    histories: Histories
    known: set[str] = field(default_factory=set)
    """The users who had tasks in the target before."""
    last: dict[str, int] = field(default_factory=dict)
    """The last numbers of users whose tasks were renumbered.

    The counters get these values after the last batch.
    """
    renumbered: list[Renumbered] = field(default_factory=list)


_AS_IT_IS: Final = Wishes()


async def copy(
    source: Database,
    target: Database,
    report: Callable[[int, int], None],
    now: datetime,
    wishes: Wishes = _AS_IT_IS,
) -> Imported:
    """Copy every user's tasks with their ids, numbers and times, and history.

    All or nothing, and a repeat is harmless. A task that exists in the target
    is not changed. Counters only grow. `report` is called with the number of
    tasks done and of all tasks. `now` is for the history.

    Raises:
        IoFailed: the source is missing, or is not a file with tasks.
        SchemaMismatch: the source is another program's, or of a newer version.
        InvalidInput: a task of the source breaks a rule, or the tasks of
            several owners should become those of one.
        Conflict: an id belongs to another user in the target, or a number to
            another task.
        Forbidden: our role may not write that, such as the tasks of several
            users as the role of a server.
    """
    # Late: it imports sqlite3, which a Python can lack.
    from todo_cli.database.scratch import open_scratch

    place = source.target.place
    async with open_scratch() as rows:
        await _read_source(source, rows)
        is_whole = True
        if wishes.owner is not None:
            is_whole = await _give_all(rows, wishes.owner, place)
        await rows.raise_counters()
        users = await _users(rows)
        tries: list[tuple[Imported, Histories]] = []

        async def write(connection: Connection) -> Imported:
            """Begin anew with each try."""
            _claim(connection, users)
            histories = Histories(connection, rows, now, _BATCH)
            if not is_whole:
                histories.left.append(str(wishes.owner))
            run = _Import(connection, place, rows, wishes, histories)
            tries.append((await _write(run, report), histories))
            return await _done(connection, tries)

        return await _send(target, write, users)


async def _send(
    target: Database,
    write: Callable[[Connection], Awaitable[Imported]],
    users: Sequence[str],
) -> Imported:
    """Write into the target, all or nothing.

    Raises:
        Forbidden: our role may not.
    """
    try:
        return await target.run(
            write, effect=Effect.REPEATABLE, creates=True, together=True
        )
    except Forbidden:
        await _refuse_several(target, users)
        raise


def _claim(connection: Connection, users: Sequence[str]) -> None:
    """Write for the user of a source, if it has one alone."""
    if len(users) == 1:
        connection.claim(USER_SETTING, users[0])


async def _users(rows: "Scratch") -> Sequence[str]:
    """Return the first users of a source."""
    async with aclosing(rows.read("counter", _NAMED_UP_TO + 1)) as batches:
        return [row["user_id"] for row in await anext(batches, [])]


async def _refuse_several(target: Database, users: Sequence[str]) -> None:
    """Say why the role of a server may not write, if there are several users.

    Raises:
        Forbidden: it is such a role.
    """
    if len(users) > 1 and await target.look(
        lambda connection: fetch_value(connection, "walled")
    ):
        raise Forbidden(
            "The role of this connection keeps the tasks of one user at a "
            f"time in {target.target.place}; these are of "
            f"{first_few(users, _NAMED_UP_TO)}",
            hint="nothing was copied; log in with a role that may bypass "
            "row-level security, or import a file of one user",
        )


async def _done(
    connection: Connection, tries: Sequence[tuple[Imported, Histories]]
) -> Imported:
    """Return what the tries have done.

    If the last one found all tasks there, the one before has added them, and
    only its answer was lost. Mostly there is one try, and no answer was.
    """
    before, histories = tries[-2:][0]
    last, _ = tries[-1]
    is_before = last.new == 0 and await histories.is_there(connection)
    return before if is_before else last


def is_same_file(one: Target, other: SqliteTarget) -> bool:
    """Whether two stores are one embedded file.

    The paths may differ, for example by a symlink.
    """
    try:
        return isinstance(one, SqliteTarget) and one.path.samefile(other.path)
    except OSError:
        # One of them does not exist, or cannot be read.
        return one == other


async def _give_all(rows: "Scratch", owner: str, place: str) -> bool:
    """Make all tasks of a source those of one user.

    What somebody without tasks has stays theirs. Returns False if their
    history cannot be given: the user has one in the source already.

    Raises:
        InvalidInput: they have several owners.
    """
    owners = await rows.owners()
    if len(owners) > 1:
        named = first_few(owners, _NAMED_UP_TO)
        fault = f"{place} has tasks of several owners: {named}"
        raise InvalidInput(
            fault,
            hint="nothing was copied; `--as` needs a file of one owner",
            details=[{"field": "as", "message": fault}],
        )
    is_whole = True
    for old in owners:
        is_whole = await rows.give(old, owner)
    return is_whole


async def _write(run: _Import, report: Callable[[int, int], None]) -> Imported:
    """Store the rows of a source, in the caller's transaction."""
    connection = run.connection
    tasks = await run.rows.count("task")
    users = await run.rows.count("counter")
    owners = await run.rows.owners()
    new_users = await _new_users(connection, owners)
    run.known = set(owners).difference(new_users)
    # Without tasks no other statement would notice a missing store.
    if tasks == 0:
        await connection.fetch("any_task")
    # Before the tasks: the locks keep concurrent adds from taking a number.
    await _raise_counters(run)
    await run.histories.choose()
    new = await _add_tasks(run, tasks, report)
    await run.histories.copy()
    tables = connection.statements.tables
    await _add_others(run, [name for name in tables if name not in _WRITTEN])
    await index(connection)
    return Imported(
        tasks,
        users,
        new,
        new_users,
        owners,
        run.renumbered,
        run.histories.noted,
        run.histories.left,
    )


async def index(connection: Connection) -> None:
    """Make lists fast at once, not only after the next commands."""
    if connection.is_sqlite:
        await search.enter_all(connection)
    else:
        # Else plans are good only after autovacuum.
        await connection.execute("ANALYZE todo.task, todo.change")


async def _read_source(source: Database, rows: "Scratch") -> None:
    """Read every row of the source, and keep it.

    Errors are about the source, so their hints are replaced.
    """
    place = source.target.place
    try:
        await source.look(
            lambda connection: intake.refuse_programs(connection, place)
        )
        await source.run(
            lambda connection: intake.read(connection, place, rows)
        )
    except NoStore:
        # Here a missing store is an error: the user named it.
        raise IoFailed(
            f"{place} {_emptiness(source.target)}", hint=_NAME_A_FILE
        ) from None
    except SchemaMismatch as error:
        if error.hint == NAME_ANOTHER:
            message = f"{place} is a database, but not one of todo's"
            raise SchemaMismatch(message, hint=_NAME_A_FILE) from None
        if error.hint == SEE_DOCTOR:
            # Doctor looks at the store in use.
            raise SchemaMismatch(error.message, hint=CHECK) from error
        # Older, newer or untrusted: the hint fits any store.
        raise
    except Damaged as error:
        saving = f"sqlite3 {quote(place)} .recover"
        raise IoFailed(
            error.message,
            hint=f"nothing was copied; import a backup, or what `{saving}` can save",
        ) from error
    except (LeftBehind, DiskFailed):
        # Its hint is about the source, so keep it.
        raise
    except (IoFailed, ConfigInvalid) as error:
        # Its hint is about the store in use.
        raise type(error)(error.message, hint=CHECK) from error


def _emptiness(target: Target) -> str:
    """Say what is wrong with a source that contains no store."""
    if isinstance(target, SqliteTarget) and target.path.exists():
        size = target.path.stat().st_size
        return "is empty" if size == 0 else "holds no tasks"
    return "does not exist"


def _counter_records(last: Mapping[str, int]) -> list[Record]:
    """Return counters of tasks as rows, in the order of locking."""
    found = []
    for user in sorted(last):
        found.append({"user_id": user, "last": last[user], "operations": 0})
    return found


def _batches(rows: Sequence[T]) -> Iterator[Sequence[T]]:
    """Yield the rows in order, at most `_BATCH` at a time."""
    for start in range(0, len(rows), _BATCH):
        yield rows[start : start + _BATCH]


def _owners(tasks: Sequence[Record]) -> list[str]:
    """Return the users who have these tasks, each once, in their order."""
    return list(dict.fromkeys(task["user_id"] for task in tasks))


async def _new_users(
    connection: Connection, users: Sequence[str]
) -> list[str]:
    """Return the users who never had a task here.

    In the given order. Counters and tasks are searched: a restored table can
    lack a counter.
    """
    known: set[str] = set()
    for batch in _batches(users):
        rows = await connection.fetch("known_users", users=batch)
        known |= {user for (user,) in rows}
    return [user for user in users if user not in known]


async def _raise_counters(run: _Import) -> None:
    """Lock the users' counters and advance those that are behind.

    They can be behind the source, or behind a task that is here already. The
    locks are held until the transaction ends. Two imports lock in the same
    order, that of the names. Operations are counted on by `Histories`.
    """
    async with aclosing(run.rows.read("counter", _BATCH)) as batches:
        async for batch in batches:
            last = {row["user_id"]: row["last"] for row in batch}
            await _refuse_last_numbers(run, last)
            counters = _counter_records(last)
            await run.connection.store("raise_counter", counters)
            users = [row["user_id"] for row in batch]
            await run.connection.fetch("catch_up", users=users)


async def _refuse_last_numbers(run: _Import, last: Mapping[str, int]) -> None:
    """Refuse numbers after which users who have tasks here could hardly add more.

    Whose list is new gets a copy, with what is left of its numbers.

    Raises:
        Conflict: a number is among the last ones.
    """
    high = []
    for user, number in last.items():
        if number > rules.LARGEST_IMPORTED and user in run.known:
            high.append(user)
    if not high:
        return
    here = {}
    for user, number in await run.connection.fetch("counters_of", users=high):
        here[user] = number
    for user in high:
        if here.get(user, 0) < last[user]:
            raise Conflict(
                f"After the number {last[user]} of {run.place} hardly any "
                f"would be left for {user}",
                hint="nothing was copied; `--as NAME` makes them the tasks of "
                "another user",
            )


async def _add_tasks(
    run: _Import, total: int, report: Callable[[int, int], None]
) -> int:
    """Store the missing tasks, batch by batch, and return their number.

    Raises:
        Conflict: an id or a number belongs to another task here.
    """
    new = 0
    done = 0
    async with aclosing(run.rows.read("task", _BATCH)) as batches:
        async for batch in batches:
            new += await _add_batch(run, batch)
            done += len(batch)
            report(done, total)
    # The numbers given here are beyond those that the counters were raised to.
    if run.last:
        await run.connection.store("raise_counter", _counter_records(run.last))
    return new


async def _add_batch(run: _Import, tasks: Sequence[Record]) -> int:
    """Store the missing tasks of one batch and return their number.

    Raises:
        Conflict: an id or a number belongs to another task here.
    """
    ids = [task["id"] for task in tasks]
    there = await run.connection.fetch("owners_of", ids=ids)
    stored = {id: (user_id, number) for id, user_id, number in there}
    for task in tasks:
        _refuse_taken_id(run, task, stored.get(task["id"]))
    fresh = [task for task in tasks if task["id"] not in stored]
    if not fresh:
        return 0
    await _settle_numbers(run, fresh)
    await store_tasks(run.connection, "copy_task", fresh)
    await add_tags(run.connection, fresh)
    await run.histories.note(fresh)
    return len(fresh)


def _refuse_taken_id(
    run: _Import, task: Record, stored: tuple[str, int] | None
) -> None:
    """Refuse a task whose id is here, but with another user or number.

    A task that an import numbered anew has another number, and is the same.
    """
    if stored is None or stored == (task["user_id"], task["number"]):
        return
    owner, _ = stored
    hint = f"nothing was copied; {owner} has that task"
    if owner == task["user_id"]:
        if run.wishes.renumbers:
            return
        hint = "nothing was copied; with `--renumber` it is the same task"
    raise Conflict(
        f"The id {task['id']} of {run.place} is taken here", hint=hint
    )


async def _settle_numbers(run: _Import, tasks: Sequence[Record]) -> None:
    """Give new numbers to tasks whose numbers are taken, if that is wished.

    Raises:
        Conflict: numbers are taken, and it is not.
    """
    colliding = await _colliding(run, tasks)
    if colliding and not run.wishes.renumbers:
        raise _collision(colliding, run.place)
    await _renumber(run, colliding)


async def _colliding(run: _Import, tasks: Sequence[Record]) -> list[Record]:
    """Return those of the tasks whose numbers other tasks have here, or had."""
    users = [user for user in _owners(tasks) if user in run.known]
    # Usually the target is new, and then there is nothing to ask.
    if not users:
        return []
    numbers = [task["number"] for task in tasks]
    rows = await run.connection.fetch(
        "given_numbers", users=users, numbers=numbers
    )
    # Every number with every user: more pairs than the tasks have.
    holders: dict[tuple[str, int], set[str]] = {}
    for user, number, id in rows:
        holders.setdefault((user, number), set()).add(str(id))
    colliding = []
    for task in tasks:
        ids = holders.get((task["user_id"], task["number"]), set())
        # One that was purged here may come back.
        if ids.difference([str(task["id"])]):
            colliding.append(task)
    return colliding


async def _renumber(run: _Import, tasks: Sequence[Record]) -> None:
    """Give the tasks the next numbers of their users.

    They follow the highest number of the user in both stores: the counter was
    raised to it, and is locked. So they are free, and no later task of the
    source has them.
    """
    # An earlier batch may have counted on for the others already.
    users = [user for user in _owners(tasks) if user not in run.last]
    if users:
        rows = await run.connection.fetch("counters_of", users=users)
        for user, last in rows:
            run.last[user] = last
    for task in tasks:
        user, old = task["user_id"], task["number"]
        new = run.last[user] + 1
        run.last[user] = new
        task["number"] = new
        run.renumbered.append(Renumbered(user, old, new))


def _collision(tasks: Sequence[Record], place: str) -> Conflict:
    """Name the first numbers that are taken, and whose they are.

    As in `1, 2, 3 of ada; 7 of bob`: enough to see which list it is about.
    """
    numbers: dict[str, list[int]] = {}
    for task in tasks:
        numbers.setdefault(task["user_id"], []).append(task["number"])
    parts = []
    for user, found in numbers.items():
        parts.append(f"{first_few(found, _NAMED_UP_TO)} of {user}")
    named = "; ".join(parts[:_NAMED_UP_TO])
    return Conflict(
        f"Numbers of {place} belong to other tasks here: {named}",
        hint=f"nothing was copied; {_WAY_OUT}",
    )


async def _add_others(run: _Import, tables: Sequence[str]) -> None:
    """Store the rows of other tables.

    A row whose key exists already is skipped.
    """
    for table in tables:
        async with aclosing(run.rows.read(table, _BATCH)) as batches:
            async for batch in batches:
                await run.connection.store(f"copy_{table}", batch)
