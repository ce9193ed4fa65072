"""`todo list --watch`: asks for changes again and again, and draws the list anew.

Each time it asks for the latest operation of the user, and reads the tasks only
if that is another one, or another day has begun. Between two questions no
transaction is open, and nothing is sent. Ages are drawn anew from tasks that
were read before.

Two tasks of the event loop share what is known (`Shown`):

    Watch._ask     asks, and notes what has changed, or since when nobody
                   answers; only errors that will stay end it
    Watch.go_on    has a face show what is known: first of all, whenever
                   something has changed, at a resized window, and else
                   every 20 s; it ends both

So a window is drawn anew at once, and a signal ends all, also while a server
does not answer. A *face* is `Drawing`, which has the whole screen, or `Printing`,
for plain terminals; tests have one that only keeps what it is to show.
"""

import asyncio
import gc
import re
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from todo_cli import redact
from todo_cli.cli.screen import Roll, Screen, size_of
from todo_cli.database.keeper import quietly
from todo_cli.database.url import PostgresTarget
from todo_cli.errors import (
    Code,
    DatabaseUnavailable,
    InvalidInput,
    TodoError,
    Usage,
)
from todo_cli.output import terminal, times, views, watched
from todo_cli.output.text import visible
from todo_cli.output.views import ViewContext
from todo_cli.output.watched import Room
from todo_cli.task import Latest, TaskPage

if TYPE_CHECKING:
    from todo_cli.cli.context import RunContext
    from todo_cli.cli.env import Env

OF_A_FILE_S: Final = 2.0
OF_A_SERVER_S: Final = 5.0
"""How many seconds pass between two questions, if nobody says more."""
_SHORTEST_S: Final = 1
_LONGEST_S: Final = 3_600
_UNITS: Final = {"s": 1, "m": 60, "h": 3_600}
_INTERVAL: Final = re.compile("([0-9]{1,5})([smh])", re.ASCII)

_DRAWN_EVERY_S: Final = 20.0
"""How old ages may be, in seconds."""
_NOTE_S: Final = 20.0
"""How long a note is shown."""
_SILENT_S: Final = 3.0
"""How long a store may take to answer before the screen says so."""
_LEAVE_S: Final = 0.5
"""How long a question that is under way at the end may take to be cancelled."""
_NEON_SLEEPS_S: Final = 300
"""After so many idle seconds Neon suspends a database."""

_PASSING: Final = (
    Code.DATABASE_UNAVAILABLE,
    Code.DATABASE_BUSY,
    Code.TIMEOUT,
    Code.IO_ERROR,
)
"""What may be over at the next question. Everything else ends the watch."""

Find = Callable[["RunContext"], Awaitable[TaskPage]]


def read_interval(text: str) -> float:
    """Read an interval, such as `30s`; return seconds.

    Raises:
        InvalidInput: it is none, or too short or too long.
    """
    found = _INTERVAL.fullmatch(text.strip().lower())
    if found is None:
        shown = redact.shown(text)
        raise InvalidInput.of(
            "every", f"`{shown}` is not an interval; say 5s, 30s or 2m"
        )
    seconds = int(found[1]) * _UNITS[found[2]]
    if not _SHORTEST_S <= seconds <= _LONGEST_S:
        raise InvalidInput.of("every", "must be from 1s to 1h")
    return float(seconds)


def written(seconds: float) -> str:
    """Write an interval as it is typed, in the largest unit that fits."""
    for unit in ("h", "m"):
        length = _UNITS[unit]
        if seconds >= length and seconds % length == 0:
            return f"{seconds / length:g}{unit}"
    return f"{seconds:g}s"


def check(env: "Env", *, as_json: bool) -> None:
    """Check that there is a screen to draw on.

    Raises:
        Usage: JSON is wanted, or stdout is no terminal.
    """
    if as_json:
        raise Usage(
            "`--watch` draws on a terminal, so it cannot print JSON",
            hint="leave out --watch, or --json (TODO_OUTPUT=text)",
        )
    if not env.stdout_is_terminal:
        raise Usage(
            "`--watch` needs a terminal to draw on",
            hint="leave out --watch where standard output is a file or a pipe",
        )


def interval(context: "RunContext", every_s: float | None) -> float:
    """Return the seconds between two questions; the store decides if not given."""
    if every_s is not None:
        return every_s
    if context.database.is_sqlite:
        return OF_A_FILE_S
    return OF_A_SERVER_S


async def watch(
    find: Find,
    context: "RunContext",
    typed: Sequence[str],
    every_s: float,
) -> None:
    """Show what `find` finds, and anew after each change, until somebody ends it.

    `typed` are the arguments of the command. Ctrl-C and `q` end it without an
    error. Before anything is shown, errors are those of `find`. Later a store
    that cannot be reached is asked again.

    Raises:
        Interrupted: another signal came, or the reader has left.
        TodoError: an error that will stay, such as a wrong password.
    """
    # This process does not end soon, so its garbage is collected.
    gc.enable()
    # Before the tasks: what changes between the two is seen next time.
    latest = await context.tasks.latest()
    page = await find(context)
    shown = Shown(page, latest, note=_note(context, every_s))
    _free_terminal(context)
    face: Face = Printing(context)
    if not context.env.is_plain:
        face = Drawing(context, context.command(*typed), every_s)
    await Watch(find, context, shown, every_s).go_on(face)


