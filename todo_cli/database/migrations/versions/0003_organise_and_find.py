"""Add due day, wait day, priority, project, tags, version, and folded texts.

No row is lost or changed in what it had. On SQLite the folded texts of all rows
are filled here; on PostgreSQL `filling.py` does it afterwards, in batches.
"""

from typing import Final

from alembic import op

revision = "0003"
down_revision = "0002"

POSTGRESQL: Final = (
    r"""
        ALTER TABLE todo.task
            ADD COLUMN due_on DATE,
            ADD COLUMN wait_until DATE,
            ADD COLUMN priority TEXT,
            ADD COLUMN project TEXT,
            ADD COLUMN tags TEXT[] DEFAULT '{}' NOT NULL,
            ADD COLUMN version INTEGER DEFAULT 1 NOT NULL,
            ADD COLUMN title_folded TEXT,
            ADD COLUMN description_folded TEXT,
            ADD COLUMN project_folded TEXT,
            ADD CONSTRAINT due_on_day CHECK (due_on BETWEEN '1900-01-01' AND '9998-12-31'),
            ADD CONSTRAINT wait_until_day CHECK (wait_until BETWEEN '1900-01-01' AND '9998-12-31'),
            ADD CONSTRAINT priority_word CHECK (priority IS NULL OR priority IN ('high', 'medium', 'low')),
            ADD CONSTRAINT project_text CHECK (project IS NULL OR (length(project) BETWEEN 1 AND 100 AND project = trim(project) AND project !~ '[\u0001-\u001F\u007F-\u009F\u2028-\u202E\u2066-\u2069]')),
            ADD CONSTRAINT project_parts CHECK (project IS NULL OR (lower(project) NOT IN ('none', '-') AND project NOT LIKE '.%' AND project NOT LIKE '%.' AND project NOT LIKE '%..%')),
            ADD CONSTRAINT tags_count CHECK (cardinality(tags) <= 50 AND array_position(tags, NULL) IS NULL),
            ADD CONSTRAINT version_counts CHECK (version >= 1)
        """,
    r"""
        DROP INDEX IF EXISTS todo.task_user_id_completed_created_at_number_idx
        """,
    r"""
        DROP INDEX IF EXISTS todo.task_user_id_created_at_number_idx
        """,
    r"""
        DROP INDEX IF EXISTS todo.task_user_id_idx
        """,
    r"""
        CREATE TABLE todo.tag (
            task_id UUID NOT NULL,
            name TEXT NOT NULL,
            user_id TEXT NOT NULL,
            folded TEXT NOT NULL,
            PRIMARY KEY (task_id, name),
            CONSTRAINT user_id_text CHECK (length(user_id) BETWEEN 1 AND 255 AND user_id = trim(user_id) AND user_id !~ '[\u0001-\u001F\u007F-\u009F\u2028-\u202E\u2066-\u2069]'),
            CONSTRAINT name_text CHECK (length(name) BETWEEN 1 AND 50 AND name = trim(name) AND name !~ '[\u0001-\u001F\u007F-\u009F\u2028-\u202E\u2066-\u2069]'),
            CONSTRAINT name_word CHECK (lower(name) NOT IN ('none', '-') AND replace(name, ',', '') = name AND replace(name, ' ', '') = name),
            FOREIGN KEY(task_id) REFERENCES todo.task (id) ON DELETE CASCADE
        )
        """,
    r"""
        CREATE INDEX task_completed_at_idx ON todo.task (user_id, completed_at, created_at, number) WHERE completed_at IS NOT NULL
        """,
    r"""
        CREATE INDEX task_created_at_idx ON todo.task (user_id, completed, created_at, number, wait_until)
        """,
    r"""
        CREATE INDEX task_due_on_idx ON todo.task (user_id, completed, due_on, (CASE WHEN (priority OPERATOR(pg_catalog.=) 'high') THEN 1 WHEN (priority OPERATOR(pg_catalog.=) 'medium') THEN 2 WHEN (priority OPERATOR(pg_catalog.=) 'low') THEN 3 ELSE 4 END), created_at DESC, number DESC, wait_until) WHERE due_on IS NOT NULL
        """,
    r"""
        CREATE INDEX task_priority_idx ON todo.task (user_id, completed, (CASE WHEN (priority OPERATOR(pg_catalog.=) 'high') THEN 1 WHEN (priority OPERATOR(pg_catalog.=) 'medium') THEN 2 WHEN (priority OPERATOR(pg_catalog.=) 'low') THEN 3 ELSE 4 END), created_at DESC, number DESC) WHERE priority IS NOT NULL
        """,
    r"""
        CREATE INDEX task_project_exact_idx ON todo.task (user_id, completed, (project COLLATE pg_catalog."C")) WHERE project IS NOT NULL
        """,
    r"""
        CREATE INDEX task_project_idx ON todo.task (user_id, completed, (pg_catalog.substr(coalesce(project_folded, project), 1, 150) COLLATE pg_catalog."C"), (project COLLATE pg_catalog."C"), created_at DESC, number DESC) WHERE project IS NOT NULL
        """,
    r"""
        CREATE INDEX task_title_idx ON todo.task (user_id, completed, (pg_catalog.substr(coalesce(title_folded, title), 1, 150) COLLATE pg_catalog."C"), (title COLLATE pg_catalog."C"), created_at DESC, number DESC)
        """,
    r"""
        CREATE INDEX task_unfilled_idx ON todo.task (user_id, number) WHERE title_folded IS NULL
        """,
    r"""
        CREATE INDEX task_updated_at_idx ON todo.task (user_id, completed, updated_at, created_at, number)
        """,
    r"""
        CREATE INDEX task_wait_until_idx ON todo.task (user_id, completed, wait_until, created_at DESC, number DESC, id) WHERE wait_until IS NOT NULL
        """,
    r"""
        CREATE INDEX tag_user_id_name_idx ON todo.tag (user_id, name, task_id)
        """,
)

