"""Todoist's CSV: what `Export as CSV` writes, one project a file.

A row is a `task`, a `note` (a comment on the task above) or a `section`. A
section is the project of its tasks; one that cannot be a project, or has no
task, is kept as text. A task of a higher INDENT names the one above it:
`part of: TITLE`; without one the INDENT is kept as text. `@word` in CONTENT is
a label, and becomes a tag. PRIORITY 1 is the highest, and 4 is none.

DATE is read if it is `2026-12-24`; all else, such as `every monday`, is kept
as text, with its language and time zone. DEADLINE is the due day of a task
without a DATE. What only says how Todoist draws the list is left out: rows of
the type `meta`, and IS_COLLAPSED.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import tzinfo
from typing import Final

from todo_cli import rules, zones
from todo_cli.errors import InvalidInput
from todo_cli.exchange.csv_file import Table
from todo_cli.exchange.draft import Draft, Setting
from todo_cli.exchange.source import LONGEST, Source

_HEADER: Final = re.compile(r'"?TYPE"?[,;\t]"?CONTENT"?(?:[,;\t\r\n]|$)', re.I)
"""How the file begins, and what separates its cells."""
_PRIORITIES: Final = {
    "1": "high",
    "2": "medium",
    "3": "low",
    "4": None,
    "": None,
}
"""1 is the highest, unlike in Todoist's API."""
_KINDS: Final = {
    "AUTHOR": "author",
    "RESPONSIBLE": "assignee",
}
"""How the answer of an import counts what was kept; else `column`."""
_INDENT: Final = re.compile("[1-9][0-9]{0,2}")
_DAY: Final = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})(?:[T ](.+))?")
"""A day, and maybe a time."""
_RECURRENCE: Final = re.compile(r"(?:every|ev|after)\b", re.I)
"""How a rule of recurrence begins in English."""
_READ: Final = frozenset(
    (
        "TYPE",
        "CONTENT",
        "DESCRIPTION",
        "IS_COLLAPSED",
        "PRIORITY",
        "INDENT",
        "DATE",
        "DATE_LANG",
        "TIMEZONE",
        "DEADLINE",
        "DEADLINE_LANG",
        "DURATION",
        "DURATION_UNIT",
    )
)
"""Columns that are read one by one; the others are kept as text."""
_OF_SECTION: Final = ("TYPE", "CONTENT", "IS_COLLAPSED")
"""Columns that are read of a section, or say nothing."""
_OF_NOTE: Final = (*_OF_SECTION, "DATE", "AUTHOR")
"""Those of a comment; the language and zone of its DATE are not among them.

That is a time in UTC, so Todoist leaves them empty.
"""
_USUAL: Final = {"PRIORITY": "4", "INDENT": "1"}
"""Cells that say nothing where they have no meaning."""
_OLD_NAMES: Final = {
    "DUE_DATE": "DATE",
    "DUE_DATE_LANG": "DATE_LANG",
}
"""How older files call a column."""

Row = Mapping[str, str]
"""The cells by the names of their columns."""


def looks_like(head: str) -> bool:
    """Whether the header is Todoist's."""
    return _HEADER.match(head) is not None


def read(
    source: Source, setting: Setting, columns: Mapping[str, str]
) -> Iterator[Draft]:
    """Read the tasks, in the order of the file.

    Raises:
        InvalidInput: it has another header, or sections and notes, but no
            task.
    """
    if not looks_like(source.head):
        raise InvalidInput.of("line 1", "must be the header TYPE,CONTENT,...")
    reader = _Reader(setting.zone)
    is_empty = True
    for place, row in _rows(source):
        for draft in reader.take(place, row):
            is_empty = False
            yield draft
    for draft in reader.end():
        is_empty = False
        yield draft
    # A header alone is a project without tasks.
    if is_empty and reader.has_rest:
        raise InvalidInput(
            f"{source.name} has no task",
            hint="a task is a row of the type `task`",
            details=[{"field": "file", "message": "has no task"}],
        )


def _rows(source: Source) -> Iterator[tuple[str, Row | str]]:
    """Yield the rows below the header, each with its place.

    Text instead of a row says why it cannot be read.

    Raises:
        InvalidInput: the header names a column twice, or a row is too long.
    """
    table = Table(source)
    names = _names(table.header())
    for row in table.rows():
        fault = row.fault or table.misfit(row, is_whole=False)
        if fault is None:
            yield row.place, dict(zip(names, row.cells, strict=False))
        else:
            yield row.place, fault


