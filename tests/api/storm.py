"""Many adds at once while PostgreSQL restarts: every 201 is stored once, every other
answer is honest.

python -m tests.api.storm [--adds 2000] [--clients 32] [--crash] [--down SECONDS]

It starts a PostgreSQL and `todo serve` of its own, restarts the PostgreSQL in the
middle (after a crash, and after so many seconds, if asked), and prints what came of it.
"""

import argparse
import asyncio
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import httpx

from tests.api.served import serving
from tests.support.postgres import open_cluster
from tests.support.program import LIMIT_S, Process, Surroundings

PATH = "/api/ada/tasks"
NOT_STORED = ("DATABASE_UNAVAILABLE", "DATABASE_BUSY", "TIMEOUT")
HONEST = (*NOT_STORED, "OUTCOME_UNKNOWN")


@dataclass(slots=True)
class Tally:
    """What came of the adds: the answer to each id, and how often it is stored."""

    answers: dict[str, str] = field(default_factory=dict)
    repeated: dict[str, int] = field(default_factory=dict)
    stored: Counter[str] = field(default_factory=Counter)
    stored_at_last: Counter[str] = field(default_factory=Counter)

    def faults(self) -> list[str]:
        """What should not be."""
        found = [
            f"repeated: {each}"
            for each in self.repeated.values()
            if each > 201
        ]
        for id, word in self.answers.items():
            count, last = self.stored[id], self.stored_at_last[id]
            if word not in ("201", *HONEST):
                found.append(f"{word}, which is not honest")
            if (word == "201" and count != 1) or (
                word in NOT_STORED and count
            ):
                found.append(f"{word}, and stored {count} times")
            if last != 1:
                found.append(f"at last stored {last} times")
        return found

    def counts(self) -> dict[str, int]:
        """How often each answer came."""
        return dict(Counter(self.answers.values()).most_common())


async def raise_storm(
    client: httpx.AsyncClient,
    url: str,
    disturb: Callable[[], object],
    *,
    adds: int,
    clients: int,
) -> Tally:
    """Add tasks from many clients at once, disturb in the middle, then send again what failed."""
    tally = Tally()
    ids = [str(uuid4()) for _ in range(adds)]
    waiting = iter(ids)
    disturbing: list[asyncio.Future[Any]] = []

    async def work() -> None:
        for id in waiting:
            if len(tally.answers) >= adds // 2 and not disturbing:
                disturbing.append(
                    asyncio.ensure_future(asyncio.to_thread(disturb))
                )
            response = await client.post(
                PATH, json={"id": id, "title": f"task {id}"}
            )
            tally.answers[id] = "201"
            if response.status_code != 201:
                tally.answers[id] = response.json()["error"]["code"]

    await asyncio.gather(*(work() for _ in range(clients)))
    await asyncio.gather(*disturbing)
    tally.stored = await stored(url)
    for id in [id for id, word in tally.answers.items() if word != "201"]:
        response = await client.post(
            PATH, json={"id": id, "title": f"task {id}"}
        )
        tally.repeated[id] = response.status_code
    tally.stored_at_last = await stored(url)
    return tally


async def stored(url: str) -> Counter[str]:
    """How often each id is stored."""
    connection = await asyncpg.connect(url)
    try:
        return Counter(
            str(row["id"])
            for row in await connection.fetch("SELECT id FROM todo.task")
        )
    finally:
        await connection.close()


async def _run(
    base_url: str,
    url: str,
    disturb: Callable[[], object],
    adds: int,
    clients: int,
) -> Tally:
    limits = httpx.Limits(max_connections=clients)
    async with httpx.AsyncClient(
        base_url=base_url, timeout=LIMIT_S, limits=limits
    ) as client:
        await client.post(PATH, json={"title": "first"})
        return await raise_storm(
            client, url, disturb, adds=adds, clients=clients
        )


def main(arguments: Sequence[str]) -> int:
    """Run it once and print what came of it; 1 where something should not be."""
    parser = argparse.ArgumentParser(prog="python -m tests.api.storm")
    parser.add_argument("--adds", type=int, default=2_000)
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--crash", action="store_true")
    parser.add_argument("--down", type=float, default=0.0)
    asked = parser.parse_args(arguments)
    cluster = open_cluster()

    def restart() -> None:
        cluster.stop(signal.SIGQUIT if asked.crash else signal.SIGINT)
        time.sleep(asked.down)
        cluster.start()

    try:
        url = cluster.url(cluster.create_database())
        with tempfile.TemporaryDirectory() as folder:
            process = Process(Surroundings(Path(folder), Path(folder), url))
            with serving(process) as served:
                tally = asyncio.run(
                    _run(served.url, url, restart, asked.adds, asked.clients)
                )
    finally:
        cluster.close()
    faults = tally.faults()
    sys.stdout.write(
        f"answers: {tally.counts()}; sent again: {len(tally.repeated)}; faults: {faults[:5]}\n"
    )
    return int(bool(faults))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
