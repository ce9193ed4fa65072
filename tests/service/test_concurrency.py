"""Processes on one store at the same time: nothing lost, doubled, half applied or
deadlocked.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from itertools import chain, product
from uuid import uuid4

import pytest

from tests.service.backdoor import fetch_all
from tests.service.conftest import MOST_WORKERS, WORKERS, Workers, errors
from tests.service.worker import Call
from tests.support.blocking import wait_for
from tests.support.candidates import good
from tests.support.size import size
from tests.support.stores import Store
from todo_cli.task import NewTask, Task

CALLS, ROUNDS, ADDS = size(8, 25), size(4, 15), size(20, 50)
A = NewTask(title="a")
REMOVALS = ("delete", "purge")
"""One after the other, round by round."""


def state(task: Task) -> tuple[bool, datetime | None]:
    """Whether it is done, and since when."""
    return task.completed, task.completed_at


@pytest.mark.spec("001/FR-031")
def test_adds_of_several_processes_all_get_numbers_of_their_own(
    workers: Workers,
) -> None:
    crew = workers(WORKERS)
    crew.alone("add", "ada", A)
    titles = [
        [f"{worker}-{call}" for call in range(ADDS)]
        for worker in range(WORKERS)
    ]

    outcomes = crew.run(
        [
            [("add", "ada", NewTask(title=title)) for title in each]
            for each in titles
        ]
    )

    assert errors(outcomes) == Counter()
    given = [outcome.tasks[0] for outcome in outcomes]
    assert [task.title for task in given] == list(chain(*titles))
    assert sorted(task.number for task in given) == list(
        range(2, WORKERS * ADDS + 2)
    )
    assert crew.everything("ada")[1:] == sorted(
        given, key=lambda task: task.number
    )


@pytest.mark.spec("001/FR-031")
def test_adds_of_several_at_once_interleave_whole(workers: Workers) -> None:
    crew = workers(WORKERS)

    outcomes = crew.run(
        [[("add_all", "ada", [A] * 5)] * (ADDS // 5)] * WORKERS
    )

    assert errors(outcomes) == Counter()
    given = [outcome.numbers for outcome in outcomes]
    assert given == [sorted(batch) for batch in given]
    assert sorted(chain(*given)) == list(range(1, WORKERS * ADDS + 1))


@pytest.mark.spec("001/FR-031")
def test_adds_of_different_users_count_for_themselves(
    workers: Workers,
) -> None:
    crew, users = workers(WORKERS), WORKERS // 2

    outcomes = crew.run(
        [[("add", f"user {n % users}", A)] * ADDS for n in range(WORKERS)]
    )

    assert errors(outcomes) == Counter()
    for user in range(users):
        stored = crew.everything(f"user {user}")
        numbers = [task.number for task in stored]
        assert numbers == list(range(1, 2 * ADDS + 1))


@pytest.mark.spec("001/FR-035")
def test_adds_of_one_id_at_once_store_one_task(workers: Workers) -> None:
    crew = workers(WORKERS)
    crew.alone("add", "ada", A)
    ids = [uuid4() for _ in range(ROUNDS)]

    for id in ids:
        outcomes = crew.race(("add", "ada", NewTask(title="a", id=id)))

        assert errors(outcomes) == Counter()
        assert {outcome.tasks[0].id for outcome in outcomes} == {id}
        assert len({outcome.tasks[0].number for outcome in outcomes}) == 1
        assert sum(len(outcome.new) for outcome in outcomes) == 1

    assert [task.id for task in crew.everything("ada")[1:]] == ids


@pytest.mark.spec("001/FR-035")
def test_adds_of_the_same_ids_in_crossing_orders_store_each_once(
    workers: Workers,
) -> None:
    crew = workers(WORKERS)

    for round in range(1, ROUNDS + 1):
        news = [NewTask(title="a", id=uuid4()) for _ in range(6)]
        outcomes = crew.race(
            ("add_all", "ada", news), ("add_all", "ada", news[::-1])
        )

        assert errors(outcomes) == Counter()
        assert sum(len(outcome.new) for outcome in outcomes) == 6
        assert len(crew.everything("ada")) == 6 * round


@pytest.mark.spec("001/FR-016", "001/FR-035")
def test_adds_of_one_id_by_two_users_at_once_give_it_to_one(
    workers: Workers,
) -> None:
    crew = workers(WORKERS)
    for user in ("ada", "bob"):
        crew.alone("add", user, A)

    for _ in range(ROUNDS):
        new = NewTask(title="a", id=uuid4())
        outcomes = crew.race(("add", "ada", new), ("add", "bob", new))

        assert errors(outcomes) == Counter({"CONFLICT": WORKERS // 2})

    assert (
        len(crew.everything("ada")) + len(crew.everything("bob")) == ROUNDS + 2
    )


@pytest.mark.spec("001/FR-037")
@pytest.mark.nothing_made
def test_many_first_adds_at_once_make_one_store(workers: Workers) -> None:
    crew = workers(MOST_WORKERS)

    outcomes = crew.race(("add", "ada", A))

    numbers = list(range(1, MOST_WORKERS + 1))
    assert errors(outcomes) == Counter()
    assert sorted(outcome.tasks[0].number for outcome in outcomes) == numbers
    assert [task.number for task in crew.everything("ada")] == numbers


@pytest.mark.spec("001/FR-037")
@pytest.mark.nothing_made
def test_first_adds_of_several_at_once_make_one_store(
    workers: Workers,
) -> None:
    crew = workers(WORKERS)

    outcomes = crew.race(("add_all", "ada", [A, A]), ("add", "ada", A))

    assert errors(outcomes) == Counter()
    given = [task.number for task in crew.everything("ada")]
    assert given == list(range(1, 3 * WORKERS // 2 + 1))


@pytest.mark.spec("001/FR-032")
def test_complete_of_a_range_while_one_is_deleted_takes_all_that_are_left(
    workers: Workers,
) -> None:
    crew = workers(WORKERS)
    others = [1, 2, 3, 4, 6, 7, 8, 9, 10]

    for round in range(ROUNDS):
        user, removal = f"user {round}", REMOVALS[round % 2]
        crew.alone("add_all", user, [A] * 10)
        outcomes = crew.race(
            ("complete", user, [range(1, 11)]), (removal, user, [5])
        )
        completes, deletes = outcomes[0::2], outcomes[1::2]

        assert errors(completes) == Counter()
        assert {len(outcome.tasks) for outcome in completes} <= {9, 10}
        assert all(task.completed for each in completes for task in each.tasks)
        assert errors(deletes) == Counter({"NOT_FOUND": len(deletes) - 1})
        left = crew.everything(user)
        assert [(task.number, task.completed) for task in left] == [
            (number, True) for number in others
        ]


@pytest.mark.spec("001/FR-032")
def test_complete_of_ten_while_one_is_deleted_takes_all_or_none(
    workers: Workers,
) -> None:
    crew = workers(WORKERS)
    ten = list(range(1, 11))

    for round in range(ROUNDS):
        user, removal = f"user {round}", REMOVALS[round % 2]
        crew.alone("add_all", user, [A] * 10)
        outcomes = crew.race(("complete", user, ten), (removal, user, [5]))
        completes = outcomes[0::2]
        succeeded = [outcome for outcome in completes if not outcome.error]

        assert set(errors(completes)) <= {"NOT_FOUND"}
        assert all(outcome.numbers == ten for outcome in succeeded)
        left = crew.everything(user)
        assert [task.completed for task in left] == [bool(succeeded)] * 9


@pytest.mark.spec("001/FR-032")
def test_delete_of_ten_while_one_is_deleted_takes_all_or_none(
    workers: Workers,
) -> None:
    crew = workers(WORKERS)
    ten = list(range(1, 11))
    left: dict[tuple[int, ...], list[int]] = {
        (10,): [11],
        (1,): [1, 2, 3, 4, 6, 7, 8, 9, 10, 11],
    }

    for round in range(ROUNDS):
        user, removal = f"user {round}", REMOVALS[round % 2]
        crew.alone("add_all", user, [A] * 11)
        outcomes = crew.race((removal, user, ten), (removal, user, [5]))
        deleted = tuple(len(each.tasks) for each in outcomes if not each.error)

        assert set(errors(outcomes)) == {"NOT_FOUND"}
        assert [task.number for task in crew.everything(user)] == left[deleted]


@pytest.mark.spec("001/FR-033")
def test_complete_in_crossing_orders_never_deadlocks(workers: Workers) -> None:
    crew = workers(WORKERS)
    [first, second] = crew.alone("add_all", "ada", [A, A])
    orders = [[1, 2], [2, 1], [first.id, second.id], [second.id, range(1, 3)]]

    def calls(worker: int) -> list[Call]:
        methods = ["complete", "reopen"]
        if worker // 4 == 0:
            methods.reverse()
        return [
            (methods[n % 2], "ada", orders[worker % 4]) for n in range(CALLS)
        ]

    outcomes = crew.run([calls(worker) for worker in range(WORKERS)])

    assert errors(outcomes) == Counter()
    stored = crew.everything("ada")
    for one, two in (*(outcome.tasks for outcome in outcomes), stored):
        assert state(one) == state(two)


@pytest.mark.spec("001/FR-033")
def test_delete_in_crossing_orders_never_deadlocks(workers: Workers) -> None:
    crew = workers(WORKERS)

    for round in range(ROUNDS):
        user, removal = f"user {round}", REMOVALS[round % 2]
        crew.alone("add_all", user, [A] * 3)
        outcomes = crew.race(
            (removal, user, [1, 2]),
            ("complete", user, [2, 1]),
            (removal, user, [2, 1]),
            ("complete", user, [1, 2]),
        )
        deletes = outcomes[0::2]

        assert errors(deletes) == Counter({"NOT_FOUND": len(deletes) - 1})
        assert set(errors(outcomes)) == {"NOT_FOUND"}
        assert [task.number for task in crew.everything(user)] == [3]


@pytest.mark.spec("001/FR-034")
def test_updates_of_different_fields_of_one_task_are_all_kept(
    workers: Workers,
) -> None:
    crew = workers(WORKERS)
    crew.alone("add_all", "ada", [A] * 3)

    for round in range(ROUNDS):
        expected = {
            "title": f"title {round}",
            "description": f"description {round}",
            "completed": round % 2 == 0,
        }
        calls: list[Call] = [
            ("update", "ada", [number], {field: value})
            for number in (1, 2, 3)
            for field, value in expected.items()
        ]
        outcomes = crew.run([calls[n::WORKERS] for n in range(WORKERS)])

        assert errors(outcomes) == Counter()
        for task in crew.everything("ada"):
            assert {
                field: getattr(task, field) for field in expected
            } == expected


@pytest.mark.spec("001/FR-034")
def test_updates_by_several_processes_leave_the_last_of_each_field(
    workers: Workers,
) -> None:
    crew, numbers = workers(WORKERS), range(1, WORKERS // 2 + 1)
    crew.alone("add_all", "ada", [A] * len(numbers))
    fields = product(numbers, ("title", "description"))

    outcomes = crew.run(
        [
            [
                ("update", "ada", [n], {field: f"{field} {call}"})
                for call in range(CALLS)
            ]
            for n, field in fields
        ]
    )

    assert errors(outcomes) == Counter()
    assert {
        (task.title, task.description) for task in crew.everything("ada")
    } == {(f"title {CALLS - 1}", f"description {CALLS - 1}")}


@pytest.mark.spec("001/FR-015", "001/FR-035")
def test_adds_repeated_while_the_task_is_deleted_leave_one_or_none(
    workers: Workers,
) -> None:
    crew = workers(WORKERS)
    crew.alone("add", "ada", A)

    for round in range(ROUNDS):
        id, removal = uuid4(), REMOVALS[round % 2]
        new = NewTask(title="a", id=id)
        crew.alone("add", "ada", new)
        outcomes = crew.race(("add", "ada", new), (removal, "ada", [id]))

        assert set(errors(outcomes)) <= {"NOT_FOUND"}
        assert {each.tasks[0].id for each in outcomes if not each.error} == {
            id
        }
        stored = [task.id for task in crew.everything("ada")]
        assert stored.count(id) in (0, 1)


# Tags, notes, and changes of several tasks


def tags_of(store: Store, user: str) -> dict[object, set[object]]:
    """The names in the table of tags, by the number of the user's task."""
    sql = f"""SELECT t.number, g.name FROM todo.tag g
        JOIN todo.task t ON t.id = g.task_id WHERE t.user_id = '{user}'"""
    found: dict[object, set[object]] = {}
    for number, name in wait_for(fetch_all(store, sql)):
        found.setdefault(number, set()).add(name)
    return found


