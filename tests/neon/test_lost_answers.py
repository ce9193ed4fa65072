"""A line that is cut around a write: nothing is written twice, nothing is lost in
silence, nothing is told wrongly.
"""

import asyncio
import random
import shlex
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, Literal

import pytest

from tests.cli.expect import ID, assert_document
from tests.neon.pauses import Pauses
from tests.neon.relay import Cut, Relay
from tests.support.desk import Desk, meanwhile
from tests.support.neon import NeonFront
from tests.support.program import LIMIT_S, Ran, Todo
from tests.support.site import HOST, Site, wait_until
from tests.support.size import IS_LONG, size
from tests.support.turns import Fault, TurnProxy
from todo_cli.database import transfer
from todo_cli.database.transfer import Imported

When = Literal["before", "during", "after"]
WHENS: Final[tuple[When, ...]] = ("before", "during", "after")
HOWS: Final[tuple[Literal["end", "reset"], ...]] = ("end", "reset")

PARSE, EXECUTE = 1, 2
"""The two requests of a statement: only the second does something."""
MOMENTS = [
    *(pytest.param(Fault(when, PARSE), id=f"{when} parse") for when in WHENS),
    *(
        pytest.param(Fault(when, EXECUTE, how), id=f"{when} execute by {how}")
        for when in WHENS
        for how in HOWS
    ),
    pytest.param(
        Fault("during", EXECUTE, late_s=0.3), id="during execute, late"
    ),
]


def some_moments(place: int) -> list[Any]:
    """The moments of a cut that a command meets, in the suite some of them.

    There it meets a cut before, during and after Execute, by one of two ways in turns,
    one at Parse, and one of three meets the late one.
    """
    some = {place % 3, 3 + place % 2, 6 - place % 2, 7 + place % 2}
    some |= set() if place % 3 else {9}
    every = range(len(MOMENTS)) if IS_LONG else sorted(some)
    return [MOMENTS[number] for number in every]


def met_by(kinds: Sequence[str]) -> list[Any]:
    """Each kind of command with the moments of a cut that it meets."""
    return [
        pytest.param(kind, *moment.values, id=f"{kind}-{moment.id}")
        for place, kind in enumerate(kinds)
        for moment in some_moments(place)
    ]


TERMINATE = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
UPDATE = ["update", "1", "--title", "Buy oat milk"]
CUTS = size(20, 200)
KINDS = ("add", "update", "done", "delete", "purge", "add -", "reopen")


@pytest.fixture
def milk(site: Site, plain_url: str) -> Todo:
    """The program behind a proxy that counts and cuts, with one task there."""
    site.fill("Buy milk")
    return site.todo(plain_url)


def ours(site: Site) -> list[tuple[int, str, bool]]:
    """Number, title and whether it is done of every task outside the trash, once the
    server is at rest.
    """
    site.rest()
    return stored(site)


def stored(site: Site) -> list[tuple[int, str, bool]]:
    """The same, as it is now."""
    rows = site.fetch(
        "SELECT number, title, is_done FROM todo.task"
        " WHERE deleted_at IS NULL ORDER BY user_id, number"
    )
    return [(number, title, is_done) for number, title, is_done in rows]


def in_trash(site: Site) -> list[int]:
    """The numbers of the tasks in the trash."""
    sql = "SELECT number FROM todo.task WHERE deleted_at IS NOT NULL"
    return [number for (number,) in site.fetch(sql)]


def noted(site: Site) -> list[str]:
    """The command of each operation, the first one first; each has its changes."""
    sql = """SELECT o.command, count(c) FROM todo.operation o LEFT JOIN todo.change c
        ON c.operation = o.number AND c.user_id = o.user_id
        GROUP BY o.user_id, o.number, o.command ORDER BY o.user_id, o.number"""
    found = site.fetch(sql)
    assert all(count > 0 for _, count in found)
    return [command for command, _ in found]


