"""todo.txt, by the rules of the README of todotxt/todo.txt: read, and written so that all
of it comes back.
"""

import json
import subprocess
from collections import Counter
from datetime import UTC, date, datetime
from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.exchange.support import ADA, NOW, STORES, in_zone
from tests.support.machine import needs
from todo_cli.errors import InvalidInput
from todo_cli.exchange import todotxt_file
from todo_cli.exchange.draft import Setting, candidates
from todo_cli.exchange.source import Source
from todo_cli.rules import TITLE_LENGTH
from todo_cli.task import Candidate, Task

LOS_ANGELES = in_zone(ZoneInfo("America/Los_Angeles"))
AUCKLAND = in_zone(ZoneInfo("Pacific/Auckland"))

SHOWN = (
    "title",
    "description",
    "completed",
    "created_at",
    "completed_at",
    "due_on",
    "wait_until",
    "priority",
    "project",
    "tags",
)


def read(text: str, setting: Setting = ADA) -> list[Candidate]:
    """Read a file."""
    source = Source(BytesIO(text.encode()), "todo.txt")
    return [*candidates(todotxt_file.read(source, setting, {}), setting)]


def read_one(line: str, setting: Setting = ADA) -> Task:
    """Read the one task of a line."""
    [candidate] = read(line, setting)
    assert candidate.task is not None, candidate.fault
    return candidate.task


def write(*tasks: Task, setting: Setting = ADA) -> tuple[str, dict[str, int]]:
    """Write tasks; return the file, and what it does not hold."""
    writer = todotxt_file.Writer(setting)
    data = writer.begin() + writer.write(tasks) + writer.end()
    return data.decode(), writer.kept


def day(text: str, setting: Setting = ADA) -> datetime:
    """Return the time at which a day begins."""
    start = datetime.fromisoformat(text).replace(tzinfo=setting.zone)
    return start.astimezone(UTC)


def a_task(**values: Any) -> Task:
    """A task with some values."""
    made: dict[str, Any] = {
        "id": UUID(int=7),
        "number": 7,
        "user_id": "ada",
        "title": "Buy milk",
        "description": None,
        "completed": "completed_at" in values,
        "created_at": day("2026-11-01"),
        "updated_at": NOW,
        "completed_at": None,
    }
    return Task(**(made | values))


