"""Running whole processes side by side and comparing what they cost."""

import os
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import todo_cli
from tests.support.program import command as todo

LIMIT_S = 600
METER = Path(__file__).with_name("meter.py")
PYTHON = (sys.executable, "-c", "pass")
LIBRARIES = ("typer", "rich", "sqlmodel", "sqlalchemy.ext.asyncio", "aiosqlite")
IMPORTS = (sys.executable, "-c", f"import {', '.join(LIBRARIES)}")

__all__ = [
    "IMPORTS",
    "LIBRARIES",
    "PYTHON",
    "Comparison",
    "Run",
    "Sample",
    "compare",
    "environment",
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
    """What one process cost: user and system time together, and the most memory it held."""

    wall_s: float
    cpu_s: float
    peak_kib: float
    out: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Comparison:
    """Samples of several processes, taken in turns: the n-th of each is of the same moment."""

    samples: Mapping[str, Sequence[Sample]]

    def median(self, name: str, unit: str = "wall_s") -> float:
        """The median of one process."""
        return statistics.median(self._values(name, unit))

    def ratio(self, name: str, base: str, unit: str = "wall_s") -> float:
        """The median of the ratios of neighbours: what slows the machine for a while slows both."""
        return statistics.median(
            value / other
            for value, other in zip(
                self._values(name, unit), self._values(base, unit), strict=True
            )
        )

    def best_ratio(self, name: str, base: str, unit: str = "wall_s") -> float:
        """The ratio of the smallest values: what is left when nothing else disturbed either."""
        return min(self._values(name, unit)) / min(self._values(base, unit))

    def ratios(self, name: str, base: str) -> dict[str, float]:
        """Every ratio of one process to another."""
        return {
            "best": self.best_ratio(name, base),
            "cpu": self.ratio(name, base, "cpu_s"),
            "cpu_best": self.best_ratio(name, base, "cpu_s"),
        }

    def _values(self, name: str, unit: str) -> list[float]:
        return [getattr(sample, unit) for sample in self.samples[name]]


def environment(home: Path, **more: str) -> dict[str, str]:
    """A sealed environment: nothing of the developer's own settings, the package importable."""
    ours = {
        "HOME": str(home),
        "LC_ALL": "C.UTF-8",
        "PATH": os.environ.get("PATH", os.defpath),
        "PYTHONPATH": str(Path(todo_cli.__file__).parents[1]),
        "TODO_USER": "ada",
    }
    return ours | more


def measure(run: Run, *, keep_output: bool = False) -> Sample:
    """Run a process to its end with pipes and return what it cost; an error when it fails."""
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
    if done.returncode != 0 or (run.check is not None and not run.check(done.stdout)):
        raise ChildProcessError(
            f"{run.command}: status {done.returncode}\n{done.stdout[-500:]!r}\n{done.stderr!r}"
        )
    return Sample(wall_s, cpu_s, peak_kib, done.stdout if keep_output else b"")


def compare(runs: Mapping[str, Run | Callable[[], Run]], rounds: int) -> Comparison:
    """Measure processes in turns, after one turn that nobody counts; a callable makes a
    fresh run each time.
    """
    samples: dict[str, list[Sample]] = {name: [] for name in runs}
    for turn in range(rounds + 1):
        for name in _turned(runs, turn):
            run = runs[name]
            sample = measure(run if isinstance(run, Run) else run())
            if turn > 0:
                samples[name].append(sample)
    return Comparison(samples)


def _turned(names: Iterable[str], turn: int) -> list[str]:
    """The names, beginning with another one each turn, so that none always runs after
    the same neighbour's load.
    """
    ordered = list(names)
    start = turn % len(ordered)
    return ordered[start:] + ordered[:start]
