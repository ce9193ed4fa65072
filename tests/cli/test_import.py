"""`todo import`: the tasks of a file, all or nothing."""

import json
import os
import signal
import socket
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import on_both_stores
from tests.cli.expect import (
    ID,
    add,
    assert_document,
    assert_refused,
    tasks_of,
    titles_of,
)
from tests.cli.tampering import path_of
from tests.conftest import Seal
from tests.exchange.taskwarrior import RECORDED
from tests.support.program import Process, PtyProcess, Ran, Todo, finished
from tests.support.size import on_both_if_long
from tests.support.stores import Store
from todo_cli.exchange import columns, formats

CALLS = b"Subject,Deadline\nCall Ada,2026-12-24\nCall Bob,soon\n"
"""A table of a spreadsheet; one of its days is none."""
WRONG = b'{"title": "one"}\n{"title": ""}\n{"no": 1}\n{"title": "a\\u202eb"}\n'
"""Lines of JSON, three of which are no tasks."""


@pytest.fixture
def calls(seal: Seal) -> str:
    """The name of a table in the working folder."""
    (seal.cwd / "calls.csv").write_bytes(CALLS)
    return "calls.csv"


def lines(*titles: str, **values: Any) -> bytes:
    """Tasks as lines of JSON."""
    records = [{"title": title, **values} for title in titles]
    return "".join(f"{json.dumps(each)}\n" for each in records).encode()


# What it adds


@on_both_if_long
@pytest.mark.spec("002/FR-230")
def test_import_adds_the_tasks_of_a_file_as_one_operation(
    todo: Todo, calls: str
) -> None:
    add(todo, "first")

    ran = todo("import", calls)

    assert ran == Ran(0, "Imported 2 tasks (2-3); 1 day kept as text\n", "")
    assert titles_of(todo) == ["first", "Call Ada", "Call Bob"]
    assert [task["due_on"] for task in tasks_of(todo)] == [
        None,
        "2026-12-24",
        None,
    ]
    assert todo("show", "3").out.count("Deadline: soon") == 1
    [done] = todo("history", "--limit", "1", "--json").data
    assert (done["command"], len(done["tasks"])) == ("import", 2)
    assert todo("undo").out == (
        "Undid 2 (import): 2: Call Ada (in the trash)\n"
        "Undid 2 (import): 3: Call Bob (in the trash)\n"
    )


@on_both_if_long
@pytest.mark.spec("002/FR-230", "002/FR-231")
def test_a_repeated_import_adds_nothing(todo: Todo, calls: str) -> None:
    first = todo("import", calls, "--json")
    again = todo("import", calls, "--json")
    words = todo("import", calls)

    assert first.data == {
        "added": 2,
        "present": 0,
        "operation": 1,
        "kept_as_text": {"day": 1},
        "left_out": {},
        "renumbered": False,
    }
    assert again.data == {
        "added": 0,
        "present": 2,
        "operation": None,
        "kept_as_text": {},
        "left_out": {},
        "renumbered": False,
    }
    assert words.out == "Imported 0 tasks; 2 tasks already there\n"
    assert len(tasks_of(todo)) == 2


@pytest.mark.spec("002/FR-230", "002/FR-231")
def test_tasks_that_were_undone_are_said_to_be_in_the_trash(
    todo: Todo, calls: str
) -> None:
    todo("import", calls)
    todo("undo")

    ran = todo("import", calls)

    assert ran == Ran(
        0,
        "Imported 0 tasks; 2 tasks already there, 2 of them in the trash "
        "(`todo restore 1-2` or `todo purge 1-2`)\n",
        "",
    )
    assert "hint" not in todo("import", calls, terminal=True).err
    todo("restore", "2")
    half = todo("import", calls, terminal=True)
    assert half.out == (
        "Imported 0 tasks; 2 tasks already there, 1 of them in the trash\n"
    )
    assert "todo list --status trash" in half.err
    todo("purge", "1-2", "--yes")
    assert todo("import", calls).out.startswith("Imported 2 tasks (3-4)")


