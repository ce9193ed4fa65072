"""Choose the compiled parts that make up the statement of a list."""

from typing import Final

from todo_cli.task import TaskQuery, TaskStatus

COUNTED_UP_TO: Final = 1_000
"""Counts stop after this number of rows.

So a list costs the same, no matter how many tasks the user has.
"""


def clauses_of(query: TaskQuery) -> list[str]:
    """Return the names of a list's conditions, in the order to join them."""
    if query.after is None:
        return [] if query.status is TaskStatus.ALL else [query.status.value]
    if query.status is TaskStatus.ALL:
        return ["after"]
    # A position includes the status, so "after an open task" means open tasks
    # only. With both conditions SQLite would search the index by the status
    # alone, and not by the position.
    place = f"after_{query.status}"
    return [place] if query.status is TaskStatus.OPEN else [place, "done"]


def order_of(query: TaskQuery) -> str:
    """Return the name of a list's order."""
    return "newest" if query.status is TaskStatus.ALL else "newest_of_status"
