"""Run whole processes in turns and compare what they cost."""

import os
import random
import statistics
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.program import command as todo

LIMIT_S = 600
METER = Path(__file__).with_name("meter.py")
PYTHON = (sys.executable, "-c", "pass")
IMPORTS = (
    sys.executable,
    "-c",
    "import typer, rich, sqlmodel, sqlalchemy.ext.asyncio",
)

__all__ = [
    "IMPORTS",
    "PYTHON",
    "Comparison",
    "Run",
    "compare",
    "measure",
    "todo",
]


@dataclass(frozen=True, slots=True)
class Run:
    """A process to measure."""

    command: Sequence[str]
    variables: Mapping[str, str]
    stdin: bytes = b""
    check: Callable[[bytes], bool] | None = field(default=None, repr=False)
    """Whether the output shows that the work was really done."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What one process cost: user and system time together, and its peak memory."""

    wall_s: float
    cpu_s: float
    peak_kib: float
    out: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Comparison:
    """Samples of several processes; the n-th of each were taken one after the other."""

    samples: Mapping[str, Sequence[Sample]]

    def median(self, name: str, unit: str = "wall_s") -> float:
        """The median of one process."""
        return statistics.median(self._values(name, unit))

    def ratio(self, name: str, base: str, unit: str = "wall_s") -> float:
        """The median of the ratios of neighbours.

        A machine that is slow for a while slows both.
        """
        values, bases = self._values(name, unit), self._values(base, unit)
        pairs = zip(values, bases, strict=True)
        return statistics.median(value / other for value, other in pairs)

    def beside(self, name: str, base: str) -> dict[str, float]:
        """The ratio of the smallest times, the ratio of CPU times, and milliseconds."""
        best = min(self._values(name, "wall_s")) / min(
            self._values(base, "wall_s")
        )
        cpu = self.ratio(name, base, "cpu_s")
        return {"best": best, "cpu": cpu, "ms": self.median(name) * 1_000}

    def _values(self, name: str, unit: str) -> list[float]:
        return [getattr(sample, unit) for sample in self.samples[name]]


def measure(run: Run, *, keep_output: bool = False) -> Sample:
    """Run a process to its end with pipes; ChildProcessError when it fails."""
    reader, writer = os.pipe()
    try:
        done = subprocess.run(
            [sys.executable, "-I", "-S", METER, str(writer), *run.command],
            input=run.stdin,
            capture_output=True,
            env=run.variables,
            cwd=run.variables["HOME"],
            pass_fds=[writer],
            timeout=LIMIT_S,
            check=False,
        )
    finally:
        os.close(writer)
    with open(reader, "rb") as report:
        wall_s, cpu_s, peak_kib = map(float, report.read().split())
    if done.returncode != 0 or (
        run.check is not None and not run.check(done.stdout)
    ):
        raise ChildProcessError(
            f"{run.command}: status {done.returncode}\n"
            f"{done.stdout[-500:]!r}\n{done.stderr!r}"
        )
    return Sample(wall_s, cpu_s, peak_kib, done.stdout if keep_output else b"")


def compare(
    runs: Mapping[str, Run | Callable[[], Run]], rounds: int
) -> Comparison:
    """Measure processes in turns; the first turn warms up and is not counted.

    A callable makes a fresh run each time. Every turn has another order, so that none
    always follows the same neighbour: what that leaves to the processor counts.
    """
    samples: dict[str, list[Sample]] = {name: [] for name in runs}
    orders = random.Random(1)
    for turn in range(rounds + 1):
        for name in orders.sample(list(runs), len(runs)):
            run = runs[name]
            sample = measure(run if isinstance(run, Run) else run())
            if turn > 0:
                samples[name].append(sample)
    return Comparison(samples)
