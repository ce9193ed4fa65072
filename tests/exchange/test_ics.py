"""iCalendar, both ways: VTODO."""

import json
import sys
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.exchange.support import (
    ADA,
    STORES,
    Endless,
    examples,
    faults_of,
    in_zone,
    kept_of,
    left_out_of,
    read_all,
    source_of,
    tasks_of,
    write_all,
)
from tests.support.size import size
from todo_cli.errors import INSTALL_EXTRAS, ConfigInvalid, InvalidInput
from todo_cli.exchange import ics_file
from todo_cli.exchange.source import LONGEST
from todo_cli.task import Candidate, Task

RECORDED = Path(__file__).parent / "recorded"
BERLIN = in_zone(ZoneInfo("Europe/Berlin"))


def _calendar(*lines: str) -> bytes:
    """A calendar of these lines."""
    whole = ["BEGIN:VCALENDAR", "VERSION:2.0", *lines, "END:VCALENDAR"]
    return "".join(f"{line}\r\n" for line in whole).encode()


def _todo(*lines: str) -> bytes:
    """A calendar with one task, which is called A."""
    return _calendar("BEGIN:VTODO", "SUMMARY:A", *lines, "END:VTODO")


def _candidate(*lines: str) -> Candidate:
    """What is read of one task."""
    [candidate] = read_all("ics", _todo(*lines), setting=BERLIN)
    return candidate


def _one(*lines: str) -> Task:
    """A task in which nothing is wrong."""
    candidate = _candidate(*lines)
    assert candidate.task is not None, candidate.fault
    return candidate.task


@pytest.mark.spec("002/FR-286")
def test_every_property_that_has_a_field() -> None:
    task = _one(
        "UID:urn:uuid:6F9619FF-8b86-4d01-b42d-00cf4fc964ff",
        r"DESCRIPTION:one\nC:\\new\, fol",
        " ded",
        "DUE;VALUE=DATE:20261224",
        "DTSTART;VALUE=DATE:20261220",
        "CREATED:20260102T030405Z",
        "LAST-MODIFIED:20260203T030405Z",
        "COMPLETED:20260203T040506Z",
        "STATUS:COMPLETED",
        "PERCENT-COMPLETE:100",
        "PRIORITY:1",
        r"CATEGORIES:b,a\;c",
        "CATEGORIES;LANGUAGE=en:d",
        "DTSTAMP:20260102T030405Z",
        "SEQUENCE:3",
        "X-TODO-PROJECT:home.kitchen",
        "X-TODO-NUMBER:12",
        "X-TODO-DELETED:20260204T000000Z",
    )
    assert task == Task(
        id=UUID("6f9619ff-8b86-4d01-b42d-00cf4fc964ff"),
        number=12,
        user_id="ada",
        title="A",
        description="one\nC:\\new, folded",
        completed=True,
        created_at=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
        updated_at=datetime(2026, 2, 3, 3, 4, 5, tzinfo=UTC),
        completed_at=datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC),
        due_on=date(2026, 12, 24),
        wait_until=date(2026, 12, 20),
        priority="high",
        project="home.kitchen",
        tags=["a;c", "b", "d"],
        deleted_at=datetime(2026, 2, 4, tzinfo=UTC),
    )


