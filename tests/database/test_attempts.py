"""What is done about a fault: the table of decisions, whole."""

import asyncpg
import pytest

from todo_cli.database.attempts import (
    Attempts,
    Effect,
    Fault,
    Next,
    Passing,
    decide,
)
from todo_cli.database.url import PostgresTarget
from todo_cli.errors import DatabaseBusy, OutcomeUnknown

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


TARGET = PostgresTarget((("db.example.org", 5432),), database="neondb")


@pytest.mark.parametrize("effect", Effect)
async def test_what_passes_is_waited_for(effect: Effect) -> None:
    attempts, tried = Attempts(TARGET), list[int]()

    async def call() -> str:
        tried.append(1)
        if len(tried) < 3:
            raise Passing("somebody is making tables")
        return "done"

    assert await attempts.run(call, effect) == "done"
    assert len(tried) == 3


@pytest.mark.spec("002/FR-079")
@pytest.mark.parametrize(
    "state", ["40001", "40P01", "55P03", "42P06", "25P03", "57P05"]
)
@pytest.mark.parametrize("effect", Effect)
async def test_what_a_server_rolled_back_is_tried_again(
    state: str, effect: Effect
) -> None:
    """hasura/graphql-engine#7498: DATABASE_BUSY at once."""
    attempts, tried = Attempts(TARGET), list[int]()

    async def call() -> str:
        tried.append(1)
        if len(tried) < 3:
            raise asyncpg.PostgresError.new({"C": state, "M": "not now"})
        return "done"

    assert await attempts.run(call, effect) == "done"
    assert len(tried) == 3


@pytest.mark.spec("002/FR-079")
@pytest.mark.parametrize("state", ["40001", "40P01", "55P03"])
async def test_what_a_server_always_rolls_back_is_busy_in_the_end(
    state: str,
) -> None:
    attempts, tried = Attempts(TARGET, busy_for_s=0.1), list[int]()

    async def call() -> None:
        tried.append(1)
        raise asyncpg.PostgresError.new({"C": state, "M": "not now"})

    with pytest.raises(DatabaseBusy):
        await attempts.run(call, ONCE)
    assert len(tried) > 1
    assert not attempts.may_have_written


@pytest.mark.parametrize(
    ("effect", "kind"), [(READ, Passing), (REPEATABLE, OutcomeUnknown)]
)
async def test_a_lost_answer_stays_lost_when_what_should_pass_does_not(
    effect: Effect, kind: type[Exception]
) -> None:
    attempts, tried = Attempts(TARGET, busy_for_s=0.1), list[int]()

    async def call() -> None:
        tried.append(1)
        raise (
            ConnectionResetError if len(tried) == 1 else Passing("still there")
        )

    with pytest.raises(kind):
        await attempts.run(call, effect)
