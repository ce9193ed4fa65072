"""`todo export`: tasks in a file or on standard output."""

import json
import os
import signal
import stat
import subprocess
from pathlib import Path

import pytest

from tests.cli.expect import add, assert_refused, assert_words, titles_of
from tests.cli.tampering import path_of, set_text
from tests.conftest import Seal
from tests.support import disks
from tests.support.machine import needs
from tests.support.program import Process, Ran, Surroundings, Todo, finished
from tests.support.size import on_both_if_long
from tests.support.stores import Store
from todo_cli.exchange import formats
from todo_cli.rules import REFUSED


def titles(text: str) -> list[str]:
    """The titles of tasks as JSON, in their order."""
    return [task["title"] for task in json.loads(text)]


def left_in(folder: Path) -> list[str]:
    """What is in the working folder but the store."""
    names = sorted(os.listdir(folder))
    return [name for name in names if not name.startswith("store.db")]


# What it writes


@on_both_if_long
@pytest.mark.spec("002/FR-236")
def test_export_writes_every_task_by_number(todo: Todo) -> None:
    # More than are read at once.
    add(todo, *[f"task {number}" for number in range(1, 1_502)])
    todo("done", "3")
    todo("update", "4", "--wait", "+3d")
    todo("delete", "5")
    add(todo, "another's", user="bob")

    ran = todo("export")

    assert (ran.status, ran.err) == (0, "")
    numbers = [task["number"] for task in json.loads(ran.out)]
    assert numbers == [1, 2, 3, 4, *range(6, 1_502)]
    listed = todo("list", "--status", "all", "--json").data
    assert sorted(listed, key=lambda task: int(task["number"])) == (
        json.loads(ran.out)
    )


@on_both_if_long
@pytest.mark.spec("002/FR-236")
def test_export_has_the_filters_of_list(todo: Todo) -> None:
    todo("add", "Pay rent", "-p", "h", "-P", "home", "-t", "bills")
    todo("add", "Buy paint", "-P", "home.kitchen", "--due", "+3d")
    todo("add", "Buy milk", "-t", "errand")
    todo("done", "3")

    for words, numbers in (
        ([], [1, 2, 3]),
        (["--status", "open"], [1, 2]),
        (["--status", "done", "--since", "today"], [3]),
        (["--status", "trash"], []),
        (["-p", "high"], [1]),
        (["-P", "home"], [1, 2]),
        (["-t", "errand"], [3]),
        (["--no-tag", "errand"], [1, 2]),
        (["--due", "any"], [2]),
        (["--until", "yesterday"], []),
        (["buy", "PAI"], [2]),
    ):
        ran = todo("export", "-", *words)
        found = [task["number"] for task in json.loads(ran.out)]
        assert found == numbers, words


@pytest.mark.spec("002/FR-236")
@pytest.mark.parametrize("format", formats.WRITTEN)
def test_export_writes_each_format_by_name_and_by_ending(
    todo: Todo, seal: Seal, format: str
) -> None:
    todo("add", "Buy milk", "-d", "two\nbottles", "--due", "tomorrow")
    shown = todo("export", "--format", format).out
    assert "Buy milk" in shown

    for ending in formats.named(format).endings:
        ran = todo("export", f"tasks{ending.upper()}")
        assert ran.out == f"Exported 1 task to tasks{ending.upper()}\n"
        path = seal.cwd / f"tasks{ending.upper()}"
        assert path.read_bytes().decode() == shown


@pytest.mark.spec("002/FR-236")
def test_a_dash_after_two_dashes_is_a_file(todo: Todo, seal: Seal) -> None:
    add(todo, "one", "two")
    assert todo("export", "--", "-", "two").out == "Exported 1 task to -\n"
    assert titles((seal.cwd / "-").read_text()) == ["two"]


@pytest.mark.spec("002/FR-236")
def test_an_unknown_ending_is_json_and_a_format_wins(
    todo: Todo, seal: Seal
) -> None:
    add(todo, "one")
    todo("export", "tasks.xyz")
    todo("export", "tasks.csv", "--format", "ndjson")

    assert titles((seal.cwd / "tasks.xyz").read_text()) == ["one"]
    line = json.loads((seal.cwd / "tasks.csv").read_text())
    assert line["title"] == "one"


@pytest.mark.nothing_made
@on_both_if_long
@pytest.mark.spec("002/FR-236")
@pytest.mark.parametrize("format", ["json", "ndjson", "csv"])
def test_no_tasks_are_a_whole_file(
    todo: Todo, seal: Seal, format: str
) -> None:
    absent = todo("export", "--format", format)
    add(todo, "one")
    empty = todo("export", "--format", format, "--status", "done")
    file = todo("export", "none", "nothing", "--format", format, "--json")

    assert (absent.status, absent.err) == (0, "")
    assert absent == empty
    assert (seal.cwd / "none").read_bytes().decode() == empty.out
    assert file.data["tasks"] == 0
    assert format != "json" or json.loads(empty.out) == []


