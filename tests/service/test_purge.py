"""What is purged is gone: no text of it is left in the store."""

import sqlite3
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import pytest

from tests.service.backdoor import connected, fetch_all, file_of
from tests.support.stores import Clock, Store
from todo_cli.database import search
from todo_cli.database.engine import open_database
from todo_cli.service import TaskService
from todo_cli.task import NewTask, Replacement, TaskChange, TaskQuery

CONNECT = sqlite3.connect
Service = Callable[[str], TaskService]

# Each text once, each word with a folded form of its own.
OLD = NewTask(
    title="Zwölfkämpfer Quarantäne",
    description="Mißgeburt\nVexierbild",
    project="Jörmungandr.Xanthippe",
    tags=["Obstipação", "Kwisatz"],
)
CHANGES = (
    {"title": "Hämoglobin Brontosaurus", "note": "Pyjamahosenträger"},
    {"description": "Wüstenrennmaus", "project": "Fjördland"},
    {"add_tags": ["Gnocchi-Sauté"], "remove_tags": ["Kwisatz"]},
    {"tags": ["Tschüßikowski"]},
    {"description": None, "project": None, "title": "Böllerschütze"},
)
WORDS = (
    *("zwolfkampfer", "quarantane", "missgeburt", "vexierbild"),
    *("jormungandr", "xanthippe", "obstipacao", "kwisatz"),
    *("hamoglobin", "brontosaurus", "pyjamahosentrager"),
    *("wustenrennmaus", "fjordland", "gnocchi-saute", "tschussikowski"),
    *("bollerschutze", "rattenfanger", "regenpfeifer"),
)
"""The texts as search compares them."""
SPELLED = (
    *("zwölfkämpfer", "quarantäne", "mißgeburt", "jörmungandr"),
    *("obstipação", "hämoglobin", "pyjamahosenträger", "wüstenrennmaus"),
    *("fjördland", "gnocchi-sauté", "tschüßikowski", "böllerschütze"),
    *("rattenfänger", "vexierbild", "kwisatz"),
)
"""The texts as they were typed, but in lower case."""


async def everything_in(store: Store) -> str:
    """All that a store holds, in lower case; escapes of JSON are read."""
    if store.kind == "sqlite":
        path = file_of(store)
        # Also the copies, the log and the journal of the file.
        files = sorted(path.parent.glob(f"{path.name}*"))
        texts = [each.read_bytes().decode(errors="ignore") for each in files]
        return "\n".join(texts).lower()
    found = []
    async with connected(store) as connection:
        names = await connection.fetch(
            "SELECT oid::regclass::text FROM pg_class"
            " WHERE relkind IN ('r', 'p', 'm', 't')"
            " AND relnamespace = to_regnamespace('todo')"
        )
        assert len(names) >= 6
        for (name,) in names:
            rows = await connection.fetch(f"SELECT row::text FROM {name} row")
            found += [text for (text,) in rows]
    return "\n".join(found).lower()


def left_of(texts: Sequence[str], everything: str) -> list[str]:
    """The texts that are there, also as JSON escapes them."""
    forms = {text: text.encode("unicode_escape").decode() for text in texts}
    return [
        text
        for text, form in forms.items()
        if text in everything
        or form.replace("\\x", "\\u00").lower() in everything
    ]


