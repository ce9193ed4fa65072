"""One of the two stores, and the ways to ask it, by ids that both stores share."""

import asyncio
import json
import re
import sqlite3
from collections.abc import Awaitable, Callable, Iterable
from contextlib import AsyncExitStack, closing
from dataclasses import fields, replace
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg

from tests.lockstep.model import Model, written
from tests.lockstep.past import operation_id
from tests.lockstep.warm import WarmTodo
from tests.support.oracle import folded
from tests.support.program import Ran, Surroundings, Todo
from tests.support.stores import Store
from tests.support.warm import IS_WARM
from todo_cli.database.engine import open_database
from todo_cli.errors import TodoError
from todo_cli.service import TaskService
from todo_cli.task import (
    Added,
    Entry,
    HistoryPage,
    Operation,
    Reference,
    Task,
    TaskPage,
    Undone,
)
from todo_cli.tokens import Doorkeeper

ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
FOLDED = ("title", "description", "project")
RENAMED = {"completed": "is_done AS completed"}
COLUMNS = ", ".join(
    [
        *(RENAMED.get(each.name, each.name) for each in fields(Task)),
        *(f"{name}_folded" for name in FOLDED),
    ]
)
Rows = dict[str, dict[str, Any]]


class StoreUnderTest:
    """A place for a store; use it in a `with`.

    The program makes other ids on each store. They are matched with the model's by user
    and number, so that commands and answers can use the ids of the model.
    """

    def __init__(self, store: Store, folder: Path, model: Model) -> None:
        self.kind = store.kind
        self._store = store
        surroundings = Surroundings(folder, folder, store.url)
        program = WarmTodo if IS_WARM else Todo
        self._todo: Any = program(surroundings, model.now)
        self._model = model
        self._shared_ids: dict[str, str] = {}
        self._local_ids: dict[str, str] = {}
        self._runner = asyncio.Runner()
        self._stack = AsyncExitStack()

    def __enter__(self) -> "StoreUnderTest":
        self._runner.run(self._open())
        return self

    def __exit__(self, *_: object) -> None:
        self._runner.run(self._stack.aclose())
        self._runner.close()

    async def _open(self) -> None:
        if self.kind == "postgresql":
            self._connection = await asyncpg.connect(self._store.url)
            self._stack.push_async_callback(self._connection.close)
            await self._connection.execute(
                "DROP SCHEMA IF EXISTS todo CASCADE"
            )
        self._database = await self._stack.enter_async_context(
            open_database(self._store.target)
        )

    def run(self, *words: str, **how: Any) -> Ran:
        """Run a command; in what it prints ids are the shared ones, the store is PLACE."""
        ran = self._todo(*map(self._localize, words), **how)
        self.rows()
        return Ran(ran.status, self._share(ran.out), self._share(ran.err))

    def call(
        self,
        user: str,
        method: Callable[[TaskService, "StoreUnderTest"], Awaitable[Any]],
        *,
        is_trial: bool = False,
    ) -> Any:
        """Call the service on a connection that stays open; an error is its code."""
        service = TaskService(
            self._database, user, self._model.now, is_trial=is_trial
        )

        async def wait() -> Any:
            return await method(service, self)

        try:
            answer = self._runner.run(wait())
        except TodoError as error:
            return error.code
        self.rows()
        return self._share_all(answer)

    def look_up(self, text: str, *, is_used: bool) -> tuple[str, str | None]:
        """What a server makes of a token, and whose it is; note its use if it opens."""
        door = Doorkeeper(self._database, self._model.now)

        async def wait() -> tuple[str, str | None]:
            found = await door.look_up(text)
            if is_used and found.user is not None and found.token is not None:
                await door.note_use(found.token)
            return found.verdict.value, found.user

        return self._runner.run(wait())

    def local(self, reference: Reference) -> Any:
        """The reference that names the same task here."""
        if isinstance(reference, UUID):
            return UUID(self._localize(str(reference)))
        return reference

    def local_all(self, references: Iterable[Reference]) -> list[Any]:
        """The references that name the same tasks here."""
        return [self.local(reference) for reference in references]

    def rows(self) -> Rows:
        """Every task by its shared id, read past the program; learns new ids."""
        rows: Rows = {}
        for found in self._fetch(f"SELECT {COLUMNS} FROM todo.task"):
            id = found["id"]
            for name in FOLDED:
                text = found.pop(f"{name}_folded")
                assert text == (found[name] and folded(found[name]))
            if id not in self._shared_ids:
                shared = (
                    self._model.id_of(found["user_id"], found["number"]) or id
                )
                self._shared_ids[id] = shared
                self._local_ids[shared] = id
            rows[self._shared_ids[id]] = found | {"id": self._shared_ids[id]}
        self.operations()
        return rows

    def operations(self) -> list[dict[str, Any]]:
        """Every operation, read past the program; learns new ids."""
        found = self._fetch(
            "SELECT user_id, number, id, at, command, undoes, undone_by"
            " FROM todo.operation"
        )
        found.sort(key=lambda each: (each["user_id"], each["number"]))
        for each in found:
            shared = str(operation_id(each["user_id"], each["number"]))
            # The id of an operation is its own, and stays.
            assert self._shared_ids.setdefault(each["id"], shared) == shared
            each["id"] = shared
        return found

    def has_every_tag(self) -> bool:
        """Whether the table of tags has each tag of each task; it may have more."""
        there = {
            (row["task_id"], row["name"], row["folded"])
            for row in self._fetch(
                "SELECT task_id, name, folded FROM todo.tag"
            )
        }
        wanted = {
            (self._local_ids[id], tag, folded(tag))
            for id, row in self.rows().items()
            for tag in row["tags"]
        }
        return wanted <= there

    def last_numbers(self) -> dict[str, tuple[int, int]]:
        """The last number of a task and of an operation given to each user."""
        rows = self._fetch(
            "SELECT user_id, last, operations FROM todo.counter WHERE last > 0"
        )
        return {
            row["user_id"]: (row["last"], row["operations"]) for row in rows
        }

    def _fetch(self, sql: str) -> list[dict[str, Any]]:
        if self.kind == "postgresql":
            return self._runner.run(self._fetch_from_server(sql))
        path = Path(self._store.url.removeprefix("sqlite:///"))
        if not path.exists():
            return []
        with closing(sqlite3.connect(path)) as file:
            file.row_factory = sqlite3.Row
            found = [
                dict(row) for row in file.execute(sql.replace("todo.", ""))
            ]
        return [
            row
            | {
                "completed": bool(row["completed"]),
                "tags": json.loads(row["tags"]),
            }
            if "completed" in row
            else row
            for row in found
        ]

    async def _fetch_from_server(self, sql: str) -> list[dict[str, Any]]:
        if (
            await self._connection.fetchval("SELECT to_regclass('todo.task')")
            is None
        ):
            return []
        found = [dict(row) for row in await self._connection.fetch(sql)]
        return [
            {name: written(value) for name, value in row.items()}
            for row in found
        ]

    def _localize(self, word: str) -> str:
        """A word of a command with the ids of this store, in capitals if it is so written."""

        def own(found: re.Match[str]) -> str:
            id = self._local_ids.get(found[0].lower(), found[0])
            return id.upper() if found[0].isupper() else id

        return ID.sub(own, word)

    def _share(self, text: str) -> str:
        text = text.replace(self._store.target.place, "PLACE")
        return ID.sub(
            lambda found: self._shared_ids.get(found[0], found[0]), text
        )

    def _with_shared_id(self, part: Any) -> Any:
        return replace(part, id=UUID(self._share(str(part.id))))

    def _share_all(self, answer: Any) -> Any:
        match answer:
            case Task():
                return self._with_shared_id(answer)
            case Added():
                return Added(self._share_all(answer.task), answer.is_new)
            case TaskPage() | Undone() | Operation():
                shared = replace(answer, tasks=self._share_all(answer.tasks))
                if isinstance(shared, Operation):
                    shared = self._with_shared_id(shared)
                return shared
            case Entry():
                return self._with_shared_id(answer)
            case HistoryPage():
                return self._share_all(answer.operations)
            case list():
                return [self._share_all(part) for part in answer]
        return answer
