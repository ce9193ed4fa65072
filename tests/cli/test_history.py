"""`todo history`, `undo` and `redo`; `--if-version` and `--dry-run`."""

import re
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import on_both_stores
from tests.cli.expect import (
    ID,
    assert_refused,
    tasks_of,
    titles_of,
)
from tests.conftest import Seal
from tests.support.blocking import wait_for
from tests.support.machine import needs
from tests.support.program import Process, PtyProcess, Ran, Todo
from tests.support.saved import Saved, put_back, save
from tests.support.size import long_only, on_both_if_long, share
from tests.support.stores import Clock, Store
from tests.support.texts import unstyled
from todo_cli.database.engine import open_database
from todo_cli.service import TaskService
from todo_cli.task import NewTask

ALL = ("list", "--status", "all", "--json")
TRASH = ("list", "--status", "trash", "--json")


@pytest.fixture
def three(store: Store, todo: Todo, kept: dict[str, Saved]) -> Todo:
    """The program on a store with three tasks, of three operations."""
    if store.kind in kept:
        wait_for(put_back(store, kept[store.kind]))
        return todo
    for title in ("one", "two", "three"):
        todo("add", title)
    kept[store.kind] = wait_for(save(store))
    return todo


def everything(todo: Todo) -> tuple[Any, ...]:
    """All that a user has: tasks, trash and history."""
    history = todo("history", "--json", "-L", "999999")
    return todo(*ALL).data, todo(*TRASH).data, history.data


def commands_of(todo: Todo, *words: str) -> list[tuple[int, str]]:
    """The numbers and the commands of the history."""
    found = todo("history", *words, "--json").data
    return [(each["operation"], each["command"]) for each in found]


# History


@on_both_stores
@pytest.mark.spec("002/FR-228")
def test_history_has_every_command_that_changed_something(
    todo: Todo, clock: Clock
) -> None:
    todo("add", "one", "-P", "home", "-t", "b", "-t", "a")
    todo("add", "-", stdin=b"two\nthree\n")
    clock.tick(60)
    todo("update", "1", "--title", "One", "--due", "2026-01-05", "-p", "high")
    todo("note", "1", "more")
    todo("done", "1-2")
    todo("done", "2")
    todo("update", "1", "--title", "One")
    todo("delete", "3")
    todo("restore", "3")
    todo("restore", "3")
    todo("done", "99")
    todo("delete", "3", "--dry-run")

    found = todo("history", "--json").data

    assert [(each["operation"], each["command"]) for each in found] == [
        (7, "restore"),
        (6, "delete"),
        (5, "done"),
        (4, "note"),
        (3, "update"),
        (2, "add"),
        (1, "add"),
    ]
    early, late = "2026-01-02T03:04:05.000000Z", "2026-01-02T03:05:05.000000Z"
    assert [each["at"] for each in found] == [late] * 5 + [early] * 2
    assert len({each["id"] for each in found}) == 7
    one = todo("show", "1", "--json").data
    assert found[4] == {
        "operation": 3,
        "id": found[4]["id"],
        "at": late,
        "command": "update",
        "undoes": None,
        "undone_by": None,
        "tasks": [
            {
                "id": one["id"],
                "number": 1,
                "title": "One",
                "changes": {
                    "title": ["one", "One"],
                    "due_on": [None, "2026-01-05"],
                    "priority": [None, "high"],
                },
            }
        ],
    }
    assert [
        [task["changes"] for task in each["tasks"]] for each in found[:4]
    ] == [
        [{"deleted_at": [late, None]}],
        [{"deleted_at": [None, late]}],
        [{"completed": [False, True], "completed_at": [None, late]}] * 2,
        [{"description": [None, "more"]}],
    ]
    assert [task["number"] for task in found[5]["tasks"]] == [2, 3]
    assert found[6]["tasks"][0]["changes"] == {
        "title": [None, "one"],
        "completed": [None, False],
        "created_at": [None, early],
        "project": [None, "home"],
        "tags": [None, ["a", "b"]],
    }


