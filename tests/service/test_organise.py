"""Filters and orders of lists, on both stores, against an oracle in plain Python."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, timedelta
from itertools import combinations, product
from typing import Any, Final

import pytest

from tests.service.backdoor import run_sql
from tests.support.oracle import counted, listed, ordered
from tests.support.saved import Saved, put_back, save
from tests.support.size import size
from tests.support.stores import Clock, Store
from todo_cli.database import sorting
from todo_cli.database.engine import open_database
from todo_cli.service import TaskService
from todo_cli.task import (
    Counts,
    Days,
    Group,
    NewTask,
    Sort,
    Task,
    TaskChange,
    TaskPage,
    TaskQuery,
    TaskStatus,
)

TODAY: Final = date(2026, 1, 2)
MANY: Final = 1_400
"""More than lists look for before they walk an index."""
TITLES: Final = (
    *("Ärger", "arger", "ARGER", "ärger", "argerer", "a", "B", "b"),
    *("straße", "STRASSE", "ﬁsh", "fish", "100%", "a_b", '"quoted"', "x*"),
    *("買牛乳", "한국어", "שלום", "کتاب", "😀", "～", "Ωmega", "ωmega"),
    *("\u200dzwj", "[x]", "\\", "buy milk today", "i\u0307", "İ"),
    *("z" * 200, "z" * 149 + "Z" * 51, "ﷺ" * 200, "ﷺ" * 199 + "a"),
)
PROJECTS: Final = (
    *(None, None, None, "home", "home.kitchen", "home.kitchen.sink"),
    *("homework", "Home", "home-x", "hömé", "home x", "a.b"),
)
TAGS: Final = ("food", "Food", "fööd", "x%", "_", "errand", "-food", "日本")
NOTES: Final = (None, None, "with milk", "two\nlines", "100% sure", "ÄRGER")


def days(chance: random.Random) -> date | None:
    """A day around today, or none."""
    if chance.random() < 0.4:
        return None
    return TODAY + timedelta(days=chance.randint(-3, 4))


def news(chance: random.Random) -> NewTask:
    """A task with random fields."""
    tags = [tag for tag in TAGS if chance.random() < 0.15]
    if chance.random() < 0.9:
        tags.append("most")
    return NewTask(
        title=chance.choice(TITLES),
        description=chance.choice(NOTES),
        due_on=days(chance),
        wait_until=days(chance) if chance.random() < 0.3 else None,
        priority=chance.choice([None, None, "high", "medium", "low"]),
        project=chance.choice(PROJECTS),
        tags=tags,
    )


async def fill(tasks: TaskService, clock: Clock, total: int) -> list[Task]:
    """Add tasks, do, change and delete some, many at the same instant."""
    chance = random.Random(total)
    made = 0
    while made < total:
        count = min(chance.choice([1, 3, 40, 90]), total - made)
        await tasks.add_all([news(chance) for _ in range(count)])
        made += count
        clock.tick(chance.choice([0.000001, 1, 3600, 40_000]))
    numbers = list(range(1, total + 1))
    for _ in range(6):
        some = chance.sample(numbers, max(total // 20, 1))
        await tasks.complete(some)
        clock.tick(chance.choice([0, 1, 86_400]))
        some = chance.sample(numbers, max(total // 25, 1))
        await tasks.update(some, TaskChange(priority="low"))
        clock.tick(chance.choice([0, 1]))
        some = chance.sample(numbers, max(total // 25, 1))
        await tasks.delete(some)
        numbers = sorted({*numbers}.difference(some))
    stored = []
    for status in (TaskStatus.ALL, TaskStatus.TRASH):
        stored += (await tasks.list(TaskQuery(status))).tasks
    assert len(stored) == total
    return stored


@pytest.fixture(scope="module")
def kept() -> dict[str, tuple[Saved, list[Task]]]:
    """The tasks of `many`, once they are made, by the kind of their store."""
    return {}


@pytest.fixture
async def many(
    store: Store,
    tasks: TaskService,
    clock: Clock,
    kept: dict[str, tuple[Saved, list[Task]]],
) -> list[Task]:
    """More than a thousand tasks of ada's, and some of bob's."""
    if store.kind not in kept:
        async with open_database(store.target) as database:
            bob = TaskService(database, "bob", clock)
            chance = random.Random(7)
            await bob.add_all([news(chance) for _ in range(30)])
        made = await fill(tasks, clock, MANY)
        kept[store.kind] = await save(store), made
    else:
        await put_back(store, kept[store.kind][0])
    return kept[store.kind][1]


@pytest.fixture
async def few(tasks: TaskService, clock: Clock) -> list[Task]:
    """Some sixty tasks."""
    return await fill(tasks, clock, 60)


def numbers(tasks: Sequence[Task]) -> list[int]:
    """The numbers of tasks, in their order."""
    return [task.number for task in tasks]


def assert_honest(page: TaskPage, total: int) -> None:
    """Check what a page says of the tasks beyond its limit."""
    assert (page.next is None) == (total == len(page.tasks)), page.query
    found = None if page.query.limit is None else min(total, 1_001)
    assert page.counts.found == found, page.query


async def differing(
    tasks: TaskService,
    stored: Sequence[Task],
    queries: Sequence[TaskQuery],
    *,
    is_filled: bool = True,
) -> list[tuple[TaskQuery, list[int], list[int]]]:
    """The queries whose answer is not the oracle's, with both answers."""
    found = []
    counts = counted(stored, TODAY)
    fitting: dict[TaskQuery, list[Task]] = {}
    for query in queries:
        page = await tasks.list(query)
        # What fits is the same in every order.
        filters = replace(
            query, limit=None, sort=None, group=None, is_reversed=False
        )
        if filters not in fitting:
            fitting[filters] = listed(stored, filters, TODAY)
        whole = ordered(fitting[filters], query)
        wanted = numbers(whole[: query.limit])
        if numbers(page.tasks) != wanted:
            found.append((query, numbers(page.tasks), wanted))
        if is_filled:
            assert_honest(page, len(whole))
        if query.limit is None or not page.tasks:
            assert replace(page.counts, found=None) == counts, query
    return found


