"""A record of a file on its way to a task.

A reader makes a `Draft` of each record. `candidates` puts it through the
rules: all values of all formats are checked here.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, tzinfo
from functools import lru_cache, partial
from typing import Any, Final, NamedTuple
from uuid import UUID, uuid5

from todo_cli import days, rules
from todo_cli.errors import Detail, InvalidInput
from todo_cli.task import Candidate, Task, format_instant

_IDS: Final = UUID("5b1c5a0e-6d3f-5a44-9f0e-3a3c3c1b7f10")
"""The namespace of the ids that are made of a record's text."""
BLANK: Final = " \t\r\n"
"""What is trimmed from texts of other programs."""
_BLANKS: Final = re.compile("[ \t\n]+")
_REMEMBERED: Final = 1_000
_NOTHING_KEPT: Final[Mapping[str, int]] = {}


class Setting(NamedTuple):
    """For whom a file is read or written, when and where."""

    user: str
    now: datetime
    """In UTC."""
    zone: tzinfo
    """The caller's: days without a time begin at its midnight."""


@dataclass(slots=True)
class Draft:
    """A record as its file has it; no rule was applied yet.

    The readers of our own formats fill `values`: what breaks a rule there is
    a fault. Those of other formats use the methods, which keep as text what
    our fields cannot hold. Characters that are refused are a fault in both.
    """

    place: str
    """Where it is: `line 7`, or `index 3` counted from 0."""
    values: dict[str, Any] = field(default_factory=dict)
    """Fields of `Task` by their names, as far as the file has them.

    Times are aware datetimes or RFC 3339 text, days are dates or ISO text, tags
    any collection of texts. None is no value.
    """
    kept: dict[str, int] = field(default_factory=dict)
    """What has no field here and became text, counted by its kind.

    A kind is a singular noun, such as `recurrence`.
    """
    left_out: dict[str, int] = field(default_factory=dict)
    """What of the file is in no task, counted by its kind.

    A line says so, unless it had no text.
    """
    key: str = ""
    """The whole text of the record: it makes the id, if `values` has none."""
    fault: InvalidInput | None = None
    """Says why it is no record; then all else is ignored."""
    lines: list[str] = field(default_factory=list)
    """Become the end of the description."""

    @classmethod
    def broken(cls, place: str, message: str) -> "Draft":
        """Return the draft of what is no record, such as a cut line."""
        details: list[Detail] = [{"field": place, "message": message}]
        return cls(place, fault=InvalidInput(message, details=details))

    def keep(self, kind: str, line: str) -> None:
        """Keep as text what has no field here: `recur: weekly`."""
        self.lines.append(line)
        self._count(kind)

    def leave_out(self, kind: str, count: int, line: str) -> None:
        """Say in a line what is not kept: `left out of the file: 2 VEVENT`."""
        self.lines.append(line)
        self.pass_over(kind, count)

    def pass_over(self, kind: str, count: int) -> None:
        """Count what is not kept and has no text, such as an empty box."""
        self.left_out[kind] = self.left_out.get(kind, 0) + count

    def offer(self, name: str, value: Any, kind: str, line: str) -> None:
        """Set a field, or keep the line if a rule of the field refuses it.

        For foreign formats: their names and days have other rules than ours.
        """
        try:
            self.values[name] = _clean(name, value)
        except InvalidInput:
            self.keep(kind, line)

    def offer_tag(self, tag: str, kind: str, line: str) -> None:
        """Add a tag, or keep the line if a rule of tags refuses it.

        A tag that is there already is not kept again.
        """
        tags = self.values.get("tags") or []
        self.values["tags"] = tags
        try:
            tag = rules.clean_tag(tag)
        except InvalidInput:
            self.keep(kind, line)
            return
        if tag in tags:
            return
        if len(tags) < rules.MOST_TAGS:
            tags.append(tag)
        else:
            self.keep(kind, line)

    def title(self, text: str) -> None:
        """Set the title; what is too long for one is kept as a whole.

        One of several lines becomes one line. One that is too long is cut
        after a word, if it has any. Neither loses a word: the whole text is
        the beginning of what is kept in the description.
        """
        # `strip` alone would also remove characters that are refused.
        whole = text.strip(BLANK).replace("\r\n", "\n").replace("\r", "\n")
        text = whole
        if "\n" in whole or "\t" in whole:
            text = _BLANKS.sub(" ", whole)
        if len(text) > rules.TITLE_LENGTH:
            cut = text[: rules.TITLE_LENGTH - 1]
            whole_words, _, _ = cut.rpartition(" ")
            text = f"{whole_words or cut}…"
        if text != whole:
            # It comes first, as the beginning of the description.
            self.lines.insert(0, whole)
            self._count("long title")
        self.values["title"] = text

    def description(self) -> Any:
        """Return what the file has as description, and the kept lines."""
        own = self.values.get("description")
        kept = "\n".join(self.lines)
        if not own or not kept:
            return own or kept or None
        # What is no text is refused later.
        return f"{own}\n\n{kept}" if isinstance(own, str) else own

    def _count(self, kind: str) -> None:
        """Count what was kept."""
        self.kept[kind] = self.kept.get(kind, 0) + 1


def midnight(day: date, zone: tzinfo) -> datetime:
    """Return the instant, in UTC, in which a day of a file begins.

    Raises:
        InvalidInput: it is not in the years 1900 to 9998.
    """
    return days.start_in(zone, rules.read_day("day", day))