SQLITE: Final = (
    r"""
        ALTER TABLE task ADD COLUMN due_on TEXT
            CONSTRAINT due_on_day CHECK (due_on IS NULL OR (typeof(due_on) = 'text' AND due_on GLOB '[0-9][0-9][0-9][0-9]-[01][0-9]-[0-3][0-9]' AND date(due_on, '+0 days') IS due_on AND due_on BETWEEN '1900-01-01' AND '9998-12-31'))
        """,
    r"""
        ALTER TABLE task ADD COLUMN wait_until TEXT
            CONSTRAINT wait_until_day CHECK (wait_until IS NULL OR (typeof(wait_until) = 'text' AND wait_until GLOB '[0-9][0-9][0-9][0-9]-[01][0-9]-[0-3][0-9]' AND date(wait_until, '+0 days') IS wait_until AND wait_until BETWEEN '1900-01-01' AND '9998-12-31'))
        """,
    r"""
        ALTER TABLE task ADD COLUMN priority TEXT
            CONSTRAINT priority_word CHECK (priority IS NULL OR priority IN ('high', 'medium', 'low'))
        """,
    r"""
        ALTER TABLE task ADD COLUMN project TEXT
            CONSTRAINT project_text CHECK (project IS NULL OR (length(project) BETWEEN 1 AND 100 AND project = trim(project) AND typeof(project) = 'text' AND instr(project, char(0)) = 0 AND project NOT GLOB '*[' || char(1) || '-' || char(31) || char(127) || '-' || char(159) || char(8232) || '-' || char(8238) || char(8294) || '-' || char(8297) || ']*'))
            CONSTRAINT project_parts CHECK (project IS NULL OR (lower(project) NOT IN ('none', '-') AND project NOT LIKE '.%' AND project NOT LIKE '%.' AND project NOT LIKE '%..%'))
        """,
    r"""
        ALTER TABLE task ADD COLUMN tags TEXT DEFAULT '[]' NOT NULL
            CONSTRAINT tags_count CHECK (typeof(tags) = 'text' AND tags GLOB '[[]*]' AND length(tags) - length(replace(tags, ',', '')) < 50)
        """,
    r"""
        ALTER TABLE task ADD COLUMN version INTEGER DEFAULT 1 NOT NULL
            CONSTRAINT version_counts CHECK (version >= 1)
            CONSTRAINT version_integer CHECK (typeof(version) = 'integer' AND version <= 2147483647)
        """,
    r"""
        ALTER TABLE task ADD COLUMN title_folded TEXT
        """,
    r"""
        ALTER TABLE task ADD COLUMN description_folded TEXT
        """,
    r"""
        ALTER TABLE task ADD COLUMN project_folded TEXT
        """,
    r"""
        DROP INDEX IF EXISTS task_user_id_completed_created_at_number_idx
        """,
    r"""
        DROP INDEX IF EXISTS task_user_id_created_at_number_idx
        """,
    r"""
        DROP INDEX IF EXISTS task_user_id_idx
        """,
    r"""
        CREATE TABLE tag (
            task_id TEXT NOT NULL,
            name TEXT NOT NULL,
            user_id TEXT NOT NULL,
            folded TEXT NOT NULL,
            PRIMARY KEY (task_id, name),
            CONSTRAINT user_id_text CHECK (length(user_id) BETWEEN 1 AND 255 AND user_id = trim(user_id) AND typeof(user_id) = 'text' AND instr(user_id, char(0)) = 0 AND user_id NOT GLOB '*[' || char(1) || '-' || char(31) || char(127) || '-' || char(159) || char(8232) || '-' || char(8238) || char(8294) || '-' || char(8297) || ']*'),
            CONSTRAINT name_text CHECK (length(name) BETWEEN 1 AND 50 AND name = trim(name) AND typeof(name) = 'text' AND instr(name, char(0)) = 0 AND name NOT GLOB '*[' || char(1) || '-' || char(31) || char(127) || '-' || char(159) || char(8232) || '-' || char(8238) || char(8294) || '-' || char(8297) || ']*'),
            CONSTRAINT name_word CHECK (lower(name) NOT IN ('none', '-') AND replace(name, ',', '') = name AND replace(name, ' ', '') = name),
            FOREIGN KEY(task_id) REFERENCES task (id) ON DELETE CASCADE
        )
        """,
)
"""Columns are added and not the table made anew, so whatever another program has added stays."""

