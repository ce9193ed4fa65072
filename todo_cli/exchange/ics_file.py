r"""iCalendar (RFC 5545): a task is a VTODO. Needs the package `icalendar`.

Both ways:

    UID             the id; one that is no UUID makes the id, and is kept as
                    text, so that a RELATED-TO finds it
    SUMMARY, DESCRIPTION, DUE, CREATED, LAST-MODIFIED
    DTSTART         `wait_until`; ours is X-TODO-WAIT if it is after DUE,
                    because RFC 5545 forbids such a DTSTART
    PRIORITY        1 to 4 is high, 5 medium, 6 to 9 low
    CATEGORIES      tags
    STATUS, COMPLETED    whether it is done, and since when
    X-TODO-PROJECT, X-TODO-NUMBER, X-TODO-DELETED    what iCalendar lacks

Times have no fractions of a second. Read only:

- A time of day is kept as text, and its day is the caller's. A TZID is looked
  up by its name; what a VTIMEZONE says of it is not used. A time whose zone
  is unknown is that of the caller's clock, and is kept as text, too.
- A CANCELLED task is done, and the status is kept as text. Ours in the trash
  are CANCELLED too, so that no other program shows them as open.
- The name of the calendar (X-WR-CALNAME) is the project.
- RRULE, VALARM, RELATED-TO and all other properties are kept as text. DTSTAMP
  and SEQUENCE are not: they only say how the file was made.
- Events and all else that is no task is left out; the last task says so.
"""

import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, tzinfo
from functools import cache
from types import ModuleType
from typing import Final, NamedTuple

from todo_cli import rules, zones
from todo_cli.errors import INSTALL_EXTRAS, ConfigInvalid, InvalidInput
from todo_cli.exchange.draft import Draft, Setting, midnight
from todo_cli.exchange.source import LONGEST, Source
from todo_cli.task import Task, format_instant

_BEGINNING: Final = re.compile(r"\s*BEGIN:V(?:CALENDAR|TODO)\b", re.I)
_BOUND: Final = re.compile(r"(BEGIN|END)[ \t]*:[ \t]*(\S+)[ \t]*", re.I)
"""Where a component begins or ends; these lines are too short to be folded."""
_PLAIN: Final = re.compile("([A-Za-z0-9-]+):(.*)", re.DOTALL)
"""A line without parameters, which most are."""
_ESCAPE: Final = re.compile(r"\\(.)")
_SPECIAL: Final = re.compile(r"\r\n|[\r\n\\;,]")
"""What has a backslash in a text."""
_ITEM: Final = re.compile(r"(?:[^\\,]|\\.|\\$)+")
"""A part of a list: to the next comma without a backslash."""
_DATE: Final = re.compile("([0-9]{4})([0-9]{2})([0-9]{2})")
_DATE_TIME: Final = re.compile(
    f"{_DATE.pattern}T([0-9]{{2}})([0-9]{{2}})([0-9]{{2}})(Z?)"
)
_INTEGER: Final = re.compile("[0-9]{1,10}")
_URN: Final = "urn:uuid:"
"""How RFC 4122 writes a UUID as a URN; some programs do in a UID."""
_DEEPEST: Final = 100_000
"""How many components can be in each other: so they take little memory."""
_MOST_NAMES: Final = 16
"""How many components that are no tasks are counted by their names."""
_LONGEST_NAME: Final = 40
_LONGEST_ZONE: Final = 100
"""The name of a zone becomes one of a file."""
_LONGEST_ATTACHMENT: Final = 1_000
"""A URL is shorter; what is longer is a file in Base64."""
_SHORT: Final = 74
"""A line of at most so many bytes needs no folding."""
_PRIORITIES: Final = {
    0: None,
    1: "high",
    2: "high",
    3: "high",
    4: "high",
    5: "medium",
    6: "low",
    7: "low",
    8: "low",
    9: "low",
}
"""The scheme of three priorities in RFC 5545."""
_LEVELS: Final = {
    "high": 1,
    "medium": 5,
    "low": 9,
}
_ENDED: Final = ("COMPLETED", "CANCELLED")
"""What STATUS is when nothing is left to do."""
_PLAIN_STATES: Final = ("", "NEEDS-ACTION", "COMPLETED")
"""What STATUS says no more with than whether a task is done."""
_SINGLE: Final = frozenset(
    (
        "UID",
        "RECURRENCE-ID",
        "SUMMARY",
        "DESCRIPTION",
        "DUE",
        "DTSTART",
        "X-TODO-WAIT",
        "PRIORITY",
        "STATUS",
        "COMPLETED",
        "PERCENT-COMPLETE",
        "CREATED",
        "LAST-MODIFIED",
        "X-TODO-PROJECT",
        "X-TODO-NUMBER",
        "X-TODO-DELETED",
    )
)
"""Properties that are read one by one; a second one of them is kept as text."""
_SILENT: Final = ("BEGIN", "END", "DTSTAMP", "SEQUENCE")
_KINDS: Final = {
    "RRULE": "recurrence",
    "RDATE": "recurrence",
    "EXDATE": "recurrence",
    "EXRULE": "recurrence",
    "RECURRENCE-ID": "recurrence",
    "RELATED-TO": "relation",
    "ATTACH": "attachment",
}
"""How the answer of an import counts what was kept; else `property`."""
_CALENDAR_NAMES: Final = ("X-WR-CALNAME", "NAME")
"""Where programs write how a calendar is called; NAME is RFC 7986's."""
_HEAD: Final = (
    "BEGIN:VCALENDAR",
    "VERSION:2.0",
    "PRODID:-//neon-todo//todo//EN",
)


