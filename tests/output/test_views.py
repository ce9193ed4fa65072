"""What a result is in words, counts and columns, before any writer draws it."""

from dataclasses import FrozenInstanceError, fields
from datetime import UTC, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.output.values import (
    DAY,
    NOW,
    TODAY,
    context,
    done,
    listing,
    operation,
    page,
    task,
)
from todo_cli.database.backup import BackedUp
from todo_cli.database.transfer import Imported
from todo_cli.output import words
from todo_cli.output.views import (
    Changed,
    Exported,
    Sheet,
    Table,
    Upgraded,
    added,
    added_all,
    backed_up,
    completion,
    deleted,
    edited,
    exported,
    habits,
    history,
    imported,
    listed,
    only_numbers,
    purge_question,
    redone,
    script,
    shown,
    taken,
    understood,
    undone,
    upgraded,
)
from todo_cli.output.words import Verb
from todo_cli.task import Added, HistoryPage, Taken, Task, Undone


@pytest.mark.parametrize(
    ("names", "line", "hint"),
    [
        ([], "Nothing changed", "why"),
        (["due_on"], "Updated 7: Milk #home (due tomorrow)", ""),
        (["title"], "Updated 7: Milk #home", "--tag"),
    ],
)
def test_an_edit_names_what_was_changed(
    names: list[str], line: str, hint: str
) -> None:
    tomorrow = TODAY + timedelta(days=1)
    milk = task(number=7, title="Milk #home", due_on=tomorrow)

    sheet = edited(milk, names, context(), hint="why")

    assert sheet.lines == [line]
    assert hint in sheet.hint


def test_values_cannot_be_changed() -> None:
    sheet = listing(task())
    card = shown(task(), context()).card
    values: list[Any] = [sheet, sheet.table, card]

    for value in values:
        assert not hasattr(value, "__dict__")
        with pytest.raises(FrozenInstanceError):
            setattr(value, fields(value)[0].name, None)


def test_sheet_has_no_tasks_in_its_repr() -> None:
    assert "Buy milk" not in repr(added(Added(task(), is_new=True), context()))


@pytest.mark.spec("002/FR-074")
def test_added_names_the_task_and_where_or_for_whom_a_list_begins() -> None:
    first, later = Added(task(1), is_new=True), Added(task(2), is_new=True)
    repeat = Added(task(1), is_new=False)
    there = context(by_flag=True)

    lines = {
        "Added 2: Buy milk": added(later, there),
        "Already there as 1: Buy milk": added(repeat, there),
        "Added 1: Buy milk (new list for ada)": added(first, context()),
        "Added 1: Buy milk (new list in db.example/shop)": added(
            first, context(is_new_store=True)
        ),
        "Added 1: Buy milk (new list for ada in db.example/shop)": added(
            first, context(is_new_store=True, by_flag=True)
        ),
    }

    assert [(sheet.message, *sheet.lines) for sheet in lines.values()] == [
        (line, line) for line in lines
    ]
    assert added(later, there).data == task(2)


def test_added_all_counts_new_and_old() -> None:
    def message(*news: bool) -> str:
        results = [
            Added(task(n), is_new) for n, is_new in enumerate(news, start=2)
        ]
        sheet = added_all(results, context())
        assert (len(sheet.data), len(sheet.lines)) == (len(news), len(news))
        return sheet.message

    assert message() == "Added 0 tasks"
    assert message(True) == "Added 1 task"
    assert message(True, False) == "Added 1 task, 1 task already there"
    assert message(False, False) == "Added 0 tasks, 2 tasks already there"


@pytest.mark.spec("002/FR-074")
def test_added_all_says_once_where_a_list_begins() -> None:
    results = [Added(task(number), is_new=True) for number in (1, 2)]

    for note, there in {
        " (new list for ada)": context(),
        " (new list in db.example/shop)": context(is_new_store=True),
    }.items():
        sheet = added_all(results, there)
        assert sheet.message == f"Added 2 tasks{note}"
        assert sheet.lines == [f"Added 1: Buy milk{note}", "Added 2: Buy milk"]


