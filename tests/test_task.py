"""The shapes of a task, its times, and what the stores themselves refuse."""

import time
from dataclasses import FrozenInstanceError, dataclass, fields
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Annotated, Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.output.values import task
from tests.service.backdoor import REFUSALS, fetch_all, run_sql
from tests.support.stores import Store
from todo_cli.database.tables import TaskRow
from todo_cli.errors import InvalidInput
from todo_cli.service import TaskService
from todo_cli.task import (
    About,
    Added,
    Counts,
    NewTask,
    Sort,
    Task,
    TaskChange,
    TaskPage,
    TaskQuery,
    TaskStatus,
    about,
    format_instant,
)

NEW_YORK = timezone(timedelta(hours=-5))
NAIVE = datetime(2026, 1, 2, tzinfo=UTC).replace(tzinfo=None)
INSTANTS = st.datetimes(timezones=st.just(UTC))


@pytest.mark.spec("001/FR-001")
def test_task_public_has_the_fields_of_the_contract_in_its_order() -> None:
    assert [field.name for field in fields(Task)] == [
        "id",
        "number",
        "user_id",
        "title",
        "description",
        "completed",
        "created_at",
        "updated_at",
        "completed_at",
        "due_on",
        "wait_until",
        "priority",
        "project",
        "tags",
        "version",
        "deleted_at",
    ]


EMPTY = TaskPage([], Counts(), TaskQuery(TaskStatus.ALL), date(2026, 1, 2))


@pytest.mark.parametrize(
    "value",
    [Added(task(), True), EMPTY, EMPTY.counts, EMPTY.query],
    ids=["added", "page", "counts", "query"],
)
def test_results_cannot_be_changed(value: Any) -> None:
    assert not hasattr(value, "__dict__")
    with pytest.raises(FrozenInstanceError):
        setattr(value, fields(value)[0].name, None)


def test_task_public_has_no_room_for_more() -> None:
    assert not hasattr(task(), "__dict__")


def test_task_status_has_five_values() -> None:
    assert [status.value for status in TaskStatus] == [
        "open",
        "waiting",
        "done",
        "all",
        "trash",
    ]


@pytest.mark.spec("001/FR-060")
def test_each_status_has_an_order_of_its_own_unless_one_is_named() -> None:
    usual = {status: TaskQuery(status).order for status in TaskStatus}

    assert usual == {
        TaskStatus.OPEN: Sort.DUE,
        TaskStatus.WAITING: Sort.WAIT,
        TaskStatus.DONE: Sort.COMPLETED,
        TaskStatus.ALL: Sort.NEWEST,
        TaskStatus.TRASH: Sort.DELETED,
    }
    assert TaskQuery(sort=Sort.TITLE).order is Sort.TITLE


def test_task_is_open_and_bare_by_default() -> None:
    now = datetime.now(UTC)
    made = TaskRow(
        id=uuid4(),
        user_id="ada",
        number=1,
        title="Buy milk",
        created_at=now,
        updated_at=now,
    )

    assert (made.completed, made.description, made.completed_at) == (
        False,
        None,
        None,
    )


def test_new_task_reads_an_id_as_the_rules_have_it() -> None:
    id = uuid4()

    assert NewTask("x", id=str(id).upper()).id == id  # type: ignore[arg-type]
    with pytest.raises(InvalidInput):
        NewTask("x", id=f"{{{id}}}")  # type: ignore[arg-type]


def test_task_create_cleans_its_text() -> None:
    new = NewTask(title="  Buy milk ", description="2 l\r\nfresh")

    assert (new.title, new.description, new.id) == (
        "Buy milk",
        "2 l\nfresh",
        None,
    )


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("title", {"title": " "}),
        ("title", {"title": "a\x1bb"}),
        ("description", {"title": "a", "description": "a\x00b"}),
        ("due_on", {"title": "a", "due_on": "2026-02-30"}),
        ("wait_until", {"title": "a", "wait_until": "tomorrow"}),
        ("priority", {"title": "a", "priority": "urgent"}),
        ("project", {"title": "a", "project": "a..b"}),
        ("tags", {"title": "a", "tags": ["a b"]}),
    ],
)
@pytest.mark.spec("001/FR-008")
def test_task_create_refuses_bad_text_as_invalid_input(
    field: str, values: dict[str, Any]
) -> None:
    with pytest.raises(InvalidInput) as error:
        NewTask(**values)

    assert [detail["field"] for detail in error.value.details] == [field]