def _names(header: Sequence[str]) -> list[str]:
    """Return the names of the columns; older files have other ones.

    Raises:
        InvalidInput: there is one twice.
    """
    names: list[str] = []
    for number, cell in enumerate(header, start=1):
        name = cell.strip().upper() or f"COLUMN {number}"
        name = _OLD_NAMES.get(name, name)
        if name in names:
            raise InvalidInput.of("line 1", f"has the column {name} twice")
        names.append(name)
    return names


class _Reader:
    """Holds one task: the notes below it belong to it."""

    def __init__(self, zone: tzinfo) -> None:
        self._zone = zone
        self._task: Draft | None = None
        self._outside: list[tuple[str, str]] = []
        """What is above the first task, which will get it: kind and line."""
        self._parents: list[tuple[int, str]] = []
        """The tasks above, each with its INDENT; the outermost first."""
        self._size = 0
        """How many characters were kept for the task."""
        self._section = ""
        self._section_lines: list[str] = []
        """What else the row of the section has, for its first task."""
        self._has_section_task = True
        """Whether the section has a task, or there is no section."""

    def take(self, place: str, row: Row | str) -> Iterator[Draft]:
        """Read a row; yield the task that is complete now, and a fault.

        A task is complete when the next one begins: its notes follow it.
        """
        if isinstance(row, str):
            yield from self._complete()
            yield Draft.broken(place, row)
            return
        kind = _cell(row, "TYPE").lower()
        if kind == "task":
            yield from self._complete()
            self._take_task(place, row)
        elif kind == "section":
            self._begin_section(row)
        elif kind == "note":
            self._keep("note", _note(row))
            for line in _others(row, "note", _OF_NOTE):
                self._keep("column", line)
        elif kind != "meta":
            yield from self._complete()
            fault = "TYPE: must be task, section or note"
            yield Draft.broken(place, fault)

    def end(self) -> Iterator[Draft]:
        """Yield the last task."""
        self._end_section()
        yield from self._complete()

    @property
    def has_rest(self) -> bool:
        """Whether there is something for a task, and no task got it.

        Then the file is not empty, and to import nothing would lose it.
        """
        return bool(self._outside)

    def _complete(self) -> Iterator[Draft]:
        """Yield the task that was read last."""
        if self._task is not None:
            yield self._task
            self._task = None
            self._size = 0

    def _begin_section(self, row: Row) -> None:
        """Begin a section: its tasks are part of no task above it."""
        self._end_section()
        self._section = _cell(row, "CONTENT")
        self._section_lines += _others(row, "section", _OF_SECTION)
        self._has_section_task = False
        self._parents.clear()

    def _end_section(self) -> None:
        """Keep a section that has no task.

        The task before it gets that, or else the first one.
        """
        if self._has_section_task:
            return
        if self._section:
            self._keep("section", f"section: {self._section}")
        for line in self._section_lines:
            self._keep("column", line)
        self._section_lines.clear()

    def _keep(self, kind: str, line: str) -> None:
        """Keep what is not part of a row of a task.

        Raises:
            InvalidInput: one task has too much of it.
        """
        self._size += len(line)
        if self._size > LONGEST:
            raise InvalidInput.of(
                kind, f"all for one task have more than {LONGEST:,} characters"
            )
        if self._task is None:
            self._outside.append((kind, line))
        else:
            self._task.keep(kind, line)

    def _take_task(self, place: str, row: Row) -> None:
        """Begin a task."""
        draft = Draft(place)
        draft.key = "\n".join([self._section, *row.values()])
        content = _cell(row, "CONTENT")
        draft.title(_without_labels(draft, content))
        draft.values["description"] = _cell(row, "DESCRIPTION")
        self._read_parent(draft, row, content)
        self._read_section(draft)
        _read_priority(draft, row)
        _read_days(draft, row, self._zone)
        _read_rest(draft, row)
        for kind, line in self._outside:
            draft.keep(kind, line)
        self._outside.clear()
        self._task = draft

    def _read_section(self, draft: Draft) -> None:
        """Make the section the project.

        Its first task gets what else the row of the section has.
        """
        if self._section:
            line = f"section: {self._section}"
            draft.offer("project", self._section, "section", line)
        for line in self._section_lines:
            draft.keep("column", line)
        self._section_lines.clear()
        self._has_section_task = True

    def _read_parent(self, draft: Draft, row: Row, content: str) -> None:
        """Name the task of which it is a part.

        A level can be left out: then it is part of the nearest one above.
        """
        indent = _cell(row, "INDENT")
        level = 1
        if _INDENT.fullmatch(indent):
            level = int(indent)
        elif indent:
            draft.keep("column", f"INDENT: {indent}")
        while self._parents and self._parents[-1][0] >= level:
            self._parents.pop()
        if self._parents:
            draft.keep("parent", f"part of: {self._parents[-1][1]}")
        elif level != 1:
            draft.keep("column", f"INDENT: {indent}")
        self._parents.append((level, content))