LINES: list[tuple[str, dict[str, Any], dict[str, int]]] = [
    ("Buy milk", {"title": "Buy milk", "completed": False}, {}),
    (
        "(A) 2026-01-02 Thank Mom for the meatballs @phone",
        {
            "title": "Thank Mom for the meatballs",
            "priority": "high",
            "created_at": day("2026-01-02"),
            "tags": ["phone"],
        },
        {},
    ),
    ("(B) Post signs +Sale", {"priority": "medium", "project": "Sale"}, {}),
    ("(C) x", {"priority": "low", "title": "x", "completed": False}, {}),
    (
        "(D) Later",
        {"priority": None, "title": "Later", "description": "priority: D"},
        {"priority": 1},
    ),
    # What is no priority, by that README.
    ("(b) Get back", {"title": "(b) Get back", "priority": None}, {}),
    ("(B)->Submit TPS", {"title": "(B)->Submit TPS", "priority": None}, {}),
    ("Really (A) call Mom", {"title": "Really (A) call Mom"}, {}),
    ("(A)", {"title": "(A)", "priority": None}, {}),
    (
        "x 2026-03-03 2026-03-01 Review pull +TodoTxt @github",
        {
            "title": "Review pull",
            "completed": True,
            "completed_at": day("2026-03-03"),
            "created_at": day("2026-03-01"),
            "project": "TodoTxt",
        },
        {},
    ),
    (
        "x 2026-03-03 Done",
        {"completed_at": day("2026-03-03"), "created_at": NOW},
        {},
    ),
    ("x Done", {"title": "Done", "completed": True, "completed_at": NOW}, {}),
    (
        "x (A) 2026-03-03 2026-03-01 Measure @tape pri:B",
        {
            "title": "Measure",
            "priority": "high",
            "description": "priority: B",
            "created_at": day("2026-03-01"),
        },
        {"priority": 1},
    ),
    # As sleek and Simpletask write it (sleek#271, simpletask-android#1176).
    (
        "x 2026-03-03 (A) 2026-03-01 Measure",
        {
            "title": "Measure",
            "priority": "high",
            "completed_at": day("2026-03-03"),
            "created_at": day("2026-03-01"),
        },
        {},
    ),
    (
        "x 2026-03-03 (E) Measure",
        {
            "title": "Measure",
            "created_at": NOW,
            "description": "priority: E",
        },
        {"priority": 1},
    ),
    (
        "x (A) 2026-03-03 (B) Measure",
        {"title": "(B) Measure", "priority": "high", "created_at": NOW},
        {},
    ),
    ("x (A) (B) Measure", {"title": "(B) Measure", "priority": "high"}, {}),
    (
        "x 2026-03-03 2026-03-01 (A) Measure",
        {"title": "(A) Measure", "priority": None},
        {},
    ),
    ("x Done pri:C", {"title": "Done", "priority": "low"}, {}),
    ("x Done pri:Z", {"description": "priority: Z"}, {"priority": 1}),
    ("Open pri:A", {"title": "Open pri:A", "priority": None}, {}),
    # What is not done.
    ("xylophone lesson", {"title": "xylophone lesson"}, {}),
    ("X 2026-03-03 Call", {"title": "X 2026-03-03 Call"}, {}),
    ("(A) x Find", {"title": "x Find", "completed": False}, {}),
    ("x", {"title": "x", "completed": False}, {}),
    ("x 2026-03-03", {"title": "2026-03-03", "completed": True}, {}),
    # Signs that stand alone, or inside of a word.
    ("1 + 2 @ home", {"title": "1 + 2 @ home", "tags": []}, {}),
    ("Mail ada@example.com", {"title": "Mail ada@example.com"}, {}),
    ("Learn 2+2", {"title": "Learn 2+2", "project": None}, {}),
    (
        "+a Do +b @c @d @c it",
        {
            "title": "Do it",
            "project": "a",
            "tags": ["c", "d"],
            "description": "project: b",
        },
        {"project": 1},
    ),
    (
        "Do +a..b +c @d,e @none",
        {
            "title": "Do",
            "project": "c",
            "tags": [],
            "description": "project: a..b\ntag: d,e\ntag: none",
        },
        {"project": 1, "tag": 2},
    ),
    ("+Sale @phone", {"title": "+Sale @phone", "project": "Sale"}, {}),
    (
        "Pay due:2026-12-24 t:2026-12-01",
        {
            "title": "Pay",
            "due_on": date(2026, 12, 24),
            "wait_until": date(2026, 12, 1),
        },
        {},
    ),
    # No day, or a second one: it stays where it was.
    ("Pay due:soon", {"title": "Pay due:soon", "due_on": None}, {}),
    ("Pay due:2026-02-30", {"title": "Pay due:2026-02-30"}, {}),
    ("Pay due:0000-01-01", {"title": "Pay due:0000-01-01"}, {}),
    ("Pay due:10000-01-01", {"title": "Pay due:10000-01-01"}, {}),
    ("Pay due:1850-01-01", {"title": "Pay due:1850-01-01"}, {}),
    (
        "Pay due:2026-12-24 due:2026-12-25",
        {"title": "Pay due:2026-12-25", "due_on": date(2026, 12, 24)},
        {},
    ),
    ("2026-02-30 Skate", {"title": "2026-02-30 Skate", "created_at": NOW}, {}),
    (
        "2026-02-01 2026-02-02 Skate",
        {"title": "2026-02-02 Skate", "created_at": day("2026-02-01")},
        {},
    ),
    (
        "Water rec:+1w",
        {"title": "Water", "description": "rec: +1w"},
        {"recurrence": 1},
    ),
    ("Water rec:", {"title": "Water rec:"}, {}),
    (
        "See https://example.com:80/a?b=+c id:3 p:1 h:1 12:30",
        {"title": "See https://example.com:80/a?b=+c id:3 p:1 h:1 12:30"},
        {},
    ),
    ("  Two  blanks\tand a tab ", {"title": "Two  blanks and a tab"}, {}),
    (
        r"Say \+word \@home \due:2026-12-24 \\+x \other",
        {
            "title": r"Say +word @home due:2026-12-24 \+x \other",
            "project": None,
            "tags": [],
            "due_on": None,
        },
        {},
    ),
]


