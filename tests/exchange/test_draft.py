"""A record becomes a task by the rules of its fields, or says which one it breaks."""

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest

from tests.exchange.support import ADA, NOW
from todo_cli.errors import InvalidInput
from todo_cli.exchange.draft import Draft, candidates, midnight
from todo_cli.task import Task

ID = UUID("6f9619ff-8b86-4d01-b42d-00cf4fc964ff")
LATER = datetime(2026, 12, 1, tzinfo=UTC)


def draft(**values: Any) -> Draft:
    return Draft("line 7", {"title": "x", **values})


def task(draft: Draft) -> Task:
    [candidate] = candidates([draft], ADA)
    assert candidate.place == "line 7"
    assert candidate.task is not None, candidate
    return candidate.task


def fault(draft: Draft) -> str:
    [candidate] = candidates([draft], ADA)
    assert candidate.place == "line 7"
    assert candidate.task is None
    assert candidate.fault is not None
    return candidate.fault.message


def test_record_with_a_title_alone_is_a_new_task_of_the_caller() -> None:
    assert task(draft(id=ID)) == Task(
        ID, 0, "ada", "x", None, False, NOW, NOW, None
    )


def test_every_field_is_kept() -> None:
    values: dict[str, Any] = {
        "id": ID,
        "number": 3,
        "title": "x",
        "description": "a\nb",
        "completed": True,
        "created_at": NOW,
        "updated_at": LATER,
        "completed_at": LATER,
        "due_on": date(2026, 12, 24),
        "wait_until": date(2026, 12, 1),
        "priority": "high",
        "project": "a.b",
        "tags": ["a", "b"],
        "version": 4,
        "deleted_at": LATER,
    }

    found = task(Draft("line 7", {**values, "user_id": "bob"}))

    assert found == Task(**values, user_id="ada")
    assert len(values) == len(Task.__slots__) - 1


def test_text_of_times_days_and_ids_is_read() -> None:
    found = task(
        draft(
            id=str(ID).upper(),
            created_at="2026-01-02T03:04:05+02:00",
            due_on="2026-12-24",
        )
    )

    assert found.id == ID
    assert found.created_at == datetime(2026, 1, 2, 1, 4, 5, tzinfo=UTC)
    assert found.created_at.tzinfo is UTC
    assert found.due_on == date(2026, 12, 24)


def test_times_of_any_zone_become_those_of_utc() -> None:
    berlin = datetime(2026, 7, 1, 12, tzinfo=ZoneInfo("Europe/Berlin"))

    found = task(draft(id=ID, created_at=berlin))

    assert found.created_at.isoformat() == "2026-07-01T10:00:00+00:00"


@pytest.mark.parametrize("tags", [[], (), {"b", "a"}, ("b", "a", "b")])
def test_tags_are_any_collection(tags: Any) -> None:
    found = task(draft(id=ID, tags=tags))

    assert found.tags == sorted({*tags})


