"""What can follow the words of a command line.

The kinds of values are those of `commands.txt`: `=a|b` for choices, `ref:SCOPE`,
`project`, `tag`, `day`, `days`, `past`, `file`, `command`, `text`. After `:none`
the word `none` is one of them, too.
"""

from todo_cli.completion.table import FLAG, ROOT, Command, Table, Value

# Importing typing would take longer than all that is done here.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Final

    from todo_cli.completion.store import Store

VALUES: "Final" = "values"
FILES: "Final" = "files"
"""The kinds of an answer: ours, or the names of files, which a shell knows."""
MOST: "Final" = 40
"""How many REFs, projects and tags are suggested at most."""
_EVERYWHERE: "Final" = ("--json", "--debug")
"""Options that are options also where a value is expected."""
_TEXT: "Final" = "--"
_HELP: "Final" = "help"
_USER: "Final" = "--user"
_LONGEST_SPAN: "Final" = 1_000

Pairs = list[tuple[str, str]]


class Answer:
    """What can follow, and the words for each."""

    def __init__(
        self,
        kind: str,
        pairs: "Pairs | None" = None,
    ) -> None:
        self.kind = kind
        self.pairs = pairs or []


class Line:
    """What was typed before the word that is being typed."""

    def __init__(
        self,
        words: "Sequence[str]",
        table: Table,
    ) -> None:
        """Read the words after `todo`."""
        self._table = table
        self.group = ""
        """The group of commands that was named, if one was."""
        self.command: Command | None = None
        self.arguments: list[str] = []
        self.used: list[str] = []
        """The options that were given, as they were written."""
        self.user: str | None = None
        self.pending: Value | None = None
        """The option whose value is being typed."""
        self.is_text = False
        """Whether `--` was there, after which nothing is an option."""
        self.is_help = False
        self.is_known = True
        """Whether each name of a command is one that there is."""
        self._root = table.command(ROOT)
        for word in words:
            self._take(word)

    def _take(self, word: str) -> None:
        """Read the next word."""
        if word in _EVERYWHERE and not self.is_text:
            self.used.append(word)
        elif self.pending is not None:
            self._value(self.pending, word)
            self.pending = None
        elif self.is_text:
            self.arguments.append(word)
        elif word == _TEXT:
            self.is_text = True
        elif word.startswith("-") and word != "-":
            self._option(word)
        elif self.command is None:
            self._name(word)
        else:
            self.arguments.append(word)

    def _name(self, word: str) -> None:
        """Read the name of a command or of a group."""
        if word == _HELP and not self.group:
            self.is_help = True
            return
        name = f"{self.group} {word}".strip()
        if self._table.is_group(name):
            self.group = name
            return
        self.command = self._table.command(name)
        if self.command is None:
            self.is_known = False

    def _option(self, word: str) -> None:
        """Read an option, perhaps with its value."""
        flag, sign, value = word.partition("=")
        if not word.startswith("--"):
            flag, sign, value = word[:2], word[2:], word[2:]
        option = self.option(flag)
        if option is None:
            return
        self.used += option.flags
        if option.kind == FLAG:
            return
        if sign:
            self._value(option, value)
        else:
            self.pending = option

    def _value(
        self,
        option: Value,
        value: str,
    ) -> None:
        """Note the value of an option."""
        if _USER in option.flags:
            self.user = value

    def option(self, flag: str) -> "Value | None":
        """Return an option of the command, or of `todo` before there is one."""
        owner = self.command or self._table.command(self.group) or self._root
        return None if owner is None else owner.option(flag)

    def options(self) -> "list[Value]":
        """List the options that can still be given."""
        owner = self.command or self._table.command(self.group) or self._root
        if owner is None:
            return []
        found = []
        for option in owner.options:
            if option.is_many or option.flags[-1] not in self.used:
                found.append(option)
        return found

    def argument(self) -> "Value | None":
        """Return the argument that is being typed; None if there can be none."""
        if self.command is None:
            return None
        known = self.command.arguments
        place = min(len(self.arguments), len(known) - 1)
        if place < 0:
            return None
        found = known[place]
        is_beyond = len(self.arguments) > place and not found.is_many
        return None if is_beyond else found