@on_both_if_long
@pytest.mark.spec("002/FR-226", "002/FR-228", "002/FR-229")
def test_history_of_one_task_is_there_wherever_the_task_is(
    three: Todo,
) -> None:
    three("add", "four", "--id", ID)
    three("done", "1,4")
    three("delete", "4")

    assert commands_of(three, "4") == [(6, "delete"), (5, "done"), (4, "add")]
    assert commands_of(three, ID) == commands_of(three, "#4")
    [_, done, _] = three("history", "4", "--json").data
    assert [task["number"] for task in done["tasks"]] == [4]
    three("purge", "4", "--yes")
    gone = three("history", "4", "--json").data
    assert [each["command"] for each in gone] == [
        "purge",
        "delete",
        "done",
        "add",
    ]
    assert {
        (task["title"], str(task["changes"]))
        for each in gone
        for task in each["tasks"]
    } == {(None, "{}")}
    assert commands_of(three, ID) == commands_of(three, "4")
    for ref in ("99", ID[:-1] + "9", "9223372036854775807"):
        assert_refused(three, "history", ref, code="NOT_FOUND", names=[ref])


@on_both_if_long
@pytest.mark.spec("002/FR-028", "002/FR-226")
def test_history_is_that_of_one_user(three: Todo) -> None:
    three("add", "his", "--id", ID, user="bob")

    assert commands_of(three, "-u", "bob") == [(1, "add")]
    assert_refused(three, "history", ID, code="NOT_FOUND")
    assert_refused(three, "history", "2", user="bob", code="NOT_FOUND")
    assert three("history", user="eve") == Ran(0, "", "")


@on_both_if_long
@pytest.mark.spec("002/FR-226", "002/FR-227")
def test_history_shows_fifty_operations_unless_it_is_asked(
    todo: Todo, store: Store, clock: Clock
) -> None:
    async def add_all() -> None:
        async with open_database(store.target) as database:
            tasks = TaskService(database, "ada", clock)
            for number in range(52):
                await tasks.add(NewTask(f"task {number}"))

    wait_for(add_all())

    usual = todo("history", "--json")
    whole = todo("history", "-L", "52", "--json")
    drawn = todo("history", "-L2", terminal=True).out

    assert [len(usual.data), len(whole.data)] == [50, 52]
    assert usual.json["message"] == "50 operations; more follow"
    assert whole.json["message"] == "52 operations"
    assert len(todo("history").out.splitlines()) == 50
    assert unstyled(drawn).splitlines()[0].startswith("52 add, just now (")
    assert drawn.endswith("The latest 2 operations; `--limit` shows more\n")


@pytest.mark.spec("002/FR-226")
def test_history_says_that_there_is_nothing(todo: Todo) -> None:
    ran = todo("history", terminal=True)

    assert re.fullmatch("No operations for ada in .*\n", ran.out)
    assert todo("history") == Ran(0, "", "")
    assert todo("history", "--json").data == []


@pytest.mark.spec("002/FR-226")
def test_history_has_times_in_the_zone_of_the_caller(
    three: Todo, clock: Clock
) -> None:
    clock.tick(60 * 60)

    drawn = three("history", "3", terminal=True, env={"TZ": "XXX-5:30"}).out

    head = "3 add, 1 hour ago (2 Jan 2026, 08:34 +05:30)"
    assert unstyled(drawn).splitlines()[:2] == [head, "  3: three"]


# Undo and redo


@on_both_if_long
@pytest.mark.spec("002/FR-222")
def test_undo_takes_back_one_operation_after_the_other(
    three: Todo,
) -> None:
    before = tasks_of(three)
    three("done", "1-2")
    three("update", "3", "--title", "x", "--add-tag", "y")
    three("delete", "2")

    said = [three("undo").out for _ in range(4)]

    assert said == [
        "Undid 6 (delete): 2: two\n",
        "Undid 5 (update): 3: three\n",
        "Undid 4 (done): 1: one\nUndid 4 (done): 2: two\n",
        "Undid 3 (add): 3: three (in the trash)\n",
    ]
    assert [task["number"] for task in three(*TRASH).data] == [3]
    assert [
        task | {"updated_at": "", "version": 1} for task in tasks_of(three)
    ] == [task | {"updated_at": "", "version": 1} for task in before[1:]]
    assert three("add", "four", "--json").data["number"] == 4


@on_both_if_long
@pytest.mark.spec("002/FR-222", "002/FR-041")
def test_undo_of_a_number_takes_back_that_operation_once(
    three: Todo,
) -> None:
    three("done", "1")
    three("update", "1", "--title", "x")

    first = three("undo", "4", "--json")
    again = three("undo", "4")
    repeated = three("undo", "4", "--json")

    assert first.json["message"] == "Undid 4 (done): 1: x"
    assert list(first.data) == ["operation", "undoes", "tasks"]
    assert (first.data["operation"], first.data["undoes"]) == (6, 4)
    [task] = first.data["tasks"]
    assert (task["completed"], task["title"], task["version"]) == (
        False,
        "x",
        4,
    )
    assert again == Ran(0, "Already undone 4 (done)\n", "")
    assert repeated.data == {"operation": 6, "undoes": 4, "tasks": []}
    found = three("history", "-L3", "--json").data
    assert [(each["undoes"], each["undone_by"]) for each in found] == [
        (4, None),
        (None, None),
        (None, 6),
    ]


