"""One call of one command fails in one way: what was said is honest, and the store is whole."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from tests.cli.expect import EXITS
from tests.support.program import Ran
from tests.torture.backends import Backend, Failure, Snapshot, StoreCall
from tests.torture.commands import COMMANDS, Command


@dataclass(frozen=True, slots=True)
class Baseline:
    """A command as it runs without failure."""

    command: Command
    calls: Sequence[StoreCall]
    before: Snapshot
    after: Snapshot
    result: Any


@dataclass(frozen=True, slots=True)
class Case:
    """One cell of the grid."""

    baseline: Baseline
    failure: Failure
    call: int

    def __str__(self) -> str:
        return f"{self.baseline.command.name}: {self.failure.name} at call {self.call}"


def run_undisturbed(backend: Backend, command: Command) -> Baseline:
    """Run a command without failure."""
    todo = backend.prepare(command)
    before = backend.snapshot(command)
    with backend.counting() as calls:
        ran = command.run(todo)
    assert ran.status == 0, ran
    assert calls or command.on_nothing, "no call to the store was counted"
    return Baseline(
        command,
        calls,
        before,
        backend.snapshot(command),
        result_of(ran, command),
    )


def result_of(ran: Ran, command: Command) -> Any:
    """What a success says whenever it is said; messages, and a new store, may tell that
    it was there already.
    """
    if command.asks:
        return ran.out
    data = ran.json["data"]
    if command.words == ("doctor",):
        return sorted(data)
    if command.words[0] == "token":
        return without_chance(data)
    return (
        {**data, "created": True, "new": 0}
        if command.words[0] == "db"
        else data
    )


def without_chance(data: Any) -> Any:
    """What is said of tokens, without what differs from run to run."""
    if isinstance(data, list):
        return [without_chance(each) for each in data]
    return {
        key: value for key, value in data.items() if key not in ("id", "token")
    }


def grid(backend: Backend) -> Iterator[Case]:
    """Every call of every command in every failure."""
    for command in COMMANDS:
        baseline = run_undisturbed(backend, command)
        for failure in backend.failures:
            for call in baseline.calls:
                if failure.can_happen_to(call):
                    yield Case(baseline, failure, call.number)


def slice_of(
    backend: Backend, command: Command, *, step: int = 1
) -> Iterator[Case]:
    """Every failure once for a command; the call that fails moves on from one to the next.

    With a step of 3 a command meets every third failure, and the next command the next ones.
    """
    baseline = run_undisturbed(backend, command)
    place = COMMANDS.index(command)
    failures = list(enumerate(backend.failures, start=place))
    for turn, failure in failures[place % step :: step]:
        if calls := [
            call.number
            for call in baseline.calls
            if failure.can_happen_to(call)
        ]:
            yield Case(baseline, failure, calls[turn % len(calls)])


def torture(backend: Backend, case: Case) -> tuple[int, list[str]]:
    """Run a case: the exit status, and what is wrong, if anything."""
    baseline, command = case.baseline, case.baseline.command
    todo = backend.prepare(command)
    with backend.failing(case.failure, case.call) as settings:
        ran = command.run(todo, **settings)
    after = backend.snapshot(command)
    found = [*misspoken(ran, case), *half_done(ran, after, baseline)]
    if not found and ran.status and after.rows == baseline.before.rows:
        with backend.counting():
            again = command.run(todo)
        if (
            again.status
            or result_of(again, command) != baseline.result
            or backend.snapshot(command) != baseline.after
        ):
            found.append(f"it cannot be repeated: {again}")
    return ran.status, [f"{what}: {ran}" for what in found]


def misspoken(ran: Ran, case: Case) -> Iterator[str]:
    """What is wrong with the words."""
    command = case.baseline.command
    if "Traceback" in ran.out + ran.err:
        yield "a traceback"
    honest = set(case.failure.statuses)
    has_answer = "--dry-run" in command.words or "backup" in command.words
    if command.words == ("doctor",) or has_answer:
        # It has its answer before it ends its transaction.
        honest.add(0)
    if ran.status not in honest:
        yield f"exit status {ran.status}"
    if command.asks:
        return
    document = ran.json
    if ran.err or document["success"] != (ran.status == 0):
        yield "no honest envelope"
    elif ran.status == 0 and result_of(ran, command) != case.baseline.result:
        yield "it says something else than without trouble"
    elif ran.status and EXITS[document["error"]["code"]] != ran.status:
        yield "code and exit status differ"


def half_done(ran: Ran, after: Snapshot, baseline: Baseline) -> Iterator[str]:
    """What is wrong with the store; an empty one is as good as none."""
    if after.tables not in (
        baseline.before.tables,
        baseline.after.tables,
    ) or after.rows not in (
        baseline.before.rows,
        baseline.after.rows,
    ):
        yield f"a store that is half changed: {after}"
    elif ran.status == 0 and after != baseline.after:
        yield "success, and the store is not changed"
    elif ran.status not in (0, 7) and after.rows != baseline.before.rows:
        yield f"exit status {ran.status}, and the store is changed"
