"""Limits of the system that end a call, such as those of `ulimit`, in words.

They can be reached anywhere, also while Python imports a module, so they
arrive as many kinds of exceptions.
"""

import errno
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from todo_cli.errors import IoFailed


class Limit(NamedTuple):
    """What there is too little of, and what to do about it."""

    words: str
    hint: str


_MEMORY: Final = Limit(
    "The system has too little memory for todo",
    "end some programs, or raise the limit (`ulimit -v`, `ulimit -d`)",
)
_FILES: Final = Limit(
    "Too many files are open for todo to open one more",
    "raise the limit (`ulimit -n 256`)",
)
_THREADS: Final = Limit(
    "The system starts no more threads",
    "end some programs, or raise the limit (`ulimit -u`, `ulimit -v`)",
)
_BY_NUMBER: Final[Mapping[int | None, Limit]] = {
    errno.ENOMEM: _MEMORY,
    errno.EMFILE: _FILES,
    errno.ENFILE: _FILES,
}
_BY_WORDS: Final[Mapping[str, Limit]] = {
    "can't start new thread": _THREADS,
    "cannot create shared object descriptor": _MEMORY,
    "failed to map segment": _MEMORY,
    "annot allocate memory": _MEMORY,
    "Too many open files": _FILES,
}


def exceeded(error: BaseException) -> IoFailed | None:
    """Return the error to report if a limit is the cause of this one."""
    for each in _causes(error):
        limit = _limit(each)
        if limit is not None:
            return IoFailed(limit.words, hint=limit.hint)
    return None


def _limit(error: BaseException) -> Limit | None:
    """Find the limit that an exception means by itself.

    Threads and the dynamic linker say it only in words.
    """
    if isinstance(error, MemoryError):
        return _MEMORY
    if isinstance(error, OSError):
        return _BY_NUMBER.get(error.errno)
    if isinstance(error, RuntimeError | ImportError):
        for words, limit in _BY_WORDS.items():
            if words in str(error):
                return limit
    return None


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an exception, and what it was raised from or beside.

    A driver may wrap the one that names the limit.
    """
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
