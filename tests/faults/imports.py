"""Imports that are interrupted at a random moment: nothing or all, and a repeat completes.

    python -m tests.faults.imports [--rounds 50] [sqlite|postgresql ...]

Each round forks a process that imports a file, and kills it, interrupts it as Ctrl-C
does, or has the server end its connection, one after the other. A file is looked at by
a process that keeps it open all the time, as `todo serve` does.
"""

import argparse
import asyncio
import multiprocessing
import os
import random
import signal
import sys
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import partial
from multiprocessing.connection import Connection
from typing import Any, Final, NoReturn
from uuid import UUID

from tests.faults.workspace import Workspace, open_workspace
from tests.support.candidates import good, take
from tests.support.chain import broken_links
from todo_cli.database import (
    arrivals,
    candidates,
    connection,
    dialect_postgresql,
    dialect_sqlite,
)
from todo_cli.database.engine import Database, open_database
from todo_cli.database.url import Target
from todo_cli.errors import TodoError
from todo_cli.service import TaskService
from todo_cli.task import Candidate, Taken, TaskQuery, TaskStatus

LOADED: Final = (candidates, connection, dialect_postgresql, dialect_sqlite)
"""Loaded before the forks."""
RECORDS: Final = 400
BATCH: Final = 50
"""Several statements of each kind."""
END: Final = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
)
INTERRUPTED: Final = 130
HELD: Final = {signal.SIGINT}
"""What comes only once the forked process can take it."""


def records(round: int) -> list[Candidate]:
    """The records of one file; the ids are those of the round."""
    found = []
    for place in range(1, RECORDS + 1):
        id = UUID(int=round * 1_000_000 + place)
        found.append(good(place, place, id=id, tags=["x", "y"]))
    return found


async def imported(workspace: Workspace, round: int) -> Taken:
    """Import the file of a round, for a user of its own."""
    async with open_database(workspace.store.target) as database:
        tasks = TaskService(
            database, f"user{round}", lambda: datetime.now(UTC)
        )
        return await take(tasks, *records(round))


def child(workspace: Workspace, round: int) -> NoReturn:
    """Import, and end as a program does."""
    status = 1
    try:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, HELD)
        taken = asyncio.run(imported(workspace, round))
        status = 0 if taken.added == RECORDS else 3
    except KeyboardInterrupt:
        status = INTERRUPTED
    except TodoError:
        status = 2
    except Exception:
        traceback.print_exc()
        raise
    finally:
        os._exit(status)


def kill(pid: int, _: Workspace) -> None:
    """Kill the process."""
    os.kill(pid, signal.SIGKILL)


def interrupt(pid: int, _: Workspace) -> None:
    """Interrupt it, as Ctrl-C does."""
    os.kill(pid, signal.SIGINT)


def cut(pid: int, workspace: Workspace) -> None:
    """End its connection; a file has none, so it is killed."""
    if workspace.server is None:
        kill(pid, workspace)
    else:
        workspace.execute(END)


WAYS: Final[Sequence[Callable[[int, Workspace], None]]] = (
    kill,
    interrupt,
    cut,
)


