"""References, the words that name tasks: `3`, `5-7`, `3,5-7`, or a UUID."""

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
# Limits, so that a mistyped range cannot name tasks without end.
_LONGEST_SPAN: Final = 1_000
_MOST_SPANS: Final = 100
_MOST_SINGLES: Final = 10_000
_FORMS: Final = (
    "a task is a number such as `3`, a range `5-7`, a list `3,5-7`, or a UUID"
)


def parse_references(
    arguments: Sequence[str], *, to_change: bool = False
) -> list[int | UUID | range]:
    """Read every argument; `5-7` becomes `range(5, 8)`.

    Keeps the order, and drops repeats. With `to_change`, errors say that
    nothing was changed.

    Raises:
        InvalidInput: a word is not a reference, a range runs backwards or
            spans more than 1,000 numbers, or there are more references than
            one call may have.
    """
    try:
        return _parsed(arguments)
    except InvalidInput as error:
        if to_change:
            raise error.unchanged() from None
        raise


def _parsed(arguments: Sequence[str]) -> list[int | UUID | range]:
    """Read every argument; errors do not say what became of the tasks."""
    # A dict, because a set would lose the order.
    references: dict[int | UUID | range, None] = {}
    for argument in arguments:
        if UUID_TEXT.fullmatch(argument):
            references[UUID(argument)] = None
            continue
        for part in argument.split(","):
            references[_number_or_span(part, argument)] = None
    spans = [each for each in references if isinstance(each, range)]
    singles = len(references) - len(spans)
    if len(spans) > _MOST_SPANS or singles > _MOST_SINGLES:
        raise InvalidInput(
            f"At most {_MOST_SINGLES:,} tasks and {_MOST_SPANS} ranges can be named at once"
        )
    return list(references)


def parse_reference(argument: str, *, to_change: bool = False) -> int | UUID:
    """Read one number or UUID.

    Raises:
        InvalidInput: it is neither.
    """
    reference, *more = parse_references([argument], to_change=to_change)
    # `3,3` is one number, but a list of them was typed.
    if more or isinstance(reference, range) or "," in argument:
        error = InvalidInput(
            f"`{redact.shown(argument)}` names more than one task",
            hint="name one number or UUID",
        )
        if to_change:
            raise error.unchanged()
        raise error
    return reference


def is_single(arguments: Sequence[str]) -> bool:
    """Whether one number or UUID is named; then JSON has one object."""
    if len(arguments) != 1:
        return False
    return "," not in arguments[0] and not _SPAN.fullmatch(arguments[0])


def most(references: Sequence[int | UUID | range]) -> int:
    """Count the tasks that the references can mean at most."""
    count = 0
    for reference in references:
        if isinstance(reference, range):
            count += len(reference)
        else:
            count += 1
    return count


def _number_or_span(part: str, argument: str) -> int | range:
    """Read one part between commas.

    Raises:
        InvalidInput: it is neither a number nor a range.
    """
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
    message = f"`{redact.shown(argument)}` is not a task number, range or UUID"
    raise InvalidInput(message, hint=_FORMS)
