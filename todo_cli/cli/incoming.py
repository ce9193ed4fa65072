"""Reads the file of `todo import`, or standard input, in threads.

So a signal ends it, whatever the disk or the writer of a pipe does.
"""

import stat
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from itertools import islice
from pathlib import Path
from shlex import quote
from types import TracebackType
from typing import TYPE_CHECKING, BinaryIO, Final, Self, TypeVar

from todo_cli import disk
from todo_cli.cli.env import reader
from todo_cli.cli.loop import in_thread
from todo_cli.database.url import SqliteTarget
from todo_cli.errors import InvalidInput, IoFailed
from todo_cli.exchange.draft import Setting, candidates
from todo_cli.exchange.formats import Format
from todo_cli.exchange.source import Source
from todo_cli.task import Candidate

if TYPE_CHECKING:
    from todo_cli.cli.context import RunContext

R = TypeVar("R")

_BATCH: Final = 1_000
"""How many records are read at a time."""


def file_of(context: "RunContext", name: str) -> Path:
    """Return the path of a file that is not the store in use.

    Raises:
        InvalidInput: it is.
        DiskFailed: it is relative, and the working folder is gone.
    """
    from todo_cli.database.transfer import is_same_file

    path = disk.below(context.env.cwd, name)
    if is_same_file(context.settings.target, SqliteTarget(path)):
        raise InvalidInput.of("file", "is the store in use")
    return path


class Incoming:
    """A file on its way in; without a name it is standard input."""

    source: Source

    def __init__(self, context: "RunContext", name: str | None) -> None:
        self.name = "standard input" if name is None else name
        """How errors name it."""
        self._context = context
        self._path: Path | None = None
        if name is not None:
            self._path = file_of(context, name)
        self._stream: BinaryIO | None = None
        self._size = 0
        """In bytes; 0 if it is not known."""
        self._records = 0
        """How many were read."""
        self._show: Callable[[int, int], None] = _show_nothing

    async def __aenter__(self) -> Self:
        """Open it, and read its beginning.

        Raises:
            IoFailed: it cannot be read, or is no file.
            InvalidInput: it is no text, or an embedded file.
        """
        await self._call(self._open)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close it, if it was opened here."""
        if self._stream is not None:
            self._stream.close()

    async def batches(
        self, format: Format, setting: Setting, columns: Mapping[str, str]
    ) -> AsyncIterator[list[Candidate]]:
        """Read the records, some at a time.

        Raises:
            IoFailed: the file cannot be read.
            InvalidInput: the whole file is wrong, not only a record.
        """
        drafts = format.read(self.source, setting, columns)
        records = candidates(drafts, setting)
        while batch := await self._call(partial(_some, records)):
            self._records += len(batch)
            # The other half is for writing.
            self._show(self.source.done, 2 * self._size)
            yield batch

    @contextmanager
    def progress(self) -> Iterator[Callable[[int], None]]:
        """Show a progress bar, if the size of the file is known.

        Yields what to call with the number of records that are stored.
        """
        if self._size == 0:
            yield self._stored
            return
        with self._context.progress("Importing") as show:
            self._show = show
            yield self._stored

    def _stored(self, count: int) -> None:
        self._show(self._records + count, 2 * self._records)

    def _open(self) -> None:
        """Open the file and begin to read it; runs in a thread."""
        if self._path is None:
            self.source = Source(self._context.env.stdin, self.name)
            return
        status = self._path.stat()
        inherited = disk.inherited_stream(self._path, status.st_mode)
        if inherited is not None:
            self.source = Source(reader(inherited), self.name)
            return
        if not stat.S_ISREG(status.st_mode):
            raise IoFailed(
                f"{self._path} is {disk.kind_of(status.st_mode)}, not a file",
                hint="name a file, or `-` for standard input",
            )
        if disk.is_database(self._path):
            raise InvalidInput(
                f"{self.name} is a database",
                hint=f"todo db import {quote(self.name)}",
                details=[{"field": "file", "message": "is a database"}],
            )
        # Unbuffered: to close it never waits for a thread that reads it.
        file = self._stream = self._path.open("rb", buffering=0)
        self._size = status.st_size
        self.source = Source(file, self.name)

    async def _call(self, read: Callable[[], R]) -> R:
        """Call in a thread.

        Raises:
            IoFailed: the system refuses to read.
        """
        if self._path is None:
            read_stdin = partial(_without, read)
            return await self._context.read_stdin(read_stdin, "Type the tasks")
        with disk.explaining(self._path):
            return await in_thread(read)


def _some(records: Iterator[Candidate]) -> list[Candidate]:
    return list(islice(records, _BATCH))


def _without(read: Callable[[], R], _stream: BinaryIO) -> R:
    return read()


def _show_nothing(_done: int, _all: int) -> None:
    """Take the place of a progress bar where none is shown."""