@pytest.mark.spec("002/FR-236", "002/FR-230")
@pytest.mark.parametrize("format", ["json", "ndjson", "csv"])
def test_export_import_export_gives_the_same_bytes(
    todo: Todo, seal: Seal, tmp_path: Path, format: str
) -> None:
    todo("add", "=1+1 «Milk»", "-d", 'a "quote"\n\tand more', "-t", "b")
    todo("add", "two", "--due", "tomorrow", "-p", "l", "-P", "x.y")
    todo("done", "2")
    todo("add", "three")
    other = Todo(
        Surroundings(seal.home, seal.cwd, str(tmp_path / "other.db")),
        todo.clock,
    )

    todo("export", "one", "--format", format)
    other("import", "one", "--format", format)
    other("export", "two", "--format", format)

    assert other("import", "one").out == (
        "Imported 0 tasks; 3 tasks already there\n"
    )
    assert (seal.cwd / "one").read_bytes() == (seal.cwd / "two").read_bytes()


@pytest.mark.spec("002/FR-238")
def test_what_a_format_cannot_hold_is_counted_on_stderr(todo: Todo) -> None:
    todo("add", "one", "-d", "notes")
    shown = todo("export", "--format", "todotxt")
    file = todo("export", "todo.txt")
    document = todo("export", "todo.txt", "--force", "--json")

    assert shown.err.startswith("Left out: ")
    assert "1 description" in shown.err
    assert "Left out" not in shown.out
    assert (file.out, file.err) == ("Exported 1 task to todo.txt\n", shown.err)
    assert document.data["left_out"]["description"] == 1
    assert todo("export").err == ""


@pytest.mark.spec("002/FR-236")
def test_a_file_that_may_be_meant_as_a_word_gets_a_hint(
    todo: Todo, seal: Seal
) -> None:
    add(todo, "one")
    (seal.cwd / "a").mkdir()
    hint = "hint: `todo export - milk` looks for the word\n"
    assert todo("export", "milk", terminal=True).err == hint
    hint = "hint: `todo export --format csv` writes this format\n"
    assert todo("export", "CSV", terminal=True).err == hint
    for words in (["milk.json"], ["milk2", "--format", "csv"], ["a/b"]):
        assert todo("export", *words, terminal=True).err == "", words


@pytest.mark.spec("002/FR-236")
def test_export_of_a_file_answers_with_its_whole_path(
    todo: Todo, seal: Seal
) -> None:
    add(todo, "one")
    ran = todo("export", "tasks.json", "--json")
    path = seal.cwd / "tasks.json"

    assert ran.data == {"path": str(path), "tasks": 1, "left_out": {}}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


# Standard output


@pytest.mark.spec("002/FR-236")
def test_json_and_the_tasks_are_never_both_on_stdout(
    todo: Todo, seal: Seal
) -> None:
    add(todo, "one")
    for words in ([], ["-"]):
        error = todo("export", *words, "--json").error
        assert error["code"] == "USAGE"
    ran = todo("export", env={"TODO_OUTPUT": "json"})
    assert ran.error["code"] == "USAGE"
    assert "TODO_OUTPUT" in ran.error["hint"]
    assert not list(seal.cwd.glob("-"))


@pytest.mark.spec("002/FR-236")
def test_a_reader_that_has_left_ends_an_export(
    process: Process, todo: Todo
) -> None:
    add(todo, *[f"{'x' * 180} {number}" for number in range(1_000)])
    running = process.start("export", "--format", "csv")
    assert running.stdout is not None
    assert running.stdout.read(10) == b"id,number,"
    running.stdout.close()
    running.stdout = None

    assert finished(running) == Ran(-signal.SIGPIPE, "", "")


@pytest.mark.spec("002/FR-236")
def test_a_signal_ends_an_export_whose_reader_waits(
    process: Process, todo: Todo
) -> None:
    add(todo, *[f"{'x' * 180} {number}" for number in range(1_000)])
    running = process.start("export")
    assert running.stdout is not None
    assert running.stdout.read(1) == b"["
    running.send_signal(signal.SIGTERM)

    assert running.wait(60) == -signal.SIGTERM
    finished(running)


@needs("a full device")
@pytest.mark.spec("002/FR-236")
def test_stdout_that_cannot_be_written_is_io_error(
    process: Process, todo: Todo
) -> None:
    add(todo, "one")
    with Path("/dev/full").open("wb") as full:
        ran = finished(process.start("export", stdout=full.fileno()))
    assert (ran.status, ran.out) == (9, "")
    assert ran.err.startswith(
        "error: Standard output cannot be written: the disk is full\n"
    )