async def fill(tasks: TaskService, clock: Clock, others: int) -> int:
    """Add a task among others and change each of its texts; its number."""
    await tasks.add_all([NewTask(title="Regenschirm")] * (others // 2))
    added = await tasks.add(OLD)
    number = added.task.number
    await tasks.add_all([NewTask(title="Regenschirm")] * (others // 2))
    for change in CHANGES:
        clock.tick()
        await tasks.update([number], TaskChange(**change))
    await tasks.complete([number])
    await tasks.replace(
        [number], Replacement("Böllerschütze", "Rattenfänger"), TaskChange()
    )
    await tasks.undo()
    await tasks.redo()
    await tasks.undo(9)
    await tasks.update([number], TaskChange(note="Regenpfeifer"))
    return number


@pytest.mark.parametrize("others", [4, 300])
@pytest.mark.parametrize("way", ["at once", "from the trash", "by age"])
async def test_purge_leaves_no_text_of_a_task_in_the_store(
    store: Store, clock: Clock, way: str, others: int
) -> None:
    """With so many others the index of words of a file has entries."""
    async with open_database(store.target) as database:
        tasks = TaskService(database, "ada", clock)
        number = await fill(tasks, clock, others)
    before = await everything_in(store)
    assert left_of(["rattenfänger", "regenpfeifer", "wüstenrennmaus"], before)

    async with open_database(store.target) as database:
        tasks = TaskService(database, "ada", clock)
        if way != "at once":
            await tasks.delete([number])
            clock.tick(86_400)
        ids = [number]
        if way == "by age":
            found = await tasks.trash(timedelta(hours=1))
            ids = [task.number for task in found]
        assert [task.number for task in await tasks.purge(ids)] == [number]

    after = await everything_in(store)
    assert left_of([*WORDS, *SPELLED], after) == []
    assert "regenschirm" in after


async def test_purge_leaves_no_entry_of_a_short_word(
    store: Store, clock: Clock
) -> None:
    """The index of words of a file has each part of three letters as it is."""
    async with open_database(store.target) as database:
        tasks = TaskService(database, "ada", clock)
        await tasks.add(NewTask(title="\ua757\ua759\ua75d"))
        await tasks.add_all([NewTask(title="Regenschirm")] * 300)
        await tasks.list()
        await tasks.purge([1])

    after = await everything_in(store)
    assert left_of(["\ua757\ua759\ua75d"], after) == []


def careless(*arguments: Any, **named: Any) -> sqlite3.Connection:
    """Connect as a SQLite that leaves what it frees, unless told otherwise."""
    connection: sqlite3.Connection = CONNECT(*arguments, **named)
    connection.execute("PRAGMA secure_delete=OFF")
    return connection


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
async def test_purge_overwrites_what_sqlite_would_leave_in_its_pages(
    store: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some are built so that they leave it."""
    monkeypatch.setattr(sqlite3, "connect", careless)
    async with open_database(store.target) as database:
        tasks = TaskService(database, "ada", clock)
        await fill(tasks, clock, 4)
        await tasks.purge([3])

    after = await everything_in(store)
    assert left_of([*WORDS, *SPELLED], after) == []


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
async def test_purge_makes_the_index_of_words_anew_in_steps(
    store: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that it does not take long in a store with many tasks."""
    monkeypatch.setattr(search, "_AT_MOST", 40)
    monkeypatch.setattr(search, "_OF_OTHERS", 10)
    entered = "SELECT count(*) FROM task_word"
    query = TaskQuery(words=("regenschirm",))
    async with open_database(store.target) as database:
        tasks = TaskService(database, "ada", clock)
        for _ in range(8):
            await tasks.add_all([NewTask(title="Regenschirm")] * 40)
        await tasks.purge([7])
        counts = await fetch_all(store, entered)
        assert len((await tasks.list(query)).tasks) == 319
        for _ in range(28):
            await tasks.update([1], TaskChange(note="x"))
            counts += await fetch_all(store, entered)
        assert len((await tasks.list(query)).tasks) == 319

    numbers = [int(str(number)) for (number,) in counts]
    assert numbers[0] == 50
    assert numbers == sorted(numbers)
    # The rest waits until it is worth a step.
    assert 250 < numbers[-1] < 319 + 28
    rows = await fetch_all(store, "SELECT count(*) FROM task_text")
    assert rows == [(319 + 28,)]


async def test_history_of_a_purged_task_keeps_its_number_only(
    tasks: TaskService, clock: Clock
) -> None:
    added = await tasks.add_all([OLD, NewTask(title="other")])
    one, other = (each.task for each in added)
    await tasks.update([1, 2], TaskChange(title="b"))
    await tasks.delete([1])
    clock.tick()

    await tasks.purge([1])

    page = await tasks.history()
    told = [
        (each.command, [(entry.id, entry.title) for entry in each.tasks])
        for each in page.operations
    ]
    assert told == [
        ("purge", [(one.id, None)]),
        ("delete", [(one.id, None)]),
        ("update", [(one.id, None), (other.id, "b")]),
        ("add", [(one.id, None), (other.id, "b")]),
    ]
    changes = [
        [dict(entry.changes) for entry in each.tasks]
        for each in page.operations
    ]
    assert changes[:3] == [[{}], [{}], [{}, {"title": ("other", "b")}]]
    assert changes[3][0] == {}
    assert changes[3][1]["title"] == (None, "other")


async def test_purge_takes_nothing_of_the_tasks_beside_it(
    store: Store, tasks: TaskService
) -> None:
    texts = [NewTask(title=f"title {n}", tags=[f"t{n}"]) for n in range(3)]
    await tasks.add_all(texts)
    await tasks.update([1, 2, 3], TaskChange(note="n"))
    await tasks.delete([1, 3])

    await tasks.purge([2])

    left = await tasks.trash()
    assert [task.title for task in left] == ["title 0", "title 2"]
    assert [task.tags for task in left] == [["t0"], ["t2"]]
    names = await fetch_all(store, "SELECT name FROM todo.tag ORDER BY name")
    assert names == [("t0",), ("t2",)]


async def test_the_number_and_the_id_of_a_purged_task(
    tasks: TaskService,
) -> None:
    """The number is never given again; the id is free, and a new task gets it."""
    [first, _] = await tasks.add_all([NewTask("a"), NewTask("b")])
    id = first.task.id
    await tasks.purge([1, 2])

    third = await tasks.add(NewTask("c"))
    again = await tasks.add(NewTask("d", id=id))

    assert third.task.number == 3
    assert (again.is_new, again.task.number, again.task.title) == (
        *(True, 4),
        "d",
    )
    assert [
        each.tasks[-1].number for each in (await tasks.history(4)).operations
    ] == [4]


async def test_purging_again_and_purging_nothing_are_no_operations(
    tasks: TaskService, clock: Clock
) -> None:
    await tasks.add(NewTask("a"))
    assert await tasks.purge([]) == []
    assert await tasks.trash() == []
    assert len((await tasks.history()).operations) == 1


async def test_trash_is_of_one_user_and_an_age(
    service: Service, clock: Clock
) -> None:
    for user in ("ada", "bob"):
        await service(user).add_all([NewTask("a"), NewTask("b")])
        await service(user).delete([1])
    clock.tick(3_600)
    await service("ada").delete([2])

    ada = service("ada")
    old = await ada.trash(timedelta(seconds=1_800))
    every = await ada.trash()

    assert [(task.user_id, task.number) for task in old] == [("ada", 1)]
    assert [(task.user_id, task.number) for task in every] == [
        *(("ada", 1), ("ada", 2))
    ]
    assert await ada.trash(timedelta(days=1)) == []
