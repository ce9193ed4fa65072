"""A sheet for a terminal, drawn by Rich.

A long list is drawn in about the time that it takes to write it into a pipe.
"""

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import count, repeat, zip_longest
from typing import Any, BinaryIO, Final, NamedTuple, TextIO

from rich.console import Console

from todo_cli.output import card, columns, log
from todo_cli.output.card import Part
from todo_cli.output.columns import STRONG, URGENT, Cell, Column
from todo_cli.output.text import visible, visible_lines
from todo_cli.output.views import Card, Chart, Grid, Log, Sheet, Table
from todo_cli.output.wrap import Line, broken, length, links
from todo_cli.task import Group

_BOLD: Final = "\x1b[1m"
_BOLD_RED: Final = "\x1b[1;38;5;196m"
"""Red 196 is the same in every palette, and its contrast is above 3 on black, on
white and on both kinds of Solarized.

None of the first 16 colours has that in the palettes of xterm, VGA and
Solarized, and what is dim has it nowhere.
"""
_END: Final = "\x1b[0m"
"""Ends every look."""
_EXACT: Final = ("256", "truecolor")
"""The kinds of terminals that have more than 16 colours."""
_GAP: Final = " " * columns.GAP
_LEAST: Final = 8
"""The fewest cells of a value beside its name."""
_RULE: Final = "\u2500"
_ASCII_RULE: Final = "-"
_SEPARATOR: Final = " \u00b7 "
_ASCII_SEPARATOR: Final = ", "
_WITHOUT_LINKS: Final = ("linux", "eterm", "cons25", "vt52")
"""The consoles of Linux and FreeBSD, and Emacs, would show a link as rubbish."""
_LINK: Final = "\x1b]8;id=todo-{number};{target}\x1b\\{text}\x1b]8;;\x1b\\"
"""How a terminal takes a link; parts with the same id are one link."""


class _Nowhere(io.StringIO):
    """Takes the place of the terminal, whose encoding it has.

    Rich chooses the characters of its boxes by the encoding of its file.
    """

    def __init__(self, encoding: str) -> None:
        super().__init__()
        self._encoding = encoding

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """The encoding of the terminal."""
        return self._encoding


def draw(
    sheet: Sheet,
    *,
    width: int,
    encoding: str,
    variables: Mapping[str, str],
    is_plain: bool = False,
    is_styled: bool = True,
) -> Iterator[str]:
    """Draw a sheet line by line, `width` columns wide.

    A table is laid out at the first line, and each row is drawn when it is
    asked for. With `is_plain`, words take the place of frames, signs and
    links. Text of users is never read as markup, as Rich does not see it.
    """
    file = _Nowhere(encoding)
    console = _console(file, width, variables, is_styled=is_styled)
    pen = _Pen(console, variables, is_plain=is_plain)
    return _lines(sheet, pen)


class Pieces(NamedTuple):
    """The lines of a table, by what they are."""

    head: list[str]
    """The names of the columns, and the rule below them."""
    tasks: list[list[str]]
    """Those of each task, with the heading of its group."""
    foot: list[str]
    """The counts, and what the signs mean."""
    counts: list[str]
    """The counts alone."""


def pieces(
    table: Table, *, width: int, encoding: str, variables: Mapping[str, str]
) -> Pieces:
    """Draw a table for a terminal with signs, and keep its parts apart.

    In the place of one without tasks is its note, as the foot and the counts.
    """
    console = _console(_Nowhere(encoding), width, variables)
    pen = _Pen(console, variables, is_plain=False)
    if not table.tasks:
        note = _paragraph(table.note, pen)
        return Pieces([], [], note, note)
    chosen, legend = columns.layout(table, width, is_plain=False)
    return Pieces(
        list(_head(chosen, pen)),
        list(_blocks(table, chosen, pen)),
        _footer(table.footer, legend, pen),
        _paragraph(table.footer, pen),
    )


