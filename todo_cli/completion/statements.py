"""The compiled statements of completion: reads those of `database/statements`."""

import os

# Importing typing would take longer than reading the file.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

_PACKAGE: "Final" = os.path.dirname(os.path.dirname(__file__))
_FOLDER: "Final" = os.path.join(_PACKAGE, "database", "statements")
_NAME: "Final" = "-- "
"""What a name begins with."""
_USABLE: "Final" = "usable: "


class Statements:
    """The statements by name, and the versions of a store that they fit."""

    def __init__(self, dialect: str) -> None:
        """Read those of a dialect, `sqlite` or `postgresql`."""
        path = os.path.join(_FOLDER, f"{dialect}-completion.sql")
        with open(path, encoding="utf-8") as file:
            text = file.read()
        head, *parts = text.removeprefix(_NAME).split(f"\n{_NAME}")
        self.usable = head.removeprefix(_USABLE).split(" ")
        self._found: dict[str, str] = {}
        for part in parts:
            name, _, sql = part.partition("\n")
            self._found[name] = sql

    def __getitem__(self, name: str) -> str:
        """Return a statement."""
        return self._found[name]