def looks_like(head: str) -> bool:
    """Whether a file that begins so is iCalendar."""
    return _BEGINNING.match(head) is not None


def read(
    source: Source, setting: Setting, columns: Mapping[str, str]
) -> Iterator[Draft]:
    """Read the tasks, in the order of the file.

    Raises:
        ConfigInvalid: the package is missing.
        InvalidInput: it is no whole iCalendar, or has other things than tasks,
            and no task.
    """
    _package()
    return _drafts(source, setting)


def _package() -> ModuleType:
    """Return the package.

    Raises:
        ConfigInvalid: it is missing.
    """
    try:
        import icalendar
    except ModuleNotFoundError as error:
        raise ConfigInvalid(
            'The format ics needs the extra "ics"',
            hint=INSTALL_EXTRAS,
        ) from error
    return icalendar


class _Property(NamedTuple):
    """A line of a component."""

    name: str
    parameters: Mapping[str, str]
    value: str
    """As the file has it, with its backslashes."""

    @property
    def text(self) -> str:
        """The value without its backslashes."""
        return _ESCAPE.sub(_unescaped, self.value)

    @property
    def zone(self) -> str:
        """The name of the zone of a time; empty if there is none."""
        return self.parameters.get("TZID", "")

    @property
    def line(self) -> str:
        """The whole as a line of a description."""
        head = self.name.lower()
        for key, value in self.parameters.items():
            head += f";{key}={value}"
        return f"{head}: {self.text}"


def _drafts(source: Source, setting: Setting) -> Iterator[Draft]:
    """Read the tasks; the last one says what else there was."""
    scan = _Scan()
    last: Draft | None = None
    for number, line in source.lines():
        if not scan.take(number, line):
            continue
        if last is not None:
            yield last
        last = _draft(scan, setting)
    others = [f"{count} {name}" for name, count in scan.others.items()]
    if scan.open:
        raise InvalidInput.of(
            f"line {number}", f"is cut off: END:{scan.open[-1]} is missing"
        )
    if last is None:
        # A calendar of nothing is what an export of no tasks writes.
        if others or not scan.has_calendar:
            raise _without_tasks(source.name, others)
        return
    if others:
        count = sum(scan.others.values())
        line = f"left out of the file: {', '.join(others)}"
        last.leave_out("component", count, line)
    yield last


