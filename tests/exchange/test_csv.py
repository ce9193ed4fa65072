"""CSV: our own table and any other with a header, whose columns are found by name."""

import csv
import io
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from tests.exchange.support import (
    ADA,
    NOW,
    faults_of,
    in_zone,
    kept_of,
    read_all,
    tasks_of,
    write_all,
)
from todo_cli.errors import InvalidInput
from todo_cli.exchange.csv_file import looks_like
from todo_cli.exchange.source import LONGEST
from todo_cli.task import Task

ID = UUID("6f9619ff-8b86-4d01-b42d-00cf4fc964ff")
ONE = Task(
    ID,
    1,
    "ada",
    '=cmd|"/c calc"!A1',
    "+a\n\t'b",
    True,
    NOW,
    NOW,
    NOW,
    date(2026, 12, 24),
    date(2026, 12, 1),
    "high",
    "-x.y",
    ["@home", "z"],
    3,
    NOW,
)
TWO = Task(UUID(int=2), 2, "ada", "two", None, False, NOW, NOW, None)
HEADER = ",".join(Task.__slots__)
BERLIN = in_zone(ZoneInfo("Europe/Berlin"))


def one(text: str, **how: Any) -> Task:
    [task] = tasks_of("csv", text.encode(), **how)
    return task


def kept(text: str, **how: Any) -> dict[str, int]:
    return kept_of(read_all("csv", text.encode(), **how))


def faults(text: str) -> list[str]:
    return faults_of("csv", text.encode())


def refusal(text: str, **columns: str) -> InvalidInput:
    with pytest.raises(InvalidInput) as raised:
        read_all("csv", text.encode(), columns)
    return raised.value


# Ours


@pytest.mark.spec("002/FR-282")
def test_writes_a_table_as_rfc_4180_has_it() -> None:
    written = write_all("csv", [ONE, TWO]).decode()

    assert written.startswith(f"{HEADER}\r\n")
    rows = [*csv.DictReader(io.StringIO(written, newline=""))]
    assert written.count("\r\n") == len(rows) + 1
    assert rows[0] == {
        "id": str(ID),
        "number": "1",
        "user_id": "ada",
        "title": '\'=cmd|"/c calc"!A1',
        "description": "'+a\n\t'b",
        "completed": "true",
        "created_at": "2026-11-26T10:30:00.000000Z",
        "updated_at": "2026-11-26T10:30:00.000000Z",
        "completed_at": "2026-11-26T10:30:00.000000Z",
        "due_on": "2026-12-24",
        "wait_until": "2026-12-01",
        "priority": "high",
        "project": "'-x.y",
        "tags": "'@home,z",
        "version": "3",
        "deleted_at": "2026-11-26T10:30:00.000000Z",
    }
    assert [
        rows[1][name] for name in ("description", "tags", "completed")
    ] == [
        "",
        "",
        "false",
    ]


@pytest.mark.spec("002/FR-282")
@pytest.mark.parametrize("first", ["=", "+", "-", "@", "\t", "\r", "'"])
def test_no_cell_begins_like_a_formula(first: str) -> None:
    task = Task(ID, 1, "ada", "x", f"{first}1", False, NOW, NOW, None)

    written = write_all("csv", [task]).decode()

    _, row = csv.reader(io.StringIO(written, newline=""))
    assert row[4] == f"'{first}1"


@pytest.mark.spec("002/FR-282")
@pytest.mark.parametrize(
    "title", ["'", "''", "'=1", "''=1", "'x", "=1", "x'", '"', "'\"", ","]
)
def test_guard_is_taken_off_again(title: str) -> None:
    task = Task(ID, 1, "ada", title, None, False, NOW, NOW, None)

    assert tasks_of("csv", write_all("csv", [task])) == [task]


def test_text_that_no_store_holds_is_written_as_an_escape() -> None:
    task = Task(ID, 1, "ada", "a\ud800", None, False, NOW, NOW, None)

    assert b"a\\ud800" in write_all("csv", [task])