@pytest.mark.spec("002/FR-286")
@pytest.mark.parametrize(
    ("due", "day", "text"),
    [
        ("DUE:20261224", "2026-12-24", None),
        ("DUE:20261224T000000", "2026-12-24", None),
        ("DUE:20261223T230000Z", "2026-12-24", None),
        ("DUE:20261223T230001Z", "2026-12-24", "2026-12-23 23:00:01 UTC"),
        ("DUE:20261224T091500", "2026-12-24", "2026-12-24 09:15:00"),
        (
            "DUE;TZID=America/Los_Angeles:20261223T150000",
            "2026-12-24",
            None,
        ),
        (
            "DUE;TZID=/example.org/2005/America/Los_Angeles:20261223T160000",
            "2026-12-24",
            "2026-12-23 16:00:00 /example.org/2005/America/Los_Angeles",
        ),
        (
            "DUE;TZID=Pacific Standard Time:20261223T160000",
            "2026-12-24",
            "2026-12-23 16:00:00 Pacific Standard Time",
        ),
        (
            "DUE;TZID=Nowhere:20261224T160000",
            "2026-12-24",
            "2026-12-24 16:00:00 Nowhere",
        ),
        (
            "DUE;TZID=../../etc/passwd:20261224T160000",
            "2026-12-24",
            "2026-12-24 16:00:00 ../../etc/passwd",
        ),
        (
            "DUE;TZID=Europe:20261224T160000",
            "2026-12-24",
            "2026-12-24 16:00:00 Europe",
        ),
        (
            f"DUE;TZID={'x' * 101}:20261224T160000",
            "2026-12-24",
            f"2026-12-24 16:00:00 {'x' * 101}",
        ),
        # Nobody knows whether it is a midnight here (silentsuite#67).
        (
            "DUE;TZID=Nowhere:20261224T000000",
            "2026-12-24",
            "2026-12-24 00:00:00 Nowhere",
        ),
        ("DUE;TZID=Nowhere;VALUE=DATE:20261224", "2026-12-24", None),
        ("DUE;TZID=:20261224T000000", "2026-12-24", None),
        ("DUE;TZID=Nowhere:20261223T230000Z", "2026-12-24", None),
    ],
)
def test_a_time_of_day_is_text_and_its_day_is_the_callers(
    due: str, day: str, text: str | None
) -> None:
    candidate = _candidate(due)
    assert candidate.task is not None
    assert str(candidate.task.due_on) == day
    kept = {"time of day": 1} if text else {}
    assert candidate.kept == kept
    description = f"due: {text}" if text else None
    assert candidate.task.description == description


def test_the_time_of_a_start_is_text_too() -> None:
    task = _one("DTSTART:20261220T090000")
    assert task.wait_until == date(2026, 12, 20)
    assert task.description == "start: 2026-12-20 09:00:00"


@pytest.mark.spec("002/FR-286")
@pytest.mark.parametrize(
    "line",
    [
        "DUE:tomorrow",
        "DUE:20261301",
        "DUE:20260102T250000Z",
        "DUE:00000101",
        "DUE:18991231",
        "DUE:99990101",
        "DUE:00010101T000000Z",
        "DTSTART:99991231T235959Z",
        "CREATED:20261301T000000Z",
        "CREATED:00010101",
        "LAST-MODIFIED:00010101T000000",
        "COMPLETED:now",
        "PRIORITY:10",
        "PRIORITY:high",
        f"PRIORITY:{'9' * 5000}",
        "X-TODO-NUMBER:0",
        "X-TODO-NUMBER:9999999999",
        "X-TODO-PROJECT:a..b",
        "X-TODO-DELETED:now",
        "X-TODO-WAIT:now",
        "STATUS:IN-PROCESS",
        "STATUS:CANCELLED",
        "PERCENT-COMPLETE:50",
        "RECURRENCE-ID:20260102",
        "RRULE:FREQ=DAILY;COUNT=3",
        "RELATED-TO;RELTYPE=CHILD:other",
        "ATTACH:https://example.org/file",
        "X-APPLE-SORT-ORDER:12",
        "CLASS:PRIVATE",
        "SUMMARY:second",
        'ATTENDEE;MEMBER="mailto:a@b","mailto:c@d":mailto:ada@example.org',
    ],
)
def test_what_has_no_field_is_kept_as_text(line: str) -> None:
    candidate = _candidate(line)
    assert candidate.task is not None, candidate.fault
    description = candidate.task.description
    assert description is not None
    name, _, value = line.partition(":")
    assert description.startswith(name.partition(";")[0].lower())
    assert description.endswith(value.split(":")[-1])
    assert sum(candidate.kept.values()) == 1


def test_the_time_of_completion_of_an_open_task_is_kept_as_text() -> None:
    task = _one("STATUS:NEEDS-ACTION", "COMPLETED:20260102T030405Z")
    assert not task.completed
    assert task.description == "completed: 20260102T030405Z"


