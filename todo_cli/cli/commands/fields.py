"""What `add`, `update` and `list` read alike: the options of fields."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from todo_cli import rules
from todo_cli.cli import stdin
from todo_cli.cli.parser import field_option
from todo_cli.errors import InvalidInput
from todo_cli.filters import NONE, is_none
from todo_cli.task import NewTask, about

if TYPE_CHECKING:
    from datetime import date

    from todo_cli.cli.context import RunContext

_DAYS: Final[Mapping[str, str]] = {"due_on": "due", "wait_until": "wait"}
"""The fields that are days, and the names of their options."""


def read_priority(text: str) -> str:
    """Read a priority or its first letter, in any case, or `none`.

    Raises:
        BadParameter: it is none of these.
    """
    if is_none(text):
        return NONE
    word = rules.whole_priority(text)
    if word in rules.PRIORITIES:
        return word
    raise typer.BadParameter(
        f"{text!r} is not one of 'high', 'medium', 'low' and 'none'"
    )


@dataclass(frozen=True, kw_only=True)
class TaskFields:
    """The options of both `add` and `update` that set a field of a task.

    Their flags and help texts are in `task.py`.
    """

    description: Annotated[str | None, field_option("description")] = None
    due_on: Annotated[str | None, field_option("due_on")] = None
    wait_until: Annotated[str | None, field_option("wait_until")] = None
    priority: Annotated[
        str | None, field_option("priority", read_priority)
    ] = None
    project: Annotated[str | None, field_option("project")] = None

    def typed(self) -> dict[str, str]:
        """Return the options that were given, as typed, by field name."""
        typed = {}
        for each in fields(TaskFields):
            value = getattr(self, each.name)
            if value is not None:
                typed[each.name] = value
        return typed

    def words(self) -> list[str]:
        """Write the options that were given as arguments."""
        notes = about(NewTask)
        words: list[str] = []
        for name, value in self.typed().items():
            flag = notes[name].flags[0]
            words += [flag, value]
        return words

    async def given(self, context: "RunContext") -> dict[str, Any]:
        """Return the fields that were given, with the values to store.

        A description of `-` is read from standard input, after the other
        options were checked.

        Raises:
            TodoError: a value breaks a rule of its field, or standard input
                cannot be read.
        """
        typed = self.typed()
        values: dict[str, Any] = {}
        for name, option in _DAYS.items():
            if name in typed:
                values[name] = _read_day(option, typed[name], context.today)
        for name in ("priority", "project"):
            if name in typed:
                values[name] = _read_name(name, typed[name])
        if "description" in typed:
            text = typed["description"]
            if text == "-":
                text = await stdin.read_description(context)
            values["description"] = rules.clean_description(text)
        return values


def _read_day(option: str, text: str, today: "date") -> "date | None":
    """Read the day of an option."""
    # Most commands name no day.
    from todo_cli import days

    return days.read_day(text, today, field=option)


def _read_name(field: str, text: str) -> str | None:
    """Read the text of a field that `none` clears.

    An empty one is refused: the variable of a script may be unset.

    Raises:
        InvalidInput: it is empty, or breaks a rule of its field.
    """
    if is_none(text):
        return None
    if not text.strip():
        raise InvalidInput.of(field, "is empty; write `none` for none")
    clean: Callable[[str], str | None] | None = about(NewTask)[field].clean
    return text if clean is None else clean(text)