@on_both_stores
@pytest.mark.spec("002/FR-231")
def test_after_an_undo_another_map_adds_the_tasks(
    todo: Todo, seal: Seal
) -> None:
    (seal.cwd / "m.csv").write_bytes(b"A,B\none,uno\ntwo,due\n")
    todo("import", "m.csv", "--map", "title=A")
    todo("undo")

    right = todo("import", "m.csv", "--map", "title=B", "--map", "tags=A")
    again = todo("import", "m.csv", "--map", "tags=a", "--map", "title=b")

    assert right.out == "Imported 2 tasks (3-4)\n"
    assert again.out == "Imported 0 tasks; 2 tasks already there\n"
    assert titles_of(todo) == ["uno", "due"]


@on_both_if_long
@pytest.mark.spec("002/FR-231")
def test_numbers_of_the_file_are_kept_if_none_is_taken(todo: Todo) -> None:
    data = b'{"title": "a", "number": 7}\n{"title": "b", "number": 9}\n'
    kept = todo("import", "-", "--format", "ndjson", stdin=data)
    add(todo, "c")
    other = data.replace(b'"a"', b'"d"').replace(b'"b"', b'"e"')
    anew = todo("import", "-", "--format", "ndjson", stdin=other)

    assert kept.out.startswith("Imported 2 tasks (7-9)")
    assert anew.out == (
        "Imported 2 tasks (11-12, instead of the numbers in the file)\n"
    )
    one = lines("f", number=7)
    assert todo("import", "-", "--json", stdin=one).data["renumbered"]


@on_both_if_long
@pytest.mark.spec("002/FR-230")
def test_what_export_wrote_comes_back_for_another_user(
    todo: Todo, seal: Seal
) -> None:
    add(todo, "one", "two")
    todo("done", "1")
    todo("export", "tasks.json")

    mine = todo("import", "tasks.json")
    theirs = todo("import", "tasks.json", user="bob")

    assert mine.out == "Imported 0 tasks; 2 tasks already there\n"
    assert (theirs.status, theirs.out) == (5, "")
    assert "nothing was" in theirs.err
    assert tasks_of(todo, "bob") == []


@pytest.mark.nothing_made
@pytest.mark.spec("002/FR-230")
def test_import_says_that_it_made_the_store_and_how_to_take_it_back(
    todo: Todo, calls: str
) -> None:
    ran = todo("import", calls, terminal=True)

    assert ran.out.startswith("Imported 2 tasks (1-2) (new list in ")
    assert ran.err.endswith("hint: `todo undo` takes that back\n")
    assert "hint" not in todo("import", calls, terminal=True).err


@on_both_if_long
@pytest.mark.spec("002/FR-235", "002/FR-225")
def test_a_dry_run_stores_nothing(
    todo: Todo, store: Store, calls: str
) -> None:
    absent = todo("import", calls, "--dry-run")
    add(todo, "first")
    words = todo("import", calls, "--dry-run", terminal=True)
    document = todo("import", calls, "--dry-run", "--json").json

    assert absent.out == (
        "Would import 2 tasks (1-2) (new list for ada); 1 day kept as text\n"
    )
    assert words.out == "Would import 2 tasks (2-3); 1 day kept as text\n"
    assert "hint" not in words.err
    assert document["dry_run"] is True
    assert document["data"]["added"] == 2
    assert titles_of(todo) == ["first"]
    assert len(todo("history", "--json").data) == 1
    wrong = todo("import", "-", "--dry-run", stdin=WRONG)
    assert (wrong.status, wrong.out) == (2, "")


@pytest.mark.spec("002/FR-230", "002/FR-232", "002/FR-248")
@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("taskwarrior-2.6.2.json", 12),
        ("taskwarrior-3.json", 4),
        ("todo.txt", 4),
        ("todoman-4.7.0-wrote.ics", 3),
    ],
)
def test_what_other_programs_wrote_comes_in_through_a_pipe(
    todo: Todo, name: str, count: int
) -> None:
    data = (RECORDED / name).read_bytes()
    first = todo("import", "-", stdin=data)
    again = todo("import", "-", stdin=data)

    assert first.out.startswith(f"Imported {count} tasks (1-{count})")
    there = f"Imported 0 tasks; {count} tasks already there"
    assert again.out.startswith(there)


