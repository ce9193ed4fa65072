"""CSV: a table with a header. Ours has every field; else names decide.

A table is ours if its header has the names of all fields of a task, in any
order. Its cells hold what the fields hold, and anything else is a fault. A
spreadsheet would run a cell that begins like a formula, so that one gets a
guard in front, which is taken off again.

Any other table only needs a column of titles; see `columns.py`.

Rows are named by the line of the file in which they begin. The header is in
line 1, and a cell of several lines counts them all.
"""

import csv
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from io import StringIO
from typing import Any, Final, NamedTuple

from todo_cli.errors import InvalidInput
from todo_cli.exchange.columns import Columns, field_of, names_in
from todo_cli.exchange.draft import Draft, Setting
from todo_cli.exchange.source import LONGEST, Source
from todo_cli.task import Task, task_values

_FIELDS: Final = tuple(Task.__slots__)
"""The names of our columns, in their order."""
_GUARD: Final = "'"
_GUARDED: Final = (
    "=",
    "+",
    "-",
    "@",
    "\t",
    "\r",
    _GUARD,
)
"""What spreadsheets take for the beginning of a formula, and the guard."""
_SEPARATORS: Final = (
    ",",
    ";",
    "\t",
)
"""Spreadsheets write `;` where a comma is in numbers."""
_QUOTED: Final = re.compile('"[^"]*"')
_NAMED_SEPARATOR: Final = re.compile(r"sep=([,;\t|])", re.IGNORECASE)
"""Excel's own first line, which is no part of the table."""
_MOST_DIGITS: Final = 10
"""More digits than those of all numbers of tasks."""
_FAULTS: Final = {
    "unexpected end of data": "is cut off: a quoted cell has no end",
    "expected after": "has characters after the end of a quoted cell",
    "field limit": "has a cell that is too long, or whose quotes have no end",
}
"""What Python's reader says, and what we say."""


class Row(NamedTuple):
    """A row of the file, or what is wrong with it."""

    place: str
    """`line 7`, where it begins; the header is in line 1."""
    cells: list[str]
    fault: str | None = None


def looks_like(head: str) -> bool:
    """Whether a file that begins so has a column of titles among others."""
    first = _first_line(head)
    cells = next(csv.reader([first], delimiter=_separator(first)), [])
    fields = [field_of(cell) for cell in cells]
    return len(fields) > 1 and "title" in fields


def read(
    source: Source, setting: Setting, columns: Mapping[str, str]
) -> Iterator[Draft]:
    """Read the rows below the header.

    Raises:
        InvalidInput: there is no header, or no column of titles.
    """
    head = source.head
    table = Table(source)
    header = table.header()
    is_ours = {*_FIELDS}.issubset(header)
    if is_ours:
        _check(header, columns)
        draft_of: Callable[[str, Sequence[str]], Draft] = _Own(header).draft
    else:
        sample = _sample(head, table.separator)
        draft_of = Columns(header, columns, setting, sample).draft
    for row in table.rows():
        fault = row.fault or table.misfit(row, is_whole=is_ours)
        if fault is None:
            yield draft_of(row.place, row.cells)
        else:
            yield Draft.broken(row.place, fault)


class Writer:
    """Writes a table as RFC 4180 has it, with a column for every field."""

    def __init__(self, setting: Setting) -> None:
        self.kept: dict[str, int] = {}
        """Nothing: the table can hold all of a task."""

    def begin(self) -> bytes:
        """Return the header."""
        return _rows_of([_FIELDS])

    def write(self, tasks: Sequence[Task]) -> bytes:
        """Return the next tasks."""
        return _rows_of(_cells_of(task) for task in tasks)

    def end(self) -> bytes:
        """Return what comes after the last task."""
        return b""


def _rows_of(rows: Iterable[Iterable[str]]) -> bytes:
    """Write rows with the line ends of RFC 4180.

    No store holds lone surrogates, which UTF-8 cannot hold either.
    """
    text = StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode("utf-8", "backslashreplace")


def _cells_of(task: Task) -> list[str]:
    """Return the cells of a task; none has what a spreadsheet would run."""
    cells = []
    for value in task_values(task).values():
        cell = _cell(value)
        if cell.startswith(_GUARDED):
            cell = _GUARD + cell
        cells.append(cell)
    return cells


