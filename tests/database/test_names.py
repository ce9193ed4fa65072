"""Every name that a file can have."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.site import Site
from tests.support.stores import Clock
from todo_cli import disk
from todo_cli.database.engine import open_database
from todo_cli.database.transfer import copy
from todo_cli.database.url import SqliteTarget
from todo_cli.errors import IoFailed
from todo_cli.service import TaskService
from todo_cli.task import NewTask


async def add(path: Path, title: str, clock: Clock) -> None:
    """Store a task of ada in a file."""
    async with open_database(SqliteTarget(path)) as database:
        await TaskService(database, "ada", clock).add(NewTask(title=title))


async def titles(path: Path, clock: Clock) -> list[str]:
    """What ada's tasks in a file are."""
    async with open_database(SqliteTarget(path)) as database:
        page = await TaskService(database, "ada", clock).list()
    return [task.title for task in page.tasks]


def rows(path: Path) -> int:
    """How many tasks SQLite itself finds in a file."""
    with closing(sqlite3.connect(path)) as file:
        number: int = file.execute("SELECT count(*) FROM task").fetchone()[0]
    return number


def everything(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Each file of a folder: its inode and its bytes."""
    found = {}
    for path in sorted(folder.iterdir()):
        found[path.name] = (path.stat().st_ino, path.read_bytes())
    return found


# Names


@pytest.mark.spec("002/FR-147")
@pytest.mark.parametrize(
    "write",
    [
        "/{folder}/x.db",
        "//{folder}/x.db",
        "/{folder}//x.db",
        "/.{folder}/x.db",
        "//.{folder}/./x.db",
        "{folder}/../{last}/x.db",
        "/{folder}/../{last}/x.db",
        "{folder}/a#b.db",
        "{folder}/a?mode=memory.db",
        "{folder}/100%.db",
        "{folder}/a%41%2f.db",
        "{folder}/a b&c=d;e'f\"g.db",
        "{folder}/a\nb.db",
        "{folder}/\udcff\udcfe.db",
        "{folder}/\U0001f468\u200d.db",
        "{folder}/:memory:",
        "{folder}/file:x.db",
        "{folder}/~ada",
        "{folder}/" + "x" * 200,
    ],
)
async def test_a_file_of_any_name_is_a_store_and_a_source(
    write: str, tmp_path: Path, clock: Clock
) -> None:
    """calebevans/mulder#86: `//tmp` reached SQLite as the name of a host."""
    text = write.format(folder=tmp_path, last=tmp_path.name)
    path, other = Path(text), tmp_path / "other.db"

    await add(path, "one", clock)
    assert rows(path) == 1
    assert await titles(path, clock) == ["one"]

    async with (
        open_database(SqliteTarget(path)) as source,
        open_database(SqliteTarget(other)) as target,
    ):
        copied = await copy(source, target, lambda *_: None)
    assert copied.new == 1
    assert await titles(other, clock) == ["one"]


@pytest.mark.spec("002/FR-147")
def test_a_path_with_two_slashes_works_wherever_it_is_named(
    site: Site, tmp_path: Path
) -> None:
    """calebevans/mulder#86."""
    todo = site.todo("sqlite")
    config = tmp_path / "config.toml"
    config.write_text("user = 'bob'\n")
    for name, value in {
        "TODO_DATABASE_URL": f"/{tmp_path}/a.db",
        "HOME": f"/{tmp_path}/home",
        "XDG_DATA_HOME": f"/{tmp_path}/data",
        "TODO_CONFIG": f"/{config}",
    }.items():
        assert todo("add", "one", env={name: value}).status == 0, name
        assert todo("list", env={name: value}).out.count("one") == 1, name

    url = {"TODO_DATABASE_URL": f"sqlite:////{tmp_path}/b.db"}
    assert todo("db", "import", f"/{tmp_path}/a.db", env=url).status == 0
    assert "one" in todo("list", env=url).out


@pytest.mark.spec("002/FR-147")
async def test_a_path_that_is_too_long_for_sqlite_says_so(
    tmp_path: Path, clock: Clock
) -> None:
    folder = tmp_path / "x" / ("y" * 200) / ("z" * 200)
    longest = 512 - len("-journal")
    fits = folder / ("f" * (longest - len(os.fsencode(folder)) - 1))
    await add(fits, "one", clock)
    assert await titles(fits, clock) == ["one"]

    too_long = fits.with_name(f"{fits.name}f")
    with pytest.raises(IoFailed, match="has 505 bytes, too many") as caught:
        await add(too_long, "one", clock)
    assert caught.value.hint == "nothing was changed; use a shorter path"
    # Too long for the system, too.
    with pytest.raises(IoFailed, match="file name too long"):
        await add(tmp_path.joinpath(*["x" * 200] * 21), "one", clock)


@pytest.mark.spec("002/FR-147")
@pytest.mark.parametrize("suffix", ["-wal", "-journal"])
async def test_a_database_in_the_place_of_a_log_is_never_overwritten(
    suffix: str, tmp_path: Path, clock: Clock
) -> None:
    path = tmp_path / "work"
    database = disk.beside(path, suffix)
    # As another program may name it.
    await add(tmp_path / "made.db", "kept", clock)
    (tmp_path / "made.db").rename(database)
    before = everything(tmp_path)

    for call in (add(path, "new", clock), titles(path, clock)):
        with pytest.raises(IoFailed, match="is a database, and") as caught:
            await call
        assert "than work" in str(caught.value.hint)
    assert everything(tmp_path) == before

    # Beside a file that is there.
    database.rename(tmp_path / "aside")
    await add(path, "new", clock)
    (tmp_path / "aside").rename(database)
    with pytest.raises(IoFailed, match="is a database, and"):
        await titles(path, clock)
    assert rows(database) == 1
