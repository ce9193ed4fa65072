"""Keep the records of `todo import` until all of them are checked.

No task is written before the last record was read, and a lost answer makes us
write them again. A file can have more records than memory can hold, so they are
in a temporary database: see `scratch.py`.
"""

import marshal
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Callable,
    Mapping,
    Sequence,
)
from contextlib import aclosing, asynccontextmanager
from datetime import date, datetime
from typing import Any, Final, NamedTuple

from todo_cli.database import history
from todo_cli.database.drivers import check_sqlite
from todo_cli.database.filling import FOLDED, folded_texts
from todo_cli.database.intake import Fault, Faults
from todo_cli.database.rows import NAMES
from todo_cli.database.run import Record
from todo_cli.database.scratch import Scratch, open_scratch
from todo_cli.database.sqlite import to_file
from todo_cli.errors import InvalidInput
from todo_cli.task import Candidate, Task

_CORRECT: Final = "nothing was added; correct it in the file"
"""The hint if a record is wrong."""
_CORRECT_ALL: Final = "nothing was added; correct them in the file"
_NOTHING: Final = InvalidInput("is not a task")
_COLUMNS: Final = (*NAMES, *(f"{name}_folded" for name in FOLDED))
"""The columns of a task that are written, in the order of `_row`."""
_TYPED: Final[Mapping[str, Callable[[str], Any]]] = {
    "created_at": datetime.fromisoformat,
    "updated_at": datetime.fromisoformat,
    "completed_at": datetime.fromisoformat,
    "deleted_at": datetime.fromisoformat,
    "due_on": date.fromisoformat,
    "wait_until": date.fromisoformat,
}
"""The columns that are kept as text, as a file has them, and what reads it."""
_WITHOUT_SQLITE: Final = (
    "use another Python: an import keeps its records in SQLite meanwhile"
)


class Key(NamedTuple):
    """By what a record can be the same as a stored task."""

    place: int
    """Counted from 0, in the order of the file."""
    id: str
    number: int | None
    """None if the file gives none."""


class Arrival(NamedTuple):
    """A record as it is written."""

    place: int
    task: Record
    """The values of the columns of a task."""
    new_values: str
    """What the history notes of it."""
    kept: Mapping[str, int]
    """What became text of its description, counted by its kind."""
    left_out: Mapping[str, int]
    """What did not, and only a line of its description says so."""


class Candidates:
    """The records of one file, in their order."""

    def __init__(self, scratch: Scratch, name: str) -> None:
        self.name = name
        """How errors name the file."""
        self.count = 0
        self._scratch = scratch
        self._faults = Faults(name, _CORRECT, _CORRECT_ALL)

    async def fill(self, batches: AsyncIterable[Sequence[Candidate]]) -> None:
        """Keep all records of a file.

        Raises:
            InvalidInput: records are wrong. All of them are counted, and the
                first ones named.
        """
        await self._scratch.clear_candidates()
        async for batch in batches:
            await self._keep(batch)
        self._faults.refuse()

    async def _keep(self, batch: Sequence[Candidate]) -> None:
        """Keep some records; of a wrong one only its fault."""
        rows: list[Record] = []
        positions: list[int] = []
        faults: dict[int, InvalidInput] = {}
        for position, each in enumerate(batch):
            if each.task is None:
                faults[position] = each.fault or _NOTHING
                continue
            positions.append(position)
            rows.append(_row(self.count, each.task, each))
            self.count += 1
        taken = await self._scratch.keep_candidates(rows)
        for number, field in taken.items():
            fault = InvalidInput.of(field, "another record has it, too")
            faults[positions[number]] = fault
        # In the order of the file.
        for position in sorted(faults):
            fault = faults[position]
            self._faults.add(_named(batch[position].place, fault))

    async def keys(self, most: int) -> AsyncGenerator[list[Key]]:
        """Yield what says which records are new, at most `most` at a time.

        Close the iterator at the end.
        """
        found = self._scratch.stream("candidate_keys", most)
        async with aclosing(found) as parts:
            async for rows in parts:
                yield [Key(*row) for row in rows]

    async def arrivals(
        self, most: int, *, is_typed: bool
    ) -> AsyncGenerator[list[Arrival]]:
        """Yield the records as they are written, at most `most` at a time.

        Days and times are texts, unless `is_typed`. Close the iterator at the
        end.
        """
        found = self._scratch.stream("candidate_tasks", most)
        async with aclosing(found) as parts:
            async for rows in parts:
                arrivals = []
                for place, data in rows:
                    each = _arrival(place, data, is_typed=is_typed)
                    arrivals.append(each)
                yield arrivals


@asynccontextmanager
async def open_candidates(name: str) -> AsyncIterator[Candidates]:
    """Yield room for the records of a file; they are gone at the end.

    Raises:
        ConfigInvalid: this Python was built without SQLite.
    """
    check_sqlite(_WITHOUT_SQLITE)
    async with open_scratch() as scratch:
        yield Candidates(scratch, name)


def _named(place: str, error: InvalidInput) -> Fault:
    """Return the fault of the record at a place of the file."""
    who = f"{place[:1].upper()}{place[1:]}"
    for detail in error.details:
        return Fault(who, "", detail["field"], detail["message"])
    return Fault(who, "", "record", error.message)


def _row(place: int, task: Task, counted: Candidate) -> Record:
    """Return a record as the temporary database has it.

    The counts go along: an import says those of new records alone.
    """
    # All is computed here: the store is not locked yet.
    values = {name: getattr(task, name) for name in NAMES}
    values |= folded_texts(values)
    for name in ("id", *_TYPED):
        values[name] = to_file(values[name])
    new_values = history.written(history.of_new(task))
    # Without the names of the columns, which are the same for all.
    kept = dict(counted.kept)
    left_out = dict(counted.left_out)
    record = tuple(values.values()), new_values, kept, left_out
    return {
        "place": place,
        "id": values["id"],
        "number": task.number or None,
        "task": marshal.dumps(record),
    }


def _arrival(place: int, data: bytes, *, is_typed: bool) -> Arrival:
    """Read a record that `_row` has written."""
    values, new_values, *counts = marshal.loads(data)  # noqa: S302 - only we have written it
    task = dict(zip(_COLUMNS, values, strict=True))
    if is_typed:
        for name, typed in _TYPED.items():
            if task[name] is not None:
                task[name] = typed(task[name])
    return Arrival(place, task, new_values, *counts)