def is_executed(fault: Fault) -> bool:
    """Whether the server does what was asked, however late, for a cut at this moment."""
    return fault.when != "before" and fault.request == EXECUTE


def assert_unknown(ran: Ran, *again: str) -> str:
    """Exit 7 with the exact command to repeat or look with; return the message."""
    error = assert_document(ran, code="OUTCOME_UNKNOWN")
    assert shlex.split(error["hint"]) == ["todo", *again]
    message: str = error["message"]
    return message


def again(run: Todo, ran: Ran, stdin: bytes = b"") -> Ran:
    """Run the command that a hint names."""
    program, *words = shlex.split(ran.error["hint"])
    assert program == "todo"
    return run(*words, stdin=stdin)


@pytest.mark.parametrize(("command", "fault"), met_by(["list", "show 1"]))
def test_reads_are_asked_again(
    milk: Todo, proxy: TurnProxy, command: str, fault: Fault
) -> None:
    proxy.faults.append(fault)

    ran = milk(*command.split())

    assert (ran.status, ran.err) == (0, "")
    assert "Buy milk" in ran.out
    assert proxy.connections == 2


@pytest.mark.parametrize("fault", MOMENTS)
def test_add_is_asked_again_and_stored_once(
    milk: Todo, site: Site, proxy: TurnProxy, fault: Fault
) -> None:
    proxy.faults.append(fault)

    ran = milk("add", "Call Ada", "--json")

    assert ran.data["title"] == "Call Ada"
    assert proxy.connections == 2
    assert [title for _, title, _ in ours(site)] == ["Buy milk", "Call Ada"]
    assert ran.data["number"] == ours(site)[1][0]
    if fault.when != "during":
        assert ours(site)[1][0] == 2  # no number was used up by the lost one


@pytest.mark.parametrize(
    ("kind", "fault"), met_by(["update", "done", "delete"])
)
def test_update_done_and_delete_are_settled_by_a_look(
    milk: Todo, site: Site, proxy: TurnProxy, kind: str, fault: Fault
) -> None:
    proxy.faults.append(fault)
    command, hint, changed = {
        "update": (UPDATE, ["show", "1"], [(1, "Buy oat milk", False)]),
        "done": (["done", "1"], ["done", "1"], [(1, "Buy milk", True)]),
        "delete": (["delete", "1"], ["show", "1"], []),
    }[kind]

    ran = milk(*command, "--json")

    stored = ours(site) == changed
    assert stored == is_executed(fault)
    assert in_trash(site) == ([1] if stored and kind == "delete" else [])
    assert noted(site) == ([kind] if stored else [])
    assert proxy.connections == 2
    if ran.status == 0:
        assert stored
        assert ran.data["number"] == 1
    else:
        assert not stored or fault.when == "during"
        assert_unknown(ran, *hint)
        assert again(milk, ran).status == 0


TAGGED = """
SELECT t.number, t.description, t.tags, t.version, array(
    SELECT g.name FROM todo.tag g WHERE g.task_id = t.id ORDER BY 1
) FROM todo.task t ORDER BY 1
"""
"""What tags and notes are stored, and the rows of the table of tags."""


@pytest.mark.spec("001/FR-063", "001/FR-064")
@pytest.mark.parametrize(
    ("kind", "fault"), met_by(["tags", "note", "several"])
)
def test_tags_and_notes_are_changed_once_and_settled_by_a_look(
    milk: Todo, site: Site, proxy: TurnProxy, kind: str, fault: Fault
) -> None:
    site.fill("a", "b", user="bob")
    command, hint = {
        "tags": (["update", "1", "--add-tag", "food"], ["show", "1"]),
        "note": (["note", "1", "two litres"], ["show", "1"]),
        "several": (
            ["update", "1-2", "--add-tag", "x", "-u", "bob"],
            ["--user", "bob", "list", "--status", "all"],
        ),
    }[kind]
    proxy.faults.append(fault)

    ran = milk(*command, "--json")

    site.rest()
    changed = [tuple(row) for row in site.fetch(TAGGED) if row[3] > 1]
    expected = {
        "tags": [(1, None, ["food"], 2, ["food"])],
        "note": [(1, "two litres", [], 2, [])],
        "several": [(n, None, ["x"], 2, ["x"]) for n in (1, 2)],
    }[kind]
    assert changed == (expected if is_executed(fault) else [])
    assert proxy.connections == 2
    if ran.status == 0:
        assert changed
    else:
        assert not changed or fault.when == "during"
        assert_unknown(ran, *hint)


