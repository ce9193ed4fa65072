"""The columns of a foreign table: which of them is which field.

Names decide, without case, blanks and punctuation, unless the user names a column. Nothing
is guessed in silence. What has two meanings, or has no field here, becomes a
line of the description, such as `Colour: red`:

- a column with another name;
- a day such as `3/4/2026`, unless other days of the column tell whether the
  month comes first, as `3/13/2026` does;
- the time of a day on which something is due;
- a priority that is a number, since both ends are in use as the highest;
- a tag with blanks, and a project that we cannot call so.

A row has no name of its own, so its id is made of its cells, and of what the
user says about columns beyond their names. A file that came in with a wrong
`--map` can be imported again with the right one, after an undo.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time, tzinfo
from shlex import quote
from typing import Final, NamedTuple
from uuid import UUID

from todo_cli import rules, zones
from todo_cli.errors import InvalidInput, first_few
from todo_cli.exchange.draft import BLANK, Draft, Setting, midnight
from todo_cli.task import format_instant

_NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    "id": (
        "id",
        "uuid",
    ),
    "title": (
        "title",
        "subject",
        "name",
        "task",
        "taskname",
        "summary",
    ),
    "description": (
        "description",
        "notes",
        "note",
        "details",
    ),
    "completed": (
        "completed",
        "done",
        "status",
        "state",
    ),
    "created_at": (
        "createdat",
        "created",
        "createdon",
        "datecreated",
    ),
    "updated_at": (
        "updatedat",
        "updated",
        "modified",
        "lastmodified",
    ),
    "completed_at": (
        "completedat",
        "completedon",
        "datecompleted",
    ),
    "due_on": (
        "dueon",
        "due",
        "duedate",
        "deadline",
    ),
    "wait_until": (
        "waituntil",
        "wait",
        "start",
        "startdate",
    ),
    "priority": ("priority",),
    "project": (
        "project",
        "list",
    ),
    "tags": (
        "tags",
        "tag",
        "labels",
        "label",
    ),
    "deleted_at": ("deletedat",),
}
"""What columns are called, without case, blanks and punctuation.

The first one wins.
"""
FIELDS: Final = tuple(_NAMES)
_FIELDS: Final = {
    name: field for field, names in _NAMES.items() for name in names
}
_BLANKS: Final = re.compile(r"[\s_-]+")
_SIGNS: Final = re.compile(r"[^\w#%№]+|_+")
"""What does not count in the name of a column, as in `Done?` and `[Title]`.

`Task #` is not the task, and `Done %` is not whether it is done.
"""
_OTHER_UUID: Final = re.compile(
    r"""
    (?:urn:uuid:)?
    ( \{ )?
    ( [0-9a-f]{8} (?: -[0-9a-f]{4} ){3} -[0-9a-f]{12} )
    (?(1) \} )
    |
    ( [0-9a-f]{32} )
    """,
    re.IGNORECASE | re.VERBOSE,
)
"""A UUID as it is, as .NET and RFC 4122 write it, and as Notion does.

Python's own reader would take hyphens anywhere, and digits of any script.
"""

_DONE: Final = frozenset(
    {
        "done",
        "completed",
        "complete",
        "closed",
        "finished",
        "yes",
        "y",
        "true",
        "1",
        "x",
        "✓",
        "✔",
        "☑",
        "[x]",
    }
)
_OPEN: Final = frozenset(
    {
        "open",
        "todo",
        "notstarted",
        "pending",
        "new",
        "active",
        "incomplete",
        "no",
        "n",
        "false",
        "0",
        "☐",
        "[]",
    }
)
"""What a column says of a task that is done, or is not, without blanks."""
_PRIORITIES: Final = {
    "high": "high",
    "h": "high",
    "medium": "medium",
    "m": "medium",
    "normal": "medium",
    "low": "low",
    "l": "low",
}
_TAG_ENDS: Final = re.compile("[,;]")

_WHEN: Final = re.compile(
    r"(?P<a>[0-9]{1,4})(?P<sign>[-/.])(?P<b>[0-9]{1,2})(?P=sign)"
    r"(?P<c>[0-9]{1,4})"
    r"(?:(?:T|[ ]+)(?P<hour>[0-9]{1,2}):(?P<minute>[0-9]{2})"
    r"(?::(?P<second>[0-9]{2}))?(?:[ ]?(?P<half>[AaPp])[Mm])?)?"
)
_YEAR: Final = 4
"""How many digits a year has."""
_MONTHS: Final = 12
_NOON: Final = 12
_DAY_FIRST: Final = "day"
_MONTH_FIRST: Final = "month"
_DAYS: Final = ("due_on", "wait_until")
_MOST_SHOWN: Final = 10
_LONGEST_SHOWN: Final = 40


class When(NamedTuple):
    """A day, and the time by the caller's clock if the file has one."""

    day: date
    clock: time | None = None


