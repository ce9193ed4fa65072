"""Recognizes errors whose cause is a limit of the system, as of `ulimit`.

A limit can be reached anywhere, also while Python imports a module, so such
errors arrive as many kinds of exceptions.
"""

import errno
from collections.abc import Iterator, Mapping
from typing import Final

from todo_cli.disk import Refusal, explain
from todo_cli.errors import IoFailed

_NUMBERS: Final = (errno.ENOMEM, errno.EMFILE, errno.ENFILE)
"""The errors of the system that can occur at any call."""
_BY_WORDS: Final[Mapping[str, int]] = {
    "can't start new thread": errno.EAGAIN,
    "cannot create shared object descriptor": errno.ENOMEM,
    "failed to map segment": errno.ENOMEM,
    "annot allocate memory": errno.ENOMEM,
    "Too many open files": errno.EMFILE,
}
"""What threads and the dynamic linker say; they name no number."""
_THREADS: Final = Refusal(
    "no more threads can be started",
    "end some programs, or raise the limits (`ulimit -u`, `ulimit -v`)",
)


def exceeded(error: BaseException) -> IoFailed | None:
    """Return the error to report if a limit is the cause of this one."""
    for each in _causes(error):
        number = _number(each)
        if number is not None:
            words, hint = _refusal(number)
            return IoFailed(f"The program cannot go on: {words}", hint=hint)
    return None


def _number(error: BaseException) -> int | None:
    """Return the number of the limit that an exception means by itself."""
    if isinstance(error, MemoryError):
        return errno.ENOMEM
    if isinstance(error, OSError) and error.errno in _NUMBERS:
        return error.errno
    if isinstance(error, RuntimeError | ImportError):
        for words, number in _BY_WORDS.items():
            if words in str(error):
                return number
    return None


def _refusal(number: int) -> Refusal:
    """Say what there is too little of, and what to do about it."""
    if number == errno.EAGAIN:
        return _THREADS
    return explain(OSError(number, ""))


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an exception, and what it was raised from or beside.

    A driver may wrap the one that names the limit. Each comes once: one that
    was raised again from itself is its own cause.
    """
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__