@pytest.mark.spec("001/FR-015", "001/FR-050")
@pytest.mark.parametrize("fault", some_moments(0))
def test_an_add_with_tags_is_stored_once(
    milk: Todo, site: Site, proxy: TurnProxy, fault: Fault
) -> None:
    proxy.faults.append(fault)

    ran = milk("add", "Call Ada", "-t", "work", "-t", "phone", "--json")

    assert ran.data["tags"] == ["phone", "work"]
    site.rest()
    [_, added] = site.fetch(TAGGED)
    assert (added[2], added[4]) == (["phone", "work"],) * 2
    assert proxy.connections == 2


@pytest.mark.spec("002/FR-315")
@pytest.mark.parametrize("fault", some_moments(1))
def test_edit_is_settled_by_a_look_or_by_the_text_that_is_kept(
    milk: Todo, site: Site, proxy: TurnProxy, desk: Desk, fault: Fault
) -> None:
    def cut() -> None:
        proxy.reset()
        proxy.faults.append(fault)

    env = meanwhile(desk, "mine\n", cut)

    ran = milk("edit", "1", "--json", env=env)

    stored = ours(site) == [(1, "mine", False)]
    assert stored == is_executed(fault)
    assert noted(site) == (["edit"] if stored else [])
    if ran.status == 0:
        assert stored
        assert desk.keeps_nothing
    else:
        assert not stored or fault.when == "during"
        assert_unknown(ran, "edit", "1", "--form", str(desk.kept))
        assert again(milk, ran).status == 0
        assert ours(site) == [(1, "mine", False)]
        assert noted(site) == ["edit"]


@pytest.mark.spec("002/FR-315")
@pytest.mark.parametrize("when", WHENS)
def test_a_written_add_that_is_lost_twice_is_repeated_from_the_kept_text(
    milk: Todo, site: Site, proxy: TurnProxy, desk: Desk, when: When
) -> None:
    proxy.faults.append(Fault(when, EXECUTE, connection=None))
    env = desk.writes("mine\n")

    ran = milk("add", "--id", ID, "--json", terminal=True, env=env)

    assert_unknown(ran, "add", "--id", ID, "--form", str(desk.kept))
    proxy.reset()
    assert again(milk, ran).status == 0
    assert [title for _, title, _ in ours(site)] == ["Buy milk", "mine"]


@pytest.mark.parametrize("fault", some_moments(2))
def test_restore_is_settled_by_a_look(
    milk: Todo, site: Site, proxy: TurnProxy, fault: Fault
) -> None:
    assert milk("delete", "1").status == 0
    proxy.reset()
    proxy.faults.append(fault)

    ran = milk("restore", "1", "--json")

    stored = ours(site) == [(1, "Buy milk", False)]
    assert stored == is_executed(fault)
    assert noted(site) == ["delete", "restore"][: 1 + stored]
    if ran.status == 0:
        assert stored
        assert ran.data["number"] == 1
    else:
        assert not stored or fault.when == "during"
        assert_unknown(ran, "restore", "1")
        assert again(milk, ran).status == 0


