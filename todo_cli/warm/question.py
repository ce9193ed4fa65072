"""What shell completion asks a worker: some rows, by the connection that waits.

The connection is used only if a command of the caller would use it, and is not
given away. Settings are read from what the caller has sent, and this process
stays as it is: it has no command yet.
"""

import asyncio
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from todo_cli import config
from todo_cli.cli.env import home_of, login_of
from todo_cli.cli.ready import Ready
from todo_cli.completion.statements import Statements
from todo_cli.database.postgresql import OwnerCheck, PostgresConnection
from todo_cli.database.run import Row, Statement
from todo_cli.database.schema import USER_SETTING
from todo_cli.database.url import PostgresTarget
from todo_cli.errors import ConfigInvalid
from todo_cli.warm import identity, wire

if TYPE_CHECKING:
    from todo_cli.config import Settings
    from todo_cli.database.connection import Connection
    from todo_cli.warm.worker import Origin

LIMIT_S: Final = 0.6
"""How long the server may take: less than the caller waits."""
_NUMBERS: Final = ("most", "digits")
"""The values that are numbers."""


@dataclass(frozen=True, slots=True)
class Question:
    """A statement of completion, and for whom to run it."""

    program: bytes
    process: bytes
    folder: bytes
    variables: Mapping[bytes, bytes]
    user: str | None
    """The value of `--user`."""
    name: str
    values: Mapping[str, Any]

    @classmethod
    def of(cls, fields: Sequence[bytes]) -> "Question":
        """Read the fields of a message.

        Raises:
            ValueError: they are not what a client of this version sends.
        """
        _, program, process, folder, *rest = fields
        variables, user, name, values = rest
        pairs = {}
        for each in wire.split(variables):
            key, _, value = each.partition(b"=")
            pairs[key] = value
        named = [each.decode() for each in wire.split(user)]
        return cls(
            program,
            process,
            folder,
            pairs,
            named[0] if named else None,
            name.decode("ascii"),
            _values(wire.split(values)),
        )

    def answer(
        self,
        ready: Ready,
        origin: "Origin",
    ) -> list[bytes]:
        """Run the statement, if a command would use the connection that waits.

        Returns three fields for each row: a name, or number, title and state.

        Raises:
            Exception: the settings are wrong, or the server does not answer.
        """
        differs = identity.differing(
            origin, self.program, self.process, self.variables
        )
        if not ready.place or differs or origin.files.have_changed():
            return []
        settings = self._settings()
        target = settings.target
        if not isinstance(target, PostgresTarget):
            return []
        held = ready.lend(
            target,
            settings.timeout_s,
            self._texts(),
        )
        if held is None:
            return []
        asking = self._fetched(
            held,
            target,
            settings.user,
        )
        return ready.loop.run_until_complete(asking)

    def _texts(self) -> dict[str, str]:
        """Return the variables of the caller as Python has them."""
        texts = {}
        for name, value in self.variables.items():
            texts[os.fsdecode(name)] = os.fsdecode(value)
        return texts

    def _settings(self) -> "Settings":
        """Choose the settings as a command of the caller does.

        Raises:
            TodoError: one is wrong.
        """
        variables = self._texts()
        folder = Path(os.fsdecode(self.folder))
        home = home_of(variables)
        path = config.config_path(variables, folder, home)
        # A pipe is that of the caller, and can be read only once.
        if path is not None and path.exists() and not path.is_file():
            raise ConfigInvalid("The config file is no file")
        file = config.read_config(
            variables,
            cwd=folder,
            home=home,
        )
        return config.load(
            variables,
            file,
            user=self.user,
            login=login_of(variables),
            cwd=folder,
            home=home,
        )

    async def _fetched(
        self,
        held: "Connection",
        target: PostgresTarget,
        user: str,
    ) -> list[bytes]:
        """Run the statement; close the connection if that takes too long.

        Raises:
            Exception: it fails, or takes too long.
        """
        if held.owner_check is None:
            OwnerCheck(target).watch(held)
        statement = Statement(Statements("postgresql")[self.name])
        connection = PostgresConnection(held)
        connection.claim(USER_SETTING, user)
        fetching = asyncio.create_task(
            connection.fetch(
                statement,
                user=user,
                **self.values,
            )
        )
        done, _ = await asyncio.wait({fetching}, timeout=LIMIT_S)
        # The next connection is prepared for commands, and not for this.
        held.used.pop(statement.numbered, None)
        if not done:
            # To cancel a statement, the driver would connect once more.
            held.terminate()
            await asyncio.wait({fetching})
        return _fields(fetching.result())


def _values(fields: Sequence[bytes]) -> dict[str, Any]:
    """Read the values of a statement: names and values in turns."""
    found: dict[str, Any] = {}
    for at in range(
        0,
        len(fields),
        2,
    ):
        name = fields[at].decode("ascii")
        text = fields[at + 1].decode()
        found[name] = int(text) if name in _NUMBERS else text
    return found


def _fields(rows: Sequence[Row]) -> list[bytes]:
    """Write rows: a name, or number, title and state."""
    found = []
    for first, *rest in rows:
        title, state = "", ""
        if rest:
            title, state = rest[0], str([*rest, 0][1])
        for text in (str(first), title, state):
            found.append(text.encode(errors="backslashreplace"))
    return found
