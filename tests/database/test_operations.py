"""Operations whose rows another program has changed: nothing is a bug, nothing is half done."""

import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing, suppress

import pytest

from tests.service.backdoor import fetch_all, file_of, run_sql
from tests.support.stores import Store
from todo_cli.errors import (
    Conflict,
    InvalidInput,
    SchemaMismatch,
    TodoError,
)
from todo_cli.service import TaskService
from todo_cli.task import NewTask, TaskChange, format_instant

CHECKS = """
DO $$ DECLARE each record; BEGIN
  FOR each IN SELECT conrelid::regclass AS rows, conname FROM pg_constraint
    WHERE contype = 'c' AND connamespace = 'todo'::regnamespace LOOP
    EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', each.rows, each.conname);
  END LOOP; END $$
"""


async def past_checks(store: Store, sql: str) -> None:
    """Run a statement as if the store lacked our CHECKs."""
    if store.kind == "postgresql":
        await run_sql(store, CHECKS)
        await run_sql(store, sql)
        return
    with closing(sqlite3.connect(file_of(store))) as file, file:
        file.execute("PRAGMA ignore_check_constraints = ON")
        file.execute(sql.replace("todo.", ""))


@pytest.fixture
async def two(tasks: TaskService) -> TaskService:
    """The tasks 1 and 2, both done; these are the operations 1 and 2."""
    await add_two(tasks)
    return tasks


async def add_two(tasks: TaskService) -> None:
    """Make the tasks of `two`."""
    await tasks.add_all([NewTask(title="a"), NewTask(title="b")])
    await tasks.complete([1, 2])


async def stored(store: Store) -> list[tuple[object, ...]]:
    """Every task, counter and operation, and how many changes there are."""
    return [
        *await fetch_all(store, "SELECT * FROM todo.task ORDER BY number"),
        *await fetch_all(store, "SELECT * FROM todo.counter"),
        *await fetch_all(
            store, "SELECT * FROM todo.operation ORDER BY number"
        ),
        *await fetch_all(store, "SELECT count(*) FROM todo.change"),
    ]


WRONG_VALUES = {
    "a number for a text": '{"title": 7}',
    "an object for a text": '{"title": {"a": 1}}',
    "a text for a boolean": '{"is_done": "yes"}',
    "a number for a day": '{"due_on": 5}',
    "no day": '{"due_on": "soon"}',
    "a list for a time": '{"deleted_at": [1]}',
    "no time": '{"deleted_at": "now"}',
    "a time before all years": '{"deleted_at": "0001-01-01T00:00:00+14:00"}',
    "a number for tags": '{"tags": 7}',
    "a number for a tag": '{"tags": ["a", 7]}',
}
"""By kind: objects that no operation of ours has."""
BROKEN = {
    **WRONG_VALUES,
    "no JSON": "{broken}",
    "deep": '{"a": ' + "[" * 100_000 + "}",
    "bytes": "CAST(x'7bff7d' AS TEXT)",
}
"""Only a file can hold the last ones."""


def literal(text: str) -> str:
    """Write a text as SQL, unless it is SQL."""
    return text if text.startswith("CAST") else f"'{text}'"


async def assert_is_refused(
    store: Store, call: Awaitable[object]
) -> TodoError:
    """An error that is no bug, after which everything is as it was."""
    before = await stored(store)
    with pytest.raises((Conflict, InvalidInput, SchemaMismatch)) as error:
        await call
    assert await stored(store) == before
    return error.value


WRONG = "another program stored wrong values"


@pytest.mark.spec("002/FR-220")
@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
@pytest.mark.parametrize("side", ["old_values", "new_values"])
@pytest.mark.parametrize("text", BROKEN.values(), ids=BROKEN.keys())
async def test_values_that_mean_nothing_are_named_and_not_taken_back(
    store: Store, two: TaskService, side: str, text: str
) -> None:
    await past_checks(
        store,
        f"UPDATE change SET {side} = {literal(text)}"
        " WHERE operation = 2 AND number = 1",
    )

    page = await two.history()

    assert [each.operation for each in page.operations] == [1]
    assert page.fault is not None
    assert page.fault.message == f"Operation 2 of ada cannot be read: {WRONG}"
    for number in (None, 2):
        error = await assert_is_refused(store, two.undo(number))
        assert error.message == f"{page.fault.message}; nothing was changed"