def _free_terminal(context: "RunContext") -> None:
    """Have nothing else written to the terminal from now on."""
    context.free_line()
    if context.spinner is not None:
        context.spinner.is_over = True
    # An upgrade of a file that has replaced ours would draw a bar.
    context.database.progress = quietly


def _note(context: "RunContext", every_s: float) -> str:
    """Say what the questions cost, if the store is Neon's; else nothing."""
    target = context.settings.target
    if not isinstance(target, PostgresTarget) or not target.is_neon:
        return ""
    if every_s < _NEON_SLEEPS_S:
        return "Watching keeps the Neon database awake"
    return f"Watching wakes the Neon database every {written(every_s)}"


class Trouble(NamedTuple):
    """A store that does not answer."""

    since: datetime
    """When the first question was asked that had no answer."""
    reason: str = ""

    def said(self, view: ViewContext) -> str:
        """Say since when, that it is tried again, and why, if that is known."""
        since = times.moment(self.since, view.now, view.zone)
        words = f"No answer since {since}; trying again"
        if not self.reason:
            return words
        return f"{words}: {redact.without_logins(self.reason)}"


@dataclass(slots=True)
class Shown:
    """What is known, and so what is to be shown."""

    page: TaskPage
    """The tasks, as they were read last."""
    latest: Latest | None
    """The operation after which they were read; None as long as there is no
    store.
    """
    trouble: Trouble | None = None
    """Why they may be out of date by now."""
    note: str = ""
    """What is said once, at the beginning."""


class Face(Protocol):
    """Shows what is known."""

    @property
    def has_ended(self) -> bool:
        """Whether somebody has asked for the end."""

    def taken(self, wake: Callable[[], None]) -> AbstractContextManager[None]:
        """Have the terminal in this context; `wake` asks to show it again."""

    async def show(self, shown: Shown) -> None:
        """Show it.

        Raises:
            Interrupted: the reader has left.
            IoFailed: the terminal cannot be written to.
        """


class Watch:
    """Keeps what is shown up to date."""

    def __init__(
        self, find: Find, context: "RunContext", shown: Shown, every_s: float
    ) -> None:
        self._find = find
        self._context = context
        self._shown = shown
        self._every_s = every_s
        self._changed = asyncio.Event()

    async def go_on(self, face: Face) -> None:
        """Show it on a face until that has ended, or an error ends it.

        Raises:
            TodoError: an error that will stay.
        """
        loop = asyncio.get_running_loop()
        began_s = loop.time()

        def wake() -> None:
            loop.call_soon_threadsafe(self._changed.set)

        asking = asyncio.create_task(self._ask())
        try:
            with face.taken(wake):
                while not face.has_ended:
                    self._changed.clear()
                    if loop.time() - began_s >= _NOTE_S:
                        self._shown.note = ""
                    await face.show(self._shown)
                    await self._wait(asking)
        finally:
            # The terminal is given back first: this may take a while.
            asking.cancel()
            await asyncio.wait({asking}, timeout=_LEAVE_S)

    async def _wait(self, asking: "asyncio.Task[None]") -> None:
        """Wait until there is something to draw, if only the ages.

        Raises:
            TodoError: see `_ask`.
        """
        waking = asyncio.create_task(self._changed.wait())
        try:
            await asyncio.wait(
                {waking, asking},
                timeout=_DRAWN_EVERY_S,
                return_when=asyncio.FIRST_COMPLETED,
            )
        finally:
            waking.cancel()
        if asking.done():
            asking.result()

    async def _ask(self) -> None:
        """Ask for changes, for ever; a pause comes after each answer.

        Raises:
            TodoError: an error that will stay.
        """
        asked_on = self._shown.page.today
        while True:
            await self._pause(asked_on)
            asked_on = self._context.today
            await self._ask_once()

    async def _pause(self, day: date) -> None:
        """Wait until the next question, or until `day` is over.

        In steps, as clocks can be set, and stand while a machine sleeps.
        """
        left_s = self._every_s
        while left_s > 0 and self._context.today == day:
            step_s = min(left_s, _DRAWN_EVERY_S)
            await asyncio.sleep(step_s)
            left_s -= step_s

    async def _ask_once(self) -> None:
        """Ask for changes; note since when there is no answer."""
        began = self._context.env.now()
        loop = asyncio.get_running_loop()
        late = loop.call_later(_SILENT_S, self._miss, began)
        try:
            await self._look()
        except TodoError as error:
            if not self._can_pass(error):
                raise
            self._miss(began, error.message)
        else:
            if self._shown.trouble is not None:
                self._shown.trouble = None
                self._changed.set()
        finally:
            late.cancel()

    async def _look(self) -> None:
        """Read the tasks, if something changed or another day has begun."""
        shown, context = self._shown, self._context
        latest = await context.tasks.latest()
        if latest is None and shown.latest is not None:
            place = context.settings.target.place
            raise DatabaseUnavailable(f"{place} is not there any more")
        if latest == shown.latest and context.today == shown.page.today:
            return
        shown.page = await self._find(context)
        shown.latest = latest
        self._changed.set()

    def _miss(self, began: datetime, reason: str = "") -> None:
        """Note that there is no answer; the first such question counts."""
        trouble = self._shown.trouble
        if trouble is None:
            trouble = Trouble(began)
        reason = reason or trouble.reason
        self._shown.trouble = trouble._replace(reason=reason)
        self._changed.set()

    def _can_pass(self, error: TodoError) -> bool:
        """Whether the next question may have an answer."""
        # What was written over is never read again by this process.
        is_lost = self._context.database.keeper.overwritten is not None
        return error.code in _PASSING and not is_lost


