"""Lets every call of every command to its store fail once in every way, and says what came of it.

python -m tests.torture sqlite
python -m tests.torture postgresql
"""

import argparse
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.support.postgres import open_cluster
from tests.support.turns import TurnProxy
from tests.torture.backends import Backend, FileBackend, ServerBackend
from tests.torture.grid import grid, torture


@contextmanager
def open_backend(kind: str, folder: Path) -> Iterator[Backend]:
    """A store of a kind."""
    if kind == "sqlite":
        yield FileBackend(folder)
        return
    cluster = open_cluster()
    try:
        with TurnProxy(cluster.host, cluster.port) as proxy:
            backend = ServerBackend(cluster, proxy, folder)
            yield backend
            backend.close()
    finally:
        cluster.close()


def main(arguments: Sequence[str]) -> int:
    """Torture; 1 where something was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.torture")
    parser.add_argument("kind", choices=["sqlite", "postgresql"])
    asked = parser.parse_args(arguments)
    said: Counter[str] = Counter()
    found = 0
    with (
        tempfile.TemporaryDirectory() as folder,
        open_backend(asked.kind, Path(folder)) as backend,
    ):
        for case in grid(backend):
            status, wrong = torture(backend, case)
            said[f"{case.failure.name}: exit {status}"] += 1
            found += len(wrong)
            sys.stdout.write("".join(f"{case}: {what}\n" for what in wrong))
            sys.stdout.flush()
    sys.stdout.write(
        "".join(f"{times:5}  {what}\n" for what, times in said.items())
    )
    sys.stdout.write(
        f"{asked.kind}: {sum(said.values())} cases, {found} wrong\n"
    )
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
