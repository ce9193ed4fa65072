"""REFs, projects and tags of the store that a command would use.

Whatever goes wrong, there are none.
"""

import os

from todo_cli.completion import settings
from todo_cli.completion.statements import Statements

# Importing typing would take longer than all that is done here.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any, Final

SCOPES: "Final[Mapping[str, Sequence[int]]]" = {
    "open": (0,),
    "done": (1,),
    "trash": (2,),
    "live": (0, 1),
    "any": (0, 1, 2),
}
"""The states of tasks, by the name of the statement that selects them."""
_MOST: "Final" = 2**31 - 1
"""The largest number of a task."""

Rows = list[tuple["Any", ...]]


class Store:
    """The store of the command that is being typed."""

    def __init__(self, variables: "Mapping[str, str] | None" = None) -> None:
        self._variables = os.environ if variables is None else variables
        self.user: str | None = None
        """The value of `--user`, if it was given."""

    def tasks(
        self,
        scope: str,
        digits: str,
        most: int,
    ) -> "list[tuple[int, str]]":
        """Return numbers and titles of tasks, in the order of a list.

        With digits, those whose numbers begin so, by number.
        """
        if not digits:
            rows = self._rows(scope, {"most": most})
            return [(row[0], row[1]) for row in rows if _is_task(row)]
        if len(digits) > len(str(_MOST)) or int(digits) > _MOST:
            return []
        found = []
        for row in self._rows("begun", {"digits": int(digits)}):
            if _is_task(row) and row[2] in SCOPES[scope]:
                found.append((row[0], row[1]))
        return sorted(found)[:most]

    def names(
        self,
        kind: str,
        begin: str,
        most: int,
    ) -> "list[str]":
        """Return `projects` or `tags`, from one on that begins so."""
        values = {"prefix": begin, "most": most}
        names = [row[0] for row in self._rows(kind, values)]
        return [name for name in names if isinstance(name, str)]

    def _rows(
        self,
        name: str,
        values: "dict[str, Any]",
    ) -> Rows:
        """Run a statement; no rows if that cannot be done now."""
        try:
            return self._asked(name, values)
        except Exception:  # noqa: BLE001 - then nothing is suggested
            return []

    def _asked(
        self,
        name: str,
        values: "dict[str, Any]",
    ) -> Rows:
        """Run a statement where the tasks are.

        Raises:
            Exception: it cannot be done now.
        """
        try:
            chosen = settings.choose(self._variables, self.user)
        except settings.Unsure:
            chosen = None
        if chosen is None or chosen.path is None:
            from todo_cli.completion import server

            return server.rows(self._variables, self.user, name, values)
        from todo_cli.completion import embedded

        statements = Statements("sqlite")
        values["user"] = chosen.user
        return embedded.rows(chosen.path, statements, name, values)


def _is_task(row: "tuple[Any, ...]") -> bool:
    """Whether a row has a number and a title; another program can write others."""
    return isinstance(row[0], int) and isinstance(row[1], str)
