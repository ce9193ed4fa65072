"""Lays out the history for people, as `todo history` does at a terminal.

7 update, undone by 9, 3 minutes ago (25 Nov 2026, 21:20 +01:00)
  1: Buy milk
    title: Milk -> Buy milk
    tags: +errand -food
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from todo_cli.output import times, words
from todo_cli.output.envelope import changed_values
from todo_cli.output.views import Log, ViewContext
from todo_cli.task import Entry, Operation

_SHOWN_UP_TO: Final = 5
"""How many tasks of an operation are shown at most."""
_LONGEST: Final = 60
"""The most characters that are shown of a text."""
_CONTEXT: Final = 20
"""How many of them come before the first one that differs."""
_CUT: Final = "..."
_NAMES: Final[Mapping[str, str]] = {
    "description": "notes",
    "due_on": "due",
    "wait_until": "wait",
}
"""The fields that are named by another word, as their options are."""
_STATUS: Final[Mapping[bool, str]] = {False: "open", True: "done"}
_UNSAID: Final = ("created_at", "completed_at")
"""What the operation and its time say already."""


class Row(NamedTuple):
    """A line, before it is broken."""

    text: str
    indent: int = 0
    time: str = ""
    """Follows the text at the head of an operation, and is not broken."""


class _Words(NamedTuple):
    """What is written around the values of a change."""

    before: str
    between: str
    added: str
    removed: str


_IN_SIGNS: Final = _Words("", " -> ", "+", "-")
_IN_WORDS: Final = _Words("from ", " to ", "added ", "removed ")


def rows(log: Log, *, is_plain: bool) -> Iterator[Row]:
    """Yield the lines of operations: when, which tasks, field by field.

    With `is_plain`, words take the place of signs.
    """
    around = _IN_SIGNS
    if is_plain:
        around = _IN_WORDS
    for operation in log.operations:
        exact = times.exact(operation.at, log.context.zone)
        head = _head(operation, log.context)
        yield Row(head, time=f"({exact})")
        for entry in operation.tasks[:_SHOWN_UP_TO]:
            yield Row(_named(entry), 2)
            for line in _changes(entry, around):
                yield Row(line, 4)
        more = len(operation.tasks) - _SHOWN_UP_TO
        if more > 0:
            whole = log.context.command("history", "--json")
            others = words.amount(more, "more task")
            yield Row(f"and {others}; `{whole}` shows all", 2)


def _head(operation: Operation, context: ViewContext) -> str:
    """Say what was done, to how many tasks, when, and whether it is undone."""
    parts = [f"{operation.operation} {operation.command}"]
    if operation.undoes is not None:
        parts[0] += f" of {operation.undoes}"
    if operation.undone_by is not None:
        parts.append(f"undone by {operation.undone_by}")
    if len(operation.tasks) != 1:
        parts.append(words.amount(len(operation.tasks), "task"))
    parts.append(times.age(operation.at, context.now))
    return ", ".join(parts)


def _named(entry: Entry) -> str:
    """Name a task by its number and its title of today."""
    if entry.title is None:
        return f"{entry.number}: (purged)"
    return f"{entry.number}: {entry.title}"


def _changes(entry: Entry, around: _Words) -> Iterator[str]:
    """Yield a line for each field that changed."""
    is_new = "created_at" in entry.changes
    for name, (old, new) in changed_values(entry).items():
        if name in _UNSAID:
            continue
        if is_new and _says_nothing(entry, name, new):
            continue
        write = _WRITERS.get(name)
        if write is not None:
            yield write(old, new, around)
            continue
        changed = _cut(_written(new), 0)
        if not is_new:
            changed = _text(old, new, around)
        yield f"{_NAMES.get(name, name)}: {changed}"


def _says_nothing(entry: Entry, name: str, new: Any) -> bool:
    """Whether a field of a new task is as one expects."""
    if name == "title":
        return bool(new == entry.title)
    return new is False


def _moved(_old: str | None, new: str | None, _around: _Words) -> str:
    """Say where a task went."""
    if new is None:
        return "taken out of the trash"
    return "moved to the trash"


def _tags(
    old: Sequence[str] | None, new: Sequence[str] | None, around: _Words
) -> str:
    """Write what became of the tags: `+errand -food`."""
    before = old or ()
    after = new or ()
    added = [f"{around.added}{tag}" for tag in after if tag not in before]
    gone = [f"{around.removed}{tag}" for tag in before if tag not in after]
    return f"tags: {' '.join([*added, *gone])}"


def _status(old: bool | None, new: bool, around: _Words) -> str:
    """Write what became of the status; a new task had none."""
    after = _STATUS[bool(new)]
    if old is None:
        return f"status: {after}"
    return f"status: {_changed(_STATUS[bool(old)], after, around)}"


_WRITERS: Final[Mapping[str, Callable[[Any, Any, _Words], str]]] = {
    "completed": _status,
    "deleted_at": _moved,
    "tags": _tags,
}
"""How the change of a field is written, if not by its values."""


def _text(old: Any, new: Any, around: _Words) -> str:
    """Write the old and the new value of a field, as far as they differ."""
    before, after = _written(old), _written(new)
    start = _first_difference(before, after)
    return _changed(_cut(before, start), _cut(after, start), around)


def _changed(before: str, after: str, around: _Words) -> str:
    """Write what was before, and what came after it."""
    return f"{around.before}{before}{around.between}{after}"


def _written(value: Any) -> str:
    """Write a value on one line."""
    if value is None:
        return "none"
    return str(value).replace("\n", "\\n")


def _first_difference(old: str, new: str) -> int:
    """Return the first place in which two texts differ."""
    place = 0
    for one, other in zip(old, new, strict=False):
        if one != other:
            break
        place += 1
    return place


def _cut(text: str, difference: int) -> str:
    """Shorten a long text to what is around the first difference."""
    if len(text) <= _LONGEST:
        return text
    start = max(0, min(difference - _CONTEXT, len(text) - _LONGEST))
    shown = text[start : start + _LONGEST]
    if start > 0:
        shown = _CUT + shown
    if start + _LONGEST < len(text):
        shown += _CUT
    return shown
