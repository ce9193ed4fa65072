"""Which commands and options there are: reads `commands.txt`.

`build.py` writes that file, and says what is in it.
"""

import os

# Importing typing would take longer than reading the file.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

PATH: "Final" = os.path.join(os.path.dirname(__file__), "commands.txt")
ROOT: "Final" = "todo"
"""The name of the command that has the options before a command."""
FLAG: "Final" = "-"
"""The kind of an option without a value."""


class Value:
    """An argument, or an option with its value."""

    def __init__(self, line: str) -> None:
        """Read a line of the file."""
        _, flags, kind, many, words = line.split("\t")
        self.flags = flags.split(" ")
        """How an option is written; `.` alone for an argument."""
        self.kind = kind
        self.is_many = many == "+"
        """Whether it can be given more than once."""
        self.words = words
        """What it is for, or what an argument is called."""

    @property
    def is_argument(self) -> bool:
        """Whether it has no flag."""
        return self.flags == ["."]


class Command:
    """A command, or a group of commands."""

    def __init__(self, block: str) -> None:
        """Read the lines of a command."""
        head, *lines = block.splitlines()
        names, self.words = head.split("\t")
        self.name, *self.aliases = names.split(",")
        values = [Value(line) for line in lines]
        self.arguments = [each for each in values if each.is_argument]
        self.options = [each for each in values if not each.is_argument]

    def option(self, flag: str) -> "Value | None":
        """Return the option that is written so."""
        for each in self.options:
            if flag in each.flags:
                return each
        return None


class Table:
    """All commands."""

    def __init__(self) -> None:
        with open(PATH, encoding="utf-8") as file:
            text = file.read()
        self._blocks: dict[str, str] = {}
        """The lines of each command, by each of its names."""
        self._words: dict[str, str] = {}
        for block in text.removeprefix("command\t").split("\ncommand\t"):
            names, _, rest = block.partition("\t")
            words, _, _ = rest.partition("\n")
            for number, name in enumerate(names.split(",")):
                self._blocks[name] = block
                if number == 0:
                    self._words[name] = words

    def command(self, name: str) -> "Command | None":
        """Return the command of this name or alias."""
        block = self._blocks.get(name)
        return None if block is None else Command(block)

    def is_group(self, name: str) -> bool:
        """Whether other commands follow a name."""
        return any(each.startswith(f"{name} ") for each in self._words)

    def within(self, group: str) -> "list[tuple[str, str]]":
        """List the commands of a group with what they do; "" for all others."""
        found = []
        for name, words in self._words.items():
            before, _, last = name.rpartition(" ")
            if before == group and name != ROOT:
                found.append((last, words))
        return found
