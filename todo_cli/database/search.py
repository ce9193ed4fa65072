"""The index of words: which tasks can contain a word of three letters or more.

Without it a search reads all tasks of the user. It finds the same tasks, because
every task that the index leads to is compared again: an entry that is no longer
true is harmless, and only a missing one is not.

On PostgreSQL these are indexes of trigrams, where `pg_trgm` can be had: the
creation of a store and `todo db upgrade` make them. The server keeps them up to
date and uses them by itself, but not under row-level security.

On SQLite it is `task_word`, a virtual table of FTS5, which some Pythons lack. Their
writes must not fail, so no trigger writes into it. Triggers note in the table
`task_text` which task has new texts: a row with the next number for each change. A
program with FTS5 enters the noted tasks into `task_word` under these numbers, at the
end of a transaction and many at once. A search looks into `task_word`, and at the
tasks that were noted later than its last row. When tasks are purged the index is
made anew: it would keep the parts of their texts.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from todo_cli.database.run import Connection, Row

SHORTEST: Final = 3
"""How many code points a word has that an index of trigrams can find."""
_MOST_TRIGRAMS: Final = 60
"""How many trigrams of the words are looked up; more would find no fewer tasks."""

# On SQLite

_SOME: Final = 100
"""From how many noted changes on they are entered.

Many at once cost less, and so few cost a search next to nothing.
"""
_OF_OTHERS: Final = 1_000
"""How many changes are entered at the end of a transaction, besides its own.

A program without FTS5 can have left many.
"""
_AT_MOST: Final = 20_000
"""How many of its own changes a transaction enters; an import enters all."""
_AT_ONCE: Final = 10_000

NOTES: Final = (
    """\
CREATE TABLE task_text (
    number INTEGER NOT NULL,
    task_id TEXT NOT NULL,
    PRIMARY KEY (number)
)""",
    """\
CREATE TRIGGER task_text_of_new AFTER INSERT ON task
WHEN new.title_folded IS NOT NULL BEGIN
    INSERT INTO task_text (task_id) VALUES (new.id);
END""",
    """\
CREATE TRIGGER task_text_of_changed
AFTER UPDATE OF title_folded, description_folded, project_folded, tags ON task
WHEN new.title_folded IS NOT NULL BEGIN
    INSERT INTO task_text (task_id) VALUES (new.id);
END""",
)
"""What every file has, whether or not there is FTS5."""

_MAKE: Final = (
    "CREATE VIRTUAL TABLE task_word USING fts5("
    "folded, content='', detail=none, tokenize='trigram case_sensitive 1')"
)
"""Without contents and positions: the texts are in `task`."""


_STATE: Final = "state_of_words"
"""Selects whether there is FTS5, how `task_word` is defined, and the last note."""
STATES: Final = {"sqlite": _STATE, "postgresql": "index_of_words"}
"""The statement whose row `kind_in` reads, by dialect."""


def kind_in(row: "Row") -> str:
    """Return which index of words a store has: `fts5`, `pg_trgm` or `none`."""
    if len(row) == 1:
        return "pg_trgm" if row[0] else "none"
    has_fts5, sql, _ = row
    # A file gets the table with the first entries.
    return "fts5" if has_fts5 and sql in (None, _MAKE) else "none"


async def is_ready(connection: "Connection") -> bool:
    """Whether a file has the index, and this Python can read it."""
    [(has_fts5, sql, _)] = await connection.fetch(_STATE)
    return bool(has_fts5) and sql == _MAKE


async def enter(connection: "Connection", changes: int) -> None:
    """Enter noted tasks into the index of a file, if this Python can.

    Call it at the end of a transaction, with the number of changes in it.
    """
    found = await _noted(connection)
    if found is not None and len(found) >= _SOME:
        end = found.start + min(changes, _AT_MOST) + _OF_OTHERS
        await _enter(connection, found[: end - found.start])


async def enter_all(connection: "Connection") -> None:
    """Enter all noted tasks into the index of a file, within a transaction."""
    found = await _noted(connection)
    if found is not None and len(found) >= _SOME:
        await _enter(connection, found)


async def renew(connection: "Connection") -> None:
    """Remove the index of a file, within a transaction, and note all tasks.

    `enter` makes it anew at the end of this transaction, or with a few of the
    next ones; until then a search also looks at the tasks that are not entered.
    A Python without FTS5 cannot remove the index.
    """
    if await is_ready(connection):
        await connection.execute("DROP TABLE task_word")
        await connection.fetch("forget_notes")
        await connection.fetch("note_all")


async def _noted(connection: "Connection") -> range | None:
    """Return the numbers that are not entered yet.

    None if this Python has no FTS5, or the table is not ours.
    """
    [(has_fts5, sql, newest)] = await connection.fetch(_STATE)
    if not has_fts5 or sql not in (None, _MAKE):
        return None
    last = 0
    if sql is not None:
        last = await _last(connection)
    return range(last + 1, (newest or 0) + 1)


async def _last(connection: "Connection") -> int:
    """Return the number of the last row of the index; 0 for none."""
    rows = await connection.fetch("last_word")
    return rows[0][0] if rows else 0


async def _enter(connection: "Connection", numbers: range) -> None:
    """Enter the tasks with these numbers; make the index before the first."""
    if numbers.start == 1:
        await connection.execute(_MAKE)
    # Not all in one statement: a signal is noticed only between two.
    for start in numbers[::_AT_ONCE]:
        end = min(start + _AT_ONCE, numbers.stop) - 1
        await connection.fetch("enter_words", start=start, end=end)


def match_of(words: Iterable[str]) -> str:
    """Return the pattern of FTS5 for texts that can contain folded words.

    Each trigram of the words has to be there. No character is special within
    the quotes, and no text contains NUL.
    """
    trigrams: dict[str, None] = {}
    for word in words:
        for start in range(len(word) - SHORTEST + 1):
            trigrams[word[start : start + SHORTEST]] = None
    quoted = []
    for trigram in list(trigrams)[:_MOST_TRIGRAMS]:
        escaped = trigram.replace('"', '""')
        quoted.append(f'"{escaped}"')
    return " ".join(quoted)


# On PostgreSQL

TRIGRAMS: Final = """\
DO $$
DECLARE
    place pg_catalog.text;
