"""Writes a file that is there whole, or not at all.

For `todo export FILE` and `todo db backup`:

    with WholeFile(path, force=False) as file:
        file.write(data)

Until the end all is in another file of the same folder, `file.part`, which
SQLite can fill by its name, too. Then that file gets the name.
"""

import os
import secrets
import stat
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from todo_cli import disk
from todo_cli.disk import DiskFailed, Trouble
from todo_cli.errors import Conflict, IoFailed

_OWNER_ONLY: Final = 0o600
_DEVICES: Final = Path("/dev")
_PROCESSES: Final = Path("/proc")
_NEW: Final = os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW


class WholeFile:
    """A new file that only its owner can read, while it is written.

    Another file is never written over. With `force` the new one takes the
    place of a file, or of a symlink: what that leads to stays as it is.
    """

    def __init__(self, path: Path, *, force: bool) -> None:
        self.path = path
        self.part = path.with_name(f".todo-{secrets.token_hex(8)}.part")
        """Where it is until it is whole."""
        self._force = force
        self._number = -1

    def __enter__(self) -> Self:
        """Begin the file.

        Raises:
            Conflict: there is a file of this name.
            IoFailed: no file can be made here.
        """
        self._refuse_what_is_there()
        try:
            self._number = os.open(self.part, _NEW, _OWNER_ONLY)
        except OSError as error:
            raise self._failed(error) from error
        return self

    def write(self, data: bytes) -> None:
        """Write more of it.

        Raises:
            DiskFailed: the disk is full, or the like.
        """
        left = memoryview(data)
        try:
            while left:
                left = left[os.write(self._number, left) :]
        except OSError as error:
            raise self._failed(error) from error

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Give the file its name, or after an error remove it.

        Raises:
            Conflict: meanwhile there is a file of this name.
            DiskFailed: the disk is full, or the like.
        """
        try:
            if error is None:
                self._finish()
        except OSError as fault:
            raise self._failed(fault) from fault
        finally:
            os.close(self._number)
            # SQLite keeps more beside a file that it writes.
            for each in (self.part, *disk.sidecars(self.part)):
                with suppress(OSError):
                    each.unlink()

    def _finish(self) -> None:
        """Bring it to the disk, and then give it its name.

        Raises:
            Conflict: there is a file of this name.
            OSError: the system refuses.
        """
        os.fsync(self._number)
        if self._force:
            os.replace(self.part, self.path)
        else:
            self._link()
        self._keep_name()

    def _link(self) -> None:
        """Give the file its name, which no other file may have."""
        try:
            os.link(self.part, self.path)
        except FileExistsError:
            raise self._conflict() from None
        except OSError:
            # FAT has no hard links.
            self._move()

    def _move(self) -> None:
        """Take the name, and then put the file there."""
        try:
            os.close(os.open(self.path, _NEW, _OWNER_ONLY))
        except FileExistsError:
            raise self._conflict() from None
        try:
            os.replace(self.part, self.path)
        except OSError:
            self.path.unlink()
            raise

    def _keep_name(self) -> None:
        """Bring the name to the disk, too; not every folder can do that."""
        with suppress(OSError):
            folder = os.open(self.path.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)

    def _refuse_what_is_there(self) -> None:
        """Refuse at once what would be refused at the end.

        Raises:
            Conflict: there is a file of this name, and no `force`.
            IoFailed: there is a folder, a pipe, a device ..., or the folder is
                one of the system's.
        """
        found = disk.status(self.path)
        if found is not None and not stat.S_ISREG(found.st_mode):
            raise IoFailed(
                f"{self.path} is {disk.kind_of(found.st_mode)}, not a file",
                hint="name a new file",
            )
        folder = disk.real(self.path.parent)
        if folder == _DEVICES or _PROCESSES in folder.parents:
            # Root could replace `/dev/stdout` itself.
            raise IoFailed(
                f"{self.path} is where the system keeps devices",
                hint="name a file in another folder",
            )
        # By lstat: a symlink that leads nowhere has the name, too.
        if not self._force and os.path.lexists(self.path):
            raise self._conflict()

    def _conflict(self) -> Conflict:
        return Conflict(
            f"{self.path} is there already",
            hint="name another file, or add --force to replace it",
        )

    def _failed(self, error: OSError) -> DiskFailed:
        """Return the error to raise: the file is named as the user did."""
        refusal = disk.explain(error, self.path.parent)
        return Trouble(self.path, refusal).error()