def field_of(name: str) -> str | None:
    """Return which field a column of this name is."""
    return _FIELDS.get(_bare(name))


def names_in(header: Sequence[str]) -> list[str]:
    """Return what columns are called; one without a name by its place."""
    names: list[str] = []
    for number, name in enumerate(header, 1):
        if not name.strip(BLANK):
            # Such as the index that pandas writes.
            name = f"column {number}"
        names.append(name)
    return names


class Columns:
    """The columns of a foreign table.

    A day such as `3/4/2026` is read only if the sample has one such as
    `3/13/2026` in the same column, and none that says otherwise.
    """

    def __init__(
        self,
        header: Sequence[str],
        named: Mapping[str, str],
        setting: Setting,
        sample: Iterable[Sequence[str]],
    ) -> None:
        """Decide about every column.

        `named` says which column is which field, and wins over names.

        Raises:
            InvalidInput: a column of `named` is not there, or none is the
                title.
        """
        self._names = names_in(header)
        self._zone = setting.zone
        self._fields = _assigned(header, named)
        self._mapped = _mapped(header, named, self._fields)
        self._orders = [""] * len(header)
        if "title" not in self._fields:
            raise InvalidInput(
                f"No column is the title; there are {_shown(header)}",
                hint=f"--map {quote(f'title={_example(header)}')}",
                details=[
                    {"field": "title", "message": "no column is the title"}
                ],
            )
        rows = list(sample)
        for index in range(len(header)):
            cells = [row[index] for row in rows if index < len(row)]
            self._orders[index] = _order_of(cells)

    def draft(self, place: str, cells: Sequence[str]) -> Draft:
        """Make the draft of a row.

        The same row with other columns as fields is another task: an import
        with a wrong `--map` can be undone and done again.
        """
        draft = Draft(place, key="\x1f".join([*cells, *self._mapped]))
        columns = zip(
            self._names, self._fields, self._orders, cells, strict=False
        )
        for name, field, order, cell in columns:
            text = cell.strip(BLANK)
            if not text:
                continue
            line = f"{name}: {text}"
            if field is None:
                draft.keep("column", line)
            elif field in _SETTERS:
                _SETTERS[field](draft, text, line)
            elif field == "completed":
                self._set_completed(draft, text, order, line)
            else:
                self._set_when(draft, field, text, order, line)
        _reconcile(draft)
        return draft

    def _set_when(
        self, draft: Draft, field: str, text: str, order: str, line: str
    ) -> None:
        """Set a day or a time; keep what is neither."""
        when = read_when(text, order, self._zone)
        if field in _DAYS:
            _set_day(draft, field, when, line)
            return
        try:
            instant = _instant(when, self._zone)
        except InvalidInput:
            draft.keep("time", line)
            return
        draft.offer(field, instant, "time", line)

    def _set_completed(
        self, draft: Draft, text: str, order: str, line: str
    ) -> None:
        """Set whether it is done, by a word or by the day."""
        word = _plain(text)
        if word in _DONE:
            draft.values["completed"] = True
        elif word in _OPEN:
            draft.values["completed"] = False
        elif read_when(text, order, self._zone) is not None:
            self._set_when(draft, "completed_at", text, order, line)
        else:
            draft.keep("status", line)


def read_when(text: str, order: str, zone: tzinfo) -> When | None:
    """Read a day, maybe with a time; None if it is not clear which.

    `order` is `day` or `month`, if it is known which comes first.
    """
    try:
        instant = rules.read_instant(text.replace(" ", "T", 1))
    except InvalidInput:
        found = _WHEN.fullmatch(text)
        return None if found is None else _when_of(found, order)
    clock = zones.local(instant, zone)
    return When(clock.date(), clock.time())


