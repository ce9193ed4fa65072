"""The event loop, and signals that come while it waits."""

import signal
import threading
import time
from contextlib import closing

import pytest

from todo_cli.cli.loop import Loop


@pytest.mark.spec("002/FR-046")
def test_a_signal_that_another_thread_gets_wakes_the_loop() -> None:
    """As one that comes just before the loop waits: the wait is not ended."""
    loop = Loop()
    seen = loop.create_future()
    late: list[bool] = []

    def handle(number: int, _frame: object) -> None:
        seen.set_result(number)

    def send() -> None:
        time.sleep(0.1)  # until the loop waits
        signal.pthread_kill(threading.get_ident(), signal.SIGUSR1)

    before = signal.signal(signal.SIGUSR1, handle)
    thread = threading.Thread(target=send)
    thread.start()
    try:
        with closing(loop):
            loop.call_later(30, late.append, True)
            assert loop.run_until_complete(seen) == signal.SIGUSR1
    finally:
        signal.signal(signal.SIGUSR1, before)
    thread.join()
    assert not late  # nothing else woke it
