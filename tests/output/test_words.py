"""Amounts, counts and ages in words."""

from datetime import timedelta

from tests.output.values import NOW
from todo_cli.output.words import age, amount, amounts, count, spans

AGES = {
    timedelta(seconds=-60): "just now",
    timedelta(0): "just now",
    timedelta(seconds=59.9): "just now",
    timedelta(seconds=60): "1 minute ago",
    timedelta(seconds=119): "1 minute ago",
    timedelta(minutes=59): "59 minutes ago",
    timedelta(hours=1): "1 hour ago",
    timedelta(hours=23, minutes=59): "23 hours ago",
    timedelta(days=1): "1 day ago",
    timedelta(days=6): "6 days ago",
    timedelta(days=7): "1 week ago",
    timedelta(days=29): "4 weeks ago",
    timedelta(days=30): "1 month ago",
    timedelta(days=364): "12 months ago",
    timedelta(days=365): "1 year ago",
    timedelta(days=800): "2 years ago",
}


def test_age_says_the_largest_unit_that_fits() -> None:
    assert {ago: age(NOW - ago, NOW) for ago in AGES} == AGES


def test_amounts_have_each_noun_in_its_number() -> None:
    kept = {"recurrence": 3, "time of day": 2, "dependency": 2, "label": 1}

    assert amounts(kept) == (
        "3 recurrences, 2 times of day, 2 dependencies and 1 label"
    )
    assert amounts({"annotation": 1}) == "1 annotation"
    assert amounts({"label": 1, "day": 2}) == "1 label and 2 days"


def test_nouns_with_another_plural_have_it() -> None:
    nouns = {
        "category": "2 categories",
        "priority": "2 priorities",
        "property": "2 properties",
        "status": "2 statuses",
    }
    assert {noun: amount(2, noun) for noun in nouns} == nouns


def test_amount_has_the_noun_in_its_number() -> None:
    assert [amount(number, "task") for number in (0, 1, 2, 1_234)] == [
        "0 tasks",
        "1 task",
        "2 tasks",
        "1,234 tasks",
    ]


def test_count_says_no_more_than_was_counted() -> None:
    assert [count(number) for number in (0, 1_000, 1_001)] == [
        "0",
        "1,000",
        "more than 1,000",
    ]


def test_spans_are_numbers_as_people_type_them() -> None:
    assert spans([1, 2, 3, 5, 8, 9]) == ["1-3", "5", "8-9"]
    assert spans([7]) == ["7"]
    assert spans([]) == []
