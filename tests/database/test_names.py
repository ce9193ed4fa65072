"""Every name that a file can have, and a file with more than one name."""

import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tests.support import disks
from tests.support.machine import needs
from tests.support.program import Todo
from tests.support.site import Site
from tests.support.stores import Clock
from todo_cli import disk
from todo_cli.database.engine import open_database
from todo_cli.database.transfer import copy
from todo_cli.database.url import SqliteTarget
from todo_cli.errors import IoFailed
from todo_cli.service import TaskService
from todo_cli.task import NewTask

LINKS = "it has 2 names (hard links)"


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
        copied = await copy(source, target, lambda *_: None, Clock()())
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


# Several names


@pytest.fixture
async def linked(tmp_path: Path, clock: Clock) -> Path:
    """A file with a task, whose other name is `other.db`."""
    path = tmp_path / "todo.db"
    await add(path, "one", clock)
    path.with_name("other.db").hardlink_to(path)
    return path


@pytest.mark.spec("002/FR-148")
async def test_a_file_with_two_names_is_read_and_not_written(
    linked: Path, clock: Clock
) -> None:
    """openclaw/openclaw#144585: each name of a file has a log of its own."""
    before = everything(linked.parent)

    for path in (linked, linked.with_name("other.db")):
        assert await titles(path, clock) == ["one"]
        async with open_database(SqliteTarget(path)) as database:
            assert await database.upgrade()
            with pytest.raises(IoFailed) as caught:
                await TaskService(database, "ada", clock).complete([1])
            assert not database.may_have_written
        assert caught.value.message.startswith(f"{path}: {LINKS}")
        hint = str(caught.value.hint)
        assert hint.startswith("nothing was changed; end all programs")
        assert f"`cp {path} {path}.new && mv {path}.new {path}`" in hint
        assert everything(linked.parent) == before

    # As the hint says.
    shutil.copyfile(linked, f"{linked}.new")
    Path(f"{linked}.new").replace(linked)
    await add(linked, "two", clock)
    assert await titles(linked, clock) == ["two", "one"]
    assert await titles(linked.with_name("other.db"), clock) == ["one"]


@pytest.mark.spec("002/FR-148")
async def test_an_empty_file_with_two_names_is_left_empty(
    tmp_path: Path, clock: Clock
) -> None:
    path = tmp_path / "todo.db"
    path.touch(0o600)
    path.with_name("other.db").hardlink_to(path)

    with pytest.raises(IoFailed, match="2 names"):
        await add(path, "one", clock)

    assert path.stat().st_size == 0
    assert await titles(path, clock) == []


@pytest.mark.spec("002/FR-148")
async def test_a_file_that_gets_a_second_name_while_it_is_open_is_safe(
    tmp_path: Path, clock: Clock
) -> None:
    path, other = tmp_path / "todo.db", tmp_path / "other.db"
    async with open_database(SqliteTarget(path)) as database:
        tasks = TaskService(database, "ada", clock)
        await tasks.add(NewTask(title="one"))
        other.hardlink_to(path)

        with pytest.raises(IoFailed, match="2 names"):
            await add(other, "lost", clock)
        # The log belongs to the first name, and may need repairs.
        with pytest.raises(IoFailed, match="2 names") as caught:
            await titles(path, clock)
        assert "todo.db and todo.db-wal together" in str(caught.value.hint)

        # What was logged is in the file from now on.
        with pytest.raises(IoFailed, match="2 names"):
            await tasks.add(NewTask(title="two"))
        assert [task.title for task in (await tasks.list()).tasks] == ["one"]
        assert await titles(other, clock) == ["one"]
        assert sorted(each.name for each in tmp_path.iterdir()) == [
            "other.db",
            "todo.db",
        ]

        other.unlink()
        await tasks.add(NewTask(title="two"))
    assert await titles(path, clock) == ["two", "one"]