def test_about_finds_the_words_among_other_notes() -> None:
    @dataclass
    class Shape:
        name: Annotated[str, "a note of somebody else", About("A name.")]

    assert about(Shape)["name"].words == "A name."


def test_about_refuses_a_field_without_words() -> None:
    @dataclass
    class Shape:
        name: Annotated[str, "a note of somebody else"]

    with pytest.raises(TypeError, match="says nothing"):
        about(Shape)


@pytest.mark.spec("001/FR-026")
def test_task_update_knows_which_fields_are_named() -> None:
    assert TaskChange(title=" a ").named == {"title": "a"}
    assert TaskChange(description="").named == {"description": None}
    assert TaskChange(description=None).named == {"description": None}
    assert TaskChange().named == {}
    assert TaskChange(project="", priority=None).named == {
        "priority": None,
        "project": None,
    }
    assert TaskChange(add_tags=["b", "a", "b"]).named == {
        "add_tags": ["a", "b"]
    }


@pytest.mark.spec("001/FR-063", "001/FR-064")
@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"add_tags": ["a", "b"], "remove_tags": ["b"]}, "tags"),
        ({"add_tags": [" a "], "remove_tags": ["a"]}, "tags"),
        ({"tags": ["a"], "add_tags": ["b"]}, "add_tags"),
        ({"tags": [], "remove_tags": []}, "remove_tags"),
        ({"description": None, "note": "a"}, "note"),
    ],
)
def test_a_change_that_contradicts_itself_is_refused(
    values: dict[str, Any], field: str
) -> None:
    with pytest.raises(InvalidInput) as error:
        TaskChange(**values)

    assert [detail["field"] for detail in error.value.details] == [field]


def test_a_task_can_be_made_of_its_nine_oldest_fields() -> None:
    now = datetime(2026, 1, 2, tzinfo=UTC)
    old = Task(uuid4(), 1, "ada", "a", None, False, now, now, None)

    assert (old.due_on, old.tags, old.version) == (None, [], 1)


@pytest.mark.spec("001/FR-011")
@given(INSTANTS)
def test_format_instant_always_has_six_digits_and_z(instant: datetime) -> None:
    text = format_instant(instant)

    assert len(text) == len("2026-01-02T03:04:05.000000Z")
    assert (text[10], text[19], text[26]) == ("T", ".", "Z")
    assert datetime.fromisoformat(text) == instant


@pytest.mark.spec("001/FR-011")
@given(INSTANTS, INSTANTS)
def test_format_instant_sorts_as_time(one: datetime, other: datetime) -> None:
    assert (format_instant(one) < format_instant(other)) == (one < other)


@pytest.mark.spec("001/FR-011")
@pytest.mark.parametrize("local", ["UTC", "XXX-03:30"])
def test_format_instant_turns_other_zones_to_utc(
    monkeypatch: pytest.MonkeyPatch, local: str
) -> None:
    with monkeypatch.context() as patch:
        patch.setenv("TZ", local)
        time.tzset()
        text = format_instant(datetime(2026, 1, 2, 12, tzinfo=NEW_YORK))
    time.tzset()

    assert text == "2026-01-02T17:00:00.000000Z"