def candidates(
    drafts: Iterable[Draft], setting: Setting
) -> Iterator[Candidate]:
    """Put every draft through the rules, in order.

    A record without an id gets one made of the user and its text, and of how
    often that text has come before: a repeat of an import makes the same.
    """
    seen: dict[bytes, int] = {}
    namespace = _id_of(_IDS, setting.user)
    for draft in drafts:
        if draft.fault is not None:
            yield Candidate(draft.place, None, draft.fault, _NOTHING_KEPT)
            continue
        if draft.values.get("id") is None:
            id = _id_of(namespace, draft.key)
            count = seen.get(id.bytes, 0)
            seen[id.bytes] = count + 1
            draft.values["id"] = _id_of(id, str(count)) if count else id
        try:
            task = _task(draft, setting)
        except InvalidInput as error:
            yield Candidate(draft.place, None, error, _NOTHING_KEPT)
            continue
        yield Candidate(draft.place, task, None, draft.kept, draft.left_out)


def _id_of(namespace: UUID, text: str) -> UUID:
    """Make an id of a text, which may have lone surrogates."""
    return uuid5(namespace, text.encode("utf-8", "backslashreplace").decode())


def _task(draft: Draft, setting: Setting) -> Task:
    """Make a task of a draft.

    Raises:
        InvalidInput: a value breaks the rule of its field.
    """
    values: dict[str, Any] = {
        "number": 0,
        "description": None,
        "created_at": setting.now,
        "updated_at": setting.now,
        "completed_at": None,
    }
    values.update(_cleaned(draft))
    # Tasks become those of the user who imports them.
    values["user_id"] = setting.user
    if "title" not in values:
        raise InvalidInput.of("title", "is missing")
    was_done = values["completed_at"] is not None
    is_done = values.setdefault("completed", was_done)
    if was_done and not is_done:
        raise InvalidInput.of("completed_at", "is given, but it is not done")
    if is_done and not was_done:
        values["completed_at"] = setting.now
    return Task(**values)


def _cleaned(draft: Draft) -> dict[str, Any]:
    """Return the values that a draft has, each checked by its rule.

    Raises:
        InvalidInput: one breaks its rule; names the field.
    """
    values = draft.values
    if draft.lines:
        values["description"] = draft.description()
    cleaned = {}
    name = ""
    # Not by `_clean`: a hundred thousand records have a million values.
    try:
        for name, value in values.items():
            if value is not None:
                cleaned[name] = _CLEANERS[name](value)
    except InvalidInput as error:
        raise _named(name, error) from None
    return cleaned


def _clean(name: str, value: Any) -> Any:
    """Check one value by the rule of its field.

    Raises:
        InvalidInput: it breaks the rule; names the field.
    """
    try:
        return _CLEANERS[name](value)
    except InvalidInput as error:
        raise _named(name, error) from None


def _named(name: str, error: InvalidInput) -> InvalidInput:
    """Name the field in an error of a rule, which does not know it."""
    [detail] = error.details
    return InvalidInput.of(name, detail["message"])


def _text(clean: Callable[[str], Any], value: Any) -> Any:
    """Apply a rule for text to a value that may not be text."""
    if not isinstance(value, str):
        raise InvalidInput.of("text", "must be text")
    return clean(value)


def _id(value: Any) -> UUID:
    """Read an id: a UUID, or its text."""
    if isinstance(value, UUID):
        return value
    id: UUID = _text(rules.clean_id, value)
    return id


def _tags(value: Any) -> list[str]:
    """Check tags: a list, a tuple or a set of texts."""
    if not value and isinstance(value, list):
        return []
    is_list = isinstance(value, list | tuple | set | frozenset)
    if not is_list or not all(isinstance(tag, str) for tag in value):
        raise InvalidInput.of("tags", "must be a list of texts")
    return [*_clean_tags(tuple(value))]


# Most tasks have the tags and the project of another one.
@lru_cache(_REMEMBERED)
def _clean_tags(tags: tuple[str, ...]) -> list[str]:
    """Check tags; nobody may change the list."""
    return rules.clean_tags(tags)


@lru_cache(_REMEMBERED)
def _clean_project(text: str) -> str | None:
    """Check a project."""
    return rules.clean_project(text)


def _time(value: Any) -> datetime:
    """Read a time: a datetime with a zone, or RFC 3339."""
    if isinstance(value, datetime):
        try:
            value = format_instant(value)
        except (ValueError, OverflowError):
            fault = "is not a time of any day"
            raise InvalidInput.of("time", fault) from None
    return rules.read_instant(value)


def _ignored(value: Any) -> None:
    """Take no notice of a value."""


def _truth(value: Any) -> bool:
    """Read whether a task is done."""
    if not isinstance(value, bool):
        raise InvalidInput.of("completed", "must be true or false")
    return value


_CLEANERS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "id": _id,
    "number": partial(rules.read_integer, least=1),
    "user_id": _ignored,
    "title": partial(_text, rules.clean_title),
    "description": partial(_text, rules.clean_description),
    "completed": _truth,
    "created_at": _time,
    "updated_at": _time,
    "completed_at": _time,
    "due_on": partial(rules.read_day, "due_on"),
    "wait_until": partial(rules.read_day, "wait_until"),
    "priority": partial(_text, rules.clean_priority),
    "project": partial(_text, _clean_project),
    "tags": _tags,
    "version": partial(
        rules.read_integer, least=1, most=rules.LARGEST_IMPORTED
    ),
    "deleted_at": _time,
}
"""How to check each field of a task."""