def orders(limits: Sequence[int | None]) -> Iterator[TaskQuery]:
    """Every order of every status, divided or not, in both directions."""
    for status, sort, group, is_reversed, limit in product(
        TaskStatus,
        (None, *Sort),
        (None, *Group),
        (False, True),
        limits,
    ):
        yield TaskQuery(
            status,
            today=TODAY,
            limit=limit,
            sort=sort,
            group=group,
            is_reversed=is_reversed,
        )


def shared_out(store: Store, queries: Sequence[TaskQuery]) -> list[TaskQuery]:
    """The queries to ask of a store: in the suite an eighth of all, and another one of
    the other store.
    """
    shuffled = list(queries)
    random.Random(11).shuffle(shuffled)
    first = size(int(store.kind == "sqlite"), 0)
    return shuffled[first :: size(8, 1)]


@pytest.mark.spec("001/FR-060")
async def test_every_order_of_every_status_is_the_same_on_both_stores(
    store: Store, tasks: TaskService, few: list[Task]
) -> None:
    queries = shared_out(store, list(orders([None, 7])))

    assert await differing(tasks, few, queries) == []


@pytest.mark.spec("001/FR-060")
async def test_every_order_of_many_tasks_begins_alike_with_a_limit(
    store: Store, tasks: TaskService, many: list[Task]
) -> None:
    queries = shared_out(store, list(orders([25])))

    assert await differing(tasks, many, queries) == []


START: Final = Clock().now
FILTERS: Final[dict[str, dict[str, Any]]] = {
    "due today": {"due": Days(TODAY, TODAY)},
    "overdue": {"due": Days(last=TODAY - timedelta(days=1))},
    "due from": {"due": Days(first=TODAY)},
    "due": {"due": Days()},
    "not due": {"due": Days(has_day=False)},
    "high": {"priorities": frozenset(["high"])},
    "no priority": {"priorities": frozenset([None])},
    "low or none": {"priorities": frozenset(["low", None])},
    "any": {"priorities": frozenset(["low", "high", "medium", None])},
    "project": {"project": "home"},
    "below": {"project": "home.kitchen"},
    "no project": {"project": ""},
    "tag": {"tags": ("food",)},
    "most": {"tags": ("most",)},
    "tags": {"tags": ("food", "x%")},
    "no tag": {"tags": ("nobody",)},
    "without": {"no_tags": ("food", "_")},
    "since": {"since": START + timedelta(hours=20)},
    "before": {"before": START + timedelta(hours=20)},
    "word": {"words": ("milk",)},
    "words": {"words": ("ärger", "HOME", "mi")},
    "phrase": {"words": ("milk today",)},
    "signs": {"words": ("%",)},
    "tag word": {"words": ("food",)},
}


def filtered(*names: str, **more: Any) -> TaskQuery:
    """A query with these filters; the later one wins where both set a field."""
    values: dict[str, Any] = {"today": TODAY}
    for name in names:
        values |= FILTERS[name]
    return TaskQuery(**values | more)


@pytest.mark.spec("001/FR-061")
async def test_each_filter_finds_what_fits_in_every_status(
    store: Store, tasks: TaskService, many: list[Task]
) -> None:
    every = [
        filtered(name, status=status, limit=limit)
        for name, status in product(FILTERS, TaskStatus)
        for limit in (None, 9)
    ]
    queries = shared_out(store, every)

    assert await differing(tasks, many, queries) == []


@pytest.mark.spec("001/FR-061")
async def test_two_filters_find_what_fits_both(
    store: Store, tasks: TaskService, many: list[Task]
) -> None:
    chance = random.Random(5)
    every = [
        filtered(
            *pair,
            status=chance.choice(list(TaskStatus)),
            sort=chance.choice([None, *Sort]),
            group=chance.choice([None, None, *Group]),
            is_reversed=chance.random() < 0.3,
            limit=chance.choice([None, 1, 20, 2_000]),
        )
        for pair in combinations(FILTERS, 2)
    ]
    queries = shared_out(store, every)

    assert await differing(tasks, many, queries) == []


