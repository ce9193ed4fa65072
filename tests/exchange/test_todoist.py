"""Todoist's CSV, as it exports a project."""

from datetime import date
from zoneinfo import ZoneInfo

import pytest

from tests.exchange.support import (
    ADA,
    Endless,
    faults_of,
    in_zone,
    kept_of,
    read_all,
    source_of,
    tasks_of,
)
from todo_cli.errors import InvalidInput
from todo_cli.exchange import todoist_file
from todo_cli.exchange.formats import recognise
from todo_cli.exchange.source import LONGEST
from todo_cli.task import Candidate, Task

HEADER = (
    "TYPE,CONTENT,DESCRIPTION,IS_COLLAPSED,PRIORITY,INDENT,AUTHOR,RESPONSIBLE,"
    "DATE,DATE_LANG,TIMEZONE,DURATION,DURATION_UNIT,DEADLINE,DEADLINE_LANG\n"
)


def _row(type: str, content: str, **cells: str) -> str:
    """A row of this type, with more cells."""
    values = {"TYPE": type, "CONTENT": content, **cells}
    names = HEADER.strip().split(",")
    quoted = [values.pop(name, "").replace('"', '""') for name in names]
    assert not values
    return ",".join(f'"{cell}"' for cell in quoted) + "\n"


def _file(*rows: str) -> bytes:
    """A file of these rows."""
    return (HEADER + "".join(rows)).encode()


def _candidate(**cells: str) -> Candidate:
    """What is read of one task, called A."""
    data = _file(_row("task", "A", **cells))
    [candidate] = read_all("todoist", data, setting=in_zone(BERLIN))
    return candidate


def _one(content: str, **cells: str) -> Task:
    """The only task of a file."""
    [task] = tasks_of("todoist", _file(_row("task", content, **cells)))
    return task


BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.spec("002/FR-288")
@pytest.mark.parametrize(
    ("text", "priority"),
    [("1", "high"), ("2", "medium"), ("3", "low"), ("4", None), ("", None)],
)
def test_priority_1_is_the_highest(text: str, priority: str | None) -> None:
    task = _one("A", PRIORITY=text)
    assert task.priority == priority
    assert task.description is None


@pytest.mark.spec("002/FR-288")
def test_labels_become_tags() -> None:
    task = _one("Mail  ada@example.org @work @two-b now @work")
    assert task.title == "Mail  ada@example.org now"
    assert task.tags == ["two-b", "work"]


@pytest.mark.parametrize(
    "content", ["@only", "@a @b", "call @", "mail @a,b", "see @none"]
)
def test_what_cannot_be_a_label_stays_in_the_title(content: str) -> None:
    task = _one(content)
    assert (task.title, task.tags) == (content, [])


def test_more_labels_than_tags_stay_in_the_title() -> None:
    labels = [f"@l{number}" for number in range(52)]
    task = _one(" ".join(["A", *labels]))
    assert task.title == "A @l50 @l51"
    assert len(task.tags) == 50


@pytest.mark.spec("002/FR-288")
@pytest.mark.parametrize(
    ("cells", "due", "description", "kept"),
    [
        ({"DATE": "2026-12-24", "DATE_LANG": "en"}, "2026-12-24", None, None),
        (
            {"DATE": "every monday", "DATE_LANG": "en"},
            None,
            "date: every monday (en)",
            "recurrence",
        ),
        ({"DATE": "ev! 3 days"}, None, "date: ev! 3 days", "recurrence"),
        ({"DATE": "after 2 weeks"}, None, "date: after 2 weeks", "recurrence"),
        ({"DATE": "everyone"}, None, "date: everyone", "day"),
        (
            {"DATE": "morgen", "DATE_LANG": "de", "TIMEZONE": "Europe/Berlin"},
            None,
            "date: morgen (de, Europe/Berlin)",
            "day",
        ),
        ({"DATE": "2026-02-30"}, None, "date: 2026-02-30", "day"),
        ({"DATE": "2026-02-30 10:00"}, None, "date: 2026-02-30 10:00", "day"),
        ({"DATE": "0000-01-01"}, None, "date: 0000-01-01", "day"),
        (
            {"DATE": "2026-12-24 15:00", "TIMEZONE": "Asia/Tokyo"},
            "2026-12-24",
            "date: 2026-12-24 15:00 (Asia/Tokyo)",
            "time of day",
        ),
        (
            {"DATE": "2026-12-24T23:30:00Z"},
            "2026-12-25",
            "date: 2026-12-24T23:30:00Z",
            "time of day",
        ),
        ({"DEADLINE": "2026-12-24"}, "2026-12-24", None, None),
        ({"DEADLINE": "soon"}, None, "deadline: soon", "deadline"),
        (
            {"DATE": "2026-12-01", "DEADLINE": "2026-12-24"},
            "2026-12-01",
            "deadline: 2026-12-24",
            "deadline",
        ),
        (
            {"DURATION": "30", "DURATION_UNIT": "minute"},
            None,
            "duration: 30 minute",
            "duration",
        ),
        ({"PRIORITY": "p1"}, None, "priority: p1", "priority"),
        ({"INDENT": "one"}, None, "INDENT: one", "column"),
        ({"AUTHOR": "Ada (1)"}, None, "author: Ada (1)", "author"),
        ({"RESPONSIBLE": "Bob"}, None, "responsible: Bob", "assignee"),
        ({"IS_COLLAPSED": "True"}, None, None, None),
    ],
)
def test_what_has_no_field_is_kept_as_text(
    cells: dict[str, str],
    due: str | None,
    description: str | None,
    kept: str | None,
) -> None:
    candidate = _candidate(**cells)
    assert candidate.task is not None, candidate.fault
    task = candidate.task
    assert task.due_on == (date.fromisoformat(due) if due else None)
    assert task.description == description
    assert candidate.kept == ({kept: 1} if kept else {})


