"""Measure what the program costs: `python -m tests.benchmarks [PART ...] [--quick] [--json FILE]`.

PostgreSQL is the server of the tests: the one that TODO_TEST_DATABASE_URL names, or a
throw-away one without fsync.
"""

import argparse
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console

from tests.benchmarks import adds, api, figures, flat, latency, peers, startup, whole
from tests.benchmarks.figures import Figure
from tests.benchmarks.stores import Stores
from tests.support.postgres import open_server

PARTS: dict[str, Callable[..., list[Figure]]] = {
    "startup": startup.run,
    "flat": flat.run,
    "adds": adds.run,
    "whole": whole.run,
    "peers": peers.run,
    "api": api.run,
    "latency": latency.run,
}


def main(arguments: Sequence[str]) -> int:
    """Run the parts that are named, or all, and show their figures."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks", description=__doc__
    )
    parser.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help=f"parts to run, of {', '.join(PARTS)}; default all",
    )
    parser.add_argument(
        "--quick",
        action="store_true",
        help="fewer tasks and rounds: does it run at all?",
    )
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="also write the figures to a file"
    )
    asked = parser.parse_args(arguments)
    if unknown := set(asked.names) - set(PARTS):
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    console = Console(width=None if sys.stdout.isatty() else 160)
    began = datetime.now(UTC)
    found: list[Figure] = []
    try:
        for more in _run(
            asked.names or list(PARTS), Console(stderr=True), is_quick=asked.quick
        ):
            found += more
            if asked.json is not None:
                asked.json.write_text(
                    figures.as_json(found, is_quick=asked.quick, began=began)
                )
    finally:  # a part that fails takes nothing away from those before it
        figures.show(found, console)
    return 0


def _run(
    names: Sequence[str], progress: Console, *, is_quick: bool
) -> Iterator[list[Figure]]:
    with TemporaryDirectory(prefix="todo-benchmarks-") as folder:
        server = open_server(os.environ.get("TODO_TEST_DATABASE_URL"))
        try:
            for name in names:
                progress.print(f"{name} ...")
                yield PARTS[name](Stores(Path(folder), server), is_quick=is_quick)
        finally:
            server.close()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
