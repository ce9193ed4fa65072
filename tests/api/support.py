"""Ways to ask the API, and what its answers must look like."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import httpx

from todo_cli.api.app import create_app
from todo_cli.api.auth import Access
from todo_cli.api.context import ServerContext
from todo_cli.database.url import Target

HOST = "127.0.0.1:8000"
TASKS = "/api/ada/tasks"


@dataclass(frozen=True, slots=True)
class Log:
    """Collects the lines of a log."""

    lines: list[str] = field(default_factory=list)

    def __call__(self, line: str) -> None:
        self.lines.append(line)


def context_for(
    target: Target,
    now: Callable[[], datetime],
    log: Callable[[str], None],
    *,
    pool_size: int = 10,
    access: Access | None = None,
) -> ServerContext:
    """The context for a store, as seen from a client on `HOST`."""
    return ServerContext(
        target=target,
        now=now,
        hosts=frozenset({HOST}),
        log=log,
        pool_size=pool_size,
        access=access,
    )


@asynccontextmanager
async def opened(
    context: ServerContext, *, address: str = "127.0.0.1"
) -> AsyncIterator[httpx.AsyncClient]:
    """Start the application and hand out a client of it."""
    app = create_app(context)
    transport = httpx.ASGITransport(app, client=(address, 123))
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(
            transport=transport, base_url=f"http://{HOST}"
        ) as client,
    ):
        yield client


def data(response: httpx.Response, status: int = 200) -> Any:
    """The `data` of a success; fails for anything else."""
    envelope = document(response)
    assert (response.status_code, envelope["success"]) == (status, True), (
        response.text
    )
    assert list(envelope) == ["success", "data", "message"]
    return envelope["data"]


def error(response: httpx.Response, status: int, code: str) -> Any:
    """The `error` of a failure with this status and code; fails for anything else."""
    envelope = document(response)
    assert (response.status_code, envelope["success"]) == (status, False), (
        response.text
    )
    assert list(envelope) == ["success", "error"]
    assert envelope["error"]["code"] == code
    return envelope["error"]


def document(response: httpx.Response) -> Any:
    """The one JSON document of an answer, and one line end."""
    assert response.headers["content-type"] == "application/json"
    assert response.text.endswith("}\n"), response.text
    return json.loads(response.text)


async def add(
    client: httpx.AsyncClient,
    title: str = "Buy milk",
    *,
    user: str = "ada",
    **more: Any,
) -> Any:
    """Add a task and return it."""
    return data(
        await client.post(f"/api/{user}/tasks", json={"title": title, **more}),
        201,
    )