@pytest.mark.spec("001/FR-062")
async def test_rows_without_folded_texts_are_found_all_the_same(
    store: Store, tasks: TaskService, few: list[Task]
) -> None:
    await run_sql(
        store,
        "UPDATE todo.task SET title_folded = NULL, description_folded = NULL,"
        " project_folded = NULL WHERE number % 3 = 0",
    )
    words = ["ärger", "ARGER", "milk", "home", "föod", "strasse", "100%", "_"]
    queries = [
        TaskQuery(status, today=TODAY, words=(word, *more), limit=limit)
        for word in words
        for more in ((), ("a",))
        for status in (TaskStatus.ALL, TaskStatus.OPEN, TaskStatus.TRASH)
        for limit in (None, 1, 3, 60)
    ]

    assert await differing(tasks, few, queries, is_filled=False) == []


@pytest.mark.spec("001/FR-062")
async def test_a_page_that_was_read_again_says_where_it_goes_on(
    store: Store, tasks: TaskService, clock: Clock
) -> None:
    for title in ("milk", "bread", "milk", "bread", "milk", "bread"):
        await tasks.add(NewTask(title=title))
        clock.tick()
    await run_sql(store, "UPDATE todo.task SET title_folded = NULL")
    query = TaskQuery(today=TODAY, words=("MILK",), limit=2, sort=Sort.NEWEST)

    first = await tasks.list(query)
    rest = await tasks.list(replace(query, after=first.next))

    assert (numbers(first.tasks), first.counts.found) == ([5, 3], 3)
    assert (numbers(rest.tasks), rest.next) == ([1], None)


async def misled(
    tasks: TaskService,
    stored: Sequence[Task],
    queries: Sequence[TaskQuery],
) -> list[tuple[TaskQuery, list[int], list[int]]]:
    """The queries whose list does not go on as the oracle's after some task of it."""
    chance = random.Random(3)
    found = []
    for query in queries:
        every = replace(query, limit=None)
        whole = ordered(listed(stored, every, TODAY), query)
        if not whole:
            continue
        place = chance.randrange(len(whole))
        after = sorting.position_of(whole[place], query)
        page = await tasks.list(replace(query, after=after))
        rest = whole[place + 1 :]
        wanted = rest[: query.limit]
        if numbers(page.tasks) != numbers(wanted):
            found.append((query, numbers(page.tasks), numbers(wanted)))
        if len(rest) > len(wanted):
            assert page.next == sorting.position_of(wanted[-1], query)
        else:
            assert page.next is None
    return found


@pytest.mark.spec("001/FR-133")
async def test_a_list_goes_on_in_every_order_after_any_task(
    store: Store, tasks: TaskService, few: list[Task]
) -> None:
    queries = [
        TaskQuery(status, today=TODAY, limit=limit, sort=sort, **more)
        for status, sort in product(TaskStatus, Sort)
        for limit in (4, None)
        for more in (
            {},
            {"due": Days()},
            {"priorities": frozenset(["low", None])},
        )
    ]

    assert await misled(tasks, few, shared_out(store, queries)) == []


@pytest.mark.spec("001/FR-133")
async def test_a_long_list_goes_on_in_every_order_with_a_filter_and_without(
    store: Store, tasks: TaskService, many: list[Task]
) -> None:
    queries = [
        filtered(*names, status=status, sort=sort, limit=20)
        for status, sort in product((TaskStatus.ALL, TaskStatus.OPEN), Sort)
        for names in ((), ("most",), ("due",), ("without",), ("project",))
    ]

    assert await misled(tasks, many, shared_out(store, queries)) == []


@pytest.mark.spec("001/FR-133")
async def test_a_reversed_list_goes_on_too(
    tasks: TaskService, few: list[Task]
) -> None:
    """Nobody asks for it, so it may cost more."""
    queries = [
        TaskQuery(today=TODAY, limit=3, sort=sort, is_reversed=True)
        for sort in Sort
    ]

    assert await misled(tasks, few, queries) == []


@pytest.mark.spec("001/FR-134")
async def test_a_list_counts_what_is_open_and_done_if_asked(
    tasks: TaskService, few: list[Task]
) -> None:
    counts = counted(few, TODAY)
    for status, names in product(TaskStatus, ((), ("tag",), ("no tag",))):
        query = filtered(*names, status=status, limit=2, is_counted=True)
        page = await tasks.list(query)

        assert page.counts.open == counts.open
        assert page.counts.done == counts.done


async def test_nobody_has_counts_and_no_tasks(
    tasks: TaskService, service: Any, few: list[Task]
) -> None:
    page = await service("eve").list(filtered("word", "tag", limit=3))

    assert (page.tasks, page.next) == ([], None)
    assert page.counts == Counts(found=0)
