"""What a forked process can do before it becomes the program; `partial(os.umask, 0)` and
its like need nothing of their own here.
"""

import ctypes
import logging
import os
import signal
import sys
import threading
import warnings

# See capabilities(7): passing over permissions to read and write, and to look.
VERSION_3 = 0x20080522
OVERRIDE, READ_SEARCH = 1 << 1, 1 << 2
BOUND_DROP = 24


def close_streams(*numbers: int) -> None:
    """Close some of the standard streams."""
    for number in numbers:
        os.close(number)


def unblock_streams() -> None:
    """Make the standard streams non-blocking, as another program could."""
    for number in range(3):
        os.set_blocking(number, False)


def lose_working_folder(path: str) -> None:
    """Go to a folder that is removed then, as in a terminal that was left open."""
    os.mkdir(path)
    os.chdir(path)
    os.rmdir(path)


def obey_permissions() -> None:
    """Take from root the right to pass over permissions; nobody else has it."""
    if os.geteuid() != 0:
        return
    system = ctypes.CDLL(None, use_errno=True)
    header = (ctypes.c_uint32 * 2)(VERSION_3, 0)
    sets = (ctypes.c_uint32 * 6)()  # effective, permitted, inheritable; twice
    # Else root would have them again after an exec; see prctl(2).
    for number in (1, 2):
        assert system.prctl(BOUND_DROP, number, 0, 0, 0) == 0
    assert system.capget(header, sets) == 0, os.strerror(ctypes.get_errno())
    sets[0] &= ~(OVERRIDE | READ_SEARCH)
    assert system.capset(header, sets) == 0, os.strerror(ctypes.get_errno())


def set_umask_and_obey(mask: int) -> None:
    """Set the umask, and obey permissions also as root."""
    os.umask(mask)
    obey_permissions()


def ignore(number: int) -> None:
    """Ignore a signal."""
    signal.signal(number, signal.SIG_IGN)


def block(number: int) -> None:
    """Block a signal."""
    signal.pthread_sigmask(signal.SIG_BLOCK, [number])


def be_noisy() -> None:
    """Print, log, warn and fail in a thread, as libraries do, a moment later."""
    threading.Timer(0.2, _say_much).start()


def give_up_soon() -> None:
    """Wait for somebody else's lock for half a second, and not for five."""
    from todo_cli.database import engine

    vars(engine)["BUSY_FOR_S"] = 0.5


def _say_much() -> None:
    print("printed")  # noqa: T201 - as a library might
    print("printed", file=sys.stderr)  # noqa: T201
    logging.getLogger("asyncio").error("logged", exc_info=ValueError("logged"))
    logging.getLogger("aiosqlite").warning("logged")
    warnings.warn("warned", RuntimeWarning, stacklevel=1)
    _Unraisable()
    threading.Thread(target=_fail).start()


def _fail() -> None:
    raise ValueError("failed in a thread")


class _Unraisable:
    def __del__(self) -> None:
        raise ValueError("cannot be raised")
