"""A connection that is there before a command: what it saves, and when it is not used."""

import pytest

from tests.neon.test_turns import COMMANDS, VARIANTS, prepare
from tests.support.neon import NeonFront
from tests.support.program import Ran, Todo
from tests.support.site import MAY_HALF_CLOSE, Site
from todo_cli.cli.ready import Ready

pytestmark = MAY_HALF_CLOSE


def made_ready(todo: Todo, *command: str) -> Ready:
    """What follows a command that ended well: a connection for the next one."""
    first = Ready()
    ran = todo(*(command or ("list",)), ready=first)
    assert ran.status == 0, ran
    assert first.next is not None
    ready = Ready()
    ready.loop.run_until_complete(ready.dial(first.next))
    return ready


@pytest.mark.parametrize("command", COMMANDS)
def test_costs_one_turn(site: Site, front: NeonFront, neon_url: str, command: list[str]) -> None:
    site.fill("first", "second")
    prepare(site, command)
    todo = site.todo(neon_url)
    ready = made_ready(todo)
    front.reset()

    ran = todo(*command, ready=ready)

    assert (ran.status, ran.err) == (0, "")
    print(front.turns, front.requests)
    assert (front.turns, front.connections) == (1, 0)
