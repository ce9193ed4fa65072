"""Making a store, checking it before it is used, and bringing it up to date.

An embedded file is checked once: tables of a former version are upgraded on
the way, after a copy. A server's schema is looked at only when a statement
finds no table.
"""

from collections.abc import Awaitable, Callable
from pathlib import Path

from todo_cli.database import failures, files, schema, sidecars
from todo_cli.database.run import Connection
from todo_cli.database.schema import Fit, State
from todo_cli.database.url import SqliteTarget, Target
from todo_cli.errors import IoFailed, NoStore


class Keeper:
    """Looks after the schema of one store; `upgrade` brings an older one up to
    date.
    """

    def __init__(
        self, target: Target, upgrade: Callable[[], Awaitable[None]]
    ) -> None:
        self.created = False
        """Whether a call here made the store."""
        self.overwritten: IoFailed | None = None
        """Why an embedded file that was copied over while it was open is used
        no more.
        """
        self._target = target
        self._upgrade = upgrade
        self._checked: files.Identity | None = None
        self._changed = 0

    # The embedded file, before SQLite opens it

    def find_file(self, *, creates: bool) -> None:
        """Look at the embedded file before SQLite does; make an empty one if
        asked to.

        Raises:
            NoStore: there is no file, and this call does not make one.
            IoFailed: it cannot be used.
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
            files.make(path)

    def _is_checked(self, path: Path) -> bool:
        """Whether we looked at this file already, and no other was put in its
        place.
        """
        return self._checked is not None and self._checked == files.identify(
            path
        )

    def _look_again(self, path: Path) -> None:
        """Find out whether the file was copied over since it was opened."""
        if self.overwritten is not None:
            raise self.overwritten
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
        """Make an embedded file's tables or bring them up to date, once for
        each file.

        Raises:
            NoStore: there are none, and this call does not make them.
            SchemaMismatch: the file is another program's.
        """
        if not isinstance(self._target, SqliteTarget):
            return
        path = self._target.path
        if self._is_checked(path):
            return
        if not await self._is_current(connection):
            state = await schema.read_state(connection)
            if state.fit is Fit.ABSENT:
                await self.make(connection, creates=creates)
            elif state.fit is Fit.FOREIGN:
                raise schema.mismatch(state, self._target.place)
            elif state.fit is Fit.OLDER:
                await self._upgrade()
        self._checked = files.identify(path)

    async def _is_current(self, connection: Connection) -> bool:
        """Whether the file bears this version; a table that it lacks is found
        in use.
        """
        try:
            return await schema.read_version(connection) == schema.HEAD
        except Exception as error:
            if not failures.is_absent(error):
                raise
            return False

    async def make(self, connection: Connection, *, creates: bool) -> None:
        """Make the tables if there are none and this call may.

        Raises:
            NoStore: there are none, and this call does not make them.
            SchemaMismatch: the store is another program's, or of another
                version.
        """
        state = await schema.read_state(connection)
        if state.fit is Fit.ABSENT and not creates:
            raise NoStore
        if state.fit is Fit.ABSENT:
            self.created = await schema.create(connection)
        elif state.fit is not Fit.CURRENT:
            raise schema.mismatch(state, self._target.place)

    async def bring_up(self, connection: Connection) -> None:
        """Make the tables, or bring them to this version.

        Raises:
            SchemaMismatch: the store is another program's, or of a newer
                version.
        """
        state = await self.usable_state(connection)
        if state.fit is Fit.ABSENT:
            self.created = await schema.create(connection)
        elif state.fit is Fit.OLDER:
            await self._upgrade()

    async def usable_state(self, connection: Connection) -> State:
        """Read which schema is there.

        Raises:
            SchemaMismatch: it is not ours to change.
        """
        state = await schema.read_state(connection)
        if state.fit in (Fit.FOREIGN, Fit.UNTRUSTED, Fit.NEWER):
            raise schema.mismatch(state, self._target.place)
        return state