def _cell(value: Any) -> str:
    """Write a value; none is an empty cell."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ",".join(value)
    return str(value)


class _Own:
    """Makes drafts of our own rows.

    The guard before what looks like a formula is taken off again, here and
    nowhere else: in other tables it can be part of a text.
    """

    def __init__(self, header: Sequence[str]) -> None:
        self._names = names_in(header)

    def draft(self, place: str, cells: Sequence[str]) -> Draft:
        """Make the draft of a row."""
        draft = Draft(place)
        for name, cell in zip(self._names, cells, strict=False):
            if not cell:
                continue
            text = cell.removeprefix(_GUARD)
            read_cell = _READ.get(name)
            if read_cell is not None:
                draft.values[name] = read_cell(text)
            else:
                draft.keep("column", f"{name}: {text}")
        if "id" not in draft.values:
            draft.key = "\x1f".join(cells)
        return draft


def _check(header: Sequence[str], columns: Mapping[str, str]) -> None:
    """Refuse what is not clear about a header of ours.

    Raises:
        InvalidInput: a column is there twice, or is to be another one.
    """
    if columns:
        raise InvalidInput.of("map", "is not for the columns of `todo export`")
    for name in _FIELDS:
        if header.count(name) > 1:
            raise InvalidInput.of(name, "is the name of two columns")


def _integer(text: str) -> int | str:
    """Read a number; what is none stays text, which its rule refuses."""
    is_number = text.isascii() and text.isdigit()
    if is_number and len(text) <= _MOST_DIGITS:
        return int(text)
    return text


def _truth(text: str) -> bool | str:
    """Read a truth; spreadsheets write it in capitals."""
    if text.lower() == "true":
        return True
    if text.lower() == "false":
        return False
    # Its rule refuses the text.
    return text


def _tags(text: str) -> list[str]:
    """Read tags."""
    return text.split(",")


_READ: Final[Mapping[str, Callable[[str], Any]]] = {
    **dict.fromkeys(_FIELDS, str),
    "number": _integer,
    "version": _integer,
    "completed": _truth,
    "tags": _tags,
}
"""How to read a cell of ours, by its column."""


class Table:
    """The rows of a file.

    Python's reader is strict: it refuses what others guess.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        self._line = 0
        self._length = 0
        self._width = 0
        first = _first_line(source.head)
        self._lines = self._fed()
        named = _NAMED_SEPARATOR.fullmatch(first)
        if named is None:
            self.separator = _separator(first)
        else:
            self.separator = named[1]
            next(self._lines)
        self._reader = csv.reader(
            self._lines, delimiter=self.separator, strict=True
        )

    def header(self) -> list[str]:
        """Read the first row that is not blank.

        Raises:
            InvalidInput: there is none, or it is no row.
        """
        for row in self.rows():
            if row.fault is not None:
                raise InvalidInput.of(row.place, row.fault)
            self._width = len(row.cells)
            return row.cells
        raise InvalidInput.of("header", f"{self._source.name} is empty")

    def rows(self) -> Iterator[Row]:
        """Read the next rows that are not blank.

        After a fault in a row of several lines there are no others: nobody
        knows where the next one begins.
        """
        while True:
            first = self._line + 1
            self._length = 0
            try:
                cells = next(self._reader)
            except StopIteration:
                return
            except csv.Error as error:
                yield Row(f"line {first}", [], _words(error))
                if self._line > first:
                    return
                continue
            if any(cells):
                yield Row(f"line {first}", cells)

    def misfit(self, row: Row, *, is_whole: bool) -> str | None:
        """Say whether a row has too many cells, or lacks some.

        Where `is_whole`, it must have all of them, as we write it. Others may
        leave out the last cells, but in a last line without an end: there the
        file was cut off. A last line with all cells needs no end: Google
        Sheets writes none.
        """
        given = len(row.cells)
        if given == self._width:
            return None
        if given > self._width:
            words = f"has {given} cells, the header has {self._width}"
            return words if any(row.cells[self._width :]) else None
        words = f"has {given} of {self._width} cells"
        if self._source.is_last_open:
            return f"{words}: the file may be cut off"
        return words if is_whole else None

    def _fed(self) -> Iterator[str]:
        """Yield each line; count them, and the length of a row.

        Raises:
            InvalidInput: a row has more than LONGEST characters.
        """
        for number, line in self._source.lines():
            self._line = number
            self._length += len(line)
            if self._length > LONGEST:
                raise InvalidInput.of(
                    f"line {number}",
                    f"ends a row of more than {LONGEST:,} characters",
                )
            yield f"{line}\n"


def _first_line(head: str) -> str:
    """Return the first line of a file's beginning, without its end."""
    lines = head.replace("\r", "\n")
    first, _, _ = lines.partition("\n")
    return first


def _separator(first: str) -> str:
    """Find out what separates the cells of a header."""
    # A name in quotes can have a separator.
    bare = _QUOTED.sub("", first)
    # Of those that are as frequent, the first.
    return max(_SEPARATORS, key=bare.count)


def _sample(head: str, separator: str) -> list[list[str]]:
    """Read the rows of a file's beginning; the last may be cut."""
    lines = StringIO(head, newline="")
    rows = [*csv.reader(lines, delimiter=separator)]
    return rows[:-1]


def _words(error: csv.Error) -> str:
    """Say why a row is none."""
    for part, words in _FAULTS.items():
        if part in str(error):
            return words
    return f"is no row: {error}"
