"""What it costs to import a file of 100,000 tasks, over its bare parts, and far away.

The bare program reads the file with `json` or `csv`, checks nothing, and writes the same
rows by one `executemany` or COPY for each table: see `bare_import.py`.
"""

import csv
import json
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlsplit, urlunsplit
from uuid import UUID

from tests.benchmarks.figures import Figure
from tests.benchmarks.processes import Run, compare, measure, todo
from tests.benchmarks.stores import KINDS, USER, Bench, Stores
from tests.neon.relay import Relay
from tests.support.stores import Store
from tests.support.turns import TurnProxy

BARE = Path(__file__).with_name("bare_import.py")
FORMATS = ("ndjson", "csv")
TASKS = 100_000
AT_MOST = 2.0
MOST_MIB = 200.0
MOST_TURNS = 60
TURN_S = 0.025
FAR_AT_MOST = 1.5
WORDS = ("buy", "milk", "Ärger", "call", "report", "fix", "the", "roof")
AT = "2026-01-02T03:04:05.000000Z"
EMPTY = (
    "TRUNCATE todo.task, todo.counter, todo.tag, todo.operation, todo.change;"
    " CHECKPOINT"
)


def run(bench: Bench) -> list[Figure]:
    """Import files of each format into an empty store of each kind."""
    size = bench.choose(TASKS // 50, TASKS)
    figures: list[Figure] = []
    with TemporaryDirectory(dir=bench.stores.folder) as folder:
        files = _write_files(Path(folder), size)
        for kind in KINDS:
            with bench.stores.empty(kind) as store:
                place = Place(bench.stores, store, Path(folder), size)
                for path in files:
                    figures += _over_bare(bench, place, path)
                if kind == "postgresql":
                    figures += _from_afar(bench, place, files[0])
    return figures


class Place:
    """A store that is emptied before each run."""

    def __init__(
        self, stores: Stores, store: Store, folder: Path, size: int
    ) -> None:
        self.stores, self.store, self._size = stores, store, size
        self._file = Path(store.url.removeprefix("sqlite:///"))
        self._empty = folder / "empty.db"
        if store.kind == "sqlite":
            shutil.copy(self._file, self._empty)

    def fresh(
        self, command: Sequence[str], url: str = ""
    ) -> Callable[[], Run]:
        """What empties the store and returns a run that fills it."""
        said = f"{self._size:,}".encode()

        def fresh() -> Run:
            if self.store.kind == "sqlite":
                for each in self._file.parent.glob(f"{self._file.name}*"):
                    each.unlink()
                shutil.copy(self._empty, self._file)
            else:
                database = self.store.url.rpartition("/")[2]
                self.stores.server.run_sql(database, EMPTY)
            variables = self.stores.variables(url or self.store.url)
            return Run(command, variables, check=lambda out: said in out)

        return fresh


def _over_bare(bench: Bench, place: Place, path: Path) -> Iterator[Figure]:
    """Compare with the bare program, and the memory with that of a list."""
    form = path.suffix.removeprefix(".")
    bare = (sys.executable, str(BARE), place.store.url, form, str(path))
    runs = {
        "todo": place.fresh(todo("import", str(path))),
        "bare": place.fresh(bare),
    }
    compared = compare(runs, bench.choose(1, 5))
    name = f"{place.store.kind}, import of {form}"
    yield Figure(
        f"{name} over the bare program",
        compared.ratio("todo", "bare"),
        AT_MOST,
        beside=compared.beside("todo", "bare"),
    )
    yield Figure(
        f"{name}, CPU of the processes",
        compared.ratio("todo", "bare", "cpu_s"),
        AT_MOST,
        beside={"bare s": compared.median("bare", "cpu_s")},
    )
    variables = place.stores.variables(place.store.url)
    start = measure(Run(todo("list"), variables))
    peak = compared.median("todo", "peak_kib")
    yield Figure(
        f"{name}, memory above that of a list",
        (peak - start.peak_kib) / 1024,
        MOST_MIB,
        unit="MiB",
        beside={"bare": compared.median("bare", "peak_kib") / 1024},
    )


def _from_afar(bench: Bench, place: Place, path: Path) -> Iterator[Figure]:
    """Count round trips, and compare with the same over a long line."""
    server = place.stores.server
    command = todo("import", str(path))
    with TurnProxy(server.host, server.port) as proxy:
        url = _at(place.store.url, proxy.port)
        again = place.fresh(command, url)()
        proxy.reset()
        measure(again)
        yield Figure(
            "round trips of an import", proxy.turns, MOST_TURNS, unit=""
        )
    with Relay(server.port, delay_s=TURN_S / 2) as relay:
        url = _at(place.store.url, relay.port)
        runs = {
            "near": place.fresh(command),
            "far": place.fresh(command, url),
        }
        compared = compare(runs, bench.choose(1, 3))
    yield Figure(
        f"import at {TURN_S * 1000:.0f} ms over loopback",
        compared.ratio("far", "near"),
        FAR_AT_MOST,
        beside=compared.beside("far", "near"),
    )


def _write_files(folder: Path, size: int) -> list[Path]:
    """Write the same tasks in each format, as an export does."""
    tasks = list(_tasks(size))
    ndjson, table = (folder / f"tasks.{form}" for form in FORMATS)
    with ndjson.open("w", encoding="utf-8") as file:
        for task in tasks:
            file.write(f"{json.dumps(task, ensure_ascii=False)}\n")
    with table.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(tasks[0]))
        writer.writeheader()
        for task in tasks:
            writer.writerow(
                task
                | {
                    "tags": ",".join(task["tags"]),
                    "completed": str(task["completed"]).lower(),
                }
            )
    return [ndjson, table]


def _tasks(size: int) -> Iterator[dict[str, Any]]:
    """Tasks that differ in each field, as `data` has them."""
    random = Random(1)
    for number in range(1, size + 1):
        is_done = number % 3 == 0
        title = " ".join(random.choices(WORDS, k=5))
        yield {
            "id": str(UUID(int=random.getrandbits(128))),
            "number": number,
            "user_id": USER,
            "title": f"{title} {number}",
            "description": "a line of a note\n" * 3
            if number % 4 == 0
            else None,
            "completed": is_done,
            "created_at": AT,
            "updated_at": AT,
            "completed_at": AT if is_done else None,
            "due_on": "2026-12-24" if number % 5 == 0 else None,
            "wait_until": None,
            "priority": (None, "high", "low")[number % 3],
            "project": "home.kitchen" if number % 2 else None,
            "tags": ["errand", "food"] if is_done else [],
            "version": 1,
            "deleted_at": None,
        }


def _at(url: str, port: int) -> str:
    """The same database and login over another port of this machine."""
    parts = urlsplit(url)
    login = parts.netloc.rpartition("@")[0]
    return urlunsplit(parts._replace(netloc=f"{login}@127.0.0.1:{port}"))