@pytest.mark.spec("002/FR-011")
def test_listed_has_the_tasks_and_how_many_there_are() -> None:
    found = page(task())
    sheet = listed(found, context())

    assert (sheet.data, sheet.message) == ([task()], "3 open, 5 done")
    assert sheet.table == Table(
        [task()],
        NOW,
        TODAY,
        found.query,
        footer="3 open, 5 done",
        note="No tasks for ada in db.example/shop (3 open, 5 done)",
    )


def test_context_knows_the_day_of_the_caller() -> None:
    for variables, zone_day in (
        (None, TODAY),
        ({"TZ": "XXX-23"}, TODAY + DAY),
        ({"TZ": "XXX23"}, TODAY - DAY),
    ):
        assert context(variables=variables).today == zone_day
    assert context().zone is UTC


def test_shown_has_every_field_in_order() -> None:
    sheet = shown(done(7, description="a\nb"), context())

    assert (sheet.data, sheet.message) == (
        done(7, description="a\nb"),
        "7: Buy bread",
    )
    assert [name for name, _ in sheet.fields] == list(Task.__slots__)
    values = dict(sheet.fields)
    assert (values["completed"], values["description"]) == ("true", "a\nb")
    tagged = dict(shown(task(tags=["a", "b"]), context()).fields)
    assert (tagged["tags"], tagged["version"], tagged["due_on"]) == (
        "a,b",
        "1",
        "",
    )


def test_changed_is_an_object_for_one_and_an_array_for_several() -> None:
    def parts(sheet: Sheet) -> tuple[Any, ...]:
        return sheet.data, sheet.message, sheet.lines

    one, several = (
        Changed(words.DONE, is_single=True),
        Changed(words.DONE, is_single=False),
    )
    line = "Done 2: Buy bread"

    assert parts(one([done(2)], context())) == (done(2), line, [line])
    assert parts(several([done(2)], context())) == (
        [done(2)],
        "Done 1 task",
        [line],
    )
    assert several([done(2), done(3)], context()).message == "Done 2 tasks"
    assert one([task(3)], context()).message == "Done 3: Buy milk"


JUST_NOW = NOW - timedelta(seconds=1)
NEW = done(1, updated_at=JUST_NOW)
OLD = done(2)
SAID = [
    ([NEW], "Done 1: Buy bread", "Would complete 1: Buy bread"),
    (
        [OLD],
        "Already done 2: Buy bread",
        "Would change nothing: already done 2: Buy bread",
    ),
    ([NEW, NEW], "Done 2 tasks", "Would complete 2 tasks"),
    (
        [NEW, OLD, OLD],
        "Done 1 task, 2 tasks already done",
        "Would complete 1 task, 2 tasks already done",
    ),
    (
        [OLD, OLD],
        "Already done 2 tasks",
        "Would change nothing: already done 2 tasks",
    ),
]


@pytest.mark.spec("002/FR-017", "002/FR-225")
@pytest.mark.parametrize(("tasks", "message", "trial"), SAID)
def test_changed_says_what_was_so_before(
    tasks: list[Task], message: str, trial: str
) -> None:
    view = Changed(words.DONE, is_single=len(tasks) == 1)

    assert view(tasks, context(changed_at=JUST_NOW)).message == message
    tried = view(tasks, context(changed_at=JUST_NOW, is_trial=True))
    assert tried.message == trial
    assert {line.split()[0] for line in tried.lines} == {"Would"}