@pytest.mark.spec("002/FR-282")
def test_our_table_is_read_with_line_feeds_other_separators_and_order() -> (
    None
):
    written = write_all("csv", [ONE, TWO]).decode()
    rows = [*csv.reader(io.StringIO(written, newline=""))]
    turned = [row[::-1] for row in rows]

    for separator, end in ((";", "\n"), ("\t", "\r\n"), (",", "\r")):
        text = io.StringIO()
        csv.writer(
            text,
            delimiter=separator,
            lineterminator=end,
            quoting=csv.QUOTE_ALL,
        ).writerows(turned)
        assert tasks_of("csv", text.getvalue().encode()) == [ONE, TWO]


@pytest.mark.spec("002/FR-282")
def test_cells_of_ours_that_a_spreadsheet_changed_are_faults_or_the_same() -> (
    None
):
    row = [
        "",
        "",
        "",
        "x",
        "",
        "TRUE",
        "",
        "",
        "",
        "",
        "",
        "",
        "",
        "a,b",
        "",
        "",
    ]
    good = ",".join(f'"{cell}"' for cell in row)
    assert one(f"{HEADER}\n{good}\n").tags == ["a", "b"]

    for name, cell, message in (
        ("number", "1.0", "number: must be an integer from 1 to 2147483647"),
        ("number", "²", "number: must be an integer from 1 to 2147483647"),
        (
            "number",
            "9" * 5000,
            "number: must be an integer from 1 to 2147483647",
        ),
        ("version", "-1", "version: must be an integer from 1 to 2146483647"),
        ("completed", "1", "completed: must be true or false"),
        ("id", "7", "id: must be a UUID of 36 characters"),
        ("due_on", "24.12.2026", "due_on: must be a day such as 2026-12-24"),
        (
            "created_at",
            "2026-01-02",
            "created_at: must be a time such as 2026-01-02T03:04:05.000000Z",
        ),
        ("priority", "High", "priority: must be high, medium or low"),
        (
            "project",
            "a..b",
            "project: must not have an empty part, as in `home.kitchen`",
        ),
        ("tags", "a b", "tags: a tag must not contain white space or a comma"),
        ("tags", "a,,b", "tags: must not be empty"),
        ("title", "", "title: is missing"),
        ("title", "x" * 201, "title: has 201 characters, 200 are allowed"),
    ):
        changed = [*row]
        changed[Task.__slots__.index(name)] = cell
        text = ",".join(f'"{cell}"' for cell in changed)
        assert faults(f"{HEADER}\n{text}\n") == [f"line 2: {message}"]


@pytest.mark.spec("002/FR-282")
def test_column_that_somebody_added_to_ours_is_kept_as_text() -> None:
    text = f"{HEADER},Colour\n" + "," * 3 + "x" + "," * 13 + "'=red\n"

    found = one(text)

    assert found.description == "Colour: =red"
    assert kept(text) == {"column": 1}


def test_ids_of_ours_without_one_are_made_of_the_row() -> None:
    row = "," * 3 + "x" + "," * 12
    first, second = tasks_of("csv", f"{HEADER}\n{row}\n{row}\n".encode())

    assert first.id != second.id
    assert first.number == second.number == 0


def test_header_of_ours_is_clear() -> None:
    assert (
        refusal(f"{HEADER},id\n").message == "id: is the name of two columns"
    )
    assert refusal(f"{HEADER}\n", title="id").message == (
        "map: is not for the columns of `todo export`"
    )


@pytest.mark.spec("002/FR-282")
@pytest.mark.parametrize("end", ["", "\n", "\r", "\r\n"])
def test_table_of_ours_needs_no_end(end: str) -> None:
    """Google Sheets writes the last row without one."""
    text = write_all("csv", [TWO, ONE]).decode().removesuffix("\r\n")

    assert tasks_of("csv", f"{text}{end}".encode()) == [TWO, ONE]


@pytest.mark.spec("002/FR-282")
def test_no_cut_makes_an_import_shorter() -> None:
    whole = write_all("csv", [ONE, TWO, ONE]).decode()
    ends = [0]
    for task in ([ONE], [ONE, TWO], [ONE, TWO, ONE]):
        ends.append(len(write_all("csv", task).decode()))
    # A last row needs no line end.
    whole_rows = {end - cut for end in ends[1:] for cut in (0, 1, 2)}
    # The last cell can be empty: nobody sees that it was cut off.
    last_cell = len("2026-11-26T10:30:00.000000Z\r\n")
    whole_rows |= {end - last_cell for end in (ends[1], ends[3])}
    header = len(HEADER)

    for length in range(header, len(whole) + 1):
        found = read_all("csv", whole[:length].encode())
        good = [each.task for each in found if each.task]
        is_whole = length in whole_rows or length <= header + 2
        assert (len(good) == len(found)) == is_whole, whole[:length]


