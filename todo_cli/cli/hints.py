"""Guesses what a refused command line means, and writes it in our words.

`habits.py` has the words of other programs, and `draft.py` turns what follows
the command. A guess becomes a hint only if it is a command line that the
program accepts, and if nothing in it may be a secret.
"""

import shlex
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from todo_cli import redact
from todo_cli.cli import draft, habits
from todo_cli.cli.draft import Draft
from todo_cli.cli.parser import ALIASES

_LONGEST_HINT: Final = 200
_SHORTEST_TYPO: Final = 5
"""Shorter words are near to too many words of other programs."""
_WITH_TITLE: Final = ("issue-create", "issue-edit", "issue-new")
"""Commands of gh whose `-t` is the title; here it is a tag."""
_OF_OPERATIONS: Final = {"redo": "history", "undo": "history"}
"""Commands that take the number of an operation, and what takes a task."""
_MOST_NAMED: Final = 2
"""How many commands are named that have an option."""

_Lines = Iterator[tuple[list[str], list[str]]]
"""Lines that begin with a command of ours, each after its variables."""


@dataclass(frozen=True, slots=True)
class Guess:
    """A command line that may be meant, without `todo`."""

    words: list[str]
    settings: list[str]
    """Variables before it, such as `NO_COLOR=1`."""
    why: str = ""
    """What it does for the caller, if it is not simply what was meant."""

    def hint(self) -> str:
        """Write it as a hint."""
        command = shlex.join(["todo", *self.words])
        line = " ".join([*self.settings, command])
        if not self.why:
            return line
        return f"`{line}` {self.why}"

    def is_harmless(self) -> bool:
        """Whether no word may be a secret, or is too long for a hint."""
        for word in [*self.words, *self.settings]:
            if redact.shown(word) != word:
                return False
        return len(self.hint()) <= _LONGEST_HINT


def hint(
    words: Sequence[str], root: Any, is_right: Callable[[list[str]], bool]
) -> str | None:
    """Return the command line that refused words mean, as a hint.

    `root` is the command that has all others, and `is_right` says whether the
    program accepts a line. None means that there is nothing to say.
    """
    for guess in _guesses(words, root):
        is_other = guess.words != list(words) or bool(guess.settings)
        if is_other and guess.is_harmless() and is_right(guess.words):
            return guess.hint()
    return None


def listing(words: Sequence[str], *, is_empty: bool) -> list[str]:
    """Return the filters that the words of a list rather mean, as arguments.

    `todo list done` looks for the word, and `--status done` for the status.
    """
    found = Draft(["list"])
    found.look_at(words)
    if found.options:
        return found.words()
    if is_empty and len(words) == 1 and draft.is_reference(words[0]):
        return ["show", words[0]]
    return []


def elsewhere(option: str, root: Any) -> str:
    """Name the commands that have an option which is refused here, or ""."""
    name = option.partition("=")[0]
    having = []
    for command in root.commands:
        options: list[str] = []
        for parameter in root.commands[command].params:
            options += parameter.opts
        if name in options and command not in habits.GROUPS:
            having.append(f"`todo {command}`")
    if not having or len(having) > _MOST_NAMED:
        return ""
    return f"`{name}` is an option of {' and '.join(having)}"


def _guesses(words: Sequence[str], root: Any) -> Iterator[Guess]:
    """Yield what the words may mean, the most likely first.

    At the end comes the help of the command, for a word that means one of
    ours with arguments that fit none.
    """
    first, rest = _own_options(words)
    for settings, line in _lines(rest, root):
        meant = draft.rewritten(line, _command(line, root), root)
        if meant is not None:
            ours = [*first, *meant.words()]
            yield Guess(ours, [*settings, *meant.settings], meant.why)
    for _, line in _lines(rest, root):
        command = _command(line, root)
        if command and rest[: len(command)] != command:
            yield Guess([*command, "--help"], [])