# One row that both stores take, and what makes it break a rule; values stand in the
# statement, no driver in between.
ROW = {
    "id": "'6f9619ff-8b86-4d01-b42d-00cf4fc964ff'",
    "number": "7",
    "user_id": "'ada'",
    "title": "'Buy milk'",
    "description": "NULL",
    "is_done": "false",
    "created_at": "'2026-01-02T03:04:05.000000Z'",
    "updated_at": "'2026-01-02T03:04:05.000000Z'",
    "completed_at": "NULL",
    "due_on": "NULL",
    "wait_until": "'2026-01-05'",
    "priority": "'high'",
    "project": "'home.kitchen'",
    "version": "1",
}
TIME = ROW["created_at"]
BROKEN: list[tuple[str, dict[str, str]]] = [
    ("no id", {"id": "NULL"}),
    ("an id that is no UUID", {"id": "'7'"}),
    ("no number", {"number": "NULL"}),
    ("number 0", {"number": "0"}),
    ("number -1", {"number": "-1"}),
    ("a number that is text", {"number": "'seven'"}),
    ("no user", {"user_id": "NULL"}),
    ("an empty user", {"user_id": "''"}),
    ("a user of 256 characters", {"user_id": f"'{'u' * 256}'"}),
    ("a user with a slash", {"user_id": "'a/b'"}),
    ("user .", {"user_id": "'.'"}),
    ("user ..", {"user_id": "'..'"}),
    ("a user with blanks around", {"user_id": "' ada '"}),
    ("a user with a tab", {"user_id": "'a\tb'"}),
    ("no title", {"title": "NULL"}),
    ("an empty title", {"title": "''"}),
    ("a blank title", {"title": "'   '"}),
    ("a title of 201 characters", {"title": f"'{'t' * 201}'"}),
    ("a title of 201 emoji", {"title": f"'{chr(0x1F600) * 201}'"}),
    ("a title with blanks around", {"title": "' a '"}),
    ("a title of two lines", {"title": "'a\nb'"}),
    *(
        (f"a title with U+{code:04X}", {"title": f"'a{chr(code)}b'"})
        for code in (0x1, 0x9, 0xD, 0x1B, 0x1F, 0x7F)
    ),
    *(
        (f"a title with U+{code:04X}", {"title": f"'a{chr(code)}b'"})
        for code in (0x80, 0x9B, 0x9F, 0x2028, 0x2029)
    ),
    *(
        (f"a title with U+{code:04X}", {"title": f"'a{chr(code)}b'"})
        for code in (0x202A, 0x202E, 0x2066, 0x2069)
    ),
    ("an empty description", {"description": "''"}),
    (
        "a description of 10,001 characters",
        {"description": f"'{'d' * 10_001}'"},
    ),
    *(
        (
            f"a description with U+{code:04X}",
            {"description": f"'a{chr(code)}b'"},
        )
        for code in (0x1, 0x8, 0xB, 0xD, 0x1F)
    ),
    *(
        (
            f"a description with U+{code:04X}",
            {"description": f"'a{chr(code)}b'"},
        )
        for code in (0x7F, 0x9B, 0x202E, 0x2069)
    ),
    ("completed null", {"is_done": "NULL"}),
    ("done without a time", {"is_done": "true"}),
    ("open with a time", {"completed_at": TIME}),
    ("no created_at", {"created_at": "NULL"}),
    ("no updated_at", {"updated_at": "NULL"}),
    ("a created_at that is no time", {"created_at": "'some day'"}),
    ("an updated_at that is no time", {"updated_at": "''"}),
    (
        "a completed_at that is no time",
        {"is_done": "true", "completed_at": "'no time'"},
    ),
    *(
        (f"a {column} {day}", {column: f"'{day}'"})
        for column in ("due_on", "wait_until")
        for day in ("2026-02-30", "1899-12-31", "9999-01-01", "", "someday")
    ),
    *(
        (f"a priority {word}", {"priority": f"'{word}'"})
        for word in ("", "High", "urgent", "none")
    ),
    *(
        (f"a project {name!r}", {"project": f"'{name}'"})
        for name in ("", " ", "a ", "none", "NoNe", "-", ".", "a.", ".a")
    ),
    *(
        (f"a project {name!r}", {"project": f"'{name}'"})
        for name in ("a..b", "a\nb", "a\x1bb", "a\u202eb", "p" * 101)
    ),
    ("no tags", {"tags": "NULL"}),
    ("tags that are a word", {"tags": "'food'"}),
    ("no version", {"version": "NULL"}),
    ("version 0", {"version": "0"}),
]
SOUND: list[tuple[str, dict[str, str]]] = [
    ("the row itself", {}),
    ("done with a time", {"is_done": "true", "completed_at": TIME}),
    ("a title of 200 emoji", {"title": f"'{chr(0x1F600) * 200}'"}),
    (
        "a description of 10,000 characters",
        {"description": f"'{'d' * 10_000}'"},
    ),
    ("a description with lines and tabs", {"description": "'a\n\tb\n'"}),
    (
        "a Persian title",
        {"title": "'\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645'"},
    ),
    ("a Hebrew title", {"title": "'\u200f\u05e9\u05dc\u05d5\u05dd\u200f'"}),
    ("an Arabic letter mark", {"title": "'\u061c\u0645'"}),
    (
        "an emoji family",
        {"title": "'\U0001f468\u200d\U0001f469\u200d\U0001f467'"},
    ),
    ("brackets", {"title": "'[^a] * ? ]'"}),
    ("no wait_until", {"wait_until": "NULL", "priority": "NULL"}),
    ("the first day", {"due_on": "'1900-01-01'"}),
    ("the last day", {"due_on": "'9998-12-31'"}),
    ("a leap day", {"due_on": "'2028-02-29'"}),
    ("no project", {"project": "NULL"}),
    ("a project of 100 emoji", {"project": f"'{chr(0x1F600) * 100}'"}),
    ("a project nonesuch", {"project": "'nonesuch.-'"}),
    ("user ...", {"user_id": "'...'"}),
    ("a user of 255 characters", {"user_id": f"'{'u' * 255}'"}),
]


