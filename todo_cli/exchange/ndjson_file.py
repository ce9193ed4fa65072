"""NDJSON: a task a line, each as JSON."""

from collections.abc import Iterator, Mapping, Sequence

from todo_cli.exchange import json_text
from todo_cli.exchange.draft import Draft, Setting
from todo_cli.exchange.source import Source
from todo_cli.exchange.task_json import draft_of, line_of
from todo_cli.task import Task


def looks_like(head: str) -> bool:
    """Whether a file that begins so has an object in its first line."""
    first, end, _ = head.lstrip().partition("\n")
    if not end or not first.startswith("{"):
        return False
    try:
        value = json_text.parse(first)
    except json_text.NotJson:
        return False
    # What `--json` prints is one line, too.
    return "data" not in value and "success" not in value


def read(
    source: Source, setting: Setting, columns: Mapping[str, str]
) -> Iterator[Draft]:
    """Read a task from each line that is not blank."""
    for number, line in source.lines():
        if line.isspace() or not line:
            continue
        place = f"line {number}"
        try:
            value = json_text.parse(line)
        except json_text.NotJson as error:
            yield Draft.broken(place, str(error))
            continue
        yield draft_of(place, value, line)


class Writer:
    """Writes a task a line."""

    def __init__(self, setting: Setting) -> None:
        self.kept: dict[str, int] = {}
        """Nothing: JSON can hold all of a task."""

    def begin(self) -> bytes:
        """Return what comes before the first task."""
        return b""

    def write(self, tasks: Sequence[Task]) -> bytes:
        """Return the next tasks."""
        return "".join(f"{line_of(task)}\n" for task in tasks).encode()

    def end(self) -> bytes:
        """Return what comes after the last task."""
        return b""