@pytest.mark.spec("002/FR-220")
@pytest.mark.parametrize("store", ["postgresql"], indirect=True)
@pytest.mark.parametrize("text", WRONG_VALUES.values(), ids=WRONG_VALUES)
async def test_values_that_mean_nothing_are_no_bug_on_a_server(
    store: Store, service: Callable[[str], TaskService], text: str
) -> None:
    """The server reads them: some it understands, such as `now` as a time."""
    # One store for both: to make it anew, with its CHECKs, takes longest.
    for side, user in (("old_values", "ada"), ("new_values", "bob")):
        tasks = service(user)
        await add_two(tasks)
        await past_checks(
            store,
            f"UPDATE todo.change SET {side} = {literal(text)}"
            f" WHERE operation = 2 AND number = 1 AND user_id = '{user}'",
        )

        page = await tasks.history()

        assert [each.operation for each in page.operations] == [1]
        assert page.fault is not None
        for number in (None, 2):
            with suppress(TodoError):
                await tasks.undo(number)
        assert (await tasks.history()).operations[-1].operation == 1


HEADINGS = {
    "a text for an id": "id = 'x'",
    "a text for a time": "at = 'soon'",
    "no zone": "at = '2026-01-02T03:04:05'",
    "bytes for a number": "undoes = x'00'",
}
"""Wrong values of an operation; only a file can hold them."""


@pytest.mark.spec("002/FR-220")
@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
@pytest.mark.parametrize("wrong", HEADINGS.values(), ids=HEADINGS.keys())
async def test_an_operation_with_a_wrong_value_is_named_and_hides_no_other(
    store: Store, two: TaskService, wrong: str
) -> None:
    await past_checks(store, f"UPDATE operation SET {wrong} WHERE number = 1")

    page = await two.history()

    assert [each.operation for each in page.operations] == [2]
    assert page.fault is not None
    assert page.fault.message == f"Operation 1 of ada cannot be read: {WRONG}"
    assert page.fault.hint == "correct it with SQL"
    first = await two.history(limit=1)
    assert (first.fault, first.next) == (None, 2)


@pytest.mark.spec("002/FR-220")
@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
async def test_several_operations_with_wrong_values_are_named_at_once(
    store: Store, two: TaskService
) -> None:
    await past_checks(store, "UPDATE operation SET at = 'soon'")
    await past_checks(
        store,
        "INSERT INTO operation SELECT user_id, 1.5, id, at, command, NULL,"
        " NULL FROM operation WHERE number = 1",
    )

    page = await two.history()

    assert page.operations == []
    assert page.fault is not None
    assert page.fault.message.startswith("Operations 2, 1.5, 1 of ada cannot")
    assert (await two.history(limit=2)).fault is not None


@pytest.mark.spec("002/FR-220")
@pytest.mark.parametrize("store", ["postgresql"], indirect=True)
@pytest.mark.parametrize("time", ["infinity", "-infinity", "20000-01-01"])
async def test_a_time_of_an_operation_that_no_program_can_read_is_no_bug(
    store: Store, two: TaskService, time: str
) -> None:
    await past_checks(
        store, f"UPDATE todo.operation SET at = '{time}' WHERE number = 2"
    )

    if time.endswith("infinity"):
        page = await two.history()
        assert [each.operation for each in page.operations] == [1]
        assert page.fault is not None
    else:
        # The driver gives no row at all.
        with pytest.raises(
            SchemaMismatch, match=r"^An operation of ada cannot be read: "
        ):
            await two.history()
    assert (await two.history(before=2)).fault is None
    assert (await two.undo()).undoes == 2


ODD_TASKS = {
    "sqlite": ("priority = 'urgent'", "due_on = 'soon'", "created_at = 1"),
    "postgresql": (
        "priority = 'urgent'",
        "due_on = 'infinity'",
        "created_at = '20000-01-01'",
    ),
}
each_oddity = pytest.mark.parametrize(
    ("store", "oddity"),
    [
        (kind, each)
        for kind, oddities in ODD_TASKS.items()
        for each in oddities
    ],
    indirect=["store"],
)


