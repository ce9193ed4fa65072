"""Reads a docstring of ours, also where `python -OO` has removed it."""

import inspect
import sys
from typing import Any, Final

_ARE_REMOVED: Final = sys.flags.optimize > 1


def docstring(thing: Any, *, is_removed: bool = _ARE_REMOVED) -> str:
    """Return the docstring of a class or function, without its indentation.

    Help and contract are made from docstrings. PYTHONOPTIMIZE=2 and `-OO`
    remove them, so they are read from the source, if that is installed.
    """
    if not is_removed:
        return inspect.cleandoc(thing.__doc__ or "")
    import ast
    import textwrap

    try:
        source = inspect.getsource(thing)
    except OSError:
        return ""
    module = ast.parse(textwrap.dedent(source))
    definition: Any = module.body[0]
    return ast.get_docstring(definition) or ""
