"""The words of `todo warm`: for people, for a pipe and for programs."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tests.output.values import drawn
from todo_cli.output import plain, warmth
from todo_cli.warm.control import Status

NOW = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
USED = Status(
    pid=4711,
    version="0.1.0",
    is_same_program=True,
    since=NOW - timedelta(minutes=5),
    workers=2,
    busy=1,
    place="ep-x.neon.tech/neondb",
    hits=1234,
    cold={"terminal": 2, "new": 1},
    memory=60 * 1024 * 1024,
)
FRESH = replace(
    USED, workers=1, busy=0, place=None, hits=0, cold={}, memory=None
)


@pytest.mark.spec("002/FR-375")
def test_a_terminal_shows_what_is_ready_and_what_it_was_good_for() -> None:
    assert (
        drawn(warmth.status(USED, NOW))
        == """\
On: 2 processes ready, started 5 minutes ago

Processes
ready             2
connected to      ep-x.neon.tech/neondb
busy              1
memory            60 MiB
process           4711
version           0.1.0

Commands
warm              1,234
cold              3
  for a terminal  2
  new             1
"""
    )
    assert (
        drawn(warmth.status(FRESH, NOW))
        == """\
On: 1 process ready, started 5 minutes ago

Processes
ready    1
busy     0
process  4711
version  0.1.0

Commands
warm     0
cold     0
"""
    )
    off = drawn(warmth.status(None, NOW))
    assert off == "Off; `todo warm on` keeps processes ready\n"


@pytest.mark.spec("002/FR-375")
def test_a_pipe_has_the_same_lines_whatever_there_is() -> None:
    assert (
        plain.render(warmth.status(USED, NOW))
        == """\
On: 2 processes ready, started 5 minutes ago
on	yes
ready	2
busy	1
place	ep-x.neon.tech/neondb
since	2026-11-26T11:55:00.000000Z
warm	1234
cold	terminal 2, new 1
pid	4711
version	0.1.0
memory_bytes	62914560
"""
    )
    fresh = plain.render(warmth.status(FRESH, NOW)).splitlines()
    off = plain.render(warmth.status(None, NOW)).splitlines()
    names = [line.partition("\t")[0] for line in fresh[1:]]
    assert [line.partition("\t")[0] for line in off[1:]] == names
    assert off[1] == "on\tno"
    assert {line.partition("\t")[2] for line in off[2:]} == {"-"}
    assert "cold\t-" in fresh


@pytest.mark.spec("002/FR-375", "002/FR-378")
def test_the_processes_of_another_todo_are_named_as_such() -> None:
    foreign = replace(USED, is_same_program=False, version="0.0.9")

    assert drawn(warmth.status(foreign, NOW)).splitlines()[1] == (
        "warning: it belongs to another todo (0.0.9), so this one runs cold: "
        "`todo warm on` replaces it"
    )
    assert warmth.brief(foreign) == "on, for another todo"
    assert warmth.brief(USED) == "on, 1,234 commands ran warm, 3 cold"
    assert warmth.brief(None) == "off"


@pytest.mark.spec("002/FR-374", "002/FR-376")
def test_on_and_off_say_whether_it_was_so_before() -> None:
    on = warmth.started(USED, NOW, is_new=True)
    again = warmth.started(USED, NOW, is_new=False)
    off = warmth.stopped(was_on=True)
    never = warmth.stopped(was_on=False)

    assert [each.message for each in (on, again, off, never)] == [
        "Warm: commands answer at once, until `todo warm off` or 30 idle "
        "minutes",
        "Already warm: 2 processes ready, started 5 minutes ago",
        "Off: nothing is kept ready any more",
        "Already off",
    ]
    kept = [(each.data["on"], each.data["changed"]) for each in (on, again)]
    left = [(each.data["on"], each.data["changed"]) for each in (off, never)]
    assert kept == [(True, True), (True, False)]
    assert left == [(False, True), (False, False)]
    assert on.data["cold"] == {"terminal": 2, "new": 1}
    assert off.data["cold"] is None