def end_one(workspace: Workspace, round: int, longest_s: float) -> int:
    """Let one process import and end it at a random moment; its exit status."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        # Until the child is where it can be interrupted.
        signal.pthread_sigmask(signal.SIG_BLOCK, HELD)
        pid = os.fork()
    if pid == 0:
        child(workspace, round)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, HELD)
    time.sleep(random.uniform(0, longest_s))
    with suppress(ProcessLookupError):
        WAYS[round % len(WAYS)](pid, workspace)
    _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status)


async def state(database: Database, round: int) -> tuple[Any, ...]:
    """How many tasks and operations there are, and where they differ."""
    tasks = TaskService(database, f"user{round}", lambda: datetime.now(UTC))
    stored = (await tasks.list(TaskQuery(TaskStatus.ALL))).tasks
    told = await tasks.history(limit=None)
    wrong = broken_links(stored, told.operations)
    return len(stored), len(told.operations), wrong


async def freshly(target: Target, round: int) -> tuple[Any, ...]:
    """The state of a store that is opened for it."""
    async with open_database(target) as database:
        return await state(database, round)


def opened_state(target: Target, round: int) -> tuple[Any, ...]:
    """The same, for a caller without an event loop."""
    return asyncio.run(freshly(target, round))


async def answer(target: Target, asked: Connection) -> None:
    """Open a store once, and answer with its state for each round."""
    async with open_database(target) as database:
        while (round := asked.recv()) is not None:
            asked.send(await state(database, round))


def keep_open(target: Target, asked: Connection) -> None:
    """Do that in a process of its own."""
    asyncio.run(answer(target, asked))


@contextmanager
def reader(workspace: Workspace) -> Iterator[Callable[[int], tuple[Any, ...]]]:
    """What returns the state of a round."""
    target = workspace.store.target
    if workspace.server is not None:
        # Nobody else may be connected when a server is at rest.
        yield partial(opened_state, target)
        return
    # Not forked, and not in the process that forks: a child must not have it open.
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=keep_open, args=(target, theirs))
    process.start()
    theirs.close()

    def ask(round: int) -> tuple[Any, ...]:
        ours.send(round)
        found: tuple[Any, ...] = ours.recv()
        return found

    try:
        yield ask
    finally:
        with suppress(BrokenPipeError):
            ours.send(None)
        process.join()


def end_often(
    workspace: Workspace, rounds: int
) -> tuple[Counter[str], list[str]]:
    """End so many imports; how often what came of it, and what should not be."""
    for name in ("_BATCH", "_BATCH_OF_FILE", "_LOOKED_UP"):
        setattr(arrivals, name, BATCH)
    asyncio.run(imported(workspace, 0))
    began = time.monotonic()
    asyncio.run(imported(workspace, rounds + 1))
    longest_s = 2 * (time.monotonic() - began)
    with reader(workspace) as look:
        outcomes, faults = interrupted(workspace, rounds, longest_s, look)
    tags = workspace.fetch("SELECT count(*) FROM {tag}")
    if tags != [(2 * RECORDS * (rounds + 2),)]:
        faults.append(f"tags: {tags}")
    return outcomes, faults


def interrupted(
    workspace: Workspace,
    rounds: int,
    longest_s: float,
    look: Callable[[int], tuple[Any, ...]],
) -> tuple[Counter[str], list[str]]:
    """Do all rounds."""
    outcomes: Counter[str] = Counter()
    faults: list[str] = []
    for round in range(1, rounds + 1):
        status = end_one(workspace, round, longest_s)
        workspace.rest()
        count, operations, wrong = look(round)
        if (count, operations, wrong) not in ((0, 0, []), (RECORDS, 1, [])):
            faults.append(f"round {round}: {count}, {operations}, {wrong[:3]}")
        if status in (1, 3) or (status == 0 and count == 0):
            faults.append(f"round {round}: status {status}, {count} tasks")
        taken = asyncio.run(imported(workspace, round))
        if (taken.added, taken.present) != (RECORDS - count, count):
            faults.append(f"round {round}: the repeat said {taken}")
        if look(round) != (RECORDS, 1, []):
            faults.append(f"round {round}: the repeat has not completed it")
        if workspace.server is None:
            [(check,)] = workspace.fetch("PRAGMA integrity_check")
            faults += [] if check == "ok" else [f"round {round}: {check}"]
        outcomes["all" if count else "nothing"] += 1
    return outcomes, faults


def main(arguments: Sequence[str]) -> int:
    """Run it and print what came of it; 1 where something should not be."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.imports")
    parser.add_argument(
        "stores", nargs="*", default=["sqlite", "postgresql"], metavar="STORE"
    )
    parser.add_argument("--rounds", type=int, default=50)
    asked = parser.parse_args(arguments)
    is_bad = False
    for kind in asked.stores:
        with open_workspace(kind) as workspace:
            outcomes, faults = end_often(workspace, asked.rounds)
        sys.stdout.write(f"{kind}: {dict(outcomes)}; faults: {faults[:5]}\n")
        is_bad = is_bad or bool(faults)
    return int(is_bad)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
