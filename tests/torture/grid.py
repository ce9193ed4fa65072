"""One call of one command fails in one way: what was said is honest, and the store is whole."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from tests.cli.expect import EXITS
from tests.support.program import Ran
from tests.torture.commands import COMMANDS, Command
from tests.torture.grounds import Call, Ground, Snapshot, Trouble


@dataclass(frozen=True, slots=True)
class Trial:
    """A command as it runs without trouble."""

    command: Command
    calls: Sequence[Call]
    before: Snapshot
    after: Snapshot
    said: Any


@dataclass(frozen=True, slots=True)
class Case:
    """One cell of the grid."""

    trial: Trial
    trouble: Trouble
    call: int

    def __str__(self) -> str:
        return f"{self.trial.command.name}: {self.trouble.name} at call {self.call}"


def try_out(ground: Ground, command: Command) -> Trial:
    """Run a command without trouble."""
    todo = ground.prepare(command)
    before = ground.snapshot(command)
    with ground.counting() as calls:
        ran = command.run(todo)
    assert ran.status == 0, ran
    return Trial(command, calls, before, ground.snapshot(command), said(ran, command))


def said(ran: Ran, command: Command) -> Any:
    """What a success says whenever it is said; messages, and a new store, may tell that
    it was there already.
    """
    if command.asks:
        return ran.out
    data = ran.json["data"]
    if command.words == ("doctor",):
        return sorted(data)
    return {**data, "created": True, "new": 0} if command.words[0] == "db" else data


def grid(ground: Ground) -> Iterator[Case]:
    """Every call of every command in every trouble."""
    for command in COMMANDS:
        trial = try_out(ground, command)
        for trouble in ground.troubles:
            for call in trial.calls:
                if trouble.can_meet(call):
                    yield Case(trial, trouble, call.number)


def slice_of(ground: Ground, command: Command) -> Iterator[Case]:
    """Every trouble once for a command; the call that fails moves on from one to the next."""
    trial = try_out(ground, command)
    for turn, trouble in enumerate(ground.troubles, start=COMMANDS.index(command)):
        if calls := [call.number for call in trial.calls if trouble.can_meet(call)]:
            yield Case(trial, trouble, calls[turn % len(calls)])


def torture(ground: Ground, case: Case) -> tuple[int, list[str]]:
    """Run a case: the exit status, and what is wrong, if anything."""
    trial, command = case.trial, case.trial.command
    todo = ground.prepare(command)
    with ground.failing(case.trouble, case.call) as settings:
        ran = command.run(todo, **settings)
    after = ground.snapshot(command)
    found = [*misspoken(ran, case), *half_done(ran, after, trial)]
    if not found and ran.status and after.rows == trial.before.rows:
        with ground.counting():
            again = command.run(todo)
        if (
            again.status
            or said(again, command) != trial.said
            or ground.snapshot(command) != trial.after
        ):
            found.append(f"it cannot be repeated: {again}")
    return ran.status, [f"{what}: {ran}" for what in found]


def misspoken(ran: Ran, case: Case) -> Iterator[str]:
    """What is wrong with the words."""
    command = case.trial.command
    if "Traceback" in ran.out + ran.err:
        yield "a traceback"
    if ran.status not in case.trouble.statuses | (
        {0} if command.words == ("doctor",) else set()
    ):
        yield f"exit status {ran.status}"
    if command.asks:
        return
    document = ran.json
    if ran.err or document["success"] != (ran.status == 0):
        yield "no honest envelope"
    elif ran.status == 0 and said(ran, command) != case.trial.said:
        yield "it says something else than without trouble"
    elif ran.status and EXITS[document["error"]["code"]] != ran.status:
        yield "code and exit status differ"


def half_done(ran: Ran, after: Snapshot, trial: Trial) -> Iterator[str]:
    """What is wrong with the store; an empty one is as good as none."""
    if after.tables not in (
        trial.before.tables,
        trial.after.tables,
    ) or after.rows not in (
        trial.before.rows,
        trial.after.rows,
    ):
        yield f"a store that is half changed: {after}"
    elif ran.status == 0 and after != trial.after:
        yield "success, and the store is not changed"
    elif ran.status not in (0, 7) and after.rows != trial.before.rows:
        yield f"exit status {ran.status}, and the store is changed"
