"""Eight processes on one store at the same time: nothing lost, doubled, half applied or
deadlocked.
"""

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.support.stores import Store

Call = tuple[str, str, Any]
Outcome = dict[str, Any]
Workers = Callable[[int], "Crew"]

WORKERS, MOST_WORKERS = 8, 20
CALLS, ROUNDS = 50, 15


class Worker:
    """One process, by the pipes to it."""

    def __init__(self, lines: int, answers: int) -> None:
        self._lines = open(lines, "w", encoding="utf-8")  # noqa: SIM115 - closed by `close`
        self._answers = open(answers, encoding="utf-8")  # noqa: SIM115

    def tell(self, line: str) -> None:
        """Write a line to it."""
        self._lines.write(f"{line}\n")
        self._lines.flush()

    def answer(self) -> str:
        """Read its next line; its last words are on stderr if it ended instead."""
        line = self._answers.readline()
        assert line, "a worker ended"
        return line

    def close(self) -> None:
        """Let it end."""
        self._lines.close()
        self._answers.close()


class Crew:
    """Workers on one store, all ready; `run` gives each its calls at the same moment."""

    def __init__(self, workers: Sequence[Worker], url: str) -> None:
        self._workers = workers
        for worker in workers:
            worker.tell(f"open {url}")
        for worker in workers:
            assert worker.answer() == "ready\n"

    def run(self, calls: Sequence[Sequence[Call]]) -> list[list[Outcome]]:
        """What each worker's calls gave, worker by worker."""
        for worker, batch in zip(self._workers, calls, strict=True):
            worker.tell(json.dumps(batch))
        return [json.loads(worker.answer()) for worker in self._workers]

    def race(self, *calls: Call) -> list[Outcome]:
        """One call each, all at once; the calls go round among the workers."""
        batches: list[list[Call]] = [
            [calls[place % len(calls)]] for place in range(len(self._workers))
        ]
        return [outcomes[0] for outcomes in self.run(batches)]

    def alone(
        self, method: str, user: str, argument: Any = None
    ) -> list[dict[str, Any]]:
        """The tasks that one call gives while the others rest."""
        idle: list[list[Call]] = [[] for _ in self._workers[1:]]
        [outcome] = self.run([[(method, user, argument)], *idle])[0]
        assert "tasks" in outcome, outcome
        tasks: list[dict[str, Any]] = outcome["tasks"]
        return tasks

    def everything(self, user: str) -> list[dict[str, Any]]:
        """All tasks of a user who has at least one, the lowest number first."""
        return self.alone("find", user, [[1, 1000]])


@pytest.fixture(scope="module")
def processes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Worker]]:
    """As many workers as a test needs at most; starting them anew would cost more than
    most of these tests.
    """
    environment = {
        "HOME": str(tmp_path_factory.mktemp("worker")),
        "LC_ALL": "C.UTF-8",
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(Path(__file__).parents[2]),
    }
    to_worker, to_us = ([os.pipe() for _ in range(MOST_WORKERS)] for _ in range(2))
    theirs = [(to_worker[place][0], to_us[place][1]) for place in range(MOST_WORKERS)]
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "tests.service.worker",
            *(f"{lines}:{answers}" for lines, answers in theirs),
        ],
        env=environment,
        pass_fds=[end for pair in theirs for end in pair],
    )
    for end in (end for pair in theirs for end in pair):
        os.close(end)
    workers = [
        Worker(to_worker[place][1], to_us[place][0]) for place in range(MOST_WORKERS)
    ]
    for worker in workers:
        assert worker.answer() == "ready\n"
    yield workers
    for worker in workers:
        worker.close()
    process.wait()


@pytest.fixture
def workers(processes: list[Worker], store: Store) -> Workers:
    """A number of worker processes on the store."""
    return lambda number: Crew(processes[:number], store.url)


def errors(outcomes: Sequence[Sequence[Outcome]]) -> Counter[str]:
    """How often each error came; a bug with its words."""
    return Counter(
        outcome["error"]
        if outcome["error"] in ("NOT_FOUND", "CONFLICT")
        else f"{outcome['error']} {outcome['message']}"
        for batch in outcomes
        for outcome in batch
        if "error" in outcome
    )


def numbers(tasks: Sequence[dict[str, Any]]) -> list[int]:
    """The numbers of tasks, in their order."""
    return [task["number"] for task in tasks]