@pytest.mark.spec("002/FR-221")
@pytest.mark.parametrize(
    ("kind", "fault"), met_by(["undo", "undo one", "redo"])
)
def test_undo_and_redo_are_done_once_and_looked_up_in_the_history(
    milk: Todo, site: Site, proxy: TurnProxy, kind: str, fault: Fault
) -> None:
    """Done twice, it would take back the operation before, too."""
    assert milk("update", "1", "-p", "high").status == 0
    assert milk("done", "1").status == 0
    before = ["update", "done"]
    command, hint, changed = {
        "undo": (["undo"], ["history"], (1, "Buy milk", False)),
        "undo one": (["undo", "2"], ["undo", "2"], (1, "Buy milk", False)),
        "redo": (["redo"], ["history"], (1, "Buy milk", True)),
    }[kind]
    if kind == "redo":
        assert milk("undo").status == 0
        before = [*before, "undo"]
    proxy.reset()
    proxy.faults.append(fault)

    ran = milk(*command, "--json")

    stored = ours(site) == [changed]
    assert stored == is_executed(fault)
    assert noted(site) == before + [command[0]] * stored
    if ran.status == 0:
        assert stored
        assert ran.data["operation"] == len(before) + 1
        assert [task["number"] for task in ran.data["tasks"]] == [1]
        assert "2 (done): 1: Buy milk" in ran.json["message"]
    else:
        assert not stored or fault.when == "during"
        assert_unknown(ran, *hint)
        assert again(milk, ran).status == 0


@pytest.mark.parametrize("fault", some_moments(3))
def test_purge_is_sent_once_more_where_the_row_is_there(
    milk: Todo, site: Site, proxy: TurnProxy, fault: Fault
) -> None:
    proxy.faults.append(fault)

    ran = milk("purge", "1", "--yes", "--json")

    assert ours(site) == []
    assert noted(site) == ["purge"]
    assert proxy.connections == 2
    # The server may do what it gets late after what is sent once more.
    is_first = fault.when == "during" and ran.status == 0
    if is_first or not is_executed(fault):
        assert ran.data["title"] == "Buy milk"
    else:
        assert "gone" in assert_unknown(ran, "show", "1")


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_purge_that_is_lost_once_more_is_unknown(
    milk: Todo, site: Site, proxy: TurnProxy, when: When
) -> None:
    proxy.faults += [
        Fault("before", EXECUTE),
        Fault(when, 2 * EXECUTE, connection=2),
    ]

    ran = milk("purge", "1", "--yes", "--json")

    assert_unknown(ran, "show", "1")
    assert proxy.connections == 2
    assert (ours(site) == []) is (when == "after")


def test_the_command_to_repeat_names_the_user_that_was_named(
    site: Site, plain_url: str, proxy: TurnProxy
) -> None:
    site.fill("Buy milk", user="bob")
    proxy.faults.append(Fault("before", EXECUTE))

    ran = site.todo(plain_url)(
        "--user", "bob", "update", "1", "-d", "two litres", "--json"
    )

    assert_unknown(ran, "--user", "bob", "show", "1")


@pytest.mark.parametrize(
    "words",
    [["Call Ada"], ["-d", "at 5", "It's", "$HOME; rm"], ["--", "--undo"]],
)
def test_an_add_that_is_lost_twice_names_the_command_that_repeats_it(
    milk: Todo, site: Site, proxy: TurnProxy, words: list[str]
) -> None:
    proxy.faults.append(Fault("after", EXECUTE, connection=None))

    ran = milk("add", "--json", *words)

    assert assert_document(ran, code="OUTCOME_UNKNOWN")["hint"].startswith(
        "todo add --id "
    )
    before = ours(site)
    assert len(before) == 2
    proxy.reset()
    assert again(milk, ran).out.startswith("Already there as 2: ")
    assert ours(site) == before


def test_lines_that_are_lost_twice_name_the_command_that_repeats_them(
    milk: Todo, site: Site, proxy: TurnProxy
) -> None:
    proxy.faults.append(Fault("after", EXECUTE, connection=None))

    ran = milk("add", "-", "--json", stdin=b"one\ntwo\n")

    assert assert_document(ran, code="OUTCOME_UNKNOWN")["hint"].startswith(
        "todo add --id "
    )
    proxy.reset()
    assert again(milk, ran, b"one\ntwo\n").status == 0
    assert [title for _, title, _ in ours(site)] == ["Buy milk", "one", "two"]


