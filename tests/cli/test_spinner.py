"""What a terminal says while a server does not answer, and how much room it takes."""

import asyncio
import io

import pytest

from todo_cli.cli.env import Env
from todo_cli.cli.spinner import said, spinner
from todo_cli.database.url import PostgresTarget

SAID = [
    (
        [("ep-x.eu-central-1.aws.neon.tech", 5432)],
        60,
        "Waking the database...",
    ),
    ([("db.example.org", 5432)], 60, "Waiting for db.example.org..."),
    ([("localhost", 40_439)], 60, "Waiting for localhost..."),
    ([("::1", 5432)], 60, "Waiting for ::1..."),
    (
        [("a.example", 5432), ("b.example", 6000)],
        60,
        "Waiting for a.example or b.example...",
    ),
    ([("/run/postgresql", 5432)], 60, "Waiting for the database..."),
    (
        [("/run/postgresql", 5432), ("b.example", 5432)],
        60,
        "Waiting for b.example...",
    ),
    # What the terminal would take for a command, or read from right to left.
    (
        [("a\x1b[31mb\u202ec", 5432)],
        60,
        "Waiting for a\\x1b[31mb\\u202ec...",
    ),
    # A line that is too long would begin another one with each frame.
    ([("db.example.org", 5432)], 28, "Waiting for the database..."),
    ([("x" * 253, 5432)], 60, "Waiting for the database..."),
    ([("db.example.org", 5432)], 17, "Waiting for the d"),
    ([("ep-x.aws.neon.tech", 5432)], 17, "Waking the databa"),
]


@pytest.mark.spec("002/FR-058")
@pytest.mark.parametrize(("hosts", "room", "words"), SAID)
def test_names_what_is_waited_for(
    hosts: list[tuple[str, int]], room: int, words: str
) -> None:
    target = PostgresTarget(hosts=tuple(hosts))

    assert said(target, room) == words
    assert len(words) <= room


@pytest.mark.spec("002/FR-058")
async def test_leaves_a_line_alone_that_it_has_freed() -> None:
    """Whatever is written there would be wiped soon after."""
    shown = io.BytesIO()
    env = Env({}, None, None, "ada", io.BytesIO(), io.BytesIO(), shown)
    waits = [True]
    target = PostgresTarget(hosts=(("localhost", 5432),))

    async with spinner(env, target, lambda: waits[0]) as line:
        while b"Waiting" not in shown.getvalue():
            await asyncio.sleep(0.05)
        waits[0] = False
        line.wipe()
        env.say_text("Purge? ")
        await asyncio.sleep(0.3)

    assert shown.getvalue().endswith(
        b"Waiting for localhost...\r\x1b[KPurge? "
    )