@pytest.mark.spec("001/FR-031")
def test_adds_of_eight_processes_all_get_numbers_of_their_own(workers: Workers) -> None:
    crew = workers(WORKERS)
    crew.alone("add", "ada", {"title": "the first"})

    outcomes = crew.run(
        [
            [("add", "ada", {"title": f"{worker}-{call}"}) for call in range(CALLS)]
            for worker in range(WORKERS)
        ]
    )

    assert errors(outcomes) == Counter()
    given = [outcome["tasks"][0] for batch in outcomes for outcome in batch]
    assert sorted(numbers(given)) == list(range(2, WORKERS * CALLS + 2))
    assert sorted(task["title"] for task in given) == sorted(
        f"{worker}-{call}" for worker in range(WORKERS) for call in range(CALLS)
    )
    assert crew.everything("ada")[1:] == sorted(given, key=lambda task: task["number"])


@pytest.mark.spec("001/FR-031")
def test_adds_of_several_at_once_interleave_whole(workers: Workers) -> None:
    crew = workers(WORKERS)

    outcomes = crew.run(
        [
            [
                (
                    "add_all",
                    "ada",
                    [{"title": f"{worker}-{call}-{n}"} for n in range(5)],
                )
                for call in range(10)
            ]
            for worker in range(8)
        ]
    )

    assert errors(outcomes) == Counter()
    given = [numbers(outcome["tasks"]) for batch in outcomes for outcome in batch]
    assert sorted(number for batch in given for number in batch) == list(range(1, 401))
    assert all(batch == sorted(batch) for batch in given)


@pytest.mark.spec("001/FR-031")
def test_adds_of_different_users_count_for_themselves(workers: Workers) -> None:
    crew = workers(WORKERS)

    outcomes = crew.run(
        [
            [("add", f"user {worker % 4}", {"title": "a"})] * 20
            for worker in range(WORKERS)
        ]
    )

    assert errors(outcomes) == Counter()
    for user in range(4):
        assert numbers(crew.everything(f"user {user}")) == list(range(1, 41))


@pytest.mark.spec("001/FR-035")
def test_adds_of_one_id_at_once_store_one_task(workers: Workers) -> None:
    crew = workers(WORKERS)
    crew.alone("add", "ada", {"title": "the first"})

    for _ in range(ROUNDS):
        id = str(uuid4())
        outcomes = crew.race(("add", "ada", {"title": "a", "id": id}))

        assert errors([outcomes]) == Counter()
        assert {outcome["tasks"][0]["id"] for outcome in outcomes} == {id}
        assert len({outcome["tasks"][0]["number"] for outcome in outcomes}) == 1
        assert sum(outcome["is_new"][0] for outcome in outcomes) == 1

    stored = crew.everything("ada")
    assert len(stored) == ROUNDS + 1
    assert len({task["id"] for task in stored}) == ROUNDS + 1


@pytest.mark.spec("001/FR-035")
def test_adds_of_the_same_ids_in_crossing_orders_store_each_once(
    workers: Workers,
) -> None:
    crew = workers(WORKERS)

    for round in range(1, 11):
        news = [{"title": "a", "id": str(uuid4())} for _ in range(6)]
        outcomes = crew.race(("add_all", "ada", news), ("add_all", "ada", news[::-1]))

        assert errors([outcomes]) == Counter()
        assert sum(sum(outcome["is_new"]) for outcome in outcomes) == 6
        assert len(crew.everything("ada")) == 6 * round