@pytest.mark.spec("002/FR-246")
@pytest.mark.parametrize(("line", "values", "kept"), LINES)
def test_a_line_becomes_a_task(
    line: str, values: dict[str, Any], kept: dict[str, int]
) -> None:
    [candidate] = read(line)

    assert candidate.task is not None, candidate.fault
    found = {name: getattr(candidate.task, name) for name in values}
    assert found == values
    assert candidate.kept == kept


@pytest.mark.parametrize("line", [line for line, _, _ in LINES])
def test_a_task_of_any_line_comes_back_from_the_line_that_is_written(
    line: str,
) -> None:
    task = read_one(line)

    text, kept = write(task)

    task.description = None
    for name in ("created_at", "completed_at"):
        instant = getattr(task, name)
        if instant is not None:
            setattr(task, name, day(f"{instant:%Y-%m-%d}"))
    assert _values(read_one(text)) == _values(task)
    assert set(kept) <= {"description"}


def test_blank_lines_are_no_tasks_but_count_as_lines() -> None:
    found = read("one\r\n\r\n \t\rtwo\n\n")

    assert [(each.place, each.task and each.task.title) for each in found] == [
        ("line 1", "one"),
        ("line 4", "two"),
    ]


@pytest.mark.parametrize("bad", ["a\0b", "a\x1bb", "a\u202eb", "\u200b"])
def test_a_refused_character_is_named_by_its_line_and_the_others_are_read(
    bad: str,
) -> None:
    first, second, third = read(f"one\n{bad}\nthree\n")

    assert first.task is not None
    assert second.place == "line 2"
    assert isinstance(second.fault, InvalidInput)
    assert third.task is not None


def test_a_title_that_is_too_long_is_kept_as_a_whole() -> None:
    words = " ".join(["word"] * 60)

    [candidate] = read(f"(A) {words} +home")

    assert candidate.task is not None
    assert len(candidate.task.title) <= 200
    assert candidate.task.description == words
    assert candidate.task.project == "home"
    assert candidate.kept == {"long title": 1}


def test_the_same_line_twice_is_two_tasks_and_the_same_two_in_a_repeat() -> (
    None
):
    text = "Buy milk\nBuy milk\n"

    first, repeat = ([each.task for each in read(text)] for _ in range(2))

    assert first == repeat
    assert len({each.id for each in first if each}) == 2


@pytest.mark.parametrize("setting", [LOS_ANGELES, AUCKLAND])
@pytest.mark.parametrize(
    "text", ["2026-03-08", "2026-11-01", "2026-04-05", "2026-09-27"]
)
def test_a_day_begins_at_midnight_here_and_comes_back_also_when_clocks_change(
    setting: Setting, text: str
) -> None:
    line = f"x {text} {text} Wake up due:{text} t:{text}"
    task = read_one(line, setting)

    assert task.created_at == task.completed_at == day(text, setting)
    assert write(task, setting=setting) == (f"{line}\n", {})


