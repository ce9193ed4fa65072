"""Reads tasks from standard input, a title a line, or one description."""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, BinaryIO, Final
from uuid import UUID, uuid5

from todo_cli import rules
from todo_cli.errors import Detail, InvalidInput
from todo_cli.task import NewTask

if TYPE_CHECKING:
    from todo_cli.cli.context import RunContext

_MOST_LINES: Final = 100_000
"""The most lines of one `add -`, which stores all or none of them."""
_LONGEST_LINE: Final = 65_536
"""The most bytes of a line; a title can have blanks around it."""
_LONGEST_DESCRIPTION: Final = 4 * rules.DESCRIPTION_LENGTH + 16
"""The most bytes that a description can have in UTF-8.

The 16 allow for a byte order mark and a final line end, which are removed.
"""


async def read_tasks(
    context: "RunContext", key: UUID, values: Mapping[str, Any]
) -> list[NewTask]:
    """Read a new task from each line that is not blank.

    `values` are those of the other fields, the same for every line. The ids
    are made from `key` and the line's number, so that repeating the
    command adds nothing. The first line that is wrong ends the reading, and
    no more than a line is kept of what is not a title.

    Raises:
        InvalidInput: a line is not a title, or there are too many lines; the
            error names the number of the line.
    """
    read = partial(_tasks, key, values)
    return await context.read_stdin(read, "One title a line")


async def read_description(context: "RunContext") -> str:
    """Read a description, and remove one final line end.

    Raises:
        InvalidInput: it is longer than a description may be, or is UTF-16.
    """
    data = await context.read_stdin(_description, "Type the notes")
    if len(data) > _LONGEST_DESCRIPTION:
        # The rest was not read, so the length is not known.
        raise InvalidInput.of(
            "description",
            f"has more than {rules.DESCRIPTION_LENGTH:,} characters",
        )
    text = _decode(_begun(data))
    return text.replace("\r\n", "\n").removesuffix("\n")


def _description(stream: BinaryIO) -> bytes:
    """Read one byte more than a description can have at most.

    That byte says that it is too long; the rest is left unread.
    """
    return stream.read(_LONGEST_DESCRIPTION + 1)


def _tasks(
    key: UUID, values: Mapping[str, Any], stream: BinaryIO
) -> list[NewTask]:
    """Read a new task from each line that is not blank.

    Runs in a thread. Each line is checked as it comes, so that what is wrong
    ends the reading before more of it takes memory.
    """
    news = []
    for number, line in _lines(stream):
        try:
            if len(line) > _LONGEST_LINE:
                raise InvalidInput.of(
                    "title", f"has more than {_LONGEST_LINE:,} bytes"
                )
            title = _decode(line).removesuffix("\n").removesuffix("\r")
            if title.strip():
                id = uuid5(key, str(number))
                news.append(NewTask(title=title, id=id, **values))
        except InvalidInput as error:
            raise _of_line(number, error) from None
    return news


def _lines(stream: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """Read line by line, each with its number from 1.

    A line that is too long is cut off.

    Raises:
        InvalidInput: there are too many lines, or it is UTF-16.
    """
    number = 0
    while line := stream.readline(_LONGEST_LINE + 1):
        number += 1
        if number == 1:
            line = _begun(line)
        if number > _MOST_LINES:
            raise InvalidInput(
                f"Standard input has more than {_MOST_LINES:,} lines",
                hint=f"split it, as by `split -l {_MOST_LINES}`",
            )
        yield number, line


def _of_line(number: int, error: InvalidInput) -> InvalidInput:
    """Name the line in an error about its title."""
    details: list[Detail] = []
    for each in error.details:
        details.append({"field": f"line {number}", "message": each["message"]})
    message = f"line {number}: {error.message}"
    return InvalidInput(message, details=details)


def _begun(data: bytes) -> bytes:
    """Take a byte order mark from the beginning of standard input.

    Raises:
        InvalidInput: it is UTF-16, as Windows programs write it. Without a
            mark it is known by its zeros: in Latin text, every other byte.
    """
    is_marked = data.startswith((b"\xff\xfe", b"\xfe\xff"))
    start = data[:8]
    halves = (start[::2], start[1::2])
    is_latin = len(start) > 3 and any(not any(half) for half in halves)
    if is_marked or (is_latin and any(start)):
        raise InvalidInput(
            "Standard input is UTF-16, and must be UTF-8",
            hint="iconv -f UTF-16 -t UTF-8 FILE",
        )
    return data.removeprefix(b"\xef\xbb\xbf")


def _decode(data: bytes) -> str:
    """Decode text; other bytes become surrogates, which the rules refuse."""
    return data.decode(errors="surrogateescape")