@pytest.mark.spec("002/FR-288")
def test_a_whole_project() -> None:
    data = _file(
        "meta,view_style=board,,,,,,,,,,,,,\n",
        _row("note", "of the project"),
        _row("section", "Nothing"),
        _row("section", "Home"),
        _row("task", "Parent", INDENT="1", DESCRIPTION="Text\nof it"),
        _row("note", "First\ncomment", AUTHOR="Bob (2)", DATE="2026-08-20"),
        _row("note", "second"),
        ",,,,,,,,,,,,,,\n",
        _row("task", "Child @x", INDENT="2"),
        _row("task", "Grandchild", INDENT="3"),
        _row("task", "Sibling", INDENT="2"),
        _row("section", "a..b"),
        _row("task", "Other", INDENT="2"),
        _row("section", "Last"),
    )
    shown = [
        (task.title, task.project, task.description)
        for task in tasks_of("todoist", data)
    ]
    assert shown == [
        (
            "Parent",
            "Home",
            "Text\nof it\n\nof the project\nsection: Nothing\n"
            "2026-08-20 Bob (2): First\ncomment\nsecond",
        ),
        ("Child", "Home", "part of: Parent"),
        ("Grandchild", "Home", "part of: Child @x"),
        ("Sibling", "Home", "part of: Parent"),
        ("Other", None, "INDENT: 2\nsection: a..b\nsection: Last"),
    ]
    assert kept_of(read_all("todoist", data)) == {
        "note": 3,
        "section": 3,
        "parent": 3,
        "column": 1,
    }


@pytest.mark.spec("002/FR-288")
def test_no_cell_of_a_section_or_a_note_is_lost() -> None:
    """As of vikunja#2487, where the order of rows lost tasks."""
    data = _file(
        _row("note", "first", DESCRIPTION="of it", PRIORITY="4", INDENT="1"),
        _row("task", "A", INDENT="3"),
        _row("section", "Home", DESCRIPTION="at home", IS_COLLAPSED="true"),
        _row("task", "B", INDENT="0"),
        _row("task", "C"),
        _row("section", "Empty", DESCRIPTION="no task", PRIORITY="2"),
        _row("section", "", AUTHOR="Bob (2)"),
        _row("task", "D"),
        _row("section", "", AUTHOR="Eve (3)"),
    )
    shown = [
        (task.title, task.project, task.description)
        for task in tasks_of("todoist", data)
    ]
    assert shown == [
        ("A", None, "INDENT: 3\nfirst\nnote description: of it"),
        ("B", "Home", "INDENT: 0\nsection description: at home"),
        (
            "C",
            "Home",
            "section: Empty\nsection description: no task\n"
            "section priority: 2",
        ),
        ("D", None, "section author: Bob (2)\nsection author: Eve (3)"),
    ]
    assert kept_of(read_all("todoist", data)) == {
        "note": 1,
        "section": 1,
        "column": 8,
    }