@pytest.mark.spec("001/FR-047", "002/FR-221")
@each_oddity
async def test_a_task_that_cannot_be_read_is_not_passed_over_by_an_undo(
    store: Store, two: TaskService, oddity: str
) -> None:
    """Both tasks, or none; and the error names the one that is odd."""
    await past_checks(store, f"UPDATE todo.task SET {oddity} WHERE number = 1")
    before = await fetch_all(store, "SELECT is_done FROM todo.task")

    with pytest.raises(SchemaMismatch, match="Task 1 of ada") as error:
        await two.undo()

    after = await fetch_all(store, "SELECT is_done FROM todo.task")
    is_saved = error.value.message.endswith("; the change was saved")
    assert is_saved is (store.kind == "postgresql")
    assert (after != before) is is_saved
    page = await two.history()
    assert (page.operations[0].command == "undo") is is_saved


@pytest.mark.spec("001/FR-047", "002/FR-220")
@each_oddity
async def test_a_change_is_noted_although_another_task_of_it_cannot_be_read(
    store: Store, two: TaskService, oddity: str
) -> None:
    await past_checks(store, f"UPDATE todo.task SET {oddity} WHERE number = 1")

    for change in (
        two.update([1, 2], TaskChange(add_tags=["x"])),
        two.delete([1, 2]),
        two.restore([1, 2]),
    ):
        with pytest.raises(SchemaMismatch, match=r"; the change was saved$"):
            await change

    page = await two.history(2, limit=3)
    assert [each.command for each in page.operations] == [
        *("restore", "delete", "update"),
    ]
    assert page.operations[-1].tasks[0].changes == {"tags": ([], ["x"])}
    tags = (
        "SELECT t.number FROM todo.tag g JOIN todo.task t ON t.id = g.task_id"
    )
    assert (2,) in await fetch_all(store, tags)


@pytest.mark.spec("001/FR-047", "002/FR-222")
@each_oddity
async def test_purging_a_task_that_cannot_be_read_takes_its_texts_out(
    store: Store, two: TaskService, oddity: str
) -> None:
    await past_checks(store, f"UPDATE todo.task SET {oddity} WHERE number = 1")

    with pytest.raises(SchemaMismatch, match=r"; the change was saved$"):
        await two.purge([1, 2])

    kept = "SELECT old_values, new_values FROM todo.change"
    assert {*await fetch_all(store, kept)} == {("{}", "{}")}
    assert await fetch_all(store, "SELECT number FROM todo.task") == []
    assert (await two.history(2, limit=1)).operations[0].command == "purge"


@pytest.mark.spec("002/FR-221")
@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
async def test_a_time_of_completion_is_not_set_back_alone(
    store: Store, two: TaskService
) -> None:
    """A CHECK compares it with the state, which no column here says."""
    done_at = format_instant((await two.get(1)).updated_at)
    await past_checks(
        store,
        "UPDATE change SET old_values = '{\"completed_at\": null}',"
        f' new_values = \'{{"completed_at": "{done_at}"}}\''
        " WHERE operation = 2",
    )

    error = await assert_is_refused(store, two.undo())

    assert error.message.endswith("; nothing was changed")


@pytest.mark.spec("002/FR-220")
async def test_a_time_of_completion_that_was_missing_is_no_operation(
    store: Store, two: TaskService
) -> None:
    """Done without a time, as another program stored it: `done` makes up for it."""
    await past_checks(store, "UPDATE todo.task SET completed_at = NULL")

    [done] = await two.complete([1])

    assert done.completed_at is not None
    assert (await two.history(limit=1)).operations[0].operation == 2


@pytest.mark.spec("002/FR-221")
async def test_what_is_never_changed_is_not_set_back(
    store: Store, two: TaskService
) -> None:
    """Another program noted a time of creation."""
    await past_checks(
        store,
        "UPDATE todo.change SET old_values ="
        ' \'{"created_at": "2025-01-01T00:00:00Z", "is_done": false,'
        ' "completed_at": null}\' WHERE operation = 2',
    )
    before = await two.get(1)

    undone = await two.undo()

    assert undone.tasks[0].created_at == before.created_at
    assert not undone.tasks[0].completed