def test_lines_that_are_cut_anywhere_are_all_or_none_and_leave_no_gap(
    milk: Todo, site: Site, proxy: TurnProxy
) -> None:
    for request in range(PARSE, 99):
        proxy.reset()
        proxy.faults.append(Fault("before", request, connection=None))
        if milk("add", "-", stdin=b"one\ntwo\n").status == 0:
            break
        assert [title for _, title, _ in ours(site)] == ["Buy milk"]

    assert request > 2 * EXECUTE  # it takes several statements
    assert [(number, title) for number, title, _ in ours(site)] == [
        (1, "Buy milk"),
        (2, "one"),
        (3, "two"),
    ]


def test_reads_that_are_lost_twice_were_not_to_be_had(
    milk: Todo, proxy: TurnProxy
) -> None:
    proxy.faults.append(Fault("before", EXECUTE, connection=None))

    assert_document(milk("list", "--json"), code="DATABASE_UNAVAILABLE")
    assert proxy.connections == 2


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(
    ("command", "hint"),
    [
        (UPDATE, ["show", "1"]),
        (["done", "1"], ["done", "1"]),
        (["done", "1", "--undo"], ["done", "1", "--undo"]),
        (["delete", "1"], ["show", "1"]),
        (["restore", "1"], ["restore", "1"]),
        (["purge", "1", "--yes"], ["show", "1"]),
        (["undo", "1"], ["undo", "1"]),
        (["redo"], ["history"]),
    ],
)
def test_a_change_is_unknown_when_nobody_can_look(
    milk: Todo,
    proxy: TurnProxy,
    pauses: Pauses,
    command: list[str],
    hint: list[str],
    when: When,
) -> None:
    proxy.faults.append(Fault(when, EXECUTE))
    proxy.faults += [
        Fault("before", request=0, connection=number)
        for number in range(2, 99)
    ]

    ran = milk(*command, "--json", env={"TODO_TIMEOUT": "0.6"})

    assert_unknown(ran, *hint)


def test_an_add_is_unknown_when_nobody_can_be_asked_again(
    milk: Todo, site: Site, proxy: TurnProxy, pauses: Pauses
) -> None:
    proxy.faults.append(Fault("after", EXECUTE))
    proxy.faults += [
        Fault("before", request=0, connection=number)
        for number in range(2, 99)
    ]

    ran = milk("add", "Call Ada", "--json", env={"TODO_TIMEOUT": "0.6"})

    assert assert_document(ran, code="OUTCOME_UNKNOWN")["hint"].startswith(
        "todo add --id "
    )
    assert [title for _, title, _ in ours(site)] == ["Buy milk", "Call Ada"]


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(
    "command",
    [
        *(["list"], ["add", "Call Ada"], UPDATE, ["done", "1"]),
        *(["delete", "1"], ["purge", "1", "--yes"]),
    ],
)
def test_a_silent_line_is_not_waited_for_forever(
    milk: Todo,
    site: Site,
    proxy: TurnProxy,
    monkeypatch: pytest.MonkeyPatch,
    command: list[str],
    when: When,
) -> None:
    monkeypatch.setattr(
        "todo_cli.database.connection.STATEMENT_TIMEOUT_S", 0.3
    )
    before = stored(site)
    proxy.faults.append(Fault(when, EXECUTE, how="silence"))

    ran = milk(*command, "--json")

    # The line's other end stays open, as it would.
    is_changed = stored(site) != before
    if command == ["list"]:
        assert_document(ran, code="TIMEOUT")
    elif ran.status == 0:
        assert is_changed
    else:
        assert_document(ran, code="OUTCOME_UNKNOWN")


