"""Chooses the columns of a table of tasks, for a terminal of any width.

A column that says nothing is left out. A narrow terminal gets fewer columns,
but whole titles: the columns go away one after the other. Of the status, the
due day and the priority a mark stays, before the title. Signs that nobody
can guess have a legend:

     #      Task                  Due
    12   H  Pay the rent *        overdue 2 days
     3  w   Rest
    1 open, 1 overdue, 1 waiting  (* has notes, w waiting, H high)
"""

from collections.abc import (
    Callable,
    Container,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from dataclasses import dataclass
from datetime import date
from functools import cache, partial
from itertools import repeat
from operator import attrgetter
from typing import Any, Final, NamedTuple

from todo_cli.output import times, words
from todo_cli.output.text import visible
from todo_cli.output.views import Grid, Table
from todo_cli.output.wrap import length
from todo_cli.task import Group, Task, TaskStatus

GAP: Final = 2
"""How many cells there are between two columns."""

PLAIN: Final = ""
STRONG: Final = "strong"
URGENT: Final = "urgent"
"""The looks of text; what is not PLAIN has words or a sign, too."""

Cell = tuple[str, str]
"""A text and its look."""

_NUMBER: Final = "number"
_STATUS: Final = "status"
_MARKS: Final = "marks"
_TITLE: Final = "title"
_PROJECT: Final = "project"
_TAGS: Final = "tags"
_WAIT: Final = "wait"
_DUE: Final = "due"
_PRIORITY: Final = "priority"
_WHEN: Final = "when"

_NAMES: Final[Mapping[str, str]] = {
    _NUMBER: "#",
    _STATUS: "Status",
    _MARKS: "",
    _TITLE: "Task",
    _PROJECT: "Project",
    _TAGS: "Tags",
    _WAIT: "Waits until",
    _DUE: "Due",
    _PRIORITY: "Pri",
    _WHEN: "When",
}
"""The name of each column, from left to right."""
_NAMES_IN_WORDS: Final[Mapping[str, str]] = {
    _NUMBER: "Number",
    _PRIORITY: "Priority",
}
_GIVEN_UP: Final = (
    _WHEN,
    _PRIORITY,
    _TAGS,
    _PROJECT,
    _WAIT,
    _STATUS,
    _DUE,
)
"""The columns that a narrow terminal goes without, in this order."""
_MARKED: Final = (_STATUS, _DUE, _PRIORITY)
"""Those that leave a mark, in the order of the marks."""
_NOTES: Final = "*"
"""The mark of a task with notes."""
_SIGNS: Final[Mapping[str, str]] = {
    "": " ",
    "done": "x",
    "waiting": "w",
    "trash": "t",
    "overdue": "!",
    "high": "H",
    "medium": "M",
    "low": "L",
}
"""The mark for each word."""
_WAITS: Final = attrgetter("wait_until")
_FIELDS: Final[Mapping[str, Sequence[Callable[[Task], Any]]]] = {
    _STATUS: (attrgetter("completed"), attrgetter("deleted_at"), _WAITS),
    _PROJECT: (attrgetter("project"),),
    _TAGS: (attrgetter("tags"),),
    _WAIT: (_WAITS,),
    _DUE: (attrgetter("due_on"),),
    _PRIORITY: (attrgetter("priority"),),
}
"""Of which fields a task must have one for a column to say something.

To look for them takes a fifth of the time of writing the cells.
"""
_OF_GROUP: Final[Mapping[Group, str]] = {
    Group.PROJECT: _PROJECT,
    Group.DUE: _DUE,
    Group.PRIORITY: _PRIORITY,
}
"""The column that says what the headings of the groups say."""

_NARROW: Final = 16
"""The fewest cells of a title, while there is a column to give up."""
_ROOMY: Final = 30
"""For more cells of a title no column is given up."""
_LEAST: Final = 2
"""The fewest cells of a title, beside a number of many digits."""
_SHORT: Final = 8
"""How wide projects and tags may be at least; else a fifth of the line."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its name, a cell for each task, and its width."""

    key: str
    name: str
    cells: Iterable[Cell]
    """Read once: some are written while the table is drawn."""
    width: int

    @property
    def is_title(self) -> bool:
        """Whether it has the titles."""
        return self.key == _TITLE

    @property
    def is_right(self) -> bool:
        """Whether its values are at its right edge."""
        return self.key == _NUMBER


class Layout(NamedTuple):
    """How a table is laid out."""

    columns: list[Column]
    """From left to right."""
    legend: list[str]
    """What each sign in it means, as in `! overdue`."""


def layout(table: Table, width: int, *, is_plain: bool) -> Layout:
    """Choose the columns of a table.

    With `is_plain`, words take the place of signs.
    """
    values = _Values(table, is_plain=is_plain)
    shown = _that_say_something(values, width)
    titles = values.titles()
    hidden = _hide_group(shown, table.query.group)
    needed = _needed(titles, width)
    _give_up(shown, hidden, values, width - needed)
    marks = values.marks(hidden)
    if marks:
        signs, _ = marks[0]
        shown[_MARKS] = _column(values, _MARKS, marks, len(signs), [signs])
    room = max(width - _taken(shown), _LEAST)
    marked = values.marked(titles, hidden)
    shown[_TITLE] = _titles(values, marked, room)
    columns = [shown[key] for key in _NAMES if key in shown]
    return Layout(columns, values.legend(hidden))


def _titles(values: "_Values", marked: Sequence[str], room: int) -> Column:
    """Make the column of the titles."""
    return _column(values, _TITLE, zip(marked, repeat(PLAIN)), room, marked)


def grid(table: Grid, width: int) -> list[Column]:
    """Choose the columns of a table of other things than tasks.

    The first one takes the room that the others leave.
    """
    by_name = {}
    for name, values in zip(
        table.names, zip(*table.rows, strict=True), strict=True
    ):
        by_name[name] = [visible(value) for value in values]
    title = table.names[0]
    titles = by_name.pop(title)
    shown = {}
    for name, texts in by_name.items():
        shown[name] = _plain_column(name, name, texts, width)
    needed = _needed(titles, width)
    for name in table.given_up:
        if width - _taken(shown) < needed:
            shown.pop(name, None)
    room = max(width - _taken(shown), _LEAST)
    first = _plain_column(_TITLE, title, titles, room)
    return [first, *shown.values()]


def _plain_column(
    key: str, name: str, texts: Sequence[str], most: int
) -> Column:
    """Make a column of texts that is as wide as the longest, up to `most`."""
    longest = max(length(name), *map(length, texts))
    cells = [(text, PLAIN) for text in texts]
    return Column(key, name, cells, min(longest, most))


def _give_up(
    shown: dict[str, Column], hidden: list[str], values: "_Values", room: int
) -> None:
    """Move columns from `shown` to `hidden` until they fit into the room."""
    for key in _GIVEN_UP:
        if _taken(shown) + values.room_for_marks(hidden) <= room:
            return
        if shown.pop(key, None):
            hidden.append(key)


def _hide_group(shown: dict[str, Column], group: Group | None) -> list[str]:
    """Take out the column that the headings of the groups repeat.

    Returns the columns that are hidden, but may have a mark: a heading does
    not say which tasks are overdue.
    """
    if group is None:
        return []
    key = _OF_GROUP[group]
    if shown.pop(key, None) and key == _DUE:
        return [key]
    return []


def _that_say_something(values: "_Values", width: int) -> dict[str, Column]:
    """Make the columns that could be shown beside the titles."""
    short = max(_SHORT, width // 5)
    found = {_NUMBER: _numbers(values, width)}
    for key in _GIVEN_UP:
        cells = values.cells(key)
        texts = {text for text, _ in cells}
        if not texts <= {""}:
            most = width
            if key in (_PROJECT, _TAGS):
                most = short
            found[key] = _column(values, key, cells, most, texts)
    return found


def _numbers(values: "_Values", most: int) -> Column:
    """Make the column of the numbers, of which one at an end is the longest."""
    ends = map(str, values.ends())
    return _column(values, _NUMBER, values.numbers(), most, ends)


def _column(
    values: "_Values",
    key: str,
    cells: Iterable[Cell],
    most: int,
    texts: Iterable[str],
) -> Column:
    """Make a column that is as wide as the longest of its texts, up to `most`."""
    name = values.name(key)
    longest = max(map(length, texts))
    return Column(key, name, cells, min(max(longest, len(name)), most))


def _taken(columns: Mapping[str, Column]) -> int:
    """Count the cells of the columns and of the gaps after them."""
    return sum(column.width + GAP for column in columns.values())


def _needed(titles: Sequence[str], width: int) -> int:
    """Say how wide the titles must be: a third of the line, if they are."""
    third = max(_NARROW, min(_ROOMY, width // 3))
    longest = 0
    for title in titles:
        longest = max(longest, length(title))
        # Of a long list the first titles tell.
        if longest >= third:
            return third
    return longest


class _Values:
    """What a table shows of each task."""

    def __init__(self, table: Table, *, is_plain: bool) -> None:
        self._tasks = table.tasks
        self._now = table.now
        self._today = table.today
        self._query = table.query
        self._is_plain = is_plain
        # The same days come again and again.
        self._day = cache(partial(times.show_day, today=table.today))
        self._due_day = cache(partial(times.show_due, today=table.today))
        self._writers: Mapping[str, Callable[[Task], Cell]] = {
            _STATUS: self._status,
            _PROJECT: self._project,
            _TAGS: self._tags,
            _WAIT: self._wait,
            _DUE: self._due,
            _PRIORITY: self._priority,
            _WHEN: self._when,
        }
        self._in_words: dict[str, list[str]] = {}
        self._has_notes = False
        """Whether a title has the mark for notes."""

    def name(self, key: str) -> str:
        """Return the name of a column."""
        if key == _WHEN and self._query.status is TaskStatus.TRASH:
            return "Deleted"
        name = _NAMES[key]
        if self._is_plain:
            return _NAMES_IN_WORDS.get(key, name)
        return name

    def ends(self) -> tuple[int, int]:
        """Return the lowest and the highest number."""
        numbers = [task.number for task in self._tasks]
        return min(numbers), max(numbers)

    def numbers(self) -> Iterator[Cell]:
        """Write the numbers that people type, one after the other."""
        return ((str(task.number), PLAIN) for task in self._tasks)

    def cells(self, key: str) -> list[Cell]:
        """Write the cells of a column; none if no task has anything in it."""
        if not self._has_any(_FIELDS.get(key, ())):
            return []
        cells = list(map(self._writers[key], self._tasks))
        if key != _STATUS:
            return cells
        # What all tasks have because of the query says nothing.
        usual = {TaskStatus.OPEN, self._query.status}
        if all(text in usual for text, _ in cells):
            return [("", PLAIN)] * len(cells)
        return cells

    def _has_any(self, fields: Sequence[Callable[[Task], Any]]) -> bool:
        """Whether a task has one of the fields; true if none is named."""
        if not fields:
            return True
        return any(any(map(field, self._tasks)) for field in fields)

    def titles(self) -> list[str]:
        """Write the titles, with a mark for notes."""
        mark = f" {_NOTES}"
        if self._is_plain:
            mark = " (notes)"
        titles = []
        for task in self._tasks:
            title = visible(task.title)
            if task.description:
                title += mark
                self._has_notes = True
            titles.append(title)
        return titles

    def room_for_marks(self, hidden: Container[str]) -> int:
        """Count the cells that the column of marks takes, with its gap."""
        if self._is_plain:
            return 0
        marks = len(self._marks_for(hidden))
        if marks == 0:
            return 0
        return marks + GAP

    def marks(self, hidden: Container[str]) -> list[Cell]:
        """Write the marks for what has no column; empty if there are none."""
        marks = self._marks_for(hidden)
        if self._is_plain or not marks:
            return []
        by_task = zip(*marks, strict=True)
        return [_signs(of_task) for of_task in by_task]

    def legend(self, hidden: Container[str]) -> list[str]:
        """Say what each sign means that is in the table.

        Words need no legend, and neither do marks that no task has.
        """
        if self._is_plain:
            return []
        meant = set().union(*self._marks_for(hidden))
        signs = []
        if self._has_notes:
            signs.append(f"{_NOTES} has notes")
        for word, sign in _SIGNS.items():
            if word and word in meant:
                signs.append(f"{sign} {word}")
        return signs

    def marked(
        self, titles: Sequence[str], hidden: Container[str]
    ) -> Sequence[str]:
        """Put words before the titles for what has no column."""
        marks = self._marks_for(hidden)
        if not self._is_plain or not marks:
            return titles
        marked = []
        by_task = zip(*marks, strict=True)
        for title, of_task in zip(titles, by_task, strict=True):
            parts = [*filter(None, of_task), title]
            marked.append(": ".join(parts))
        return marked

    def _marks_for(self, hidden: Container[str]) -> list[list[str]]:
        """Return the words of each mark, for those that say something."""
        found = []
        for key in _MARKED:
            if key in hidden and any(self._words(key)):
                found.append(self._words(key))
        return found

    def _words(self, key: str) -> list[str]:
        """Write what the mark of a column says of each task."""
        if key not in self._in_words:
            words = [self._word(key, task) for task in self._tasks]
            self._in_words[key] = words
        return self._in_words[key]

    def _word(self, key: str, task: Task) -> str:
        """Write what the mark of a column says of a task."""
        if key == _STATUS:
            status = words.status(task, self._today)
            if status in (TaskStatus.OPEN, self._query.status):
                return ""
            return status.value
        if key == _DUE:
            return "overdue" if words.is_overdue(task, self._today) else ""
        return task.priority or ""

    def _status(self, task: Task) -> Cell:
        """The status, as a word."""
        return words.status(task, self._today).value, PLAIN

    def _project(self, task: Task) -> Cell:
        """The project, without what could control a terminal."""
        return visible(task.project or ""), PLAIN

    def _tags(self, task: Task) -> Cell:
        """The tags, each a word."""
        return visible(" ".join(task.tags)), PLAIN

    def _wait(self, task: Task) -> Cell:
        """The day until which a task waits, if it does."""
        if words.status(task, self._today) is not TaskStatus.WAITING:
            return "", PLAIN
        return self._day(task.wait_until), PLAIN

    def _due(self, task: Task) -> Cell:
        """The due day in words; only an open task can be overdue."""
        day = task.due_on
        if day is None:
            return "", PLAIN
        if task.completed or task.deleted_at is not None:
            return self._day(day), PLAIN
        shown = self._due_day(day)
        if day < self._today:
            return shown, URGENT
        if day == self._today:
            return shown, STRONG
        return shown, PLAIN

    def _priority(self, task: Task) -> Cell:
        """The priority; a high one is bold."""
        if task.priority == "high":
            return task.priority, STRONG
        return task.priority or "", PLAIN

    def _when(self, task: Task) -> Cell:
        """The age of an open task, or when it was done or deleted."""
        when = task.deleted_at or task.completed_at or task.created_at
        return times.age(when, self._now), PLAIN


def _signs(in_words: Sequence[str]) -> Cell:
    """Write the marks of a task, each in a place of its own."""
    look = PLAIN
    if "overdue" in in_words:
        look = URGENT
    elif "high" in in_words:
        look = STRONG
    return "".join(_SIGNS[word] for word in in_words), look


def heading(task: Task, group: Group, today: date) -> str:
    """Write the heading of the group that a task is in."""
    if group is Group.PROJECT:
        return _of_project(task)
    if group is Group.PRIORITY:
        return _of_priority(task)
    if task.due_on is None:
        return "No due day"
    return f"Due {times.show_day(task.due_on, today)}"


def _of_project(task: Task) -> str:
    """Write the heading of a project."""
    if task.project is None:
        return "No project"
    return f"Project {visible(task.project)}"


def _of_priority(task: Task) -> str:
    """Write the heading of a priority."""
    if task.priority is None:
        return "No priority"
    return f"{task.priority.title()} priority"
