"""Options and arguments that several commands take."""

import re
from typing import Annotated, Final

import typer

from todo_cli import redact
from todo_cli.cli import references
from todo_cli.errors import InvalidInput, Usage
from todo_cli.rules import LARGEST_NUMBER
from todo_cli.task import Reference

AGE: Final = re.compile("[0-9]+[dwmy]")
"""A time such as `30d`, `2w`, `6m` or `1y`."""
_NINETEEN_DIGITS: Final = 10**19 - 1


def read_number(
    ctx: typer.Context, parameter: typer.CallbackParam, text: str
) -> int:
    """Read a number that a store can hold.

    Raises:
        Usage: it is not an integer.
        InvalidInput: it is not from 1 to 2147483647.
    """
    return _read(ctx, parameter, text, LARGEST_NUMBER)


def _read(
    ctx: typer.Context, parameter: typer.CallbackParam, text: str, most: int
) -> int:
    """Read a number from 1 to `most`."""
    # int() alone would also read `1_0` and ` 7 `.
    if re.fullmatch(r"[+-]?[0-9]+", text, re.ASCII) is None:
        shown = redact.shown(text)
        name = parameter.opts[-1]
        if not name.startswith("-"):
            # An argument; the help has its metavar.
            name = str(parameter.metavar)
        raise Usage(
            f"Invalid value for '{name}': '{shown}' is not an integer",
            hint=f"{ctx.command_path} --help",
        )
    # int() refuses thousands of digits.
    is_short = re.fullmatch(r"[0-9]{1,19}", text, re.ASCII) is not None
    if not is_short or not 1 <= int(text) <= most:
        field = str(parameter.name)
        raise InvalidInput.of(field, f"must be a number from 1 to {most}")
    return int(text)


def read_operation(
    ctx: typer.Context, parameter: typer.CallbackParam, text: str
) -> int:
    """Read the number of an operation; as of a task, a `#` may come first.

    As in a REF it can be too high for any.

    Raises:
        Usage: it is not an integer.
        InvalidInput: it is not from 1 on, or has more than 19 digits.
    """
    number = re.sub("^#(?=[0-9])", "", text)
    return _read(ctx, parameter, number, _NINETEEN_DIGITS)


Ref = Annotated[
    str, typer.Argument(metavar="REF", help="A task: its number or its UUID.")
]
Refs = Annotated[
    list[str],
    typer.Argument(
        metavar="REF",
        help="Tasks: numbers, ranges (5-7), lists (3,5-7), UUIDs.",
    ),
]
DryRun = Annotated[
    bool,
    typer.Option(
        "--dry-run", help="Only say what would happen; store nothing."
    ),
]
Quiet = Annotated[
    bool,
    typer.Option(
        "-q", "--quiet", help="Print only the numbers, one per line."
    ),
]
IfVersion = Annotated[
    int | None,
    typer.Option(
        "--if-version",
        metavar="N",
        callback=read_number,
        help="Only if the task has this version; of one task.",
        show_default=False,
    ),
]
FormFile = Annotated[
    str | None,
    typer.Option(
        "--form",
        metavar="FILE",
        help="Take the text from FILE, or from stdin for `-`; open no editor.",
        show_default=False,
    ),
]
Limit = Annotated[
    int | None,
    typer.Option(
        "-L",
        "--limit",
        metavar="N",
        callback=read_number,
        help="Show at most N (default: all).",
        show_default=False,
    ),
]


def check_version(
    if_version: int | None, named: list[Reference], command: str
) -> None:
    """Refuse a version of several tasks.

    Raises:
        Usage: more than one task may be named.
    """
    if if_version is not None and references.most(named) > 1:
        raise Usage(
            "`--if-version` is for one task only",
            hint=f"todo {command} --help",
        )
