"""How the statement of a list is put together from parts that were compiled
alone.
"""

from typing import Final

from todo_cli.task import TaskQuery, TaskStatus

COUNTED_UP_TO: Final = 1_000
"""Counts stop after this many rows, so that a list costs the same however long
it grows.
"""


def clauses_of(query: TaskQuery) -> list[str]:
    """The names of the conditions of a list, in the order in which they are
    joined.
    """
    if query.after is None:
        return [] if query.status is TaskStatus.ALL else [query.status.value]
    if query.status is TaskStatus.ALL:
        return ["after"]
    # The place is compared by the status, too. It says already which status is
    # open; SQLite would take the bound of the status alone, not that of the
    # place.
    place = f"after_{query.status}"
    return [place] if query.status is TaskStatus.OPEN else [place, "done"]


def order_of(query: TaskQuery) -> str:
    """The name of the order of a list."""
    return "newest" if query.status is TaskStatus.ALL else "newest_of_status"