def _console(
    file: TextIO,
    width: int,
    variables: Mapping[str, str],
    *,
    is_styled: bool = True,
) -> Console:
    return Console(
        file=file,
        width=width,
        force_terminal=is_styled,
        # Without it Rich would read NO_COLOR and TERM of the process itself.
        _environ=dict(variables),
    )


@contextmanager
def progress(
    what: str,
    stream: BinaryIO,
    *,
    width: int,
    encoding: str,
    variables: Mapping[str, str],
) -> Iterator[Callable[[int, int], None]]:
    """Draw a progress bar on a stream, and remove it at the end.

    It is in the terminal's own colour, so that it can be read everywhere.
    Yields a function of (done, total) that moves the bar.
    """
    # Few commands have one, and it takes a while to load.
    from rich.progress import BarColumn, Progress, TextColumn

    text = io.TextIOWrapper(stream, encoding, "backslashreplace")
    bars = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f}%"),
        console=_console(text, width, {**variables, "NO_COLOR": "1"}),
        auto_refresh=False,
        transient=True,
    )
    try:
        with bars:
            bar = bars.add_task(what)

            def report(done: int, of: int) -> None:
                bars.update(bar, completed=done, total=of, refresh=True)

            yield report
    finally:
        # Otherwise the wrapper would close the stream with itself.
        text.detach()


class _Pen:
    """Puts styles and links around text, as far as the terminal has them."""

    def __init__(
        self,
        console: Console,
        variables: Mapping[str, str],
        *,
        is_plain: bool,
    ) -> None:
        self.width = console.width
        self.is_plain = is_plain
        self._codes = _codes(console)
        term = variables.get("TERM", "")
        has_escapes = console.color_system is not None
        takes_links = not term.startswith(_WITHOUT_LINKS)
        self._links = has_escapes and takes_links and not is_plain
        self._numbers = count(1)
        self.rule = _ASCII_RULE
        self.separator = _ASCII_SEPARATOR
        self.has_blocks = not console.options.ascii_only
        if self.has_blocks:
            self.rule = _RULE
            if not is_plain:
                self.separator = _SEPARATOR

    def drawn(self, text: str, look: str) -> str:
        """Put the codes of a look around a text."""
        code = self._codes.get(look)
        if code is None:
            return text
        return f"{code}{text}{_END}"

    def linked(self, text: str, lines: Sequence[Line]) -> list[str]:
        """Return the lines of a text, with its URLs as links."""
        drawn = [line.text for line in lines]
        if not self._links:
            return drawn
        # From the end, so that the places before it stay right.
        for link in reversed(links(text)):
            number = next(self._numbers)
            for place, line in enumerate(lines):
                start = max(link.start - line.start, 0)
                end = min(link.end - line.start, len(line.text))
                if start < end:
                    whole = drawn[place]
                    url = _LINK.format(
                        number=number,
                        target=link.target,
                        text=whole[start:end],
                    )
                    drawn[place] = whole[:start] + url + whole[end:]
        return drawn


def _codes(console: Console) -> Mapping[str, str]:
    """Choose what to write before a text of each look, as the terminal has it.

    Rich knows from the variables (TERM, COLORTERM, NO_COLOR) what it has.
    PLAIN has no code, so that text which is not stressed costs nothing.
    """
    if console.color_system is None:
        return {}
    is_exact = console.color_system in _EXACT
    if is_exact and not console.no_color:
        return {STRONG: _BOLD, URGENT: _BOLD_RED}
    return {STRONG: _BOLD, URGENT: _BOLD}


def _lines(sheet: Sheet, pen: _Pen) -> Iterator[str]:
    """Yield the lines of a sheet."""
    if sheet.table is not None:
        yield from _table(sheet.table, pen)
        return
    if sheet.log is not None:
        yield from _log(sheet.log, pen)
        return
    if sheet.chart is not None:
        yield from _chart(sheet.chart, pen)
        return
    if sheet.grid is not None:
        yield from _grid(sheet.grid, pen)
        return
    # Lines are not broken here, so that copying one gives one line.
    for line in sheet.brief or sheet.lines:
        yield visible(line)
    for warning in sheet.warnings:
        yield f"warning: {visible(warning)}"
    if sheet.card is not None:
        yield from _card(sheet.card, pen)
    else:
        yield from _fields(sheet, pen)


