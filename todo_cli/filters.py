"""The filters of lists as text: what command line and API read alike."""

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from typing import Final, Literal

from todo_cli import rules
from todo_cli.errors import InvalidInput
from todo_cli.fold import fold
from todo_cli.task import Days

SortBy = Literal[
    "due",
    "newest",
    "oldest",
    "priority",
    "project",
    "title",
    "updated",
    "completed",
]
"""The orders of a list that people and programs can choose."""

MOST_WORDS: Final = 50
NONE: Final = "none"
"""What people write for no value, in any case."""
_ONE_DAY: Final = timedelta(days=1)


def is_none(text: str) -> bool:
    """Whether a text means no value."""
    return text.strip().lower() == NONE


def read_words(words: Sequence[str]) -> tuple[str, ...]:
    """Check the words to look for.

    Raises:
        InvalidInput: there are too many, or one would occur everywhere.
    """
    if len(words) > MOST_WORDS:
        raise InvalidInput.of(
            "word", f"{len(words)} words are given, {MOST_WORDS} are allowed"
        )
    cleaned = tuple(rules.clean_word(word) for word in words)
    for word in cleaned:
        # Such as an accent alone, which is a blank with a mark.
        if not fold(word).strip():
            raise InvalidInput.of(
                "word", f"`{word}` has no letter, digit or sign to look for"
            )
    return cleaned


def read_due(text: str | None, today: date) -> Days | None:
    """Read the due days of a filter, such as `fri`, `..sun` or `overdue`.

    Raises:
        InvalidInput: they are no days.
    """
    if text is None:
        return None
    # Most lists name no day.
    from todo_cli import days

    found = days.read_days(text, today)
    if found.kind == "none":
        return Days(has_day=False)
    return Days(found.first, found.last)


def read_past(field: str, text: str | None, today: date) -> date | None:
    """Read a day of the past: `fri` is the last one, or today.

    Raises:
        InvalidInput: it is no day.
    """
    if text is None:
        return None
    from todo_cli import days

    return days.read_day(text, today, last=True, field=field)


def read_project(text: str | None) -> str | None:
    """Read the project to look for; "" means none.

    Raises:
        InvalidInput: it is empty, or no name of a project.
    """
    if text is None:
        return None
    if is_none(text):
        return ""
    name = rules.clean_project(text)
    if name is None:
        raise InvalidInput.of(
            "project", "is empty; `none` finds tasks without one"
        )
    return name


def between(
    first: date | None,
    last: date | None,
    start_of: Callable[[date], datetime],
) -> tuple[datetime | None, datetime | None]:
    """Return the instant in which days begin, and the one in which they are over.

    `start_of` returns the instant in which a day begins for the caller. Where
    a day is None, there is no such instant.

    Raises:
        InvalidInput: they run backwards.
    """
    if first is not None and last is not None and last < first:
        raise InvalidInput.of("until", f"{last} is before {first}")
    since = None
    if first is not None:
        since = start_of(first)
    before = None
    if last is not None:
        before = start_of(last + _ONE_DAY)
    return since, before
