"""Read a file of tasks and write it into the tables of a store, with nothing else around it.

Run as `python bare_import.py URL FORMAT FILE`. It reads with `json` or `csv`, checks
nothing, and writes the same rows as an import: those of tasks, tags and history, by one
`executemany` or COPY for each table, in one transaction. On SQLite it makes the index of
words, too, which PostgreSQL makes by itself.
"""

import asyncio
import csv
import json
import sqlite3
import sys
from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

COLUMNS = (
    *("id", "number", "user_id", "title", "description", "is_done"),
    *("created_at", "updated_at", "completed_at", "due_on", "wait_until"),
    *("priority", "project", "tags", "version", "title_folded"),
    *("description_folded", "project_folded", "deleted_at"),
)
TIMES = ("created_at", "updated_at", "completed_at", "deleted_at")
WORDS = (
    "CREATE VIRTUAL TABLE task_word USING fts5("
    "folded, content='', detail=none, tokenize='trigram case_sensitive 1')",
    "INSERT INTO task_word (rowid, folded) SELECT task_text.number, title_folded"
    " || char(10) || coalesce(description_folded, '') || char(10)"
    " || coalesce(project_folded, '') FROM task_text JOIN task"
    " ON task.id = task_text.task_id ORDER BY task_text.number",
)


def read(form: str, path: str) -> Iterator[dict[str, Any]]:
    """The tasks of a file."""
    with open(path, encoding="utf-8", newline="") as file:
        if form == "ndjson":
            for line in file:
                yield json.loads(line)
            return
        for row in csv.DictReader(file):
            task: dict[str, Any] = {
                name: value or None for name, value in row.items()
            }
            task["number"] = int(row["number"])
            task["version"] = int(row["version"])
            task["completed"] = row["completed"] == "true"
            task["tags"] = [tag for tag in row["tags"].split(",") if tag]
            yield task


def fold(text: str | None) -> str | None:
    """A text in lower case."""
    return None if text is None else text.lower()


def rows_of(tasks: list[dict[str, Any]]) -> list[list[tuple[Any, ...]]]:
    """The rows of tasks, tags and history, as a file has them."""
    rows, tags, changes = [], [], []
    for task in tasks:
        noted = json.dumps(task, ensure_ascii=False)
        task["is_done"] = task["completed"]
        for name in ("title", "description", "project"):
            task[f"{name}_folded"] = fold(task[name])
        rows.append(tuple(task[name] for name in COLUMNS))
        for tag in task["tags"]:
            tags.append((task["id"], tag, task["user_id"], tag.lower()))
        changes.append(
            (task["user_id"], 1, task["id"], task["number"], "{}", noted)
        )
    return [rows, tags, changes]


def write_file(path: str, tasks: list[dict[str, Any]]) -> None:
    """Write them into a file of SQLite."""
    rows, tags, changes = rows_of(tasks)
    place = COLUMNS.index("tags")
    marks = ", ".join("?" * len(COLUMNS))
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    connection.executemany(
        f"INSERT INTO task ({', '.join(COLUMNS)}) VALUES ({marks})",
        (
            (*row[:place], json.dumps(row[place]), *row[place + 1 :])
            for row in rows
        ),
    )
    connection.executemany("INSERT INTO tag VALUES (?, ?, ?, ?)", tags)
    connection.executemany(
        "INSERT INTO change VALUES (?, ?, ?, ?, ?, ?)", changes
    )
    for statement in WORDS:
        connection.execute(statement)
    connection.execute("COMMIT")
    connection.close()


async def write_server(url: str, tasks: list[dict[str, Any]]) -> None:
    """Write them into a server by COPY."""
    import asyncpg

    rows, tags, changes = rows_of(tasks)
    kinds = [
        datetime.fromisoformat
        if name in TIMES
        else date.fromisoformat
        if name in ("due_on", "wait_until")
        else None
        for name in COLUMNS
    ]
    typed = [
        tuple(
            value if kind is None or value is None else kind(value)
            for kind, value in zip(kinds, row, strict=True)
        )
        for row in rows
    ]
    connection = await asyncpg.connect(url)
    async with connection.transaction():
        for table, columns, records in (
            ("task", COLUMNS, typed),
            ("tag", None, tags),
            ("change", None, changes),
        ):
            await connection.copy_records_to_table(
                table, schema_name="todo", columns=columns, records=records
            )
        await connection.execute("ANALYZE todo.task, todo.change")
    connection.terminate()


def main(url: str, form: str, path: str) -> None:
    """Read and write."""
    tasks = list(read(form, path))
    if url.startswith("sqlite:///"):
        write_file(url.removeprefix("sqlite:///"), tasks)
    else:
        asyncio.run(write_server(url, tasks))
    sys.stdout.write(f"{len(tasks):,}\n")


main(*sys.argv[1:])
