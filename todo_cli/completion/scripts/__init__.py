"""The scripts that the shells load, each under the name that its shell looks for."""

import os

# Importing typing would take longer than reading a script.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

FILES: "Final" = {"bash": "todo.bash", "zsh": "_todo", "fish": "todo.fish"}
"""The file of each shell. The wheel has them once more, where shells look."""


def read(shell: str) -> str:
    """Return the script for a shell.

    Raises:
        OSError: it cannot be read.
    """
    path = os.path.join(os.path.dirname(__file__), FILES[shell])
    with open(path, encoding="utf-8") as file:
        return file.read()
