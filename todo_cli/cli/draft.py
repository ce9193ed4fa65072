"""Turns what follows a command of ours into arguments and options of ours.

It reads what other programs would take: `--all`, `-n 5`, `due:fri`, `+home`,
`/old/new/`, or a title where a number belongs.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from todo_cli.cli import habits
from todo_cli.cli.parser import ALIASES
from todo_cli.rules import UUID_TEXT

_NUMBERS: Final = re.compile("#?[0-9][-0-9,#]*")
"""Tasks by number: `3`, `#3`, `5-7`, `3,5-7`."""
_RANGE: Final = re.compile(r"([0-9]+)(?:\.{2,3}|:)([0-9]+)")
"""A range as others write it: `1..3`, `1:3`."""
_SIGNED: Final = re.compile(r"(#?[0-9]+)[.;:!)]")
"""A number with a sign after it: `3.`."""
_ATTRIBUTE: Final = re.compile(r"([a-z]{2,}(?:\.[a-z]+)?):(.*)", re.IGNORECASE)
"""An attribute of Taskwarrior: `due:fri`, `project:home`, `due.before:eom`."""
_TAG: Final = re.compile(r"[+@#](\w\S*)")
"""A tag of Taskwarrior, or a context of todo.txt."""
_REPLACED: Final = re.compile("/([^/=]+)/([^/]*)/g?")
"""How Taskwarrior replaces a part of a title: `/old/new/`."""
_SETTING: Final = re.compile("[A-Z_]+=.*")
"""A variable before a command, in a table."""
_DASHED_NUMBER: Final = re.compile("-([0-9]+)")
"""How `git log -5` limits a list."""
_OPTION: Final = re.compile("-(?![0-9])")
"""An option, and not a value such as the day `-3d`."""
_ORDER: Final = re.compile(r"([-+]?)(\w+?)(?:(-|\+)|:?(asc|desc))?")
"""An order with its direction: `-due`, `due-`, `due:desc`."""
_OF_TASKS: Final = ("delete", "done", "note", "purge", "restore")
"""Commands whose arguments begin with tasks."""
_UNTAGGED: Final = re.compile(r"-([^\W\d_]\w+)")
"""How Taskwarrior takes a tag off: `-home`."""
_MANY: Final = ("--add-tag", "--no-tag", "--priority", "--remove-tag", "--tag")
"""Options that come again for each value; others take a list with commas."""
_OF_TEXT: Final = ("add", "note")
"""Commands whose arguments are text."""
_OF_ONE: Final = ("edit", "history", "show")
"""Commands that take one task."""
_EVERYTHING: Final = ("*", "all", "every", "everything")
_LAST: Final = ("it", "last", "latest")
_ATTRIBUTES: Final = {
    "due": "--due",
    "pri": "--priority",
    "priority": "--priority",
    "pro": "--project",
    "proj": "--project",
    "project": "--project",
    "status": "--status",
    "wait": "--wait",
}
_OTHER_ATTRIBUTES: Final = frozenset(
    (
        *("dep", "depends", "end", "entry", "limit", "modified", "parent"),
        *("recur", "scheduled", "start", "until", "uuid"),
    )
)
"""Attributes of Taskwarrior that no option sets; they are no title either."""
_RANGES: Final = {
    "due.after": "{}..",
    "due.before": "..{}",
    "due.by": "..{}",
}
"""Filters of Taskwarrior by a part of time, and our range of days."""


@dataclass(slots=True)
class Draft:
    """A command line of ours in the making."""

    command: list[str]
    arguments: list[str] = field(default_factory=list)
    options: list[str] = field(default_factory=list)
    settings: list[str] = field(default_factory=list)
    """Variables before the command, such as `NO_COLOR=1`."""
    text: list[str] = field(default_factory=list)
    """What came after `--`, and that itself."""
    why: str = ""
    """What it does for the caller, if it is not simply what was meant."""

    def words(self) -> list[str]:
        """Return the whole line, without `todo`."""
        return [*self.command, *self.arguments, *self.options, *self.text]

    @property
    def name(self) -> str:
        """The long name of the command, without its subcommand."""
        first = self.command[0]
        return ALIASES.get(first, first)

    def filter(self, word: str) -> None:
        """Add the options that a word means as a filter, or the word itself.

        `+home` becomes `--tag home`, and `due:fri` becomes `--due fri`.
        """
        tag = _TAG.fullmatch(word)
        named = _ATTRIBUTE.fullmatch(word)
        options: list[str] = []
        if tag is not None and not is_reference(word):
            options = _tagged(tag[1])
        elif named is not None:
            options = self._attribute_filter(named[1].lower(), named[2])
        self.options += options
        if not options:
            self.arguments.append(word)

    def _attribute_filter(self, name: str, value: str) -> list[str]:
        """Return the options for a filter by an attribute; [] for others."""
        if name in _RANGES and value:
            if name != "due.by":
                self.why = "includes that day"
            return ["--due", _RANGES[name].format(value)]
        if name == "limit":
            return ["--limit", value]
        if name == "end" and "--status" in self.options:
            return ["--on", value]
        if name == "end":
            return ["--status", "done", "--on", value]
        if name in _ATTRIBUTES and name != "wait":
            return _attribute(name, value)
        return []

    def change(self, word: str) -> bool:
        """Add the option that a word means as a change, if it means one.

        `+home` becomes `--add-tag home`, `/a/b/` becomes `--replace a=b`.
        """
        replaced = _REPLACED.fullmatch(word)
        tag = _TAG.fullmatch(word)
        named = _ATTRIBUTE.fullmatch(word)
        if replaced is not None:
            self.options += ["--replace", f"{replaced[1]}={replaced[2]}"]
        elif tag is not None:
            self.options += ["--add-tag", tag[1]]
        elif named is not None and named[1].lower() in _ATTRIBUTES:
            self.options += _attribute(named[1].lower(), named[2])
        else:
            return False
        return True

    def look_for(self, words: Sequence[str], filters: Sequence[str]) -> None:
        """Make it the list that shows the numbers of tasks.

        People name a task by its title where only its number will do.
        """
        self.command = ["list"]
        self.arguments = []
        self.options = list(filters)
        self.why = "shows the number"
        first = words[0].lower()
        if first in _EVERYTHING:
            self.why = "shows the numbers; `1-20` means all from 1 to 20"
        elif first in _LAST:
            self.options += ["--sort", "newest", "--limit", "1"]
        else:
            self.look_at(words)

    def look_at(self, words: Sequence[str]) -> None:
        """Add the words of a list, and the filters that some of them mean."""
        for word in words:
            states = habits.filters().get(word.lower())
            if states is None:
                self.filter(word)
            elif states[0] != self.options[-2:]:
                self.options += states[0]


def rewritten(line: list[str], command: list[str], root: Any) -> Draft | None:
    """Return what a line means that begins with a command of ours.

    None means that it has an option without a meaning.
    """
    if not command:
        return Draft(line)
    draft = Draft(command)
    reader = _Reader(draft, line[len(command) :], root)
    if not reader.read() or _is_foreign(draft):
        return None
    _arrange(draft)
    return draft


def is_reference(word: str) -> bool:
    """Whether a word names tasks."""
    is_number = _NUMBERS.fullmatch(word) is not None
    return is_number or UUID_TEXT.fullmatch(word) is not None


def references(words: Sequence[str]) -> list[str]:
    """Return the first words, as far as they name tasks."""
    found: list[str] = []
    for word in words:
        if not is_reference(word):
            break
        found.append(word)
    return found


def _as_number(word: str) -> str:
    """Write a range as we do, and leave out a sign after a number: `1..3`."""
    ranged = _RANGE.fullmatch(word)
    if ranged is not None:
        return f"{ranged[1]}-{ranged[2]}"
    signed = _SIGNED.fullmatch(word)
    return word if signed is None else signed[1]


def is_filter(word: str) -> bool:
    """Whether a word is a filter of Taskwarrior or todo.txt."""
    draft = Draft([])
    draft.filter(word)
    return bool(draft.options)


def is_near(word: str, other: str) -> bool:
    """Whether one letter is wrong, missing or too much, or two changed places.

    Words of one or two letters are near to far too many others.
    """
    longest = max(len(word), len(other))
    if longest < 3 or word == other:
        return False
    start = 0
    while word[start : start + 1] == other[start : start + 1]:
        start += 1
    rest, others = word[start:], other[start:]
    if len(rest) != len(others):
        return rest[1:] == others or rest == others[1:]
    swapped = others[1:2] + others[:1] + others[2:]
    return rest[1:] == others[1:] or rest == swapped


def _is_foreign(draft: Draft) -> bool:
    """Whether a change sets what tasks do not have here, such as `depends:2`.

    As a title it would be wrong.
    """
    for word in draft.arguments:
        named = _ATTRIBUTE.fullmatch(word)
        if named is not None and named[1].lower() in _OTHER_ATTRIBUTES:
            return draft.name == "update"
    return False


def _tagged(tag: str) -> list[str]:
    """Return the filter for a tag.

    Some in capitals are none: Taskwarrior's `+OVERDUE` is a state.
    """
    states = habits.filters().get(tag.lower())
    if states is not None and tag.isupper():
        return states[0]
    return ["--tag", tag]


def _attribute(name: str, value: str) -> list[str]:
    """Return the option for an attribute of Taskwarrior."""
    option = _ATTRIBUTES[name]
    # Taskwarrior clears a field by an empty value.
    return [option, *_read_value(option, value or "none")]


def _read_value(option: str, value: str) -> list[str]:
    """Return what a value means for an option, and what follows from it.

    For `--sort`, `-created` means `newest` and also `--reverse`.
    """
    meanings = habits.values(option)
    order = _ORDER.fullmatch(value)
    if option != "--sort" or order is None:
        return [meanings.get(value.lower(), value)]
    found = [meanings.get(order[2].lower(), order[2])]
    if "-" in (order[1], order[3]) or order[4] == "desc":
        found.append("--reverse")
    return found


class _Reader:
    """Splits the words after a command into arguments and options."""

    def __init__(self, draft: Draft, words: list[str], root: Any) -> None:
        self._draft = draft
        self._left = words
        self._root = root

    def read(self) -> bool:
        """Read all words; False if an option has no meaning."""
        while self._left:
            word = self._left.pop(0)
            number = _DASHED_NUMBER.fullmatch(word)
            if word == "--":
                self._draft.text = [word, *self._left]
                return True
            if len(word) < 2 or not word.startswith("-"):
                self._draft.arguments.append(word)
            elif number is not None:
                if not self._take_number(number[1]):
                    return False
            elif not self._take_option(word):
                return False
        return True

    def _take_number(self, number: str) -> bool:
        """Take a number with a dash: a limit, or a task.

        In a title, as in `add it is -5 degrees`, it has no meaning.
        """
        name = self._draft.name
        if name in ("list", "history"):
            self._draft.options += ["--limit", number]
        elif name in ("delete", "done", "purge", "restore", "show"):
            self._draft.arguments.append(number)
        return name not in ("add", "note", "update")

    def _take_option(self, word: str) -> bool:
        """Take an option and its value, which is glued to it or follows."""
        name, sign, value = word.partition("=")
        if sign:
            # As if it followed.
            self._left.insert(0, value)
        known = self._known()
        if name in known:
            return self._take_own(known[name], name, is_glued=bool(sign))
        return (
            self._take_foreign(name, is_glued=bool(sign))
            or self._take_near(name, list(known))
            or self._take_single_dash(name, known)
        )

    def _take_single_dash(self, name: str, known: Mapping[str, Any]) -> bool:
        """Take a long option with one dash too few, or a tag to remove.

        `-due` is `--due`, and `-home` after `update 3` is `--remove-tag home`.
        A value that is glued to a short option is neither.
        """
        tag = _UNTAGGED.fullmatch(name)
        if tag is None:
            return False
        double = f"-{name}"
        if double in known:
            # A text rather has a word with a dash than a flag so misspelt.
            is_word = known[double].is_flag and self._draft.name in _OF_TEXT
            return not is_word and self._take_option(double)
        if self._take_foreign(double, is_glued=False):
            return True
        option = known.get(name[:2])
        is_glued = option is not None and not option.is_flag
        if is_glued or self._draft.name != "update":
            return False
        self._draft.options += ["--remove-tag", tag[1]]
        return True

    def _take_own(self, option: Any, name: str, *, is_glued: bool) -> bool:
        """Take an option that the command has.

        One that is used wrongly is left to the parser: it says what is wrong.
        """
        is_long = name.startswith("--")
        if is_glued and (option.is_flag or not is_long):
            return False
        self._draft.options.append(name)
        if option.is_flag:
            return True
        if not self._left:
            return False
        value = self._left.pop(0)
        first, *others = [value]
        if option.opts[-1] in _MANY:
            first, *others = value.split(",")
        self._draft.options += _read_value(option.opts[-1], first)
        for other in others:
            self._draft.options += [name, *_read_value(option.opts[-1], other)]
        return True

    def _take_foreign(self, name: str, *, is_glued: bool) -> bool:
        """Take an option that other programs have.

        The table can name an option with its value, such as `--format=json`;
        otherwise the first meaning counts that has a value if it needs one.
        """
        table = habits.options(
            " ".join([self._draft.name, *self._draft.command[1:]])
        )
        value = self._left[0] if self._left else ""
        both = table.get(f"{name}={value}", ())
        for template in both:
            self._left.pop(0)
            return self._take_template(template, "")
        for template in table.get(name, ()):
            if not re.search("VALUE|LIST", " ".join(template)):
                return self._take_template(template, "")
            if value and (is_glued or not _OPTION.match(value)):
                self._left.pop(0)
                return self._take_template(template, value)
        return False

    def _take_near(self, name: str, known: Sequence[str]) -> bool:
        """Take the one option that begins so, or differs by one letter.

        So `--desc` is `--description`, and `--lmit` is `--limit`.
        """
        if not name.startswith("--"):
            return False
        longer = [each for each in known if each.startswith(name)]
        near = [each for each in known if is_near(name[2:], each[2:])]
        if len(longer) == 1 and len(name) > 4:
            near = longer
        return len(near) == 1 and self._take_option(near[0])

    def _take_template(self, template: Sequence[str], value: str) -> bool:
        """Take what an option of other programs means.

        False if the word is rather a part of a text.
        """
        draft = self._draft
        is_title = template == ["VALUE"] and bool(draft.arguments)
        if draft.name in _OF_TEXT and (is_title or not template):
            return False
        option = ""
        for part in template:
            self._take_part(part, option, value)
            option = part
        if draft.command[0] in ("--version", "connect"):
            # These take nothing else, least of all a password.
            draft.arguments = []
            draft.options = []
            self._left.clear()
        return True

    def _take_part(self, part: str, option: str, value: str) -> None:
        """Take a part of a template, which may be the value of an option."""
        draft = self._draft
        is_value = option.startswith("--")
        if part.startswith("="):
            draft.command = [part[1:]]
        elif _SETTING.fullmatch(part):
            draft.settings.append(part.replace("VALUE", value))
        elif part == "LIST":
            del draft.options[-1]
            for name in filter(None, value.split(",")):
                draft.options += [option, name.lstrip("+@#")]
        elif part == "VALUE" and is_value:
            draft.options += _read_value(option, value)
        elif part in ("VALUE", "-", "*"):
            self._take_argument(value if part == "VALUE" else part)
        else:
            draft.options.append(part)

    def _take_argument(self, value: str) -> None:
        """Take an argument; the file of an export comes before its words."""
        if self._draft.command == ["export"]:
            self._draft.arguments.insert(0, value)
        else:
            self._draft.arguments.append(value)

    def _known(self) -> dict[str, Any]:
        """Return the options of the command, those of all commands too."""
        found: Any = self._root
        for name in self._draft.command:
            found = getattr(found, "commands", {}).get(name, self._root)
        options = {}
        for parameter in [*self._root.params, *found.params]:
            for name in parameter.opts:
                if name.startswith("-") and name != "--version":
                    options[name] = parameter
        return options


def _arrange(draft: Draft) -> None:
    """Give the arguments of a command the form that it takes."""
    _choose(draft)
    if draft.name == "update":
        _arrange_update(draft)
    elif draft.name in ("list", "export"):
        words = draft.arguments
        draft.arguments = []
        for word in words:
            draft.filter(word)
    elif draft.name in (*_OF_TASKS, *_OF_ONE):
        _arrange_tasks(draft)
    elif draft.name == "serve" and draft.arguments:
        draft.options += ["--port", *draft.arguments]
        draft.arguments = []
    elif draft.name == "undo":
        numbers = [word for word in draft.arguments if word not in _LAST]
        draft.arguments = numbers[:1]


def _choose(draft: Draft) -> None:
    """Put another command in the place of one that the arguments do not fit."""
    tasks = references(draft.arguments)
    more = draft.arguments[len(tasks) :]
    if draft.name == "edit" and tasks and more:
        # Whoever types what is to be changed needs no editor.
        draft.command = ["update"]
    elif draft.name == "export" and len(tasks) == 1 and not more:
        # The number of a task, not the name of a file.
        draft.command = ["show"]
        draft.options.append("--json")


def _arrange_update(draft: Draft) -> None:
    """Turn what follows the tasks into options; other words are the title.

    `update 1 Buy oat milk` is how many programs rename a task.
    """
    tasks = references(draft.arguments)
    title: list[str] = []
    for word in draft.arguments[len(tasks) :]:
        if not draft.change(word):
            title.append(word)
    draft.arguments = tasks
    if title and tasks:
        draft.options += ["--title", " ".join(title)]
    elif title:
        draft.look_for(title, [])


def _arrange_tasks(draft: Draft) -> None:
    """Leave only one task where only one fits; look for a task by its words."""
    count = len(draft.arguments)
    if draft.name == "note":
        # The other words are the line.
        count = 1
    named = [_as_number(word) for word in draft.arguments[:count]]
    draft.arguments[:count] = named
    tasks = references(draft.arguments)
    if tasks and draft.name in _OF_ONE:
        draft.arguments = tasks[:1]
    if tasks or not draft.arguments:
        return
    filters: list[str] = []
    if draft.name in ("restore", "purge"):
        filters = ["--status", "trash"]
    elif "--undo" in draft.options:
        filters = ["--status", "done"]
    draft.look_for(named, filters)