def assert_indexed(store: Store, tasks: Sequence[Task]) -> None:
    """Check that the table has every tag of the tasks; it may have more."""
    rows = tags_of(store, tasks[0].user_id)
    for task in tasks:
        assert set(task.tags) <= rows.get(task.number, set())


@pytest.mark.spec("001/FR-034", "001/FR-063")
def test_tags_that_several_processes_add_to_one_task_are_all_kept(
    workers: Workers, store: Store
) -> None:
    crew = workers(WORKERS)
    crew.alone("add", "ada", A)
    names = [[f"{n}-{call}" for call in range(6)] for n in range(WORKERS)]

    outcomes = crew.run(
        [
            [("update", "ada", [1], {"add_tags": [name]}) for name in each]
            for each in names
        ]
    )

    assert errors(outcomes) == Counter()
    [task] = crew.everything("ada")
    assert task.tags == sorted(chain(*names))
    assert task.version == len(outcomes) + 1
    assert tags_of(store, "ada") == {1: set(task.tags)}
    versions = sorted(outcome.tasks[0].version for outcome in outcomes)
    assert versions == list(range(2, len(outcomes) + 2))


@pytest.mark.spec("001/FR-034", "001/FR-063")
def test_tags_are_added_and_removed_at_once_and_each_call_counts(
    workers: Workers, store: Store
) -> None:
    crew, half = workers(WORKERS), WORKERS // 2
    old = [f"old-{n}-{call}" for n in range(half) for call in range(6)]
    crew.alone("add", "ada", NewTask("a", tags=old))

    def calls(worker: int) -> list[Call]:
        change = "remove_tags" if worker < half else "add_tags"
        prefix = "old" if worker < half else "new"
        names = [f"{prefix}-{worker % half}-{call}" for call in range(6)]
        return [("update", "ada", [1], {change: [name]}) for name in names]

    outcomes = crew.run([calls(worker) for worker in range(WORKERS)])

    assert errors(outcomes) == Counter()
    [task] = crew.everything("ada")
    assert task.tags == [name.replace("old", "new") for name in old]
    assert task.version == len(outcomes) + 1
    assert_indexed(store, [task])