@pytest.mark.spec("002/FR-225")
def test_changed_knows_what_would_happen_of_every_verb() -> None:
    verbs = [each for each in vars(words).values() if isinstance(each, Verb)]
    there = context(changed_at=NOW, is_trial=True)

    found = {
        Changed(verb, is_single=True)([task()], there).message
        for verb in verbs
    }
    assert found == {
        "Would change nothing: already set 1: Buy milk",
        "Would note 1: Buy milk",
        "Would change nothing: already done 1: Buy milk",
        "Would change nothing: already open 1: Buy milk",
        "Would delete 1: Buy milk",
        "Would change nothing: already restored 1: Buy milk",
        "Would purge 1: Buy milk",
        "Would change nothing: already undone 1: Buy milk",
        "Would redo 1: Buy milk",
    }


TAKEN = {
    "Imported 0 tasks": Taken(0),
    "Imported 1 task (7)": Taken(1, 1, first=7, last=7),
    "Imported 2 tasks (5-8)": Taken(2, 2, first=5, last=8),
    "Imported 1 task (1) (new list for ada)": Taken(1, 1, first=1, last=1),
    "Imported 2 tasks (5-6, instead of the numbers in the file)": Taken(
        2, 2, first=5, last=6, renumbered=True
    ),
    "Imported 0 tasks; 1,200 tasks already there": Taken(1200, 0, 1200),
    "Imported 0 tasks; 4 tasks already there, 4 of them in the trash "
    "(`todo restore 2,4-6` or `todo purge 2,4-6`)": (
        Taken(4, 0, 4, 4, trash=[2, 4, 5, 6])
    ),
    "Imported 0 tasks; 6 tasks already there, 6 of them in the trash": (
        Taken(6, 0, 6, 6, trash=[1, 3, 5, 7, 9, 11])
    ),
    "Imported 0 tasks; 1,001 tasks already there, 1,001 of them in the trash": (
        Taken(1001, 0, 1001, 1001, trash=range(1, 1001))
    ),
    "Imported 1 task (9); 3 tasks already there, 2 of them in the trash": (
        Taken(4, 1, 3, 2, first=9, last=9)
    ),
    "Imported 2 tasks (3-4); 2 recurrences and 1 label kept as text": Taken(
        2, 2, first=3, last=4, kept={"recurrence": 2, "label": 1}
    ),
    "Imported 1 task (3); 1 label kept as text; 2 components left out": Taken(
        1, 1, first=3, last=3, kept={"label": 1}, left_out={"component": 2}
    ),
}
"""What an import did, and how it says so."""


@pytest.mark.spec("002/FR-230", "002/FR-231")
@pytest.mark.parametrize("message", TAKEN)
def test_taken_counts_what_was_added_and_what_was_there(message: str) -> None:
    sheet = taken(TAKEN[message], context())
    trial = taken(TAKEN[message], context(is_trial=True))

    assert (sheet.message, list(sheet.lines)) == (message, [message])
    assert trial.message == message.replace("Imported", "Would import")
    assert "undo" not in trial.hint


@pytest.mark.spec("002/FR-230")
def test_taken_says_where_a_list_begins_and_how_to_take_it_back() -> None:
    result = Taken(1, 1, 0, 0, 12, first=1, last=1, kept={"label": 1})
    sheet = taken(result, context(is_new_store=True, by_flag=True))

    assert sheet.message == (
        "Imported 1 task (1) (new list in db.example/shop); "
        "1 label kept as text"
    )
    assert sheet.hint == "`todo --user ada undo` takes that back"
    assert sheet.data == {
        "added": 1,
        "present": 0,
        "operation": 12,
        "kept_as_text": {"label": 1},
        "left_out": {},
        "renumbered": False,
    }
    in_trash = taken(Taken(2, 0, 2, 1, trash=[4]), context()).hint
    assert in_trash.startswith("`todo list --status trash` shows them")
    named = taken(Taken(1, 0, 1, 1, trash=[4]), context(by_flag=True))
    assert named.hint == ""
    assert "`todo --user ada restore 4`" in named.message
    assert taken(Taken(1, 0, 1), context()).hint == ""


