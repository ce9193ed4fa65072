"""Print open tasks as a first script would, by SQLModel on a default engine.

Run as `python plain_list.py URL USER`. The server's certificate is verified; SQLAlchemy's
asyncpg dialect asks for TLS by SSLRequest, which takes one more round trip.
"""

import asyncio
import ssl
import sys
from datetime import datetime
from uuid import UUID

from sqlalchemy import DateTime
from sqlalchemy.ext.asyncio import create_async_engine
from sqlmodel import Field, SQLModel, col, select
from sqlmodel.ext.asyncio.session import AsyncSession


class Task(SQLModel, table=True):
    """A task."""

    __table_args__ = {"schema": "todo"}

    id: UUID = Field(primary_key=True)
    number: int
    user_id: str
    title: str
    description: str | None
    is_done: bool
    created_at: datetime = Field(sa_type=DateTime(timezone=True))
    updated_at: datetime = Field(sa_type=DateTime(timezone=True))
    completed_at: datetime | None = Field(sa_type=DateTime(timezone=True))


async def main(url: str, user: str) -> None:
    """Select and print."""
    context = ssl.create_default_context()
    engine = create_async_engine(url, connect_args={"ssl": context})
    async with AsyncSession(engine) as session:
        open_tasks = select(Task).where(
            Task.user_id == user, col(Task.is_done).is_(False)
        )
        newest = open_tasks.order_by(
            col(Task.created_at).desc(), col(Task.number).desc()
        )
        for task in await session.exec(newest):
            fields = (
                task.number,
                "open",
                task.title,
                task.created_at,
                "-",
                task.id,
            )
            print(*fields, sep="\t")  # noqa: T201
    await engine.dispose()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
