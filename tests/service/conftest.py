"""Fixtures of these tests: processes that use one store at the same time."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection

import pytest

from tests.service.worker import Crew, Outcome, start
from tests.support.forked import ForkServer
from tests.support.size import size
from tests.support.stores import Store

Workers = Callable[[int], Crew]

WORKERS, MOST_WORKERS = size(4, 8), size(12, 20)


@pytest.fixture(scope="package")
def processes(fork_server: ForkServer) -> Iterator[list[Connection]]:
    """The workers that are there; starting them anew would cost more than most of these
    tests.
    """
    workers: list[Connection] = []
    yield workers
    for worker in workers:
        worker.close()


@pytest.fixture
def workers(processes: list[Connection], store: Store) -> Workers:
    """A number of worker processes on the store."""

    def crew(number: int) -> Crew:
        processes.extend(start(number - len(processes)))
        return Crew(processes[:number], store)

    return crew


def errors(outcomes: Sequence[Outcome]) -> Counter[str]:
    """How often each error came."""
    return Counter(outcome.error for outcome in outcomes if outcome.error)