# What is wrong in it


@on_both_if_long
@pytest.mark.spec("002/FR-233")
def test_wrong_records_are_all_counted_and_nothing_is_added(
    todo: Todo,
) -> None:
    words = todo("import", "-", stdin=WRONG)
    error = assert_document(
        todo("import", "-", "--json", stdin=WRONG), code="INVALID_INPUT"
    )

    first, *others, last = words.err.splitlines()
    assert (words.status, words.out) == (2, "")
    assert first == ("error: 3 records in standard input break a rule")
    assert [line.split(":")[0] for line in others] == [
        "Line 2",
        "Line 3",
        "Line 4",
    ]
    assert "U+202E" in others[2]
    assert "\u202e" not in words.err
    assert last.startswith("hint: nothing was added")
    assert [detail["message"] for detail in error["details"]] == others
    assert tasks_of(todo) == []


@pytest.mark.spec("002/FR-233")
def test_of_many_wrong_records_the_first_are_named(todo: Todo) -> None:
    ran = todo("import", "-", stdin=lines(*[""] * 30))

    named = ran.err.splitlines()
    assert named[0] == ("error: 30 records in standard input break a rule")
    assert len(named) == 1 + 20 + 1 + 1
    assert named[21] == "and 10 more"


@pytest.mark.spec("002/FR-233")
def test_a_single_wrong_record_is_named_in_the_error(todo: Todo) -> None:
    data = lines("one", "")
    error = assert_refused(
        todo, "import", "-", code="INVALID_INPUT", names=["2"], stdin=data
    )

    assert error["hint"].startswith("nothing was added")
    assert [detail["field"] for detail in error["details"]] == ["title"]
    assert tasks_of(todo) == []


@pytest.mark.spec("002/FR-233")
@pytest.mark.parametrize(
    ("format", "data", "said"),
    [
        ("json", b"[1]", "Index 0 in standard input: must be an object"),
        ("ndjson", b"1", "Line 1 in standard input: must be an object"),
        (
            "csv",
            b"title,x\na,b,c\n",
            "Line 2 in standard input: has 3 cells, the header has 2",
        ),
        (
            "json",
            b'[{"title": 1}]',
            "Index 0 in standard input: title: must be text",
        ),
    ],
)
def test_a_record_is_named_once(
    todo: Todo, format: str, data: bytes, said: str
) -> None:
    ran = todo("import", "-", "--format", format, stdin=data)
    assert ran.err.startswith(f"error: {said}\n"), ran


@pytest.mark.spec("002/FR-233")
def test_each_of_several_records_is_named_once(todo: Todo) -> None:
    ran = todo("import", "-", "--format", "json", stdin=b"[1, {}]")
    lines = ["Index 0: must be an object", "Index 1: title: is missing"]
    assert ran.err.splitlines()[1:3] == lines, ran


# Formats and columns


@pytest.mark.spec("002/FR-232")
def test_a_column_can_be_mapped(todo: Todo) -> None:
    data = b"Who;What=;When\nAda;Call;2026-12-24\n"
    ran = todo(
        "import", "-", "--format", "CSV", "--map", "title=What=",
        "--map", "Due date=When", stdin=data,
    )  # fmt: skip

    assert ran.out.startswith("Imported 1 task (1)"), ran
    [task] = tasks_of(todo)
    assert (task["title"], task["due_on"]) == ("Call", "2026-12-24")


@pytest.mark.spec("002/FR-232")
def test_mapped_columns_say_that_it_is_a_table(todo: Todo) -> None:
    """Its header need not be recognised, and nothing else has columns."""
    data = b"Was,Wo\nAnrufen, +49 30 1\n"
    ran = todo("import", "-", "--map", "title=Was", stdin=data)

    assert ran == Ran(
        0,
        "Imported 1 task (1) (new list for ada); 1 column kept as text\n",
        "",
    )
    assert_refused(
        todo, "import", "-", "--map", "title=Was", code="USAGE",
        names=["csv", "ndjson"], stdin=lines("one"),
    )  # fmt: skip


