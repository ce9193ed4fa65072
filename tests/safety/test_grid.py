"""Every text by every command on every way out: nothing drives a terminal, and every
text can be read again.
"""

import asyncio
import logging
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from tests.api.support import HOST, Log, context_for, document, opened
from tests.safety.hostile import (
    KEY,
    HostileStore,
    make_hostile,
    name_all,
    name_tokens,
)
from tests.support.program import Ran, Todo
from tests.support.size import size
from tests.support.stores import Clock, Store
from tests.support.texts import (
    BYTES,
    CORPUS,
    raw,
    raw_in_document,
    shown,
    unstyled,
)
from todo_cli.api.guard import Guard
from todo_cli.api.server import _relay_logs

WIDE = 300
ENCODINGS = ["utf-8", "ascii", "latin-1"]
LISTED = ["list", "--status", "all"]
on_a_file = pytest.mark.parametrize("store", ["sqlite"], indirect=True)
"""How a text gets out does not depend on where it comes from."""
TOLD = 20  # of how many tasks a write tells a terminal


@pytest.fixture
def log() -> Log:
    """What the API logs."""
    return Log()


@pytest.fixture
def hostile(todo: Todo, store: Store) -> HostileStore:
    """A store full of texts."""
    return make_hostile(todo, store)


def every(hostile: HostileStore) -> str:
    """References to all of ada's tasks."""
    return f"1-{len(hostile.texts)}"


def written(verb: str, texts: Sequence[str], *, first: int = 1) -> str:
    """What a write says of tasks numbered from `first`."""
    return "".join(
        f"{verb} {number}: {shown(text)}\n"
        for number, text in enumerate(texts, start=first)
    )


def in_brief(verb: str, texts: Sequence[str]) -> str:
    """What a write says at a terminal, where it names the first tasks only."""
    others = f"and {len(texts) - TOLD} more tasks\n"
    return written(verb, texts[:TOLD]) + others


def writes(hostile: HostileStore) -> Iterator[tuple[str, list[str], bytes]]:
    """The commands that name every task, by the verb of their lines; at last nothing is left."""
    yield "Already there as", ["add", "--id", KEY, "-"], hostile.lines
    yield "Done", ["done", every(hostile)], b""
    yield "Reopened", ["done", every(hostile), "--undo"], b""
    yield "Deleted", ["delete", every(hostile)], b""
    yield "Restored", ["restore", every(hostile)], b""
    yield "Purged", ["purge", every(hostile), "--yes"], b""


@pytest.mark.spec("002/FR-043", "002/FR-057", "002/FR-063")
def test_documents_hold_every_text_and_nothing_raw(
    hostile: HostileStore,
) -> None:
    listed = hostile.todo("--json", *LISTED)
    whole = hostile.todo("--json", "show", "1", user="bob")
    changed = [
        hostile.todo("--json", *words, stdin=stdin)
        for _, words, stdin in writes(hostile)
    ]
    single = [
        hostile.todo("--json", *words, user="bob")
        for words in (
            ["add", "--id", KEY, "x"],
            ["update", "1", "--status", "done"],
            ["done", "1"],
            ["delete", "1"],
            ["restore", "1"],
        )
    ]

    assert [task["title"] for task in listed.data][::-1] == hostile.texts
    assert [[task["title"] for task in ran.data] for ran in changed] == [
        hostile.texts
    ] * len(changed)
    assert [ran.data["description"] for ran in (whole, *single)] == [
        hostile.everything
    ] * 6
    assert [
        raw_in_document(ran.out) for ran in (listed, whole, *changed, *single)
    ] == [[]] * 13


@on_a_file
@pytest.mark.spec("002/FR-057")
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_pipes_carry_every_text_visibly(
    hostile: HostileStore, encoding: str
) -> None:
    def ask(*words: str, user: str = "ada", stdin: bytes = b"") -> Ran:
        return hostile.todo(*words, user=user, stdin=stdin, encoding=encoding)

    def seen(text: str) -> str:
        return text.encode(encoding, "backslashreplace").decode(encoding)

    listed, whole = ask(*LISTED), ask("show", "1", user="bob")
    changed = [ask(*words, stdin=stdin) for _, words, stdin in writes(hostile)]
    updated = ask("update", "1", "--status", "done", user="bob")

    assert [row.split("\t")[2] for row in listed.out.splitlines()][::-1] == [
        seen(shown(text)) for text in hostile.texts
    ]
    field = (
        hostile.everything.replace("\\", "\\\\")
        .replace("\n", "\\n")
        .replace("\t", "\\t")
    )
    assert f"\ndescription\t{seen(shown(field))}\n" in whole.out
    assert [ran.out for ran in changed] == [
        seen(written(verb, hostile.texts)) for verb, *_ in writes(hostile)
    ]
    assert updated.out == "Updated 1: \\x1b (done)\n"
    assert [raw(ran) for ran in (listed, whole, *changed, updated)] == [[]] * 9


