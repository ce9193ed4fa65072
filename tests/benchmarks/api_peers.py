"""What the API is measured against: `python -m tests.benchmarks.api_peers NAME URL SIZE`.

All of them run as `todo serve` does: one process, the same HTTP parser, the same event
loop, one line on stderr that names the port. They know nothing of the product, so that
they stay what they are while it changes.
"""

import asyncio
import socket
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Annotated, Any, Final
from uuid import UUID, uuid4

import asyncpg
import uvicorn
from fastapi import Depends, FastAPI, HTTPException, Path, Query, Response
from sqlalchemy import DateTime
from sqlalchemy.ext.asyncio import create_async_engine
from sqlmodel import Field, SQLModel
from sqlmodel.ext.asyncio.session import AsyncSession

from tests.benchmarks.bare_list import COLUMNS, Task, dump

LIST: Final = "/api/{user_id}/tasks"
ONE: Final = "/api/{user_id}/tasks/{task_id}"

Make = Callable[[str, int], FastAPI]
UserId = Annotated[str, Path(min_length=1, max_length=100)]
Limit = Annotated[int, Query(ge=1, le=1_000)]


class Body(SQLModel):
    """A body as the product reads it."""

    title: str = Field(min_length=1, max_length=200)
    description: str | None = Field(None, max_length=10_000)


def make_constant(url: str, pool_size: int) -> FastAPI:
    """Routes that read what the product's read, and answer with a text made before."""
    now = datetime.now(UTC)
    title = "Task number 1 of the benchmark"
    task = Task(uuid4(), 1, "ada", title, None, False, now, now, None)
    one, twenty = dump(task, "1: Task"), dump([task] * 20, "20 of 1,000")
    app = FastAPI()

    @app.get(ONE)
    async def get_task(user_id: UserId, task_id: UUID) -> Response:
        return _answer(one)

    @app.get(LIST)
    async def list_tasks(user_id: UserId, limit: Limit = 100) -> Response:
        return _answer(twenty)

    @app.post(LIST)
    async def add_task(user_id: UserId, task: Body) -> Response:
        return _answer(one, 201)

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
    one = f"SELECT {COLUMNS} FROM todo.task WHERE user_id = $1 AND id = $2"
    newest = f"""SELECT {COLUMNS} FROM todo.task WHERE user_id = $1
        ORDER BY created_at DESC, number DESC LIMIT $2"""

    @app.get(ONE)
    async def get_task(user_id: UserId, task_id: UUID) -> Response:
        row = await app.state.pool.fetchrow(one, user_id, task_id)
        if row is None:
            raise HTTPException(404)
        task = Task(*row)
        return _answer(dump(task, f"{task.number}: {task.title}"))

    @app.get(LIST)
    async def list_tasks(user_id: UserId, limit: Limit = 100) -> Response:
        rows = await app.state.pool.fetch(newest, user_id, limit)
        return _answer(dump([Task(*row) for row in rows], ""))

    return app


def _answer(body: str, status: int = 200) -> Response:
    return Response(body, status, media_type="application/json")


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
    """A tutorial's application: a session a request; add, commit, refresh."""
    address = url.replace("postgresql://", "postgresql+asyncpg://")
    engine = create_async_engine(address, pool_size=pool_size, max_overflow=0)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with engine.begin() as connection:
            table = SQLModel.metadata.tables["tutorial_task"]
            await connection.run_sync(table.create, checkfirst=True)
        yield
        await engine.dispose()

    async def open_session() -> AsyncIterator[AsyncSession]:
        async with AsyncSession(engine) as session:
            yield session

    Session = Annotated[AsyncSession, Depends(open_session)]  # noqa: N806 - as in the tutorial
    app = FastAPI(lifespan=lifespan)

    @app.post(LIST, response_model=TutorialPublic, status_code=201)
    async def add_task(
        user_id: str, task: TutorialCreate, session: Session
    ) -> Any:
        stored = TutorialTask.model_validate(task, update={"user_id": user_id})
        session.add(stored)
        await session.commit()
        await session.refresh(stored)
        return stored

    return app


PEERS: Final[dict[str, Make]] = {
    "constant": make_constant,
    "pool": make_pool,
    "tutorial": make_tutorial,
}


async def _serve(app: FastAPI) -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    # As uvicorn does where it listens by itself.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, True)
    sys.stderr.write(
        f"Listening on http://127.0.0.1:{listener.getsockname()[1]} \n"
    )
    sys.stderr.flush()
    config = uvicorn.Config(
        app,
        http="h11",
        ws="none",
        loop="none",
        log_level="error",
        access_log=False,
    )
    await uvicorn.Server(config).serve(sockets=[listener])


def main(arguments: Sequence[str]) -> None:
    """Serve until a signal comes."""
    name, url, pool_size = arguments
    asyncio.run(_serve(PEERS[name](url, int(pool_size))))


if __name__ == "__main__":
    main(sys.argv[1:])
