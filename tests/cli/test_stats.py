"""`todo stats`"""

from datetime import timedelta

import pytest

from tests.cli.conftest import on_both_stores
from tests.cli.expect import add
from tests.support.program import Todo
from tests.support.stores import Clock
from tests.support.zones import ZONES


@on_both_stores
@pytest.mark.spec("002/FR-450", "002/FR-454", "002/FR-455")
def test_stats_say_the_same_in_json_in_a_pipe_and_at_a_terminal(
    todo: Todo,
) -> None:
    add(todo, "one", "two", "three", "four")
    todo("update", "1-2", "-P", "home", "--due", "yesterday")
    todo("update", "3", "--wait", "tomorrow")
    todo("done", "2")

    ran = todo("stats", "--json")
    piped = todo("stats").out
    seen = todo("stats", terminal=True).out

    message = "2 open, 1 overdue, 1 waiting, 1 done"
    assert ran.json["message"] == message
    data = ran.data
    assert list(data) == [
        *("open", "overdue", "waiting", "done"),
        *("days", "projects", "ages"),
    ]
    assert data["days"][-1] == {"day": "2026-01-02", "done": 1}
    assert data["projects"] == [
        {"project": "home", "open": 1, "overdue": 1},
        {"project": None, "open": 1, "overdue": 0},
    ]
    assert data["ages"]["oldest"] == "2026-01-02T03:04:05.000000Z"
    pairs = dict(line.split("\t") for line in piped.splitlines())
    assert (pairs["open"], pairs["day:2026-01-02"]) == ("2", "1")
    assert (pairs["project:home"], pairs["project:-"]) == ("1", "1")
    assert seen.startswith(f"{message}\n")
    assert "Fri 2 Jan" in seen


@pytest.mark.spec("002/FR-451")
def test_stats_count_in_the_days_of_the_caller(
    todo: Todo, clock: Clock
) -> None:
    # 1 January, 23:30 in UTC, is the next day in Berlin.
    clock.now = clock.now.replace(day=1, hour=23, minute=30)
    add(todo, "one")
    todo("done", "1")
    clock.now += timedelta(hours=1)

    there = {"TZ": "Europe/Berlin", "TZDIR": ZONES}
    days = [
        todo("stats", "--json", env=env).data["days"]
        for env in ({"TZ": "UTC"}, there)
    ]

    assert [[each["done"] for each in shown[-2:]] for shown in days] == [
        [1, 0],
        [0, 1],
    ]


@pytest.mark.spec("002/FR-450")
def test_stats_take_no_argument(todo: Todo) -> None:
    refused = todo("stats", "home", "--json")

    assert refused.error["code"] == "USAGE"