@pytest.mark.spec("002/FR-236", "002/FR-238")
def test_exported_names_the_file_and_what_was_left_out() -> None:
    file = exported(
        Exported("a.txt", "/home/ada/a.txt", 1_200, {"version": 2}), context()
    )
    stream = exported(Exported(None, "", 3, {}), context())

    assert file.lines == ["Exported 1,200 tasks to a.txt"]
    assert file.aside == "Left out: 2 versions"
    assert file.data == {
        "path": "/home/ada/a.txt",
        "tasks": 1_200,
        "left_out": {"version": 2},
    }
    assert (stream.message, list(stream.lines), stream.aside) == ("", [], "")


@pytest.mark.spec("002/FR-019")
def test_added_says_how_a_task_in_the_trash_comes_back() -> None:
    found = Added(task(3, deleted_at=NOW), is_new=False)
    said = "Already there, in the trash, as 3: Buy milk"
    for sheet in (added(found, context()), added_all([found], context())):
        assert sheet.lines == [f"{said} (see `todo restore 3`)"]
    assert added(found, context()).message == said


def test_deleted_says_how_tasks_come_back() -> None:
    def hint(*tasks: Task, **there: Any) -> str:
        return deleted(tasks, context(**there), is_single=False).hint

    assert hint(task(3)) == "`todo restore 3` brings it back"
    assert hint(task(3), by_flag=True) == (
        "`todo --user ada restore 3` brings it back"
    )
    assert hint(task(3), task(4)) == "`todo restore 3 4` brings them back"
    many = [task(number) for number in range(1, 7)]
    assert hint(*many) == "`todo undo` takes that back"
    assert hint(task(3), is_trial=True) == ""


UNDONE: list[tuple[Undone, str, list[str]]] = [
    (
        Undone(9, 7, "done", [task(1)]),
        "Undid 7 (done): 1: Buy milk",
        ["Undid 7 (done): 1: Buy milk"],
    ),
    (
        Undone(9, 7, "add", [task(1, deleted_at=NOW), task(2)]),
        "Undid 7 (add): 2 tasks",
        [
            "Undid 7 (add): 1: Buy milk (in the trash)",
            "Undid 7 (add): 2: Buy milk",
        ],
    ),
    (
        Undone(9, 7, "done", [task(1)], (4, 5)),
        "Undid 7 (done): 1: Buy milk, without 4, 5, purged since",
        [
            "Undid 7 (done): 1: Buy milk",
            "Undid 7 (done): without 4, 5, purged since",
        ],
    ),
    (
        Undone(9, 7, "done", [], tuple(range(1, 13))),
        "Undid 7 (done): 0 tasks, without 1, 2, 3, 4, 5, 6, 7, 8, 9, 10"
        " and more, purged since",
        [
            "Undid 7 (done): without 1, 2, 3, 4, 5, 6, 7, 8, 9, 10"
            " and more, purged since"
        ],
    ),
    (
        Undone(9, 7, "done", [], is_new=False),
        "Already undone 7 (done)",
        ["Already undone 7 (done)"],
    ),
]


@pytest.mark.spec("002/FR-222")
@pytest.mark.parametrize(("result", "message", "lines"), UNDONE, ids=repr)
def test_undone_names_the_operation_and_its_tasks(
    result: Undone, message: str, lines: list[str]
) -> None:
    sheet = undone(result, context())

    assert (sheet.message, sheet.lines) == (message, lines)
    assert sheet.data == {
        "operation": 9,
        "undoes": 7,
        "tasks": result.tasks,
    }


@pytest.mark.spec("002/FR-222", "002/FR-223", "002/FR-225")
def test_undone_and_redone_say_what_would_happen() -> None:
    trial = context(is_trial=True)
    again = Undone(10, 9, "done", [task(1)], redoes=7)
    undo = Undone(9, 7, "done", [task(1)])
    old = Undone(9, 7, "done", [], is_new=False)

    assert redone(again, context()).message == "Redid 7 (done): 1: Buy milk"
    assert redone(again, context()).data["undoes"] == 9
    assert redone(again, trial).message == "Would redo 7 (done): 1: Buy milk"
    assert undone(undo, trial).message == "Would undo 7 (done): 1: Buy milk"
    assert undone(old, trial).message == (
        "Would change nothing: already undone 7 (done)"
    )