@pytest.mark.spec("002/FR-286")
@pytest.mark.parametrize(
    ("lines", "is_done"),
    [
        ([], False),
        (["STATUS:needs-action"], False),
        (["STATUS:IN-PROCESS"], False),
        (["STATUS:COMPLETED"], True),
        (["STATUS:CANCELLED"], True),
        (["COMPLETED:20260102"], True),
        (["PERCENT-COMPLETE:100"], True),
        (["PERCENT-COMPLETE:0"], False),
        (["STATUS:CANCELLED", "X-TODO-DELETED:20260102T000000Z"], False),
    ],
)
def test_whether_a_task_is_done(lines: list[str], is_done: bool) -> None:
    assert _one(*lines).completed == is_done


@pytest.mark.parametrize(
    ("value", "instant"),
    [
        ("20260102T030405Z", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)),
        ("20260102T030405", datetime(2026, 1, 2, 2, 4, 5, tzinfo=UTC)),
        ("20260102", datetime(2026, 1, 1, 23, tzinfo=UTC)),
    ],
)
def test_a_time_without_a_zone_is_the_callers(
    value: str, instant: datetime
) -> None:
    task = _one(f"COMPLETED:{value}", "STATUS:COMPLETED")
    assert task.completed_at == instant


@pytest.mark.spec("002/FR-286")
def test_an_unknown_zone_of_a_time_is_kept() -> None:
    """As of silentsuite#67, where a calendar lost its zones."""
    candidate = _candidate(
        "CREATED;TZID=Nowhere:20260102T030405",
        "LAST-MODIFIED;TZID=Europe/Berlin:20260102T030405",
    )
    assert candidate.task is not None
    instant = datetime(2026, 1, 2, 2, 4, 5, tzinfo=UTC)
    assert candidate.task.created_at == instant
    assert candidate.task.updated_at == instant
    line = "created;TZID=Nowhere: 20260102T030405"
    assert candidate.task.description == line
    assert candidate.kept == {"time": 1}


@pytest.mark.spec("002/FR-286")
@pytest.mark.parametrize(
    ("number", "priority"),
    [
        *((number, "high") for number in (1, 2, 3, 4)),
        (5, "medium"),
        *((number, "low") for number in (6, 7, 8, 9)),
        (0, None),
    ],
)
def test_ten_priorities_are_three(number: int, priority: str | None) -> None:
    assert _one(f"PRIORITY:{number}").priority == priority


def test_categories_that_cannot_be_tags_are_text() -> None:
    task = _one(r"CATEGORIES:a b,none,c\,d,ok,,ok")
    assert task.tags == ["ok"]
    assert task.description == "category: a b\ncategory: none\ncategory: c,d"


@pytest.mark.spec("002/FR-286")
def test_the_name_of_the_calendar_is_the_project() -> None:
    todo = ["BEGIN:VTODO", "SUMMARY:A", "END:VTODO"]
    ours = [*todo[:2], "X-TODO-PROJECT:home", "END:VTODO"]

    def places(*lines: str) -> list[tuple[str | None, str | None]]:
        tasks = tasks_of("ics", _calendar(*lines))
        return [(task.project, task.description) for task in tasks]

    assert places("X-WR-CALNAME:Gar", " den", *todo) == [("Garden", None)]
    assert places("NAME:a..b", *todo) == [(None, "calendar: a..b")]
    assert places("NAME:Garden", *ours) == [("home", "calendar: Garden")]
    assert places("NAME:home", "NAME: ", *ours) == [("home", None)]
    two = _calendar("NAME:one", *todo) + _calendar(*todo)
    assert [task.project for task in tasks_of("ics", two)] == ["one", None]


def test_an_alarm_is_text() -> None:
    task = _one(
        "BEGIN:VALARM",
        "TRIGGER;RELATED=END:-PT15M",
        "ACTION:DISPLAY",
        "BEGIN:X-INNER",
        "X-DEEP:1",
        "END:X-INNER",
        "END:VALARM",
        "BEGIN:X-PART",
        "X-A:1",
        "END:X-PART",
    )
    assert task.description == (
        "alarm: trigger;RELATED=END: -PT15M, action: DISPLAY, x-deep: 1\n"
        "x-part: x-a: 1"
    )