@on_both_stores
@pytest.mark.spec("002/FR-222", "002/FR-223")
def test_undo_refuses_what_it_cannot_take_back(three: Todo) -> None:
    assert_refused(three, "undo", user="bob", code="NOT_FOUND", names=["bob"])
    assert_refused(three, "redo", code="NOT_FOUND", names=["ada"])
    three("done", "1")
    three("update", "1", "--title", "x")
    three("update", "1", "--title", "y")
    three("undo", "6")
    three("redo")
    three("undo", "6")
    three("update", "1", "--title", "z")
    three("purge", "2", "--yes")
    before = everything(three)

    for number in ("99", "1000000000", "2147483648", "9" * 19):
        assert_refused(three, "undo", number, code="NOT_FOUND", names=[number])
    for number in ("0", "9" * 20, "9" * 5_000):
        assert_refused(
            three,
            *("undo", number),
            code="INVALID_INPUT",
            names=["operation: must be a number"],
        )
    for number in ("8", "9", "11"):
        assert_refused(
            three, "undo", number, code="INVALID_INPUT", names=[number]
        )
    conflict = assert_refused(
        three, "undo", "5", code="CONFLICT", names=["Task 1", "operation 5"]
    )
    assert conflict["message"].endswith("; nothing was changed")
    assert_refused(three, "redo", code="NOT_FOUND", names=["ada"])
    assert everything(three) == before


@on_both_if_long
@pytest.mark.spec("002/FR-223")
def test_redo_does_again_what_was_undone_while_nothing_else_is_done(
    three: Todo,
) -> None:
    three("done", "1")
    three("add", "-", stdin=b"four\nfive\n")
    before = titles_of(three)
    three("undo")
    three("undo")

    first = three("redo")
    second = three("redo", "--json")

    assert first.out == "Redid 4 (done): 1: one\n"
    assert second.json["message"] == "Redid 5 (add): 2 tasks"
    assert (second.data["operation"], second.data["undoes"]) == (9, 6)
    assert titles_of(three) == before
    assert_refused(three, "redo", code="NOT_FOUND")
    three("undo")
    three("add", "six")
    assert_refused(three, "redo", code="NOT_FOUND")


@on_both_if_long
@pytest.mark.spec("002/FR-222")
def test_undo_passes_over_purged_tasks_and_names_them(three: Todo) -> None:
    three("done", "1-3")
    three("purge", "1,3", "--yes")

    ran = three("undo", "4")

    lines = (
        "Undid 4 (done): 2: two\nUndid 4 (done): without 1, 3, purged since\n"
    )
    assert ran == Ran(0, lines, "")
    assert [task["completed"] for task in tasks_of(three)] == [False]


# Versions


@on_both_stores
@pytest.mark.spec("002/FR-224")
def test_a_change_of_another_version_is_a_conflict(three: Todo) -> None:
    commands = (
        ["update", "1", "-r", "one=x"],
        ["update", "1", "--title", "y"],
        ["note", "1", "x"],
        ["done", "1"],
        ["delete", "1"],
    )
    versions = ("1", "1000000000", "3", "2147483647")
    three("update", "1", "-p", "low")
    before = everything(three)

    for turn, command in enumerate(commands):
        for version in share(versions, turn, 2):
            error = assert_refused(
                three,
                *(*command, "--if-version", version),
                code="CONFLICT",
                names=["Task 1 has version 2", f"not {version}"],
            )
            assert error["details"] == [{"field": "version", "message": "2"}]
            assert error["message"].endswith("; nothing was changed")
    assert everything(three) == before

    for before_it, command in enumerate(commands, start=2):
        ran = three(*command, "--if-version", str(before_it), "--json")
        assert ran.data["version"] == before_it + 1


@pytest.mark.spec("002/FR-224")
def test_a_version_is_for_one_task(three: Todo) -> None:
    for command in (
        ["update", "1-2", "-p", "low"],
        ["done", "1", "2"],
        ["delete", "1-3"],
    ):
        assert_refused(three, *command, "--if-version", "1", code="USAGE")
    assert_refused(three, "done", "99", "--if-version", "1", code="NOT_FOUND")
    assert_refused(
        three, "done", "1", "--if-version", "0", code="INVALID_INPUT"
    )


