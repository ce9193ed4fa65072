"""What a command costs far away when `todo warm` has a connection ready."""

import time
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.benchmarks.figures import Figure
from tests.benchmarks.latency import HOST, at, tls, with_hosts
from tests.benchmarks.processes import Run, compare, measure, todo
from tests.benchmarks.stores import ALL_OPEN, Bench
from tests.support.neon import NeonFront
from tests.support.warm import Warm, wait_until

TASKS = 100
TURN_S = 0.1
OVER_COLD = 0.35
TURNS = 2
QUIET_S = 5.0
COMMANDS = {
    "list": ("list",),
    "add": ("add", "Buy milk"),
    "show": ("show", "7"),
    "update": ("update", "7", "--title", "Buy oat milk"),
}


def run(bench: Bench) -> list[Figure]:
    """Compare whole processes, and count what the stand-in for Neon sees."""
    stores = bench.stores
    with ExitStack() as opened:
        front, trusting = opened.enter_context(tls(stores))
        store = opened.enter_context(
            stores.filled("postgresql", TASKS, ALL_OPEN)
        )
        url = at(store.url, HOST, front.port)
        variables = with_hosts(stores.variables(url, **trusting))
        folder = opened.enter_context(TemporaryDirectory())
        warm = Warm(Path(folder), variables)
        warm.start()
        opened.callback(warm.stop)
        front.delay_s = TURN_S / 2
        runs = partial(_run, warm)
        return [
            *_over_cold(bench, runs, variables),
            *_turns(front, warm, runs),
            *_quiet(front, warm, runs),
        ]


def _run(warm: Warm, name: str) -> Run:
    """A command that finds a connection."""
    if warm.status()["hits"] == 0:
        measure(Run(todo("list"), warm.environment()))
    followed(warm)
    return Run(todo(*COMMANDS[name]), warm.environment())


def followed(warm: Warm) -> None:
    """Wait for the connection that follows a command."""
    wait_until(lambda: warm.status()["place"] is not None, "no connection")


def _over_cold(
    bench: Bench, warm: "partial[Run]", variables: dict[str, str]
) -> list[Figure]:
    figures = []
    for name, words in COMMANDS.items():
        cold = Run(todo(*words), variables)
        compared = compare(
            {"warm": partial(warm, name), "cold": cold}, bench.choose(3, 15)
        )
        figures.append(
            Figure(
                f"{name} at {TURN_S * 1000:.0f} ms a round trip, warm over cold",
                compared.ratio("warm", "cold"),
                OVER_COLD,
                beside=compared.beside("warm", "cold"),
            )
        )
    return figures


def _turns(front: NeonFront, warm: Warm, run: "partial[Run]") -> list[Figure]:
    """Count the requests of each command, which take a turn each."""
    figures = []
    for name in COMMANDS:
        ready = run(name)
        front.reset()
        measure(ready)
        followed(warm)
        # The last four are those of the follow-up: it logs in, and describes.
        turns = len(front.requests) - 4
        figures.append(
            Figure(f"round trips of {name}, warm", turns, TURNS, unit="")
        )
    return figures


def _quiet(front: NeonFront, warm: Warm, run: "partial[Run]") -> list[Figure]:
    """Count what the server hears after a command and its follow-up."""
    measure(run("list"))
    followed(warm)
    front.reset()
    time.sleep(QUIET_S)
    heard = front.turns + front.connections + len(front.requests)
    return [Figure("heard after the follow-up", heard, 0, unit="")]