# A table


def _table(table: Table, pen: _Pen) -> Iterator[str]:
    """Yield the lines of a table; a note in the place of an empty one."""
    if not table.tasks:
        yield from _paragraph(table.note, pen)
        return
    chosen, legend = columns.layout(table, pen.width, is_plain=pen.is_plain)
    yield from _head(chosen, pen)
    for block in _blocks(table, chosen, pen):
        yield from block
    yield from _footer(table.footer, legend, pen)


def _blocks(
    table: Table, chosen: Sequence[Column], pen: _Pen
) -> Iterator[list[str]]:
    """Return the lines of each task, below the heading if its group begins."""
    rows = _rows(chosen, pen)
    if table.query.group is None:
        return rows
    return _grouped(table, table.query.group, rows, pen)


def _grouped(
    table: Table, group: Group, rows: Iterator[list[str]], pen: _Pen
) -> Iterator[list[str]]:
    """Yield the lines of each task, with the headings of the groups."""
    heading = ""
    for task, row in zip(table.tasks, rows, strict=True):
        before = heading
        heading = columns.heading(task, group, table.today)
        if heading == before:
            yield row
        else:
            begin = _heading(heading, pen, is_first=not before)
            yield [*begin, *row]


def _grid(grid: Grid, pen: _Pen) -> Iterator[str]:
    """Yield the lines of a table of other things than tasks."""
    if not grid.rows:
        yield from _paragraph(grid.note, pen)
        return
    chosen = columns.grid(grid, pen.width)
    yield from _head(chosen, pen)
    for row in _rows(chosen, pen):
        yield from row
    yield from _paragraph(grid.footer, pen)


def _footer(counts: str, legend: Sequence[str], pen: _Pen) -> list[str]:
    """Return the lines below a table: the counts, and what its signs mean.

    Both are on one line if there is room, else the legend begins a line.
    """
    lines = _paragraph(counts, pen)
    if not legend:
        return lines
    signs = ",\n".join(legend)
    meant = Part(f"({signs})".split("\n"))
    beside = _flow([Part([visible(counts)]), meant], pen, _GAP)
    if len(beside) == 1:
        return beside
    return [*lines, *_flow([meant], pen, "")]


def _paragraph(text: str, pen: _Pen) -> list[str]:
    """Break a text of one paragraph at its words."""
    return [line.text for line in broken(visible(text), pen.width)]


def _head(chosen: Sequence[Column], pen: _Pen) -> Iterator[str]:
    """Yield the names of the columns, and the rule below them."""
    names: list[str] = []
    for column in chosen:
        # A title can have less room than its name has.
        name = column.name[: column.width]
        names += _value((name, columns.PLAIN), column, pen)
    yield pen.drawn(_GAP.join(names).rstrip(), STRONG)
    if not pen.is_plain:
        taken = sum(column.width for column in chosen)
        gaps = columns.GAP * (len(chosen) - 1)
        yield pen.rule * (taken + gaps)


def _heading(heading: str, pen: _Pen, *, is_first: bool) -> Iterator[str]:
    """Yield the heading of a group, with a blank line between two groups."""
    if not is_first:
        yield ""
    for line in broken(heading, pen.width):
        yield pen.drawn(line.text, STRONG)


_Cell = list[str]
"""The lines of a cell as they are drawn, each as wide as its column."""


def _rows(chosen: Sequence[Column], pen: _Pen) -> Iterator[list[str]]:
    """Yield the lines of each task."""
    place = [column.is_title for column in chosen].index(True)
    title = chosen[place]
    room = pen.width - _width_of(chosen[:place])
    blanks = [" " * column.width for column in chosen]
    rows = _others([*chosen[:place], *chosen[place + 1 :]], pen)
    for row, (text, _) in zip(rows, title.cells, strict=False):
        lines = broken(text, title.width, room)
        beside = _beside(row[place:], is_wide=lines[0].is_wide)
        cell = _title(text, lines, beside, title, pen)
        yield _row([*row[:place], cell, *beside], blanks)


