"""Where the tests of the command line run: on a file, and on both stores where that matters."""

import pytest

from tests.support.saved import Saved
from tests.support.stores import Store

on_both_stores = pytest.mark.parametrize(
    "store", ["sqlite", "postgresql"], indirect=True
)
"""Run a test on SQLite and then on PostgreSQL: it asks something of the store that
tests/service and tests/lockstep do not compare already.
"""


@pytest.fixture(scope="module")
def kept() -> dict[str, Saved]:
    """What many tests of a module begin with, once it is made, by the kind of its store."""
    return {}


@pytest.fixture
def store(request: pytest.FixtureRequest) -> Store:
    """An empty SQLite file, or what `on_both_stores` asks for."""
    kind = getattr(request, "param", "sqlite")
    chosen = request.getfixturevalue(
        {"sqlite": "sqlite_store", "postgresql": "postgres_store"}[kind]
    )
    assert isinstance(chosen, Store)
    return chosen