def _when_of(found: re.Match[str], order: str) -> When | None:
    """Make the day of its parts; None if there is none, or more than one."""
    days = {day for day in _days_of(found, order) if day is not None}
    if len(days) != 1:
        return None
    [day] = days
    if found["hour"] is None:
        return When(day)
    clock = _time(found)
    return None if clock is None else When(day, clock)


def _days_of(found: re.Match[str], order: str) -> list[date | None]:
    """Return the days that the parts can mean; None is no day."""
    first, second, third = found["a"], found["b"], found["c"]
    if len(first) == _YEAR:
        return [_day(first, second, third)]
    if len(third) != _YEAR:
        return []
    by_order = {
        _DAY_FIRST: _day(third, second, first),
        _MONTH_FIRST: _day(third, first, second),
    }
    if found["sign"] == ".":
        order = _DAY_FIRST
    if order:
        return [by_order[order]]
    return [*by_order.values()]


def _day(year: str, month: str, day: str) -> date | None:
    """Make a day; None if the calendar has none."""
    try:
        return date(int(year), int(month), int(day))
    except ValueError:
        return None


def _time(found: re.Match[str]) -> time | None:
    """Make the time of its parts; None if no clock shows it."""
    hour = int(found["hour"])
    half = (found["half"] or "").lower()
    if half and not 1 <= hour <= _NOON:
        return None
    if half:
        hour = hour % _NOON + (_NOON if half == "p" else 0)
    try:
        return time(hour, int(found["minute"]), int(found["second"] or 0))
    except ValueError:
        return None


def _order_of(cells: Iterable[str]) -> str:
    """Find out whether the day comes first, or the month; empty if unknown."""
    orders = set()
    for cell in cells:
        found = _WHEN.fullmatch(cell.strip(BLANK))
        if found is None or found["sign"] == "." or len(found["c"]) != _YEAR:
            continue
        if int(found["a"]) > _MONTHS:
            orders.add(_DAY_FIRST)
        if int(found["b"]) > _MONTHS:
            orders.add(_MONTH_FIRST)
    return orders.pop() if len(orders) == 1 else ""


def _instant(when: When | None, zone: tzinfo) -> datetime:
    """Return the instant of a time, or in which a day begins.

    Raises:
        InvalidInput: there is none, or it is outside 1900 to 9998.
    """
    if when is None:
        raise InvalidInput.of("time", "is not a time")
    if when.clock is None:
        return midnight(when.day, zone)
    rules.read_day("day", when.day)
    return datetime.combine(when.day, when.clock, zone).astimezone(UTC)


def _set_day(draft: Draft, field: str, when: When | None, line: str) -> None:
    """Set a day; keep its time of day, or what is no day."""
    if when is None:
        draft.keep("day", line)
        return
    draft.offer(field, when.day, "day", line)
    if field in draft.values and when.clock not in (None, time()):
        draft.keep("time of day", line)


def _set_title(draft: Draft, text: str, line: str) -> None:
    """Set the title; a long one is cut, and kept as a whole."""
    draft.title(text)


def _set_description(draft: Draft, text: str, line: str) -> None:
    """Set the description, as it is."""
    draft.values["description"] = text


def _set_id(draft: Draft, text: str, line: str) -> None:
    """Set the id, if it is a UUID: others count their tasks.

    Then a repeat adds nothing, also when the task has changed.
    """
    found = _OTHER_UUID.fullmatch(text)
    if found is None:
        draft.keep("column", line)
    else:
        draft.values["id"] = UUID(found[2] or found[3])


def _set_priority(draft: Draft, text: str, line: str) -> None:
    """Set the priority, if its word has one meaning: `1` can be either end."""
    priority = _PRIORITIES.get(text.casefold())
    if priority is None:
        draft.keep("priority", line)
    else:
        draft.values["priority"] = priority


def _set_project(draft: Draft, text: str, line: str) -> None:
    """Set the project, if we can call one so."""
    draft.offer("project", text, "project", line)