def suggest(
    words: "Sequence[str]",
    typed: str,
    store: "Store",
) -> Answer:
    """Suggest what `typed`, the word at the cursor, can become.

    `words` are those between `todo` and it.
    """
    table = Table()
    line = Line(words, table)
    store.user = line.user
    if not line.is_known:
        return Answer(VALUES)
    if line.pending is not None:
        return _of_value(line, line.pending, typed, store)
    if typed.startswith("-") and not line.is_text:
        return _of_option(line, typed, store)
    if line.command is None:
        return Answer(VALUES, _begun(_commands(line, table), typed))
    argument = line.argument()
    if argument is None or line.is_help:
        return Answer(VALUES)
    return _of_value(line, argument, typed, store)


def _of_option(
    line: Line,
    typed: str,
    store: "Store",
) -> Answer:
    """Suggest an option, or its value where that is glued to it by `=`."""
    flag, sign, value = typed.partition("=")
    if not sign or not typed.startswith("--"):
        return Answer(VALUES, _begun(_options(line), typed))
    option = line.option(flag)
    if option is None or option.kind == FLAG:
        return Answer(VALUES)
    found = _of_value(line, option, value, store)
    glued = []
    for word, meaning in found.pairs:
        glued.append((f"{flag}={word}", meaning))
    return Answer(found.kind, glued)


def _commands(
    line: Line,
    table: Table,
) -> Pairs:
    """List the commands, after `help`, too."""
    found = table.within(line.group)
    if not line.is_help:
        return found
    return [each for each in found if each[0] != _HELP]


def _options(line: Line) -> Pairs:
    """List the options that can be given, each by its longest name."""
    found = []
    for option in line.options():
        found.append((option.flags[-1], option.words))
    return found


def _of_value(
    line: Line,
    value: Value,
    typed: str,
    store: "Store",
) -> Answer:
    """Suggest the value of an argument or option."""
    kind, _, rest = value.kind.partition(":")
    if kind == "file":
        return Answer(FILES)
    if kind == "ref":
        return Answer(VALUES, _refs(line, value, typed, store))
    found = _words_of(kind, typed, store)
    if rest:
        found.append((rest, "none at all"))
    return Answer(VALUES, _begun(found, typed))


def _words_of(
    kind: str,
    typed: str,
    store: "Store",
) -> Pairs:
    """List the values of a kind, perhaps more than those that are begun."""
    if kind.startswith("="):
        return [(word, "") for word in kind[1:].split("|")]
    if kind == "project":
        return [(name, "") for name in store.names("projects", typed, MOST)]
    if kind == "tag":
        return [(name, "") for name in store.names("tags", typed, MOST)]
    if kind in ("day", "days", "past"):
        from todo_cli.completion.days import days

        return days(kind, typed)
    return []


def _begun(
    pairs: Pairs,
    typed: str,
) -> Pairs:
    """Keep those that begin with what was typed."""
    return [each for each in pairs if each[0].startswith(typed)]


# REFs


def _refs(
    line: Line,
    value: Value,
    typed: str,
    store: "Store",
) -> Pairs:
    """Suggest tasks: by number, with their titles.

    Of a list such as `3,5` the last part is completed. What is named already
    is left out.
    """
    begin = max(typed.rfind(","), typed.rfind(" ")) + 1
    before, last = typed[:begin], typed[begin:]
    digits = last.removeprefix("#")
    is_single = not value.is_many
    if not _is_begun(digits) or (before and is_single):
        return []
    before += last.removesuffix(digits)
    named = _named([*line.arguments, before])
    most = MOST + len(named)
    found = []
    for number, title in store.tasks(_scope(line, value), digits, most):
        if number not in named:
            found.append((f"{before}{number}", title))
    return found[:MOST]


def _scope(
    line: Line,
    value: Value,
) -> str:
    """Return which tasks can be meant; `done --undo` means done ones."""
    scope = value.kind.removeprefix("ref:")
    if scope == "open" and "--undo" in line.used:
        return "done"
    return scope


def _is_begun(digits: str) -> bool:
    """Whether a number can begin so."""
    if not digits:
        return True
    is_number = digits.isascii() and digits.isdecimal()
    return is_number and not digits.startswith("0")


def _named(words: "Sequence[str]") -> "set[int]":
    """Read the numbers that words name; UUIDs and mistakes are passed over."""
    found: set[int] = set()
    for part in " ".join(words).replace(",", " ").split():
        first, span, last = part.removeprefix("#").partition("-")
        if not _is_short(first) or (span and not _is_short(last)):
            continue
        begin = int(first)
        end = int(last) if span else begin
        if end - begin < _LONGEST_SPAN:
            found.update(range(begin, end + 1))
    return found


def _is_short(text: str) -> bool:
    """Whether a text is a number that a task can have."""
    return text.isascii() and text.isdecimal() and len(text) < 20