def _width_of(before: Sequence[Column]) -> int:
    """Return how many cells columns take, with the gaps behind them."""
    return sum(column.width + columns.GAP for column in before)


def _others(chosen: Sequence[Column], pen: _Pen) -> Iterator[Any]:
    """Yield the cells of each task but for its title; endless if there are none."""
    drawn = [_values(column, pen) for column in chosen]
    if not drawn:
        # On a narrow terminal a title can be alone.
        return repeat(())
    return zip(*drawn, strict=True)


def _beside(cells: Sequence[_Cell], *, is_wide: bool) -> list[_Cell]:
    """Return the cells right of a title.

    They begin on the second line if the first one is too wide, unless all of
    them are blank.
    """
    if not is_wide:
        return list(cells)
    for cell in cells:
        if "".join(cell).strip():
            return [["", *each] for each in cells]
    return list(cells)


def _row(cells: Sequence[_Cell], blanks: Sequence[str]) -> list[str]:
    """Put the cells of a task beside each other."""
    lines = []
    for parts in zip_longest(*cells, fillvalue=""):
        # A cell that has no more lines is blank.
        pairs = zip(parts, blanks, strict=True)
        whole = [part or blank for part, blank in pairs]
        lines.append(_GAP.join(whole).rstrip())
    return lines


def _values(column: Column, pen: _Pen) -> Iterator[_Cell]:
    """Draw the cells of a column; a long value has several lines."""
    # The same values come again and again.
    known: dict[Cell, _Cell] = {}
    for value in column.cells:
        if value not in known:
            known[value] = _value(value, column, pen)
        yield known[value]


def _value(value: Cell, column: Column, pen: _Pen) -> _Cell:
    """Draw the lines of one value."""
    text, look = value
    lines = []
    for line in broken(text, column.width):
        padding = " " * (column.width - line.length)
        drawn = pen.drawn(line.text, look)
        if column.is_right:
            lines.append(padding + drawn)
        else:
            lines.append(drawn + padding)
    return lines


def _title(
    text: str,
    lines: Sequence[Line],
    beside: Sequence[_Cell],
    column: Column,
    pen: _Pen,
) -> _Cell:
    """Draw a title.

    A URL that is longer than the column takes the room of the cells `beside`
    it, so it comes before or after their lines.
    """
    cell: _Cell = []
    for line, drawn in zip(lines, pen.linked(text, lines), strict=True):
        if line.is_wide and cell:
            height = max(map(len, beside), default=0)
            cell += [""] * (height - len(cell))
        cell.append(drawn + " " * (column.width - line.length))
    return cell


# The history


def _log(shown: Log, pen: _Pen) -> Iterator[str]:
    """Yield the lines of operations; a note if there are none.

    A line that is too long goes on below, a bit further to the right.
    """
    if not shown.operations:
        yield from _paragraph(shown.note, pen)
        return
    for row in log.rows(shown, is_plain=pen.is_plain):
        if row.time:
            head = Part([visible(row.text), row.time], STRONG)
            yield from _flow([head], pen, "", columns.GAP)
            continue
        indent = " " * row.indent
        room = max(pen.width - row.indent - columns.GAP, _LEAST)
        # No links: a URL may have been cut.
        for line in broken(visible(row.text), room):
            yield indent + line.text
            indent = " " * (row.indent + columns.GAP)
    yield from _paragraph(shown.footer, pen)


# Counts


def _chart(chart: Chart, pen: _Pen) -> Iterator[str]:
    """Yield the lines of counts."""
    # Only one command has them.
    from todo_cli.output import bars

    look = bars.Look(pen.width, pen.is_plain, pen.has_blocks)
    for line in bars.lines(chart, look):
        drawn = [pen.drawn(text, style) for text, style in line]
        yield "".join(drawn).rstrip()


# One task, and other names with values


