"""The words of `todo stats`: its message, and its lines in a pipe.

`bars.py` lays them out for people. A pipe gets lines of a key and a value:

    open<TAB>12
    day:2026-11-27<TAB>1
    project:home<TAB>8
"""

from collections.abc import Iterator
from typing import Any, Final

from todo_cli.output.text import field
from todo_cli.output.views import Chart, Sheet, ViewContext
from todo_cli.stats import Stats, stats_values

_TOTALS: Final = ("open", "overdue", "waiting", "done")
"""The counts that a pipe gets first, by their keys in the JSON."""
_NONE: Final = "-"
"""Stands in a pipe for no project, and for no oldest task.

No project can be called so.
"""


def counted(result: Stats, context: ViewContext) -> Sheet:
    """Show counts: with bars at a terminal, and as lines in a pipe.

    The message is that of a list, but exact. `data` has all counts.
    """
    message = _message(result)
    data = stats_values(result)
    return Sheet(
        data,
        message,
        chart=Chart(result, context, message),
        fields=list(_fields(result, data)),
    )


def _message(stats: Stats) -> str:
    """Count the tasks. None overdue and none waiting is never said."""
    parts = [f"{stats.open:,} open"]
    if stats.overdue:
        parts.append(f"{stats.overdue:,} overdue")
    if stats.waiting:
        parts.append(f"{stats.waiting:,} waiting")
    parts.append(f"{stats.done:,} done")
    return ", ".join(parts)


def _fields(stats: Stats, data: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the lines of a pipe; scripts rely on their names.

    The name of a project can contain a colon, so it is at the end. A new kind
    of line can come between these: `grep '^day:'` finds those of one kind.
    """
    for name in _TOTALS:
        yield name, str(data[name])
    for day, done in stats.days:
        yield f"day:{day}", str(done)
    for each in stats.projects:
        name = field(each.project or _NONE)
        yield f"project:{name}", str(each.open)
        yield f"overdue:{name}", str(each.overdue)
    for age, number in stats.ages.items():
        yield f"age:{age}", str(number)
    oldest = data["ages"]["oldest"]
    yield "oldest", oldest or _NONE
