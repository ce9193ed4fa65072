"""Signals at every moment: nothing is stored in silence, and nobody waits for the end.

    python -m tests.faults.signals [--rounds 1000] [sqlite|postgresql ...]

Interrupts adds at a random moment, every other one from the start of its interpreter
on, and counts what was told; then ends the program by each signal in each state in
which it waits, and prints how long that took at worst.
"""

import argparse
import os
import random
import re
import signal
import socket
import statistics
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Final

from tests.cli.tampering import locked
from tests.faults.workspace import Workspace, open_workspace
from tests.support.forked import ForkServer
from tests.support.gatekeeper import Gatekeeper
from tests.support.program import Process, Ran, finished, let_signals_through
from tests.support.turns import Fault, TurnProxy
from tests.support.warm import IS_WARM

ENDING: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
SPINNER: Final = "Waiting for "
ASLEEP: Final = ("XX000", "Couldn't connect to compute node")
MOMENT_S: Final = 0.7
"""Long enough to be waiting by then, and not to have given up."""
OPEN: Final = 7
"""The status of a write whose outcome is unknown."""

TOLD, UNKNOWN, ABSENT = "told stored", "told unknown", "absent"
EARLY: Final = "absent: the interpreter was still starting"
"""Python's own first moments, before a line of ours is reached: its traceback cannot be helped."""
LOST_BY_PYTHON: Final = re.compile(
    "Exception ignored in: .*\n"
    r"Traceback \(most recent call last\):\n"
    '(  File "<frozen .*\n)+'
    "KeyboardInterrupt: \n"
)
"""What Python says when it starts and a signal comes while it cleans up after an import:
it goes on as if there had been none.
"""
SILENT, LOST, WRONG = (
    "SILENT: stored and not told",
    "LOST: told and not stored",
    "WRONG: neither way to end",
)
NEVER: Final = (SILENT, LOST, WRONG)


# States in which it waits