def _card(about: Card, pen: _Pen) -> Iterator[str]:
    """Yield the lines of a task: its title, its fields and its notes."""
    task = about.task
    for line in _text(visible(task.title), pen):
        yield pen.drawn(line, STRONG)
    layout = card.layout(about, is_plain=pen.is_plain)
    yield from _flow(layout.facts, pen, pen.separator)
    for moment in layout.moments:
        yield from _flow([moment], pen, "")
    yield ""
    if task.description is not None:
        notes = visible_lines(task.description)
        for line in _text(notes, pen, columns.GAP):
            yield f"{_GAP}{line}".rstrip()
        yield ""
    yield from _flow(layout.ends, pen, pen.separator)


def _flow(
    parts: Sequence[Part], pen: _Pen, separator: str, indent: int = 0
) -> list[str]:
    """Put parts one after the other, on as few lines as they need.

    All lines but the first one are indented.
    """
    flow = _Flow(pen, separator, indent)
    for part in parts:
        flow.add(part)
    return flow.lines()


class _Flow:
    """Fills lines with parts; what fits into a line is not broken.

    A part goes into the line that was begun if it fits there, else into the
    next one. One that is longer than a line goes on in the line that was
    begun, and is broken between its units; a unit that is longer than a line
    is broken between its words.
    """

    def __init__(self, pen: _Pen, separator: str, indent: int) -> None:
        self._pen = pen
        self._separator = separator
        self._indent = " " * indent
        self._room = pen.width - indent
        self._lines = [""]
        self._taken = 0
        """How many cells of the last line are taken."""

    def lines(self) -> list[str]:
        """Return the lines so far."""
        return self._lines

    def add(self, part: Part) -> None:
        """Add a part after a separator, or on a new line."""
        units = part.units
        whole = " ".join(units)
        if length(whole) <= self._room:
            units = [whole]
        before = self._separator
        for unit in units:
            self._put(unit, part.look, before)
            before = " "

    def _put(self, text: str, look: str, before: str) -> None:
        """Add a text and what is `before` it, unless it begins a line.

        A separator is never at the end of a line, nor at its beginning.
        """
        needed = len(before) + length(text)
        if self._taken > 0 and self._taken + needed > self._room:
            self._begin_line()
        if self._taken > 0:
            self._lines[-1] += before
            self._taken += len(before)
        for line in broken(text, self._room):
            if line.start > 0:
                self._begin_line()
            self._lines[-1] += self._pen.drawn(line.text, look)
            self._taken += line.length

    def _begin_line(self) -> None:
        self._lines.append(self._indent)
        self._taken = 0


def _text(text: str, pen: _Pen, indent: int = 0) -> Iterator[str]:
    """Yield text as lines that fit the terminal, with its URLs as links."""
    for paragraph in text.split("\n"):
        lines = broken(paragraph, pen.width - indent)
        yield from pen.linked(paragraph, lines)


def _fields(sheet: Sheet, pen: _Pen) -> Iterator[str]:
    """Yield names and values.

    A sheet can have groups of others in their place, which are for people.
    """
    if sheet.groups is None:
        yield from _pairs(sheet.fields, pen, _longest(sheet.fields))
        return
    longest = max(map(_longest, sheet.groups.values()), default=0)
    for heading, rows in sheet.groups.items():
        if rows:
            yield ""
            yield pen.drawn(heading, STRONG)
            yield from _pairs(rows, pen, longest)


_Pairs = Sequence[tuple[str, str]]


def _longest(rows: _Pairs) -> int:
    """Return the length of the longest name."""
    return max((len(name) for name, _ in rows), default=0)


def _pairs(rows: _Pairs, pen: _Pen, longest: int) -> Iterator[str]:
    """Yield names and values in two columns; a long value is broken."""
    indent = longest + columns.GAP
    room = max(pen.width - indent, _LEAST)
    for name, value in rows:
        for paragraph in visible_lines(value).split("\n"):
            for line in broken(paragraph, room):
                yield f"{name:{indent}}{line.text}".rstrip()
                name = ""
