"""The formats that tasks are read from and written to: one table.

Help, errors and README's table are made of it. A format's module is loaded
only where a file needs it.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, Final, Protocol

from todo_cli.errors import InvalidInput

if TYPE_CHECKING:
    from todo_cli.exchange.draft import Draft, Setting
    from todo_cli.exchange.source import Source
    from todo_cli.task import Task


class Writer(Protocol):
    """Writes tasks part by part, as bytes; the parts joined are the file."""

    kept: dict[str, int]
    """What the format cannot hold and was left out, counted by its kind."""

    def begin(self) -> bytes:
        """Return what comes before the first task."""

    def write(self, tasks: "Sequence[Task]") -> bytes:
        """Return the next tasks."""

    def end(self) -> bytes:
        """Return what comes after the last task."""


@dataclass(frozen=True, slots=True)
class Format:
    """A format, and how it is recognised."""

    name: str
    """What `--format` takes; its module has the same name and a `_file` at the end."""
    words: str
    """What it is."""
    endings: tuple[str, ...]
    """The endings of its files, in lower case."""
    holds: str
    """What of a task it can hold."""
    is_written: bool = True
    """Whether export has it, too."""

    def looks_like(self, head: str) -> bool:
        """Whether a file that begins so is one of these."""
        return bool(self._module().looks_like(head))

    def read(
        self,
        source: "Source",
        setting: "Setting",
        columns: Mapping[str, str],
    ) -> "Iterator[Draft]":
        """Read the records of a file, one after the other.

        `columns` says which column of a foreign CSV is which field.
        """
        read: Callable[..., Iterator[Draft]] = self._module().read
        return read(source, setting, columns)

    def writer(self, setting: "Setting") -> Writer:
        """Return a new writer."""
        made: Writer = self._module().Writer(setting)
        return made

    def _module(self) -> Any:
        return import_module(f"todo_cli.exchange.{self.name}_file")


FORMATS: Final = (
    Format(
        "json",
        "an array of tasks as `data` has them, or what `--json` prints",
        (".json",),
        "everything",
    ),
    Format(
        "ndjson",
        "the same tasks, one a line",
        (".ndjson", ".jsonl"),
        "everything",
    ),
    Format(
        "csv",
        "a table with a header; columns by name",
        (".csv",),
        "everything",
    ),
    Format(
        "todotxt",
        "todo.txt",
        (".txt",),
        "title, done, days, day of times, priority, project, tags",
    ),
    Format(
        "taskwarrior",
        "the JSON of `task export`",
        (),
        "everything but number, version and parts of a second",
    ),
    Format(
        "markdown",
        "a list with boxes: `- [ ]` and `- [x]`",
        (".md", ".markdown"),
        "everything but id, number, times, trash and version",
    ),
    Format(
        "ics",
        "iCalendar: VTODO",
        (".ics", ".ical"),
        "everything but version and parts of a second",
    ),
    Format(
        "todoist",
        "the CSV of a Todoist template",
        (),
        "",
        is_written=False,
    ),
    Format(
        "github",
        "the JSON of `gh issue list`",
        (),
        "",
        is_written=False,
    ),
)
READ: Final = tuple(each.name for each in FORMATS)
WRITTEN: Final = tuple(each.name for each in FORMATS if each.is_written)
_BY_NAME: Final = {each.name: each for each in FORMATS}
_SNIFFED: Final = (
    # Of two formats with the same beginning, the more particular one first.
    "ics",
    "github",
    "taskwarrior",
    "ndjson",
    "json",
    "todoist",
    "markdown",
    "csv",
    "todotxt",
)


def named(name: str) -> Format:
    """Return the format of this name."""
    return _BY_NAME[name]


def of_ending(path: str) -> Format | None:
    """Return the format that a file's ending names, if it does."""
    ending = PurePath(path).suffix.lower()
    for each in FORMATS:
        if ending in each.endings:
            return each
    return None


_JSON_KIN: Final = (
    "github",
    "taskwarrior",
    "ndjson",
    "json",
)
"""What prints JSON mostly has a choice of an array or an object a line."""
_KIN: Final[Mapping[str, tuple[str, ...]]] = {
    "json": _JSON_KIN,
    "ndjson": _JSON_KIN,
    "csv": ("todoist", "csv"),
}
"""Formats whose files have the ending of another one: their content decides."""


def recognise(path: str, head: str, *, is_table: bool = False) -> Format:
    """Find out the format of a file by its ending and its first characters.

    `is_table` says that it has columns. Then what has no sure sign of another
    format is a CSV: any text can have those of todo.txt.

    Raises:
        InvalidInput: they do not say it.
    """
    found = _found(path, head)
    if is_table and (found is None or found.name == "todotxt"):
        return named("csv")
    if found is not None:
        return found
    raise InvalidInput(
        f"{path} does not say in which format it is",
        hint=f"name it with --format: {', '.join(READ)}",
        details=[{"field": "format", "message": "cannot be recognised"}],
    )


def _found(path: str, head: str) -> Format | None:
    """Return the format that the ending and the first characters say.

    The ending wins. The content decides where there is none that we know, and
    among formats of the same kin; what says nothing there is as it is called.
    """
    by_ending = of_ending(path)
    names: Sequence[str] = _SNIFFED
    if by_ending is not None:
        names = _KIN.get(by_ending.name, ())
    for name in names:
        if _BY_NAME[name].looks_like(head):
            return _BY_NAME[name]
    return by_ending