def _without_tasks(name: str, others: Sequence[str]) -> InvalidInput:
    """Say that a file has no task, and what it has.

    Most calendars hold events, and whoever imports one expects something.
    """
    hint = None
    if others:
        hint = f"it has {', '.join(others)}"
    return InvalidInput(
        f"{name} has no task",
        hint=hint,
        details=[{"field": "file", "message": "has no VTODO"}],
    )


class _Scan:
    """Divides a file into components, line by line."""

    def __init__(self) -> None:
        self.open: list[str] = []
        """The components that have begun and not ended, the outermost first."""
        self.place = ""
        """Where the latest VTODO begins."""
        self.todo: list[str] = []
        """The lines of the latest VTODO."""
        self.calendar: list[str] = []
        """The lines of the calendar itself so far."""
        self.others: dict[str, int] = {}
        """How many components there were besides, by their names."""
        self.has_calendar = False
        """Whether a calendar has ended."""
        self._size = 0
        """How many characters of the VTODO or the calendar are held."""

    def take(self, number: int, line: str) -> bool:
        """Read a line; whether it completes a VTODO.

        Raises:
            InvalidInput: it cannot be here, or the VTODO is too long.
        """
        bound = _BOUND.fullmatch(line)
        if bound is None:
            self._take_property(number, line)
            return False
        sign = bound[1].upper()
        name = bound[2].upper()[:_LONGEST_NAME]
        if sign == "BEGIN":
            self._begin(number, name)
            self._add(number, line)
            return False
        if not self.open or self.open[-1] != name:
            raise InvalidInput.of(f"line {number}", f"END:{name} has no BEGIN")
        self._add(number, line)
        return self._end(name)

    def _begin(self, number: int, name: str) -> None:
        """Begin a component.

        Raises:
            InvalidInput: it is in too many others.
        """
        if len(self.open) == _DEEPEST:
            raise InvalidInput.of(f"line {number}", "is nested too deeply")
        if name == "VTODO" and "VTODO" not in self.open[:2]:
            self.place = f"line {number}"
            self.todo = []
            self._size = 0
        self.open.append(name)

    def _end(self, name: str) -> bool:
        """End a component; whether it is a VTODO."""
        self.open.pop()
        if name == "VCALENDAR":
            self.has_calendar = True
            self.calendar.clear()
            return False
        if self.open not in ([], ["VCALENDAR"]):
            return False
        if name == "VTODO":
            return True
        if name != "VTIMEZONE":
            self._count(name)
        return False

    def _count(self, name: str) -> None:
        """Count what is no task, by its name, or with all further ones."""
        if name not in self.others and len(self.others) >= _MOST_NAMES:
            name = "more"
        self.others[name] = self.others.get(name, 0) + 1

    def _take_property(self, number: int, line: str) -> None:
        """Read a line that neither begins nor ends a component."""
        if not line.strip():
            return
        if not self.open:
            raise InvalidInput.of(
                f"line {number}", "must be BEGIN:VCALENDAR, as in iCalendar"
            )
        self._add(number, line)

    def _add(self, number: int, line: str) -> None:
        """Keep a line of a VTODO or of the calendar; forget all others."""
        if "VTODO" in self.open[:2]:
            self.todo.append(line)
        elif self.open == ["VCALENDAR"]:
            self.calendar.append(line)
        else:
            return
        self._size += len(line)
        if self._size > LONGEST:
            raise InvalidInput.of(
                f"line {number}",
                f"a component has more than {LONGEST:,} characters",
            )


@dataclass(slots=True)
class _Todo:
    """The properties of a VTODO."""

    single: dict[str, _Property] = field(default_factory=dict)
    """Those that are read one by one, by their names."""
    categories: list[_Property] = field(default_factory=list)
    """There can be several lines of them."""
    others: list[_Property] = field(default_factory=list)
    """Those that have no field."""
    inner: list[tuple[str, list[_Property]]] = field(default_factory=list)
    """The components in it, such as its alarms."""

    def text(self, name: str) -> str:
        """Return the text of a property; empty if there is none."""
        found = self.single.get(name)
        return found.text.strip() if found else ""