UNDERSTOOD: dict[str, tuple[Task, list[str]]] = {
    "": (task(priority="high"), []),
    " (due today)": (task(due_on=TODAY), ["due_on"]),
    " (no due day)": (task(), ["due_on"]),
    " (waits until tomorrow)": (task(wait_until=TODAY + DAY), ["wait_until"]),
    " (no wait)": (task(), ["wait_until"]),
    " (low)": (task(priority="low"), ["priority"]),
    " (no priority)": (task(), ["priority"]),
    " (home)": (task(project="home", tags=["a"]), ["project"]),
    " (#a #b)": (task(project="home", tags=["a", "b"]), ["tags"]),
    " (home #a)": (task(project="home", tags=["a"]), ["tags", "project"]),
    " (no project, #a)": (task(tags=["a"]), ["project", "tags"]),
    " (no tags)": (task(), ["tags"]),
    " (home no tags)": (task(project="home"), ["project", "tags"]),
    " (no project, no tags)": (task(), ["project", "tags"]),
    " (notes, done)": (done(description="a"), ["completed", "description"]),
    " (no notes, open)": (task(), ["description", "completed"]),
}


def test_understood_says_the_new_values_of_fields() -> None:
    found = {
        words: understood(one, names, context())
        for words, (one, names) in UNDERSTOOD.items()
    }

    assert found == {words: words for words in UNDERSTOOD}


@pytest.mark.spec("002/FR-056")
def test_added_says_how_its_fields_were_understood() -> None:
    one = task(
        12,
        "Pay rent",
        due_on=TODAY + 3 * DAY,
        priority="high",
        project="home.kitchen",
        tags=["errand"],
    )
    said = "12: Pay rent (due Mon 5 Jan, high, home.kitchen #errand)"

    assert added(Added(one, is_new=True), context()).message == f"Added {said}"
    changed = Changed(words.UPDATED, is_single=True, names=["due_on"])
    assert changed([one], context()).message == (
        "Updated 12: Pay rent (due Mon 5 Jan)"
    )


HABITS = {
    "Buy milk": "",
    "C++ and C# and 5 #": "",
    "Call +1 555": "",
    "+home": "`+home` is part of the title; see --tag",
    "Due:fri #a": "`Due:fri` and `#a` are part of the title; see --due and --tag",
    "x project:a.b pri:H": (
        "`project:a.b` and `pri:H` are part of the title;"
        " see --project and --priority"
    ),
    "http://x.org/#a": "",
}


def test_habits_name_the_option_for_what_other_programs_read() -> None:
    assert {title: habits(title) for title in HABITS} == HABITS


def test_upgraded_says_which_schema_is_there() -> None:
    line = "The schema in db.example/shop is up to date (0001)"
    for is_new, note in (
        (False, ""),
        (True, " (new list in db.example/shop)"),
    ):
        for kind, said in (
            ("fts5", "Words are found by an index (fts5)"),
            ("none", "Words are found without an index, which takes longer"),
        ):
            result = Upgraded("0001", kind)
            sheet = upgraded(result, context(is_new_store=is_new))

            assert (sheet.message, sheet.lines) == (line, [line + note, said])
            assert sheet.data == {
                "version": "0001",
                "created": is_new,
                "word_index": kind,
            }


def test_script_returns_sql_as_it_is() -> None:
    sheet = script("BEGIN;\n\nCOMMIT; -- X \n\n", context())

    assert sheet.data == {"sql": "BEGIN;\n\nCOMMIT; -- X \n\n"}
    assert sheet.lines == ["BEGIN;", "", "COMMIT; -- X "]
    assert (sheet.message, sheet.fault) == (
        "The SQL for db.example/shop",
        None,
    )


