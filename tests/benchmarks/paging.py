"""How soon a long list shows its first screen: whole processes in a terminal, with less."""

import fcntl
import os
import pty
import shutil
import statistics
import struct
import termios
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.benchmarks.figures import Figure
from tests.benchmarks.processes import todo
from tests.benchmarks.stores import ALL_OPEN, Bench
from tests.support.warm import Warm

ROWS = 24
TASKS = 5_000
FEW = "50"
OVER_FEW = 1.2
"""What a list of all may take at most of the time of one of FEW tasks."""
WAYS = {"cold": OVER_FEW, "warm": None}
Words = Sequence[str]


def run(bench: Bench) -> list[Figure]:
    """Compare the first screen of a long list with that of a short one."""
    if shutil.which("less") is None:
        return [Figure("the first screen of a long list: no less here", None)]
    tasks = bench.choose(500, TASKS)
    rounds = bench.choose(3, 31)
    with ExitStack() as opened:
        folder = Path(opened.enter_context(TemporaryDirectory()))
        store = opened.enter_context(
            bench.stores.filled("sqlite", tasks, ALL_OPEN)
        )
        variables = bench.stores.variables(store.url, TERM="xterm-256color")
        (folder / "run").mkdir()
        warm = Warm(folder / "run", variables)
        warm.start()
        opened.callback(warm.stop)
        found = {
            "cold": variables | {"XDG_RUNTIME_DIR": str(folder)},
            "warm": warm.environment(),
        }
        return list(_figures(found, tasks, rounds))


def _figures(
    found: Mapping[str, Mapping[str, str]], tasks: int, rounds: int
) -> Iterator[Figure]:
    """Measure both lists in turns, in each way."""
    lists = {"all": todo("list"), "few": todo("list", "-L", FEW)}
    samples: dict[tuple[str, str], list[float]] = {}
    for turn in range(rounds + 1):
        for way, which in product(found, lists):
            taken_s = first_screen(lists[which], found[way])
            # The first turn warms up.
            if turn > 0:
                samples.setdefault((way, which), []).append(taken_s)
    for way, at_most in WAYS.items():
        all_s, few_s = samples[way, "all"], samples[way, "few"]
        pairs = zip(all_s, few_s, strict=True)
        yield Figure(
            f"{way}: the first screen of {tasks:,} tasks over that of {FEW}",
            statistics.median(value / base for value, base in pairs),
            at_most,
            beside={
                "best": min(all_s) / min(few_s),
                "ms": statistics.median(all_s) * 1_000,
            },
        )


def first_screen(words: Words, variables: Mapping[str, str]) -> float:
    """Run a command in a terminal; return when its screen was full, in seconds."""
    began = time.perf_counter()
    process, terminal = pty.fork()
    if process == 0:
        size = struct.pack("HHHH", ROWS, 80, 0, 0)
        fcntl.ioctl(0, termios.TIOCSWINSZ, size)
        os.chdir(variables["HOME"])
        os.execve(words[0], [*words], {**variables})
    shown = b""
    while shown.count(b"\n") < ROWS - 2:
        shown += os.read(terminal, 65_536)
    taken_s = time.perf_counter() - began
    os.write(terminal, b"q")
    try:
        while os.read(terminal, 65_536):
            pass
    except OSError:
        pass  # Linux ends a terminal so
    _, status = os.waitpid(process, 0)
    os.close(terminal)
    if status != 0:
        raise ChildProcessError(f"{words}: status {status}\n{shown!r}")
    return taken_s
