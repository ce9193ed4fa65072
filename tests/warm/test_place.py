"""The folder of the socket: where it is, and whose."""

import os
import socket
from pathlib import Path

import pytest

from tests.support.machine import needs
from todo_cli.warm import place


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "todo"
    made.mkdir(mode=0o700)
    return made


@pytest.mark.spec("002/FR-366")
def test_folder_is_that_of_the_session_or_one_of_the_user() -> None:
    own = f"/tmp/todo-{os.geteuid()}"

    assert place.folder_of({"XDG_RUNTIME_DIR": "/run/user/7"}) == (
        "/run/user/7/todo"
    )
    assert place.folder_of({"XDG_RUNTIME_DIR": "relative"}) == own
    assert place.folder_of({}) == own


@pytest.mark.spec("002/FR-366")
def test_folder_of_ours_alone_is_safe(folder: Path) -> None:
    place.check(str(folder))


@pytest.mark.spec("002/FR-366")
def test_folder_that_others_can_open_is_not_safe(folder: Path) -> None:
    for mode in (0o701, 0o710, 0o770, 0o777, 0o1777):
        folder.chmod(mode)
        with pytest.raises(place.Unsafe, match="open to other users"):
            place.check(str(folder))


@pytest.mark.spec("002/FR-366")
def test_symlink_or_file_in_its_place_is_not_safe(folder: Path) -> None:
    link, file = folder / "link", folder / "file"
    link.symlink_to(folder)
    file.touch()
    for planted in (link, file):
        with pytest.raises(place.Unsafe, match="is not a folder"):
            place.check(str(planted))


@needs("root")
@pytest.mark.spec("002/FR-366")
def test_folder_of_another_user_is_not_safe(folder: Path) -> None:
    os.chown(folder, 65534, 65534)

    with pytest.raises(place.Unsafe, match="belongs to another user"):
        place.check(str(folder))


@pytest.mark.spec("002/FR-366")
def test_lock_is_never_opened_through_a_link(folder: Path) -> None:
    precious = folder / "precious"
    precious.write_text("kept")
    lock = Path(place.lock_of(str(folder)))

    lock.symlink_to(precious)
    with pytest.raises(OSError, match="symbolic links"):
        place.open_lock(str(folder))
    lock.unlink()
    lock.hardlink_to(precious)
    with pytest.raises(place.Unsafe):
        place.open_lock(str(folder))

    assert precious.read_text() == "kept"


@pytest.mark.spec("002/FR-364")
def test_socket_is_swept_only_without_a_parent(folder: Path) -> None:
    door = Path(place.socket_of(str(folder)))
    with socket.socket(socket.AF_UNIX) as line:
        line.bind(str(door))
    lock = place.open_lock(str(folder))
    assert place.take_lock(lock)

    place.sweep(str(folder))
    assert door.exists()
    os.close(lock)
    place.sweep(str(folder))
    assert not door.exists()
    place.sweep(str(folder))  # there is none any more


@pytest.mark.spec("002/FR-364")
def test_what_is_no_socket_is_not_swept(folder: Path) -> None:
    door = Path(place.socket_of(str(folder)))
    door.touch()

    place.sweep(str(folder))

    assert door.exists()


@pytest.mark.spec("002/FR-364")
def test_nothing_is_swept_where_the_lock_is_not_ours(folder: Path) -> None:
    door = Path(place.socket_of(str(folder)))
    door.touch()
    Path(place.lock_of(str(folder))).symlink_to(door)

    place.sweep(str(folder))

    assert door.exists()


@pytest.mark.spec("002/FR-366")
def test_other_side_of_a_connection_has_a_user() -> None:
    one, other = socket.socketpair()
    with one, other:
        assert place.user_of(one) == os.geteuid()