BEGIN
    IF (pg_catalog.to_regclass('todo.tag_words_idx') IS NOT NULL
            AND pg_catalog.to_regclass('todo.task_words_idx') IS NOT NULL)
        OR NOT (SELECT pg_catalog.pg_has_role(relowner, 'USAGE')
            FROM pg_catalog.pg_class
            WHERE oid = 'todo.task'::pg_catalog.regclass)
    THEN
        RETURN;
    END IF;
    BEGIN
        CREATE EXTENSION IF NOT EXISTS pg_trgm WITH SCHEMA todo;
    EXCEPTION WHEN OTHERS THEN
        NULL; -- everything works without it
    END;
    -- By its schema, because no name is looked up on a path; and only if nobody
    -- but a superuser can change what it does.
    SELECT nspname INTO place
    FROM pg_catalog.pg_extension
    JOIN pg_catalog.pg_depend AS member
        ON member.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass
        AND member.refobjid = pg_extension.oid AND member.deptype = 'e'
        AND member.classid = 'pg_catalog.pg_opclass'::pg_catalog.regclass
    JOIN pg_catalog.pg_opclass ON pg_opclass.oid = member.objid
    JOIN pg_catalog.pg_namespace ON pg_namespace.oid = opcnamespace
    WHERE extname = 'pg_trgm' AND opcname = 'gin_trgm_ops'
        AND NOT EXISTS (
            SELECT FROM pg_catalog.pg_depend AS other
            JOIN pg_catalog.pg_proc ON pg_proc.oid = other.objid
            JOIN pg_catalog.pg_roles ON pg_roles.oid = proowner
            WHERE other.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass
                AND other.refclassid = member.refclassid
                AND other.refobjid = member.refobjid
                AND other.deptype = 'e' AND NOT rolsuper
        );
    IF place IS NULL THEN
        RETURN;
    END IF;
    -- One of the two can be there, as after a restore that lost the other.
    IF pg_catalog.to_regclass('todo.tag_words_idx') IS NULL THEN
        EXECUTE pg_catalog.format(
            'CREATE INDEX tag_words_idx ON todo.tag '
            'USING gin (folded %1$I.gin_trgm_ops) '
            'WITH (gin_pending_list_limit = 256)', place);
    END IF;
    IF pg_catalog.to_regclass('todo.task_words_idx') IS NULL THEN
        EXECUTE pg_catalog.format(
            'CREATE INDEX task_words_idx ON todo.task '
            'USING gin (title_folded %1$I.gin_trgm_ops, '
            'description_folded %1$I.gin_trgm_ops, '
            'project_folded %1$I.gin_trgm_ops) '
            'WITH (gin_pending_list_limit = 256)', place);
    END IF;
END $$"""
"""Makes those of the indexes that are missing, if our role can; may be repeated.

New rows wait in a list that a search reads from its beginning, so the list is
short.
"""
