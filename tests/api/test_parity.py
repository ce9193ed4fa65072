"""The same action through the API and the command line gives the same bytes."""

import json
from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid5

import httpx
import pytest

from tests.api.support import Log, context_for, opened
from tests.conftest import Seal
from tests.support.blocking import wait_for
from tests.support.postgres import PostgresServer
from tests.support.program import Todo
from tests.support.size import on_both_if_long
from tests.support.stores import Clock, Store
from todo_cli.errors import NOTHING_ADDED, NOTHING_CHANGED

IDS = UUID("0b6a4c0e-9a3b-4a3f-8a55-6d2f1c7b9e01")
TITLES = [
    "Buy milk",
    "Café à 5 €",
    "🧑‍🚀 می‌خواهم",
    "[bold]x[/] :smile: \\",
    '"quotes" & <tags>',
    "x" * 200,
]
DESCRIPTION = "one\n\ttwo 🧑‍🚀"
KNOWN = str(uuid5(IDS, TITLES[0]))
NEVER = str(uuid5(IDS, "never"))
TASKS = "/api/ada/tasks"

pytestmark = on_both_if_long
"""Both ways are compared, not the stores; tests/service compares these."""


@pytest.fixture
def twin(
    store: Store, seal: Seal, postgres: PostgresServer
) -> Iterator[Store]:
    """Another empty store of the same kind."""
    if store.kind == "sqlite":
        yield Store("sqlite", f"sqlite:///{seal.cwd / 'twin.db'}")
        return
    name = postgres.create_database()
    yield Store("postgresql", postgres.url(name))
    postgres.drop_database(name)


Call = tuple[list[str], tuple[str, str, object]]
"""A command line, and the request that means the same."""


def adding(title: str) -> Call:
    """Add a task both ways."""
    id = str(uuid5(IDS, title))
    body = {"id": id, "title": title, "description": DESCRIPTION}
    return ["add", "--id", id, "-d", DESCRIPTION, "--", title], (
        "POST",
        TASKS,
        body,
    )


def one(
    command: list[str],
    method: str,
    body: object = None,
    id: str = KNOWN,
    end: str = "",
) -> Call:
    """Do something with one task both ways; `end` is the end of the path."""
    path = f"{TASKS}/{id}{end}"
    return [*command[:1], id, *command[1:]], (method, path, body)


