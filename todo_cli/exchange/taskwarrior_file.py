"""Taskwarrior: the JSON of `task export`, of 2.6 and 3.

Where a task here has days, Taskwarrior has times. Its annotations become
lines of the description, each after its day; written, such lines at the end
of a description become annotations again. What comes before them is written
as the attribute `notes`, which Taskwarrior keeps and shows, but does not know.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final, NamedTuple

from todo_cli import rules, zones
from todo_cli.errors import InvalidInput
from todo_cli.exchange import json_text
from todo_cli.exchange.draft import Draft, Setting, midnight
from todo_cli.exchange.source import Source
from todo_cli.task import Task

_OBJECT_FIRST: Final = re.compile(r"\[?\s*\{")
_HAS_DESCRIPTION: Final = re.compile(r'"description"\s*:')
_TRAIT: Final = re.compile(r'"uuid"\s*:|"entry"\s*:\s*"[0-9]{8}T[0-9]{6}Z"')

_TIME: Final = re.compile("[0-9]{8}T[0-9]{6}Z")
_TIME_FORM: Final = "%Y%m%dT%H%M%SZ"
_SECOND: Final = timedelta(seconds=1)
_EARLIEST: Final = datetime(1980, 1, 1, tzinfo=UTC)
"""`task import` refuses a whole file for an earlier time."""
_DATED: Final = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2}) (.*\S.*)")
_MISREAD: Final = re.compile("&(?:open|close);")
"""Taskwarrior stores brackets so, and reads these as brackets."""

_PRIORITIES: Final = {"H": "high", "M": "medium", "L": "low"}
_LETTERS: Final = {name: letter for letter, name in _PRIORITIES.items()}
_OPEN: Final = ("pending", "waiting")
_DAYS: Final = {"due": "due_on", "wait": "wait_until"}
_TIMES: Final = {
    "entry": "created_at",
    "modified": "updated_at",
    # So it was called before 2.4.
    "modification": "updated_at",
}
_ATTRIBUTE: Final = "attribute"
_KINDS: Final = {
    "recur": "recurrence",
    "scheduled": "scheduled day",
    "until": "expiry day",
    "start": "start",
}
"""What an attribute is called when it is counted; all others are attributes."""
_OF_ANNOTATION: Final = ("entry", "description")
"""What an annotation has."""
_WORDS: Final = {"start": "started"}
"""What an attribute is called in a line of text, if not by its name."""


def looks_like(head: str) -> bool:
    """Whether a file that begins so has tasks of Taskwarrior."""
    if _OBJECT_FIRST.match(head.lstrip()) is None:
        return False
    has_description = _HAS_DESCRIPTION.search(head) is not None
    return has_description and _TRAIT.search(head) is not None


def read(
    source: Source, setting: Setting, columns: Mapping[str, str]
) -> Iterator[Draft]:
    """Read the objects of an array, or one a line (`rc.json.array=off`)."""
    for element in json_text.records(source):
        try:
            yield _draft(element, setting)
        except json_text.NotJson as error:
            yield Draft.broken(element.place, str(error))


def _draft(element: json_text.Element, setting: Setting) -> Draft:
    """Read a task.

    Raises:
        NotJson: it is none.
    """
    if element.fault is not None:
        raise json_text.NotJson(element.fault)
    if not isinstance(element.value, dict):
        raise json_text.NotJson("is not a JSON object")
    draft = Draft(element.place, key=element.text)
    # An attribute that is null or empty has no value.
    values = {
        name: value
        for name, value in element.value.items()
        if value not in (None, "")
    }
    _Reader(draft, values, setting).read()
    return draft


class _Reader:
    """Reads the attributes of a task into its draft.

    There is a method for each kind of attribute. A value that is not what
    Taskwarrior writes becomes text, as attributes do that nobody knows.
    """

    def __init__(
        self, draft: Draft, values: dict[str, Any], setting: Setting
    ) -> None:
        self._draft = draft
        self._values = values
        """Without those that are null or empty."""
        self._now = setting.now
        self._zone = setting.zone

    def read(self) -> None:
        """Read all of them; what the description gets is in a fixed order."""
        values = self._values
        notes = values.get("notes")
        if isinstance(notes, str):
            self._draft.lines.append(notes)
            del values["notes"]
        for name, value in values.items():
            read = self._METHODS.get(name, _Reader._read_other)
            read(self, name, value)
        self._read_status()
        self._read_annotations()

    def _read_title(self, name: str, value: Any) -> None:
        """Set the title, which Taskwarrior calls the description."""
        if isinstance(value, str):
            self._draft.title(value)
        else:
            # The rule of titles refuses it.
            self._draft.values["title"] = value

    def _read_id(self, name: str, value: Any) -> None:
        """Set the id, so that a repeat of the import adds nothing."""
        line = _line(name, value)
        self._draft.offer("id", value, _ATTRIBUTE, line)

    def _read_project(self, name: str, value: Any) -> None:
        """Set the project; both programs divide its name by `.`."""
        line = _line(name, value)
        self._draft.offer("project", value, "project", line)

    def _read_time(self, name: str, value: Any) -> None:
        """Set when the task was added, or changed."""
        instant = _instant(value)
        line = _line(name, value)
        self._draft.offer(_TIMES[name], instant, "time", line)

    def _read_day(self, name: str, value: Any) -> None:
        """Set the day; a time with which the day does not begin is kept."""
        instant = _instant(value)
        if instant is None:
            self._read_other(name, value)
            return
        clock = zones.local(instant, self._zone)
        line = f"{name}: {_shown(clock)}"
        field = _DAYS[name]
        day = clock.date()
        self._draft.offer(field, day, "day", line)
        # The rule of days may have refused it.
        is_set = field in self._draft.values
        if not is_set or clock.time() == time():
            return
        # There are days without a midnight.
        if instant != midnight(day, self._zone):
            self._draft.keep("time of day", line)

    def _read_priority(self, name: str, value: Any) -> None:
        """Set the priority; users can define others than these three."""
        if value in _LETTERS.values():
            self._draft.values["priority"] = _PRIORITIES[value]
            return
        line = _line(name, value)
        self._draft.keep("priority", line)

    def _read_tags(self, name: str, value: Any) -> None:
        """Set the tags; a list, or one text with commas."""
        tags = _texts(value)
        if tags is None:
            self._read_other(name, value)
            return
        for tag in tags:
            self._draft.offer_tag(tag, "tag", f"tag: {tag}")

    def _read_depends(self, name: str, value: Any) -> None:
        """Keep the ids of the tasks that have to be done before."""
        others = _texts(value)
        if others is None:
            self._read_other(name, value)
            return
        for other in others:
            self._draft.keep("dependency", f"depends: {other}")

    def _read_moment(self, name: str, value: Any) -> None:
        """Keep a time as text, as a clock here shows it."""
        instant = _instant(value)
        if instant is None:
            self._read_other(name, value)
            return
        clock = zones.local(instant, self._zone)
        word = _WORDS.get(name, name)
        line = f"{word}: {_shown(clock)}"
        self._draft.keep(_KINDS[name], line)

    def _read_other(self, name: str, value: Any) -> None:
        """Keep as text what has no field here."""
        kind = _KINDS.get(name, _ATTRIBUTE)
        line = _line(name, value)
        self._draft.keep(kind, line)

    def _pass_over(self, name: str, value: Any) -> None:
        """Do nothing: it is read with others, or worked out from others.

        `id` and `urgency` are made anew by each `task export`.
        """

    def _read_status(self) -> None:
        """Read the state of the task, and when it ended."""
        status = self._values.get("status", "pending")
        if status == "completed":
            self._draft.values["completed"] = True
            self._read_end("completed_at")
            return
        self._draft.values["completed"] = False
        if status == "deleted":
            self._read_end("deleted_at")
            return
        # A task that recurs is an open one, and so is whatever a later
        # version may call otherwise.
        if status not in _OPEN:
            self._read_other("status", status)
        if "end" in self._values:
            self._read_other("end", self._values["end"])

    def _read_end(self, field: str) -> None:
        """Set when the task ended; without a time, when it last changed."""
        end = self._values.get("end")
        instant = _instant(end)
        if instant is not None:
            line = _line("end", end)
            self._draft.offer(field, instant, "time", line)
        elif end is not None:
            self._read_other("end", end)
        # It did end, whenever that was.
        values = self._draft.values
        last = values.get("updated_at", self._now)
        values.setdefault(field, last)

    def _read_annotations(self) -> None:
        """Keep each annotation as a line, in the order of their times."""
        annotations = self._values.get("annotations", [])
        if not isinstance(annotations, list):
            self._read_other("annotations", annotations)
            return
        dated: list[tuple[datetime, str]] = []
        for annotation in annotations:
            found = _annotation(annotation)
            if found is None:
                self._read_other("annotation", annotation)
            else:
                dated.append(found)
        dated.sort(key=_when)
        for instant, text in dated:
            clock = zones.local(instant, self._zone)
            line = f"{clock.date()} {text}"
            self._draft.keep("annotation", line)

    _METHODS: Final[Mapping[str, Callable[["_Reader", str, Any], None]]] = {
        "uuid": _read_id,
        "description": _read_title,
        "entry": _read_time,
        "modified": _read_time,
        "modification": _read_time,
        "due": _read_day,
        "wait": _read_day,
        "project": _read_project,
        "priority": _read_priority,
        "tags": _read_tags,
        "depends": _read_depends,
        "scheduled": _read_moment,
        "until": _read_moment,
        "start": _read_moment,
        "status": _pass_over,
        "end": _pass_over,
        "annotations": _pass_over,
        "id": _pass_over,
        "urgency": _pass_over,
    }
    """How to read an attribute; all others are kept as text."""


def _line(name: str, value: Any) -> str:
    """Write an attribute as text."""
    return f"{name}: {json_text.written(value)}"


def _texts(value: Any) -> list[str] | None:
    """Read texts: a list, or all in one with commas, as of 2.5 and older."""
    if isinstance(value, str):
        value = value.split(",")
    if not isinstance(value, list):
        return None
    texts: list[str] = []
    for text in value:
        if not isinstance(text, str):
            return None
        if text.strip():
            texts.append(text.strip())
    return texts


def _annotation(value: Any) -> tuple[datetime, str] | None:
    """Read an annotation; None if it is none, or a line cannot hold it."""
    if not isinstance(value, dict):
        return None
    # Taskwarrior writes no more, but other programs can.
    for name, held in value.items():
        if name not in _OF_ANNOTATION and held not in (None, ""):
            return None
    instant = _instant(value.get("entry"))
    text = value.get("description")
    if instant is None or not isinstance(text, str):
        return None
    return instant, text


def _when(annotation: tuple[datetime, str]) -> datetime:
    """Return the time by which annotations are ordered."""
    return annotation[0]


def _instant(value: Any) -> datetime | None:
    """Read a time such as `20261224T080000Z`, or as RFC 3339 has it."""
    if not isinstance(value, str):
        return None
    try:
        if _TIME.fullmatch(value):
            return datetime.fromisoformat(value)
        return rules.read_instant(value)
    except (ValueError, InvalidInput):
        return None


def _shown(clock: datetime) -> str:
    """Write what a clock shows: a day, and the time if it is not midnight."""
    if clock.time() == time():
        return clock.date().isoformat()
    return clock.isoformat(" ", "seconds").removesuffix(":00")


class _Note(NamedTuple):
    """A line of a description that becomes an annotation."""

    day: date
    """With which the line begins."""
    text: str
    """The rest of the line."""


class Writer:
    """Writes an array for `task import`, a task a line."""

    def __init__(self, setting: Setting) -> None:
        self.kept: dict[str, int] = {}
        """What Taskwarrior cannot hold and was left out, by its kind."""
        self._zone = setting.zone
        self._is_first = True

    def begin(self) -> bytes:
        """Return the beginning of the array."""
        return b"[\n"

    def write(self, tasks: Sequence[Task]) -> bytes:
        """Return the next elements of the array."""
        parts: list[str] = []
        for task in tasks:
            # JSON has commas between elements, and none at the end.
            if not self._is_first:
                parts.append(",\n")
            self._is_first = False
            values = self._values(task)
            # Taskwarrior reads UTF-8 as it is.
            text = json.dumps(values, ensure_ascii=False)
            parts.append(text)
        return "".join(parts).encode()

    def end(self) -> bytes:
        """Return the end of the array."""
        if self._is_first:
            return b"]\n"
        return b"\n]\n"

    def _values(self, task: Task) -> dict[str, Any]:
        """Return the attributes of a task that have a value.

        `id` and `urgency` are not among them: `task import` ignores them.
        """
        end = task.deleted_at or task.completed_at
        tags = [tag for tag in task.tags if self._name("tag", tag)]
        values = {
            "uuid": str(task.id),
            "description": task.title,
            "status": self._status(task),
            "entry": self._time(task.created_at),
            "modified": self._time(task.updated_at),
            "end": self._time(end),
            "due": self._day(task.due_on),
            "wait": self._day(task.wait_until),
            "priority": _LETTERS.get(task.priority or ""),
            "project": self._name("project", task.project),
            "tags": tags,
            **self._notes(task.description),
        }
        return {name: value for name, value in values.items() if value}

    def _status(self, task: Task) -> str:
        """Return the state; one in the trash is deleted, done or not."""
        if task.deleted_at is not None:
            if task.completed:
                self._count("completion")
            return "deleted"
        if task.completed:
            return "completed"
        # Also one that waits: `wait` says so, and `waiting` is an older word.
        return "pending"

    def _notes(self, description: str | None) -> dict[str, Any]:
        """Return a description, and the annotations at its end."""
        if description is None:
            return {}
        notes, dated = self._parts(description)
        annotations: list[dict[str, str]] = []
        last = _EARLIEST
        for note in dated:
            # One second after the other keeps those of a day in order.
            start = midnight(note.day, self._zone)
            last = max(start, last + _SECOND)
            entry = last.strftime(_TIME_FORM)
            annotation = {"entry": entry, "description": note.text}
            annotations.append(annotation)
        return {"notes": notes, "annotations": annotations}

    def _parts(self, description: str) -> tuple[str, list[_Note]]:
        """Divide a description before the last lines that have days.

        The days of these lines must rise: annotations are ordered by time.
        """
        lines = description.split("\n")
        dated: list[_Note] = []
        next_day = date.max
        while lines:
            note = self._note(lines[-1])
            if note is None or note.day > next_day:
                break
            next_day = note.day
            dated.insert(0, note)
            lines.pop()
        notes = "\n".join(lines)
        # Line feeds alone would be lost.
        if lines and not notes.strip():
            return description, []
        return notes, dated

    def _note(self, line: str) -> _Note | None:
        """Read a line that begins with a day which Taskwarrior can have."""
        found = _DATED.fullmatch(line)
        if found is None:
            return None
        try:
            day = rules.read_day("day", found[1])
        except InvalidInput:
            return None
        # The first of them is a second after the earliest time.
        if midnight(day, self._zone) <= _EARLIEST:
            return None
        return _Note(day, found[2])

    def _name(self, kind: str, name: str | None) -> str | None:
        """Return a name, unless Taskwarrior would read another one."""
        if name is None or _MISREAD.search(name) is None:
            return name
        self._count(kind)
        return None

    def _day(self, day: date | None) -> str | None:
        """Return the time at which a day begins where the file is written."""
        if day is None:
            return None
        start = midnight(day, self._zone)
        return self._moment("day", start)

    def _time(self, instant: datetime | None) -> str | None:
        """Return a time of the task; a part of a second is left out."""
        if instant is None:
            return None
        return self._moment("time", instant)

    def _moment(self, kind: str, instant: datetime) -> str | None:
        """Write a time, unless it is earlier than `task import` takes."""
        if instant < _EARLIEST:
            self._count(kind)
            return None
        return instant.strftime(_TIME_FORM)

    def _count(self, kind: str) -> None:
        """Count a value that was left out."""
        self.kept[kind] = self.kept.get(kind, 0) + 1
