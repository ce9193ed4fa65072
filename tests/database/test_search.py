"""The index of words: what it leads to, and that everything works without it."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from typing import Any

import pytest

from tests.service.backdoor import connected, fetch_all, file_of, run_sql
from tests.service.words import target_of
from tests.support.machine import needs
from tests.support.postgres import PostgresCluster
from tests.support.stores import Clock, Store
from todo_cli.database import search
from todo_cli.database.engine import Database, open_database
from todo_cli.database.run import Connection, Statement
from todo_cli.service import TaskService
from todo_cli.task import NewTask, TaskChange, TaskQuery

each_file = pytest.mark.parametrize("store", ["sqlite"], indirect=True)
WITHOUT_FTS5 = Statement(
    "SELECT 0, (SELECT sql FROM sqlite_master WHERE name = 'task_word'), 0"
)
"""What `search.py` learns in a Python without FTS5."""
MANY = 150


async def found(tasks: TaskService, *words: str) -> list[str]:
    """The titles of the tasks that have the words, by number."""
    page = await tasks.list(TaskQuery(words=words, limit=100))
    by_number = sorted(page.tasks, key=lambda task: task.number)
    return [task.title for task in by_number]


async def add(tasks: TaskService, *titles: str) -> None:
    """Add tasks in one transaction."""
    await tasks.add_all([NewTask(title=each) for each in titles])


def entered(store: Store) -> int:
    """The last row of the index; 0 if there is no index."""
    with closing(sqlite3.connect(file_of(store))) as file:
        tables = file.execute(
            "SELECT name FROM sqlite_master WHERE name = 'task_word'"
        )
        if not tables.fetchall():
            return 0
        rows = file.execute(
            "SELECT rowid FROM task_word ORDER BY rowid DESC LIMIT 1"
        )
        return int(rows.fetchone()[0])


@pytest.mark.spec("002/FR-171")
@each_file
async def test_many_changes_are_entered_at_once(
    store: Store, tasks: TaskService
) -> None:
    await add(tasks, *["buy milk"] * 60)
    before = entered(store)
    await add(tasks, *["buy bread"] * 60)
    after = entered(store)
    await add(tasks, "a late zebra")

    assert (before, after, entered(store)) == (0, 120, 120)
    assert await found(tasks, "zebra") == ["a late zebra"]
    assert len(await found(tasks, "milk")) == 60
    assert len(await found(tasks, "bread", "buy")) == 60


@pytest.mark.spec("002/FR-171")
@each_file
async def test_a_changed_task_is_found_by_its_new_words_alone(
    store: Store, tasks: TaskService
) -> None:
    await add(tasks, *["buy milk"] * MANY)
    assert entered(store) == MANY

    await tasks.update([7], TaskChange(title="see the zebra"))
    await tasks.update([8], TaskChange(note="ring the plumber"))
    await tasks.update([9], TaskChange(add_tags=["garden"]))
    await tasks.update([10], TaskChange(project="house.kitchen"))
    await tasks.complete([11])

    assert await found(tasks, "zebra") == ["see the zebra"]
    for word in ("plumber", "garden", "kitchen"):
        assert len(await found(tasks, word)) == 1, word
    assert len(await found(tasks, "milk")) == 100  # the limit
    # A completed task has no new texts.
    rows = await fetch_all(store, "SELECT count(*) FROM task_text")
    assert rows == [(MANY + 4,)]


@pytest.mark.spec("002/FR-171")
@each_file
async def test_deleted_tasks_and_a_vacuum_leave_the_index_right(
    store: Store, tasks: TaskService
) -> None:
    titles = [f"task {name}" for name in ["apple", "berry", "cherry"] * 60]
    await add(tasks, *titles)
    await tasks.delete([range(1, 100)])
    await run_sql(store, "VACUUM")
    await add(tasks, *["task melon"] * MANY)

    assert entered(store) == len(titles) + MANY
    assert len(await found(tasks, "berry")) == titles[99:].count("task berry")
    assert len(await found(tasks, "melon")) == 100


@pytest.mark.spec("002/FR-171")
@each_file
async def test_deleted_tasks_do_not_hold_the_index_up(
    store: Store, tasks: TaskService, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(search, "_STATE", WITHOUT_FTS5)
        await add(tasks, *["gone"] * MANY)
        await tasks.delete([range(1, MANY + 1)])
    await add(tasks, "stays")

    assert entered(store) == MANY + 1
    assert await found(tasks, "stays") == ["stays"]


@pytest.mark.spec("002/FR-171")
@each_file
async def test_what_a_python_without_fts5_writes_is_found_by_all(
    store: Store, tasks: TaskService, monkeypatch: pytest.MonkeyPatch
) -> None:
    await add(tasks, *["buy milk"] * MANY)
    with monkeypatch.context() as patch:
        patch.setattr(search, "_STATE", WITHOUT_FTS5)
        await add(tasks, *["see the zebra"] * 50)
        await tasks.update([3], TaskChange(title="a zebra, too"))

        assert entered(store) == MANY
        assert len(await found(tasks, "zebra")) == 51
    assert len(await found(tasks, "zebra")) == 51
    await add(tasks, *["another"] * 60)
    assert entered(store) == MANY + 111
    assert len(await found(tasks, "zebra")) == 51


@pytest.mark.spec("002/FR-171")
@each_file
async def test_a_file_is_used_where_its_virtual_table_cannot_be(
    store: Store, service: Any
) -> None:
    """As in a Python without FTS5: SQLite knows no such module."""
    await add(service("ada"), *["buy milk"] * MANY)
    _rename_module(store, "fts5(", "fts99(")

    async with open_database(store.target) as database:
        tasks = TaskService(database, "ada", Clock())
        await add(tasks, *["see the zebra"] * 120)
        await tasks.update([2], TaskChange(title="milk for the zebra"))
        await tasks.delete([1])
        assert len(await found(tasks, "zebra")) == 100
        assert len(await found(tasks, "milk", "zebra")) == 1

    _rename_module(store, "fts99(", "fts5(")
    async with open_database(store.target) as database:
        tasks = TaskService(database, "ada", Clock())
        assert len(await found(tasks, "milk", "zebra")) == 1
        await add(tasks, "the last zebra")
        assert len(await found(tasks, "last", "zebra")) == 1
    assert entered(store) == MANY + 122


def _rename_module(store: Store, before: str, after: str) -> None:
    with closing(sqlite3.connect(file_of(store))) as file, file:
        file.execute("PRAGMA writable_schema = ON")
        file.execute(
            "UPDATE sqlite_master SET sql = replace(sql, ?, ?)"
            " WHERE name = 'task_word'",
            (before, after),
        )


@each_file
async def test_a_table_of_another_program_is_left_alone(
    store: Store, tasks: TaskService
) -> None:
    await run_sql(store, "CREATE TABLE task_word (mine TEXT)")
    await add(tasks, *["buy milk"] * MANY)

    assert len(await found(tasks, "milk")) == 100
    assert await fetch_all(store, "SELECT * FROM task_word") == []


@each_file
async def test_all_that_was_noted_is_entered_in_steps(
    store: Store, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    tasks = TaskService(database, "ada", Clock())
    with monkeypatch.context() as patch:
        patch.setattr(search, "_STATE", WITHOUT_FTS5)
        await add(tasks, *["buy milk"] * 125)
        async with database.connections.connection() as connection:
            await search.enter_all(connection)
    assert entered(store) == 0

    monkeypatch.setattr(search, "_AT_ONCE", 10)
    async with (
        database.connections.connection() as connection,
        connection.transaction(),
    ):
        await search.enter_all(connection)
        await search.enter_all(connection)

    assert entered(store) == 125
    assert len(await found(tasks, "milk")) == 100


@each_file
async def test_no_transaction_enters_all_that_others_left(
    store: Store, tasks: TaskService, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(search, "_STATE", WITHOUT_FTS5)
        await add(tasks, *["buy milk"] * 40)
    monkeypatch.setattr(search, "_SOME", 5)
    monkeypatch.setattr(search, "_OF_OTHERS", 10)
    await add(tasks, "one")
    first = entered(store)
    await add(tasks, "two")

    assert 10 < first < entered(store) < 42
    assert len(await found(tasks, "milk")) == 40


@pytest.mark.parametrize(
    ("words", "match"),
    [
        ([], ""),
        (["ab"], ""),
        (["abc"], '"abc"'),
        (["abcd", "xy", "bcd"], '"abc" "bcd"'),
        (['a"b'], '"a""b"'),
        (["*%_"], '"*%_"'),
    ],
)
def test_the_pattern_has_each_trigram_once(
    words: Sequence[str], match: str
) -> None:
    assert search.match_of(words) == match


@each_file
async def test_a_very_long_word_is_looked_up(tasks: TaskService) -> None:
    word = "".join(chr(0x4E00 + number) for number in range(5_000))
    await add(tasks, *["short"] * MANY)
    await tasks.add(NewTask(title="long", description=f"x{word}y"))

    assert await found(tasks, word) == ["long"]
    assert await found(tasks, f"{word}z") == []


async def test_a_word_in_many_tags_of_few_tasks_hides_no_other_task(
    tasks: TaskService,
) -> None:
    """Up to 1,001 tasks are looked for, and not that many tags."""
    tagged = [NewTask(title="a", tags=["one-zebra", "two-zebra"])] * 600
    others = [NewTask(title="b", tags=["zebra"])] * 500
    await tasks.add_all([*tagged, *others])

    page = await tasks.list(TaskQuery(words=("zebra",), limit=2_000))

    assert (len(page.tasks), page.counts.found) == (1_100, 1_001)


# On PostgreSQL

INDEXES = """
SELECT indexrelid::regclass::text FROM pg_index
WHERE indexrelid::regclass::text LIKE '%_words_idx' ORDER BY 1
"""
BOTH = [("todo.tag_words_idx",), ("todo.task_words_idx",)]


@pytest.mark.parametrize("store", ["postgresql"], indirect=True)
async def test_a_server_without_trigrams_works_without(
    store: Store, database: Database
) -> None:
    """The server of the test extra has no pg_trgm; another one may have it."""
    await database.index_words()
    tasks = TaskService(database, "ada", Clock())
    await add(tasks, "see the zebra")

    assert await found(tasks, "zebra") == ["see the zebra"]
    assert await fetch_all(store, INDEXES) in ([], BOTH)


@needs("pg_trgm")
async def test_a_new_store_on_a_server_has_the_index(
    trigrams_postgres: PostgresCluster,
) -> None:
    url = trigrams_postgres.url(trigrams_postgres.create_database())
    store = Store("postgresql", url)
    async with open_database(target_of(url)) as database:
        await add(TaskService(database, "ada", Clock()), "see the zebra")
        assert await fetch_all(store, INDEXES) == BOTH

        await run_sql(
            store, "DROP INDEX todo.task_words_idx, todo.tag_words_idx"
        )
        await database.index_words()
        assert await fetch_all(store, INDEXES) == BOTH
        await database.index_words()


async def kind_of_index(connection: Connection) -> str:
    """Which index of words the store has, as `todo doctor` asks."""
    [row] = await connection.fetch(search.STATES[connection.dialect])
    return search.kind_in(row)


@needs("pg_trgm")
@pytest.mark.spec("002/FR-171")
async def test_an_index_that_is_gone_is_made_again_and_missed_until_then(
    trigrams_postgres: PostgresCluster,
) -> None:
    """A restore can lose one of the two; vectorize-io/hindsight#4118."""
    url = trigrams_postgres.url(trigrams_postgres.create_database())
    store = Store("postgresql", url)
    async with open_database(store.target) as database:
        tasks = TaskService(database, "ada", Clock())
        await add(tasks, "see the zebra")
        for [name] in BOTH:
            await run_sql(store, f"DROP INDEX {name}")

            assert await database.run(kind_of_index) == "none"
            assert await found(tasks, "zebra") == ["see the zebra"]
            assert await database.index_words() == "pg_trgm"
            assert await fetch_all(store, INDEXES) == BOTH


