"""The guard alone: what it does when a request is cut off or breaks half-way."""

import asyncio
import json
from pathlib import Path

import pytest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tests.api.support import HOST, Log, context_for
from tests.support.stores import Clock
from todo_cli.api.context import read_pool_size
from todo_cli.api.guard import Guard
from todo_cli.database.url import SqliteTarget
from todo_cli.errors import ConfigInvalid


async def waits(scope: Scope, receive: Receive, send: Send) -> None:
    """An application that never answers."""
    await asyncio.Event().wait()


async def waits_half_way(scope: Scope, receive: Receive, send: Send) -> None:
    """An application that never ends its answer."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await asyncio.Event().wait()


async def breaks_half_way(scope: Scope, receive: Receive, send: Send) -> None:
    """An application that breaks in the middle of an answer."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    raise ValueError("secret")


class Asked:
    """One request, and what was sent for it."""

    def __init__(self, app: ASGIApp, method: str, log: Log) -> None:
        target = SqliteTarget(Path("unused.db"))
        self.sent: list[Message] = []
        self._guard = Guard(app, context_for(target, Clock(), log))
        self._scope = {
            "type": "http",
            "method": method,
            "path": "/x",
            "raw_path": b"/x",
            "query_string": b"",
            "headers": [(b"host", HOST.encode())],
        }

    async def __call__(self) -> None:
        await self._guard(self._scope, self._receive, self._send)

    async def _receive(self) -> Message:
        return {"type": "http.request"}

    async def _send(self, message: Message) -> None:
        self.sent.append(message)


@pytest.mark.spec("001/FR-114")
@pytest.mark.parametrize(
    ("method", "status", "code"),
    [
        ("GET", 503, "DATABASE_UNAVAILABLE"),
        ("HEAD", 503, None),
        ("POST", 500, "OUTCOME_UNKNOWN"),
        ("PUT", 500, "OUTCOME_UNKNOWN"),
        ("DELETE", 500, "OUTCOME_UNKNOWN"),
    ],
)
async def test_request_that_is_cut_off_is_answered_honestly(
    log: Log, method: str, status: int, code: str | None
) -> None:
    asked = Asked(waits, method, log)
    asking = asyncio.create_task(asked())
    await asyncio.sleep(0)

    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking

    assert asked.sent[0]["status"] == status
    body = asked.sent[1]["body"]
    assert (json.loads(body)["error"]["code"] if body else None) == code
    assert log.lines[0].startswith(f"{method} /x {status} ")


async def test_answer_that_has_begun_is_not_begun_again(log: Log) -> None:
    asked = Asked(waits_half_way, "GET", log)
    asking = asyncio.create_task(asked())
    await asyncio.sleep(0)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    broken = Asked(breaks_half_way, "GET", log)
    with pytest.raises(ValueError, match="secret"):
        await broken()

    for each in (asked, broken):
        assert [message["type"] for message in each.sent] == [
            "http.response.start"
        ]
    assert log.lines[1].startswith("bug: ValueError in ")
    assert "secret" not in "".join(log.lines)


def test_pool_size_is_a_small_number() -> None:
    assert [read_pool_size({}), read_pool_size({"TODO_POOL_SIZE": "100"})] == [
        10,
        100,
    ]
    for text in ("", "0", "101", "1000", "-1", "+1", "1_0", " 1", "١"):
        with pytest.raises(ConfigInvalid):
            read_pool_size({"TODO_POOL_SIZE": text})