@pytest.mark.parametrize(
    ("setting", "text"),
    [(AUCKLAND, "1900-01-01"), (ADA, "1899-12-31"), (ADA, "9999-01-01")],
)
def test_a_day_that_no_task_can_have_is_kept_as_text(
    setting: Setting, text: str
) -> None:
    [candidate] = read(f"x {text} 2026-01-02 Sleep", setting)

    assert candidate.task is not None
    assert candidate.task.title == "Sleep"
    assert candidate.task.description == f"completed: {text}"
    assert candidate.kept == {"day": 1}


WRITTEN = [
    (a_task(), "2026-11-01 Buy milk", {}),
    (
        a_task(
            priority="medium",
            project="home.kitchen",
            tags=["errand", "food"],
            due_on=date(2026, 12, 24),
            wait_until=date(2026, 12, 1),
        ),
        "(B) 2026-11-01 Buy milk +home.kitchen @errand @food due:2026-12-24 t:2026-12-01",
        {},
    ),
    (
        a_task(priority="high", completed_at=NOW),
        "x 2026-11-26 2026-11-01 Buy milk pri:A",
        {},
    ),
    (
        a_task(description="in the\nfridge", project="a b", deleted_at=NOW),
        "2026-11-01 Buy milk",
        {"description": 1, "project": 1, "deletion": 1},
    ),
    (a_task(title="x +a @b"), r"2026-11-01 x \+a \@b", {}),
    (
        a_task(title=r"(A) due:2026-01-02 pri:A rec:1w \+a"),
        r"2026-11-01 (A) \due:2026-01-02 \pri:A \rec:1w \\+a",
        {},
    ),
]


@pytest.mark.spec("002/FR-247")
@pytest.mark.parametrize(("task", "line", "kept"), WRITTEN)
def test_a_task_is_a_line_and_what_it_cannot_hold_is_counted(
    task: Task, line: str, kept: dict[str, int]
) -> None:
    assert write(task) == (f"{line}\n", kept)


RECORDED = Path(__file__).parent / "recorded"
FOR_OTHERS = (
    a_task(),
    a_task(
        title="Plan the café ☕",
        priority="high",
        project="home.kitchen",
        tags=["errand", "food"],
        due_on=date(2090, 12, 24),
        wait_until=date(2026, 12, 1),
    ),
    a_task(title="Swept the yard", priority="medium", completed_at=NOW),
    a_task(
        title="x (A) Ask about +word @home due:2090-01-01 and https://a.example/b?c=d",
        priority="low",
    ),
)


def test_another_program_reads_what_is_written() -> None:
    """What topydo 0.16 said of a file was recorded: `topydo -t todo.txt ls -x -f json`."""
    assert write(*FOR_OTHERS)[0] == (RECORDED / "todo.txt").read_text()
    found = json.loads((RECORDED / "topydo-0.16.json").read_bytes())
    by_source = {each["source"]: each for each in found}
    for task in FOR_OTHERS:
        line = write(task)[0].rstrip()
        other = by_source[line]
        tags = dict(other["tags"])
        assert other["completed"] == task.completed
        assert other["creation_date"] == "2026-11-01"
        assert (other["completion_date"] is not None) == task.completed
        assert other["projects"] == [task.project][: task.project is not None]
        assert sorted(other["contexts"]) == task.tags
        assert tags.get("due") == _text(task.due_on)
        assert tags.get("t") == _text(task.wait_until)
        letter = other["priority"] or tags.get("pri")
        assert letter == {"high": "A", "medium": "B", "low": "C"}.get(
            task.priority or ""
        )


@needs("topydo")
def test_topydo_says_what_was_recorded(tmp_path: Path) -> None:
    path = tmp_path / "todo.txt"
    path.write_text(write(*FOR_OTHERS)[0])

    options = ["-t", str(path), "-d", str(tmp_path / "done.txt")]
    said = subprocess.run(
        ["topydo", *options, "ls", "-x", "-f", "json"],
        capture_output=True,
        check=True,
    ).stdout

    before = (RECORDED / "topydo-0.16.json").read_bytes()
    assert _sorted(said) == _sorted(before)