# Rows


def test_lines_are_those_of_the_file() -> None:
    text = 'title,notes\n\n"a\nb",\n\n,,\nc,"d\n\n\ne"\nf,\n'

    found = read_all("csv", text.encode())

    assert [each.place for each in found] == ["line 3", "line 7", "line 11"]


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ("a,b,c\nx,y\n", ["line 2: has 3 cells, the header has 2"]),
        ("a,b,,,\nx,y\n", []),
        ("a\nx,y\n", []),
        (
            "a,b\nx",
            ["line 3: has 1 of 2 cells: the file may be cut off"],
        ),
        ('a,"b', ["line 2: is cut off: a quoted cell has no end"]),
        ('a,"b\nx,y\n', ["line 2: is cut off: a quoted cell has no end"]),
        (
            '"a"b,c\nx,y\n\x00,\n',
            [
                "line 2: has characters after the end of a quoted cell",
                "line 4: title: must not contain the character U+0000 (position 1)",
            ],
        ),
        (
            '"a\n"b,c\n\x00,y\n',
            ["line 2: has characters after the end of a quoted cell"],
        ),
        (
            "a," + "x" * 140_000 + "\n\x00,y\n",
            [
                "line 2: has a cell that is too long, or whose quotes have no end",
                "line 3: title: must not contain the character U+0000 (position 1)",
            ],
        ),
        (
            'a,"' + "x\n" * 70_000,
            [
                "line 2: has a cell that is too long, or whose quotes have no end"
            ],
        ),
        (
            "a,\x1b\n",
            [
                "line 2: description: must not contain the character U+001B (position 1)"
            ],
        ),
        (
            "x\x1c,\n",
            [
                "line 2: title: must not contain the character U+001C (position 2)"
            ],
        ),
        (
            "x,\x1fy\n",
            [
                "line 2: description: must not contain the character U+001F (position 1)"
            ],
        ),
        (
            "\u202e,\n",
            [
                "line 2: title: must not contain the character U+202E (position 1)"
            ],
        ),
        (",only notes\n", ["line 2: title: is missing"]),
    ],
)
def test_what_is_no_row_is_a_fault_with_its_line(
    rows: str, expected: list[str]
) -> None:
    assert faults(f"title,notes\n{rows}") == expected


def test_other_faults_of_the_reader_keep_its_words() -> None:
    from todo_cli.exchange.csv_file import _words

    assert _words(csv.Error("odd")) == "is no row: odd"


@pytest.mark.parametrize("text", ["", "\n\n", ",,\n", "\ufeff"])
def test_file_without_a_header_is_refused(text: str) -> None:
    assert refusal(text).message == "header: tasks.file is empty"


def test_header_that_is_no_row_is_refused() -> None:
    assert refusal('"title').message == (
        "line 1: is cut off: a quoted cell has no end"
    )


