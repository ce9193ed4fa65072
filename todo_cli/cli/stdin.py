"""What commands read from standard input: titles, a line each, or a
description.
"""

from typing import TYPE_CHECKING, Final
from uuid import UUID, uuid5

from todo_cli import rules
from todo_cli.errors import Detail, InvalidInput
from todo_cli.task import NewTask

if TYPE_CHECKING:
    from todo_cli.cli.context import RunContext

NOTHING_ADDED: Final = "; nothing was added"
_LONGEST_DESCRIPTION: Final = 4 * rules.DESCRIPTION_LENGTH + 16
"""The most bytes that a description can have, with a byte order mark and a
line end that are taken off.
"""


async def read_tasks(context: "RunContext", key: UUID) -> list[NewTask]:
    """Read a title a line; the ids follow from `key`, so that a repeat adds
    nothing.

    Raises:
        InvalidInput: a line is no title; the error names its number.
    """
    news = []
    for number, line in _lines(await context.read_stdin()):
        try:
            news.append(NewTask(title=line, id=uuid5(key, str(number))))
        except InvalidInput as error:
            raise _of_line(number, error) from None
    return news


async def read_description(context: "RunContext") -> str:
    """Read a description, less one final line end.

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
    details: list[Detail] = [
        {"field": f"line {number}", "message": each["message"]}
        for each in error.details
    ]
    message = f"line {number}: {error.message}{NOTHING_ADDED}"
    return InvalidInput(message, details=details)


def _lines(data: bytes) -> list[tuple[int, str]]:
    """The lines that are not blank, with their numbers from 1; CRLF is taken
    off.
    """
    lines = [line.removesuffix("\r") for line in _decode(data).split("\n")]
    return [
        (number, line) for number, line in enumerate(lines, 1) if line.strip()
    ]


def _decode(data: bytes) -> str:
    """Decode standard input less a byte order mark; bytes that are not UTF-8
    are left for the rules to refuse.

    Raises:
        InvalidInput: it is UTF-16, as Windows programs write it.
    """
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise InvalidInput(
            "Standard input is UTF-16, and must be UTF-8",
            hint="iconv -f UTF-16 -t UTF-8 FILE",
        )
    return data.removeprefix(b"\xef\xbb\xbf").decode(errors="surrogateescape")
