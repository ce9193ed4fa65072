"""The filters of `list` and `export`: which tasks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from todo_cli import filters, rules
from todo_cli.cli.commands.fields import read_priority
from todo_cli.cli.parser import one_of
from todo_cli.errors import InvalidInput, Usage
from todo_cli.task import Days, TaskQuery, TaskStatus

if TYPE_CHECKING:
    from todo_cli.cli.context import RunContext

Status = Literal["open", "waiting", "done", "all", "trash"]
StatusOption = Annotated[
    Status,
    typer.Option(
        "--status",
        callback=one_of(Status),
        help="Which tasks; `open` leaves out those that wait.",
    ),
]


def _read_priorities(words: list[str]) -> list[str]:
    """Read priorities, each as `add` does."""
    return [read_priority(word) for word in words]


def _day_option(name: str, words: str) -> Any:
    """Make an option that takes a day."""
    return typer.Option(name, metavar="DAY", help=words)


@dataclass(frozen=True, kw_only=True)
class Filters:
    """The options that say which tasks; a command that has them inherits them."""

    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="WORD",
            help="What must occur; case and accents do not count.",
            show_default=False,
        ),
    ] = None
    status: StatusOption = "open"
    due: Annotated[
        list[str] | None,
        typer.Option(
            "--due",
            metavar="DAYS",
            help="Due then: fri, +3d, 2026-12-24, mon..fri, ..sun, overdue, any, none.",
        ),
    ] = None
    priorities: Annotated[
        list[str] | None,
        typer.Option(
            "-p",
            "--priority",
            metavar="high|medium|low",
            callback=_read_priorities,
            help="Of this priority, or none; repeat for any of several.",
        ),
    ] = None
    project: Annotated[
        str | None,
        typer.Option(
            "-P",
            "--project",
            metavar="NAME",
            help="Of this project and all below it; `none` for none.",
        ),
    ] = None
    tags: Annotated[
        list[str] | None,
        typer.Option(
            "-t",
            "--tag",
            metavar="NAME",
            help="With this tag; repeat to require all.",
        ),
    ] = None
    no_tags: Annotated[
        list[str] | None,
        typer.Option(
            "--no-tag",
            metavar="NAME",
            help="Without this tag; repeat for more.",
        ),
    ] = None
    since: Annotated[
        str | None,
        _day_option(
            "--since", "Added (done, with --status done) on or after."
        ),
    ] = None
    until: Annotated[
        str | None, _day_option("--until", "The same, on or before.")
    ] = None
    on: Annotated[
        str | None, _day_option("--on", "The same, on that day.")
    ] = None

    def __post_init__(self) -> None:
        """Refuse options that contradict each other."""
        is_since = self.since is not None or self.until is not None
        if self.on is not None and is_since:
            raise Usage(
                "`--on` cannot be used with `--since` or `--until`",
                hint="todo list --help",
            )

    def query(self, context: "RunContext") -> TaskQuery:
        """Make the query of the filters, in the usual order.

        Raises:
            InvalidInput: a word, a day or a name breaks a rule.
        """
        today = context.today
        since, before = self._times(today, context.env.variables)
        priorities = {_or_none(each) for each in self.priorities or ()}
        return TaskQuery(
            status=TaskStatus(self.status),
            today=today,
            words=filters.read_words(self.words or ()),
            due=_read_due(self.due, today),
            priorities=frozenset(priorities),
            project=filters.read_project(self.project),
            tags=tuple(rules.clean_tags(self.tags)),
            no_tags=tuple(rules.clean_tags(self.no_tags)),
            since=since,
            before=before,
        )

    def _times(
        self, today: date, variables: Mapping[str, str]
    ) -> tuple[datetime | None, datetime | None]:
        """Return the instants of `--since` and after `--until`, or of `--on`.

        Raises:
            InvalidInput: one of them is no day, or they run backwards.
        """
        first = filters.read_past("since", self.since, today)
        last = filters.read_past("until", self.until, today)
        if self.on is not None:
            first = last = filters.read_past("on", self.on, today)
        start_of = partial(_start_of, variables=variables)
        return filters.between(first, last, start_of)


def _read_due(texts: Sequence[str] | None, today: date) -> Days | None:
    """Read the days of `--due`.

    Raises:
        InvalidInput: they are no days, or there are two such options.
    """
    if not texts:
        return None
    if len(texts) > 1:
        raise InvalidInput.of(
            "due", "can be given once; a range of days is `mon..fri`"
        )
    return filters.read_due(texts[0], today)


def _start_of(day: date, variables: Mapping[str, str]) -> datetime:
    """Return the instant in which a day begins for the caller."""
    from todo_cli import days

    return days.start_of(day, variables)


def _or_none(priority: str) -> str | None:
    """Return a priority; None for the word `none`."""
    if filters.is_none(priority):
        return None
    return priority
