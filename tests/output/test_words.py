"""Amounts and counts in words."""

from todo_cli.output.words import amount, amounts, count, spans


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