def _draft(scan: _Scan, setting: Setting) -> Draft:
    """Make a draft of a VTODO."""
    try:
        todo = _todo(scan.todo)
        calendar = list(_properties(scan.calendar))
    except ValueError as error:
        return Draft.broken(scan.place, f"is not iCalendar: {error}")
    draft = Draft(scan.place)
    _read_texts(draft, todo)
    _read_id(draft, todo, "\n".join(scan.todo))
    zone = setting.zone
    _read_days(draft, todo, zone)
    _read_state(draft, todo, zone)
    _read_time(draft, todo, "created_at", "CREATED", zone)
    _read_time(draft, todo, "updated_at", "LAST-MODIFIED", zone)
    _read_priority(draft, todo)
    _read_number(draft, todo)
    _read_project(draft, todo, calendar)
    _read_tags(draft, todo)
    _read_rest(draft, todo)
    return draft


def _read_texts(draft: Draft, todo: _Todo) -> None:
    """Read the title and the description."""
    draft.title(todo.text("SUMMARY"))
    description = todo.single.get("DESCRIPTION")
    if description is not None:
        # With the blanks at its ends.
        draft.values["description"] = description.text


def _todo(lines: Sequence[str]) -> _Todo:
    """Sort the properties of a VTODO.

    Of the components in it, such as alarms, the inner ones are not told from
    the outer ones: all their properties become one line.

    Raises:
        ValueError: a line is none of iCalendar.
    """
    todo = _Todo()
    depth = 0
    for each in _properties(lines):
        if each.name == "BEGIN":
            depth += 1
            if depth == 2:
                todo.inner.append((each.value.upper(), []))
        elif each.name == "END":
            depth -= 1
        elif depth > 1:
            todo.inner[-1][1].append(each)
        elif each.name == "CATEGORIES":
            todo.categories.append(each)
        elif each.name in _SINGLE and each.name not in todo.single:
            todo.single[each.name] = each
        else:
            todo.others.append(each)
    return todo


def _properties(lines: Sequence[str]) -> Iterator[_Property]:
    """Unfold lines, and take each apart.

    By the package: parameters can have colons and semicolons in quotes.

    Raises:
        ValueError: a line is none of iCalendar.
    """
    from icalendar.parser import Contentlines

    text = "\n".join(lines)
    # Not all of the package has types.
    unfolded = Contentlines.from_ical(text)  # type: ignore[no-untyped-call]
    for line in unfolded:
        if not line.strip():
            continue
        plain = _PLAIN.fullmatch(line)
        if plain is not None:
            # Three times as fast as the package.
            yield _Property(plain[1].upper(), {}, plain[2])
            continue
        try:
            name, parameters, value = line.raw_parts()
        except ValueError:
            raise ValueError(f"`{line[:40]}` is not `NAME:value`") from None
        texts = {}
        for key, held in parameters.items():
            # A parameter has one value, or a list of them.
            values = [held] if isinstance(held, str) else held
            texts[key.upper()] = ",".join(values)
        yield _Property(name.upper(), texts, value)


def _unescaped(found: re.Match[str]) -> str:
    """Return what a backslash and a character mean."""
    return "\n" if found[1] in "nN" else found[1]


def _read_id(draft: Draft, todo: _Todo, text: str) -> None:
    """Make the UID the id if it is a UUID; else the id is made of it.

    So a repeat adds nothing, also when the task has changed.
    """
    uid = todo.text("UID")
    instance = todo.single.get("RECURRENCE-ID")
    draft.key = uid or text
    if instance is not None:
        # It has the UID of the whole series.
        draft.key += f"\n{instance.line}"
        draft.keep("recurrence", instance.line)
        return
    if uid.lower().startswith(_URN):
        uid = uid[len(_URN) :]
    if rules.UUID_TEXT.fullmatch(uid):
        draft.values["id"] = uid


def _read_days(draft: Draft, todo: _Todo, zone: tzinfo) -> None:
    """Read when it is due, and when it begins."""
    _read_day(draft, todo, "due_on", "DUE", zone)
    if "X-TODO-WAIT" not in todo.single:
        _read_day(draft, todo, "wait_until", "DTSTART", zone)
        return
    _read_day(draft, todo, "wait_until", "X-TODO-WAIT", zone)
    start = todo.single.get("DTSTART")
    if start is not None:
        draft.keep("start", start.line)