RESTORE: Call = one(["restore"], "POST", {}, end="/restore")
UNDO = "/api/ada/undo"
REDO = "/api/ada/redo"
CALLS: list[Call] = [
    (["list", "--status", "all", "--limit", "100"], ("GET", TASKS, None)),
    *(adding(title) for title in TITLES),
    adding(TITLES[0]),
    one(["show"], "GET"),
    one(
        ["update", "--title", " New  title "], "PUT", {"title": " New  title "}
    ),
    one(["update", "--title", "New  title"], "PUT", {"title": "New  title"}),
    one(["update", "-d", ""], "PUT", {"description": ""}),
    one(["update", "-d", "a\r\nb"], "PUT", {"description": "a\r\nb"}),
    one(["update", "--status", "done"], "PUT", {"completed": True}),
    one(
        ["update", "--status", "done", "--title", "x"],
        "PUT",
        {"completed": True, "title": "x"},
    ),
    (["list", "--status", "all", "--limit", "100"], ("GET", TASKS, None)),
    (
        ["list", "--status", "open", "--limit", "2"],
        ("GET", f"{TASKS}?status=open&limit=2", None),
    ),
    (
        ["list", "--status", "done", "--limit", "1"],
        ("GET", f"{TASKS}?status=done&limit=1", None),
    ),
    one(["update", "--status", "open"], "PUT", {"completed": False}),
    one(["delete"], "DELETE"),
    (
        ["list", "--status", "trash", "--limit", "100"],
        ("GET", f"{TASKS}?status=trash", None),
    ),
    one(["show"], "GET"),
    adding(TITLES[0]),
    RESTORE,
    RESTORE,
    (["undo"], ("POST", UNDO, {})),
    (["undo"], ("POST", UNDO, {})),
    (["undo", "3"], ("POST", UNDO, {"operation": 3})),
    (["undo", "3"], ("POST", UNDO, {"operation": 3})),
    (["redo"], ("POST", REDO, {})),
    (["list", "--status", "all", "--limit", "100"], ("GET", TASKS, None)),
]
HISTORIES: list[Call] = [
    (["history"], ("GET", "/api/ada/history", None)),
    (["history", "-L", "2"], ("GET", "/api/ada/history?limit=2", None)),
    one(["history"], "GET", end="/history"),
]
FAILURES: list[Call] = [
    one(["show"], "GET", id=NEVER),
    one(["update", "--title", "x"], "PUT", {"title": "x"}, id=NEVER),
    one(["delete"], "DELETE", id=NEVER),
    one(["restore"], "POST", {}, id=NEVER, end="/restore"),
    one(["history"], "GET", id=NEVER, end="/history"),
    (["undo"], ("POST", UNDO, {})),
    (["undo", "99"], ("POST", UNDO, {"operation": 99})),
    (["redo"], ("POST", REDO, {})),
    (["add", "--id", "1", "x"], ("POST", TASKS, {"id": "1", "title": "x"})),
    (["add", "a\x1bb"], ("POST", TASKS, {"title": "a\x1bb"})),
    (["add", "x" * 201], ("POST", TASKS, {"title": "x" * 201})),
    (["add", "\u200d"], ("POST", TASKS, {"title": "\u200d"})),
    (
        ["add", "x", "-d", "\x07"],
        ("POST", TASKS, {"title": "x", "description": "\x07"}),
    ),
    one(["update", "--title", "\u2028"], "PUT", {"title": "\u2028"}),
    (["list", "--user", "\u202e"], ("GET", "/api/%E2%80%AE/tasks", None)),
]


async def ask(
    store: Store, clock: Clock, request: tuple[str, str, object]
) -> httpx.Response:
    """Send one request to a fresh application."""
    method, path, body = request
    async with opened(context_for(store.target, clock, Log())) as client:
        content = None if body is None else json.dumps(body).encode()
        return await client.request(
            method,
            path,
            content=content,
            headers={"content-type": "application/json"},
        )


@pytest.mark.spec("001/FR-102")
def test_same_action_gives_the_same_document(
    todo: Todo, twin: Store, clock: Clock
) -> None:
    first, same = adding("first of all")
    todo(*first)
    wait_for(ask(twin, clock, same))

    for command, request in CALLS:
        clock.tick(0.000_001)
        printed = todo(*command[:1], "--json", *command[1:])
        answered = wait_for(ask(twin, clock, request))
        assert (printed.status, answered.status_code // 100) == (0, 2), (
            answered.text
        )
        assert printed.out == answered.text, command
    for command, request in HISTORIES:
        printed = todo(*command[:1], "--json", *command[1:])
        answered = wait_for(ask(twin, clock, request))
        assert without_ids(printed.out) == without_ids(answered.text), command


def without_ids(text: str) -> Any:
    """A document of a history without the ids of operations: they are random."""
    document = json.loads(text)
    for operation in document["data"]:
        del operation["id"]
    return document


def same_words(told: str, answered: str) -> bool:
    """Whether both say the same, but for what a command adds at the end."""
    added = told.removeprefix(answered)
    return added in ("", " (--user)", NOTHING_ADDED, NOTHING_CHANGED)


@pytest.mark.spec("001/FR-102")
def test_same_mistake_gives_the_same_code(
    todo: Todo, twin: Store, clock: Clock
) -> None:
    for command, request in FAILURES:
        told = todo(*command[:1], "--json", *command[1:]).error
        answered = wait_for(ask(twin, clock, request)).json()["error"]

        assert told["code"] == answered["code"], command
        assert same_words(told["message"], answered["message"]), command
        assert told.get("details") == answered.get("details"), command
