"""(c) What adding costs: a thousand titles in one call over one title, and many calls
at the same instant.
"""

import statistics
import subprocess
import time
from collections.abc import Sequence
from itertools import count
from typing import Any

from tests.benchmarks.figures import Figure
from tests.benchmarks.processes import IMPORTS, LIMIT_S, Run, compare, environment, todo
from tests.benchmarks.stores import KINDS, Stores
from todo_cli.errors import DatabaseBusy

PART = "c add"
TITLES = 1_000
AT_MOST = 1.5
AT_ONCE = 50
BUSY = DatabaseBusy.code.exit


def run(stores: Stores, *, is_quick: bool) -> list[Figure]:
    """Add to a store of each kind; every call of `add -` is for a user without tasks."""
    figures = []
    for kind in KINDS:
        with stores.empty(kind) as store:
            variables = environment(stores.folder, TODO_DATABASE_URL=store.url)
            figures += _lines(kind, variables, rounds=3 if is_quick else 15)
            figures += _at_once(kind, variables, repeats=1 if is_quick else 3)
    return figures


def _lines(kind: str, variables: dict[str, str], rounds: int) -> list[Figure]:
    titles = "".join(
        f"Task number {number} of a list\n" for number in range(TITLES)
    ).encode()
    users = count()

    def many() -> Run:
        command = todo("add", "-", "--user", f"user{next(users)}")
        return Run(
            command,
            variables,
            stdin=titles,
            check=lambda out: out.count(b"\n") == TITLES,
        )

    compared = compare(
        {"one": Run(todo("add", "Buy milk"), variables), "many": many}, rounds
    )
    seconds = compared.median("many")
    beside = compared.ratios("many", "one") | {"ms": seconds * 1000}
    return [
        Figure(PART, f"{kind}, {TITLES:,} through add - over one add", compared.ratio("many", "one"), AT_MOST,
               beside=beside),
        Figure(PART, f"{kind}, {TITLES:,} through add -", TITLES / seconds, unit="/s"),
    ]  # fmt: skip


def _at_once(kind: str, variables: dict[str, str], repeats: int) -> list[Figure]:
    """Start 50 processes at the same instant, again and again; no number may be given twice."""
    refused, ratios, rates = 0, [], []
    for turn in range(repeats):
        imports_s, _ = _together([IMPORTS] * AT_ONCE, variables)
        adds = [
            todo("add", f"Task {number}", "--user", f"crowd{turn}")
            for number in range(AT_ONCE)
        ]
        adds_s, lines = _together(adds, variables)
        numbers = sorted(int(line.split()[1].rstrip(b":")) for line in lines)
        if numbers != list(range(1, len(lines) + 1)):
            raise AssertionError(
                f"{kind}: {len(lines)} adds at once got the numbers {numbers}"
            )
        refused += AT_ONCE - len(lines)
        ratios.append(adds_s / imports_s)
        rates.append(len(lines) / adds_s)
    what = f"{kind}, {AT_ONCE} processes of add at once"
    return [
        Figure(PART, f"{what} over as many bare imports", statistics.median(ratios)),
        Figure(PART, what, statistics.median(rates), unit="/s"),
        Figure(
            PART, f"{what}: refused as busy", refused, unit=f"of {AT_ONCE * repeats}"
        ),
    ]


def _together(
    commands: Sequence[Sequence[str]], variables: dict[str, str]
) -> tuple[float, list[bytes]]:
    """Run all commands at once; return how long that took, and what each printed that
    was not refused as busy.
    """
    how: dict[str, Any] = {
        "stdin": subprocess.DEVNULL,
        "stdout": subprocess.PIPE,
        "stderr": subprocess.PIPE,
    }
    began = time.perf_counter()
    processes = [
        subprocess.Popen(command, env=variables, cwd=variables["HOME"], **how)
        for command in commands
    ]
    printed = [process.communicate(timeout=LIMIT_S) for process in processes]
    seconds = time.perf_counter() - began
    for process, (_, err) in zip(processes, printed, strict=True):
        if process.returncode not in (0, BUSY):
            raise ChildProcessError(f"status {process.returncode}: {err.decode()}")
    return seconds, [
        out
        for process, (out, _) in zip(processes, printed, strict=True)
        if process.returncode == 0
    ]