def described(ran: Ran) -> list[str]:
    """The lines of the description that `show` draws on a terminal."""
    lines = unstyled(ran.out).split("\n")
    # It is between two blank lines; the id and the version come last.
    start = lines.index("") + 1
    *notes, blank, last, end = lines[start:]
    assert (blank, last[:3], end) == ("", "id ", "")
    return [line.strip(" ") for line in notes]


@on_a_file
@pytest.mark.spec("002/FR-057", "003/FR-024")
def test_names_of_tokens_are_shown_visibly(todo: Todo, store: Store) -> None:
    assert todo("add", "first").status == 0
    ids = name_tokens(store, CORPUS)

    listed = todo("token", "list", "--all")
    names = [line.split("\t")[0] for line in listed.out.splitlines()]
    assert names == [shown(text) for text in CORPUS]
    document = todo("token", "list", "--all", "--json")
    assert [each["name"] for each in document.data] == [*CORPUS]
    assert (raw(listed), raw_in_document(document.out)) == ([], [])
    for columns in (20, WIDE):
        drawn = todo("token", "list", "--all", terminal=True, columns=columns)
        assert (drawn.status, raw(drawn, is_terminal=True)) == (0, [])
    for id, text in zip(ids[::10], CORPUS[::10], strict=True):
        ran = todo("token", "revoke", id)
        assert ran.out == f"Already revoked: the token {shown(text)}\n"


@on_a_file
@pytest.mark.spec("002/FR-057")
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_terminals_show_every_text_visibly(
    hostile: HostileStore, encoding: str
) -> None:
    def ask(
        *words: str, user: str = "ada", stdin: bytes = b"", columns: int = WIDE
    ) -> Ran:
        return hostile.todo(
            *words,
            user=user,
            stdin=stdin,
            terminal=True,
            columns=columns,
            encoding=encoding,
        )

    def seen(text: str) -> str:
        return text.encode(encoding, "backslashreplace").decode(encoding)

    listed, narrow = ask(*LISTED), ask(*LISTED, columns=20)
    whole, tall = (
        ask("show", "1", user="bob"),
        ask("show", "1", user="bob", columns=20),
    )
    parts = range(1, len(hostile.texts) + 1, TOLD)
    told = [ask("done", f"{n}-{n + TOLD - 1}") for n in parts]
    told.append(ask("done", every(hostile), "--undo"))
    changed = [ask(*words, stdin=stdin) for _, words, stdin in writes(hostile)]
    nobody = ask("list", user="[bold]:smile:\u200fשלום")

    rows = unstyled(listed.out).splitlines()[2:-1]
    assert len(rows) == len(hostile.texts)
    assert [
        text
        for text, row in zip(hostile.texts, rows[::-1], strict=True)
        if seen(shown(text)) not in row
    ] == []
    lines = [
        shown(line).strip(" ")
        for line in hostile.everything.replace("\t", "    ").split("\n")
    ]
    assert described(whole) == [seen(line) for line in lines]
    assert [ran.out for ran in told[:-1]] == [
        seen(written("Done", hostile.texts[n - 1 :][:TOLD], first=n))
        for n in parts
    ]
    assert [ran.out for ran in changed] == [
        seen(in_brief(verb, hostile.texts)) for verb, *_ in writes(hostile)
    ]
    assert seen("for [bold]:smile:\u200fשלום in") in nobody.out
    assert [
        raw(ran, is_terminal=True)
        for ran in (listed, narrow, whole, tall, *told, *changed, nobody)
    ] == [[]] * (12 + len(parts))