def test_a_large_attachment_is_left_out_and_says_so() -> None:
    candidate = _candidate(
        f"ATTACH;ENCODING=BASE64;VALUE=BINARY:{'A' * 20_000}"
    )
    assert candidate.task is not None
    assert candidate.task.description == (
        "attach: a file of 20,000 characters was left out"
    )
    assert candidate.kept == {}
    assert candidate.left_out == {"attachment": 1}


def test_wait_and_start_are_both_kept() -> None:
    task = _one("X-TODO-WAIT:20261224", "DTSTART:20261220T090000Z")
    assert task.wait_until == date(2026, 12, 24)
    assert task.description == "dtstart: 20261220T090000Z"


@pytest.mark.spec("002/FR-286")
def test_events_are_left_out_and_counted_in_the_last_task() -> None:
    event = ["BEGIN:VEVENT", "SUMMARY:x", "BEGIN:VALARM", "END:VALARM"]
    event.append("END:VEVENT")
    zone = ["BEGIN:VTIMEZONE", "BEGIN:STANDARD", "END:STANDARD"]
    zone.append("END:VTIMEZONE")
    todos = ["BEGIN:VTODO", "SUMMARY:A", "END:VTODO"]
    journal = ["BEGIN:VJOURNAL", "END:VJOURNAL"]
    data = _calendar(*zone, *event, *todos, *todos, *event, *journal)
    first, last = tasks_of("ics", data)
    assert first.description is None
    assert last.description == "left out of the file: 2 VEVENT, 1 VJOURNAL"
    assert kept_of(read_all("ics", data)) == {}
    assert left_out_of(read_all("ics", data)) == {"component": 3}
    with pytest.raises(InvalidInput, match="has no task") as caught:
        read_all("ics", _calendar(*event))
    assert caught.value.hint == "it has 1 VEVENT"


def test_one_uid_of_a_series_is_several_ids() -> None:
    uid = "UID:6f9619ff-8b86-4d01-b42d-00cf4fc964ff"
    todo = ["BEGIN:VTODO", "SUMMARY:A", uid]
    data = _calendar(
        *todo,
        "END:VTODO",
        *todo,
        "RECURRENCE-ID:20260102",
        "END:VTODO",
        *todo,
        "RECURRENCE-ID:20260103",
        "END:VTODO",
    )
    ids = [task.id for task in tasks_of("ics", data)]
    assert str(ids[0]) == uid[4:]
    assert len({*ids}) == 3


@pytest.mark.spec("002/FR-286")
def test_a_uid_that_is_not_the_id_is_kept_so_that_others_can_name_it() -> None:
    todo = ["BEGIN:VTODO", "SUMMARY:A"]
    data = _calendar(
        *todo,
        "UID:up@x\\, y",
        "END:VTODO",
        *todo,
        "UID:down@x",
        "RELATED-TO:up@x\\, y",
        "END:VTODO",
        *todo,
        "UID:6f9619ff-8b86-4d01-b42d-00cf4fc964ff",
        "END:VTODO",
        *todo,
        "UID:6f9619ff-8b86-4d01-b42d-00cf4fc964ff",
        "RECURRENCE-ID:20260102",
        "END:VTODO",
    )
    first, second, third, fourth = tasks_of("ics", data)
    assert first.description == "uid: up@x, y"
    assert second.description == "related-to: up@x, y\nuid: down@x"
    assert third.description is None
    assert fourth.description == (
        "recurrence-id: 20260102\nuid: 6f9619ff-8b86-4d01-b42d-00cf4fc964ff"
    )
    assert kept_of(read_all("ics", data)) == {
        "property": 3,
        "relation": 1,
        "recurrence": 1,
    }


def test_a_repeat_makes_the_same_ids() -> None:
    for line in ("UID:x@example.org", "COMMENT:no uid"):
        first = _one(line)
        assert _one(line).id == first.id
    assert _one("UID:x", "PRIORITY:1").id == _one("UID:x", "PRIORITY:9").id


@pytest.mark.spec("002/FR-286")
@pytest.mark.parametrize(
    "lines", [[], ["X-WR-CALNAME:Home"], ["BEGIN:VTIMEZONE", "END:VTIMEZONE"]]
)
def test_a_calendar_of_nothing_is_no_task(lines: list[str]) -> None:
    assert read_all("ics", _calendar(*lines)) == []