@pytest.mark.parametrize("separator", [";", "\t"])
def test_older_and_other_headers(separator: str) -> None:
    text = (
        "TYPE,CONTENT,PRIORITY,INDENT,AUTHOR,RESPONSIBLE,DUE_DATE,DUE_DATE_LANG,,X\n"
        "task,A,1,1,,,2026-12-24,en,unnamed,more\n"
        "task,B\n"
    )
    data = text.replace(",", separator).replace("\n", "\r\n").encode()
    first, second = tasks_of("todoist", data)
    assert first.due_on == date(2026, 12, 24)
    assert first.description == "column 9: unnamed\nx: more"
    assert second.title == "B"


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        ("task,,,,4,1\n", "line 3: title: must not be empty"),
        ("odd,A\n", "line 3: TYPE: must be task, section or note"),
        (",A\n", "line 3: TYPE: must be task, section or note"),
        (
            "task,A" + "," * 14 + "x\n",
            "line 3: has 16 cells, the header has 15",
        ),
        ('task,"A\nB\n', "line 3: is cut off: a quoted cell has no end"),
        (
            'task,"A"B\n',
            "line 3: has characters after the end of a quoted cell",
        ),
        (
            f"task,{'x' * 200_000}\n",
            "line 3: has a cell that is too long, or whose quotes have no end",
        ),
        (
            "task,a\x00b\n",
            "line 3: title: must not contain the character U+0000",
        ),
        ("task,a\u202eb\n", "line 3: title: must not contain the character"),
    ],
)
def test_a_bad_row_is_a_fault_with_its_line(row: str, fault: str) -> None:
    good = _row("task", "A")
    [said] = faults_of("todoist", _file(good, row))
    assert said.startswith(fault)
    if "cut off" not in fault:
        places = [
            candidate.place
            for candidate in read_all("todoist", _file(good, row, good))
        ]
        assert places == ["line 2", "line 3", "line 4"]


@pytest.mark.spec("002/FR-288")
@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (b"title,notes\na,b\n", "line 1: must be the header TYPE,CONTENT"),
        (b"", "line 1: must be the header TYPE,CONTENT"),
        (_file("meta,x\n", _row("note", "x")), "tasks.file has no task"),
        (_file(_row("section", "Home")), "tasks.file has no task"),
        (
            b"TYPE,CONTENT,DATE,DUE_DATE\ntask,A\n",
            "line 1: has the column DATE twice",
        ),
    ],
)
def test_another_file_is_refused(data: bytes, fault: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        read_all("todoist", data)
    assert caught.value.message.startswith(fault)


@pytest.mark.spec("002/FR-288")
@pytest.mark.parametrize("rows", [[], ["meta,view_style=list\n"]])
def test_a_project_without_tasks_is_no_task(rows: list[str]) -> None:
    assert read_all("todoist", _file(*rows)) == []


@pytest.mark.spec("002/FR-233")
def test_a_last_row_that_is_cut_off_is_a_fault() -> None:
    whole = _file("task,A\n", "task,B,at ten")
    [said] = faults_of("todoist", whole)
    assert said == "line 3: has 3 of 15 cells: the file may be cut off"
    # A spreadsheet leaves out the end of the last line, but no cell.
    last = _row("task", "B").removesuffix("\n")
    assert len(tasks_of("todoist", _file("task,A\n", last))) == 2


@pytest.mark.parametrize("rest", [b'x","\n', b"x,"])
def test_a_row_without_an_end_is_refused_in_little_memory(rest: bytes) -> None:
    stream = Endless(_file('task,"'), rest, 10 * LONGEST)
    with pytest.raises(InvalidInput, match="more than 4,194,304"):
        list(todoist_file.read(source_of(stream), ADA, {}))
    assert stream.given < 3 * LONGEST


def test_too_many_notes_of_one_task_are_refused_in_little_memory() -> None:
    head = _file(_row("task", "A"))
    stream = Endless(head, b"note,%b\n" % (b"a comment " * 20), 10 * LONGEST)
    with pytest.raises(InvalidInput, match="more than 4,194,304"):
        list(todoist_file.read(source_of(stream), ADA, {}))
    assert stream.given < 3 * LONGEST


def test_a_repeat_makes_the_same_ids() -> None:
    row = _row("task", "A", PRIORITY="1")
    data = _file(row, row, _row("section", "S"), row)
    ids = [task.id for task in tasks_of("todoist", data)]
    assert [task.id for task in tasks_of("todoist", data)] == ids
    assert len({*ids}) == 3


def test_it_is_recognised_by_its_header() -> None:
    assert recognise("export.csv", HEADER).name == "todoist"
    assert todoist_file.looks_like('"TYPE";"CONTENT";')
    assert not todoist_file.looks_like("TYPE,CONTENTS,x\n")