def test_tags_of_two_tasks_are_two_lists() -> None:
    one, other = (task(draft(id=ID, tags=["a"])) for _ in range(2))
    one.tags.append("b")

    assert other.tags == ["a"]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"title": None}, "title: is missing"),
        ({"title": ""}, "title: must not be empty"),
        ({"title": 5}, "title: must be text"),
        (
            {"title": "a\x1b"},
            "title: must not contain the character U+001B (position 2)",
        ),
        ({"title": "x" * 201}, "title: has 201 characters, 200 are allowed"),
        ({"description": 5}, "description: must be text"),
        (
            {"description": "\x00"},
            "description: must not contain the character U+0000 (position 1)",
        ),
        ({"id": 5}, "id: must be text"),
        ({"id": "5"}, "id: must be a UUID of 36 characters"),
        ({"number": 0}, "number: must be an integer from 1 to 2147483647"),
        ({"number": True}, "number: must be an integer from 1 to 2147483647"),
        ({"number": 1.0}, "number: must be an integer from 1 to 2147483647"),
        ({"number": 2**31}, "number: must be an integer from 1 to 2147483647"),
        ({"version": "1"}, "version: must be an integer from 1 to 2146483647"),
        (
            {"version": 2**31 - 1},
            "version: must be an integer from 1 to 2146483647",
        ),
        ({"completed": "true"}, "completed: must be true or false"),
        ({"completed": 1}, "completed: must be true or false"),
        (
            {"completed": False, "completed_at": NOW},
            "completed_at: is given, but it is not done",
        ),
        (
            {"created_at": 5},
            "created_at: must be a time such as 2026-01-02T03:04:05.000000Z",
        ),
        (
            {"updated_at": "2026-01-02"},
            "updated_at: must be a time such as 2026-01-02T03:04:05.000000Z",
        ),
        (
            {"created_at": NOW.replace(tzinfo=None)},
            "created_at: is not a time of any day",
        ),
        (
            {
                "created_at": datetime(
                    1, 1, 1, tzinfo=timezone(timedelta(hours=1))
                )
            },
            "created_at: is not a time of any day",
        ),
        (
            {"created_at": datetime(1, 1, 1, tzinfo=UTC)},
            "created_at: must be in the years 1900 to 9998",
        ),
        (
            {"deleted_at": "9999-01-01T00:00:00Z"},
            "deleted_at: must be in the years 1900 to 9998",
        ),
        ({"due_on": "2026-02-30"}, "due_on: is not a day of the calendar"),
        (
            {"wait_until": date(1, 1, 1)},
            "wait_until: must be in the years 1900 to 9998",
        ),
        ({"wait_until": 5}, "wait_until: must be a day such as 2026-12-24"),
        ({"priority": "urgent"}, "priority: must be high, medium or low"),
        ({"priority": 1}, "priority: must be text"),
        (
            {"project": "a..b"},
            "project: must not have an empty part, as in `home.kitchen`",
        ),
        ({"project": ["a"]}, "project: must be text"),
        ({"tags": "a"}, "tags: must be a list of texts"),
        ({"tags": [1]}, "tags: must be a list of texts"),
        ({"tags": {"a": 1}}, "tags: must be a list of texts"),
        (
            {"tags": ["a,b"]},
            "tags: a tag must not contain white space or a comma",
        ),
    ],
)
def test_value_that_breaks_a_rule_is_a_fault_that_names_its_field(
    values: dict[str, Any], message: str
) -> None:
    assert fault(draft(**values)) == message


def test_empty_values_are_none() -> None:
    found = task(
        draft(id=ID, description="", priority="", project=" ", tags=None)
    )

    assert (found.description, found.priority, found.project) == (None,) * 3
    assert found.tags == []


@pytest.mark.parametrize(
    ("values", "completed", "completed_at"),
    [
        ({}, False, None),
        ({"completed": False}, False, None),
        ({"completed": True}, True, NOW),
        ({"completed_at": LATER}, True, LATER),
        ({"completed": True, "completed_at": LATER}, True, LATER),
    ],
)
def test_done_and_the_time_of_it_are_both_there_or_neither(
    values: dict[str, Any], completed: bool, completed_at: datetime | None
) -> None:
    found = task(draft(id=ID, **values))

    assert (found.completed, found.completed_at) == (completed, completed_at)


def test_broken_record_is_a_fault_and_the_next_one_is_read() -> None:
    drafts = [Draft.broken("line 1", "is no row"), draft(id=ID)]

    first, second = candidates(drafts, ADA)

    assert first.place == "line 1"
    assert first.fault is not None
    assert first.fault.message == "is no row"
    assert [*first.fault.details] == [
        {"field": "line 1", "message": "is no row"}
    ]
    assert second.task is not None


# Ids


def ids(*keys: str, user: str = "ada") -> list[UUID]:
    drafts = [Draft("line 1", {"title": "x"}, key=key) for key in keys]
    setting = ADA._replace(user=user)
    return [each.task.id for each in candidates(drafts, setting) if each.task]


def test_ids_are_made_of_the_text_the_user_and_the_count() -> None:
    made = ids("a", "b", "a", "a")

    assert len({*made}) == 4
    assert ids("a", "b", "a", "a") == made
    assert ids("b", "a", "a", "a") == [made[1], made[0], made[2], made[3]]
    assert not {*made} & {*ids("a", "b", "a", "a", user="bob")}
    assert all(id.version == 5 for id in made)


def test_ids_stay_the_same_in_later_versions() -> None:
    assert [str(id) for id in ids("a", "a")] == [
        "52bc85e5-731e-50f4-82a4-c56d2c1218fa",
        "3c99b52a-1c32-5ffb-84d8-21475b87efa8",
    ]


def test_texts_with_lone_surrogates_have_ids_of_their_own() -> None:
    assert len({*ids("\ud800", "\ud801", "?", "")}) == 4


# What has no field here


def test_kept_lines_end_the_description_and_are_counted() -> None:
    one = draft(id=ID, description="own")
    one.keep("recurrence", "recur: weekly")
    one.keep("attribute", "a: 1")
    one.keep("attribute", "b: 2")

    [candidate] = candidates([one], ADA)

    assert candidate.task is not None
    assert candidate.task.description == "own\n\nrecur: weekly\na: 1\nb: 2"
    assert candidate.kept == {"recurrence": 1, "attribute": 2}