@pytest.mark.spec("001/FR-034", "001/FR-063")
def test_one_tag_added_and_removed_again_and_again_is_found_if_it_is_there(
    workers: Workers, store: Store
) -> None:
    crew = workers(WORKERS)
    crew.alone("add_all", "ada", [NewTask("a", tags=["x"])] * 2)
    changes = [{"add_tags": ["x"]}, {"remove_tags": ["x"]}, {"tags": ["x"]}]

    def calls(worker: int) -> list[Call]:
        numbers = [1, 2] if worker % 2 else [2, 1]
        return [
            ("update", "ada", numbers, changes[(worker + call) % 3])
            for call in range(CALLS)
        ]

    outcomes = crew.run([calls(worker) for worker in range(WORKERS)])

    assert errors(outcomes) == Counter()
    stored = crew.everything("ada")
    assert_indexed(store, stored)
    assert stored[0].tags == stored[1].tags


@pytest.mark.spec("001/FR-033", "001/FR-063")
def test_updates_of_several_in_crossing_orders_never_deadlock(
    workers: Workers, store: Store
) -> None:
    crew = workers(WORKERS)
    [first, second, third] = crew.alone("add_all", "ada", [A] * 3)
    orders = [
        *([1, 2, 3], [3, 2, 1], [second.id, third.id, first.id]),
        [third.id, range(1, 3)],
    ]

    def calls(worker: int) -> list[Call]:
        return [
            (
                "update",
                "ada",
                orders[worker % 4],
                {"add_tags": [f"{worker}-{call % 6}"], "title": f"{call}"},
            )
            for call in range(CALLS)
        ]

    outcomes = crew.run([calls(worker) for worker in range(WORKERS)])

    assert errors(outcomes) == Counter()
    stored = crew.everything("ada")
    for task in stored:
        assert len(task.tags) == 6 * WORKERS
        assert task.title == f"{CALLS - 1}"
    assert_indexed(store, stored)
    # All three change at once, so none has seen more changes than another.
    assert len({task.version for task in stored}) == 1