# Dry runs


TRIALS: dict[tuple[str, ...], list[str]] = {
    ("update", "2", "--title", "x", "--due", "none"): [
        "Would update 2: x (no due day)"
    ],
    ("update", "2", "-r", "two=x"): ["Would update 2: x"],
    ("note", "2", "more"): ["Would note 2: two"],
    ("done", "1-2"): [
        "Would change nothing: already done 1: one",
        "Would complete 2: two",
    ],
    ("done", "--undo", "1"): ["Would reopen 1: one"],
    ("delete", "2"): ["Would delete 2: two"],
    ("restore", "2-3"): [
        "Would change nothing: already restored 2: two",
        "Would restore 3: three",
    ],
    ("purge", "1-3"): [
        "Would purge 1: one",
        "Would purge 2: two",
        "Would purge 3: three",
    ],
    ("purge", "--trash"): ["Would purge 3: three"],
    ("undo",): ["Would undo 5 (delete): 3: three"],
    ("undo", "4"): ["Would undo 4 (done): 1: one"],
}


@on_both_if_long
@pytest.mark.spec("002/FR-225")
def test_a_dry_run_says_what_would_happen_and_stores_nothing(
    three: Todo, clock: Clock
) -> None:
    three("done", "1")
    three("delete", "3")
    clock.tick(60)
    before = everything(three)

    for words, lines in TRIALS.items():
        for terminal in (False, True):
            ran = three(*words, "--dry-run", terminal=terminal)
            out = "".join(f"{line}\n" for line in lines)
            assert ran == Ran(0, out, ""), words
        document = three(*words, "--dry-run", "--json")
        assert list(document.json) == ["success", "data", "message", "dry_run"]
        assert document.json["dry_run"] is True
        assert document.json["message"].startswith("Would "), words
        assert document.data, words

    assert everything(three) == before
    assert three("add", "four", "--json").data["number"] == 4
    assert commands_of(three, "-L1") == [(6, "add")]


@on_both_if_long
@pytest.mark.spec("002/FR-225", "002/FR-272")
def test_a_dry_run_of_undo_or_redo_has_no_number_of_its_own(
    three: Todo,
) -> None:
    undo = three("undo", "--dry-run", "--json").data
    assert (undo["operation"], undo["undoes"]) == (None, 3)
    real = three("undo", "--json").data
    assert (real["operation"], real["undoes"]) == (4, 3)
    redo = three("redo", "--dry-run", "--json").data
    assert (redo["operation"], redo["undoes"]) == (None, 4)
    # This one exists: it took the operation back.
    again = three("undo", "3", "--dry-run", "--json").data
    assert (again["operation"], again["undoes"]) == (4, 3)


@pytest.mark.spec("002/FR-023", "002/FR-222")
def test_the_number_of_an_operation_may_begin_as_that_of_a_task(
    three: Todo,
) -> None:
    assert three("undo", "#2").out == "Undid 2 (add): 2: two (in the trash)\n"
    for word in ("#", "##2", "# 2", "2#", "two", "1-2"):
        assert_refused(three, "undo", word, code="USAGE", names=["'N'"])
    for word in ("#0", "0"):
        assert_refused(three, "undo", word, code="INVALID_INPUT")
    assert_refused(three, "undo", "#99", code="NOT_FOUND")


@on_both_if_long
@pytest.mark.spec("002/FR-225")
def test_a_dry_run_of_redo_stores_nothing_either(three: Todo) -> None:
    three("undo")
    before = everything(three)

    assert three("redo", "--dry-run").out == "Would redo 3 (add): 3: three\n"
    assert everything(three) == before
    assert three("redo").out == "Redid 3 (add): 3: three\n"


@on_both_if_long
@pytest.mark.spec("002/FR-225")
def test_a_dry_run_ends_as_the_real_command_does(three: Todo) -> None:
    three("delete", "3")
    before = everything(three)
    refused: dict[tuple[str, ...], str] = {
        ("done", "99"): "NOT_FOUND",
        ("done", "3"): "NOT_FOUND",
        ("purge", "1", "99"): "NOT_FOUND",
        ("update", "1", "--title", "\x1b"): "INVALID_INPUT",
        ("update", "1", "-r", "x=y"): "INVALID_INPUT",
        ("note", "1", ""): "INVALID_INPUT",
        ("done", "1", "--if-version", "7"): "CONFLICT",
        ("undo", "99"): "NOT_FOUND",
        ("redo",): "NOT_FOUND",
    }

    for words, code in refused.items():
        real = assert_refused(three, *words, code=code)
        trial = assert_refused(three, *words, "--dry-run", code=code)
        assert trial == real
    assert everything(three) == before


