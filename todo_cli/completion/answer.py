"""Answers the script of a shell: `todo completion SHELL --answer ... -- WORDS`.

What comes before `--` depends on the shell:

- bash: `COMP_TYPE`, the width of the terminal and `COMP_WORDBREAKS`; the one
  word is the line up to the cursor, because only that says how it is quoted
- zsh: the width; the words after `todo`, the last one at the cursor
- fish: nothing; the same words, the last one as it was typed

Nobody has asked for a command here. So nothing but suggestions is ever printed,
and the exit status is 0 whatever happens.
"""

import _signal  # type: ignore[import-not-found]  # mypy has no stub
import os

from todo_cli.completion import bash, suggest
from todo_cli.completion.store import Store

# Importing typing would take longer than all that is done here.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Final, NoReturn

ASKS: "Final" = "--answer"
"""The word of the hidden form of the command."""
_LISTS: "Final" = ("63", "33", "64")
"""The types of completion in which bash lists, and inserts no whole word."""
_NARROWEST: "Final" = 20
_LONGEST_VALUE: "Final" = 20
"""Longer values do not move the titles of the others."""
_WIDE: "Final" = 0x1100
"""From here on a character may take two columns."""


def is_asked(arguments: "Sequence[str]") -> bool:
    """Whether a script of ours asks."""
    return (
        len(arguments) > 2
        and arguments[0] == "completion"
        and arguments[2] == ASKS
    )


def run(arguments: "Sequence[str]") -> "NoReturn":
    """Print the answer and end the process."""
    try:
        _signal.signal(_signal.SIGINT, _end)
        _, shell, _, *rest = arguments
        place = rest.index("--")
        text = _ANSWERS[shell](rest[:place], rest[place + 1 :])
        _print(text.encode("utf-8", "backslashreplace"))
    # Also a lack of memory, and what Python raises for a signal.
    except BaseException:  # noqa: BLE001, S110 - then nothing is suggested
        pass
    os._exit(0)


def _end(
    _number: int,
    _frame: object,
) -> None:
    """End at Ctrl-C, as if there was nothing to suggest."""
    os._exit(0)


def _print(data: bytes) -> None:
    """Write all of the answer.

    Raises:
        OSError: standard output is closed.
    """
    while data:
        data = data[os.write(1, data) :]


def _of_bash(
    settings: "list[str]",
    words: "list[str]",
) -> str:
    """Answer bash: each line is inserted as it is.

    Titles are shown only where bash lists. Else it could insert them.
    """
    how, columns, breaks = settings
    typed = bash.Typed(words[0], breaks)
    if typed.is_file:
        return _written(suggest.FILES, [])
    found = suggest.suggest(typed.words[1:], typed.word, Store())
    lines = []
    for value, title in _insertable(found.pairs):
        line = typed.inserted(value)
        if line is not None:
            lines.append((line, title))
    shown = [line for line, _ in lines]
    if how in _LISTS and len(lines) > 1:
        shown = _with_titles(lines, int(columns))
    return _written(found.kind, shown)


def _of_zsh(
    settings: "list[str]",
    words: "list[str]",
) -> str:
    """Answer zsh: what is inserted, and what is shown in its place."""
    columns = int(settings[0])
    *before, typed = words
    found = suggest.suggest(before, typed, Store())
    pairs = _insertable(found.pairs)
    lines = []
    for (value, _), shown in zip(
        pairs, _with_titles(pairs, columns), strict=True
    ):
        lines.append(f"{value}\t{shown}")
    return _written(found.kind, lines)


def _of_fish(
    _settings: "list[str]",
    words: "list[str]",
) -> str:
    """Answer fish: what is inserted, and what is shown beside it."""
    from todo_cli.completion.fish import unquoted

    *before, typed = words
    found = suggest.suggest(before, unquoted(typed), Store())
    lines = []
    for value, title in _insertable(found.pairs):
        lines.append(f"{value}\t{_visible(title)}")
    return _written(found.kind, lines)


_ANSWERS: "Final[dict[str, Callable[[list[str], list[str]], str]]]" = {
    "bash": _of_bash,
    "zsh": _of_zsh,
    "fish": _of_fish,
}


def _written(
    kind: str,
    lines: "list[str]",
) -> str:
    """Write an answer: its kind, and a line for each suggestion."""
    return "".join(f"{line}\n" for line in (kind, *lines))


def _insertable(pairs: "suggest.Pairs") -> "suggest.Pairs":
    """Leave out what has a character that must not get into a terminal."""
    return [pair for pair in pairs if _visible(pair[0]) == pair[0]]


def _with_titles(
    pairs: "suggest.Pairs",
    columns: int,
) -> "list[str]":
    """Write each value with its title beside it, on one line of the terminal."""
    lengths = [len(value) for value, title in pairs if title]
    width = min(max(lengths, default=0), _LONGEST_VALUE)
    room = max(columns, _NARROWEST) - 1
    shown = []
    for value, title in pairs:
        line = value
        if title:
            line = f"{value:{width}}  {_visible(title)}"
        shown.append(_cut(line, max(room, len(value))))
    return shown


def _cut(
    line: str,
    room: int,
) -> str:
    """Cut a line to so many columns, in the end by dots."""
    taken = 0
    for place, sign in enumerate(line):
        taken += 2 if ord(sign) >= _WIDE else 1
        if taken > room:
            return f"{line[: max(place - 3, 0)]}..."
    return line


def _visible(text: str) -> str:
    """Escape what could control a terminal, as `output.text.visible` does.

    That one would load `re`.
    """
    if text.isprintable():
        return text
    found = []
    for sign in text:
        code = ord(sign)
        if _is_refused(code):
            sign = f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
        found.append(sign)
    return "".join(found)


def _is_refused(code: int) -> bool:
    """Whether a character is one of `rules.REFUSED`."""
    return any(first <= code <= last for first, last in _REFUSED)


_REFUSED: "Final" = (
    (0x00, 0x1F),
    (0x7F, 0x9F),
    (0x2028, 0x202E),
    (0x2066, 0x2069),
    (0xD800, 0xDFFF),
)
