"""References, the words that name tasks: `3`, `5-7`, `3,5-7`, or a UUID.

A `#` before a number is accepted, and so are spaces and commas too many.
"""

import re
from collections.abc import Sequence
from typing import Final
from uuid import UUID

from todo_cli import redact
from todo_cli.errors import InvalidInput
from todo_cli.rules import UUID_TEXT

# Every number that a file can hold. PostgreSQL's end at 2^31 - 1, and a number
# above them is one that no task has.
_DIGITS: Final = "[1-9][0-9]{0,18}"
_NUMBER: Final = re.compile(_DIGITS)
_SPAN: Final = re.compile(f"({_DIGITS})-({_DIGITS})")
_HASH: Final = re.compile(r"#(?=[0-9])")
_BETWEEN: Final = re.compile("[ ,]+")
# Limits, so that a mistyped range cannot name tasks without end.
_LONGEST_SPAN: Final = 1_000
_MOST_SPANS: Final = 100
_MOST_SINGLES: Final = 10_000
_FORMS: Final = (
    "a task is a number such as `3`, a range `5-7`, a list `3,5-7`, or a UUID"
)


def parse_references(arguments: Sequence[str]) -> list[int | UUID | range]:
    """Read every argument; `5-7` becomes `range(5, 8)`.

    Keeps the order, and drops repeats.

    Raises:
        InvalidInput: a word is not a reference, a range runs backwards or
            spans more than 1,000 numbers, or there are more references than
            one call may have.
    """
    # A dict, because a set would lose the order.
    references: dict[int | UUID | range, None] = {}
    for argument in arguments:
        for part in _parts(argument):
            references[_one(part, argument)] = None
    if not references:
        raise _no_reference(" ".join(arguments))
    spans = [each for each in references if isinstance(each, range)]
    singles = len(references) - len(spans)
    if len(spans) > _MOST_SPANS or singles > _MOST_SINGLES:
        raise InvalidInput(
            f"At most {_MOST_SINGLES:,} tasks and {_MOST_SPANS} ranges can be named at once"
        )
    return list(references)


def parse_reference(argument: str) -> int | UUID:
    """Read one number or UUID.

    Raises:
        InvalidInput: it is neither.
    """
    reference, *more = parse_references([argument])
    # `3,3` is one number, but a list of them was typed.
    is_one = is_single([argument])
    if more or isinstance(reference, range) or not is_one:
        raise InvalidInput(
            f"`{redact.shown(argument)}` names more than one task",
            hint="name one number or UUID",
        )
    return reference


def is_single(arguments: Sequence[str]) -> bool:
    """Whether one number or UUID is named; then JSON has one object."""
    if len(arguments) != 1:
        return False
    # A comma behind the only number does not make a list of it.
    parts = _parts(arguments[0])
    return len(parts) == 1 and not _SPAN.fullmatch(_HASH.sub("", parts[0]))


def most(references: Sequence[int | UUID | range]) -> int:
    """Count the tasks that the references can mean at most."""
    count = 0
    for reference in references:
        if isinstance(reference, range):
            count += len(reference)
        else:
            count += 1
    return count


def _parts(argument: str) -> list[str]:
    """Split an argument at commas and spaces, however many there are.

    An empty argument is one part, which is no reference: a variable of a
    script may be unset.
    """
    parts = [part for part in _BETWEEN.split(argument) if part]
    if not parts and "," not in argument:
        return [argument]
    return parts


def _one(part: str, argument: str) -> int | UUID | range:
    """Read one part of an argument.

    Raises:
        InvalidInput: it is neither a number nor a range nor a UUID.
    """
    if UUID_TEXT.fullmatch(part):
        return UUID(part)
    # The `#` of a UUID, of a word or alone stays, and is refused below.
    part = _HASH.sub("", part)
    if _NUMBER.fullmatch(part):
        return int(part)
    if span := _SPAN.fullmatch(part):
        first = int(span[1])
        last = int(span[2])
        if first > last:
            raise InvalidInput(f"`{part}` runs backwards", hint=_FORMS)
        if last - first >= _LONGEST_SPAN:
            raise InvalidInput(
                f"`{part}` spans more than {_LONGEST_SPAN:,} numbers",
                hint=_FORMS,
            )
        return range(first, last + 1)
    raise _no_reference(argument)


def _no_reference(argument: str) -> InvalidInput:
    """Return the error for a word that names no task.

    It may be a connection string, which must not be shown.
    """
    message = f"`{redact.shown(argument)}` is not a task number, range or UUID"
    return InvalidInput(message, hint=_FORMS)
