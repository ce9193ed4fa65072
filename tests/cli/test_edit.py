"""`todo edit REF`, and `add` without words: a task as a text in the caller's editor."""

import os
import shlex
import shutil
import signal
import stat
import subprocess
import sys
import termios
from pathlib import Path
from typing import Any, NoReturn

import pytest

from tests.cli.conftest import on_both_stores
from tests.cli.expect import (
    ID,
    assert_document,
    assert_refused,
    assert_words,
    tasks_of,
)
from tests.faults.test_signals import wait_until
from tests.service.backdoor import fetch_all
from tests.support.blocking import wait_for
from tests.support.desk import Desk, meanwhile
from tests.support.disks import fill, free_descriptors, small_disk
from tests.support.machine import find, needs
from tests.support.program import (
    IN_TERMINAL,
    Child,
    Process,
    PtyProcess,
    Ran,
    Surroundings,
    Terminal,
    Todo,
    command,
    process_environment,
)
from tests.support.size import on_both_if_long
from tests.support.stores import Store

OURS = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND application_name = 'todo'
"""


@pytest.fixture
def one(todo: Todo) -> Todo:
    """The program on a store with one task that has everything."""
    words = ("one", "-d", "first\nsecond", "--due", "2026-12-24", "-p", "high")
    assert todo("add", *words, "-P", "home", "-t", "b", "-t", "a").status == 0
    return todo


# What an edit stores


@on_both_stores
@pytest.mark.spec("002/FR-307")
def test_edit_stores_what_differs_in_one_operation(
    one: Todo, desk: Desk, clock: Any
) -> None:
    [before] = tasks_of(one)
    clock.tick(60)
    text = (
        "two\ndue: fri\nwait: +1d\npriority: l\ntags: b c\n\nfirst\n\nthird\n"
    )

    ran = one("edit", "1", "--json", env=desk.writes(text))

    assert ran.data == before | {
        "title": "two",
        "due_on": "2026-01-09",
        "wait_until": "2026-01-03",
        "priority": "low",
        "project": None,
        "tags": ["b", "c"],
        "description": "first\n\nthird",
        "version": 2,
        "updated_at": ran.data["updated_at"],
    }
    assert ran.data["updated_at"] > before["updated_at"]
    [latest, _] = one("history", "--json").data
    assert latest["command"] == "edit"
    assert set(latest["tasks"][0]["changes"]) == {
        "title",
        "description",
        "due_on",
        "wait_until",
        "priority",
        "project",
        "tags",
    }
    assert one("undo").status == 0
    assert tasks_of(one)[0]["title"] == "one"
    assert desk.keeps_nothing


@pytest.mark.spec("002/FR-307")
def test_edit_says_what_was_changed_and_hints_at_options(
    one: Todo, desk: Desk
) -> None:
    text = "buy +milk\ndue: fri\npriority: high\nproject: home\ntags: a b\n"

    ran = one("edit", "1", terminal=True, env=desk.writes(text))

    assert ran.out == "Updated 1: buy +milk (due Fri 9 Jan, no notes)\n"
    assert ran.err == "hint: `+milk` is part of the title; see --tag\n"

    later = one("edit", "1", env=desk.writes(text.replace("fri", "mon")))

    assert later == Ran(0, "Updated 1: buy +milk (due Mon 5 Jan)\n", "")


@on_both_if_long
@pytest.mark.spec("002/FR-308")
@pytest.mark.parametrize(
    "script",
    [
        ":",
        'cat "$1" > "$1.new"; rm "$1"; cat "$1.new" > "$1"; rm "$1.new"',
        'ln "$1" "$1~"',
    ],
    ids=["nothing", "a new file", "a backup"],
)
def test_a_text_that_stays_changes_nothing(
    one: Todo, desk: Desk, script: str
) -> None:
    before = tasks_of(one)

    assert one("edit", "1", env=desk(script)) == Ran(
        0, "Nothing changed\n", ""
    )
    assert one("edit", "1", "--json", env=desk(script)).data == before[0]
    assert tasks_of(one) == before
    assert len(one("history", "--json").data) == 1
    assert desk.keeps_nothing


@pytest.mark.spec("002/FR-308")
def test_a_value_that_is_written_in_another_way_changes_nothing(
    one: Todo, desk: Desk
) -> None:
    text = "one\ndue: 2026-12-24\npriority: H\nproject: home\ntags: b,a\n\nfirst\nsecond"

    ran = one("edit", "1", env=desk.writes(text))

    assert ran == Ran(0, "Nothing changed\n", "")


@pytest.mark.spec("002/FR-305", "002/FR-309")
def test_the_editor_gets_a_private_file_with_the_task(
    one: Todo, desk: Desk
) -> None:
    seen = desk.folder / "seen"
    script = f'cat "$1" > {seen}; echo "$1" > {seen}.name; exit 3'

    os.umask(0o022)
    assert one("edit", "1", env=desk(script)).status == 10

    path = Path((seen.with_name("seen.name")).read_text().strip())
    assert path.name == "task-1.txt"
    assert path.parent.parent == desk.temporary
    assert seen.read_text().startswith("one\ndue: 2026-12-24\nwait:\n")
    assert seen.read_text().endswith("\n\nfirst\nsecond\n")


@pytest.mark.spec("002/FR-309")
@pytest.mark.parametrize("is_runtime", [True, False])
def test_file_and_folder_are_their_owners_alone(
    one: Todo, desk: Desk, is_runtime: bool
) -> None:
    names = {"XDG_RUNTIME_DIR": str(desk.folder), "TMPDIR": "relative"}
    if not is_runtime:
        names = {"XDG_RUNTIME_DIR": "/nowhere"}
    found: list[int] = []

    def look() -> None:
        place = desk.folder if is_runtime else desk.temporary
        [folder] = place.glob("todo-*")
        [file] = folder.iterdir()
        found.extend((folder.stat().st_mode, file.stat().st_mode))

    env = meanwhile(desk, "two\n", look)

    assert one("edit", "1", env={**env, **names}).status == 0
    assert [stat.S_IMODE(mode) for mode in found] == [0o700, 0o600]
    assert not list(desk.folder.glob("todo-*"))


# Which editor


@pytest.mark.spec("002/FR-310")
def test_visual_wins_over_editor_and_an_empty_one_counts_as_unset(
    one: Todo, desk: Desk
) -> None:
    env = desk.writes("two\n")

    assert one("edit", "1", env={**env, "VISUAL": " "}).status == 0
    assert one(
        "edit", "1", env={**env, "VISUAL": "sh -c 'exit 7'"}
    ).err.startswith("error: The editor failed with status 7; nothing was")


@pytest.mark.spec("002/FR-310")
@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("no-such-editor --wait", "`no-such-editor --wait` cannot be started: there is no such program"),
        ("/", "`/` cannot be started: permission denied"),
        ("./text", "cannot be started: exec format error"),
        ("'code", "VISUAL is `'code`: a quote has no end"),
        ("''", "`''` cannot be started: "),
        ("a\0b", "cannot be started: embedded null byte"),
    ],
)  # fmt: skip
def test_an_editor_that_cannot_be_started_is_config(
    one: Todo, desk: Desk, value: str, words: str
) -> None:
    script = desk.folder / "text"
    script.write_bytes(b"\0")
    script.chmod(0o755)

    assert_refused(
        one,
        "edit",
        "1",
        code="CONFIG",
        names=["VISUAL", words],
        env=desk(":", VISUAL=value),
    )


@pytest.mark.spec("002/FR-310")
def test_without_an_editor_it_is_vi_at_a_terminal_and_usage_elsewhere(
    one: Todo, desk: Desk
) -> None:
    nothing = {"PATH": str(desk.folder)}

    at_terminal = one("edit", "1", terminal=True, env=nothing)
    elsewhere = one("edit", "1", env=nothing)
    dumb = one("edit", "1", terminal=True, env={**nothing, "TERM": "dumb"})

    assert_words(at_terminal, status=8, names=["`vi` cannot be started"])
    assert_words(elsewhere, status=2, names=["No editor is set", "VISUAL"])
    assert_words(dumb, status=2, names=["No editor is set", "TERM", "VISUAL"])


@pytest.mark.spec("002/FR-310", "002/FR-039")
def test_what_an_editor_prints_is_not_in_the_result(
    process: Process, desk: Desk
) -> None:
    process("add", "one")

    ran = process("edit", "1", "--json", env=desk('echo x; echo two > "$1"'))

    assert (ran.status, ran.err) == (0, "x\n")
    assert ran.json["data"]["title"] == "two"


@pytest.mark.spec("002/FR-311")
@pytest.mark.parametrize("name", ["CI", "TODO_NO_INPUT"])
@pytest.mark.parametrize("terminal", [True, False])
def test_where_nobody_is_there_no_editor_opens(
    one: Todo, desk: Desk, name: str, terminal: bool
) -> None:
    env = desk.writes("two\n") | {name: "1"}

    ran = one("edit", "1", terminal=terminal, env=env)

    assert_words(ran, status=2, names=["Nobody is there", "--form"])
    assert one("add", terminal=terminal, env=env).status == 2
    assert [task["title"] for task in tasks_of(one)] == ["one"]


# Mistakes, and what is kept


@on_both_stores
@pytest.mark.spec("002/FR-306", "002/FR-312")
def test_a_mistake_off_a_terminal_is_an_error_and_the_text_is_kept(
    one: Todo, desk: Desk
) -> None:
    before = tasks_of(one)
    text = "two\ndue: frx\n\nall my words\n"

    ran = one("edit", "1", env=desk.writes(text))

    assert_words(
        ran,
        status=2,
        names=["line 2: due: `frx`", "; nothing was changed", str(desk.kept)],
    )
    assert desk.kept.read_text() == text
    assert tasks_of(one) == before
    # What the hint says: correct it, and run the command.
    desk.kept.write_text(text.replace("frx", "fri"))
    take = ran.err.split("`")[-2]
    assert take == f"todo edit 1 --form {desk.kept}"
    assert one(*shlex.split(take)[1:]).out == (
        "Updated 1: two (due Fri 9 Jan, no priority, no project, no tags, notes)\n"
    )


@pytest.mark.spec("002/FR-312")
def test_a_mistake_with_json_is_a_document_and_nobody_is_asked(
    one: Todo, desk: Desk
) -> None:
    env = desk.writes("two\ndue: frx\n")

    ran = one("edit", "1", "--json", terminal=True, env=env)

    assert_document(
        ran, code="INVALID_INPUT", names=["line 2", str(desk.kept)]
    )


@pytest.mark.spec("002/FR-312")
@pytest.mark.parametrize("answer", [b"\n", b"y\n", b"what\n"])
def test_a_mistake_at_a_terminal_can_be_corrected(
    one: Todo, desk: Desk, answer: bytes
) -> None:
    wrong = 'echo "two\ndue: frx" > "$1"'
    right = 'echo "two\ndue: fri" > "$1"'
    script = f"if [ -e {desk.folder}/again ]; then {right}; else {wrong}; echo > {desk.folder}/again; fi"

    ran = one("edit", "1", terminal=True, stdin=answer, env=desk(script))

    assert ran.status == 0
    assert ran.err.startswith("error: line 2: due: `frx` is not a day")
    assert "Edit again? [Y/n] " in ran.err
    assert tasks_of(one)[0]["due_on"] == "2026-01-09"
    assert desk.keeps_nothing


@pytest.mark.spec("002/FR-312")
@pytest.mark.parametrize("answer", [b"n\n", b" NO \n", b""])
def test_a_mistake_that_is_given_up_is_kept(
    one: Todo, desk: Desk, answer: bytes
) -> None:
    env = desk.writes("two\ndue: frx\n")

    ran = one(
        "edit", "1", "--user", "ada", terminal=True, stdin=answer, env=env
    )

    assert ran.status == 10
    # Where the input has ended, the question still waits on its line.
    said = ran.err.split("[Y/n] ")[1].lstrip("\n").split("\n")
    assert said[0] == "error: Not stored; nothing was changed"
    assert f"todo --user ada edit 1 --form {desk.kept}" in said[1]
    assert desk.kept.read_text() == "two\ndue: frx\n"


@pytest.mark.spec("002/FR-308", "002/FR-312")
@pytest.mark.parametrize(
    ("script", "is_kept"),
    [
        ('> "$1"', False),
        ('echo " " > "$1"', False),
        ('rm "$1"', False),
        ('rm -r "${1%/*}"', False),
        (
            'while read -r l; do case $l in "#"*) t="$t$l\n" ;; esac; done < "$1"; printf "$t" > "$1"',
            False,
        ),
        ("exit 1", False),
        ("kill -9 $$", False),
        ('echo mine > "$1"; exit 1', True),
        ('echo mine > "$1"; kill -15 $$', True),
    ],
)
def test_an_editor_that_empties_the_text_or_fails_cancels(
    one: Todo, desk: Desk, script: str, is_kept: bool
) -> None:
    before = tasks_of(one)

    ran = one("edit", "1", env=desk(script))

    assert_words(ran, status=10, names=["; nothing was changed"])
    assert tasks_of(one) == before
    assert desk.keeps_nothing is not is_kept
    if is_kept:
        assert desk.kept.read_text() == "mine\n"
        assert str(desk.kept) in ran.err


@pytest.mark.spec("002/FR-312")
def test_what_an_editor_leaves_to_recover_from_is_kept_with_the_text(
    one: Todo, desk: Desk
) -> None:
    script = (
        'echo lost > "$(cut -c 1- /dev/null)${1%/*}/.task-1.txt.swp"; exit 1'
    )

    assert one("edit", "1", env=desk(script)).status == 10

    assert (desk.kept.parent / ".task-1.txt.swp").read_text() == "lost\n"


@pytest.mark.spec("002/FR-312")
@pytest.mark.parametrize(
    ("script", "status"),
    [
        ('ln "$1" "$1.bak"; rm "$1"', 10),
        ('ln "$1" "$1.bak"; rm "$1"; mkdir "$1"', 9),
        ('ln "$1" "$1.bak"; rm "$1"; ln -s nowhere "$1"', 9),
    ],
)
def test_a_text_under_another_name_is_kept_and_its_folder_named(
    one: Todo, desk: Desk, script: str, status: int
) -> None:
    ran = one("edit", "1", env=desk(script))

    [folder] = (desk.home / ".local" / "state" / "todo").iterdir()
    assert_words(ran, status=status, names=["hint: "])
    assert ran.err.endswith(f"what the editor left is in {folder}\n")
    assert (folder / "task-1.txt.bak").exists()


@pytest.mark.spec("002/FR-308", "002/FR-316")
@pytest.mark.parametrize(
    ("editor", "hint"),
    [
        ("code -n", "set VISUAL to `{path} -n --wait`"),
        ("gvim", "set VISUAL to `{path} --nofork`"),
        ("code -w", ""),
        ("code --wait -n", ""),
        ("vim", ""),
    ],
)
def test_an_editor_that_does_not_wait_has_a_hint(
    one: Todo, desk: Desk, editor: str, hint: str
) -> None:
    name, *_ = editor.split()
    path = desk.folder / name
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    env = desk(":", VISUAL=editor.replace(name, str(path), 1))
    said = f"hint: `{name}` does not wait; {hint.format(path=path)}\n"

    unchanged = one("edit", "1", terminal=True, env=env)
    nothing = one("add", terminal=True, env=env)

    assert (unchanged.out, unchanged.err) == (
        "Nothing changed\n",
        said if hint else "",
    )
    assert nothing.err.endswith(said if hint else "; nothing was added\n")


@pytest.mark.spec("002/FR-312")
def test_a_text_is_kept_in_the_state_folder_of_the_caller(
    one: Todo, desk: Desk
) -> None:
    env = desk.writes("two\ndue: frx\n")
    state = desk.folder / "state"

    ran = one("edit", "1", env={**env, "XDG_STATE_HOME": str(state)})

    [kept] = state.glob("todo/edit-*/task-1.txt")
    assert str(kept) in ran.err
    assert desk.keeps_nothing


@pytest.mark.spec("002/FR-312")
@pytest.mark.parametrize("place", ["file", "relative", None])
def test_a_text_that_cannot_be_moved_stays_where_it_is(
    one: Todo, desk: Desk, place: str | None
) -> None:
    """Without a home, too, and where its disk refuses."""
    (desk.folder / "file").write_bytes(b"")
    env: dict[str, str | None] = {
        **desk.writes("two\ndue: frx\n"),
        "HOME": None,
    }
    if place == "file":
        env["XDG_STATE_HOME"] = str(desk.folder / place)

    ran = one("edit", "1", env=env)

    [kept] = desk.temporary.glob("todo-*/task-1.txt")
    assert str(kept) in ran.err
    kept.unlink()
    kept.parent.rmdir()


@pytest.mark.spec("002/FR-312")
def test_a_text_that_can_be_copied_in_part_stays_where_it_is(
    one: Todo, desk: Desk
) -> None:
    code = "import os, sys; os.mkfifo(sys.argv[1] + '.pipe'); sys.exit(1)"
    env = desk(":") | {"EDITOR": shlex.join([sys.executable, "-ISc", code])}

    ran = one("edit", "1", env=env)

    [kept] = desk.temporary.glob("todo-*/task-1.txt")
    assert str(kept) in ran.err
    assert list((desk.home / ".local/state/todo").iterdir()) == []
    for each in kept.parent.iterdir():
        each.unlink()
    kept.parent.rmdir()


@pytest.mark.spec("002/FR-312")
@pytest.mark.parametrize("end", ["0", "1"])
@pytest.mark.parametrize(
    "code",
    ["os.mkfifo(path)", "os.symlink(other, path)", "os.mkdir(path)"],
)
def test_what_is_no_file_any_more_is_left_alone(
    one: Todo, desk: Desk, code: str, end: str
) -> None:
    """A symlink may lead to anything; a pipe may be silent for ever."""
    other = desk.folder / "other"
    other.mkdir(0o755)
    script = (
        f"import os, sys; path, other = sys.argv[1], {str(other)!r}; "
        f"os.remove(path); {code}; sys.exit({end})"
    )
    env = desk(":") | {"EDITOR": shlex.join([sys.executable, "-ISc", script])}

    ran = one("edit", "1", env=env)

    # A pipe cannot be moved to where texts are kept.
    for folder in desk.temporary.glob("todo-*"):
        shutil.rmtree(folder)
    assert ran.status == {"0": 9, "1": 10}[end], ran
    assert stat.S_IMODE(other.stat().st_mode) == 0o755
    assert one("show", "1", "--json").data["title"] == "one"


@needs("mounts")
@pytest.mark.spec("002/FR-312")
def test_a_full_disk_is_named_and_loses_no_text(one: Todo, desk: Desk) -> None:
    with small_disk(desk.folder / "small", "size=16k") as disk:
        fill(disk)
        runtime = {"XDG_RUNTIME_DIR": str(disk)}
        state = {"XDG_STATE_HOME": str(disk)}

        before = one("edit", "1", env=desk(":", **runtime))
        after = one("edit", "1", env=desk.writes("two\ndue: frx\n") | state)

        assert list(disk.glob("todo*/*")) == []
    assert_words(before, status=9, names=["the disk is full"])
    [kept] = desk.temporary.glob("todo-*/task-1.txt")
    assert_words(after, status=2, names=[str(kept)])
    assert kept.read_text() == "two\ndue: frx\n"
    kept.unlink()
    kept.parent.rmdir()


@pytest.mark.spec("002/FR-310", "002/FR-312")
def test_a_limit_of_open_files_is_no_fault_of_the_editor(
    one: Todo, desk: Desk
) -> None:
    statuses = []
    env = desk(":")

    for most in range(3, 8):
        with free_descriptors(most):
            ran = one("edit", "1", env=env)
        statuses.append(ran.status)
        if ran.status != 0:
            assert "too many open files" in ran.err, ran
        assert list(desk.temporary.iterdir()) == []

    assert (set(statuses), statuses[-1]) == ({0, 9}, 0)


# What others do meanwhile


@on_both_stores
@pytest.mark.spec("002/FR-313")
def test_a_task_that_was_changed_meanwhile_is_a_conflict(
    one: Todo, desk: Desk
) -> None:
    env = meanwhile(desk, "mine\n", lambda: one("update", "1", "--due", "fri"))

    ran = one("edit", "1", env=env)

    assert_words(
        ran,
        status=5,
        names=[
            "Task 1 has version 2, not 1; nothing",
            "todo show 1",
            str(desk.kept),
        ],
    )
    assert "--form" not in ran.err
    assert tasks_of(one)[0]["title"] == "one"
    assert desk.kept.read_text() == "mine\n"


@on_both_if_long
@pytest.mark.spec("002/FR-313")
@pytest.mark.parametrize("verb", [["delete", "1"], ["purge", "1", "--yes"]])
def test_a_task_that_is_gone_meanwhile_is_not_found(
    one: Todo, desk: Desk, verb: list[str]
) -> None:
    env = meanwhile(desk, "mine\n", lambda: one(*verb))

    ran = one("edit", "1", "--json", env=env)

    error = assert_document(
        ran, code="NOT_FOUND", names=["No task 1 for ada", str(desk.kept)]
    )
    assert ("todo restore 1" in error["hint"]) is (verb[0] == "delete")
    assert desk.kept.read_text() == "mine\n"


@pytest.mark.spec("002/FR-313")
def test_a_change_of_others_stays_if_nothing_was_edited(
    one: Todo, desk: Desk
) -> None:
    act = lambda: one("update", "1", "--title", "theirs")  # noqa: E731
    opened = meanwhile(desk, "", act)
    script = Path(shlex.split(opened["EDITOR"])[1])
    script.write_text(script.read_text().rpartition(";")[0])

    assert one("edit", "1", env=opened).out == "Nothing changed\n"
    assert tasks_of(one)[0]["title"] == "theirs"


@pytest.mark.spec("002/FR-314")
@pytest.mark.parametrize("store", ["postgresql"], indirect=True)
@pytest.mark.parametrize("words", [["edit", "1"], ["add"]])
def test_no_connection_is_open_while_somebody_edits(
    one: Todo, store: Store, desk: Desk, words: list[str]
) -> None:
    seen: list[bool] = []

    def look() -> None:
        # Those of the preparation may still be ending.
        wait_until(lambda: wait_for(fetch_all(store, OURS)) == [(0,)])
        seen.append(True)

    ran = one(*words, terminal=True, env=meanwhile(desk, "two\n", look))

    assert (ran.status, seen) == (0, [True])
    assert "two" in ran.out


@pytest.mark.spec("002/FR-315")
@pytest.mark.parametrize("words", [["edit", "1"], ["add"]])
def test_a_store_that_cannot_be_written_any_more_keeps_the_text(
    one: Todo, store: Store, desk: Desk, words: list[str]
) -> None:
    path = desk.folder / "store.db"

    def spoil() -> None:
        for each in desk.folder.glob("store.db*"):
            each.unlink()
        path.write_bytes(b"not a database, but long enough to be looked at")

    ran = one(*words, terminal=True, env=meanwhile(desk, "mine\n", spoil))

    assert_words(ran, status=9, names=[str(desk.kept), "--form", "takes it"])
    assert desk.kept.read_text() == "mine\n"


@pytest.mark.spec("002/FR-312")
@pytest.mark.parametrize("words", [[], ["--json"]])
def test_a_bug_loses_no_text(one: Todo, desk: Desk, words: list[str]) -> None:
    def now() -> NoReturn:
        raise RuntimeError("no time")

    broken = Todo(one.surroundings, now)
    ran = broken("edit", "1", *words, env=desk.writes("mine\n"))

    assert ran.status == 1
    assert desk.kept.read_text() == "mine\n"
    assert (str(desk.kept) in ran.err) is (not words)


@pytest.mark.spec("002/FR-024", "002/FR-027", "002/FR-229")
def test_a_task_in_the_trash_is_not_found_and_the_hint_restores_it(
    one: Todo, desk: Desk
) -> None:
    one("delete", "1")

    assert_refused(
        one,
        "edit",
        "1",
        code="NOT_FOUND",
        names=[
            "in the trash; `todo restore 1` takes",
            "; nothing was changed",
        ],
        env=desk(":"),
    )
    assert_refused(one, "edit", "7", code="NOT_FOUND", env=desk(":"))
    assert_refused(one, "edit", "1-2", code="INVALID_INPUT", env=desk(":"))
    assert_refused(one, "edit", code="USAGE", env=desk(":"))


# Add without words


@on_both_stores
@pytest.mark.nothing_made
@pytest.mark.spec("002/FR-316")
def test_add_without_words_opens_the_form_of_a_new_task(
    todo: Todo, desk: Desk
) -> None:
    seen = desk.folder / "seen"
    text = "Pay rent\ndue: 2026-01-09\ntags: bills\n\nby hand\n"
    env = desk.writes(text, f'echo "$1" > {seen}')

    ran = todo("add", "--id", ID, terminal=True, env=env)

    assert ran.out.startswith("Added 1: Pay rent (due Fri 9 Jan, #bills) (new")
    [task] = tasks_of(todo)
    assert (task["id"], task["description"]) == (ID, "by hand")
    assert seen.read_text().endswith("/new-task.txt\n")
    assert todo("history", "--json").data[0]["command"] == "add"
    assert (
        "Already there" in todo("add", "--id", ID, terminal=True, env=env).out
    )
    assert desk.keeps_nothing


@pytest.mark.spec("002/FR-316")
def test_options_are_filled_into_the_form(todo: Todo, desk: Desk) -> None:
    seen = desk.folder / "seen"
    env = desk(f'cat "$1" > {seen}; echo "x$(cat {seen})" > "$1"')

    ran = todo(
        "add", "--due", "fri", "-p", "h", "-t", "b", "-t", "a", "-d", "by\nhand",
        "--json", terminal=True, env=env,
    )  # fmt: skip

    assert seen.read_text().startswith(
        "\ndue: 2026-01-09\nwait:\npriority: high\nproject:\ntags: a b\n"
    )
    assert (ran.data["title"], ran.data["tags"]) == ("x", ["a", "b"])
    assert ran.data["description"] == "by\nhand"


@pytest.mark.spec("002/FR-316")
@pytest.mark.parametrize("script", [":", '> "$1"', 'echo > "$1"', "exit 1"])
def test_add_of_nothing_cancels(todo: Todo, desk: Desk, script: str) -> None:
    ran = todo("add", "--due", "fri", terminal=True, env=desk(script))

    assert_words(ran, status=10, names=["; nothing was added"])
    assert tasks_of(todo) == []
    assert desk.keeps_nothing


@pytest.mark.spec("002/FR-316")
def test_add_without_words_off_a_terminal_is_usage_whatever_the_editor(
    todo: Todo, desk: Desk
) -> None:
    for words in ([], ["--due", "fri"], ["--"]):
        assert_refused(
            todo,
            "add",
            *words,
            code="USAGE",
            names=["Missing argument 'TITLE'", "todo add --help"],
            env=desk.writes("x\n"),
        )
    assert tasks_of(todo) == []


@pytest.mark.spec("002/FR-317")
def test_a_new_task_with_a_mistake_is_kept_and_can_be_added_once(
    todo: Todo, desk: Desk
) -> None:
    ran = todo(
        "add", terminal=True, stdin=b"n\n", env=desk.writes("\ntags: a\n\nx\n")
    )

    assert "error: line 1: title: must not be empty" in ran.err
    desk.kept.write_text("x\n")
    words = shlex.split(ran.err.split("`")[-2])[1:]
    assert words[:2] == ["add", "--id"]
    assert todo(*words).out == "Added 1: x (new list for ada)\n"
    assert todo(*words).out == "Already there as 1: x\n"


@pytest.mark.spec("002/FR-317")
def test_form_takes_a_file_and_nobody_needs_to_be_there(
    one: Todo, desk: Desk
) -> None:
    path = desk.folder / "a form.txt"
    path.write_text("two\n\nnotes\n")
    ci = {"CI": "1"}

    assert one("add", "--form", "a form.txt", env=ci).out.startswith("Added 2")
    assert one("edit", "1", "--form", str(path), env=ci).status == 0
    assert (
        one("edit", "1", "--form", str(path), env=ci).out
        == "Nothing changed\n"
    )
    assert [task["title"] for task in tasks_of(one)] == ["two", "two"]
    piped = one("add", "--form", "-", "--json", stdin=b"three\n\nmore", env=ci)
    assert piped.data["description"] == "more"
    path.write_text("\n")
    for words in (["add"], ["edit", "1"]):
        assert_refused(one, *words, "--form", str(path), code="CANCELLED")
        assert_refused(one, *words, "--form", "gone", code="IO_ERROR")
        assert_refused(one, *words, "--form", ".", code="IO_ERROR")
    for more in (["x"], ["-"], ["-t", "a"], ["--due", "fri"]):
        assert_refused(one, "add", "--form", "x", *more, code="USAGE")
    assert path.exists()


# Real editors, terminals and signals


@needs("vi")
@pytest.mark.spec("002/FR-310", "002/FR-309")
def test_vi_in_a_terminal(
    process: Process, pty_process: PtyProcess, desk: Desk
) -> None:
    process("add", "one", "-d", "notes")
    # A terminal that vi does not ask for its version, which takes a second.
    env = {"TMPDIR": str(desk.temporary), "TERM": "vt100"}

    with pty_process.start("edit", "1", env=env) as terminal:
        terminal.wait_for("priority:")
        terminal.type(b"ccTwo\x1b")
        terminal.type(b"Gomore\x1b:wq\r")
        ran = terminal.finish()

    assert ran.status == 0
    assert "Updated 1: Two (notes)" in ran.out
    assert process("show", "1", "--json").data["description"] == "notes\nmore"


@pytest.mark.spec("002/FR-318")
def test_ctrl_c_belongs_to_the_editor(
    process: Process, pty_process: PtyProcess, desk: Desk
) -> None:
    process("add", "one")
    script = "trap 'echo two > \"$1\"; exit 0' INT; echo ready; while :; do sleep 0.01; done"

    with pty_process.start("edit", "1", env=desk(script)) as terminal:
        terminal.wait_for("ready")
        terminal.type(b"\x03")
        ran = terminal.finish()

    assert (ran.status, "Updated 1: two" in ran.out) == (0, True)


@pytest.mark.spec("002/FR-318")
@pytest.mark.parametrize(
    ("store", "words"),
    [
        ("sqlite", ["edit", "1", "--json"]),
        ("sqlite", ["add"]),
        ("postgresql", ["edit", "1"]),
        ("postgresql", ["add", "--json"]),
    ],
    indirect=["store"],
)
def test_sigterm_ends_both_and_keeps_the_text(
    process: Process,
    pty_process: PtyProcess,
    desk: Desk,
    words: list[str],
) -> None:
    process("add", "one")
    gone = desk.folder / "gone"
    script = f"trap 'sleep 0.1; echo > {gone}; exit 0' TERM; echo mine > \"$1\"; echo ready; while :; do sleep 0.01; done"

    with pty_process.start(*words, env=desk(script)) as terminal:
        terminal.wait_for("ready")
        os.kill(terminal.process.pid, signal.SIGTERM)
        ran = terminal.finish()

    assert ran.status == -signal.SIGTERM
    assert gone.exists()
    assert desk.kept.read_text() == "mine\n"
    assert str(desk.kept) in ran.out.replace("\n", "")


@pytest.mark.spec("002/FR-318")
def test_ctrl_c_at_the_question_ends_it_and_keeps_the_text(
    process: Process, pty_process: PtyProcess, desk: Desk
) -> None:
    process("add", "one")

    env = desk.writes("mine\ndue: frx\n")
    with pty_process.start("edit", "1", env=env) as terminal:
        terminal.wait_for("Edit again? [Y/n] ")
        terminal.type(b"\x03")
        ran = terminal.finish()

    assert ran.status == -signal.SIGINT
    assert "^C\nerror: Interrupted; nothing was changed" in ran.out
    assert desk.kept.read_text() == "mine\ndue: frx\n"


@pytest.mark.spec("002/FR-318")
def test_a_signal_before_anything_was_typed_keeps_nothing(
    process: Process, pty_process: PtyProcess, desk: Desk
) -> None:
    process("add", "one")

    env = desk("echo ready; sleep 60")
    with pty_process.start("edit", "1", env=env) as terminal:
        terminal.wait_for("ready")
        os.kill(terminal.process.pid, signal.SIGHUP)
        ran = terminal.finish()

    assert (ran.status, ran.out) == (-signal.SIGHUP, "ready\n")
    assert desk.keeps_nothing


@needs("bash")
@pytest.mark.spec("002/FR-318")
def test_ctrl_z_stops_both_and_fg_goes_on(
    process: Process, surroundings: Surroundings, desk: Desk
) -> None:
    process("add", "one")
    # A read that Ctrl-Z interrupts late would take a key of the shell's.
    go = surroundings.cwd / "go"
    wait = "echo ready; until [ -e go ]; do sleep 0.01; done"
    script = f'{wait}; read -r line; echo "$line" > "$1"'
    env = desk(script)
    env["PATH"] = f"{env['PATH']}:/bin:/usr/bin"
    environment = process_environment(
        surroundings, "ada", {**env, "PS1": "$ "}
    )
    shell = [sys.executable, "-ISc", IN_TERMINAL, str(find("bash")), "--norc"]

    def start(**streams: Any) -> Child:
        return subprocess.Popen(
            [*shell, "--noediting", "-i"],
            env=environment,
            cwd=surroundings.cwd,
            start_new_session=True,
            **streams,
        )

    line = shlex.join(command("edit", "1"))
    with Terminal(start) as terminal:
        terminal.type(f"{line}\n".encode())
        terminal.wait_for("ready\n")
        terminal.type(b"\x1a")
        terminal.wait_for(f"Stopped                 {line}\n$ ")
        terminal.type(b"fg\n")
        terminal.wait_for(f"fg\n{line}\n")
        go.touch()
        terminal.type(b"two\n")
        terminal.wait_for("Updated 1: two")
        terminal.type(b"exit\n")
        terminal.finish()

    assert process("show", "1", "--json").data["title"] == "two"


@pytest.mark.spec("002/FR-318")
def test_an_editor_that_does_not_end_is_killed_and_the_terminal_is_put_back(
    process: Process, pty_process: PtyProcess, desk: Desk
) -> None:
    process("add", "one")
    script = (
        "trap '' TERM; stty -echo; echo ready; while :; do sleep 0.01; done"
    )
    env = desk(script)
    env["PATH"] = f"{env['PATH']}:/bin:/usr/bin"

    with pty_process.start("edit", "1", env=env) as terminal:
        before = terminal.usual
        terminal.wait_for("ready")
        assert termios.tcgetattr(terminal._descriptor) != before
        os.kill(terminal.process.pid, signal.SIGTERM)
        ran = terminal.finish()
        assert termios.tcgetattr(terminal._descriptor) == before

    assert ran.status == -signal.SIGTERM
    assert desk.keeps_nothing