@pytest.mark.spec("002/FR-286")
@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (b"", "has no task"),
        (b"\r\n \r\n", "has no task"),
        (b"BEGIN:VTIMEZONE\r\nEND:VTIMEZONE\r\n", "has no task"),
        (b"SUMMARY:A\r\n", "line 1: must be BEGIN:VCALENDAR"),
        (_todo()[:-17], "line 5: is cut off: END:VCALENDAR is missing"),
        (_todo()[:-30], "line 4: is cut off: END:VTODO is missing"),
        (b"END:VTODO\r\n", "line 1: END:VTODO has no BEGIN"),
        (
            _calendar("BEGIN:VTODO", "END:VEVENT"),
            "line 4: END:VEVENT has no BEGIN",
        ),
    ],
)
def test_a_file_that_is_no_whole_calendar_is_refused(
    data: bytes, fault: str
) -> None:
    with pytest.raises(InvalidInput) as caught:
        read_all("ics", data)
    assert fault in caught.value.message


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("no colon", "is not iCalendar: `no colon` is not `NAME:value`"),
        (";X=1:y", "is not iCalendar: `;X=1:y` is not `NAME:value`"),
        ("A;X:y", "is not iCalendar: `A;X:y` is not `NAME:value`"),
        (
            "DESCRIPTION:a\x07b",
            "description: must not contain the character U+0007 (position 2)",
        ),
    ],
)
def test_a_bad_task_is_a_fault_with_its_line(line: str, fault: str) -> None:
    good = ["BEGIN:VTODO", "SUMMARY:A", "END:VTODO"]
    data = _calendar(*good, *good[:2], line, "END:VTODO", *good)
    assert faults_of("ics", data) == [f"line 6: {fault}"]
    missing = _calendar("BEGIN:VTODO", "END:VTODO")
    [said] = faults_of("ics", missing)
    assert said.startswith("line 3: title: ")


@pytest.mark.parametrize("name", ["VCALENDAR", "VEVENT", "VTODO"])
def test_components_in_each_other_without_end_are_refused(name: str) -> None:
    line = f"BEGIN:{name}\n".encode()
    stream = Endless(b"BEGIN:VCALENDAR\n", line, 10 * LONGEST)
    with pytest.raises(InvalidInput, match="is nested too deeply"):
        list(ics_file.read(source_of(stream), ADA, {}))
    assert stream.given < 2 * LONGEST


def test_components_of_many_names_are_counted_in_few_words() -> None:
    names = ["VEVENT", "VEVENT", "X" * 100, *(f"X-{n}" for n in range(1_000))]
    others = "".join(f"BEGIN:{name}\nEND:{name}\n" for name in names)
    todo = "BEGIN:VTODO\nSUMMARY:a\nEND:VTODO\n"
    text = f"BEGIN:VCALENDAR\n{others}{todo}END:VCALENDAR\n"
    [task] = tasks_of("ics", text.encode())
    said = task.description or ""
    assert said.startswith("left out of the file: 2 VEVENT, 1 XXX")
    assert said.endswith(", 986 more")
    assert len(said) < 300


@pytest.mark.parametrize("begin", ["VTODO", "X-MORE"])
def test_a_component_without_an_end_takes_little_memory(begin: str) -> None:
    head = f"BEGIN:VCALENDAR\nBEGIN:{begin}\n"
    if begin != "VTODO":
        head = "BEGIN:VCALENDAR\n"
    stream = Endless(head.encode(), b"X-A:%b\n" % (b"1" * 60), 10 * LONGEST)
    with pytest.raises(InvalidInput, match="more than 4,194,304"):
        list(ics_file.read(source_of(stream), ADA, {}))
    assert stream.given < 4 * LONGEST


def test_deep_nesting_is_no_bug() -> None:
    deep = [f"{sign}:X" for sign in ("BEGIN", "END") for _ in range(20_000)]
    assert _one(*deep).description == "x: "
    [task] = tasks_of(
        "ics", _calendar(*deep, "BEGIN:VTODO", "SUMMARY:A", "END:VTODO")
    )
    assert task.description == "left out of the file: 1 X"