def _own_options(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """Split off our own options, also those after the name of a group."""
    first, rest = _own_first(words)
    if not rest or rest[0] not in habits.GROUPS:
        return first, rest
    others, after = _own_first(rest[1:])
    return [*first, *others], [rest[0], *after]


def _own_first(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """Split off our own options that come before the command."""
    end = 0
    while end < len(words):
        word = words[end]
        if word in ("-u", "--user"):
            end += 2
        elif word == "--debug" or word.startswith("--user="):
            end += 1
        else:
            break
    return list(words[:end]), list(words[end:])


def _lines(words: list[str], root: Any) -> _Lines:
    """Yield the words with our commands in the place of others.

    What comes first decides: an option, `help`, a group such as `db`, a task
    (`3 done`), a filter (`+home list`), or else a command.
    """
    if not words:
        return
    first = words[0].lower()
    if len(first) > 1 and first.startswith("-"):
        yield from _with_first_option(words, root)
    elif first == "help":
        for _, line in _lines(words[1:], root):
            yield [], ["help", *_command(line, root)]
    elif first in habits.GROUPS:
        yield from _in_group(first, words[1:], root)
    elif _is_before(first):
        yield from _turned(words, root)
    else:
        yield from _meant(words, root)


def _with_first_option(words: list[str], root: Any) -> _Lines:
    """Yield what an option before the command means.

    It stands for a whole line (`-V`), for a variable (`--config x list`), or
    for nothing (`--quiet list`).
    """
    name, sign, glued = words[0].partition("=")
    table = habits.first_options()
    for template in [*table.get(words[0], ()), *table.get(name, ())]:
        left = words[1:]
        value = glued
        if "VALUE" in " ".join(template) and not sign:
            value = "".join(left[:1])
            left = left[1:]
        filled = [part.replace("VALUE", value) for part in template]
        if filled[-1] != "...":
            yield [], filled
            continue
        for settings, line in _lines(left, root):
            yield [*filled[:-1], *settings], line


def _in_group(group: str, words: list[str], root: Any) -> _Lines:
    """Yield what follows `todo db`, or the name of another group."""
    if not words:
        return
    first = words[0].lower()
    if first in root.commands[group].commands:
        yield [], [group, *words]
        return
    templates = habits.commands(group).get(first, ())
    yield from _filled(templates, words[1:])
    yield from _lines(words, root)


def _meant(words: list[str], root: Any) -> _Lines:
    """Yield what the first word, or the first two, mean as a command.

    `gh issue close 3` begins with a program, which is left out.
    """
    first = words[0].lower()
    table = habits.commands()
    if len(words) > 1:
        yield from _both(words)
    if first in _known(root):
        yield [], [first, *words[1:]]
    elif first in habits.PROGRAMS and len(words) > 1:
        yield from _lines(words[1:], root)
    elif first in table:
        yield from _filled(table[first], words[1:])
    elif " " in first.strip() and len(words) == 1:
        # A title in quotes.
        yield [], ["add", *words]
    else:
        yield from _mistyped(words, root)


def _both(words: list[str]) -> _Lines:
    """Yield what the first two words mean together, as in `issue close 3`."""
    both = "-".join(words[:2]).lower()
    after = list(words[2:])
    if both in _WITH_TITLE:
        after = ["--title" if word == "-t" else word for word in after]
    yield from _filled(habits.commands().get(both, ()), after)


def _mistyped(words: list[str], root: Any) -> _Lines:
    """Yield the one command from which a word differs by one letter.

    It is one of ours, or else a longer word of the table: `serch milk`.
    """
    word = words[0].lower()
    near: dict[str, None] = {}
    for name in _known(root):
        if draft.is_near(word, name):
            near[ALIASES.get(name, name)] = None
    if len(near) == 1:
        yield [], [*near, *words[1:]]
    if near or len(word) < _SHORTEST_TYPO:
        return
    table = habits.commands()
    foreign = [name for name in table if draft.is_near(word, name)]
    if len(foreign) == 1:
        yield from _filled(table[foreign[0]], words[1:])


def _turned(words: list[str], root: Any) -> _Lines:
    """Yield a line whose tasks or filters came before the command.

    That is how Taskwarrior has it: `3 done`, `+home list`, `due:fri`.
    """
    end = 0
    while end < len(words) and _is_before(words[end]):
        end += 1
    before, rest = words[:end], words[end:]
    are_tasks = len(draft.references(before)) == end
    if rest:
        first = _OF_OPERATIONS.get(rest[0].lower(), rest[0])
        for _, line in _lines([first, *before, *rest[1:]], root):
            # To change what a filter finds, people must see the numbers first.
            if are_tasks or line[0] == "list":
                yield [], line
    elif draft.is_reference(before[0]):
        yield [], ["show" if are_tasks else "update", *before]
    if not are_tasks:
        yield [], ["list", *before]


def _is_before(word: str) -> bool:
    """Whether Taskwarrior takes a word before the command."""
    return draft.is_reference(word) or draft.is_filter(word)


def _filled(
    templates: Sequence[list[str]], arguments: Sequence[str]
) -> _Lines:
    """Yield the templates that fit the arguments, with these in them.

    Then the help of each, where nothing else is accepted.
    """
    for template in templates:
        filled = _fill(template, list(arguments))
        if filled is not None:
            yield [], filled
    for template in templates:
        end = 2 if template[0] in habits.GROUPS else 1
        yield [], [*template[:end], "--help"]


def _fill(template: list[str], arguments: list[str]) -> list[str] | None:
    """Put arguments into a template; None if they do not fit.

    `update REF --due WORD` takes `3 fri`, but neither `3` nor `3 fri 4`.
    """
    filled: list[str] = []
    for part in template:
        if part not in ("...", "*", "REF", "WORD", "NAME", "TEXT"):
            filled.append(part)
            continue
        count = _length(part, arguments)
        if count is None:
            return None
        taken = arguments[:count]
        arguments = arguments[count:]
        if filled[-1:] in (["--add-tag"], ["--remove-tag"], ["--tag"]):
            # Others write a sign before a tag.
            filled.append(taken[0].lstrip("+@#"))
        elif part in ("WORD", "NAME", "TEXT"):
            filled.append(" ".join(taken).removeprefix("@"))
        elif part != "*":
            filled += taken
    return None if arguments else filled


def _length(part: str, arguments: Sequence[str]) -> int | None:
    """Say how many arguments a part of a template takes; None if none fits."""
    if part == "REF":
        return len(draft.references(arguments)) or None
    if part == "NAME" and draft.references(arguments):
        return None
    if part in ("WORD", "NAME"):
        return 1 if arguments else None
    if part == "TEXT":
        return len(arguments) or None
    return len(arguments)


def _command(line: Sequence[str], root: Any) -> list[str]:
    """Return the command of ours with which a line begins."""
    if line[0] in habits.GROUPS:
        return list(line[:2])
    if line[0] in _known(root):
        return [line[0]]
    return []


def _known(root: Any) -> list[str]:
    """Return the names of our commands, the short ones too."""
    return [*root.commands, *ALIASES]
