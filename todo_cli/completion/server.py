"""Asks a connection of `todo warm`, if one waits for the next command.

Nothing connects here: without such a connection, nothing is suggested. It is
used only if a command that is run now would use it, and waits on afterwards.
"""

import os

# Importing typing would take longer than all that is done here.
TYPE_CHECKING = False
if TYPE_CHECKING:
    import _socket
    from collections.abc import Mapping
    from typing import Any, Final

PATIENCE_S: "Final" = 0.7
"""How long the answer may take."""
_ROW: "Final" = 3
"""How many fields a row has in an answer."""

Rows = list[tuple["Any", ...]]


def rows(
    variables: "Mapping[str, str]",
    user: "str | None",
    name: str,
    values: "Mapping[str, Any]",
) -> Rows:
    """Run a statement on the connection that waits.

    `user` is the value of `--user`.

    Raises:
        Exception: none waits that a command would use.
    """
    from todo_cli.warm import place

    folder = place.folder_of(variables)
    os.stat(place.socket_of(folder))

    import _socket

    line = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    try:
        return _answered(
            line,
            folder,
            user,
            name,
            values,
        )
    finally:
        line.close()


def _answered(
    line: "_socket.socket",
    folder: str,
    user: "str | None",
    name: str,
    values: "Mapping[str, Any]",
) -> Rows:
    """Send a question to the parent; return the answer of its worker.

    Raises:
        Exception: there is no parent, or it does not answer in time.
    """
    from todo_cli.warm import client, identity, wire

    client.connect(line, folder)
    line.settimeout(PATIENCE_S)
    if wire.receive(line.recv) != [wire.HELLO]:
        return []
    named = [] if user is None else [user.encode()]
    asked = []
    for key, value in values.items():
        asked += [key.encode(), str(value).encode()]
    message = wire.pack(
        wire.ASK,
        identity.program(),
        identity.process(),
        os.getcwdb(),
        wire.join(_pairs()),
        wire.join(named),
        name.encode(),
        wire.join(asked),
    )
    line.sendall(message)
    answer = wire.receive(line.recv)
    return [] if answer is None else _read(answer[1:])


def _pairs() -> "list[bytes]":
    """Write our variables, from which the worker reads the settings."""
    return [name + b"=" + value for name, value in os.environb.items()]


def _read(fields: "list[bytes]") -> Rows:
    """Read rows: a name, or a number, a title and a state."""
    texts = [field.decode("utf-8", "backslashreplace") for field in fields]
    found: Rows = []
    for at in range(
        0,
        len(texts),
        _ROW,
    ):
        first, title, state = texts[at : at + _ROW]
        if state:
            found.append((int(first), title, int(state)))
        else:
            found.append((first,))
    return found