def test_row_of_many_lines_has_an_end() -> None:
    row = '"' + "x" * 100_000 + '\n",'
    text = "title\n" + row * (LONGEST // 100_000 + 1)

    assert (
        "ends a row of more than 4,194,304 characters" in refusal(text).message
    )


def test_header_alone_has_no_tasks() -> None:
    assert tasks_of("csv", b"title,notes") == []


# Columns of other programs


@pytest.mark.spec("002/FR-283")
@pytest.mark.parametrize(
    ("name", "cell", "field", "value"),
    [
        ("Subject", "x", "title", "x"),
        ("NAME", "x", "title", "x"),
        ("Task", "x", "title", "x"),
        ("task_name", "x", "title", "x"),
        ("Summary", "x", "title", "x"),
        ("Notes", "a", "description", "a"),
        ("Details", "a", "description", "a"),
        ("Due", "2026-12-24", "due_on", date(2026, 12, 24)),
        ("Due Date", "2026/12/24", "due_on", date(2026, 12, 24)),
        ("due_date", "24.12.2026", "due_on", date(2026, 12, 24)),
        ("Deadline", "12/24/2026", "due_on", date(2026, 12, 24)),
        ("Deadline", "24/12/2026", "due_on", date(2026, 12, 24)),
        ("Deadline", "4/4/2026", "due_on", date(2026, 4, 4)),
        ("Deadline", "24-12-2026", "due_on", date(2026, 12, 24)),
        ("due-on", "2026-12-24 00:00", "due_on", date(2026, 12, 24)),
        ("due_on", "12/24/2026 12:00 AM", "due_on", date(2026, 12, 24)),
        ("Start", "2026-12-24", "wait_until", date(2026, 12, 24)),
        ("Start date", "2026-12-24", "wait_until", date(2026, 12, 24)),
        ("Priority", "HIGH", "priority", "high"),
        ("Priority", "m", "priority", "medium"),
        ("Priority", "Normal", "priority", "medium"),
        ("Project", "a.b", "project", "a.b"),
        ("List", "Shopping list", "project", "Shopping list"),
        ("Tags", "b, a;c", "tags", ["a", "b", "c"]),
        ("Labels", "b,,b", "tags", ["b"]),
        ("Done", "x", "completed", True),
        ("Completed", "TRUE", "completed", True),
        ("Status", "Done", "completed", True),
        ("Status", "[x]", "completed", True),
        ("Status", "Not Started", "completed", False),
        ("Status", "To do", "completed", False),
        ("Done", "0", "completed", False),
        ("Done", "", "completed", False),
        (
            "Completed",
            "2026-01-02",
            "completed_at",
            datetime(2026, 1, 1, 23, tzinfo=UTC),
        ),
        (
            "Completed at",
            "2026-07-02 10:00",
            "completed_at",
            datetime(2026, 7, 2, 8, tzinfo=UTC),
        ),
        (
            "Created",
            "2026-07-02",
            "created_at",
            datetime(2026, 7, 1, 22, tzinfo=UTC),
        ),
        (
            "Created",
            "2026-07-02T10:00:00Z",
            "created_at",
            datetime(2026, 7, 2, 10, tzinfo=UTC),
        ),
        (
            "Created",
            "2026-07-02 10:00:00.5+00:00",
            "created_at",
            datetime(2026, 7, 2, 10, 0, 0, 500_000, tzinfo=UTC),
        ),
        (
            "Created at",
            "2/13/2026 1:05:06 PM",
            "created_at",
            datetime(2026, 2, 13, 12, 5, 6, tzinfo=UTC),
        ),
        (
            "Modified",
            "2026-07-02",
            "updated_at",
            datetime(2026, 7, 1, 22, tzinfo=UTC),
        ),
        (
            "deleted_at",
            "2026-07-02",
            "deleted_at",
            datetime(2026, 7, 1, 22, tzinfo=UTC),
        ),
        ("uuid", str(ID), "id", ID),
    ],
)
def test_columns_are_found_by_name(
    name: str, cell: str, field: str, value: Any
) -> None:
    title = "" if field == "title" else "title;"
    row = "" if field == "title" else "x;"
    text = f'{title}{name};other\n{row}"{cell}";\n'

    found = one(text, setting=BERLIN)

    assert getattr(found, field) == value
    assert kept(text, setting=BERLIN) == {}
    if field == "completed_at":
        assert found.completed


@pytest.mark.spec("002/FR-283")
@pytest.mark.parametrize(
    ("name", "cell", "kind"),
    [
        ("Due", "3/4/2026", "day"),
        ("Due", "3-4-2026", "day"),
        ("Due", "12/24/26", "day"),
        ("Due", "next week", "day"),
        ("Due", "2026-02-30", "day"),
        ("Due", "0000-01-01", "day"),
        ("Due", "0001-01-01", "day"),
        ("Due", "9999-12-31", "day"),
        ("Due", "10000-01-01", "day"),
        ("Due", "2026-01-02 25:00", "day"),
        ("Due", "2026-01-02 10:61", "day"),
        ("Due", "2026-01-02 13:00 PM", "day"),
        ("Due", "2026-01-02 0:00 PM", "day"),
        ("Due", "2026-13-02", "day"),
        ("Due", "2026-01-02 10:00", "time of day"),
        ("Due", "2026-01-02T10:00:00Z", "time of day"),
        ("Start", "1/13/2026 12:00 PM", "time of day"),
        ("Created", "yesterday", "time"),
        ("Created", "0001-01-01", "time"),
        ("Created", "9999-12-31 10:00", "time"),
        ("Created", "1900-01-01", "time"),
        ("Completed at", "soon", "time"),
        ("Priority", "1", "priority"),
        ("Priority", "urgent", "priority"),
        ("Project", "a..b", "project"),
        ("Project", "none", "project"),
        ("Labels", "to buy", "label"),
        ("Status", "in progress", "status"),
        ("id", "17", "column"),
        ("Colour", "red", "column"),
        ("number", "17", "column"),
    ],
)
def test_what_has_no_field_is_kept_as_text(
    name: str, cell: str, kind: str
) -> None:
    text = f"title,{name}\nx,{cell}\n"

    found = one(text, setting=BERLIN)

    assert found.description == f"{name}: {cell}"
    assert kept(text, setting=BERLIN) == {kind: 1}


def test_a_column_without_a_name_is_called_by_its_place() -> None:
    """As of jetlog#34, where a column has no name."""
    assert one(",title, \n1,x,2\n").description == "column 1: 1\ncolumn 3: 2"


@pytest.mark.spec("002/FR-283")
def test_time_of_day_keeps_the_day() -> None:
    assert one("title,due\nx,2026-01-02 10:00\n").due_on == date(2026, 1, 2)


def test_time_in_another_zone_is_a_day_of_the_caller() -> None:
    text = "title,due\nx,2026-07-01T22:00:00Z\n"

    assert one(text, setting=BERLIN).due_on == date(2026, 7, 2)
    assert kept(text, setting=BERLIN) == {}


@pytest.mark.spec("002/FR-283")
@pytest.mark.parametrize(
    ("cells", "days"),
    [
        (["3/4/2026", "3/13/2026"], [date(2026, 3, 4), date(2026, 3, 13)]),
        (["3/4/2026", "13/3/2026"], [date(2026, 4, 3), date(2026, 3, 13)]),
        (
            ["3/4/2026", "", "13-3-2026 10:00"],
            [date(2026, 4, 3), None, date(2026, 3, 13)],
        ),
        (
            ["3/4/2026", "1.13.2026", "2026/3/13"],
            [None, None, date(2026, 3, 13)],
        ),
        (
            ["3/4/2026", "13/3/2026", "3/13/2026"],
            [None, date(2026, 3, 13), date(2026, 3, 13)],
        ),
    ],
)
def test_day_or_month_first_is_decided_by_the_column(
    cells: list[str], days: list[date | None]
) -> None:
    rows = "".join(f"x,{cell}\n" for cell in cells)

    found = tasks_of("csv", f"title,due\n{rows}y,\n".encode())

    assert [task.due_on for task in found] == [*days, None]


def test_columns_decide_each_for_itself() -> None:
    found = tasks_of(
        "csv", b"title,due,start\nx,3/4/2026,3/4/2026\ny,3/13/2026\nz,\n"
    )

    assert found[0].due_on == date(2026, 3, 4)
    assert found[0].wait_until is None


def test_day_that_contradicts_the_beginning_of_a_file_is_kept_as_text() -> (
    None
):
    rows = "x,3/13/2026\n" * 10_000

    found = tasks_of(
        "csv", f"title,due\n{rows}y,13/3/2026\nz,3/4/2026\n".encode()
    )

    assert found[-2].due_on is None
    assert found[-2].description == "due: 13/3/2026"
    assert found[-1].due_on == date(2026, 3, 4)


def test_sample_that_cannot_be_read_decides_nothing() -> None:
    text = f'title,due\nx,3/4/2026\ny,"{"a" * 140_000}"\n'

    assert read_all("csv", text.encode())[0].task is not None
    assert len(faults(text)) == 1


def test_task_that_is_open_and_was_done_once_keeps_the_time_as_text() -> None:
    text = "title,status,completed at\nx,open,2026-01-02\n"

    found = one(text)

    assert not found.completed
    assert found.description == "completed_at: 2026-01-02T00:00:00.000000Z"
    assert kept(text) == {"time": 1}


@pytest.mark.spec("002/FR-283")
def test_first_of_several_names_wins_and_the_others_are_text() -> None:
    found = one("Name,Title,Labels,Labels,Tags\na,b,c,d,e\n")

    assert found.title == "b"
    assert found.description == "Name: a"
    assert found.tags == ["c", "d", "e"]


def test_long_title_is_cut_and_kept() -> None:
    found = one(f"title\n{'word ' * 50}\n")

    assert len(found.title) <= 200
    assert found.description == ("word " * 50).strip()


def test_guard_stays_where_the_header_is_not_ours() -> None:
    assert one("title\n'=1\n").title == "'=1"


def test_ids_are_made_of_the_cells() -> None:
    first, second, third = tasks_of("csv", b'title,due\nx,\nx,\n"x",\n')

    assert len({first.id, second.id, third.id}) == 3
    again = tasks_of("csv", b"title;due\r\nx;\r\nx;\r\nx;\r\n")
    assert [task.id for task in again] == [first.id, second.id, third.id]


@pytest.mark.spec("002/FR-282")
@pytest.mark.parametrize(
    "text",
    [
        "title;notes\nx;a,b\n",
        "title\tnotes\nx\ta,b\n",
        'title,notes\nx,"a,b"\n',
        '"title","notes"\n"x","a,b"\n',
        'sep=;\ntitle;notes\nx;"a,b"\n',
        "SEP=|\r\ntitle|notes\r\nx|a,b\r\n",
        '"ti;t;le",title,notes\n,x,"a,b"\n',
    ],
)
def test_separator_is_found(text: str) -> None:
    found = one(text)

    assert (found.title, found.description) == ("x", "a,b")


@pytest.mark.spec("002/FR-283")
@pytest.mark.parametrize(
    "header",
    [
        "Done?,Due:,Task *,[Tags],Priority!",
        "(Done),*Due*,Task.,Tags…,<Priority>",
        "✅ Done,📅 Due,“Task”,Tags：,Priority?",
        "DONE ?,due -,_task_,'Tags',#1",
    ],
)
def test_punctuation_in_names_of_columns_does_not_count(header: str) -> None:
    assert looks_like(f"{header}\n")

    found = one(f"{header}\nyes,2026-12-24,Buy milk,shop,high\n")

    assert (found.title, found.completed) == ("Buy milk", True)
    assert (found.due_on, found.tags) == (date(2026, 12, 24), ["shop"])
    assert found.priority == ("high" if "Priority" in header else None)


@pytest.mark.spec("002/FR-283")
def test_signs_that_mean_something_count() -> None:
    found = one("Task #,Task name,Done %,Task №\n7,Buy milk,1,8\n")

    assert (found.title, found.completed) == ("Buy milk", False)
    assert found.description == "Task #: 7\nDone %: 1\nTask №: 8"


def test_name_without_punctuation_comes_first() -> None:
    found = one("Due:,Title?,title,Due\n2026-01-02,a,b,2026-12-24\n")

    assert (found.title, found.due_on) == ("b", date(2026, 12, 24))


@pytest.mark.spec("002/FR-283")
@pytest.mark.parametrize(
    "text",
    [
        "6f9619ff-8b86-4d01-b42d-00cf4fc964ff",
        "6F9619FF-8B86-4D01-B42D-00CF4FC964FF",
        "{6F9619FF-8B86-4D01-B42D-00CF4FC964FF}",
        "urn:uuid:6f9619ff-8b86-4d01-b42d-00cf4fc964ff",
        "6f9619ff8b864d01b42d00cf4fc964ff",
    ],
)
@pytest.mark.parametrize("name", ["id", "UUID", "Uuid:", "ID"])
def test_uuid_of_another_program_is_the_id(name: str, text: str) -> None:
    found = one(f"{name},Task\n{text},Buy milk\n")

    assert str(found.id) == "6f9619ff-8b86-4d01-b42d-00cf4fc964ff"
    assert found.description is None


@pytest.mark.parametrize(
    "text",
    [
        "17",
        "{6f9619ff-8b86-4d01-b42d-00cf4fc964ff",
        "6f9619ff-8b86-4d01-b42d-00cf4fc964ff}",
        "6f9619ff-8b864d01-b42d-00cf4fc964ff",
        "１" * 32,
    ],
)
def test_other_ids_are_text(text: str) -> None:
    assert one(f"id,Task\n{text},Buy milk\n").description == f"id: {text}"


# --map


@pytest.mark.spec("002/FR-283")
def test_map_names_columns_and_wins() -> None:
    text = "Title,What,When,Who\na,b,2026-12-24,c\n"

    found = one(
        text, columns={"title": "What", "due": "When", "Project": "who"}
    )

    assert found.title == "b"
    assert found.due_on == date(2026, 12, 24)
    assert found.project == "c"
    assert found.description == "Title: a"


def test_map_can_name_a_column_for_another_field() -> None:
    found = one("Title,Notes\na,b\n", columns={"title": "notes"})

    assert found.title == "b"
    assert found.description == "Title: a"


def test_map_can_make_tags_of_a_column_and_leaves_the_others() -> None:
    found = one(
        "title,labels,project\na,b,c\n",
        columns={"tags": "project", "description": "labels"},
    )

    assert (found.tags, found.description, found.project) == (["c"], "b", None)


def test_map_of_what_is_not_there_names_what_is() -> None:
    assert refusal("A,B\nx,y\n", title="C").message == (
        "map: there is no column `C`; there are `A`, `B`"
    )
    for column in ("-", "?", "🔥"):
        message = refusal("A,,!\nx,y,z\n", title=column).message
        assert message.startswith(f"map: there is no column `{column}`")
    assert refusal("A,B\nx,y\n", colour="A").message == (
        "map: `colour` is not a field of a task"
    )


@pytest.mark.spec("002/FR-231")
def test_ids_depend_on_what_the_map_changes() -> None:
    """So a file can be imported again with another map, after an undo."""

    def id_with(**columns: str) -> UUID:
        text = "Name,What,When,Notes\na,b,2026-12-24,c\n"
        return one(text, columns=columns).id

    plain = id_with()
    mapped = id_with(title="What", due_on="When")

    assert id_with(due_on="when", title="what") == mapped
    assert id_with(title="Name", description="notes") == plain
    different = [
        plain,
        mapped,
        id_with(title="What"),
        id_with(due_on="When"),
        id_with(wait_until="When"),
        id_with(title="What", description="Name"),
    ]
    assert len({*different}) == len(different)


def test_map_finds_the_exact_name_first() -> None:
    assert one("a b,A B\nx,y\n", columns={"title": "A B"}).title == "y"
    assert one("a?,A\nx,y\n", columns={"title": "a"}).title == "y"
    assert one("b,What *\nx,y\n", columns={"title": "what"}).title == "y"
    assert one("Was,?\nx,y\n", columns={"title": "?"}).title == "y"


@pytest.mark.spec("002/FR-283")
def test_table_without_a_title_says_how_to_name_it() -> None:
    error = refusal("Foo,Bar\nx,y\n")

    assert error.message == "No column is the title; there are `Foo`, `Bar`"
    assert error.hint == "--map title=Foo"
    assert refusal("Foo's?,Bar\nx,y\n").hint == ("--map 'title=Foo'\"'\"'s?'")
    assert [*error.details] == [
        {"field": "title", "message": "no column is the title"}
    ]
    assert "and more" in refusal(",".join("ABCDEFGHIJKL") + "\n").message


LONG = "n" * 41


@pytest.mark.parametrize(
    ("header", "hint"),
    [
        ("My task,x", "--map 'title=My task'"),
        ("$HOME,x", "--map 'title=$HOME'"),
        ("it's", "--map 'title=it'\"'\"'s'"),
        (",x", "--map title=x"),
        (" ,x", "--map title=x"),
        (f"{LONG},x", "--map title=x"),
        (LONG, "--map title=COLUMN"),
    ],
)
def test_the_hint_for_titles_can_be_run_by_a_shell(
    header: str, hint: str
) -> None:
    assert refusal(f"{header}\nx,y\n").hint == hint


def test_a_column_is_mapped_to_one_field_only() -> None:
    columns = {"title": "Subject", "description": "subject"}
    error = refusal("Subject,Notes\nx,y\n", **columns)
    assert "`subject` is mapped to two fields" in error.message


@pytest.mark.parametrize(
    ("head", "is_csv"),
    [
        ("Title,Notes\n", True),
        ("subject;due\r\nx;y", True),
        ("a\tName\rx\ty", True),
        (HEADER, True),
        ("title\n", False),
        ("Buy milk, eggs\n", False),
        ("", False),
        ('"title,x', False),
    ],
)
def test_first_line_shows_what_it_is(head: str, is_csv: bool) -> None:
    assert looks_like(head) == is_csv


def test_setting_decides_whose_tasks_they_are() -> None:
    assert one("title\nx\n", setting=ADA._replace(user="bob")).user_id == "bob"