@needs("pg_trgm")
async def test_the_extension_of_another_schema_is_used(
    trigrams_postgres: PostgresCluster,
) -> None:
    name = trigrams_postgres.create_database()
    trigrams_postgres.run_sql(
        name,
        'CREATE SCHEMA "Else Where"; CREATE EXTENSION pg_trgm SCHEMA "Else Where"',
    )
    store = Store("postgresql", trigrams_postgres.url(name))
    async with open_database(store.target) as database:
        await add(TaskService(database, "ada", Clock()), "see the zebra")

        assert await fetch_all(store, INDEXES) == BOTH


@needs("pg_trgm")
async def test_an_extension_that_another_role_can_change_is_not_used(
    trigrams_postgres: PostgresCluster,
) -> None:
    """Its owner could have it run code with the rights of whoever searches."""
    name = trigrams_postgres.create_database()
    trigrams_postgres.run_sql(
        name,
        "CREATE EXTENSION pg_trgm; CREATE ROLE mallory_of_words;"
        "ALTER FUNCTION similarity(text, text) OWNER TO mallory_of_words",
    )
    store = Store("postgresql", trigrams_postgres.url(name))
    async with open_database(store.target) as database:
        tasks = TaskService(database, "ada", Clock())
        await add(tasks, "see the zebra")

        assert await fetch_all(store, INDEXES) == []
        assert await found(tasks, "zebra") == ["see the zebra"]


