"""Changing the config file: all else in it stays, and it is whole or as before."""

import os
import resource
import stat
import subprocess
import sys
import tomllib
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

import pytest

from tests.support import disks
from tests.support.machine import needs
from tests.support.program import LIMIT_S
from todo_cli import config_file
from todo_cli.errors import ConfigInvalid, IoFailed, TodoError

SECRET = "CaNaRy"
URL = "postgresql://a:" + SECRET + "@b/c"
SET = {"database_url": URL, "user": "ada"}
TAKEN_OUT = {"database_url": None}
LINES = f'database_url = "{URL}"\nuser = "ada"\n'


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the config file is."""
    return tmp_path / "config.toml"


@pytest.mark.spec("002/FR-296")
@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", LINES),
        ("# mine\n", f"# mine\n{LINES}"),
        ("# mine", f"# mine\n{LINES}"),
        ("timeout = 3", f"timeout = 3\n{LINES}"),
        (
            "# a\nuser = 'bob'  # b\n\n# c\ntimeout=3\n",
            f'# a\nuser = "ada"  # b\n\n# c\ntimeout=3\ndatabase_url = "{URL}"\n',
        ),
        (
            "database_url = '''\nold'''\n'user' = \"\"\"b\nc\"\"\"\n",
            f'database_url = "{URL}"\n\'user\' = "ada"\n',
        ),
        (
            "user = 'b' # c\r\n",
            f'user = "ada" # c\r\ndatabase_url = "{URL}"\r\n',
        ),
        (
            "\ufeffuser = 'b'\n",
            f'\ufeffuser = "ada"\ndatabase_url = "{URL}"\n',
        ),
        (LINES, LINES),
    ],
)
def test_what_is_not_changed_stays_as_it_is(
    path: Path, before: str, after: str
) -> None:
    path.write_bytes(before.encode())

    changed = config_file.edit(path, SET)

    assert path.read_bytes().decode() == after
    assert changed == (before != after)


@pytest.mark.spec("002/FR-300")
@pytest.mark.parametrize(
    ("before", "after"),
    [
        (f"# a\n{LINES}# b\n", '# a\nuser = "ada"\n# b\n'),
        (LINES.replace("\n", "\r\n"), 'user = "ada"\r\n'),
        ("timeout = 3\n", "timeout = 3\n"),
    ],
)
def test_a_key_is_taken_out(path: Path, before: str, after: str) -> None:
    path.write_bytes(before.encode())

    config_file.edit(path, TAKEN_OUT)

    assert path.read_bytes().decode() == after


@pytest.mark.spec("002/FR-296")
@pytest.mark.parametrize("text", ['a"b', "a\\b", "é😀", "a'b", "# a", "'''"])
def test_any_text_can_be_a_value(path: Path, text: str) -> None:
    config_file.edit(path, {"user": text})

    assert tomllib.loads(path.read_text()) == {"user": text}


@pytest.mark.spec("002/FR-296")
@pytest.mark.parametrize("mask", [0o000, 0o022, 0o777])
def test_only_its_owner_can_read_it_and_the_folders_made_for_it(
    tmp_path: Path, mask: int
) -> None:
    path = tmp_path / "a" / "b" / "config.toml"
    before = os.umask(mask & ~0o700)
    try:
        config_file.edit(path, SET)
    finally:
        os.umask(before)

    for each, mode in (
        (path, 0o600),
        (path.parent, 0o700),
        (tmp_path / "a", 0o700),
    ):
        assert stat.S_IMODE(each.stat().st_mode) == mode


@pytest.mark.spec("002/FR-296")
@pytest.mark.parametrize("there", [True, False])
def test_a_symlink_is_followed(
    tmp_path: Path, path: Path, there: bool
) -> None:
    real = tmp_path / "dotfiles" / "todo.toml"
    path.symlink_to(real)
    if there:
        real.parent.mkdir()
        real.write_text("# mine\n")

    config_file.edit(path, SET)

    assert path.is_symlink()
    assert real.read_text() == "# mine\n" * there + LINES
    assert [each.name for each in real.parent.iterdir()] == ["todo.toml"]


# What cannot be changed

Prepare = Callable[[Path], object]


def be_a_folder(path: Path) -> None:
    path.mkdir()


def be_a_pipe(path: Path) -> None:
    os.mkfifo(path)


def be_read_only(path: Path) -> None:
    path.write_text("# mine\n")
    path.chmod(0o400)


def lead_to_a_device(path: Path) -> None:
    path.symlink_to("/dev/null")


def be_below_a_file(path: Path) -> None:
    path.parent.rmdir()
    path.parent.write_text("")


def be_invalid(path: Path) -> None:
    path.write_text(f"= {SECRET}")


def be_deep(path: Path) -> None:
    path.write_text(f"a = {'[' * 5_000}")


def be_large(path: Path) -> None:
    path.write_text(f"# {SECRET}\n" * 2**17)


def be_latin(path: Path) -> None:
    path.write_bytes(b"# \xe9\n")


def be_utf_16(path: Path) -> None:
    path.write_text("# mine", encoding="utf-16")


def be_foreign(path: Path) -> None:
    path.write_text("# hers\n")
    os.chown(path, 4242, -1)


def be_writable_for_all(path: Path) -> None:
    path.write_text("# mine\n")
    path.chmod(0o666)
    for folder in path.parents:
        with suppress(PermissionError):
            folder.chmod(folder.stat().st_mode | 0o011)


def be_in_a_foreign_folder(path: Path) -> None:
    os.chown(path.parent, 4242, -1)


def be_a_foreign_symlink(path: Path) -> None:
    (path.parent / "real").write_text("# mine\n")
    path.symlink_to("real")
    os.chown(path, 4242, -1, follow_symlinks=False)


@pytest.mark.spec("002/FR-296")
@pytest.mark.parametrize(
    ("prepare", "words"),
    [
        (be_a_folder, "is a folder, not a file"),
        (be_a_pipe, "is a pipe, not a file"),
        (be_read_only, "is read-only"),
        (lead_to_a_device, "is a device"),
        (be_below_a_file, "not a "),
        (be_invalid, "not TOML"),
        (be_deep, "not TOML"),
        (be_large, "larger than 1 MiB"),
        (be_latin, "is not UTF-8"),
        (be_utf_16, "is not UTF-8"),
        (be_writable_for_all, "can be written by everybody"),
        pytest.param(be_foreign, "belongs to", marks=needs("root")),
        pytest.param(
            be_in_a_foreign_folder, "belongs to", marks=needs("root")
        ),
        pytest.param(
            be_a_foreign_symlink, "symlink of another", marks=needs("root")
        ),
    ],
)
def test_what_is_no_config_file_of_ones_own_stays_as_it_is(
    tmp_path: Path, prepare: Prepare, words: str
) -> None:
    path = tmp_path / "folder" / "config.toml"
    path.parent.mkdir()
    prepare(path)
    before = snapshot(tmp_path)

    with pytest.raises(TodoError) as caught:
        config_file.edit(path, SET)

    assert isinstance(caught.value, ConfigInvalid | IoFailed)
    assert words in caught.value.message
    assert SECRET not in f"{caught.value.message} {caught.value.hint}"
    assert "TODO_DATABASE_URL" not in str(caught.value.hint)
    assert snapshot(tmp_path) == before


def snapshot(folder: Path) -> Mapping[str, object]:
    """What is in a folder."""
    return {
        str(path): path.read_bytes() if path.is_file() else None
        for path in folder.rglob("*")
    }


def test_without_a_home_there_is_no_config_file() -> None:
    with pytest.raises(IoFailed, match="no home folder"):
        config_file.require_writable(None)


@pytest.mark.spec("002/FR-296")
@pytest.mark.parametrize("before", [None, "# mine\n"])
def test_a_file_that_may_not_be_that_large_stays_as_it_is(
    path: Path, before: str | None
) -> None:
    if before is not None:
        path.write_text(before)
    there = snapshot(path.parent)

    with (
        disks.limited(resource.RLIMIT_FSIZE, 20),
        pytest.raises(IoFailed, match="may not become that large"),
    ):
        config_file.edit(path, SET)

    assert snapshot(path.parent) == there


@pytest.mark.needs("mounts")
@pytest.mark.spec("002/FR-296")
def test_a_file_on_a_full_disk_stays_as_it_is(tmp_path: Path) -> None:
    with disks.small_disk(tmp_path / "small", "size=64k") as small:
        path = small / "config.toml"
        path.write_text("# mine\n")
        disks.fill(small)

        with pytest.raises(IoFailed, match="disk is full"):
            config_file.edit(path, SET)

        assert path.read_text() == "# mine\n"
        assert len(list(small.iterdir())) == 2


@pytest.mark.needs("mounts")
@pytest.mark.spec("002/FR-296")
def test_a_file_in_a_folder_that_is_read_only_is_refused_at_once(
    path: Path,
) -> None:
    path.write_text("# mine\n")
    with disks.read_only(path.parent):
        with pytest.raises(IoFailed, match="is read-only"):
            config_file.require_writable(path)
        with pytest.raises(IoFailed, match="is read-only"):
            config_file.edit(path, SET)

    assert path.read_text() == "# mine\n"


KILLED = """
import os, signal, sys
from pathlib import Path
import tomlkit
from todo_cli import config_file