def _read_day(
    draft: Draft, todo: _Todo, name: str, property: str, zone: tzinfo
) -> None:
    """Read a day; a time of day is kept as text."""
    found = todo.single.get(property)
    if found is None:
        return
    moment = _moment(found)
    if not isinstance(moment, datetime):
        # None is no day, and no rule takes it.
        _offer_day(draft, name, moment, found)
        return
    local = moment
    if moment.tzinfo is not None:
        local = zones.local(moment, zone)
    is_midnight = local.timetz() == datetime.min.time()
    is_day = _offer_day(draft, name, local.date(), found)
    if is_day and (not is_midnight or _is_unsure(moment, found)):
        draft.keep("time of day", _shown(moment, found))


def _offer_day(
    draft: Draft, name: str, day: date | None, property: _Property
) -> bool:
    """Set a day, or keep the line; whether it was set."""
    if day is None:
        draft.keep("day", property.line)
    else:
        draft.offer(name, day, "day", property.line)
    return name in draft.values


def _shown(moment: datetime, property: _Property) -> str:
    """Write a time as its file has it: on which clock, and in which zone."""
    word = "start"
    if property.name == "DUE":
        word = "due"
    where = property.zone
    if property.value.strip().endswith("Z"):
        where = "UTC"
    clock = moment.replace(tzinfo=None).isoformat(" ")
    return f"{word}: {clock} {where}".rstrip()


def _moment(property: _Property) -> datetime | date | None:
    """Parse a day or a time; None if it is neither.

    A time without a known zone is that of a clock where the caller is.
    """
    value = property.value.strip()
    try:
        if found := _DATE.fullmatch(value):
            return date(*map(int, found.groups()))
        if found := _DATE_TIME.fullmatch(value):
            zone = _zone_of(property.zone)
            if found[7]:
                zone = UTC
            numbers = [int(found[group]) for group in range(1, 7)]
            year, month, day, hour, minute, second = numbers
            return datetime(
                year, month, day, hour, minute, second, tzinfo=zone
            )
    except ValueError:
        pass
    return None


def _is_unsure(moment: datetime | date | None, property: _Property) -> bool:
    """Whether a time is in a zone that is not known.

    Then it was read as that of a clock where the caller is.
    """
    if not isinstance(moment, datetime):
        return False
    return moment.tzinfo is None and property.zone != ""


@cache
def _zone_of(name: str) -> tzinfo | None:
    """Find a zone by its name, also one of Windows; None if it is unknown.

    The package takes the name for a file among those of all zones; a name that
    leads elsewhere is unknown.
    """
    if not 0 < len(name) <= _LONGEST_ZONE:
        return None
    from icalendar.timezone import tzp

    try:
        with warnings.catch_warnings():
            # It warns of names such as `/example.com/Europe/Berlin`.
            warnings.simplefilter("ignore")
            return tzp.timezone(name)
    except (OSError, ValueError):
        return None


def _read_state(draft: Draft, todo: _Todo, zone: tzinfo) -> None:
    """Read whether it is done, or in the trash."""
    status = todo.text("STATUS").upper()
    _read_time(draft, todo, "deleted_at", "X-TODO-DELETED", zone)
    is_done = _is_done(todo, status)
    if status == "CANCELLED" and "deleted_at" in draft.values:
        # Ours, and in the trash: it may be open there.
        is_done = "COMPLETED" in todo.single
    elif status not in _PLAIN_STATES:
        draft.keep("status", todo.single["STATUS"].line)
    draft.values["completed"] = is_done
    completed = todo.single.get("COMPLETED")
    if is_done:
        _read_time(draft, todo, "completed_at", "COMPLETED", zone)
    elif completed is not None:
        draft.keep("property", completed.line)
    _keep_percent(draft, todo)