def _set_tags(draft: Draft, text: str, line: str) -> None:
    """Add the tags of a cell; those with blanks are kept, each for itself."""
    name, _, _ = line.partition(":")
    for part in _TAG_ENDS.split(text):
        tag = part.strip(BLANK)
        if tag:
            draft.offer_tag(tag, "label", f"{name}: {tag}")


_SETTERS: Final[Mapping[str, Callable[[Draft, str, str], None]]] = {
    "id": _set_id,
    "title": _set_title,
    "description": _set_description,
    "priority": _set_priority,
    "project": _set_project,
    "tags": _set_tags,
}
"""How to set a field; the others are days and times."""


def _reconcile(draft: Draft) -> None:
    """Keep when it was done, if another column says that it is open."""
    values = draft.values
    if values.get("completed") is False and "completed_at" in values:
        instant = format_instant(values.pop("completed_at"))
        draft.keep("time", f"completed_at: {instant}")


def _plain(word: str) -> str:
    """Return a word without case and blanks, to compare it."""
    return _BLANKS.sub("", word).casefold()


def _bare(name: str) -> str:
    """Return the name of a column without punctuation, too.

    Only letters, digits and the few signs that change its meaning are left.
    """
    return _SIGNS.sub("", name).casefold()


def _assigned(
    header: Sequence[str], named: Mapping[str, str]
) -> list[str | None]:
    """Decide which column is which field; None is no field.

    Of several columns for a field the one with the first name wins; all are
    tags that may be.

    Raises:
        InvalidInput: a column of `named` is not there, or named twice.
    """
    fields: list[str | None] = [None] * len(header)
    taken = set()
    for key, column in named.items():
        field = field_of(key)
        if field is None:
            raise InvalidInput.of("map", f"`{key}` is not a field of a task")
        index = _index(header, column)
        if fields[index] is not None:
            fault = f"`{column}` is mapped to two fields"
            raise InvalidInput.of("map", fault)
        fields[index] = field
        taken.add(field)
    for field, names in _NAMES.items():
        if field not in taken:
            for index in _called(header, names, field, fields):
                fields[index] = field
    return fields


def _mapped(
    header: Sequence[str],
    named: Mapping[str, str],
    fields: Sequence[str | None],
) -> list[str]:
    """Return which fields the user has given to columns, as `title=Subject`.

    Only those that names alone would not have given; in one order.
    """
    if not named:
        return []
    by_names = _assigned(header, {})
    pairs = []
    for name, field, usual in zip(header, fields, by_names, strict=True):
        if field is not None and field != usual:
            pairs.append(f"{field}={name}")
    return sorted(pairs)


def _index(header: Sequence[str], column: str) -> int:
    """Find a column by its name; else case, then punctuation does not count.

    Raises:
        InvalidInput: there is none.
    """
    for reduced in (str, _plain, _bare):
        wanted = reduced(column)
        names = [reduced(name) for name in header]
        # Nothing may be left of a name that is punctuation.
        if wanted and wanted in names:
            return names.index(wanted)
    message = f"there is no column `{column}`; there are {_shown(header)}"
    raise InvalidInput.of("map", message)


def _called(
    header: Sequence[str],
    names: Sequence[str],
    field: str,
    fields: Sequence[str | None],
) -> list[int]:
    """Find the columns that are a field by their names, and not yet another.

    Of two with the same name the one without punctuation comes first.
    """
    free: dict[str, list[int]] = {}
    for reduced in (_plain, _bare):
        for index, name in enumerate(header):
            indexes = free.setdefault(reduced(name), [])
            if fields[index] is None and index not in indexes:
                indexes.append(index)
    found = [index for name in names for index in free.get(name, ())]
    return found if field == "tags" else found[:1]


def _example(header: Sequence[str]) -> str:
    """Return a column that can be named as the title, as it is."""
    for name in header:
        if name.strip() and len(name) <= _LONGEST_SHOWN:
            return name
    return "COLUMN"


def _shown(header: Sequence[str]) -> str:
    """Name the columns, for an error."""
    names = [f"`{name[:_LONGEST_SHOWN]}`" for name in header]
    return first_few(names, _MOST_SHOWN)
