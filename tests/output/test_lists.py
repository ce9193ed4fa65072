"""The words about a list: how many tasks there are, and why none was found."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.output.values import DAY, TODAY, context, page, task
from todo_cli.output.lists import message, nothing
from todo_cli.task import Counts, Days, TaskPage, TaskQuery, TaskStatus

MORE = 1_001
"""What the service counts up to."""
OPEN, WAITING, DONE, ALL, TRASH = TaskStatus
FEW = Counts(open=3, done=5)
MANY = Counts(open=12, overdue=2, waiting=3, done=40)


def limited(found: int) -> Counts:
    """The counts of a list with a limit, in which there is a task."""
    return Counts(None, None, None, None, found)


MESSAGES: list[tuple[TaskQuery, Counts, str]] = [
    (TaskQuery(OPEN), FEW, "3 open, 5 done"),
    (TaskQuery(OPEN), Counts(), "0 open, 0 done"),
    (TaskQuery(DONE), MANY, "12 open, 2 overdue, 3 waiting, 40 done"),
    (TaskQuery(ALL), Counts(MORE, done=5), "more than 1,000 open, 5 done"),
    (TaskQuery(limit=1), limited(3), "1 of 3"),
    (TaskQuery(ALL, limit=1), limited(MORE), "1 of more than 1,000"),
    (TaskQuery(TRASH), FEW, "1 in the trash; 3 open, 5 done"),
    (TaskQuery(TRASH, words=("a",)), FEW, "1 found; 3 open, 5 done"),
    (TaskQuery(TRASH, limit=1), limited(7), "1 of 7"),
    (TaskQuery(limit=1, words=("a",)), limited(4), "1 of 4"),
    (TaskQuery(limit=1), Counts(), "1 of 0"),
]


@pytest.mark.spec("002/FR-011", "002/FR-213")
@pytest.mark.parametrize(("query", "counts", "words"), MESSAGES, ids=str)
def test_message_says_how_many_there_are(
    query: TaskQuery, counts: Counts, words: str
) -> None:
    assert message(page(task(), query=query, counts=counts)) == words


NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
FILTERS: dict[str, TaskQuery] = {
    '"milk"': TaskQuery(words=("milk",)),
    '"milk", "two words"': TaskQuery(words=("milk", "two words")),
    "due today": TaskQuery(due=Days(TODAY, TODAY)),
    "due today to Mon 5 Jan": TaskQuery(due=Days(TODAY, TODAY + 3 * DAY)),
    "due from tomorrow": TaskQuery(due=Days(TODAY + DAY)),
    "due until today": TaskQuery(due=Days(last=TODAY)),
    "a due day before today": TaskQuery(due=Days(last=TODAY - DAY)),
    "a due day": TaskQuery(due=Days()),
    "no due day": TaskQuery(due=Days(has_day=False)),
    "high or medium priority": TaskQuery(
        priorities=frozenset({"medium", "high"})
    ),
    "low or no priority": TaskQuery(priorities=frozenset({None, "low"})),
    "project home": TaskQuery(project="home"),
    "no project": TaskQuery(project=""),
    "tag food, no tag work": TaskQuery(tags=("food",), no_tags=("work",)),
    "added since yesterday": TaskQuery(since=NOON),
    "added until Wed 31 Dec 2025": TaskQuery(
        before=datetime(2026, 1, 1, tzinfo=UTC)
    ),
    "done since yesterday, done until today": TaskQuery(
        DONE, since=NOON, before=NOON + 1.5 * DAY
    ),
    '"a", "b", "c", "d", "e", "f"': TaskQuery(words=tuple("abcdef")),
    '"a", "b", "c", "d", "e", 2 more filters, added since yesterday': (
        TaskQuery(words=tuple("abcdefg"), since=NOON)
    ),
}


@pytest.mark.spec("002/FR-053", "002/FR-213")
@pytest.mark.parametrize("words", FILTERS)
def test_nothing_names_every_filter(words: str) -> None:
    query = FILTERS[words]
    empty = page(query=query, counts=MANY)

    note = nothing(empty, context())
    kind = "done" if query.status is DONE else "open"
    assert note == (
        f"No {kind} tasks for ada in db.example/shop with {words}"
        " (12 open, 2 overdue, 3 waiting, 40 done)"
    )
    assert message(empty) == "0 found; 12 open, 2 overdue, 3 waiting, 40 done"


@pytest.mark.spec("002/FR-213")
def test_nothing_says_days_in_the_zone_of_the_caller() -> None:
    query = TaskQuery(since=NOON, before=NOON + timedelta(hours=1))
    here = context(variables={"TZ": "XXX-13"})
    there = context(variables={"TZ": "XXX12"})

    assert nothing(page(query=query, counts=Counts()), here) == (
        "No open tasks for ada in db.example/shop"
        " with added since today, added until today"
    )
    assert nothing(page(query=query, counts=Counts()), there).endswith(
        "added since today, added until today"
    )


@pytest.mark.spec("002/FR-053")
def test_nothing_names_user_and_store_and_what_else_there_is() -> None:
    def note(status: TaskStatus, counts: Counts) -> str:
        empty = TaskPage([], counts, TaskQuery(status), TODAY)
        return nothing(empty, context())

    place = "for ada in db.example/shop"
    assert note(OPEN, Counts()) == f"No open tasks {place}"
    assert note(TRASH, Counts()) == f"No tasks in the trash {place}"
    assert note(OPEN, Counts(done=5)) == f"No open tasks {place} (5 done)"
    assert note(OPEN, Counts(waiting=3, done=40)) == (
        f"No open tasks {place} (3 waiting, 40 done)"
    )
    assert note(DONE, Counts(3, 1)) == (
        f"No done tasks {place} (3 open, 1 overdue)"
    )
    assert note(WAITING, Counts(3)) == f"No waiting tasks {place} (3 open)"
    assert note(ALL, Counts()) == f"No tasks {place}"
