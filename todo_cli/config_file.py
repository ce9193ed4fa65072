"""Changes the config file: `todo connect`, the one command that does.

The comments, the order and all other keys stay as they are. The file is
written whole or not at all, and only its owner can read it.
"""

import os
import re
import stat
from collections.abc import Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from todo_cli import config, disk
from todo_cli.database import accounts
from todo_cli.errors import ConfigInvalid, IoFailed
from todo_cli.whole_file import WholeFile

if TYPE_CHECKING:
    from collections.abc import Iterator

_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_LINE_END: Final = re.compile("(?<!\r)\n")
_NAME_ANOTHER: Final = "name another config file in TODO_CONFIG"


def require_writable(path: Path | None) -> Path:
    """Check that the config file can be written; return where it really is.

    A symlink of one's own is followed: many keep their settings elsewhere.
    Nothing is made yet.

    Raises:
        ConfigInvalid: another account could have planted the file.
        IoFailed: it cannot be written.
    """
    if path is None:
        raise IoFailed(
            "There is no home folder to keep settings in",
            hint="name a config file in TODO_CONFIG",
        )
    with _about(path):
        accounts.refuse_strangers(path)
        real = disk.real(path)
        with disk.explaining(path):
            _refuse_file(path, real)
            _refuse_folder(path, real)
    return real


@contextmanager
def _about(path: Path) -> "Iterator[None]":
    """Have errors about a store say what to do about a config file."""
    try:
        yield
    except (ConfigInvalid, IoFailed) as error:
        if error.hint and "TODO_DATABASE_URL" not in error.hint:
            raise
        message = error.message
        if str(path) not in message:
            message = f"{path} cannot be written: {message}"
        raise type(error)(message, hint=_NAME_ANOTHER) from error


def _refuse_file(path: Path, real: Path) -> None:
    """Refuse a config file that is none, or that is not ours to change."""
    found = disk.status(real)
    if found is None:
        return
    if not stat.S_ISREG(found.st_mode):
        kind = disk.kind_of(found.st_mode)
        raise IoFailed(f"{path} is {kind}, not a file", hint=_NAME_ANOTHER)
    if found.st_uid != os.geteuid():
        owner = disk.owner_of(found.st_uid)
        raise IoFailed(f"{path} belongs to {owner}", hint=_NAME_ANOTHER)
    # Also as root, and where the folder would let us replace it.
    if not found.st_mode & stat.S_IWUSR:
        raise IoFailed(f"{path} is read-only", hint=f"chmod u+w {path}")


def _refuse_folder(path: Path, real: Path) -> None:
    """Refuse a folder in which no file can be made."""
    folder = real.parent
    while not os.path.lexists(folder):
        folder = folder.parent
    accounts.refuse_to_make(folder)
    if not folder.is_dir():
        raise IoFailed(f"{folder} is not a folder", hint=_NAME_ANOTHER)
    if not disk.may(folder, os.W_OK | os.X_OK):
        raise IoFailed(
            f"{path} cannot be written: {folder} is read-only",
            hint=_NAME_ANOTHER,
        )


def edit(path: Path | None, changes: Mapping[str, str | None]) -> bool:
    """Set keys of the config file, or take out those that are None.

    Return whether that changes anything; else the file is not written.

    Raises:
        ConfigInvalid: the file is not valid, or is planted.
        IoFailed: it cannot be written. Then it is as before.
    """
    real = require_writable(path)
    before = _read(real)
    after = _edited(real, before, changes)
    if after == before:
        return False
    with disk.explaining(real):
        _make_folders(real.parent)
    with WholeFile(real, force=True) as file:
        file.write(after)
    return True


def _read(real: Path) -> bytes:
    """Read the config file; one that is missing is empty."""
    try:
        data, _ = config.read_bytes(real)
    except FileNotFoundError:
        return b""
    return data


def _make_folders(folder: Path) -> None:
    """Make the folders that are missing, for their owner alone."""
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    # Not `parents=True`: that would create the parents with the umask.
    for each in reversed(missing):
        each.mkdir(mode=0o700, exist_ok=True)


def _edited(
    path: Path, data: bytes, changes: Mapping[str, str | None]
) -> bytes:
    """Return the bytes of the changed file.

    Raises:
        ConfigInvalid: they are no TOML.
    """
    # Late: no other command writes TOML.
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    text = config.text_of(path, data)
    try:
        document = tomlkit.parse(text)
        for key, value in changes.items():
            if value is not None:
                document[key] = value
            elif key in document:
                del document[key]
        written = tomlkit.dumps(document)
    except (TOMLKitError, RecursionError, ValueError):
        # Without a cause: it can quote the file, and so a password.
        raise ConfigInvalid(
            f"{path} is not TOML that can be edited",
            hint="edit it by hand",
        ) from None
    # Editors on Windows write both of these.
    if "\r\n" in text:
        written = _LINE_END.sub("\r\n", written)
    encoded = written.encode()
    if data.startswith(_BYTE_ORDER_MARK):
        encoded = _BYTE_ORDER_MARK + encoded
    return encoded
