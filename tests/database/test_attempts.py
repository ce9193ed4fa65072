"""What is done about a fault: the table of decisions, whole."""

import pytest

from todo_cli.database.attempts import Effect, Fault, Next, decide

READ, REPEATABLE, ONCE = Effect.READ, Effect.REPEATABLE, Effect.ONCE
AGAIN, LOST, FAIL = Next.AGAIN, Next.LOST, Next.FAIL
FIRST = {
    Fault.BUSY: (AGAIN, AGAIN, AGAIN),
    Fault.CUT: (AGAIN, AGAIN, LOST),
    Fault.SILENT: (FAIL, LOST, LOST),
    Fault.TAKEN: (FAIL, FAIL, FAIL),
    Fault.FAILED: (FAIL, FAIL, FAIL),
}
AFTER_A_LOST_ANSWER = {
    Fault.BUSY: (AGAIN, AGAIN, AGAIN),
    Fault.CUT: (FAIL, LOST, LOST),
    Fault.SILENT: (FAIL, LOST, LOST),
    Fault.TAKEN: (FAIL, FAIL, FAIL),
    Fault.FAILED: (FAIL, LOST, LOST),
}


@pytest.mark.parametrize(
    ("table", "was_lost"), [(FIRST, False), (AFTER_A_LOST_ANSWER, True)]
)
def test_the_next_step_follows_from_fault_effect_and_past(
    table: dict[Fault, tuple[Next, Next, Next]], was_lost: bool
) -> None:
    decided = {
        fault: tuple(
            decide(fault, effect, was_lost=was_lost)
            for effect in (READ, REPEATABLE, ONCE)
        )
        for fault in Fault
    }

    assert decided == table