def test_a_line_that_ends_while_somebody_types_is_replaced(
    site: Site, plain_url: str, proxy: TurnProxy
) -> None:
    running = site.process(plain_url).start("add", "-")
    wait_until(
        lambda: len(proxy.requests) == 3
    )  # logged in, and waiting for standard input
    site.server.run_sql(site.database, TERMINATE)

    out, err = running.communicate(b"Buy milk\n", timeout=LIMIT_S)

    assert (running.returncode, out, err) == (
        0,
        b"Added 1: Buy milk (new list for ada)\n",
        b"",
    )
    assert site.titles() == ["Buy milk"]


def lines(*titles: str) -> bytes:
    """Titles as standard input has them."""
    return "".join(f"{title}\n" for title in titles).encode()


def test_lines_are_stored_once_and_whole_wherever_the_line_is_cut(
    site: Site, plain_url: str, proxy: TurnProxy
) -> None:
    run = site.todo(plain_url)
    assert run("add", "-", stdin=lines("first")).status == 0
    requests = len(proxy.requests) - 3  # less those of the log-in
    expected = ["first"]
    for request in range(1, requests + 1):
        # In the suite each request is cut in one of three ways.
        for when in WHENS[request % size(3, 1) :][: size(1, 3)]:
            titles = [f"{when} {request} {letter}" for letter in "abc"]
            proxy.reset()
            proxy.faults.append(Fault(when, request))

            ran = run("add", "-", "--json", stdin=lines(*titles))

            assert [task["title"] for task in ran.data] == titles
            assert proxy.connections == 2
            expected += titles
    site.rest()
    assert site.titles() == expected


def test_lines_that_are_lost_twice_can_be_repeated(
    site: Site, plain_url: str, proxy: TurnProxy
) -> None:
    run = site.todo(plain_url)
    assert run("add", "-", stdin=lines("first")).status == 0
    requests = len(proxy.requests) - 3
    expected = ["first"]
    for request in (1, requests - 1, requests):
        for when in WHENS:
            titles = [f"{when} {request} {letter}" for letter in "abc"]
            proxy.reset()
            proxy.faults.append(Fault(when, request, connection=None))

            ran = run("add", "-", "--json", stdin=lines(*titles))

            site.rest()
            assert site.titles() in (
                [expected + titles]
                if ran.status == 0
                else [expected, expected + titles]
            )
            proxy.reset()
            if ran.status:
                assert_document(ran, code="OUTCOME_UNKNOWN")
                assert again(run, ran, stdin=lines(*titles)).status == 0
            expected += titles
            assert site.titles() == expected


def test_an_import_is_whole_or_not_at_all_wherever_the_line_is_cut(
    site: Site, plain_url: str, proxy: TurnProxy, source: Path
) -> None:
    run = site.todo(plain_url)
    assert run("db", "import", str(source)).status == 0
    requests, expected = len(proxy.requests) - 3, site.titles()
    assert len(expected) == 30
    ways = (("before", 1), ("during", 1), ("after", None))
    # In the suite each second request is cut, and COMMIT, in one of the ways; what
    # tests/torture cuts lies between.
    some = {*range(1, requests + 1, size(2, 1)), requests - 1, requests}
    for place, request in enumerate(sorted(some)):
        for when, connection in ways[place % size(3, 1) :][: size(1, 3)]:
            site.server.run_sql(
                site.database, "TRUNCATE todo.task, todo.counter, todo.tag"
            )
            proxy.reset()
            proxy.faults.append(Fault(when, request, connection=connection))  # type: ignore[arg-type]  # three words

            ran = run("db", "import", str(source), "--json")

            site.rest()
            stored = site.titles()
            if ran.status == 0:
                assert stored == expected
            else:
                assert connection is None
                assert stored in ([], expected)
                assert_unknown(ran, "db", "import", str(source))
                proxy.reset()
                assert again(run, ran).status == 0
                assert site.titles() == expected


