"""Reads tasks from standard input, a title a line, or one description."""

from typing import TYPE_CHECKING, Final
from uuid import UUID, uuid5

from todo_cli import rules
from todo_cli.errors import Detail, InvalidInput
from todo_cli.task import NewTask

if TYPE_CHECKING:
    from todo_cli.cli.context import RunContext

NOTHING_ADDED: Final = "; nothing was added"
_LONGEST_DESCRIPTION: Final = 4 * rules.DESCRIPTION_LENGTH + 16
"""The most bytes that a description can have in UTF-8.

The 16 allow for a byte order mark and a final line end, which are removed.
"""


async def read_tasks(context: "RunContext", key: UUID) -> list[NewTask]:
    """Read a new task from each line that is not blank.

    The ids are made from `key` and the line's number, so that repeating the
    command adds nothing.

    Raises:
        InvalidInput: a line is not a title; the error names its number.
    """
    news = []
    data = await context.read_stdin()
    for number, line in _lines(data):
        id = uuid5(key, str(number))
        try:
            news.append(NewTask(title=line, id=id))
        except InvalidInput as error:
            raise _of_line(number, error) from None
    return news


async def read_description(context: "RunContext") -> str:
    """Read a description, and remove one final line end.

    Raises:
        InvalidInput: it is longer than a description may be, or is UTF-16.
    """
    data = await context.read_stdin(_LONGEST_DESCRIPTION + 1)
    if len(data) > _LONGEST_DESCRIPTION:
        # The rest was not read, so the length is not known.
        raise InvalidInput.of(
            "description",
            f"has more than {rules.DESCRIPTION_LENGTH:,} characters",
        )
    return _decode(data).replace("\r\n", "\n").removesuffix("\n")


def _of_line(number: int, error: InvalidInput) -> InvalidInput:
    """Name the line in an error about its title."""
    details: list[Detail] = []
    for each in error.details:
        details.append({"field": f"line {number}", "message": each["message"]})
    message = f"line {number}: {error.message}{NOTHING_ADDED}"
    return InvalidInput(message, details=details)


def _lines(data: bytes) -> list[tuple[int, str]]:
    """Split into lines; return those not blank, with their numbers from 1."""
    found = []
    for number, line in enumerate(_decode(data).split("\n"), start=1):
        if line.strip():
            found.append((number, line.removesuffix("\r")))
    return found


def _decode(data: bytes) -> str:
    """Decode standard input, without a byte order mark.

    Bytes that are not UTF-8 become surrogates, which the rules refuse.

    Raises:
        InvalidInput: it is UTF-16, as Windows programs write it.
    """
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise InvalidInput(
            "Standard input is UTF-16, and must be UTF-8",
            hint="iconv -f UTF-16 -t UTF-8 FILE",
        )
    return data.removeprefix(b"\xef\xbb\xbf").decode(errors="surrogateescape")
