"""Lays out the help of a command for a terminal of any width.

Typer's own formatter cuts words and commands where there is little room.
"""

import re
import textwrap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

_AS_IT_IS: Final = "\b"
"""The first line of a paragraph whose lines are kept, as Click has it."""
_NARROW: Final = 60
"""Below this width, what explains an option is on the lines below it."""
_WIDEST_TERM: Final = 30
_GAP: Final = 2
_DEEPER: Final = 4
_SHELL_WORD: Final = re.compile(r"""(?:'[^']*'|"[^"]*"|[^\s'"])+""")
_CHOICE: Final = re.compile(r"[^| ]+[| ]?")


class Page:
    """A help text in the making; its methods are those that Typer calls.

    Nothing in it is ever cut: a word that is too long for a line has its own.
    """

    def __init__(self, width: int) -> None:
        self._width = width
        self._indent = 0
        self._lines: list[str] = []

    def getvalue(self) -> str:
        """Return what was written."""
        return "\n".join(self._lines)

    def write_paragraph(self) -> None:
        """Begin a paragraph: leave a line free."""
        self._lines.append("")

    @contextmanager
    def indentation(self) -> Iterator[None]:
        """Indent what is written in this context."""
        self._indent += _GAP
        try:
            yield
        finally:
            self._indent -= _GAP

    @contextmanager
    def section(self, name: str) -> Iterator[None]:
        """Write a heading, and indent what is below it."""
        self.write_paragraph()
        self._write(f"{name}:")
        with self.indentation():
            yield

    def write_usage(self, prog: str, args: str = "") -> None:
        """Write how the command is called."""
        self._write(f"Usage: {prog} {args}", hanging=_DEEPER + _GAP)

    def write_text(self, text: str) -> None:
        """Write paragraphs; the lines of one that begins with `\b` are kept."""
        for index, paragraph in enumerate(text.split("\n\n")):
            if index:
                self.write_paragraph()
            lines = paragraph.splitlines()
            if lines[0] == _AS_IT_IS:
                self._write_kept(lines[1:])
            else:
                self._write(" ".join(lines))

    def _write_kept(self, lines: Sequence[str]) -> None:
        """Write a heading and, below it, commands."""
        for line in lines:
            if line.startswith(" "):
                self._write_command(line.strip())
            else:
                self._write(line)

    def _write_command(self, command: str) -> None:
        r"""Write an example; one that is too long goes on after a `\`.

        So it can be copied as it is. There is no break within quotes.
        """
        first = " " * (self._indent + _GAP)
        deeper = first + " " * _GAP
        words = _SHELL_WORD.findall(command)
        line = first + words[0]
        for word in words[1:]:
            # Two columns for ` \`, which may follow.
            if len(line) + len(word) + 1 + _GAP > self._width:
                self._lines.append(f"{line} \\")
                line = deeper + word
            else:
                line = f"{line} {word}"
        self._lines.append(line)

    def write_dl(self, rows: Sequence[tuple[str, str]]) -> None:
        """Write terms, and beside or below each what it means."""
        if self._width < _NARROW:
            for term, meaning in rows:
                self._write_term(term)
                with self.indentation(), self.indentation():
                    self._write(meaning)
            return
        longest = max(len(term) for term, _ in rows)
        column = min(longest, _WIDEST_TERM) + _GAP
        for term, meaning in rows:
            self._write_row(term, meaning, column)

    def _write_row(self, term: str, meaning: str, column: int) -> None:
        """Write a term and, from a column on, what it means."""
        margin = " " * (self._indent + column)
        start = " " * self._indent + term.ljust(column)
        if len(term) > column - _GAP:
            self._write_term(term)
            start = margin
        self._lines += _wrapped(meaning, self._width, start, margin)

    def _write_term(self, term: str) -> None:
        """Write a term on lines of its own, broken between its choices."""
        line = " " * self._indent
        for part in _CHOICE.findall(term):
            if len(line) + len(part) > self._width:
                self._lines.append(line.rstrip())
                line = " " * (self._indent + _DEEPER)
            line += part
        self._lines.append(line)

    def _write(self, text: str, hanging: int = 0) -> None:
        """Write one paragraph; `hanging` indents its other lines more."""
        first = " " * self._indent
        self._lines += _wrapped(
            text, self._width, first, first + " " * hanging
        )


def _wrapped(text: str, width: int, first: str, others: str) -> list[str]:
    """Break a text into lines, between words only."""
    return textwrap.wrap(
        text,
        width,
        initial_indent=first,
        subsequent_indent=others,
        break_long_words=False,
        break_on_hyphens=False,
    )
