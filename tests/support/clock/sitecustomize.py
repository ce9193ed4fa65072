"""Python loads this where the folder is on its path: the program's clock then stands at
the moment of the variable CLOCK_OF_TESTS.

Imports nothing by itself, as it runs at the start of every command too.
"""

import sys

# Importing typing would cost every command more than its own start.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

PATCHED = "todo_cli.cli.env"


class Finder:
    """Finds that module, once, with another end of its loading."""

    @staticmethod
    def find_spec(
        name: str, path: object = None, target: object = None
    ) -> "Any":
        """Find as everybody does; patch when it is loaded."""
        if name != PATCHED:
            return None
        sys.meta_path.remove(Finder)
        import importlib.util

        spec: Any = importlib.util.find_spec(name)
        load = spec.loader.exec_module

        def exec_module(module: "Any") -> None:
            load(module)
            patch(module.Env)

        spec.loader.exec_module = exec_module
        return spec


def patch(kind: "Any") -> None:
    """Set the clock of each environment that is read from a process."""
    read = kind.of_process.__func__

    def of_process(cls: "Any", encoding: str | None = None) -> "Any":
        import os
        from dataclasses import replace
        from datetime import datetime

        moment = datetime.fromisoformat(os.environ["CLOCK_OF_TESTS"])
        return replace(read(cls, encoding), now=lambda: moment)

    kind.of_process = classmethod(of_process)


sys.meta_path.insert(0, Finder)
