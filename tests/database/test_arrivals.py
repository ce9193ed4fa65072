"""An import over a line that is cut: all or nothing, and the answer is that of what was done."""

import asyncio
from functools import partial
from typing import Any, Literal
from uuid import uuid4

import pytest

from tests.database.conftest import opened
from tests.support.blocking import wait_for
from tests.support.candidates import good, parts, take
from tests.support.site import MAY_HALF_CLOSE, Site
from tests.support.size import size
from tests.support.stores import Clock
from tests.support.turns import Fault, TurnProxy
from todo_cli.database import arrivals
from todo_cli.database.arrivals import Arrivals
from todo_cli.database.candidates import open_candidates
from todo_cli.database.engine import Effect
from todo_cli.database.operations import Heading
from todo_cli.database.tasks import TaskRepository
from todo_cli.errors import DatabaseUnavailable, OutcomeUnknown
from todo_cli.service import TaskService
from todo_cli.task import Command, Taken

pytestmark = MAY_HALF_CLOSE

TITLES = [f"t{place}" for place in range(1, 7)]
GIVEN = [good(place, place, tags=["x"]) for place in range(1, 7)]
WHOLE = Taken(6, 6, operation=1, first=1, last=6)
EMPTY = """TRUNCATE todo.task, todo.counter, todo.tag, todo.operation,
    todo.change"""


@pytest.fixture(autouse=True)
def batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Several statements of each kind."""
    monkeypatch.setattr(arrivals, "_BATCH", 4)
    monkeypatch.setattr(arrivals, "_BATCH_OF_FILE", 4)
    monkeypatch.setattr(arrivals, "_LOOKED_UP", 4)


async def imported(url: str, clock: Clock) -> Taken | None:
    """What an import says; None if its outcome is unknown."""
    async with opened(url) as database:
        try:
            return await take(TaskService(database, "ada", clock), *GIVEN)
        except (OutcomeUnknown, DatabaseUnavailable):
            return None


WHENS: tuple[Literal["before", "during", "after"], ...] = (
    "before",
    "during",
    "after",
)


@pytest.mark.parametrize("when", WHENS)
@pytest.mark.parametrize("connection", [1, None], ids=["once", "always"])
def test_an_import_is_whole_or_not_at_all_wherever_the_line_is_cut(
    site: Site,
    plain_url: str,
    proxy: TurnProxy,
    clock: Clock,
    when: Literal["before", "during", "after"],
    connection: int | None,
) -> None:
    assert wait_for(imported(plain_url, clock)) == WHOLE
    requests = len(proxy.requests)
    assert requests > 15
    # In the suite each request is cut in one of the six ways, and the last two, with
    # COMMIT, in all of them.
    step = size(2 * len(WHENS), 1)
    first = 1 + (2 * WHENS.index(when) + (connection is None)) % step
    last = range(requests - 4, requests - 2)  # the log-in took three
    for request in sorted({*range(first, requests, step), *last}):
        site.server.run_sql(site.database, EMPTY)
        proxy.reset()
        proxy.faults.append(Fault(when, request, connection=connection))

        said = wait_for(imported(plain_url, clock))

        site.rest()
        stored = site.titles()
        assert stored in ([], TITLES), request
        if said is not None:
            # The answer is that of what was done, also by the second try.
            assert said == WHOLE, request
            assert stored == TITLES
        else:
            assert connection is None
        proxy.reset()
        again = wait_for(imported(plain_url, clock))
        assert again == (Taken(6, present=6) if stored else WHOLE)
        assert site.titles() == TITLES
        assert site.fetch("SELECT count(*) FROM todo.operation") == [(1,)]


WAITING = """SELECT count(*) FROM pg_stat_activity
    WHERE wait_event_type = 'Lock' AND datname = current_database()"""


async def test_a_second_try_waits_for_a_first_one_that_is_still_committed(
    site: Site, plain_url: str, clock: Clock
) -> None:
    """A commit can take longer than to connect again after the line was cut."""
    async with open_candidates("a.json") as candidates:
        await candidates.fill(parts(GIVEN))
        heading = Heading(uuid4(), clock(), Command.IMPORT)
        one = Arrivals(candidates, "ada", heading, lambda count: None)
        is_written = asyncio.Event()
        may_commit = asyncio.Event()

        async def write(connection: Any, *, is_first: bool) -> Taken:
            taken = await one.write(
                connection, TaskRepository(connection, "ada")
            )
            if is_first:
                is_written.set()
                await may_commit.wait()
            return taken

        async def attempt(*, is_first: bool) -> Taken:
            async with opened(plain_url) as database:
                return await database.run(
                    partial(write, is_first=is_first),
                    effect=Effect.REPEATABLE,
                    creates=True,
                    together=True,
                )

        first = asyncio.create_task(attempt(is_first=True))
        await is_written.wait()
        second = asyncio.create_task(attempt(is_first=False))
        while not second.done() and site.fetch(WAITING) == [(0,)]:
            await asyncio.sleep(0.005)
        may_commit.set()
        assert await first == WHOLE
        assert await second == WHOLE
    assert site.titles() == TITLES