@needs("pg_trgm")
async def test_a_role_that_may_not_make_the_index_works_without(
    trigrams_postgres: PostgresCluster,
) -> None:
    name = trigrams_postgres.create_database()
    store = Store("postgresql", trigrams_postgres.url(name))
    async with open_database(store.target) as database:
        await add(TaskService(database, "ada", Clock()), "see the zebra")
    trigrams_postgres.run_sql(
        name,
        "DROP INDEX todo.task_words_idx, todo.tag_words_idx;"
        "CREATE ROLE guest_of_words LOGIN PASSWORD 'x';"
        "GRANT USAGE ON SCHEMA todo TO guest_of_words;"
        "GRANT ALL ON ALL TABLES IN SCHEMA todo TO guest_of_words",
    )
    url = trigrams_postgres.url(name, user="guest_of_words", password="x")
    async with open_database(target_of(url)) as database:
        await database.index_words()
        tasks = TaskService(database, "ada", Clock())

        assert await found(tasks, "zebra") == ["see the zebra"]
    assert await fetch_all(store, INDEXES) == []


@needs("pg_trgm")
async def test_a_rare_word_is_looked_up_in_the_index(
    trigrams_postgres: PostgresCluster,
) -> None:
    name = trigrams_postgres.create_database()
    store = Store("postgresql", trigrams_postgres.url(name))
    async with open_database(store.target) as database:
        tasks = TaskService(database, "ada", Clock())
        await tasks.add(NewTask(title="see the zebra", tags=["giraffe"]))
        query = TaskQuery(words=("zebra",), limit=20)
        statement = (await _connection_of(database)).listed(
            query, by_words=True
        )
        await run_sql(
            store,
            "INSERT INTO todo.task (id, number, user_id, title, title_folded,"
            " created_at, updated_at) SELECT gen_random_uuid(), i, 'ada',"
            " 'number ' || i, 'number ' || i, now(), now()"
            " FROM generate_series(2, 20000) AS i",
        )
        await run_sql(store, "VACUUM ANALYZE todo.task")
        values = {
            "user": "ada",
            "word": "%zebra%",
            "words": ["%zebra%"],
            "today": Clock().now.date(),
            "most": 21,
        }
        async with connected(store) as connection:
            rows = await connection.fetch(
                f"EXPLAIN {statement.numbered}",
                *[values[each] for each in statement.names],
            )
        plan = "\n".join(row[0] for row in rows)

        assert "Bitmap Index Scan on task_words_idx" in plan
        assert await found(tasks, "zebra") == ["see the zebra"]
        assert await found(tasks, "giraffe") == ["see the zebra"]


async def _connection_of(database: Database) -> Any:
    async with database.connections.connection() as connection:
        return connection.statements