@pytest.mark.spec("002/FR-286")
def test_without_the_package_an_error_names_the_extra(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "icalendar", None)
    with pytest.raises(ConfigInvalid) as caught:
        read_all("ics", _todo())
    assert caught.value.hint == INSTALL_EXTRAS
    with pytest.raises(ConfigInvalid, match='needs the extra "ics"'):
        write_all("ics", [])


def test_icalendar_is_recognised() -> None:
    assert ics_file.looks_like("\r\nbegin:vcalendar\r\n")
    assert not ics_file.looks_like("BEGIN:VCARD\n")


@pytest.mark.spec("002/FR-287")
def test_a_file_is_as_rfc_5545_wants_it() -> None:
    task = Task(
        id=UUID(int=1),
        number=7,
        user_id="ada",
        title="Milk, 2 l; C:\\New",
        description="é" * 60 + "\r\n2",
        completed=True,
        created_at=ADA.now,
        updated_at=ADA.now,
        completed_at=ADA.now,
        due_on=date(2026, 12, 24),
        wait_until=date(2026, 12, 25),
        priority="low",
        project="home",
        tags=["a;b", "c"],
        deleted_at=ADA.now,
    )
    assert write_all("ics", [task]).decode().split("\r\n") == [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//neon-todo//todo//EN",
        "BEGIN:VTODO",
        f"UID:{task.id}",
        "DTSTAMP:20261126T103000Z",
        "CREATED:20261126T103000Z",
        "LAST-MODIFIED:20261126T103000Z",
        r"SUMMARY:Milk\, 2 l\; C:\\New",
        "DESCRIPTION:" + "é" * 31,
        " " + "é" * 29 + r"\n2",
        "DUE;VALUE=DATE:20261224",
        "X-TODO-WAIT;VALUE=DATE:20261225",
        "PRIORITY:9",
        r"CATEGORIES:a\;b,c",
        "X-TODO-DELETED:20261126T103000Z",
        "STATUS:CANCELLED",
        "COMPLETED:20261126T103000Z",
        "PERCENT-COMPLETE:100",
        "X-TODO-PROJECT:home",
        "X-TODO-NUMBER:7",
        "END:VTODO",
        "END:VCALENDAR",
        "",
    ]


def _task(number: int, title: str, **values: Any) -> Task:
    """A task of the morning of NOW."""
    usual: dict[str, Any] = {"description": None, "completed": False}
    usual |= {"created_at": ADA.now, "updated_at": ADA.now}
    usual |= {"completed_at": None, "user_id": "ada"}
    id = UUID(int=number)
    return Task(id=id, number=number, title=title, **(usual | values))


CHRISTMAS = date(2026, 12, 24)
SHOWN = (
    _task(
        1,
        "Milk, 2 l; C:\\New",
        description="one\n- two; three\n" + "é" * 80,
        due_on=CHRISTMAS,
        wait_until=date(2026, 12, 20),
        priority="high",
        project="home.kitchen",
        tags=["errand", "food"],
    ),
    _task(
        2,
        "Done long ago",
        completed=True,
        completed_at=ADA.now,
        priority="low",
    ),
    _task(3, "Trash", deleted_at=ADA.now),
    _task(
        4,
        "Wait after due",
        due_on=CHRISTMAS,
        wait_until=CHRISTMAS + timedelta(1),
        priority="medium",
    ),
)


@pytest.mark.spec("002/FR-287")
def test_todoman_shows_what_we_write() -> None:
    """The JSON is what todoman 4.7.0 printed of the file.

    The command was `todo --porcelain list --status ANY`, with TZ=UTC.
    """
    written = (RECORDED / "todoman-4.7.0-reads.ics").read_bytes()
    assert write_all("ics", SHOWN) == written
    shown = json.loads((RECORDED / "todoman-4.7.0-reads.json").read_text())
    tasks = {task.title: task for task in SHOWN}
    assert {each["summary"] for each in shown} == tasks.keys()
    for each in shown:
        task = tasks[each["summary"]]
        assert each["description"] == (task.description or "")
        assert each["categories"] == task.tags
        # A task in the trash is cancelled, so that it is no open one.
        is_over = task.completed or task.deleted_at is not None
        assert each["completed"] == is_over
        assert _day(each["due"]) == task.due_on
        if task.number != 4:
            assert _day(each["start"]) == task.wait_until
        priorities = {0: None, 1: "high", 5: "medium", 9: "low"}
        assert priorities[each["priority"]] == task.priority