INDEXES: Final = (
    r"""
        CREATE INDEX task_completed_at_idx ON task (user_id, completed_at, created_at, number) WHERE completed_at IS NOT NULL
        """,
    r"""
        CREATE INDEX task_created_at_idx ON task (user_id, completed, created_at, number, wait_until)
        """,
    r"""
        CREATE INDEX task_due_on_idx ON task (user_id, completed, due_on, (CASE WHEN (priority = 'high') THEN 1 WHEN (priority = 'medium') THEN 2 WHEN (priority = 'low') THEN 3 ELSE 4 END), created_at DESC, number DESC, wait_until) WHERE due_on IS NOT NULL
        """,
    r"""
        CREATE INDEX task_priority_idx ON task (user_id, completed, (CASE WHEN (priority = 'high') THEN 1 WHEN (priority = 'medium') THEN 2 WHEN (priority = 'low') THEN 3 ELSE 4 END), created_at DESC, number DESC) WHERE priority IS NOT NULL
        """,
    r"""
        CREATE INDEX task_project_exact_idx ON task (user_id, completed, project) WHERE project IS NOT NULL
        """,
    r"""
        CREATE INDEX task_project_idx ON task (user_id, completed, substr(coalesce(project_folded, project), 1, 150), project, created_at DESC, number DESC) WHERE project IS NOT NULL
        """,
    r"""
        CREATE INDEX task_title_idx ON task (user_id, completed, substr(coalesce(title_folded, title), 1, 150), title, created_at DESC, number DESC)
        """,
    r"""
        CREATE INDEX task_unfilled_idx ON task (user_id, number) WHERE title_folded IS NULL
        """,
    r"""
        CREATE INDEX task_updated_at_idx ON task (user_id, completed, updated_at, created_at, number)
        """,
    r"""
        CREATE INDEX task_wait_until_idx ON task (user_id, completed, wait_until, created_at DESC, number DESC, id) WHERE wait_until IS NOT NULL
        """,
    r"""
        CREATE INDEX tag_user_id_name_idx ON tag (user_id, name, task_id)
        """,
)
"""Those of SQLite: they come after the folded texts, because that is faster."""

NOTES: Final = (
    r"""
        CREATE TABLE task_text (
            number INTEGER NOT NULL,
            task_id TEXT NOT NULL,
            PRIMARY KEY (number)
        )
        """,
    r"""
        INSERT INTO task_text (task_id)
            SELECT id FROM task WHERE title_folded IS NOT NULL AND id IS NOT NULL
        """,
    r"""
        CREATE TRIGGER task_text_of_new AFTER INSERT ON task
        WHEN new.title_folded IS NOT NULL BEGIN
            INSERT INTO task_text (task_id) VALUES (new.id);
        END
        """,
    r"""
        CREATE TRIGGER task_text_of_changed
        AFTER UPDATE OF title_folded, description_folded, project_folded, tags ON task
        WHEN new.title_folded IS NOT NULL BEGIN
            INSERT INTO task_text (task_id) VALUES (new.id);
        END
        """,
)
"""What notes the changes of texts on SQLite: see `search.py`."""

FILL: Final = """
UPDATE task SET title_folded = todo_fold(CAST(title AS BLOB), 1),
description_folded = todo_fold(CAST(description AS BLOB), 0)
"""
"""`filling.py` makes the function, which also reports how many tasks are done."""

TRIGGERS: Final = """
SELECT name, sql FROM sqlite_master WHERE type = 'trigger'
AND lower(tbl_name) = 'task' ORDER BY rowid
"""


def upgrade() -> None:
    """Apply the change; forward only."""
    context = op.get_context()
    if context.dialect.name == "postgresql":
        for statement in POSTGRESQL:
            op.execute(statement)
        return
    # SQLite looks at all rows for each column; a row that breaks a rule stays.
    op.execute("PRAGMA ignore_check_constraints = ON")
    for statement in SQLITE:
        op.execute(statement)
    op.execute("PRAGMA ignore_check_constraints = OFF")
    # The printed SQL is run by a program that has no such function.
    if not context.as_sql:
        _fill()
    for statement in INDEXES + NOTES:
        op.execute(statement)


def _fill() -> None:
    """Fill the folded texts; triggers of another program do not see it."""
    connection = op.get_bind()
    triggers = connection.exec_driver_sql(TRIGGERS).all()
    for name, _ in triggers:
        quoted = name.replace('"', '""')
        connection.exec_driver_sql(f'DROP TRIGGER "{quoted}"')
    connection.exec_driver_sql(FILL)
    for _, sql in triggers:
        connection.exec_driver_sql(sql)
