"""What another account of this machine could have planted is not used; symlinks are in
test_files.py.
"""

import os
import sqlite3
import stat
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.disks import enter_user_namespace, in_child
from tests.support.machine import needs
from todo_cli import disk
from todo_cli.database import accounts, files
from todo_cli.errors import ConfigInvalid, IoFailed

STRANGER = 12_345
"""An account that is neither ours nor root's."""
GROUP = 23_456
for_root = needs("root")  # who alone can give a file to another account
PARTS = ("todo.db", "todo.db-wal", "todo.db-shm", "todo.db-journal")


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder like /tmp, that everybody can reach and write to."""
    with tempfile.TemporaryDirectory(prefix="todo-open-", dir="/tmp") as name:
        folder = Path(name, "shared")
        folder.mkdir()
        folder.parent.chmod(0o755)
        folder.chmod(0o1777)
        yield folder


def refusal(path: Path) -> str:
    """What is said of a path that is refused."""
    with pytest.raises(ConfigInvalid) as caught:
        files.holds_nothing(path)
    assert caught.value.hint
    return caught.value.message


def fill(folder: Path) -> None:
    """Make a file and all that SQLite could have left beside it."""
    for part in PARTS:
        (folder / part).write_text("x")
        (folder / part).chmod(0o600)


# Who owns it


@for_root
@pytest.mark.spec("002/FR-140")
@pytest.mark.parametrize("part", PARTS)
def test_what_a_stranger_put_into_an_open_folder_is_refused(
    open_folder: Path, part: str
) -> None:
    fill(open_folder)
    path = open_folder / "todo.db"
    assert not files.holds_nothing(path)
    os.chown(open_folder / part, STRANGER, STRANGER)

    message = refusal(path)

    assert message.startswith(f"{open_folder / part} belongs to ")
    # SQLite would use the log as soon as there is a file.
    if part != "todo.db":
        path.unlink()
        assert refusal(path) == message


@for_root
@pytest.mark.spec("002/FR-140")
def test_a_folder_that_a_stranger_put_into_an_open_folder_is_refused(
    open_folder: Path,
) -> None:
    theirs = open_folder / "theirs"
    theirs.mkdir()
    os.chown(theirs, STRANGER, STRANGER)

    assert refusal(theirs / "todo.db").startswith(f"{theirs} belongs to ")
    assert refusal(theirs / "deeper" / "todo.db").startswith(f"{theirs} ")
    # Behind a symlink of our own, too.
    link = open_folder / "link"
    link.symlink_to(theirs)
    assert refusal(link / "todo.db").startswith(f"{theirs} belongs to ")
    link.unlink()
    link.symlink_to("../shared/theirs")
    assert "theirs belongs to " in refusal(link / "todo.db")


@for_root
@pytest.mark.spec("002/FR-140")
def test_a_symlink_of_a_stranger_beside_the_file_is_refused(
    tmp_path: Path,
) -> None:
    fill(tmp_path)
    log = tmp_path / "todo.db-wal"
    log.unlink()
    log.symlink_to(tmp_path / "todo.db-journal")
    assert not files.holds_nothing(tmp_path / "todo.db")
    os.lchown(log, STRANGER, STRANGER)

    message = refusal(tmp_path / "todo.db")

    assert message == f"{log} is a symlink of another account"


@for_root
@pytest.mark.spec("002/FR-140")
def test_a_folder_that_a_group_shares_on_purpose_is_used(
    open_folder: Path,
) -> None:
    shared = open_folder / "team"
    shared.mkdir()
    os.chown(shared, 0, GROUP)
    shared.chmod(0o2770)
    fill(shared)
    for part in PARTS:
        os.chown(shared / part, STRANGER, GROUP)
        (shared / part).chmod(0o660)

    assert not files.holds_nothing(shared / "todo.db")


@for_root
@pytest.mark.spec("002/FR-140")
def test_a_file_in_a_folder_of_its_owner_is_used(tmp_path: Path) -> None:
    fill(tmp_path)
    for each in (tmp_path, *tmp_path.iterdir()):
        os.chown(each, STRANGER, STRANGER)

    assert not files.holds_nothing(tmp_path / "todo.db")


@pytest.mark.spec("002/FR-140")
def test_what_is_ours_is_a_strangers_to_another_account(
    open_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other way round, without root."""
    fill(open_folder)
    for part in PARTS:
        os.chown(open_folder / part, os.geteuid() or STRANGER, -1)
    monkeypatch.setattr(os, "geteuid", lambda: STRANGER + 1)

    assert " belongs to " in refusal(open_folder / "todo.db")


