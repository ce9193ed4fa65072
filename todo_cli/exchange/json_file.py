"""JSON: an array of tasks as `data` has them, or what `--json` prints."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from todo_cli.exchange import json_text
from todo_cli.exchange.draft import Draft, Setting
from todo_cli.exchange.source import Source
from todo_cli.exchange.task_json import draft_of, line_of
from todo_cli.task import Task

_BEGINNINGS: Final = ("[", "{")


def looks_like(head: str) -> bool:
    """Whether a file that begins so is JSON."""
    return head.lstrip().startswith(_BEGINNINGS)


def read(
    source: Source, setting: Setting, columns: Mapping[str, str]
) -> Iterator[Draft]:
    """Read tasks from an array, an answer of this program, or one object."""
    for element in json_text.elements(source):
        if element.fault is None:
            yield draft_of(element.place, element.value, element.text)
        else:
            yield Draft.broken(element.place, element.fault)


class Writer:
    """Writes an array, with a task a line."""

    def __init__(self, setting: Setting) -> None:
        self.kept: dict[str, int] = {}
        """Nothing: JSON can hold all of a task."""
        self._separator = "\n"

    def begin(self) -> bytes:
        """Return what comes before the first task."""
        return b"["

    def write(self, tasks: Sequence[Task]) -> bytes:
        """Return the next tasks."""
        parts = []
        for task in tasks:
            parts.append(self._separator + line_of(task))
            self._separator = ",\n"
        return "".join(parts).encode()

    def end(self) -> bytes:
        """Return what comes after the last task."""
        return b"\n]\n"
