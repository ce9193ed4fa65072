"""What the API is measured against, a server each: `python -m
tests.benchmarks.api_peers NAME URL POOL_SIZE`.

All of them run as `todo serve` does: one process, the same HTTP parser, the same event
loop, one line on stderr that names the port. `constant` and `pool` read path and body
by the same signatures as the product; `plain` reads nothing.
"""

import asyncio
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final
from uuid import UUID, uuid4

import asyncpg
import uvicorn
from fastapi import Depends, FastAPI, HTTPException, Response
from sqlalchemy import DateTime
from sqlalchemy.ext.asyncio import create_async_engine
from sqlmodel import Field, SQLModel, col, select
from sqlmodel.ext.asyncio.session import AsyncSession
from starlette.types import ASGIApp, Receive, Scope, Send

from todo_cli.api.app import Page, TaskId, UserId
from todo_cli.api.body import JsonRoute
from todo_cli.database.url import PostgresTarget, parse_url
from todo_cli.output import envelope
from todo_cli.task import NewTask, Task

LIST: Final = "/api/{user_id}/tasks"
ONE: Final = "/api/{user_id}/tasks/{task_id}"
_COLUMNS: Final = ", ".join(Task.__slots__)
_MEDIA: Final = "application/json"

Make = Callable[[str, int], ASGIApp]


def _task() -> Task:
    now = datetime.now(UTC)
    return Task(
        uuid4(), 1, "ada", "Task number 1 of the benchmark", None, False, now, now, None
    )


def make_plain(url: str, pool_size: int) -> ASGIApp:
    """One answer to everything, made before: what uvicorn itself costs."""
    answer = Response(envelope.success(_task(), "1: Task"), media_type=_MEDIA)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await answer(scope, receive, send)

    return app


def make_constant(url: str, pool_size: int) -> FastAPI:
    """Routes that read what the product's read, and answer with an envelope made before."""
    task = _task()
    one, twenty = (
        envelope.success(task, "1: Task"),
        envelope.success([task] * 20, "20 of 1,000"),
    )
    app = FastAPI()
    app.router.route_class = JsonRoute

    @app.get(ONE)
    async def get_task(user_id: UserId, task_id: TaskId) -> Response:
        return Response(one, media_type=_MEDIA)

    @app.get(LIST)
    async def list_tasks(user_id: UserId, page: Annotated[Page, Depends()]) -> Response:
        return Response(twenty, media_type=_MEDIA)

    @app.post(LIST)
    async def add_task(user_id: UserId, task: NewTask) -> Response:
        return Response(one, 201, media_type=_MEDIA)

    return app


def make_pool(url: str, pool_size: int) -> FastAPI:
    """The same routes on a bare asyncpg pool."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with asyncpg.create_pool(
            url, min_size=pool_size, max_size=pool_size, statement_cache_size=0
        ) as pool:
            app.state.pool = pool
            yield

    app = FastAPI(lifespan=lifespan)
    app.router.route_class = JsonRoute

    @app.get(ONE)
    async def get_task(user_id: UserId, task_id: TaskId) -> Response:
        row = await app.state.pool.fetchrow(
            f"SELECT {_COLUMNS} FROM todo.task WHERE user_id = $1 AND id = $2",
            user_id,
            task_id,
        )
        if row is None:
            raise HTTPException(404)
        task = Task(*row)
        return Response(
            envelope.success(task, f"{task.number}: {task.title}"), media_type=_MEDIA
        )

    @app.get(LIST)
    async def list_tasks(user_id: UserId, page: Annotated[Page, Depends()]) -> Response:
        rows = await app.state.pool.fetch(
            f"SELECT {_COLUMNS} FROM todo.task WHERE user_id = $1 ORDER BY created_at DESC, number DESC LIMIT $2",
            user_id,
            page.limit,
        )
        return Response(
            envelope.success([Task(*row) for row in rows], ""), media_type=_MEDIA
        )

    return app


class TutorialTask(SQLModel, table=True):
    """A table as the tutorial would have it."""

    __tablename__ = "tutorial_task"

    id: UUID = Field(default_factory=uuid4, primary_key=True)
    user_id: str = Field(index=True)
    title: str
    description: str | None = None
    completed: bool = False
    created_at: datetime = Field(
        default_factory=lambda: datetime.now(UTC),
        sa_type=DateTime(timezone=True),
    )


class TutorialCreate(SQLModel):
    """A body as the tutorial would have it."""

    title: str
    description: str | None = None


class TutorialPublic(TutorialCreate):
    """An answer as the tutorial would have it."""

    id: UUID
    user_id: str
    completed: bool
    created_at: datetime


def make_tutorial(url: str, pool_size: int) -> FastAPI:
    """An application as the tutorials write it: a session for each request, add,
    commit, refresh.
    """
    address = url.replace("postgresql://", "postgresql+asyncpg://")
    engine = create_async_engine(address, pool_size=pool_size, max_overflow=0)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with engine.begin() as connection:
            await connection.run_sync(
                SQLModel.metadata.tables["tutorial_task"].create, checkfirst=True
            )
        yield
        await engine.dispose()

    async def open_session() -> AsyncIterator[AsyncSession]:
        async with AsyncSession(engine) as session:
            yield session

    Session = Annotated[AsyncSession, Depends(open_session)]  # noqa: N806 - as in the tutorial
    app = FastAPI(lifespan=lifespan)

    @app.post(LIST, response_model=TutorialPublic, status_code=201)
    async def add_task(user_id: str, task: TutorialCreate, session: Session) -> Any:
        stored = TutorialTask.model_validate(task, update={"user_id": user_id})
        session.add(stored)
        await session.commit()
        await session.refresh(stored)
        return stored

    @app.get(ONE, response_model=TutorialPublic)
    async def get_task(user_id: str, task_id: UUID, session: Session) -> Any:
        task = await session.get(TutorialTask, task_id)
        if task is None or task.user_id != user_id:
            raise HTTPException(404)
        return task

    @app.get(LIST, response_model=list[TutorialPublic])
    async def list_tasks(user_id: str, session: Session, limit: int = 100) -> Any:
        newest = select(TutorialTask).where(TutorialTask.user_id == user_id)
        return (
            await session.exec(
                newest.order_by(col(TutorialTask.created_at).desc()).limit(limit)
            )
        ).all()

    return app


PEERS: Final[dict[str, Make]] = {
    "plain": make_plain,
    "constant": make_constant,
    "pool": make_pool,
    "tutorial": make_tutorial,
}


async def _serve(app: ASGIApp) -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    listener.setsockopt(
        socket.IPPROTO_TCP, socket.TCP_NODELAY, True
    )  # as it is where uvicorn itself listens
    sys.stderr.write(f"Listening on http://127.0.0.1:{listener.getsockname()[1]} \n")
    sys.stderr.flush()
    config = uvicorn.Config(
        app, http="h11", ws="none", loop="none", log_level="error", access_log=False
    )
    await uvicorn.Server(config).serve(sockets=[listener])


def main(arguments: Sequence[str]) -> None:
    """Serve until a signal comes."""
    name, url, pool_size = arguments
    target = parse_url(url, cwd=Path.cwd())
    assert isinstance(target, PostgresTarget)
    served: Awaitable[None] = _serve(PEERS[name](url, int(pool_size)))
    asyncio.run(served)  # type: ignore[arg-type]  # a coroutine


if __name__ == "__main__":
    main(sys.argv[1:])