path, old = Path(sys.argv[1]), sys.argv[2]
config_file.edit(path, {"user": "loads all modules"})
for calls in range(1, 50):
    path.write_text(old)
    child = os.fork()
    if child == 0:
        left = calls
        def kill(event, _arguments):
            global left
            left -= event in ("open", "os.rename", "os.remove", "os.mkdir")
            if left == 0:
                left = -1  # a kill is audited, too
                os.kill(os.getpid(), signal.SIGKILL)
        sys.addaudithook(kill)
        config_file.edit(path, {"database_url": "new"})
        os._exit(0)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    print(status, path.read_text(), end="")
    for rest in path.parent.glob(".todo-*"):
        assert rest.stat().st_mode & 0o777 == 0o600
        rest.unlink()
    if status == 0:
        break
"""
"""Kills a writer at each call that can change a file, first to last."""


@pytest.mark.spec("002/FR-304")
def test_a_killed_writer_leaves_the_old_file_or_the_new_one(
    path: Path,
) -> None:
    old, new = 'database_url = "old"\n', 'database_url = "new"\n'

    ran = subprocess.run(
        [sys.executable, "-c", KILLED, str(path), old],
        check=True,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
    )

    seen = ran.stdout.splitlines(keepends=True)
    assert seen[-1] == f"0 {new}"
    killed = [line.removeprefix("-9 ") for line in seen[:-1]]
    assert set(killed) == {old, new}
    assert killed == sorted(killed, reverse=True)