def _day(timestamp: float | None) -> date | None:
    """The day of midnight in UTC."""
    if timestamp is None:
        return None
    return datetime.fromtimestamp(timestamp, UTC).date()


def test_what_todoman_wrote_is_read() -> None:
    """It made one file for each task; all are in this one."""
    data = (RECORDED / "todoman-4.7.0-wrote.ics").read_bytes()
    cancelled, done, milk = tasks_of("ics", data)
    assert cancelled.completed
    assert cancelled.due_on == date(2026, 11, 27)
    assert cancelled.description == (
        "due: 2026-11-27 15:01:20 UTC\nstatus: CANCELLED\n"
        "uid: 1f5e79b8575240688adeb305bbe367ba@vm"
    )
    assert (done.title, done.priority) == ("Call Ünal", "low")
    assert done.completed_at == datetime(2026, 11, 26, 15, 1, 19, tzinfo=UTC)
    assert (milk.title, milk.priority) == ("Milk, 2 l", "high")
    assert (milk.due_on, milk.wait_until) == (CHRISTMAS, date(2026, 12, 20))
    assert milk.tags == ["errand"]
    assert milk.description == (
        "due: 2026-12-24 15:00:00 UTC\n"
        "category: two words\nlocation: Berlin; Mitte\n"
        "uid: e5aa89b6e00a4548826dabd964c6217f@vm"
    )


def test_text_that_no_store_holds_is_written_as_an_escape() -> None:
    data = write_all("ics", [_task(1, "a\ud800")])
    assert b"SUMMARY:a\\\\ud800\r\n" in data


@pytest.mark.spec("002/FR-287")
@examples(size(50, 100))
@given(STORES)
def test_all_but_the_version_comes_back(tasks: list[Task]) -> None:
    data = write_all("ics", tasks)
    assert all(len(line) <= 75 for line in data.split(b"\r\n"))
    if not tasks:
        return
    found = tasks_of("ics", data)
    for task in tasks:
        task.version = 1
        for name in ("created_at", "updated_at", "completed_at", "deleted_at"):
            time = getattr(task, name)
            if time is not None:
                setattr(task, name, time.replace(microsecond=0))
    assert found == tasks


_NAMES = st.sampled_from(
    [
        *("SUMMARY", "DESCRIPTION", "DUE", "DTSTART", "PRIORITY", "STATUS"),
        *("COMPLETED", "CREATED", "CATEGORIES", "RRULE", "X-TODO-PROJECT"),
        *("X-TODO-WAIT", "PERCENT-COMPLETE", "RELATED-TO", "X-OTHER", "UID"),
        *("X-TODO-NUMBER", "X-TODO-DELETED", "RECURRENCE-ID", "LOCATION"),
    ]
)
_VALUES = st.lists(
    st.sampled_from(
        ["milk", "eggs", r"\n", r"\,", r"\\", "a..b", "x:y", '"', "bread", " "]
    ),
    max_size=5,
).map("".join)
_PARAMETERS = st.sampled_from(["", ";X=1", ';X="a;b"', ";VALUE=DATE"])


@examples(size(100, 200))
@given(
    st.lists(
        st.tuples(_NAMES, _PARAMETERS, _VALUES),
        max_size=8,
        # A tag is there once.
        unique_by=lambda each: (each[0], each[2]),
    )
)
def test_no_word_of_a_task_is_lost(
    properties: list[tuple[str, str, str]],
) -> None:
    lines = ["UID:1", *map("{0[0]}{0[1]}:{0[2]}".format, properties)]
    [candidate] = read_all("ics", _todo(*lines))
    assert candidate.task is not None, candidate.fault
    task = candidate.task
    parts = [task.title, task.description, task.project, *task.tags]
    found = Counter(" ".join(part for part in parts if part))
    wanted = Counter("".join(value for _, _, value in properties))
    for letter in "milkegsbrad":
        assert found[letter] >= wanted[letter]