@on_a_file
@pytest.mark.spec("002/FR-021", "002/FR-057")
def test_questions_show_every_text_on_a_line_of_its_own(
    hostile: HostileStore,
) -> None:
    for first in range(1, len(hostile.texts) + 1, 10):
        texts = hostile.texts[first - 1 : first + 9]

        ran = hostile.todo(
            "purge", f"{first}-{first + 9}", terminal=True, stdin=b"n\n"
        )

        lines = [
            f"  {number}: {shown(text)}"
            for number, text in enumerate(texts, start=first)
        ]
        assert ran.status == 10
        assert ran.err.split("\n")[: len(lines)] == lines
        assert raw(ran, is_terminal=True) == []


@on_a_file
@pytest.mark.spec("002/FR-057", "002/FR-226", "002/FR-227", "002/FR-228")
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_the_history_shows_every_text_visibly(
    hostile: HostileStore, encoding: str
) -> None:
    def ask(*words: str, **how: Any) -> Ran:
        return hostile.todo(*words, encoding=encoding, **how)

    def seen(text: str) -> str:
        return text.encode(encoding, "backslashreplace").decode(encoding)

    ask("done", every(hostile))
    document = hostile.todo("history", "--json")
    piped = ask("history")
    drawn = [
        ask("history", terminal=True, columns=columns)
        for columns in (WIDE, 20)
    ]

    [tasks, *_] = [each["tasks"] for each in document.data]
    assert [task["title"] for task in tasks] == hostile.texts
    assert raw_in_document(document.out) == []
    rows = [row.split("\t") for row in piped.out.splitlines()]
    assert {len(row) for row in rows} == {9}
    assert [row[7] for row in rows[: len(tasks)]] == [
        seen(shown(text)) for text in hostile.texts
    ]
    for text in hostile.texts[:5]:
        assert seen(shown(text)) in drawn[0].out
    assert raw(piped) == []
    assert [raw(ran, is_terminal=True) for ran in drawn] == [[], []]


@pytest.mark.spec("002/FR-043", "002/FR-057")
def test_projects_and_tags_are_as_visible_as_titles(
    hostile: HostileStore, store: Store
) -> None:
    name_all(store, hostile)
    listed = hostile.todo("--json", *LISTED)
    piped = hostile.todo(*LISTED)
    seen = hostile.todo(*LISTED, terminal=True, columns=WIDE)
    narrow = hostile.todo(*LISTED, terminal=True, columns=30)
    grouped = hostile.todo(
        *LISTED, "--group", "project", "--sort", "title", terminal=True
    )
    one = [
        hostile.todo("show", "9", terminal=is_terminal)
        for is_terminal in (False, True)
    ]
    counted = [
        hostile.todo("stats", terminal=is_terminal, columns=30)
        for is_terminal in (False, True)
    ]
    projects = hostile.todo("stats", "--json")
    updated = hostile.todo("update", "9", "--status", "done", terminal=True)

    names = [(task["project"], *task["tags"]) for task in listed.data][::-1]
    assert names == [(text, text) for text in hostile.texts]
    rows = [row.split("\t") for row in piped.out.splitlines()]
    assert {len(row) for row in rows} == {12}
    assert [(row[8], row[9]) for row in rows][::-1] == [
        (shown(text), shown(text)) for text in hostile.texts
    ]
    assert raw_in_document(listed.out) == []
    found = {each["project"] for each in projects.data["projects"]}
    assert found == set(hostile.texts)
    assert raw_in_document(projects.out) == []
    keys = [row.split("\t") for row in counted[0].out.splitlines()]
    assert {len(row) for row in keys} == {2}
    for ran in (piped, one[0], counted[0]):
        assert raw(ran) == []
    for ran in (seen, narrow, grouped, one[1], updated, counted[1]):
        assert raw(ran, is_terminal=True) == []


FORMS = (
    lambda text: ["show", "--", text],
    lambda text: ["list", f"--tag={text} x"],
    lambda text: ["list", f"--project={text}."],
    lambda text: ["list", f"--due={text}"],
    lambda text: ["list", f"--sort={text}"],
    lambda text: ["update", "1", f"--add-tag={text},"],
    lambda text: ["update", "1", f"--replace={text.replace('=', '')}"],
    lambda text: ["add", "x", f"--priority={text}"],
    lambda text: ["add", "x", f"--wait={text}"],
    lambda text: ["note", "1", "--", f"{text}\x1b"],
    lambda text: ["list", f"--user={text}/"],
    lambda text: ["list", f"--status={text}"],
    lambda text: ["list", f"--limit={text}"],
    lambda text: ["add", "--id", f"{text}", "x"],
    lambda text: ["list", f"--x{text}"],
    lambda text: [f"x{text}"],
    lambda text: ["add", "--", f"{text}\x1b"],
)