IMPORTS = {
    "Imported 1 task of 1 user": Imported(tasks=1, users=1, new=1),
    "Imported 0 tasks of 0 users": Imported(tasks=0, users=0, new=0),
    "Imported 1 task of 1 user; 2 tasks already there": Imported(3, 1, 1),
    "Imported 1 task of 1 user (new list for bob)": Imported(
        1, 1, 1, ("bob",)
    ),
    "Imported 2 tasks of 3 users; 2 tasks already there (new lists for bob, eve)": (
        Imported(4, 3, 2, ("bob", "eve"))
    ),
    "Imported 6 tasks of 6 users (new lists for a, b, c, d, e and 1 more)": (
        Imported(6, 6, 6, tuple("abcdef"))
    ),
}


def test_imported_says_how_much_was_copied() -> None:
    for message, result in IMPORTS.items():
        sheet, new = (
            imported(result, context(is_new_store=is_new))
            for is_new in (False, True)
        )
        counts = {
            "tasks": result.tasks,
            "users": result.users,
            "new": result.new,
            "added": result.new,
            "present": result.tasks - result.new,
            "kept_as_text": {},
            "left_out": {},
            "owners": [],
            "renumbered": [],
            "operation": None,
            "history_left": [],
        }

        assert (sheet.message, sheet.lines, sheet.data) == (
            message,
            [message],
            counts,
        )
        assert (
            new.message
            == f"{message.split(' (')[0]} (new list in db.example/shop)"
        )


def test_backed_up_says_how_much_of_whom_and_where() -> None:
    path = Path("/home/ada/b.db")
    sheets = [
        backed_up(BackedUp(path, 1_234, 2, None)),
        backed_up(BackedUp(path, 1, 1, "ada")),
    ]

    assert [sheet.message for sheet in sheets] == [
        "Backed up 1,234 tasks of 2 users to /home/ada/b.db",
        "Backed up 1 task of ada to /home/ada/b.db",
    ]
    assert [sheet.lines for sheet in sheets] == [
        [sheet.message] for sheet in sheets
    ]
    assert sheets[0].data == {"path": str(path), "tasks": 1_234, "users": 2}


def test_purge_question_names_ten_tasks_at_most() -> None:
    few = purge_question([task(number) for number in (1, 2)])
    many = purge_question([task(number) for number in range(1, 1_235)])

    assert few == [
        "  1: Buy milk",
        "  2: Buy milk",
        "Purge 2 tasks for good? [y/N] ",
    ]
    assert many[9:] == [
        "  10: Buy milk",
        "  and 1,224 more",
        "Purge 1,234 tasks for good? [y/N] ",
    ]


@pytest.mark.spec("002/FR-480")
@pytest.mark.parametrize(
    ("data", "numbers"),
    [
        (task(7), ["7"]),
        ([task(7), task(3)], ["7", "3"]),
        ({"operation": 4, "undoes": 3, "tasks": [task(5)]}, ["5"]),
        ([], []),
    ],
    ids=["a task", "tasks", "an undo", "nothing"],
)
def test_numbers_alone_are_those_of_the_data(
    data: object, numbers: list[str]
) -> None:
    whole = Sheet(data, "Done", ["line"], hint="more", aside="beside")
    sheet = only_numbers(whole)

    assert (sheet.lines, sheet.hint, sheet.aside) == (numbers, "", "beside")
    assert (sheet.data, sheet.message) == (data, "Done")


def test_numbers_alone_of_a_history_are_those_of_its_operations() -> None:
    sheet = history(
        HistoryPage([operation(4, "add"), operation(2, "add")]), context()
    )

    assert only_numbers(sheet).lines == ["4", "2"]


def test_the_script_of_a_shell_is_shown_as_it_is() -> None:
    sheet = completion("bash", "one\n  two\n")

    assert sheet.lines == ["one", "  two"]
    assert sheet.data == {"shell": "bash", "script": "one\n  two\n"}