@pytest.mark.spec("002/FR-232")
@pytest.mark.parametrize("name", ["a.ndjson", "a.jsonl", "a.json"])
def test_content_decides_between_formats_of_the_same_ending(
    todo: Todo, seal: Seal, name: str
) -> None:
    record = {
        "id": 1,
        "uuid": ID,
        "description": "Buy milk",
        "status": "pending",
    }
    (seal.cwd / name).write_text(f"{json.dumps(record)}\n")

    assert todo("import", name).out.startswith("Imported 1 task (1)")
    [task] = tasks_of(todo)
    assert (task["id"], task["title"]) == (ID, "Buy milk")


@pytest.mark.spec("002/FR-232")
@pytest.mark.parametrize("name", ["-", "calls", "calls.data", "calls.csv"])
def test_what_has_mapped_columns_is_a_table(
    todo: Todo, seal: Seal, name: str
) -> None:
    data = b"Who;What\nAda;Call\n"
    (seal.cwd / name).write_bytes(data)
    ran = todo("import", name, "--map", "title=What", stdin=data)

    assert ran.out.startswith("Imported 1 task (1)"), ran


@pytest.mark.spec("002/FR-232")
@pytest.mark.parametrize(
    ("words", "code", "named"),
    [
        (["--map", "title"], "USAGE", ["FIELD=COLUMN"]),
        (["--map", "=x"], "INVALID_INPUT", columns.FIELDS),
        (["--map", "nothing=x"], "INVALID_INPUT", columns.FIELDS),
        (["--map", "title="], "INVALID_INPUT", ["title"]),
        (["--map", "title= "], "INVALID_INPUT", ["title"]),
        (
            ["--map", "title=a", "--map", "Title=b"],
            "INVALID_INPUT",
            ["`title`", "twice"],
        ),
        (["--map", "title=Other"], "INVALID_INPUT", ["Other", "Subject"]),
        (
            ["--map", "title=Subject", "--format", "json"],
            "USAGE",
            ["--map", "csv", "json"],
        ),
        (["--format", "xml"], "USAGE", formats.READ),
    ],
    ids=" ".join,
)
def test_wrong_columns_and_formats_are_named(
    todo: Todo, calls: str, words: list[str], code: str, named: list[str]
) -> None:
    assert_refused(todo, "import", calls, *words, code=code, names=named)
    assert tasks_of(todo) == []


@pytest.mark.spec("002/FR-232")
def test_columns_of_what_has_none_are_refused(todo: Todo, seal: Seal) -> None:
    (seal.cwd / "tasks.json").write_text("[]")
    words = ["import", "tasks.json", "--map", "title=Subject"]
    names = ["csv", "json", "--format csv"]
    assert_refused(todo, *words, code="USAGE", names=names)


@pytest.mark.spec("002/FR-232")
def test_a_file_that_does_not_say_its_format_is_refused(
    todo: Todo, seal: Seal
) -> None:
    (seal.cwd / "data").write_bytes(b"\n\n<xml/>\n")
    assert_refused(
        todo, "import", "data", code="INVALID_INPUT", names=formats.READ
    )


@pytest.mark.spec("002/FR-232")
@pytest.mark.parametrize("format", formats.WRITTEN)
def test_nothing_is_no_task(todo: Todo, format: str) -> None:
    """Such as the output of a command that found none."""
    todo("export", "nothing", "--format", format)
    empty = todo("export", "--format", format).out
    for words in (["-", "--format", format], ["-"]):
        ran = todo("import", *words, stdin=empty.encode())
        assert ran == Ran(0, "Imported 0 tasks\n", ""), words
    ran = todo("import", "nothing", "--format", format)
    assert ran == Ran(0, "Imported 0 tasks\n", "")