def _sorted(said: bytes) -> Any:
    """What topydo said; it has contexts in any order."""
    found = json.loads(said)
    for each in found:
        each["contexts"].sort()
    return found


PIECES = st.sampled_from(
    [
        "x",
        "(A)",
        "2026-01-02",
        "+",
        "@",
        "+a",
        "@b",
        "due:2026-01-02",
        "due:x",
        "t:2026-01-02",
        "pri:A",
        "rec:1d",
        "\\",
        "\\+a",
        "",
        "é",
        "a:b",
        "\u3000",
    ]
)


@pytest.mark.spec("002/FR-247")
@given(pieces=st.lists(PIECES, min_size=1), is_done=st.booleans())
@example(pieces=["x", "(A)"], is_done=True)
def test_every_title_comes_back_as_it_was(
    pieces: list[str], is_done: bool
) -> None:
    title = " ".join(pieces)[:TITLE_LENGTH].strip()
    if not title:
        return
    task = a_task(title=title)
    if is_done:
        task.completed, task.completed_at = True, day("2026-11-20")

    text, kept = write(task)

    assert _values(read_one(text)) == _values(task)
    assert kept == {}


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(STORES)
def test_no_word_of_a_task_is_lost_without_being_counted(
    found: list[Task],
) -> None:
    writer = todotxt_file.Writer(ADA)
    data = writer.write(found)

    again = [each.task for each in read(data.decode())]

    assert len(again) == len(found)
    counted = {"description": 0, "project": 0, "deletion": 0}
    for before, after in zip(found, again, strict=True):
        assert after is not None
        if before.description is not None:
            counted["description"] += 1
        if before.deleted_at is not None:
            counted["deletion"] += 1
        if before.project != after.project:
            assert after.project is None
            counted["project"] += 1
            before.project = None
        before.description = None
        assert _words(after) == _words(before)
    assert writer.kept == {name: n for name, n in counted.items() if n}


@given(
    words=st.lists(
        PIECES | st.text(st.characters(categories=["L", "N", "P", "S"])),
        min_size=1,
    )
)
def test_no_word_of_a_line_is_lost(words: list[str]) -> None:
    [candidate] = read(f"a {' '.join(words)}")

    task = candidate.task
    assert task is not None, candidate.fault
    texts = [task.title, task.description or "", task.project or ""]
    texts += [
        *task.tags,
        _text(task.due_on) or "",
        _text(task.wait_until) or "",
    ]
    whole = "\n".join(texts)
    for word in words:
        name, colon, value = word.partition(":")
        if colon and name in ("due", "t", "rec"):
            word = value
        assert word.lstrip("\\@+").strip() in whole


@pytest.mark.parametrize(
    "head",
    [
        "x 2026-01-02 Done\n",
        "Buy milk\n(A) Call\n",
        "2026-01-02 Buy milk\n",
        "Buy milk +home\n",
        "@home Buy milk\n",
        "Buy milk due:2026-01-02\n",
    ],
)
def test_a_file_is_recognised_by_what_it_has(
    head: str,
) -> None:
    assert todotxt_file.looks_like(head)


@pytest.mark.parametrize("head", ["", "Buy milk\n", "1 + 2\n", "a@b.c\n"])
def test_a_file_without_any_of_it_is_not(head: str) -> None:
    assert not todotxt_file.looks_like(head)


def _words(task: Task) -> Counter[str]:
    """All words of a task, as often as it has them."""
    texts = [task.title, task.description or "", task.project or ""]
    return Counter(" ".join(texts).split()) + Counter(task.tags)


def _text(day: date | None) -> str | None:
    return None if day is None else day.isoformat()


def _values(task: Task) -> dict[str, Any]:
    return {name: getattr(task, name) for name in SHOWN}
