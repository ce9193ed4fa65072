"""How bash quotes: reads a line that is being typed, and writes what it inserts.

readline inserts a suggestion as it is, in the place of a part of the word: what
follows an open quote, or else the last of `COMP_WORDBREAKS` that is not quoted.
So each suggestion lacks what is before that, and is quoted as that part is.

What follows `<` or `>` is the name of a file, and no word of the command.
"""

# Importing typing would take longer than all that is done here.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

_BLANKS: "Final" = " \t\n"
_IN_DOUBLE: "Final" = '"\\$`'
"""What a backslash quotes between double quotes."""
_HISTORY: "Final" = "!"
"""What nothing quotes between double quotes, while somebody types."""
_PLAIN: "Final" = "_@%+=:,./-"
"""What has no meaning for bash, besides letters and digits."""
_REDIRECTS: "Final" = "<>"
_AFTER: "Final" = "<>&|"
"""What can belong to a redirection, besides its first character: `>>`, `>|`."""
_INNER: "Final" = "("
"""After a redirection this makes another thing of it: the commands in `<(...)`."""


class Typed:
    """A line that is being typed, up to the cursor."""

    def __init__(
        self,
        line: str,
        breaks: str,
    ) -> None:
        """Read the line; `breaks` is `COMP_WORDBREAKS`."""
        self.words: list[str] = []
        """The whole words, without their quotes."""
        self.word = ""
        """The word at the cursor, without its quotes."""
        self.quote = ""
        """The quote that is open."""
        self.is_file = False
        """Whether the word at the cursor is what a redirection names."""
        self._breaks = breaks
        self._at_break = ""
        """What was before the last break of the word."""
        self._at_quote = ""
        """What was before the quote that is open."""
        self._has_word = False
        self._is_escaped = False
        for sign in line:
            self._take(sign)

    def _take(self, sign: str) -> None:
        """Read the next character."""
        if self._is_escaped:
            self._take_escaped(sign)
        elif sign == "\\" and self.quote != "'":
            self._is_escaped = True
            self._has_word = True
        elif self.quote:
            self._take_quoted(sign)
        elif sign in "'\"":
            self.quote = sign
            self._has_word = True
            self._at_quote = self.word
        elif sign in _BLANKS:
            self._end()
        elif self._is_redirecting and sign in _AFTER:
            return
        elif sign in _REDIRECTS:
            self._redirect()
        else:
            self._take_plain(sign)

    def _take_escaped(self, sign: str) -> None:
        """Read what follows a backslash."""
        self._is_escaped = False
        if self.quote and sign not in _IN_DOUBLE:
            self.word += "\\"
        self.word += sign

    def _take_quoted(self, sign: str) -> None:
        """Read a character between quotes."""
        if sign == self.quote:
            self.quote = ""
        else:
            self.word += sign

    def _take_plain(self, sign: str) -> None:
        """Read a character that has no quote, and ends no word."""
        if self._is_redirecting and sign == _INNER:
            self.is_file = False
        self._has_word = True
        self.word += sign
        if sign in self._breaks:
            self._at_break = self.word

    @property
    def _is_redirecting(self) -> bool:
        """Whether a redirection has begun, and what it names has not."""
        return self.is_file and not self._has_word

    def _redirect(self) -> None:
        """Begin a redirection; digits before it are a part of it."""
        if self.word.isdecimal():
            self._has_word = False
        self._end()
        self.is_file = True

    def _end(self) -> None:
        """End a word; what a redirection names is none."""
        if self._has_word and not self.is_file:
            self.words.append(self.word)
        if self._has_word:
            self.is_file = False
        self.word = self._at_break = ""
        self._has_word = False

    @property
    def before(self) -> str:
        """What readline leaves of the word at the cursor as it is."""
        return self._at_quote if self.quote else self._at_break

    def inserted(self, text: str) -> "str | None":
        """Write what readline has to insert so that the word becomes a text.

        None if it cannot be written between the quotes that are open.
        """
        rest = text[len(self.before) :]
        if self.quote == "'":
            return rest.replace("'", "'\\''")
        if self.quote:
            return None if _HISTORY in rest else _escaped(rest, _IN_DOUBLE)
        return quoted(rest)


def _escaped(
    text: str,
    signs: str,
) -> str:
    """Put a backslash before some characters."""
    found = []
    for sign in text:
        found.append(f"\\{sign}" if sign in signs else sign)
    return "".join(found)


def quoted(text: str) -> str:
    """Quote a text so that bash takes it as one word as it is."""
    found = []
    for sign in text:
        is_plain = sign.isalnum() or sign in _PLAIN or ord(sign) > 127
        found.append(sign if is_plain else f"\\{sign}")
    return "".join(found)