def insert(changes: dict[str, str]) -> str:
    """The statement that inserts the row with these changes."""
    row = ROW | changes
    return f"INSERT INTO todo.task ({', '.join(row)}) VALUES ({', '.join(row.values())})"


@pytest.mark.spec("001/FR-012")
async def test_both_stores_refuse_rows_that_break_a_rule(
    store: Store, tasks: TaskService
) -> None:
    await tasks.add(NewTask(title="makes the store"))
    taken = []

    for name, changes in BROKEN:
        try:
            await run_sql(store, insert(changes))
        except REFUSALS:
            continue
        taken.append(name)
        await run_sql(
            store, "DELETE FROM todo.task WHERE title <> 'makes the store'"
        )

    assert taken == []


@pytest.mark.spec("001/FR-012")
async def test_both_stores_take_rows_that_keep_the_rules(
    store: Store, tasks: TaskService
) -> None:
    await tasks.add(NewTask(title="makes the store"))

    for _, changes in SOUND:
        await run_sql(store, insert(changes))
        await run_sql(store, f"DELETE FROM todo.task WHERE id = {ROW['id']}")

    assert await fetch_all(store, "SELECT title FROM todo.task") == [
        ("makes the store",)
    ]


@pytest.mark.spec("001/FR-012")
async def test_both_stores_refuse_a_number_or_an_id_twice(
    store: Store, tasks: TaskService
) -> None:
    [added] = await tasks.add_all([NewTask(title="first", id=UUID(int=4))])
    same_number = {"number": str(added.task.number)}
    same_id = {"id": f"'{added.task.id}'", "user_id": "'bob'"}

    for changes in (same_number, same_id):
        with pytest.raises(REFUSALS):
            await run_sql(store, insert(changes))


@pytest.mark.spec("001/FR-012")
@pytest.mark.parametrize(
    "values",
    [
        "('bob', -1)",
        "('', 1)",
        "('a/b', 1)",
        "('..', 1)",
        "(NULL, 1)",
        "('bob', NULL)",
    ],
)
async def test_both_stores_refuse_a_counter_that_breaks_a_rule(
    store: Store, tasks: TaskService, values: str
) -> None:
    await tasks.add(NewTask(title="makes the store"))

    with pytest.raises(REFUSALS):
        await run_sql(
            store, f"INSERT INTO todo.counter (user_id, last) VALUES {values}"
        )