def _view(context: "RunContext") -> ViewContext:
    """Make what words need besides the tasks, as it is now."""
    settings = context.settings
    return ViewContext(
        settings.user,
        settings.target.place,
        False,
        context.env.now(),
        by_flag=settings.user_source == "--user",
        variables=context.env.variables,
    )


def _notices(shown: Shown, view: ViewContext) -> list[str]:
    """Say what is wrong, and what else should be known."""
    notices = []
    if shown.page.fault is not None:
        notices.append(shown.page.fault.message)
    if shown.trouble is not None:
        notices.append(shown.trouble.said(view))
    if shown.note:
        notices.append(shown.note)
    return notices


class Drawing(Screen):
    """Draws it on the whole screen."""

    def __init__(
        self, context: "RunContext", command: str, every_s: float
    ) -> None:
        super().__init__(context.env)
        self._context = context
        self._command = redact.without_logins(command)
        self._every_s = every_s

    async def show(self, shown: Shown) -> None:
        """See `Face`."""
        env = self._context.env
        view = _view(self._context)
        width, height = size_of(env)
        facts = self._facts(shown, view)
        lines = watched.screen(
            views.table(shown.page, view),
            _notices(shown, view),
            watched.status_line(self._command, facts, width),
            Room(width, height, env.encoding, env.variables),
        )
        await self.draw(lines)

    def _facts(self, shown: Shown, view: ViewContext) -> list[str]:
        """Say when something was changed last, and how this goes on."""
        facts = []
        at = shown.latest and shown.latest.at
        if at is not None:
            facts.append(f"changed {times.moment(at, view.now, view.zone)}")
        facts.append(f"every {written(self._every_s)}")
        if self.takes_keys:
            facts.append("q quits")
        return facts


class Printing(Roll):
    """Prints it below what was there before, once for each change."""

    def __init__(self, context: "RunContext") -> None:
        super().__init__(context.env)
        self._context = context
        self._said: list[str] = []
        """The notices of the last time."""
        self._printed: TaskPage | None = None
        """The list that was printed."""
        self._was_away = False

    async def show(self, shown: Shown) -> None:
        """See `Face`."""
        view = _view(self._context)
        now = times.moment(view.now, view.now, view.zone)
        lines = []
        is_away = shown.trouble is not None
        if self._was_away and not is_away:
            lines.append(f"Answering again since {now}")
        self._was_away = is_away
        if self._differs(shown.page):
            if self._printed is not None:
                lines.append(f"Changed at {now}:")
            lines.append(self._list(shown.page, view))
            self._printed = shown.page
        lines += self._new_notices(shown, view)
        if lines:
            text = "\n".join(lines)
            await self.print(f"{text}\n")

    def _differs(self, page: TaskPage) -> bool:
        """Whether a list says something that was not printed."""
        before = self._printed
        if before is None or before.tasks != page.tasks:
            return True
        return before.counts != page.counts or before.today != page.today

    def _new_notices(self, shown: Shown, view: ViewContext) -> list[str]:
        """Return the notices that were not printed."""
        trouble = shown.trouble
        if trouble is not None:
            # It can be another one each time.
            trouble = trouble._replace(reason="")
        said = _notices(replace(shown, trouble=trouble), view)
        new = [visible(each) for each in said if each not in self._said]
        self._said = said
        return new

    def _list(self, page: TaskPage, view: ViewContext) -> str:
        """Draw the list in words."""
        env = self._context.env
        width, _ = size_of(env)
        lines = terminal.draw(
            views.listed(page, view),
            width=width,
            encoding=env.encoding,
            variables=env.variables,
            is_plain=True,
            is_styled=False,
        )
        return "\n".join(lines)