@on_both_stores
@pytest.mark.nothing_made
@pytest.mark.spec("002/FR-073", "002/FR-225")
def test_a_dry_run_makes_no_store(todo: Todo, seal: Seal) -> None:
    for words in ([*("done", "1")], ["purge", "--trash"], ["undo"]):
        ran = todo(*words, "--dry-run", "--json")
        assert ran.status == (0 if "--trash" in words else 3)

    assert list(seal.cwd.iterdir()) == []
    assert "new list" in todo("add", "x").out


@needs("a full device")
@pytest.mark.spec("002/FR-048", "002/FR-225")
def test_a_dry_run_whose_output_is_lost_says_nothing_of_a_saved_change(
    three: Todo, process: Process
) -> None:
    with Path("/dev/full").open("wb") as full:
        running = process.start("done", "1", "--dry-run", stdout=full.fileno())
        _, err = running.communicate()

    assert running.returncode == 9
    assert b"saved" not in (err or b"")
    assert three("show", "1", "--json").data["completed"] is False


# The whole of it, as a person and a script see it

STEPS = (
    *("add one", "add two", "add three"),
    *("done 1-2", "update 3 --title x", "delete 3"),
    *("undo", "undo", "redo", "history"),
)
SHOWN = """\
9 redo of 8, just now ({at})
  3: x
    title: three -> x
8 undo of 5, undone by 9, just now ({at})
  3: x
    title: x -> three
7 undo of 6, just now ({at})
  3: x
    taken out of the trash
6 delete, undone by 7, just now ({at})
  3: x
    moved to the trash
5 update, just now ({at})
  3: x
    title: three -> x
4 done, 2 tasks, just now ({at})
  1: one
    status: open -> done
  2: two
    status: open -> done
3 add, just now ({at})
  3: x
    title: three
2 add, just now ({at})
  2: two
1 add, just now ({at})
  1: one
9 operations
"""
AT = re.compile(r"\d{1,2} [A-Z][a-z]{2} \d{4}, \d\d:\d\d UTC")


@pytest.mark.spec("002/FR-226")
def test_a_person_reads_at_a_terminal_what_was_done(
    pty_process: PtyProcess,
) -> None:
    ran = [pty_process(*words.split()) for words in STEPS]

    assert [each.status for each in ran] == [0] * len(STEPS)
    assert [each.out for each in ran[5:9]] == [
        "Deleted 3: x\nhint: `todo restore 3` brings it back\n",
        "Undid 6 (delete): 3: x\n",
        "Undid 5 (update): 3: three\n",
        "Redid 5 (update): 3: x\n",
    ]
    assert AT.sub("{at}", unstyled(ran[9].out)) == SHOWN


@pytest.mark.parametrize(
    "store", ["postgresql", *long_only("sqlite")], indirect=True
)
@pytest.mark.spec("002/FR-222", "002/FR-228")
def test_a_script_reads_what_was_done_also_from_another_machine(
    process: Process, seal: Seal
) -> None:
    elsewhere = seal.home.parent / "elsewhere"
    elsewhere.mkdir()
    other = {"HOME": str(elsewhere)}
    ran = [process(*words.split(), "--json") for words in STEPS[:5]]
    ran += [
        process(*words.split(), "--json", env=other) for words in STEPS[5:]
    ]

    assert [each.json["success"] for each in ran] == [True] * len(STEPS)
    assert ran[5].data["deleted_at"] is not None
    assert [each.json["message"] for each in ran[6:9]] == [
        "Undid 6 (delete): 3: x",
        "Undid 5 (update): 3: three",
        "Redid 5 (update): 3: x",
    ]
    history = ran[9].data
    assert [
        (each["command"], each["undoes"], each["undone_by"])
        for each in history
    ] == [
        ("redo", 8, None),
        ("undo", 5, 9),
        ("undo", 6, None),
        ("delete", None, 7),
        ("update", None, None),
        ("done", None, None),
        ("add", None, None),
        ("add", None, None),
        ("add", None, None),
    ]
    assert history[0]["tasks"][0]["changes"] == {"title": ["three", "x"]}
    assert process("show", "3", "--json").data["title"] == "x"