@on_both_if_long
@pytest.mark.spec("002/FR-230", "002/FR-231")
def test_what_is_left_out_is_not_said_to_be_kept(todo: Todo) -> None:
    words = b"BEGIN:%b\r\nSUMMARY:x\r\n%bEND:%b\r\n"
    event = words % (b"VEVENT", b"", b"VEVENT")
    task = words % (b"VTODO", b"RELATED-TO:y\r\n", b"VTODO")
    data = words % (b"VCALENDAR", event + task + event, b"VCALENDAR")
    add(todo, "one")

    trial = todo("import", "-", "--dry-run", "--json", stdin=data)
    ran = todo("import", "-", stdin=data)
    again = todo("import", "-", stdin=data)

    assert trial.data["kept_as_text"] == {"relation": 1}
    assert trial.data["left_out"] == {"component": 2}
    assert ran.out == (
        "Imported 1 task (2); 1 relation kept as text; 2 components left out\n"
    )
    assert again.out == "Imported 0 tasks; 1 task already there\n"
    assert todo("show", "2", "--json").data["description"] == (
        "related-to: y\nleft out of the file: 2 VEVENT"
    )


@pytest.mark.spec("002/FR-232")
def test_a_calendar_without_tasks_that_holds_events_is_refused(
    todo: Todo,
) -> None:
    """It is not what an export of no tasks writes."""
    data = b"BEGIN:VCALENDAR\nBEGIN:VEVENT\nEND:VEVENT\nEND:VCALENDAR\n"
    assert_refused(
        todo, "import", "-", code="INVALID_INPUT", names=["has no task"],
        stdin=data,
    )  # fmt: skip


# Files


@pytest.fixture
def odd(
    seal: Seal, monkeypatch: pytest.MonkeyPatch
) -> Iterator[dict[str, str]]:
    """Names of what is no file, and how errors call it."""
    (seal.cwd / "folder").mkdir()
    os.mkfifo(seal.cwd / "pipe")
    monkeypatch.chdir(seal.cwd)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("socket")
        yield {
            "nothing.csv": "no such file",
            "": "a folder",
            "folder": "a folder",
            "pipe": "a pipe",
            "socket": "a socket",
            os.devnull: "a device",
            "calls.csv/x": "not a directory",
            "x" * 300: "too long",
        }
    (seal.cwd / "socket").unlink()


@pytest.mark.spec("002/FR-234")
def test_what_is_no_file_is_refused(
    todo: Todo, odd: dict[str, str], calls: str
) -> None:
    for name, words in odd.items():
        assert_refused(todo, "import", name, code="IO_ERROR", names=[words])


@pytest.mark.spec("002/FR-234")
def test_a_connection_string_is_no_file(todo: Todo) -> None:
    url = "postgresql://ada:secret@localhost/tasks"
    for command in ("import", "export"):
        error = assert_refused(todo, command, url, code="INVALID_INPUT")
        assert "secret" not in str(error)


@pytest.mark.spec("002/FR-234")
def test_a_database_and_a_text_have_commands_of_their_own(
    todo: Todo, store: Store, seal: Seal, calls: str
) -> None:
    add(todo, "one")
    with closing(sqlite3.connect(seal.cwd / "other.db")) as other:
        other.execute("CREATE TABLE t (x)")
    in_use = str(path_of(store))

    assert_refused(
        todo, "import", "other.db", code="INVALID_INPUT",
        names=["todo db import other.db"],
    )  # fmt: skip
    assert_refused(
        todo, "import", in_use, code="INVALID_INPUT", names=["in use"]
    )
    assert_refused(
        todo, "db", "import", calls, code="IO_ERROR",
        names=[f"todo import {calls}"],
    )  # fmt: skip
    assert titles_of(todo) == ["one"]


@pytest.mark.spec("002/FR-234")
def test_a_damaged_database_is_not_said_to_be_text(
    todo: Todo, seal: Seal
) -> None:
    (seal.cwd / "old.db").write_bytes(bytes(4096))
    error = assert_refused(todo, "db", "import", "old.db", code="IO_ERROR")
    assert "todo import" not in error["hint"]