def tag_row(name: str) -> str:
    """The statement that gives the row a tag in the table of tags."""
    return (
        "INSERT INTO todo.tag (task_id, name, user_id, folded)"
        f" VALUES ({ROW['id']}, '{name}', 'ada', 'x')"
    )


@pytest.mark.spec("001/FR-012", "001/FR-050")
async def test_both_stores_refuse_tags_that_break_a_rule(
    store: Store, tasks: TaskService
) -> None:
    """What SQL cannot say, such as each white space of Unicode, our rules say."""
    await tasks.add(NewTask(title="makes the store"))
    await run_sql(store, insert({}))
    refused = ["", "a b", " a", "a,b", "none", "NONE", "-", "a\nb", "t" * 51]
    for name in refused:
        with pytest.raises(REFUSALS):
            await run_sql(store, tag_row(name))
    for name in ("a", "nonesuch", "--", "日本", "😀" * 50):
        await run_sql(store, tag_row(name))
    with pytest.raises(REFUSALS):
        await run_sql(store, tag_row("a"))

    names = await fetch_all(store, "SELECT name FROM todo.tag")
    assert len(names) == 5


@pytest.mark.spec("001/FR-012", "001/FR-050")
@pytest.mark.parametrize("store", ["postgresql"], indirect=True)
@pytest.mark.parametrize(
    "tags",
    [
        "ARRAY(SELECT 't' || n FROM generate_series(1, 51) n)",
        "ARRAY['a', NULL]",
    ],
)
async def test_postgresql_refuses_too_many_tags_and_none_among_them(
    store: Store, tasks: TaskService, tags: str
) -> None:
    await tasks.add(NewTask(title="makes the store"))

    with pytest.raises(REFUSALS):
        await run_sql(store, insert({"tags": tags}))


@pytest.mark.spec("001/FR-012")
@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    "changes",
    [
        {"title": "'a' || char(0) || 'b'"},
        {"description": "'a' || char(0) || 'b'"},
        {"title": "x'61'"},
        {"number": "1.5"},
        {"is_done": "2"},
        {"created_at": "1767323045"},
        {"created_at": "'2026-01-02T03:04:05Z'"},
        {"id": "'6F9619FF-8B86-4D01-B42D-00CF4FC964FF'"},
        {"id": "'6f9619ff8b864d01b42d00cf4fc964ff'"},
        {"due_on": "'2026-1-5'"},
        {"due_on": "'20260105'"},
        {"due_on": "'2026-01-05T00:00:00'"},
        {"wait_until": "'infinity'"},
        {"wait_until": "20260105"},
        {"project": "'a' || char(0) || 'b'"},
        {"project": "x'61'"},
        {"tags": "x'5b5d'"},
        {"tags": "'{}'"},
        {"version": "1.5"},
        {"version": "2147483648"},
    ],
    ids=lambda changes: " ".join(
        f"{column}={value}" for column, value in changes.items()
    ),
)
async def test_sqlite_refuses_values_that_its_loose_types_would_let_in(
    store: Store, tasks: TaskService, changes: dict[str, str]
) -> None:
    await tasks.add(NewTask(title="makes the store"))

    with pytest.raises(REFUSALS):
        await run_sql(store, insert(changes))


@pytest.mark.spec("001/FR-012")
@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
async def test_sqlite_holds_times_and_ids_as_text_that_people_can_read(
    store: Store, tasks: TaskService
) -> None:
    await tasks.add(
        NewTask(title="a", id=UUID("6F9619FF-8B86-4D01-B42D-00CF4FC964FF"))
    )

    rows = await fetch_all(
        store, "SELECT id, created_at, completed_at FROM task"
    )

    assert rows == [
        (
            "6f9619ff-8b86-4d01-b42d-00cf4fc964ff",
            "2026-01-02T03:04:05.000000Z",
            None,
        )
    ]