@pytest.mark.parametrize("own", [None, ""])
def test_kept_lines_are_the_description_of_a_task_without_one(
    own: str | None,
) -> None:
    one = draft(id=ID, description=own)
    one.keep("attribute", "a: 1")

    assert task(one).description == "a: 1"


def test_kept_lines_do_not_hide_a_description_that_is_no_text() -> None:
    one = draft(description=5)
    one.keep("attribute", "a: 1")

    assert fault(one) == "description: must be text"


def test_kept_lines_obey_the_rules_of_a_description() -> None:
    refused, long = draft(), draft()
    refused.keep("attribute", "a: \u202e")
    long.keep("attribute", "x" * 10_001)

    assert fault(refused).startswith("description: must not contain")
    assert (
        fault(long) == "description: has 10,001 characters, 10,000 are allowed"
    )


def test_offered_value_is_set_or_kept() -> None:
    one = draft(id=ID)
    one.offer("project", "a.b", "project", "list: a.b")
    one.offer("due_on", "0000-01-01", "day", "due: 0000-01-01")

    found = task(one)

    assert found.project == "a.b"
    assert found.due_on is None
    assert found.description == "due: 0000-01-01"
    assert one.kept == {"day": 1}


def test_offered_tags_are_added_or_kept() -> None:
    one = draft(id=ID, tags=None)
    for tag in ("b", "a", "to buy", "a", "none", "b"):
        one.offer_tag(tag, "label", f"label: {tag}")

    found = task(one)

    assert found.tags == ["a", "b"]
    assert found.description == "label: to buy\nlabel: none"


def test_offered_tags_beyond_the_most_are_kept() -> None:
    one = draft(id=ID)
    for number in range(52):
        one.offer_tag(f"t{number:02}", "label", f"label: t{number:02}")

    found = task(one)

    assert len(found.tags) == 50
    assert found.description == "label: t50\nlabel: t51"


@pytest.mark.parametrize(
    ("text", "title", "description"),
    [
        ("  x ", "x", None),
        ("a  b", "a  b", None),
        ("x" * 200, "x" * 200, None),
        ("x" * 201, "x" * 199 + "…", "x" * 201),
        ("ab " * 70, "ab " * 65 + "ab…", ("ab " * 70).strip()),
        ("a\nb", "a b", "a\nb"),
        ("a\r\nb\rc\n", "a b c", "a\nb\nc"),
        ("a\tb", "a b", "a\tb"),
    ],
)
def test_title_that_does_not_fit_is_kept_as_a_whole(
    text: str, title: str, description: str | None
) -> None:
    one = Draft("line 7", {"id": ID})
    one.keep("attribute", "last: 1")
    one.title(text)

    found = task(one)

    assert found.title == title
    assert found.description == (
        "last: 1" if description is None else f"{description}\nlast: 1"
    )
    assert one.kept.get("long title", 0) == (description is not None)


@pytest.mark.parametrize(
    "text",
    ["x\x1c", "\x1fx", "x\x85", "\u2028x", "a\n\x0bb", "\x1b", "x\u202e"],
)
def test_title_keeps_no_refused_character_from_being_seen(text: str) -> None:
    one = Draft("line 7", {"id": ID})
    one.title(text)

    assert "must not contain the character U+" in fault(one)


# Days


def test_midnight_is_that_of_the_zone() -> None:
    zone = ZoneInfo("Europe/Berlin")

    assert (
        midnight(date(2026, 7, 1), zone).isoformat()
        == "2026-06-30T22:00:00+00:00"
    )
    assert (
        midnight(date(2026, 7, 1), UTC).isoformat()
        == "2026-07-01T00:00:00+00:00"
    )


@pytest.mark.parametrize(
    "day", [date(1, 1, 1), date(9999, 12, 31), date(1899, 12, 31)]
)
def test_midnight_of_a_day_that_no_task_has_is_refused(day: date) -> None:
    with pytest.raises(InvalidInput, match="1900 to 9998"):
        midnight(day, UTC)


@pytest.mark.parametrize("day", [date(1900, 1, 1), date(9998, 12, 31)])
@pytest.mark.parametrize("hours", [-23, 23])
def test_midnight_at_the_ends_of_the_calendar_is_a_time_or_refused(
    day: date, hours: int
) -> None:
    zone = timezone(timedelta(hours=hours))

    assert midnight(day, zone).astimezone(zone).date() == day
