"""Measure what the program costs: `python -m tests.benchmarks [PART ...] [--quick]`.

With --against COMMIT the same checkout's program at that commit runs beside today's, in
turns, with the packages that are installed now. PostgreSQL is the server of the tests:
the one that TODO_TEST_DATABASE_URL names, or a throw-away one without fsync.
"""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console

from tests.benchmarks import (
    adds,
    api,
    auth,
    commands,
    completion,
    counting,
    exchange,
    finding,
    history,
    latency,
    pages,
    paging,
    peers,
    warm,
    warm_neon,
    whole,
)
from tests.benchmarks.figures import Figure, show
from tests.benchmarks.stores import Bench, Stores, check_out
from tests.support.postgres import open_server

PARTS: dict[str, Callable[[Bench], list[Figure]]] = {
    "commands": commands.run,
    "latency": latency.run,
    "whole": whole.run,
    "api": api.run,
    "auth": auth.run,
    "adds": adds.run,
    "pages": pages.run,
    "paging": paging.run,
    "finding": finding.run,
    "history": history.run,
    "stats": counting.run,
    "exchange": exchange.run,
    "peers": peers.run,
    "completion": completion.run,
    "warm": warm.run,
    "warm_neon": warm_neon.run,
}
COMPARED = ("commands", "latency", "whole", "api", "history")
"""The parts that measure an older program beside today's."""


def main(arguments: Sequence[str]) -> int:
    """Run the parts that are named and show their figures."""
    asked = _parse(arguments)
    usual = COMPARED if asked.against else tuple(PARTS)
    found: dict[str, list[Figure]] = {}
    server = open_server(os.environ.get("TODO_TEST_DATABASE_URL"))
    try:
        with TemporaryDirectory(prefix="todo-benchmarks-") as name:
            folder = Path(name)
            before = None
            if asked.against:
                package = check_out(asked.against, folder / "before")
                before = Stores(folder, server, package)
            bench = Bench(Stores(folder, server), before, asked.quick)
            for part in asked.parts or usual:
                sys.stderr.write(f"{part} ...\n")
                found[part] = PARTS[part](bench)
    finally:  # a part that fails takes nothing away from those before it
        server.close()
        show(found, Console(width=None if sys.stdout.isatty() else 160))
    return 0


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks", description=__doc__
    )
    parser.add_argument(
        "parts",
        nargs="*",
        metavar="PART",
        help=f"of {', '.join(PARTS)}; all by default,"
        f" with --against {', '.join(COMPARED)}",
    )
    parser.add_argument("--against", metavar="COMMIT", help="an older program")
    parser.add_argument(
        "--quick",
        action="store_true",
        help="few tasks and rounds: does it run?",
    )
    asked = parser.parse_args(arguments)
    if unknown := set(asked.parts) - set(PARTS):
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    return asked


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
