"""Several processes that change tasks and take changes back at the same time: history is
a chain without a gap, and nothing is taken back twice.
"""

import random
from collections import Counter
from collections.abc import Sequence
from datetime import date
from typing import Any

import pytest

from tests.service.backdoor import fetch_all
from tests.service.conftest import WORKERS, Workers, errors
from tests.service.worker import Call, Crew
from tests.support.blocking import wait_for
from tests.support.chain import broken_links
from tests.support.size import size
from tests.support.stores import Store
from todo_cli.task import Command, NewTask

A = NewTask(title="a", tags=["x"])
CALLS, ROUNDS, TASKS = size(20, 50), size(4, 10), 10
EXPECTED = {"NOT_FOUND", "CONFLICT"}


def counters(store: Store, user: str) -> tuple[object, ...]:
    """The last number of a task and of an operation."""
    sql = f"SELECT last, operations FROM todo.counter WHERE user_id = '{user}'"
    [row] = wait_for(fetch_all(store, sql))
    return row


def assert_chained(crew: Crew, store: Store, user: str) -> None:
    """Check the whole history of a user against the tasks."""
    operations = crew.history(user)
    assert broken_links(crew.with_trash(user), operations) == []
    assert counters(store, user)[1] == len(operations)


def mixed(chance: random.Random, *, purges: bool) -> Call:
    """Any change of some of the tasks."""
    numbers = chance.sample(range(1, TASKS + 1), chance.randint(1, 3))
    word = chance.choice("abc")
    day = date(2026, 12, chance.randint(1, 3))
    changes: list[dict[str, Any]] = [
        {"title": word},
        {"note": word},
        {"add_tags": [word], "priority": "high"},
        {"remove_tags": [word], "due_on": day},
        {"tags": [word, "x"], "completed": chance.random() < 0.5},
    ]
    calls: list[Call] = [
        *(("update", "ada", numbers, change) for change in changes),
        ("complete", "ada", numbers),
        ("reopen", "ada", [range(1, 6)]),
        ("delete", "ada", numbers[:1]),
        ("restore", "ada", numbers),
        ("undo", "ada"),
        ("undo", "ada"),
        ("undo", "ada", chance.randint(1, 200)),
        ("redo", "ada"),
    ]
    if purges:
        calls += [("purge", "ada", numbers[:1]), ("add_all", "ada", [A, A])]
    return chance.choice(calls)


@pytest.mark.parametrize("purges", [False, True])
def test_mixed_changes_of_several_processes_are_one_chain(
    workers: Workers, store: Store, purges: bool
) -> None:
    crew = workers(WORKERS)
    crew.alone("add_all", "ada", [A] * TASKS)
    calls = []
    for worker in range(WORKERS):
        chance = random.Random(worker)
        calls.append([mixed(chance, purges=purges) for _ in range(CALLS)])

    outcomes = crew.run(calls)

    # An undo of one that was undone out of turn is refused as INVALID_INPUT.
    words = {each.partition(" ")[0] for each in errors(outcomes)}
    assert words <= EXPECTED | {"INVALID_INPUT"}
    assert_chained(crew, store, "ada")
    commands = {each.command for each in crew.history("ada")}
    usual = {Command.UPDATE, Command.DONE, Command.DELETE, Command.UNDO}
    assert commands >= usual
    assert (Command.PURGE in commands) == purges


def test_changes_and_adds_of_stored_ids_at_once_never_fail(
    workers: Workers, store: Store
) -> None:
    """A change that locks a task before the counter would wait for an add with
    the id of that task, and that would wait for the change.
    """
    crew = workers(WORKERS)
    tasks = crew.alone("add_all", "ada", [A] * 3)
    ids = [task.id for task in tasks]
    repeats = [NewTask(title="b", id=id) for id in ids]

    def calls(worker: int) -> Sequence[Call]:
        pairs: list[Call] = [
            ("complete", "ada", ids),
            ("reopen", "ada", ids[::-1]),
        ]
        if worker % 2:
            pairs = [
                ("add_all", "ada", repeats[::-1]),
                ("add", "ada", repeats[0]),
            ]
        return pairs * (CALLS // 3)

    outcomes = crew.run([calls(worker) for worker in range(WORKERS)])

    assert errors(outcomes) == Counter()
    assert_chained(crew, store, "ada")


@pytest.mark.parametrize("number", [None, 2])
def test_one_operation_is_taken_back_once(
    workers: Workers, store: Store, number: int | None
) -> None:
    crew = workers(WORKERS)

    for round in range(ROUNDS):
        user = f"user {round}"
        crew.alone("add", user, A)
        crew.alone("complete", user, [1])
        which = [] if number is None else [number]
        outcomes = crew.race(("undo", user, *which))
        undone = [each.answer for each in outcomes if not each.error]
        new = Counter(each.undoes for each in undone if each.is_new)

        assert set(errors(outcomes)) <= EXPECTED
        # Without a number those that come later take the add back.
        assert new == Counter({2: 1} if number else {2: 1, 1: 1})
        assert_chained(crew, store, user)
        [task] = crew.with_trash(user)
        assert not task.completed
        assert (task.deleted_at is None) == (number is not None)


def test_undos_at_once_each_take_another_operation(
    workers: Workers, store: Store
) -> None:
    crew = workers(WORKERS)

    for round in range(ROUNDS):
        user = f"user {round}"
        crew.alone("add_all", user, [A] * WORKERS)
        for place in range(1, WORKERS + 1):
            crew.alone("complete", user, [place])
        outcomes = crew.race(("undo", user))
        taken = [each.answer.undoes for each in outcomes if not each.error]

        assert set(errors(outcomes)) <= {"CONFLICT"}
        # None was left out between those that were taken.
        last = WORKERS + 1
        assert sorted(taken) == list(range(last - len(taken) + 1, last + 1))
        assert_chained(crew, store, user)


def test_undos_and_redos_at_once_leave_whole_operations(
    workers: Workers, store: Store
) -> None:
    crew = workers(WORKERS)

    for round in range(ROUNDS):
        user = f"user {round}"
        crew.alone("add_all", user, [A] * 2)
        for title in "bcd":
            crew.alone("update", user, [1, 2], {"title": title})
        outcomes = crew.race(("undo", user), ("redo", user))

        assert set(errors(outcomes)) <= EXPECTED
        assert_chained(crew, store, user)
        one, two = crew.with_trash(user)
        assert (one.title, one.deleted_at) == (two.title, two.deleted_at)


def test_changes_of_one_version_at_once_are_one_change(
    workers: Workers, store: Store
) -> None:
    crew = workers(WORKERS)
    [task] = crew.alone("add", "ada", A)

    for version in range(1, ROUNDS + 1):
        outcomes = crew.run(
            [
                [
                    (
                        "update_version",
                        "ada",
                        task.number,
                        {"title": f"{version}-{worker}"},
                        version,
                    )
                ]
                for worker in range(WORKERS)
            ]
        )

        assert errors(outcomes) == Counter({"CONFLICT": WORKERS - 1})
        [winner] = [each.tasks[0] for each in outcomes if not each.error]
        assert crew.everything("ada") == [winner]
        assert winner.version == version + 1
    assert_chained(crew, store, "ada")
