"""The PostgreSQL of the tests is real, refuses strangers, and leaves nothing behind."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.machine import needs
from tests.support.postgres import (
    PostgresCluster,
    PostgresServer,
    ReusedDatabase,
    find_binaries,
)

ROOT = Path(__file__).parents[2]
OWNER = """
import time
from tests.support.postgres import open_cluster
cluster = open_cluster()
print(cluster.folder, flush=True)
time.sleep(600)
"""

# Whatever is in the schema and who may use it, by words of its own.
EVERYTHING = """
SELECT ROW(relname, relkind, relrowsecurity, relacl)::text FROM pg_class WHERE relnamespace = 'todo'::regnamespace
UNION ALL SELECT ROW(attrelid::regclass, attname, format_type(atttypid, atttypmod), atthasdef)::text
  FROM pg_attribute WHERE attrelid::regclass::text LIKE 'todo.%' AND attnum > 0 AND NOT attisdropped
UNION ALL SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE connamespace = 'todo'::regnamespace
UNION ALL SELECT polname FROM pg_policy
UNION ALL SELECT proname FROM pg_proc WHERE pronamespace = 'todo'::regnamespace
UNION ALL SELECT version_num FROM todo.alembic_version
UNION ALL SELECT ROW(counter.*)::text FROM todo.counter
UNION ALL SELECT ROW(task.*)::text FROM todo.task
ORDER BY 1
"""


CHANGES = {
    "nothing": "SELECT 1",
    "task": "INSERT INTO todo.counter (user_id, last) VALUES ('ada', 1)",
    "check": "ALTER TABLE todo.task ADD CHECK (number < 9)",
    "column": "ALTER TABLE todo.task ADD COLUMN extra int",
    "default": "ALTER TABLE todo.task ALTER COLUMN title SET DEFAULT 'x'",
    "index": "CREATE INDEX extra ON todo.task (title)",
    "rights": "GRANT SELECT ON todo.task TO PUBLIC",
    "policy": "CREATE POLICY extra ON todo.task",
    "rule for rows": "ALTER TABLE todo.task ENABLE ROW LEVEL SECURITY",
    "function": "CREATE FUNCTION todo.extra() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "stamp": "UPDATE todo.alembic_version SET version_num = '9999'",
    "no stamp": "DROP TABLE todo.alembic_version",
    "no tables": "DROP SCHEMA todo CASCADE",
}


def test_gives_a_used_database_as_good_as_new(
    shared_database: ReusedDatabase, postgres: PostgresServer
) -> None:
    def what_is_there() -> list[str]:
        return [
            row[0] for row in postgres.fetch(shared_database.name, EVERYTHING)
        ]

    shared_database.emptied(is_made=False)
    shared_database.emptied()
    new = what_is_there()

    for what, change in CHANGES.items():
        postgres.run_sql(shared_database.name, change)
        shared_database.emptied()

        assert what_is_there() == new, what


def test_drops_only_what_it_created(own_postgres: PostgresCluster) -> None:
    guest = PostgresServer(own_postgres.url("postgres"))
    name = guest.create_database()

    with pytest.raises(ValueError, match="not made by the tests"):
        own_postgres.drop_database(name)
    guest.close()

    assert (
        own_postgres.fetch(
            "postgres", "SELECT 1 FROM pg_database WHERE datname = $1", name
        )
        == []
    )


def link(source: str, copy: str) -> None:
    """Give a file another name, or copy it where the disk is another one."""
    try:
        os.link(source, copy)
    except OSError:
        shutil.copy2(source, copy)


@needs(
    "root"
)  # who alone can hide the binaries from the account of the server
def test_starts_from_binaries_that_its_account_cannot_reach(
    tmp_path: Path,
) -> None:
    binaries = next(find_binaries())
    package = binaries.parents[1]
    for part in (package, package.with_name(f"{package.name}.libs")):
        if part.is_dir():
            shutil.copytree(
                part, tmp_path / part.name, symlinks=True, copy_function=link
            )
    tmp_path.chmod(0o700)

    cluster = PostgresCluster(tmp_path / binaries.relative_to(package.parent))

    assert [tuple(row) for row in cluster.fetch("postgres", "SELECT 1")] == [
        (1,)
    ]
    cluster.close()


def test_ends_the_server_when_the_tests_are_killed() -> None:
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert owner.stdout is not None
    with owner, owner.stdout:
        folder = Path(owner.stdout.readline().strip())
        assert (folder / "data" / "postmaster.pid").is_file()
        owner.send_signal(signal.SIGKILL)

    while folder.exists():
        time.sleep(0.05)