@pytest.mark.spec("001/FR-034", "001/FR-064")
def test_notes_that_several_processes_add_at_once_are_all_kept(
    workers: Workers,
) -> None:
    crew = workers(WORKERS)
    crew.alone("add", "ada", A)
    lines = [[f"{n}: {call}" for call in range(10)] for n in range(WORKERS)]

    outcomes = crew.run(
        [
            [("update", "ada", [1], {"note": line}) for line in each]
            for each in lines
        ]
    )

    assert errors(outcomes) == Counter()
    [task] = crew.everything("ada")
    kept = (task.description or "").split("\n")
    assert sorted(kept) == sorted(chain(*lines))
    for n in range(WORKERS):
        # Those of one process are in its order.
        assert [line for line in kept if line in lines[n]] == lines[n]
    assert task.version == 10 * WORKERS + 1


@pytest.mark.spec("001/FR-032", "001/FR-063")
def test_tags_of_tasks_that_are_deleted_meanwhile_are_not_found(
    workers: Workers, store: Store
) -> None:
    crew = workers(WORKERS)

    for round in range(ROUNDS):
        user, removal = f"user {round}", REMOVALS[round % 2]
        crew.alone("add_all", user, [NewTask("a", tags=["x"])] * 2)
        outcomes = crew.race(
            ("update", user, [1, 2], {"add_tags": ["y"]}),
            (removal, user, [2]),
        )
        updates, deletes = outcomes[0::2], outcomes[1::2]

        assert set(errors(updates)) <= {"NOT_FOUND"}
        assert errors(deletes) == Counter({"NOT_FOUND": len(deletes) - 1})
        [left] = crew.everything(user)
        is_tagged = any(not outcome.error for outcome in updates)
        assert left.tags == (["x", "y"] if is_tagged else ["x"])
        assert_indexed(store, crew.alone("find", user, [range(1, 3)]))
    without_task = """SELECT name FROM todo.tag
        WHERE task_id NOT IN (SELECT id FROM todo.task)"""
    assert wait_for(fetch_all(store, without_task)) == []


