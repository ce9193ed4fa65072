"""How much a test does: some in the suite, all of it in `.ci/run --all`."""

import os
from collections.abc import Sequence
from typing import Final, TypeVar

T = TypeVar("T")

IS_LONG: Final = os.environ.get("TODO_TEST_LONG") == "1"


def size(some: int, whole: int) -> int:
    """Choose how many times, or how many rows; `whole` with TODO_TEST_LONG=1."""
    return whole if IS_LONG else some


def long_only(*cases: T) -> Sequence[T]:
    """Cases that are left to TODO_TEST_LONG=1."""
    return cases if IS_LONG else ()
