"""A store with texts that a shell could take for commands."""

import pytest

from tests.support.program import Todo
from tests.support.stores import Store

PROJECT = "home kitchen: $(touch IN_PROJECT) `touch IN_PROJECT` \\ % 🎉"
TAG = "a:b'$(touch${IFS}IN_TAG)`x`\\\"🎉"
TITLE = (
    'Pay "rent": it\'s $(touch IN_TITLE) `touch IN_TITLE` \\n %s 🎉 e\u0301'
)


@pytest.fixture
def store(sqlite_store: Store) -> Store:
    """An empty SQLite file."""
    return sqlite_store


@pytest.fixture
def odd(todo: Todo) -> Todo:
    """The program on a store with three open tasks, and one of bob."""
    words = ("-P", PROJECT, "-t", TAG, "--due", "fri")
    assert todo("add", TITLE, *words).status == 0
    assert todo("add", "Buy milk", "-p", "high").status == 0
    assert todo("add", "Water the plants").status == 0
    assert (
        todo("add", "Of bob", "-P", "bobs", "-t", "bobs", user="bob").status
        == 0
    )
    return todo