@pytest.mark.parametrize("has_numbers", [True, False])
def test_several_imports_of_one_file_add_each_task_once(
    workers: Workers, has_numbers: bool
) -> None:
    crew = workers(WORKERS)
    records = []
    for place in range(1, 301):
        records.append(good(place, has_numbers * place, tags=["x"]))

    outcomes = crew.race(("import_all", "ada", *records))

    assert errors(outcomes) == Counter()
    taken = [outcome.answer for outcome in outcomes]
    assert Counter((each.added, each.present) for each in taken) == {
        (300, 0): 1,
        (0, 300): WORKERS - 1,
    }
    assert [task.number for task in crew.everything("ada")] == list(
        range(1, 301)
    )
    [operation] = crew.history("ada")
    assert len(operation.tasks) == 300


def test_imports_adds_and_changes_at_once_neither_wait_for_each_other_nor_lose(
    workers: Workers,
) -> None:
    """Imports of files that overlap, of two users, among adds and changes."""
    crew = workers(WORKERS)
    crew.alone("add_all", "ada", [A] * 40)
    calls: list[list[Call]] = []
    for worker in range(WORKERS):
        batch: list[Call] = []
        for round in range(ROUNDS):
            user = ("ada", "bob")[worker % 2]
            first = 1_000 * (worker % 2 + 1) + 20 * round
            records = [good(place) for place in range(first, first + 50)]
            if worker % 4 == 3:
                records.reverse()
            batch.append(("import_all", user, *records))
            batch.append(("add", "ada", A))
            batch.append(("complete", "ada", [worker + 1, round + 10]))
        calls.append(batch)

    outcomes = crew.run(calls)

    assert errors(outcomes) == Counter()
    for user, others in (("ada", 40 + ROUNDS * WORKERS), ("bob", 0)):
        stored = crew.everything(user)
        assert len(stored) == others + 30 + 20 * ROUNDS
        assert [task.number for task in stored] == list(
            range(1, len(stored) + 1)
        )
        numbers = [each.operation for each in crew.history(user)]
        assert numbers == list(range(1, len(numbers) + 1))