@pytest.mark.spec("001/FR-016")
@pytest.mark.spec("001/FR-035")
def test_adds_of_one_id_by_two_users_at_once_give_it_to_one(workers: Workers) -> None:
    crew = workers(WORKERS)
    for user in ("ada", "bob"):
        crew.alone("add", user, {"title": "the first"})

    for _ in range(ROUNDS):
        new = {"title": "a", "id": str(uuid4())}
        outcomes = crew.race(("add", "ada", new), ("add", "bob", new))

        assert errors([outcomes]) == Counter({"CONFLICT": WORKERS // 2})

    assert len(crew.everything("ada")) + len(crew.everything("bob")) == ROUNDS + 2


@pytest.mark.spec("001/FR-037")
@pytest.mark.nothing_made
def test_twenty_first_adds_at_once_make_one_store(workers: Workers) -> None:
    crew = workers(20)

    outcomes = crew.race(("add", "ada", {"title": "a"}))

    assert errors([outcomes]) == Counter()
    assert sorted(outcome["tasks"][0]["number"] for outcome in outcomes) == list(
        range(1, 21)
    )
    assert numbers(crew.everything("ada")) == list(range(1, 21))


@pytest.mark.spec("001/FR-037")
@pytest.mark.nothing_made
def test_first_adds_of_several_at_once_make_one_store(workers: Workers) -> None:
    crew = workers(WORKERS)

    outcomes = crew.race(
        ("add_all", "ada", [{"title": "a"}, {"title": "b"}]),
        ("add", "ada", {"title": "c"}),
    )

    assert errors([outcomes]) == Counter()
    assert numbers(crew.everything("ada")) == list(range(1, 13))


@pytest.mark.spec("001/FR-032")
def test_complete_of_a_range_while_one_is_deleted_takes_all_that_are_left(
    workers: Workers,
) -> None:
    crew = workers(WORKERS)

    for round in range(ROUNDS):
        user = f"user {round}"
        crew.alone("add_all", user, [{"title": "a"}] * 10)
        outcomes = crew.race(("complete", user, [[1, 10]]), ("delete", user, [5]))
        completes, deletes = outcomes[0::2], outcomes[1::2]

        assert errors([completes]) == Counter()
        assert all(len(outcome["tasks"]) in (9, 10) for outcome in completes)
        assert all(
            task["completed"] for outcome in completes for task in outcome["tasks"]
        )
        assert errors([deletes]) == Counter({"NOT_FOUND": len(deletes) - 1})
        assert [
            (task["number"], task["completed"]) for task in crew.everything(user)
        ] == [(number, True) for number in range(1, 11) if number != 5]


@pytest.mark.spec("001/FR-032")
def test_complete_of_ten_while_one_is_deleted_takes_all_or_none(
    workers: Workers,
) -> None:
    crew = workers(WORKERS)
    ten = list(range(1, 11))
    seen: Counter[str] = Counter()

    for round in range(ROUNDS):
        user = f"user {round}"
        crew.alone("add_all", user, [{"title": "a"}] * 10)
        outcomes = crew.race(("complete", user, ten), ("delete", user, [5]))
        completes = outcomes[0::2]
        succeeded = [outcome for outcome in completes if "error" not in outcome]
        seen.update(outcome.get("error", "done") for outcome in completes)

        assert all(numbers(outcome["tasks"]) == ten for outcome in succeeded)
        assert [task["completed"] for task in crew.everything(user)] == [
            bool(succeeded)
        ] * 9

    assert set(seen) <= {"done", "NOT_FOUND"}


@pytest.mark.spec("001/FR-032")
def test_delete_of_ten_while_one_is_deleted_takes_all_or_none(workers: Workers) -> None:
    crew = workers(WORKERS)
    ten = list(range(1, 11))

    for round in range(ROUNDS):
        user = f"user {round}"
        crew.alone("add_all", user, [{"title": "a"}] * 11)
        outcomes = crew.race(("delete", user, ten), ("delete", user, [5]))
        whole = [outcome for outcome in outcomes[0::2] if "error" not in outcome]
        single = [outcome for outcome in outcomes[1::2] if "error" not in outcome]

        assert set(errors([outcomes])) == {"NOT_FOUND"}
        assert len(whole) + len(single) == 1
        assert numbers(crew.everything(user)) == (
            [11] if whole else [1, 2, 3, 4, 6, 7, 8, 9, 10, 11]
        )


@pytest.mark.spec("001/FR-033")
def test_complete_in_crossing_orders_never_deadlocks(workers: Workers) -> None:
    crew = workers(WORKERS)
    crew.alone("add_all", "ada", [{"title": "a"}, {"title": "b"}])

    def calls(worker: int) -> list[Call]:
        order = [1, 2] if worker % 2 else [2, 1]
        return [
            ("undo" if (worker // 2 + call) % 2 else "complete", "ada", order)
            for call in range(CALLS)
        ]

    outcomes = crew.run([calls(worker) for worker in range(WORKERS)])

    assert errors(outcomes) == Counter()
    for batch in outcomes:
        for outcome in batch:
            one, two = outcome["tasks"]
            assert (one["completed"], one["completed_at"]) == (
                two["completed"],
                two["completed_at"],
            )
    one, two = crew.everything("ada")
    assert (one["completed"], one["completed_at"]) == (
        two["completed"],
        two["completed_at"],
    )


@pytest.mark.spec("001/FR-033")
def test_complete_in_crossing_orders_by_id_never_deadlocks(workers: Workers) -> None:
    crew = workers(WORKERS)
    ids = [task["id"] for task in crew.alone("add_all", "ada", [{"title": "a"}] * 6)]
    orders: list[list[Any]] = [ids, ids[::-1], [ids[5], [1, 5]], [6, 5, 4, 3, 2, 1]]

    outcomes = crew.run(
        [
            [
                ("undo" if call % 2 else "complete", "ada", orders[worker % 4])
                for call in range(CALLS)
            ]
            for worker in range(WORKERS)
        ]
    )

    assert errors(outcomes) == Counter()
    assert (
        len(
            {
                (task["completed"], task["completed_at"])
                for task in crew.everything("ada")
            }
        )
        == 1
    )


@pytest.mark.spec("001/FR-033")
def test_delete_in_crossing_orders_never_deadlocks(workers: Workers) -> None:
    crew = workers(WORKERS)

    for round in range(ROUNDS):
        user = f"user {round}"
        crew.alone("add_all", user, [{"title": "a"}] * 3)
        outcomes = crew.race(
            ("delete", user, [1, 2]),
            ("delete", user, [2, 1]),
            ("complete", user, [2, 1]),
        )

        deletes = [outcome for place, outcome in enumerate(outcomes) if place % 3 != 2]
        assert errors([deletes]) == Counter({"NOT_FOUND": len(deletes) - 1})
        assert set(errors([outcomes])) == {"NOT_FOUND"}
        assert numbers(crew.everything(user)) == [3]


@pytest.mark.spec("001/FR-034")
def test_updates_of_different_fields_of_one_task_are_all_kept(workers: Workers) -> None:
    crew = workers(WORKERS)
    crew.alone("add_all", "ada", [{"title": "a"}] * 3)

    for round in range(ROUNDS):
        expected = {
            "title": f"title {round}",
            "description": f"description {round}",
            "completed": round % 2 == 0,
        }
        calls: list[Call] = [
            ("update", "ada", {"number": number, "changes": {field: expected[field]}})
            for number in (1, 2, 3)
            for field in expected
        ]
        outcomes = crew.run(
            [[call] for call in calls[: WORKERS - 1]] + [calls[WORKERS - 1 :]]
        )

        assert errors(outcomes) == Counter()
        for task in crew.everything("ada"):
            assert {field: task[field] for field in expected} == expected


@pytest.mark.spec("001/FR-034")
def test_updates_by_eight_processes_leave_the_last_of_each_field(
    workers: Workers,
) -> None:
    crew = workers(WORKERS)
    crew.alone("add_all", "ada", [{"title": f"task {n}"} for n in range(4)])

    def calls(worker: int) -> list[Call]:
        number, field = worker % 4 + 1, "title" if worker < 4 else "description"
        return [
            ("update", "ada", {"number": number, "changes": {field: f"{field} {call}"}})
            for call in range(CALLS)
        ]

    outcomes = crew.run([calls(worker) for worker in range(WORKERS)])

    assert errors(outcomes) == Counter()
    assert {
        (task["title"], task["description"]) for task in crew.everything("ada")
    } == {(f"title {CALLS - 1}", f"description {CALLS - 1}")}


@pytest.mark.spec("001/FR-015")
@pytest.mark.spec("001/FR-035")
def test_adds_repeated_while_the_task_is_deleted_leave_one_or_none(
    workers: Workers,
) -> None:
    crew = workers(WORKERS)
    crew.alone("add", "ada", {"title": "the first"})

    for _ in range(ROUNDS):
        new = {"title": "a", "id": str(uuid4())}
        crew.alone("add", "ada", new)
        outcomes = crew.race(("add", "ada", new), ("delete", "ada", [new["id"]]))

        assert set(errors([outcomes])) <= {"NOT_FOUND"}
        assert all(
            outcome["tasks"][0]["id"] == new["id"]
            for outcome in outcomes
            if "error" not in outcome
        )
        assert sum(task["id"] == new["id"] for task in crew.everything("ada")) in (0, 1)