@pytest.mark.parametrize("has_history", [False, True])
def test_an_import_says_what_it_did_although_the_answer_was_lost(
    site: Site,
    plain_url: str,
    proxy: TurnProxy,
    source: Path,
    has_history: bool,
) -> None:
    """The second try finds all tasks, and it was the first that added them."""
    run = site.todo(plain_url)
    command = ["db", "import", str(source), "--renumber", "--json"]

    def imported(fault: Fault | None = None) -> Ran:
        site.server.run_sql(
            site.database,
            "TRUNCATE todo.task, todo.counter, todo.tag, todo.operation, todo.change",
        )
        if has_history:
            assert run("add", "there before").status == 0
        proxy.reset()
        proxy.faults += [fault] if fault else []
        return run(*command)

    expected = imported().data
    requests = len(proxy.requests) - 3
    assert expected["new"] == 30

    ran = imported(Fault("after", requests))

    assert proxy.connections == 2
    assert ran.data == expected
    assert len(site.titles()) == 30 + has_history


def test_an_import_after_another_of_an_older_copy_is_whole(
    site: Site,
    plain_url: str,
    proxy: TurnProxy,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The other one stores a task of ours between our two tries, of which the first has
    stored none.
    """
    file = site.todo(str(site.cwd / "file.db"))
    assert file("add", "one").status == 0
    assert file("db", "backup", "older.db").status == 0
    assert file("add", "-", stdin=lines("two", "three")).status == 0
    run = site.todo(plain_url)
    assert run("db", "import", "file.db").status == 0
    requests = len(proxy.requests) - 3
    site.server.run_sql(
        site.database,
        "TRUNCATE todo.task, todo.counter, todo.tag, todo.operation, todo.change",
    )
    proxy.reset()
    proxy.faults.append(Fault("before", requests))
    write, tries = transfer._write, []

    async def write_late(run: Any, report: Any) -> Imported:
        tries.append(run)
        if len(tries) == 2:
            monkeypatch.setattr(transfer, "_write", write)
            other = site.todo(site.server.url(site.database))
            ran = await asyncio.to_thread(other, "db", "import", "older.db")
            assert ran.status == 0, ran
        return await write(run, report)

    monkeypatch.setattr(transfer, "_write", write_late)

    ran = run("db", "import", "file.db", "--json")

    assert len(tries) == 2
    assert (ran.data["tasks"], ran.data["new"]) == (3, 2)
    assert site.titles() == ["one", "two", "three"]


@pytest.fixture
def source(site: Site) -> Path:
    """An embedded file with thirty tasks of three users."""
    path = site.cwd / "source.db"
    run = site.todo(str(path))
    for user in ("ada", "bob", "eve"):
        ran = run(
            "add",
            "-",
            user=user,
            stdin=lines(*(f"{user} {number}" for number in range(10))),
        )
        assert ran.status == 0, ran
    return path


@pytest.mark.parametrize(
    ("when", "request_"),
    [
        ("before", 1),
        ("before", 3),
        ("before", 5),
        ("during", 5),
        ("after", 5),
        ("after", 6),
        ("during", 7),
        ("after", 7),
    ],
)
def test_a_first_add_makes_one_store_with_one_task(
    blank_site: Site, proxy: TurnProxy, when: When, request_: int
) -> None:
    proxy.faults.append(Fault(when, request_))

    ran = blank_site.todo(blank_site.url("127.0.0.1", proxy.port))(
        "add", "Buy milk", "--json"
    )

    assert (ran.data["title"], ran.data["number"]) == ("Buy milk", 1)
    assert ours(blank_site) == [(1, "Buy milk", False)]


class Reckoning:
    """Commands that were cut, each about tasks of its own, and what they said."""

    def __init__(self, run: Todo) -> None:
        self._run = run
        self.said: dict[int, tuple[str, int]] = {}

    def ask(self, place: int, kind: str) -> None:
        """Run one command about task `place`."""
        title, number = f"cut {place}", str(place)
        command = {
            "add": ["add", title],
            "update": ["update", number, "--title", title],
            "done": ["done", number],
            "reopen": ["done", number, "--undo"],
            "delete": ["delete", number],
            "purge": ["purge", number, "--yes"],
            "add -": ["add", "-"],
        }[kind]
        ran = self._run(
            *command, stdin=lines(*(f"{title} {letter}" for letter in "abcde"))
        )
        self.said[place] = (kind, ran.status)

    def wrongs(
        self, rows: Sequence[tuple[int, str, bool]]
    ) -> dict[str, list[str]]:
        """What was written twice, lost in silence, or told wrongly, by the rows that
        are there in the end.
        """
        titles = Counter(title for _, title, _ in rows)
        by_number = {
            number: (title, is_done) for number, title, is_done in rows
        }
        twice = [title for title, count in titles.items() if count > 1]
        lost: list[str] = []
        wrong: list[str] = []
        for place, (kind, status) in self.said.items():
            parts = [titles[f"cut {place} {letter}"] for letter in "abcde"]
            title, is_done = by_number.get(place, (None, None))
            is_stored = {
                "add": titles[f"cut {place}"] == 1,
                "update": title == f"cut {place}",
                "done": is_done is True,
                "reopen": is_done is False,
                "delete": title is None,
                "purge": title is None,
                "add -": parts == [1] * 5,
            }[kind]
            if status == 0 and not is_stored:
                lost.append(f"{place} {kind}")
            is_half = kind == "add -" and 0 < sum(parts) < 5
            if (
                (status == 6 and is_stored)
                or status not in (0, 6, 7)
                or is_half
            ):
                wrong.append(f"{place} {kind} {status}")
        return {"twice": twice, "lost": lost, "wrong": wrong}


@pytest.mark.parametrize(
    ("is_neon", "seed"), [(False, 3), (True, 4)], ids=["plain", "neon"]
)
def test_random_cuts_do_no_harm(
    site: Site,
    proxy: TurnProxy,
    front: NeonFront,
    pauses: Pauses,
    is_neon: bool,
    seed: int,
) -> None:
    """Any byte of either side can be the last; half of the cuts are near the end, where
    the write is.
    """
    chance, cuts = random.Random(seed), CUTS // 2
    site.fill(
        *(f"task {number}" for number in range(1, cuts + len(KINDS) + 1))
    )
    site.server.run_sql(
        site.database,
        "UPDATE todo.task SET is_done = true, completed_at = now() WHERE number % 6 = 5",
    )
    with Relay(front.port if is_neon else proxy.port) as relay:
        url = (
            site.url(HOST, relay.port)
            if is_neon
            else site.url("127.0.0.1", relay.port)
        )
        reckoning = Reckoning(site.todo(url))
        lengths = {}
        for place, kind in enumerate(KINDS, start=cuts + 1):
            reckoning.ask(place, kind)
            lengths[kind] = dict(relay.passed)
        for place in range(1, cuts + 1):
            kind = "reopen" if place % 6 == 5 else chance.choice(KINDS[:-1])
            side: Literal["client", "server"] = chance.choice(
                ("client", "server")
            )
            first = chance.choice((1, lengths[kind][side] * 7 // 10))
            relay.cut = Cut(
                side,
                chance.randint(first, lengths[kind][side]),
                is_reset=chance.random() < 0.5,
            )
            reckoning.ask(place, kind)

    assert reckoning.wrongs(ours(site)) == {
        "twice": [],
        "lost": [],
        "wrong": [],
    }
    assert relay.connections > cuts * 3 // 2  # the cuts were real
    assert {
        status
        for kind, status in reckoning.said.values()
        if kind.startswith("add")
    } == {0}
    assert (
        Counter(status for _, status in reckoning.said.values())[6] == 0
    )  # the line is back at once