@pytest.mark.spec("002/FR-078")
def test_a_link_of_ours_is_a_strangers_to_another_account(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with tempfile.NamedTemporaryFile(prefix="todo-link-", dir="/tmp") as file:
        link = Path(f"{file.name}-link")
        link.symlink_to(tmp_path)
        os.lchown(link, os.geteuid() or STRANGER, -1)
        monkeypatch.setattr(os, "geteuid", lambda: STRANGER + 1)
        try:
            message = refusal(link / "todo.db")
        finally:
            link.unlink()

    assert message == f"{link} is a symlink of another account"


@pytest.mark.spec("002/FR-140")
def test_a_file_of_ours_in_our_folder_is_usable_to_another_account(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(tmp_path)
    for part in PARTS:
        os.chown(tmp_path / part, os.geteuid() or STRANGER, -1)
    # Relative, because pytest's own folder in /tmp would be refused.
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(os, "geteuid", lambda: STRANGER + 1)

    accounts.refuse_strangers(Path("todo.db"))


# Who may write


@pytest.mark.spec("002/FR-140")
@pytest.mark.parametrize("part", PARTS)
def test_a_file_that_everybody_can_write_is_refused(
    open_folder: Path, part: str
) -> None:
    fill(open_folder)
    path = open_folder / "todo.db"
    (open_folder / part).chmod(0o660)
    assert not files.holds_nothing(path)
    (open_folder / part).chmod(0o602)

    message = refusal(path)

    assert message == f"{open_folder / part} can be written by everybody"
    # Nobody else can reach it here.
    open_folder.chmod(0o700)
    assert not files.holds_nothing(path)


# Root in a home of somebody else


@for_root
@pytest.mark.spec("002/FR-141")
def test_root_makes_nothing_in_the_home_of_another_account(
    tmp_path: Path,
) -> None:
    """As wting/autojump#33 and ajeetdsouza/zoxide#361."""
    home = tmp_path / "ada"
    home.mkdir()
    os.chown(home, STRANGER, STRANGER)
    path = home / ".local" / "share" / "todo" / "todo.db"

    for is_named in (False, True):
        with pytest.raises(IoFailed) as caught:
            files.make(path, is_named=is_named)
        assert caught.value.message.startswith(f"{home} belongs to uid 12345")
        assert "sudo -H" in (caught.value.hint or "")
    assert list(home.iterdir()) == []
    # The folders are there, but the file would be root's.
    path.parent.mkdir(parents=True)
    os.chown(path.parent, STRANGER, STRANGER)
    with pytest.raises(IoFailed, match="belongs to"):
        files.make(path, is_named=False)
    assert not path.exists()
    # By name it is meant, as in a container.
    files.make(path)
    assert path.stat().st_uid == 0


@pytest.mark.spec("002/FR-141")
def test_root_makes_folders_in_its_own_home_and_in_the_systems(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files.make(tmp_path / "a" / "todo.db", is_named=False)
    ours = os.geteuid()
    os.chown(tmp_path, ours or STRANGER, -1)
    files.make(tmp_path / "a" / "b" / "todo.db")
    monkeypatch.setattr(os, "geteuid", lambda: 0)

    with pytest.raises(IoFailed, match=f"^{tmp_path} belongs to "):
        files.make(tmp_path / "c" / "todo.db")
    assert not (tmp_path / "c").exists()


# User namespaces

BUBBLEWRAP = "      1000       1000          1\n"


@pytest.mark.spec("002/FR-078")
def test_the_overflow_number_is_the_systems_only_where_root_has_none() -> None:
    """As containers/bubblewrap#521."""
    tables = {
        "         0          0 4294967295\n": False,
        BUBBLEWRAP: True,
        "0 1000 1\n": True,  # `unshare --map-root-user`
        "": True,  # nobody has a number
        "0 0 1\n1 100000 65535\n": False,
        # Here 65534 is an account of its own, `nobody` of a container.
        "0 100000 65536\n": False,
    }
    for table, hides in tables.items():
        assert accounts.hides_root(table, 65_534) is hides, table


@needs("user namespaces")
@pytest.mark.spec("002/FR-078")
@pytest.mark.parametrize("uid", [0, 1_000])
def test_a_symlink_of_the_system_is_followed_in_a_user_namespace(
    uid: int,
) -> None:
    """As containers/bubblewrap#521."""
    link = next(
        each
        for each in (Path("/bin"), Path("/lib"), Path("/etc/mtab"))
        if each.is_symlink()
    )

    def look() -> None:
        enter_user_namespace(uid)
        accounts.unmapped_root.cache_clear()
        assert link.lstat().st_uid not in (0, uid)
        accounts.refuse_strangers(link / "todo.db")

    assert in_child(look) == ""


@pytest.mark.spec("002/FR-078")
def test_without_proc_only_root_is_the_system(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(accounts, "NAMESPACE", tmp_path / "uid_map")
    accounts.unmapped_root.cache_clear()
    assert accounts.unmapped_root() == 0

    (tmp_path / "uid_map").write_text(BUBBLEWRAP)
    accounts.unmapped_root.cache_clear()
    assert accounts.unmapped_root() == int(accounts.OVERFLOW.read_text())
    accounts.unmapped_root.cache_clear()


# A store of a group, as SECURITY.md describes it


@for_root
@pytest.mark.spec("002/FR-140")
def test_two_accounts_of_a_group_write_to_one_store(tmp_path: Path) -> None:
    shared = tmp_path / "team"
    shared.mkdir()
    os.chown(shared, 0, GROUP)
    shared.chmod(0o2770)
    path = shared / "todo.db"
    files.make(path)
    os.chown(path, STRANGER, GROUP)
    path.chmod(0o660)
    for folder in (tmp_path, *tmp_path.parents):
        if folder.stat().st_uid == 0 and folder != Path("/tmp"):
            folder.chmod(folder.stat().st_mode | stat.S_IXOTH)

    def write() -> None:
        files.holds_nothing(path)
        with closing(sqlite3.connect(path)) as file, file:
            file.execute("PRAGMA journal_mode = WAL")
            file.execute("CREATE TABLE IF NOT EXISTS task (title)")
            file.execute("INSERT INTO task VALUES ('x')")

    for uid in (STRANGER, STRANGER + 1):
        assert in_child(write, uid, group=GROUP) == ""

    with closing(sqlite3.connect(path)) as file:
        assert len(file.execute("SELECT * FROM task").fetchall()) == 2
    assert disk.owner_of(0) == "root"


def disks(folder: Path, shown: Path, kind: str) -> Path:
    """A table of mounted disks, where that of the test has another type."""
    device = shown.stat().st_dev
    number = f"{os.major(device)}:{os.minor(device)}"
    table = folder / "mountinfo"
    table.write_text(
        "22 1 0:21 / /proc rw,nosuid - proc proc rw\n"
        f"35 1 {number} / / rw shared:1 - {kind} /dev/x rw\n"
    )
    return table


@pytest.mark.spec("002/FR-140")
def test_a_disk_without_rights_shows_its_files_as_open_to_all(
    open_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = open_folder / "todo.db"
    file.write_bytes(b"")
    file.chmod(0o666)

    for kind in ("drvfs", "9p", "vfat", "cifs"):
        monkeypatch.setattr(
            accounts, "MOUNTS", disks(tmp_path, open_folder, kind)
        )
        accounts.refuse_strangers(file)

    for table in (
        disks(tmp_path, open_folder, "ext4"),
        tmp_path / "nowhere",
        Path("/dev/null"),
    ):
        monkeypatch.setattr(accounts, "MOUNTS", table)
        with pytest.raises(ConfigInvalid, match="by everybody"):
            accounts.refuse_strangers(file)