@pytest.mark.spec("002/FR-045", "002/FR-057")
def test_errors_quote_every_text_visibly(todo_embedded: Todo) -> None:
    # In the suite each second text, in each form; the others are in documents, in
    # pipes and on terminals.
    for place, text in enumerate((CORPUS + BYTES)[:: size(2, 1)]):
        words = FORMS[place % len(FORMS)](text)

        told, document = (
            todo_embedded(*words, terminal=True),
            todo_embedded("--json", *words),
        )

        assert told.status == document.status == 2, words
        assert (
            told.out,
            raw(told, is_terminal=True),
            told.err.count("\n") <= 2,
        ) == ("", [], True), told
        assert raw_in_document(document.out) == []
        assert shown(document.error["message"]) in told.err


@pytest.mark.spec("002/FR-057")
def test_errors_name_strange_people_as_they_are(todo_embedded: Todo) -> None:
    for text in (
        "[bold]:smile:\\[x]",
        "\u200fשלום",
        "می\u200cخواهم",
        "👩‍👩‍👧‍👦",
        "\\x1b[31m",
    ):
        ran = todo_embedded("show", "99", user=text, terminal=True)

        assert ran.err.splitlines()[0] == f"error: No task 99 for {text}"


@pytest.mark.spec("002/FR-037", "002/FR-057")
@pytest.mark.parametrize("style", [[], ["--json"]], ids=["words", "json"])
def test_tracebacks_show_every_text_visibly(
    todo_embedded: Todo, monkeypatch: pytest.MonkeyPatch, style: list[str]
) -> None:
    async def fail(*_: object, **__: object) -> None:
        raise RuntimeError(" ".join(CORPUS + BYTES))

    monkeypatch.setattr("todo_cli.database.engine.Database.run", fail)

    ran = todo_embedded(*style, "list", "--debug", terminal=not style)

    assert ran.status == 1
    assert "Traceback" in ran.err
    assert "A\\x1bZ" in ran.err
    assert raw(ran, is_terminal=not style) == []


@on_a_file
@pytest.mark.spec("002/FR-043", "002/FR-057")
def test_the_api_answers_with_every_text_and_nothing_raw(
    hostile: HostileStore, store: Store, clock: Clock
) -> None:
    async def ask() -> list[str]:
        async with opened(context_for(store.target, clock, Log())) as client:
            listed = await client.get("/api/ada/tasks?limit=1000")
            assert [task["title"] for task in document(listed)["data"]][
                ::-1
            ] == hostile.texts
            one = f"/api/bob/tasks/{KEY}"
            answers = [
                await client.post(
                    "/api/bob/tasks", json={"title": "x", "id": KEY}
                ),
                await client.put(one, json={"completed": True}),
                await client.get(one),
                await client.delete(one),
            ]
            assert [
                document(answer)["data"]["description"] for answer in answers
            ] == [hostile.everything] * 4
            return [listed.text, *(answer.text for answer in answers)]

    assert [raw_in_document(text) for text in asyncio.run(ask())] == [[]] * 5


@on_a_file
@pytest.mark.spec("002/FR-057")
def test_the_log_has_one_line_for_every_request_and_nothing_raw(
    store: Store, clock: Clock, log: Log
) -> None:
    async def ignore(*_: object) -> Any:
        return None

    async def hear() -> dict[str, Any]:
        return {}

    async def ask() -> None:
        guard = Guard(ignore, context_for(store.target, clock, log))
        for text in CORPUS:
            scope = {
                "type": "http",
                "method": f"GET{text}",
                "path": "/",
                "headers": [(b"host", HOST.encode())],
            }
            target = text.encode()
            await guard(
                {**scope, "raw_path": b"/" + target, "query_string": target},
                hear,
                ignore,
            )

    asyncio.run(ask())

    assert len(log.lines) == len(CORPUS)
    assert raw_in_document("".join(log.lines)) == []


@pytest.mark.spec("002/FR-057")
def test_lines_of_libraries_reach_the_log_safely(log: Log) -> None:
    root = logging.getLogger()
    usual = root.handlers
    try:
        _relay_logs(log)
        for text in CORPUS + BYTES:
            logging.getLogger("uvicorn.error").error("it said %s", text)
    finally:
        root.handlers = usual

    assert log.lines == [
        f"error: it said {shown(text)}" for text in CORPUS + BYTES
    ]