def _without_labels(draft: Draft, content: str) -> str:
    """Make the labels tags, and take them out of the title.

    A title of nothing but labels stays as it is.
    """
    tags: list[str] = []
    words = []
    for word in content.split(" "):
        tag = _tag_of(word)
        if tag is None or len(tags) == rules.MOST_TAGS:
            words.append(word)
        else:
            tags.append(tag)
    title = " ".join(words).strip()
    if not title:
        return content
    draft.values["tags"] = tags
    return title


def _tag_of(word: str) -> str | None:
    """Return the tag for `@word`; None for what is no label, or no tag."""
    if not word.startswith("@"):
        return None
    try:
        return rules.clean_tag(word[1:])
    except InvalidInput:
        return None


def _read_priority(draft: Draft, row: Row) -> None:
    """Read the priority; what is none of Todoist's is kept."""
    text = _cell(row, "PRIORITY")
    if text in _PRIORITIES:
        draft.values["priority"] = _PRIORITIES[text]
    else:
        draft.keep("priority", f"priority: {text}")


def _read_days(draft: Draft, row: Row, zone: tzinfo) -> None:
    """Read DATE and DEADLINE."""
    date = _cell(row, "DATE")
    if date:
        _read_date(draft, row, date, zone)
    deadline = _cell(row, "DEADLINE")
    if not deadline:
        return
    line = f"deadline: {deadline}"
    if draft.values.get("due_on") is None:
        draft.offer("due_on", deadline, "deadline", line)
    else:
        draft.keep("deadline", line)


def _read_date(draft: Draft, row: Row, text: str, zone: tzinfo) -> None:
    """Read DATE: a day, a day with a time, or anything in any language.

    Its language and its time zone only say how to understand it, so they are
    kept where it is kept.
    """
    spoken = [_cell(row, "DATE_LANG"), _cell(row, "TIMEZONE")]
    spoken = [part for part in spoken if part]
    line = f"date: {text}"
    if spoken:
        line += f" ({', '.join(spoken)})"
    found = _DAY.fullmatch(text)
    if found is None:
        is_recurrence = _RECURRENCE.match(text) is not None
        draft.keep("recurrence" if is_recurrence else "day", line)
        return
    day, time = found.groups()
    if time is None:
        draft.offer("due_on", day, "day", line)
        return
    try:
        instant = rules.read_instant(f"{day}T{time}")
        day = zones.local(instant, zone).date()
    except InvalidInput:
        # Without an offset it is the time on a clock where the task is.
        pass
    draft.offer("due_on", day, "day", line)
    if "due_on" in draft.values:
        draft.keep("time of day", line)


def _read_rest(draft: Draft, row: Row) -> None:
    """Keep how long it takes, and the columns that have no field."""
    duration = f"{_cell(row, 'DURATION')} {_cell(row, 'DURATION_UNIT')}"
    if duration.strip():
        draft.keep("duration", f"duration: {duration.strip()}")
    for name in row:
        text = _cell(row, name)
        if text and name not in _READ:
            kind = _KINDS.get(name, "column")
            draft.keep(kind, f"{name.lower()}: {text}")


def _others(row: Row, kind: str, read: Sequence[str]) -> Iterator[str]:
    """Write the cells of a row that is no task, but those that are read.

    Todoist leaves them empty; another program may have filled them.
    """
    for name in row:
        text = _cell(row, name)
        if text and name not in read and text != _USUAL.get(name):
            yield f"{kind} {name.lower()}: {text}"


def _note(row: Row) -> str:
    """Write a comment: when, who and what."""
    head = f"{_cell(row, 'DATE')} {_cell(row, 'AUTHOR')}".strip()
    text = _cell(row, "CONTENT")
    return f"{head}: {text}" if head else text


def _cell(row: Row, name: str) -> str:
    """Return a cell without blanks around it; empty if there is none."""
    return row.get(name, "").strip()
