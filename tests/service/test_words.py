"""Words are found alike on both stores, with an index and without.

`python -m tests.service.words` tries more of them.
"""

import pytest

from tests.service import words
from tests.support.machine import needs
from tests.support.postgres import PostgresCluster
from tests.support.stores import Clock
from todo_cli.database.engine import open_database
from todo_cli.fold import has_words
from todo_cli.service import TaskService
from todo_cli.task import NewTask, TaskQuery

TASKS, QUERIES = 150, 60


@pytest.mark.spec("002/FR-170")
async def test_a_store_finds_the_words_that_python_finds(
    tasks: TaskService,
) -> None:
    useful = await words.compare(tasks, 1, TASKS, QUERIES)

    assert useful > QUERIES / 3


@pytest.mark.spec("002/FR-170")
@needs("pg_trgm")
async def test_a_server_with_trigrams_finds_the_words_that_python_finds(
    trigrams_postgres: PostgresCluster,
) -> None:
    url = trigrams_postgres.url(trigrams_postgres.create_database())
    async with open_database(words.target_of(url)) as database:
        tasks = TaskService(database, "ada", Clock())
        useful = await words.compare(tasks, 2, TASKS, QUERIES)

    assert useful > QUERIES / 3


LITERAL = ("%", "_", "*", '"', "\\", "'", "a%", "%%", '""', "100%", "[a]", "?")


@pytest.mark.spec("002/FR-170")
@pytest.mark.parametrize("limit", [None, 20])
async def test_no_character_of_a_word_is_special(
    tasks: TaskService, limit: int | None
) -> None:
    titles = [*LITERAL, "plain", "x100%y", 'say "hello" twice', "a\\b'c\"d*e"]
    added = await tasks.add_all([NewTask(title=each) for each in titles])
    # Enough for an index.
    await tasks.add_all([NewTask(title="another")] * 150)

    for word in (*LITERAL, '"hello"', "00%y", "\\b'c\"d*e"):
        expected = [
            each.task.title for each in added if has_words(each.task, [word])
        ]
        page = await tasks.list(TaskQuery(words=(word,), limit=limit))
        found = [task.title for task in page.tasks]
        assert sorted(found) == sorted(expected), word
        assert word in "".join(found)