@pytest.mark.spec("002/FR-148")
async def test_a_file_with_two_names_is_a_source_of_an_import(
    linked: Path, tmp_path: Path, clock: Clock
) -> None:
    before = everything(tmp_path)
    target = SqliteTarget(tmp_path / "new" / "todo.db")

    async with (
        open_database(SqliteTarget(linked)) as source,
        open_database(target) as database,
    ):
        assert (
            await copy(source, database, lambda *_: None, Clock()())
        ).new == 1
        with pytest.raises(IoFailed, match="2 names"):
            await copy(database, source, lambda *_: None, Clock()())

    shutil.rmtree(tmp_path / "new")
    assert everything(tmp_path) == before


@needs("mounts")
@pytest.mark.spec("002/FR-148")
async def test_a_file_mounted_without_its_folder_is_read_and_not_written(
    tmp_path: Path, clock: Clock
) -> None:
    """As `docker run -v ./todo.db:/data/todo.db`: the log would be in /data."""
    path, inside = tmp_path / "todo.db", tmp_path / "data" / "todo.db"
    inside.parent.mkdir()
    async with open_database(SqliteTarget(path)) as database:
        tasks = TaskService(database, "ada", clock)
        await tasks.add(NewTask(title="one"))
        with disks.mounted_alone(path, inside):
            with pytest.raises(IoFailed, match="without its folder") as caught:
                await add(inside, "lost", clock)
            assert "mount its folder" in str(caught.value.hint)
            await titles(inside, clock)
            assert os.listdir(inside.parent) == ["todo.db"]
        await tasks.add(NewTask(title="two"))
    with disks.mounted_alone(path, inside):
        assert await titles(inside, clock) == ["two", "one"]
    # With its folder.
    with disks.read_only(tmp_path):
        assert disk.look_at_names(path) is None


def test_a_system_that_does_not_tell_mounts_is_believed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "todo.db"
    path.touch()
    assert disk.look_at_names(path) is None
    with disks.free_descriptors(1):
        assert disk.look_at_names(path) is None
    monkeypatch.delattr(os, "O_PATH", raising=False)
    assert disk.look_at_names(path) is None


@pytest.mark.spec("002/FR-148")
async def test_symlinks_and_names_of_other_files_are_no_second_name(
    tmp_path: Path, clock: Clock
) -> None:
    path, link = tmp_path / "todo.db", tmp_path / "link.db"
    link.symlink_to(path)
    async with open_database(SqliteTarget(path)) as database:
        tasks = TaskService(database, "ada", clock)
        await tasks.add(NewTask(title="one"))
        await add(link, "two", clock)
        assert len((await tasks.list()).tasks) == 2


Change = Callable[[Path], object]


def move_away(path: Path) -> None:
    """Move a file and all that is beside it."""
    for each in (path, *disk.sidecars(path)):
        if each.exists():
            each.rename(each.with_name(f"old-{each.name}"))


def delete(path: Path) -> None:
    """Delete a file and all that is beside it."""
    for each in (path, *disk.sidecars(path)):
        each.unlink(missing_ok=True)


@pytest.mark.spec("002/FR-148")
@pytest.mark.parametrize("change", [move_away, delete])
async def test_a_new_file_in_the_place_of_an_open_one_keeps_its_log(
    change: Change, tmp_path: Path, clock: Clock
) -> None:
    """The one that has the old file open must not delete the new one's log."""
    path = tmp_path / "todo.db"
    async with (
        open_database(SqliteTarget(path)) as database,
        open_database(SqliteTarget(path)) as later,
    ):
        tasks = TaskService(database, "ada", clock)
        others = TaskService(later, "ada", clock)
        await tasks.add(NewTask(title="old"))
        change(path)
        await others.add(NewTask(title="new"))
        await tasks.add(NewTask(title="newer"))
        await others.add(NewTask(title="newest"))
        assert len((await tasks.list()).tasks) == 3

    assert await titles(path, clock) == ["newest", "newer", "new"]


@pytest.mark.spec("002/FR-148")
def test_doctor_says_what_to_do_about_two_names(
    site: Site, tmp_path: Path
) -> None:
    path = tmp_path / "my todo.db"
    todo: Todo = site.todo(str(path))
    assert todo("add", "one").status == 0
    path.with_name("other.db").hardlink_to(path)

    ran = todo("doctor")
    assert ran.status == 0
    assert LINKS in ran.out
    assert f"`cp '{path}' '{path}.new' && mv '{path}.new' '{path}'`" in ran.out
