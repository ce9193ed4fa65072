"""The queries of lists and histories: parameters, filters, cursors and links."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, time
from hashlib import sha256
from types import NoneType
from typing import Annotated, Any, Final, NamedTuple, TypeVar
from urllib.parse import urlencode

from pydantic import BaseModel, BeforeValidator, Field, WithJsonSchema
from starlette.datastructures import QueryParams

from todo_cli import filters, rules
from todo_cli.api import cursors, patterns
from todo_cli.docstring import docstring
from todo_cli.errors import InvalidInput
from todo_cli.task import (
    Position,
    Sort,
    TaskQuery,
    TaskStatus,
)

T = TypeVar("T")

MOST_TASKS: Final = 1_000
USUAL_TASKS: Final = 100
USUAL_OPERATIONS: Final = 50
REPEATABLE: Final = frozenset({"priority", "tag", "no_tag"})
"""The parameters of which several can be given."""

_DIGEST_LENGTH: Final = 12
_NO_DAY: Final = "must be a day such as 2026-12-24, fri or -3d"
_NO_DUE: Final = (
    "must be a day such as 2026-12-24, fri or +3d, a range such as mon..fri, "
    "overdue, any or none"
)
_NO_WORD: Final = (
    f"must have 1 to {filters.MOST_WORDS} words, each with a letter, digit or sign "
    "to look for"
)
_PLUS: Final = re.compile(r"(^|\.\.) (?=[0-9])")
"""The blank that a `+` of `+3d` is in a query, if it is not quoted."""
_WORD: Final = re.compile(r'"([^"]*)"?|([^"\s]+)')
"""A word of `q`, or a phrase in quotes."""

# Their docstrings are a part of the contract, and `python -OO` removes them.
TaskStatus.__doc__ = docstring(TaskStatus)


def _limit(text: Any) -> int:
    """Read a limit.

    Raises:
        InvalidInput: it is not a number from 1 to 1,000.
    """
    digits = str(text)
    # int() alone would also read `1_0`, `+1` and ` 7 `.
    is_number = re.fullmatch("[0-9]{1,4}", digits)
    if is_number is None or not 1 <= int(digits) <= MOST_TASKS:
        raise InvalidInput.of(
            "limit", f"must be a number from 1 to {MOST_TASKS}"
        )
    return int(digits)


def _today(text: Any) -> date:
    """Read a day.

    Raises:
        InvalidInput: it is not a day such as 2026-12-24.
    """
    return rules.read_day("today", text)


def _named(name: str, read: Callable[..., T], *values: Any) -> T:
    """Read a value; an error is about the parameter with this name.

    Raises:
        InvalidInput: the value breaks a rule.
    """
    try:
        return read(*values)
    except InvalidInput as error:
        message = error.details[0]["message"]
        raise InvalidInput.of(name, message) from error


def _unsaid(
    name: str, message: str, read: Callable[..., T], *values: Any
) -> T:
    """Read a value whose own error would repeat it.

    Raises:
        InvalidInput: the value breaks a rule.
    """
    try:
        return read(*values)
    except InvalidInput:
        raise InvalidInput.of(name, message) from None


Cursor = Annotated[
    str | None,
    WithJsonSchema({"type": "string", "pattern": cursors.PATTERN}),
    Field(
        description="Where the page begins: a part of the `Link` of the page before. "
        "It is for the same order, filters and day."
    ),
]

_TEXT: Final = (str, NoneType)
_KINDS: Final[Mapping[Sort, Sequence[type]]] = {
    Sort.DUE: (date, NoneType),
    Sort.PRIORITY: _TEXT,
    Sort.PROJECT: _TEXT,
    Sort.TITLE: (str,),
    Sort.UPDATED: (datetime,),
    Sort.COMPLETED: (datetime, NoneType),
}
"""The types of the value by which a list is sorted, if not the time alone."""
_PRIORITIES: Final = frozenset({*rules.PRIORITIES, None})
"""What a task can have."""


class Going(NamedTuple):
    """What a cursor says: for which list it is, and where that goes on."""

    today: date
    asked: str
    """Stands for the order and the filters: a digest."""
    after: Position


def _kinds(sort: Sort) -> list[Sequence[type]]:
    """Return the types of the values of a cursor."""
    kinds: list[Sequence[type]] = [(date,), (str,), (datetime,), (int,)]
    if sort in _KINDS:
        kinds += [_KINDS[sort], _TEXT]
    return kinds


def read_cursor(text: str, sort: Sort) -> Going:
    """Read the cursor of a list of tasks.

    Raises:
        InvalidInput: it is none of a list in this order.
    """
    today, asked, *place = cursors.read_values(text, _kinds(sort))
    after = Position(*place)
    priorities: set[object] = {after.priority}
    if sort is Sort.PRIORITY:
        priorities.add(after.value)
    # The place of a task has its priority twice in that order, and alike.
    if len(priorities) > 1 or not priorities <= _PRIORITIES:
        raise cursors.not_ours()
    return Going(today, asked, after)


def write_cursor(going: Going, sort: Sort) -> str:
    """Write the cursor of a list of tasks."""
    values = [going.today, going.asked, *going.after]
    return cursors.write(values[: len(_kinds(sort))])


class ListParameters(BaseModel):
    """The query of a list: the filters, the order, and a page of it."""

    model_config = {"extra": "forbid"}

    q: Annotated[str | None, WithJsonSchema(dict(patterns.Q))] = Field(
        None,
        description="Words that must all occur in title, description, project or "
        'tags; case and accents do not count. A phrase in `"` must occur as it is. '
        f"At most {filters.MOST_WORDS} words.",
    )
    status: TaskStatus = Field(TaskStatus.ALL, description="Which tasks.")
    due: Annotated[str | None, WithJsonSchema(dict(patterns.DUE))] = Field(
        None,
        description="Due then: a day (`2026-12-24`, `today`, `fri`, `+3d`), a range "
        "(`mon..fri`, `..sun`), `overdue`, `any` or `none`.",
    )
    priority: Annotated[
        list[str] | None, WithJsonSchema(dict(patterns.PRIORITIES))
    ] = Field(
        None,
        description="Of this priority, or `none`; repeat it for any of several.",
    )
    project: Annotated[str | None, WithJsonSchema(dict(patterns.PROJECT))] = (
        Field(
            None,
            description="Of this project and all below it; `none` for none.",
        )
    )
    tag: Annotated[list[str] | None, WithJsonSchema(dict(patterns.TAGS))] = (
        Field(
            None,
            max_length=rules.MOST_TAGS,
            description="With this tag; repeat it to require all.",
        )
    )
    no_tag: Annotated[
        list[str] | None, WithJsonSchema(dict(patterns.TAGS))
    ] = Field(
        None,
        max_length=rules.MOST_TAGS,
        description="Without this tag; repeat it for more.",
    )
    since: Annotated[str | None, WithJsonSchema(dict(patterns.PAST_DAY))] = (
        Field(
            None,
            description="Added on that day or later, in UTC; with `status=done`, done "
            "then. `fri` is the last one.",
        )
    )
    until: Annotated[str | None, WithJsonSchema(dict(patterns.PAST_DAY))] = (
        Field(None, description="The same, on that day or earlier.")
    )
    sort: filters.SortBy = Field(
        "newest",
        description="The order. `due`, `oldest`, `project` and `title` go upward, "
        "`priority` begins with high, the others with the latest. Tasks without the "
        "value come last.",
    )
    limit: Annotated[int, BeforeValidator(_limit)] = Field(
        USUAL_TASKS,
        ge=1,
        le=MOST_TASKS,
        description="How many tasks a page has at most.",
    )
    today: Annotated[
        date | None,
        BeforeValidator(_today),
        WithJsonSchema(dict(patterns.DATE)),
    ] = Field(
        None,
        description="The caller's day, which decides what is open, what waits and what "
        "is overdue; by default the day in UTC.",
    )
    cursor: Cursor = None

    def query(self, now: datetime) -> TaskQuery:
        """Make the query for the service; `now` is the time in UTC.

        Raises:
            InvalidInput: a value breaks a rule, or the cursor is not one of
                ours, or of another list.
        """
        going = self._going()
        today = self.today or now.date()
        after = None
        if going is not None:
            today = going.today
            after = going.after
        since, before = self._times(today)
        return TaskQuery(
            status=self.status,
            limit=self.limit,
            after=after,
            today=today,
            sort=Sort(self.sort),
            words=self._words(),
            due=_unsaid(
                "due", _NO_DUE, filters.read_due, _plus(self.due), today
            ),
            priorities=self._priorities(),
            project=self._project(),
            tags=_tags("tag", self.tag),
            no_tags=_tags("no_tag", self.no_tag),
            since=since,
            before=before,
            is_counted=True,
        )

    def _going(self) -> Going | None:
        """Read the cursor; None without one.

        Raises:
            InvalidInput: it is not one of ours, or of another list.
        """
        if self.cursor is None:
            return None
        going = read_cursor(self.cursor, Sort(self.sort))
        is_same_day = self.today in (None, going.today)
        if going.asked != self._digest() or not is_same_day:
            raise InvalidInput.of(
                "cursor", "is of a list with another order, filter or day"
            )
        return going

    def _asked(self) -> dict[str, Any]:
        """Return what decides which tasks are in the list, and their order."""
        pages = {"limit", "today", "cursor"}
        return self.model_dump(mode="json", exclude=pages, exclude_none=True)

    def _digest(self) -> str:
        """Return a short text that stands for the order and the filters."""
        text = json.dumps(self._asked(), sort_keys=True)
        return sha256(text.encode()).hexdigest()[:_DIGEST_LENGTH]

    def _words(self) -> tuple[str, ...]:
        """Split `q` into words and phrases.

        Raises:
            InvalidInput: there is none, or one breaks a rule.
        """
        if self.q is None:
            return ()
        patterns.check_length("q", patterns.MOST_Q, self.q)
        words = []
        for phrase, word in _WORD.findall(self.q):
            words.append(phrase or word)
        if not words:
            raise InvalidInput.of("q", _NO_WORD)
        return _unsaid("q", _NO_WORD, filters.read_words, words)

    def _project(self) -> str | None:
        """Read the project; "" means none.

        Raises:
            InvalidInput: it is too long, empty, or no name of a project.
        """
        text = self.project
        if text is not None:
            patterns.check_length("project", rules.PROJECT_LENGTH, text)
        return filters.read_project(text)

    def _priorities(self) -> frozenset[str | None]:
        """Read the priorities; None stands for tasks without one.

        Raises:
            InvalidInput: one is none of the four words.
        """
        found: set[str | None] = set()
        for word in self.priority or ():
            if word not in (*rules.PRIORITIES, filters.NONE):
                raise InvalidInput.of(
                    "priority", "must be high, medium, low or none"
                )
            found.add(None if word == filters.NONE else word)
        return frozenset(found)

    def _times(self, today: date) -> tuple[datetime | None, datetime | None]:
        """Return the instants of `since` and after `until`, in UTC.

        Raises:
            InvalidInput: one of them is no day, or they run backwards.
        """
        first = _past("since", self.since, today)
        last = _past("until", self.until, today)
        return filters.between(first, last, _start_of)

    def link(self, path: str, after: Position, today: date) -> str:
        """Write the header `Link`, which names the next page.

        The next page is of the same day, also after midnight.
        """
        values = self._asked() | {"limit": self.limit}
        is_by_day = self.status in (TaskStatus.OPEN, TaskStatus.WAITING)
        if is_by_day or self.today is not None:
            values["today"] = today.isoformat()
        going = Going(today, self._digest(), after)
        return link(path, values, write_cursor(going, Sort(self.sort)))


def _past(name: str, text: str | None, today: date) -> date | None:
    """Read a day of the past.

    Raises:
        InvalidInput: it is no day.
    """
    return _unsaid(name, _NO_DAY, filters.read_past, name, _plus(text), today)


def _plus(text: str | None) -> str | None:
    """Put a `+` back that became a blank on its way."""
    if text is None:
        return None
    return _PLUS.sub(r"\1+", text)


def _start_of(day: date) -> datetime:
    """Return the instant in which a day begins in UTC."""
    return datetime.combine(day, time(), UTC)


def _tags(name: str, tags: Sequence[str] | None) -> tuple[str, ...]:
    """Read the tags of a parameter.

    Raises:
        InvalidInput: one of them breaks a rule.
    """
    for tag in tags or ():
        patterns.check_length(name, rules.TAG_LENGTH, tag)
    return tuple(_named(name, rules.clean_tags, tags))


class Before(NamedTuple):
    """A place in a history: the operations before one with this number."""

    operation: int


class HistoryParameters(BaseModel):
    """The query of a history."""

    model_config = {"extra": "forbid"}

    limit: Annotated[int, BeforeValidator(_limit)] = Field(
        USUAL_OPERATIONS,
        ge=1,
        le=MOST_TASKS,
        description="How many operations a page has at most.",
    )
    cursor: Annotated[
        str | None,
        WithJsonSchema({"type": "string", "pattern": cursors.PATTERN}),
    ] = Field(
        None,
        description="Where the page begins: a part of the `Link` of the page before.",
    )

    @property
    def before(self) -> int | None:
        """The number of the operation before which the page begins.

        Raises:
            InvalidInput: the cursor is not one of ours.
        """
        if self.cursor is None:
            return None
        return cursors.read(self.cursor, Before).operation


def link(path: str, values: Mapping[str, Any], cursor: str) -> str:
    """Write the header `Link`, which names the next page."""
    given = {**values, "cursor": cursor}
    return f'<{path}?{urlencode(given, doseq=True)}>; rel="next"'


def refuse_repeated(query: QueryParams) -> None:
    """Refuse a parameter that is there twice, if it has one value.

    The parameters are known ones, so the error may name them.

    Raises:
        InvalidInput: a parameter is there more than once.
    """
    seen = set()
    for name, _ in query.multi_items():
        if name in seen and name not in REPEATABLE:
            raise InvalidInput.of(name, "must not be given more than once")
        seen.add(name)
