"""Create a store, check it before use, and upgrade it.

An embedded file is checked once. Tables of an older version that cannot be used
are upgraded then, after a backup copy. A server's schema is checked only when a statement finds
no table.
"""

from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from todo_cli.database import failures, files, schema, sidecars
from todo_cli.database.run import Connection
from todo_cli.database.schema import Fit, State
from todo_cli.database.url import SqliteTarget, Target
from todo_cli.errors import IoFailed, NoStore

Report = Callable[[int, int], None]
"""Takes how much is done, and how much there is."""
Progress = Callable[[str], AbstractContextManager[Report]]
"""Shows a progress bar with these words."""


def quietly(_words: str) -> AbstractContextManager[Report]:
    """Take the place of a progress bar where none is drawn."""
    return nullcontext(_ignore)


def _ignore(_done: int, _all: int) -> None:
    """Report nothing."""


class Keeper:
    """Checks the schema of one store; `upgrade` migrates an older one."""

    def __init__(
        self, target: Target, upgrade: Callable[[], Awaitable[None]]
    ) -> None:
        self.created = False
        """Whether a call here created the store."""
        self.overwritten: IoFailed | None = None
        """The error for a file that was overwritten while it was open.

        Such a file is not used again.
        """
        self._target = target
        self._upgrade = upgrade
        self._checked: files.Identity | None = None
        self._changed = 0

    # The embedded file, before SQLite opens it

    def find_file(self, *, creates: bool) -> None:
        """Check the embedded file before SQLite opens it.

        With `creates` a missing file is created, empty.

        Raises:
            NoStore: there is no file, and this call does not create one.
            IoFailed: the file cannot be used.
        """
        if not isinstance(self._target, SqliteTarget):
            return
        path = self._target.path
        if self._is_checked(path):
            self._look_again(path)
            return
        if files.holds_nothing(path):
            sidecars.refuse_foreign(path)
            if not creates:
                raise NoStore
            # SQLite would create it with the rights of the umask.
            files.make(path, is_named=self._target.is_named)

    def _is_checked(self, path: Path) -> bool:
        """Whether this file was checked and not replaced since."""
        if self._checked is None:
            return False
        return self._checked == files.identify(path)

    def _look_again(self, path: Path) -> None:
        """Check whether the file was overwritten since it was opened.

        Raises:
            IoFailed: it was. Every later call fails the same way.
        """
        # SQLite's cache has pages of the old file: never write them.
        if self.overwritten is not None:
            raise self.overwritten
        # Reading the header costs more than a `stat`, so only after a write.
        changed = files.last_change(path)
        if changed == self._changed:
            return
        try:
            sidecars.refuse_foreign(path, is_open=True)
        except IoFailed as error:
            self.overwritten = error
            raise
        self._changed = changed

    # The schema

    async def check_file(
        self, connection: Connection, *, creates: bool
    ) -> None:
        """Create or upgrade the tables of an embedded file.

        This happens once for each file; a replaced file is checked again.

        Raises:
            NoStore: there are no tables, and this call does not create them.
            SchemaMismatch: the file belongs to another program, or its
                version is missing.
        """
        if not isinstance(self._target, SqliteTarget):
            return
        path = self._target.path
        if self._is_checked(path):
            return
        # The usual case first: one statement instead of reading the state.
        if not await self._is_usable(connection):
            state = await schema.read_state(connection)
            if state.fit is Fit.ABSENT:
                await self.make(connection, creates=creates)
            elif state.fit in (Fit.FOREIGN, Fit.UNSTAMPED):
                raise schema.mismatch(state, self._target.place)
            elif state.fit is Fit.OLDER:
                await self._upgrade()
        self._checked = files.identify(path)

    async def _is_usable(self, connection: Connection) -> bool:
        """Whether the file has the stamp of a version that we can use.

        A missing table of that version is noticed when it is used.
        """
        try:
            return await schema.read_version(connection) in schema.USABLE
        except Exception as error:
            if not failures.is_absent(error):
                raise
            return False

    async def make(self, connection: Connection, *, creates: bool) -> None:
        """Create the tables if there are none and `creates` allows it.

        Raises:
            NoStore: there are none, and this call does not create them.
            SchemaMismatch: the store has another program's tables or another
                version.
        """
        state = await schema.read_state(connection)
        if state.fit is Fit.ABSENT and not creates:
            raise NoStore
        if state.fit is Fit.ABSENT:
            self.created = await schema.create(connection)
        elif state.fit not in (Fit.OUTDATED, Fit.CURRENT):
            raise schema.mismatch(state, self._target.place)

    async def bring_up(self, connection: Connection) -> None:
        """Create the tables, or upgrade them to this version.

        Raises:
            SchemaMismatch: the store has another program's tables or a newer
                version.
        """
        state = await self.usable_state(connection)
        if state.fit is Fit.ABSENT:
            self.created = await schema.create(connection)
        elif state.fit in (Fit.OLDER, Fit.OUTDATED):
            await self._upgrade()

    async def usable_state(self, connection: Connection) -> State:
        """Read the state of the schema.

        Raises:
            SchemaMismatch: it is not ours to change.
        """
        state = await schema.read_state(connection)
        if state.fit not in (
            Fit.ABSENT,
            Fit.OLDER,
            Fit.OUTDATED,
            Fit.CURRENT,
        ):
            raise schema.mismatch(state, self._target.place)
        return state
