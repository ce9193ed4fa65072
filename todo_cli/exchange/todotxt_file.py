r"""todo.txt: one task a line, by the rules of todotxt/todo.txt.

A word of a title that would be read as a field gets a `\` when it is written,
and loses it when it is read: `\+word`, `\@word`, `\due:2026-12-24`.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, tzinfo
from typing import Final

from todo_cli import rules, zones
from todo_cli.errors import InvalidInput
from todo_cli.exchange.draft import Draft, Setting, midnight
from todo_cli.exchange.source import Source
from todo_cli.task import Task

_DAY: Final = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
# Something follows each of these: a line that is only `(A)` is a title.
_DONE_MARK: Final = re.compile("x +(?=[^ ])")
_LETTER: Final = re.compile(r"\(([A-Z])\) +(?=[^ ])")
_IS_LETTER: Final = re.compile("[A-Z]")
_FIRST_DAY: Final = re.compile(f"({_DAY}) +(?=[^ ])")

_FIELD: Final = f"(?:[+@].+|(?:due|t):{_DAY}|rec:.+|pri:[A-Z])"
"""A word that may be a field."""
_TO_MARK: Final = re.compile(rf"\\*{_FIELD}")
_MARKED: Final = re.compile(rf"\\(\\*{_FIELD})")
_TRAIT: Final = re.compile(
    rf"^(?:x |\([A-Z]\) |{_DAY} )|(?:^| )(?:[+@]\w|(?:due|t):{_DAY})",
    re.MULTILINE,
)
"""What a file of this format has, and others rarely."""

_PRIORITIES: Final = {"A": "high", "B": "medium", "C": "low"}
_LETTERS: Final = {name: letter for letter, name in _PRIORITIES.items()}
_DAY_FIELDS: Final = {"due": "due_on", "t": "wait_until"}


def looks_like(head: str) -> bool:
    """Whether a file that begins so has a mark, a day or a word of todo.txt."""
    return _TRAIT.search(head) is not None


def read(
    source: Source, setting: Setting, columns: Mapping[str, str]
) -> Iterator[Draft]:
    """Read a task from each line that is not blank."""
    for number, line in source.lines():
        if line.strip():
            yield _draft(f"line {number}", line, setting.zone)


def _draft(place: str, line: str, zone: tzinfo) -> Draft:
    """Read a line."""
    draft = Draft(place, key=line)
    text = _read_head(draft, line.replace("\t", " ").strip(" "), zone)
    # Two blanks in a row make an empty word, and so come back.
    words = text.split(" ")
    others: list[str] = []
    for word in words:
        if not _take(draft, word):
            others.append(word)
    title = _title(others)
    # Where there is nothing but fields, their words are the title, too.
    draft.title(title or _title(words))
    return draft


def _title(words: Sequence[str]) -> str:
    """Join the words of a title, without their marks."""
    unmarked = map(_unmarked, words)
    return " ".join(unmarked).strip(" ")


def _read_head(draft: Draft, text: str, zone: tzinfo) -> str:
    """Read what comes before the title; return what follows.

    `x ` says that it is done. Then its completion comes before its creation,
    and clients put a priority, if they leave one, before either of them.
    """
    days = ["created_at"]
    found = _DONE_MARK.match(text)
    if found is not None:
        draft.values["completed"] = True
        days = ["completed_at", "created_at"]
        text = text[found.end() :]
    has_letter = False
    for name in days:
        found = _LETTER.match(text)
        # A second one is part of the title.
        if found is not None and not has_letter:
            has_letter = True
            _read_letter(draft, found[1])
            text = text[found.end() :]
        found = _FIRST_DAY.match(text)
        if found is None or not _take_time(draft, name, found[1], zone):
            break
        text = text[found.end() :]
    return text


def _take(draft: Draft, word: str) -> bool:
    """Read a word, if it is a field; return whether it is."""
    sign = word[:1]
    rest = word[1:]
    # A sign alone is a word of the title: `1 + 2 @ home`.
    if sign == "+" and rest:
        _read_project(draft, rest)
        return True
    if sign == "@" and rest:
        line = f"tag: {rest}"
        draft.offer_tag(rest, "tag", line)
        return True
    name, _, value = word.partition(":")
    return _take_pair(draft, name, value)


def _take_pair(draft: Draft, name: str, value: str) -> bool:
    """Read a name with its value, if it is a field; return whether it is.

    Others stay where they are: clients use many, and `https://...` and
    `12:30` look alike.
    """
    if name in _DAY_FIELDS:
        return _take_day(draft, _DAY_FIELDS[name], value)
    if name == "rec" and value:
        draft.keep("recurrence", f"rec: {value}")
        return True
    # An open task has its priority at the beginning of the line.
    is_done = draft.values.get("completed")
    if name == "pri" and is_done and _IS_LETTER.fullmatch(value):
        _read_letter(draft, value)
        return True
    return False


def _read_project(draft: Draft, name: str) -> None:
    """Read a project; a task has one, and others are kept as text."""
    line = f"project: {name}"
    if "project" in draft.values:
        draft.keep("project", line)
    else:
        draft.offer("project", name, "project", line)


def _read_letter(draft: Draft, letter: str) -> None:
    """Read a priority; a task has one of three, and others are kept as text."""
    priority = _PRIORITIES.get(letter)
    is_set = "priority" in draft.values
    if priority is not None and not is_set:
        draft.values["priority"] = priority
        return
    line = f"priority: {letter}"
    draft.keep("priority", line)


def _take_day(draft: Draft, name: str, value: str) -> bool:
    """Set a day that has none yet; return whether the text is one."""
    # A second one stays in the title, as a word that is no day does.
    if name in draft.values or not _is_day(value):
        return False
    draft.values[name] = value
    return True


def _take_time(draft: Draft, name: str, value: str, zone: tzinfo) -> bool:
    """Set a time to the beginning of a day; return whether the text is one."""
    try:
        day = date.fromisoformat(value)
    except ValueError:
        return False
    word = name.removesuffix("_at")
    line = f"{word}: {value}"
    try:
        start = midnight(day, zone)
    except InvalidInput:
        draft.keep("day", line)
    else:
        draft.offer(name, start, "day", line)
    return True


def _is_day(text: str) -> bool:
    """Whether a text is a day that a task can have."""
    try:
        rules.read_day("day", text)
    except InvalidInput:
        return False
    return True


def _unmarked(word: str) -> str:
    r"""Take off the first `\` of a word that would be a field without any."""
    found = _MARKED.fullmatch(word)
    if found is None:
        return word
    return found[1]


def _marked(word: str) -> str:
    r"""Put a `\` before a word of a title that would be read as a field."""
    if _TO_MARK.fullmatch(word) is None:
        return word
    return f"\\{word}"


class Writer:
    """Writes a line for each task."""

    def __init__(self, setting: Setting) -> None:
        self.kept: dict[str, int] = {}
        """What a line cannot hold and was left out, by its kind."""
        self._zone = setting.zone

    def begin(self) -> bytes:
        """Return nothing: a file has no head."""
        return b""

    def write(self, tasks: Sequence[Task]) -> bytes:
        """Return a line for each task."""
        lines: list[str] = []
        for task in tasks:
            line = self._line(task)
            lines.append(f"{line}\n")
        return "".join(lines).encode()

    def end(self) -> bytes:
        """Return nothing: the last line is the end."""
        return b""

    def _line(self, task: Task) -> str:
        """Write a task, and count what of it a line cannot hold.

        There is always the day of creation, so nothing at the beginning of a
        title is read as a mark, a priority or a day.
        """
        words = self._head(task)
        for word in task.title.split(" "):
            words.append(_marked(word))
        words += self._project(task.project)
        for tag in task.tags:
            words.append(f"@{tag}")
        if task.due_on is not None:
            words.append(f"due:{task.due_on}")
        if task.wait_until is not None:
            words.append(f"t:{task.wait_until}")
        if task.completed and task.priority is not None:
            letter = _LETTERS[task.priority]
            words.append(f"pri:{letter}")
        if task.description is not None:
            self._count("description")
        if task.deleted_at is not None:
            self._count("deletion")
        return " ".join(words)

    def _head(self, task: Task) -> list[str]:
        """Return what comes before the title."""
        created = self._day(task.created_at)
        if task.completed_at is not None:
            completed = self._day(task.completed_at)
            return ["x", completed, created]
        if task.priority is not None:
            letter = _LETTERS[task.priority]
            return [f"({letter})", created]
        return [created]

    def _project(self, name: str | None) -> list[str]:
        """Write a project, unless it has a blank."""
        if name is None:
            return []
        # Also other white space than a blank ends a word for other programs.
        if len(name.split()) > 1:
            self._count("project")
            return []
        return [f"+{name}"]

    def _day(self, instant: datetime) -> str:
        """Return the day that it was where the file is written."""
        clock = zones.local(instant, self._zone)
        return clock.date().isoformat()

    def _count(self, kind: str) -> None:
        """Count a value that was left out."""
        self.kept[kind] = self.kept.get(kind, 0) + 1