@pytest.mark.spec("002/FR-236")
@pytest.mark.parametrize("format", ["ndjson", "csv", "todotxt", "markdown"])
def test_a_terminal_gets_no_control_characters(
    todo: Todo, store: Store, format: str
) -> None:
    """Another program can store them."""
    add(todo, "one")
    set_text(store, 1, "title", "a\x1b[31m\u202eb\x9b")

    words = todo("export", "--format", format, terminal=True)
    piped = todo("export", "--format", format)

    assert words.status == 0
    assert not REFUSED.search(words.out.replace("\n", "").replace("\r", ""))
    assert "\\u202e" in words.out
    assert ("\u202e" in piped.out) == (format != "ndjson")


@needs("jq")
@pytest.mark.spec("002/FR-236")
def test_export_works_with_other_programs(process: Process) -> None:
    add(process, "one", "two")
    shown = process("export", "-", "two").out
    read = subprocess.run(
        ["jq", "-r", ".[].title"], input=shown, capture_output=True, text=True
    )
    assert read.stdout == "two\n"


# Files


@pytest.mark.spec("002/FR-237")
def test_export_never_writes_over_a_file(todo: Todo, seal: Seal) -> None:
    add(todo, "one")
    path = seal.cwd / "tasks.json"
    path.write_text("mine")

    assert_refused(
        todo, "export", "tasks.json", code="CONFLICT",
        names=[str(path), "--force"],
    )  # fmt: skip
    assert path.read_text() == "mine"

    assert todo("export", "tasks.json", "--force").status == 0
    assert titles(path.read_text()) == ["one"]
    assert left_in(seal.cwd) == ["tasks.json"]


@pytest.mark.spec("002/FR-237")
def test_export_replaces_no_database(
    todo: Todo, store: Store, seal: Seal
) -> None:
    add(todo, "one")
    path = path_of(store)
    other = seal.cwd / "other.db"
    todo("list", env={"TODO_DATABASE_URL": str(other)})
    add(Todo(Surroundings(seal.home, seal.cwd, str(other)), todo.clock), "two")
    log = seal.cwd / "third.db-wal"
    log.write_bytes(b"log")
    (seal.cwd / "link").symlink_to(path)

    for name in (path, other, log, "link"):
        assert_refused(
            todo, "export", str(name), "--force", code="INVALID_INPUT",
            names=["file"],
        )  # fmt: skip
    assert titles_of(todo) == ["one"]
    assert log.read_bytes() == b"log"


@pytest.mark.nothing_made
@pytest.mark.spec("002/FR-237")
def test_export_makes_no_file_where_the_store_will_be(
    todo: Todo, store: Store
) -> None:
    assert_refused(
        todo, "export", str(path_of(store)), code="INVALID_INPUT",
        names=["in use"],
    )  # fmt: skip
    assert not path_of(store).exists()


@needs("mounts")
@pytest.mark.spec("002/FR-237")
def test_a_full_disk_leaves_no_file(todo: Todo, tmp_path: Path) -> None:
    add(todo, *["x" * 190] * 500)
    with disks.small_disk(tmp_path / "small", "size=64k") as small:
        ran = todo("export", str(small / "tasks.json"))
        assert_words(ran, status=9, names=["disk is full", "tasks.json"])
        assert os.listdir(small) == []


@pytest.mark.spec("002/FR-237")
def test_places_that_take_no_file_are_named(todo: Todo, seal: Seal) -> None:
    add(todo, "one")
    (seal.cwd / "folder").mkdir()
    for name, words in (
        ("nowhere/tasks.json", "no such file"),
        ("folder", "a folder"),
        ("", "a folder"),
        (os.devnull, "a device"),
    ):
        assert_refused(todo, "export", name, code="IO_ERROR", names=[words])
    assert left_in(seal.cwd) == ["folder"]


@on_both_if_long
@pytest.mark.spec("002/FR-237")
def test_a_task_that_cannot_be_read_leaves_no_file(
    todo: Todo, store: Store, seal: Seal
) -> None:
    add(todo, *[f"task {number}" for number in range(1, 1_500)])
    set_text(store, 1_400, "priority", "urgent")

    ran = todo("export", "tasks.json")

    assert (ran.status, ran.out) == (8, ""), ran
    assert left_in(seal.cwd) == []


@pytest.mark.spec("002/FR-237")
def test_a_store_that_fails_leaves_no_file(
    todo: Todo, store: Store, seal: Seal
) -> None:
    add(todo, "one")
    path_of(store).write_bytes(b"no database" * 1_000)

    assert_refused(todo, "export", "tasks.json", code="IO_ERROR")
    assert_words(todo("export"), status=9)
    assert left_in(seal.cwd) == []
