"""How much a test does: some in the suite, all of it in `.ci/run --all`."""

import os
from collections.abc import Iterable, Sequence
from typing import Final, TypeVar

import pytest

T = TypeVar("T")

IS_LONG: Final = os.environ.get("TODO_TEST_LONG") == "1"


def size(some: int, whole: int) -> int:
    """Choose how many times, or how many rows; `whole` with TODO_TEST_LONG=1."""
    return whole if IS_LONG else some


def share(cases: Iterable[T], turn: int, of: int) -> Sequence[T]:
    """Deal the cases out to a number of tests: each gets its share in the suite, and
    all of them with TODO_TEST_LONG=1.
    """
    every = list(cases)
    return every if IS_LONG else every[turn % of :: of]


def long_only(*cases: T) -> Sequence[T]:
    """Cases that are left to TODO_TEST_LONG=1."""
    return cases if IS_LONG else ()


in_long_runs = pytest.mark.skipif(
    not IS_LONG, reason="TODO_TEST_LONG=1 runs it"
)
"""Run a test in the long runs alone."""

on_both_if_long = pytest.mark.parametrize(
    "store", ["sqlite", *long_only("postgresql")], indirect=True
)
"""Run a test on SQLite, and in the long runs on PostgreSQL too: tests/service asks the
same of both stores.
"""