def _is_done(todo: _Todo, status: str) -> bool:
    """Whether a task is done; without a status other properties say it."""
    if status:
        return status in _ENDED
    is_whole = todo.text("PERCENT-COMPLETE") == "100"
    return is_whole or "COMPLETED" in todo.single


def _keep_percent(draft: Draft, todo: _Todo) -> None:
    """Keep how much is done, if it is neither nothing nor all."""
    percent = todo.text("PERCENT-COMPLETE")
    usual = "0"
    if draft.values["completed"]:
        usual = "100"
    if percent not in ("", "0", usual):
        draft.keep("property", todo.single["PERCENT-COMPLETE"].line)


def _read_time(
    draft: Draft, todo: _Todo, name: str, property: str, zone: tzinfo
) -> None:
    """Read a time; what is none is kept as text."""
    found = todo.single.get(property)
    if found is None:
        return
    moment = _moment(found)
    instant = _instant(moment, zone)
    draft.offer(name, instant, "time", found.line)
    # If it was refused, the line is there already.
    if name in draft.values and _is_unsure(moment, found):
        draft.keep("time", found.line)


def _instant(moment: datetime | date | None, zone: tzinfo) -> datetime | None:
    """Return an instant; a day is its midnight, and None stays None."""
    if isinstance(moment, datetime):
        if moment.tzinfo is None:
            return moment.replace(tzinfo=zone)
        return moment
    if moment is None:
        return None
    try:
        return midnight(moment, zone)
    except InvalidInput:
        return None


def _read_priority(draft: Draft, todo: _Todo) -> None:
    """Read one of the three priorities that ten numbers mean."""
    found = todo.single.get("PRIORITY")
    if found is None:
        return
    text = found.text.strip()
    if _INTEGER.fullmatch(text) and int(text) in _PRIORITIES:
        draft.values["priority"] = _PRIORITIES[int(text)]
    else:
        draft.keep("priority", found.line)


def _read_number(draft: Draft, todo: _Todo) -> None:
    """Read the number that we wrote."""
    found = todo.single.get("X-TODO-NUMBER")
    if found is None:
        return
    text = found.text.strip()
    number = int(text) if _INTEGER.fullmatch(text) else 0
    draft.offer("number", number, "property", found.line)


def _read_project(
    draft: Draft, todo: _Todo, calendar: Sequence[_Property]
) -> None:
    """Read our project; else it is the name of the calendar.

    Most programs write one file for each list, and name it so.
    """
    project = todo.text("X-TODO-PROJECT")
    if project:
        line = todo.single["X-TODO-PROJECT"].line
        draft.offer("project", project, "property", line)
    for each in calendar:
        name = each.text.strip()
        if each.name not in _CALENDAR_NAMES or not name:
            continue
        if "project" not in draft.values:
            draft.offer("project", name, "calendar", f"calendar: {name}")
        elif draft.values["project"] != name:
            draft.keep("calendar", f"calendar: {name}")


def _read_tags(draft: Draft, todo: _Todo) -> None:
    """Make the categories tags; one that cannot be a tag is kept.

    There can be several lines of them, and several on each.
    """
    for categories in todo.categories:
        # A comma in a category has a backslash.
        for item in _ITEM.findall(categories.value):
            tag = _ESCAPE.sub(_unescaped, item).strip()
            line = f"category: {tag}"
            draft.offer_tag(tag, "category", line)


def _read_rest(draft: Draft, todo: _Todo) -> None:
    """Keep what has no field.

    A file in the calendar itself would not fit into a description: it is left
    out, and the line says so.
    """
    for each in todo.others:
        if each.name in _SILENT:
            continue
        kind = _KINDS.get(each.name, "property")
        line = each.line
        if kind == "attachment" and len(line) > _LONGEST_ATTACHMENT:
            length = f"{len(each.value):,} characters"
            line = f"attach: a file of {length} was left out"
            draft.leave_out(kind, 1, line)
        else:
            draft.keep(kind, line)
    for name, inner in todo.inner:
        kind = "alarm" if name == "VALARM" else "component"
        lines = ", ".join(each.line for each in inner)
        draft.keep(kind, f"{name.lower().removeprefix('v')}: {lines}")
    # The RELATED-TO of another task may name it.
    if "id" not in draft.values and todo.text("UID"):
        draft.keep("property", todo.single["UID"].line)