@contextmanager
def black_hole(workspace: Workspace) -> Iterator[Workspace]:
    """A host that accepts and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield workspace.at(
            f"postgresql://ada@127.0.0.1:{server.getsockname()[1]}/db"
        )


@contextmanager
def asleep(workspace: Workspace) -> Iterator[Workspace]:
    """A database that is asleep and does not wake."""
    assert workspace.server is not None
    with Gatekeeper(workspace.server.host, workspace.server.port) as gate:
        gate.answers = [ASLEEP] * 999
        yield workspace.at(f"postgresql://ada@127.0.0.1:{gate.port}/db")


@contextmanager
def held(workspace: Workspace) -> Iterator[Workspace]:
    """A store whose tasks somebody else has locked."""
    if IS_WARM:
        # A worker may still connect, after the last command: it would wait too.
        time.sleep(MOMENT_S)
    with locked(workspace.store):
        yield workspace


@contextmanager
def silent(workspace: Workspace) -> Iterator[Workspace]:
    """A server that takes a statement and never says what came of it."""
    assert workspace.server is not None
    with TurnProxy(workspace.server.host, workspace.server.port) as proxy:
        proxy.faults.append(Fault("after", request=2, how="silence"))
        yield workspace.at(
            workspace.store.url.replace(
                f":{workspace.server.port}/", f":{proxy.port}/"
            )
        )


@contextmanager
def free(workspace: Workspace) -> Iterator[Workspace]:
    """A store that answers at once."""
    yield workspace


@dataclass(frozen=True, slots=True)
class Waiting:
    """A state in which a command in a terminal waits once it shows its sign; three
    tasks are there.
    """

    name: str
    stores: Sequence[str]
    arrange: Callable[[Workspace], AbstractContextManager[Workspace]]
    command: Sequence[str]
    sign: str | None = SPINNER
    """What it shows then; None where it shows nothing, and a moment is waited."""
    is_sent: bool = False
    """Whether a write is waited for, whose outcome nobody knows then."""

    def is_right(self, ran: Ran, number: int) -> bool:
        """Whether it ended as it has to, and said what there is to say."""
        if self.is_sent:
            return (
                ran.status == OPEN
                and "may or may not" in ran.out
                and "hint: todo add --id " in ran.out
            )
        return (
            ran.status == -number
            and "error: " not in ran.out
            and "Traceback" not in ran.out
        )


BOTH, POSTGRES, SQLITE = ("sqlite", "postgresql"), ("postgresql",), ("sqlite",)
STATES: Final = (
    Waiting("black hole", POSTGRES, black_hole, ["add", "late"]),
    Waiting("waking", POSTGRES, asleep, ["add", "late"]),
    Waiting("locked file", SQLITE, held, ["add", "late"], sign=None),
    Waiting("slow query", POSTGRES, held, ["list"]),
    Waiting("slow write", POSTGRES, held, ["add", "late"], is_sent=True),
    Waiting("silent line", POSTGRES, silent, ["list"]),
    Waiting(
        "silent line, write", POSTGRES, silent, ["add", "late"], is_sent=True
    ),
    Waiting("question", BOTH, free, ["purge", "1-3"], sign="3"),
)


def end(
    waiting: Waiting, workspace: Workspace, number: signal.Signals
) -> tuple[Ran, float]:
    """Send a signal to a command that waits; how it ended, and after how many seconds."""
    with (
        waiting.arrange(workspace) as place,
        place.terminal.start(*waiting.command) as terminal,
    ):
        if waiting.sign is None:
            time.sleep(MOMENT_S)
        else:
            terminal.wait_for(waiting.sign)
        began = time.monotonic()
        terminal.process.send_signal(number)
        ran = terminal.finish()
        return ran, time.monotonic() - began


# A random moment of a write


@dataclass(frozen=True, slots=True)
class InterruptedAdd:
    """An add that was interrupted: what it was to store, and what it said."""

    titles: Sequence[str]
    ran: Ran

    def came_to(self, stored: set[str]) -> str:
        """What that is called, by what is stored in the end."""
        there = [title in stored for title in self.titles]
        said = self.ran.out.count("Added ")
        err = LOST_BY_PYTHON.sub("", self.ran.err)
        is_early = (
            self.ran == Ran(128 + signal.SIGINT, "", "")
            or "KeyboardInterrupt" in err
        )
        if is_early and "todo_cli/cli" not in err and not any(there):
            return EARLY
        if (
            "Traceback" in err
            or self.ran.status not in (0, -signal.SIGINT, OPEN)
            or any(there) != all(there)
        ):
            return WRONG
        if self.ran.status == OPEN:
            return UNKNOWN if "hint: todo add " in self.ran.err else WRONG
        if said:
            return TOLD if said == len(there) and all(there) else LOST
        return SILENT if any(there) else ABSENT


def interrupt(
    run: Process,
    name: str,
    after_s: float,
    *,
    env: Mapping[str, str | None] | None = None,
) -> InterruptedAdd:
    """Interrupt an add, every third one of several lines, so many seconds after its start."""
    is_several = name.endswith("3")
    titles = [f"{name} {letter}" for letter in "abc"] if is_several else [name]
    stdin = (
        "".join(f"{title}\n" for title in titles).encode()
        if is_several
        else b""
    )
    words = ["add", "-" if is_several else name]
    with run.start(*words, env=env) as started:
        time.sleep(after_s)
        started.send_signal(signal.SIGINT)
        try:
            return InterruptedAdd(titles, finished(started, stdin))
        finally:
            started.kill()  # one that hangs


def duration_s(run: Process) -> float:
    """How long an add takes that nobody interrupts."""
    took = []
    for number in range(5):
        began = time.monotonic()
        assert run("add", f"whole {number}").status == 0
        took.append(time.monotonic() - began)
    return statistics.median(took)


def interrupt_often(
    workspace: Workspace, runs: Sequence[Process], rounds: int
) -> tuple[Counter[str], list[InterruptedAdd]]:
    """Interrupt so many adds, each at a random moment; how often what came of it, and
    what should not be.
    """
    longest_s = [1.2 * duration_s(run) for run in runs]
    cuts = []
    for place in range(rounds):
        which = place % len(runs)
        cuts.append(
            interrupt(
                runs[which],
                f"cut {place}",
                random.uniform(0, longest_s[which]),
            )
        )
    stored = workspace.titles()
    return Counter(each.came_to(stored) for each in cuts), [
        each for each in cuts if each.came_to(stored) in NEVER
    ]


def main(arguments: Sequence[str]) -> int:
    """Run both and print what came of it; 1 where something should not be."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.signals")
    parser.add_argument(
        "stores",
        nargs="*",
        default=list(BOTH),
        metavar="STORE",
        help="sqlite, postgresql; both",
    )
    parser.add_argument("--rounds", type=int, default=1000)
    asked = parser.parse_args(arguments)
    let_signals_through()
    is_bad = False
    for kind in asked.stores:
        with open_workspace(kind) as workspace:
            counts, bad = interrupt_often(
                workspace,
                [
                    Process(workspace.surroundings, ForkServer().launch),
                    workspace.process,
                ],
                asked.rounds,
            )
            sys.stdout.write(
                f"{kind}: {asked.rounds} interrupted adds: {dict(counts.most_common())}; {bad=}\n"
            )
            is_bad = is_bad or bool(bad)
            assert (
                workspace.process(
                    "add", "-", stdin=b"one\ntwo\nthree\n"
                ).status
                == 0
            )
            for waiting in STATES:
                if kind in waiting.stores:
                    ends = [
                        (number, *end(waiting, workspace, number))
                        for number in ENDING
                        for _ in range(5)
                    ]
                    wrong = [
                        ran
                        for number, ran, _ in ends
                        if not waiting.is_right(ran, number)
                    ]
                    worst_s = max(seconds for _, _, seconds in ends)
                    sys.stdout.write(
                        f"{kind}: {waiting.name}: {worst_s:.2f} s at worst of {len(ends)}; {wrong=}\n"
                    )
                    is_bad = is_bad or bool(wrong)
    return int(is_bad)


if __name__ == "__main__":
    os.environ.pop("TODO_DATABASE_URL", None)
    sys.exit(main(sys.argv[1:]))