@pytest.mark.spec("002/FR-234")
@pytest.mark.parametrize("form", ["/dev/fd/{}", "/proc/self/fd/{}"])
def test_a_pipe_of_the_caller_is_read_to_its_end(
    todo: Todo, form: str
) -> None:
    ours, theirs = os.pipe()
    # More than a pipe holds.
    data = lines(*[f"{number} {'x' * 190}" for number in range(600)])

    def write() -> None:
        with os.fdopen(theirs, "wb") as stream:
            stream.write(data)

    writer = threading.Thread(target=write)
    writer.start()
    ran = todo("import", form.format(ours))
    writer.join()
    os.close(ours)

    assert ran.out.startswith("Imported 600 tasks (1-600)"), ran


@pytest.mark.spec("002/FR-234")
def test_a_dash_after_two_dashes_is_a_file(todo: Todo, seal: Seal) -> None:
    (seal.cwd / "-").write_bytes(lines("one"))
    assert todo("import", "--", "-").out.startswith("Imported 1 task (1)")


@pytest.mark.spec("002/FR-235")
@pytest.mark.parametrize("source", ["-", "/dev/stdin"])
def test_a_signal_ends_an_import_that_waits_for_a_pipe(
    process: Process, todo: Todo, source: str
) -> None:
    add(todo, "one")
    running = process.start("import", source, "--format", "ndjson")
    assert running.stdin is not None
    running.stdin.write(lines(*[f"task {n}" for n in range(5_000)]))
    running.stdin.flush()
    running.send_signal(signal.SIGTERM)

    assert running.wait(60) == -signal.SIGTERM
    finished(running)
    assert titles_of(todo) == ["one"]


@pytest.mark.spec("002/FR-235")
def test_a_terminal_shows_how_far_an_import_is(
    pty_process: PtyProcess, seal: Seal
) -> None:
    data = lines(*[f"task {number}" for number in range(3_000)])
    (seal.cwd / "tasks.ndjson").write_bytes(data)

    ran = pty_process("import", "tasks.ndjson")
    plain = pty_process("import", "tasks.ndjson", env={"TERM": "dumb"})

    assert "Importing" in ran.out
    assert "100%" in ran.out
    assert "Imported 3,000 tasks (1-3000)" in ran.out
    assert plain.out.startswith("Importing...\n")


@pytest.mark.spec("002/FR-235")
def test_nobody_at_a_terminal_is_waited_for(todo: Todo) -> None:
    ran = todo("import", "-", terminal=True, env={"CI": "1"})
    assert ran.status == 9
    assert "nobody is there" in ran.err


@pytest.mark.spec("002/FR-235")
def test_an_import_is_settled_by_itself_and_stdin_by_a_list() -> None:
    from todo_cli.cli.commands.exchange import Import

    whole = Import(
        path="-x", format="csv", columns=["title=a", "due=b"], dry_run=False
    )
    assert list(whole.repeat()) == [
        *("import", "--format", "csv", "--map", "title=a"),
        *("--map", "due=b", "--", "-x"),
    ]
    assert list(Import(path="x").repeat()) == ["import", "--", "x"]
    assert list(Import(path=None).repeat()) == ["list", "--status", "all"]


@pytest.mark.spec("002/FR-230")
def test_ids_are_kept(todo: Todo) -> None:
    todo("import", "-", stdin=lines("one", id=ID))
    assert [task["id"] for task in tasks_of(todo)] == [ID]
    assert todo("add", "other", "--id", ID).out.startswith("Added 1: one") or (
        titles_of(todo) == ["one"]
    )


@pytest.mark.spec("002/FR-234")
def test_a_file_that_cannot_be_read_is_named(
    todo: Todo, calls: str, seal: Seal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a disk with an error does, which no test can have."""

    def refuse(*_: object, **_how: object) -> None:
        raise OSError(5, os.strerror(5))

    monkeypatch.setattr(Path, "open", refuse)
    assert_refused(
        todo, "import", calls, code="IO_ERROR", names=[str(seal.cwd / calls)]
    )