class Writer:
    """Writes a calendar with a VTODO for each task.

    Raises:
        ConfigInvalid: the package is missing.
    """

    def __init__(self, setting: Setting) -> None:
        _package()
        self.kept: dict[str, int] = {}
        """Nothing: only the version is left out, and fractions of seconds."""

    def begin(self) -> bytes:
        """Return what comes before the first task."""
        return _folded(_HEAD)

    def write(self, tasks: Sequence[Task]) -> bytes:
        """Return the next tasks."""
        return b"".join(_folded(_lines(task)) for task in tasks)

    def end(self) -> bytes:
        """Return what comes after the last task."""
        return _folded(["END:VCALENDAR"])


def _lines(task: Task) -> Iterator[str]:
    """Write the lines of a VTODO."""
    yield "BEGIN:VTODO"
    yield f"UID:{task.id}"
    yield f"DTSTAMP:{_time(task.updated_at)}"
    yield f"CREATED:{_time(task.created_at)}"
    yield f"LAST-MODIFIED:{_time(task.updated_at)}"
    yield f"SUMMARY:{_escaped(task.title)}"
    if task.description:
        yield f"DESCRIPTION:{_escaped(task.description)}"
    yield from _day_lines(task)
    if task.priority:
        yield f"PRIORITY:{_LEVELS[task.priority]}"
    if task.tags:
        yield f"CATEGORIES:{','.join(map(_escaped, task.tags))}"
    yield from _state_lines(task)
    if task.project:
        yield f"X-TODO-PROJECT:{_escaped(task.project)}"
    yield f"X-TODO-NUMBER:{task.number}"
    yield "END:VTODO"


def _day_lines(task: Task) -> Iterator[str]:
    """Write the days of a task, which have no time of day."""
    if task.due_on:
        yield f"DUE;VALUE=DATE:{task.due_on:%Y%m%d}"
    if task.wait_until:
        name = "DTSTART"
        if task.due_on and task.wait_until > task.due_on:
            name = "X-TODO-WAIT"
        yield f"{name};VALUE=DATE:{task.wait_until:%Y%m%d}"


def _state_lines(task: Task) -> Iterator[str]:
    """Write whether a task is done, or in the trash.

    COMPLETED says that of a task in the trash, whose STATUS says something
    else.
    """
    status = "COMPLETED" if task.completed else "NEEDS-ACTION"
    if task.deleted_at:
        status = "CANCELLED"
        yield f"X-TODO-DELETED:{_time(task.deleted_at)}"
    yield f"STATUS:{status}"
    if task.completed_at:
        yield f"COMPLETED:{_time(task.completed_at)}"
        yield "PERCENT-COMPLETE:100"


def _time(instant: datetime) -> str:
    """Write a time in UTC, to the second."""
    text = format_instant(instant)[:19]
    return f"{text.replace('-', '').replace(':', '')}Z"


def _escaped(text: str) -> str:
    """Put backslashes before what would mean something else.

    Not by the package, which makes a line feed of a backslash and an N.
    """
    # Other programs can have stored what is no text.
    text = text.encode("utf-8", "backslashreplace").decode()
    return _SPECIAL.sub(_escape, text)


def _escape(found: re.Match[str]) -> str:
    """Write one character, or CR LF, with a backslash."""
    if found[0] in ("\r\n", "\r", "\n"):
        return "\\n"
    return f"\\{found[0]}"


def _folded(lines: Sequence[str] | Iterator[str]) -> bytes:
    """End lines by CR LF, and fold the long ones.

    By the package: it folds by bytes, and never inside of a character.
    """
    from icalendar.parser import Contentline

    parts = []
    for line in lines:
        data = line.encode()
        if len(data) > _SHORT:
            folded = Contentline(line)  # type: ignore[no-untyped-call]
            data = folded.to_ical()  # type: ignore[no-untyped-call]
        parts += [data, b"\r\n"]
    return b"".join(parts)
