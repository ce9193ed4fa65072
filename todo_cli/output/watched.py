"""A list that is watched: as much of it as fits on a screen.

The last line says what is watched, and above it is what is wrong, if anything.
Where there is little room, tasks come before what is around them:

    #  Task             Due
    3  Pay the rent *   overdue 2 days
    1  Call Grandma     today
    and 5 more; 7 open, 1 overdue

    No answer since 12:04:05; trying again: localhost refuses connections
    todo list -P home                     changed 12:03:59; every 5s; q quits
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from todo_cli.output import terminal, words
from todo_cli.output.terminal import Pieces
from todo_cli.output.text import visible
from todo_cli.output.views import Table
from todo_cli.output.wrap import broken, length

_GAP: Final = 2
"""How many cells there are at least between command and facts."""
_SHORT: Final = 8
"""The fewest cells of a command that is cut off."""
_DOTS: Final = "..."
_LONGEST: Final = 500
"""The most characters of a command: more than a line of any screen has."""


@dataclass(frozen=True, slots=True)
class Room:
    """What there is to draw on, in cells."""

    width: int
    height: int
    encoding: str = "utf-8"
    """That of the terminal: it decides which signs are drawn."""
    variables: Mapping[str, str] = field(
        default_factory=dict,
        repr=False,
    )
    """Those of the caller: they decide which colours there are."""


def screen(
    table: Table,
    notices: Sequence[str],
    status: str,
    room: Room,
) -> list[str]:
    """Return the lines of a screen, as many as it has.

    `notices` are paragraphs, which take a third of the screen at most.
    `status` is one line; of a screen of one line, a notice has it.
    """
    below = _notes(notices, room)
    if room.height > 1 or not below:
        below.append(status)
    above = room.height - len(below)
    body = _body(table, room, above)
    blank = above - len(body)
    return [*body, *[""] * blank, *below]


def _notes(notices: Sequence[str], room: Room) -> list[str]:
    """Break the notices into lines."""
    lines = []
    for notice in notices:
        for line in broken(visible(notice), room.width):
            lines.append(line.text)
    most = max(1, room.height // 3)
    return lines[:most]


def _body(table: Table, room: Room, most: int) -> list[str]:
    """Return at most so many lines: the first tasks, and how many more follow.

    Each task has a line at least. So the others need not be drawn, and the
    screen costs the same however long the list is.
    """
    if most <= 0:
        return []
    count = min(len(table.tasks), most)
    while True:
        more = len(table.tasks) - count
        drawn = _drawn(table, count, room)
        if more or _height(drawn) > most:
            drawn = _reduced(drawn, most, _following(more, room.width))
        over = _height(drawn) - most
        if over <= 0:
            return _joined(drawn)
        if count <= 1:
            return _joined(_shortened(drawn, over))[:most]
        count = _fewer(drawn, over)


def _drawn(table: Table, count: int, room: Room) -> Pieces:
    """Draw the first tasks of a table."""
    more = len(table.tasks) - count
    footer = table.footer
    if more:
        footer = f"and {more:,} more; {footer}"
    some = replace(
        table,
        tasks=table.tasks[:count],
        footer=footer,
    )
    return terminal.pieces(
        some,
        width=room.width,
        encoding=room.encoding,
        variables=room.variables,
    )


def _height(drawn: Pieces) -> int:
    """Count the lines of all parts."""
    return len(_joined(drawn))


def _joined(drawn: Pieces) -> list[str]:
    """Put the parts together."""
    lines = list(drawn.head)
    for task in drawn.tasks:
        lines += task
    return lines + drawn.foot


def _reduced(drawn: Pieces, most: int, following: list[str]) -> Pieces:
    """Leave out what is around the tasks until it takes a third of the room."""
    if not drawn.tasks:
        return drawn
    for smaller in _smaller(drawn, following):
        around = len(smaller.head) + len(smaller.foot)
        if 3 * around <= most:
            break
    return smaller


def _smaller(drawn: Pieces, following: list[str]) -> Iterator[Pieces]:
    """Yield a table with less and less around its tasks.

    First the rule goes, then what signs mean, then the names of the columns,
    and the counts at last. That there are more tasks is always said.
    """
    yield drawn
    drawn = drawn._replace(head=drawn.head[:1])
    yield drawn
    drawn = drawn._replace(foot=drawn.counts)
    yield drawn
    drawn = drawn._replace(head=[])
    yield drawn
    yield drawn._replace(foot=following)


def _following(more: int, width: int) -> list[str]:
    """Say in a line how many tasks follow, if any; briefly where it is narrow."""
    if not more:
        return []
    said = f"and {words.amount(more, 'more task')}"
    if length(said) > width:
        said = f"and {more:,} more"
    return [said]


def _fewer(drawn: Pieces, over: int) -> int:
    """Say how many tasks to try next, if so many lines are too many."""
    count = len(drawn.tasks)
    while count > 1 and over > 0:
        count -= 1
        over -= len(drawn.tasks[count])
    return count


def _shortened(drawn: Pieces, over: int) -> Pieces:
    """Leave out the end of a single task that has too many lines."""
    tasks = []
    for task in drawn.tasks:
        kept = max(1, len(task) - over)
        tasks.append(task[:kept])
    return drawn._replace(tasks=tasks)


def status_line(command: str, facts: Sequence[str], width: int) -> str:
    """Write one line: the command at its left, and what fits of the facts.

    The first facts say more than the last ones. The command is cut off before
    the first fact is left out.
    """
    typed = visible(command[:_LONGEST])
    for count in range(len(facts), 0, -1):
        beside = "; ".join(facts[:count])
        needed = length(typed) + _GAP + length(beside)
        if needed <= width:
            return _apart(typed, beside, width)
    if not facts:
        return _cut(typed, width)
    room = width - length(facts[0]) - _GAP
    if room < _SHORT:
        return _cut(facts[0], width)
    begin = _cut(typed, room)
    return _apart(begin, facts[0], width)


def _apart(left: str, right: str, width: int) -> str:
    """Put two texts at the ends of a line."""
    taken = length(left) + length(right)
    return left + " " * (width - taken) + right


def _cut(text: str, room: int) -> str:
    """Cut a text off where a line ends, with dots."""
    if length(text) <= room:
        return text
    most = room - len(_DOTS)
    while text and length(text) > most:
        text = text[:-1]
    return text + _DOTS
