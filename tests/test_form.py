"""A task as a text: every value goes through it and comes back, and mistakes name a line."""

from collections.abc import Mapping
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.texts import ARABIC, FAMILY, HEBREW, PERSIAN
from todo_cli import form, rules
from todo_cli.errors import InvalidInput

TODAY = date(2026, 11, 26)  # a Thursday
EMPTY = b"\ndue:\nwait:\npriority:\nproject:\ntags:\n"
HELP = form.write({}).split(b"\n")[6] + b"\n"
TEXTS: Mapping[str, Any] = {
    "title": "Buy milk",
    "due_on": date(2026, 11, 27),
    "wait_until": date(2026, 11, 26),
    "priority": "high",
    "project": "home.kitchen",
    "tags": ["errand", "food"],
    "description": "2 l\nfresh",
}


def read(data: bytes) -> dict[str, Any]:
    """All values of a form."""
    return form.parse(data).values(form.FIELDS, TODAY)


def values(**changes: Any) -> dict[str, Any]:
    """The values of a task that has nothing but a title, and these."""
    nothing = dict.fromkeys(form.FIELDS)
    return nothing | {"title": "x", "tags": []} | changes


def fault(data: bytes) -> str:
    """What is said of a form with a mistake."""
    with pytest.raises(InvalidInput) as caught:
        read(data)
    return caught.value.message


# Few, because a table of all characters takes long; tests/test_rules.py has them.
CHARACTERS = st.sampled_from(
    f"ab:#-.,= \t\u00a0\u00e9\u0301\u3000\ufeff{FAMILY}{PERSIAN}{HEBREW}{ARABIC}"
)


def _is_kept(clean: Any, text: str) -> bool:
    """Whether a rule takes a text as it is."""
    try:
        return bool(clean(text) == text)
    except InvalidInput:
        return False


def lines(clean: Any, most: int) -> st.SearchStrategy[str]:
    """Texts of one line that a rule takes, those that look like a form among them."""
    odd = st.sampled_from(
        [
            "due: x",
            "DUE:",
            "#a",
            "tags",
            "\ufeffx",
            "due",
            "a:b",
            "\u200f\u05d0",
        ]
    )
    text = st.one_of(odd, st.text(CHARACTERS, max_size=most))
    return text.filter(lambda each: _is_kept(clean, each))


NOTES = st.one_of(
    st.none(),
    st.lists(
        st.one_of(
            st.sampled_from(
                ["", " ", "\t", "due: fri", "# x", "title", "none"]
            ),
            st.text(CHARACTERS, max_size=20),
        ),
        min_size=1,
        max_size=6,
    )
    .map("\n".join)
    .filter(bool),
)
DAYS = st.one_of(st.none(), st.dates(date(1900, 1, 1), date(9998, 12, 31)))


TASKS = st.fixed_dictionaries(
    {
        "title": lines(rules.clean_title, 40),
        "due_on": DAYS,
        "wait_until": DAYS,
        "priority": st.sampled_from([None, *rules.PRIORITIES]),
        "project": st.one_of(st.none(), lines(rules.clean_project, 40)),
        "tags": st.lists(lines(rules.clean_tag, 20), max_size=5).map(
            rules.clean_tags
        ),
        "description": NOTES,
    }
)


@pytest.mark.spec("002/FR-305")
@given(TASKS)
def test_every_value_that_the_rules_allow_comes_back_unchanged(
    task: dict[str, Any],
) -> None:
    data = form.write(task)

    assert read(data) == task
    assert read(data.replace(b"\n", b"\r\n")) == task


@pytest.mark.spec("002/FR-305")
@pytest.mark.parametrize(
    "changes",
    [
        {"title": "due: x"},
        {"title": "due:"},
        {"title": "# not help"},
        {"title": "\ufeffmarked"},
        {"title": "x" * 200},
        {"title": "\U0001f469\u200d\U0001f680 \u05e9\u05dc\u05d5\u05dd\u200f"},
        {"description": "due: fri\ntags: x"},
        {"description": "\n\n  leading"},
        {"description": "trailing\n\n"},
        {"description": "\n"},
        {"description": "   "},
        {"description": "\ttab\t"},
        {"description": "# Heading\n\n---\n\n# Days: no help"},
        {"description": "x" * 10_000},
        {"tags": [f"{number:050}" for number in range(50)]},
        {"tags": ["#a", "due:", "\u200d\u00e9"]},
        {"project": "a: b.c d"},
        {"due_on": date(1900, 1, 1), "wait_until": date(9998, 12, 31)},
    ],
    ids=str,
)
def test_odd_values_come_back_unchanged(changes: dict[str, Any]) -> None:
    assert read(form.write(values(**changes))) == values(**changes)


@pytest.mark.spec("002/FR-305")
def test_a_form_has_the_title_then_fields_then_an_empty_line_then_notes() -> (
    None
):
    text = form.write(TEXTS).decode()

    begin, _, notes = text.partition("\n\n")
    assert begin.split("\n")[:6] == [
        "Buy milk",
        "due: 2026-11-27",
        "wait: 2026-11-26",
        "priority: high",
        "project: home.kitchen",
        "tags: errand food",
    ]
    assert all(line[0] == "#" for line in begin.split("\n")[6:])
    assert notes == "2 l\nfresh\n"
    assert max(map(len, text.split("\n"))) < 80
    assert form.write({}).startswith(EMPTY)


@pytest.mark.spec("002/FR-305")
@pytest.mark.parametrize(
    ("data", "changes"),
    [
        (b"x", {}),
        (b"x\n", {}),
        (b"x\n\nnotes", {"description": "notes"}),
        (b"x\n \t\nnotes\n", {"description": "notes"}),
        (b"\xef\xbb\xbfx\r\ndue: fri\r\n\r\na\r\nb\r\n",
         {"due_on": date(2026, 11, 27), "description": "a\nb"}),
        ("x\n\n\u00e9\n".encode("utf-16"), {"description": "\u00e9"}),
        ("\ufeffx\n\n\u00e9\n".encode("utf-16-be"), {"description": "\u00e9"}),
        (b"x\n Due :  FRI \nwait:+3d\n",
         {"due_on": date(2026, 11, 27), "wait_until": date(2026, 11, 29)}),
        (b"x\npriority: H\ntags:b,a, b\n", {"priority": "high", "tags": ["a", "b"]}),
        (b"x\ndue: None\nwait: none\npriority:none\nproject: NONE\ntags: none", {}),
        (b"x\nproject:  home \n# due: fri\n", {"project": "home"}),
        (b"due: x\ndue:\n", {"title": "due: x"}),
        (b"cost: 3\n", {"title": "cost: 3"}),
        (b"# 3\n", {"title": "# 3"}),
        (HELP + b"due:\n" + HELP, {"title": HELP.decode().strip()}),
    ],
    ids=str,
)  # fmt: skip
def test_what_editors_and_people_make_of_a_form_is_understood(
    data: bytes, changes: dict[str, Any]
) -> None:
    assert read(data) == values(**changes)


@pytest.mark.spec("002/FR-306")
@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"\ndue: fri\n", "line 1: title: must not be empty"),
        (b"due: fri\nwait:\n", "line 1: the title is missing"),
        (b"Tags : a\n\ntags:\n", "line 1: the title is missing"),
        (b"x\nrest of the title\n", "line 2: `rest of the title` is not `key"),
        (b"x\ndue:\nstatus: done\n",
         "line 3: `status` is not a field; there are due, wait, priority, project, tags; notes begin after an empty line"),
        (HELP + b"due: fri\n", "line 1: title: must not be empty"),
        (b"x\n: y\n", "line 2: `` is not a field"),
        (b"x\ndue: fri\nDUE : sat\n", "line 3: `due` comes twice"),
        (b"x\n# help\ndue: frx\n", "line 3: due: `frx` is not a day; write a day such as"),
        (b"x\nwait: 2026-02-30\n", "line 2: wait: 2026-02-30 is not in the calendar"),
        (b"x\npriority: urgent\n", "line 2: priority: must be high"),
        (b"x\nproject: a..b\n", "line 2: project: must not have an empty part"),
        (b"x\ntags: a none\n", "line 2: tags: must not be called `none`"),
        (b"x" * 201, "line 1: title: has 201 characters"),
        (b"B\0u\0\n", "line 1: title: must not contain the character U+0000"),
        (b"\x1b[31mx\n", "line 1: title: must not contain the character U+001B"),
        (b"caf\xe9\n", "line 1: title: is not UTF-8: byte 0xE9 at position 4"),
        (b"x\n\ngood\nb\0d\n", "line 4: description: must not contain the character U+0000 (position 2)"),
        (b"x\n\n\xe9\n", "line 3: description: is not UTF-8"),
        (b"x\n\na\rb\n", "line 3: description: must not contain a carriage return"),
        (b"x\n\n" + b"y\n" * 6_000, "line 3: description: has 11,999 characters"),
        (b"\xff\xfex", "damaged UTF-16"),
        (b"x" * (form.MOST_BYTES + 1), "more than 1,048,576 bytes"),
        (b"x\npostgresql://ada:secret@host/db\n", "line 2: `postgres"),
    ],
    ids=lambda value: str(value)[:30],
)  # fmt: skip
def test_a_mistake_names_its_line(data: bytes, words: str) -> None:
    message = fault(data)

    assert words in message
    assert "secret" not in message


@pytest.mark.spec("002/FR-307")
def test_a_line_that_is_gone_clears_the_field() -> None:
    data = form.write(TEXTS)
    before = form.parse(data)
    kept = [
        line
        for line in data.split(b"\n")
        if not line.startswith((b"due", b"tags", b"#"))
    ]

    after = form.parse(b"\n".join(kept))

    assert after.differing(before) == ["due_on", "tags"]
    assert after.values(["due_on", "tags"], TODAY) == {
        "due_on": None,
        "tags": [],
    }


@pytest.mark.spec("002/FR-307")
def test_what_differs_is_what_was_typed_and_no_more() -> None:
    before = form.parse(form.write(TEXTS))

    assert not form.parse(
        form.write(TEXTS).replace(b"due: ", b"due:").replace(b"milk", b"milk ")
    ).differing(before)
    assert form.parse(
        form.write(TEXTS).replace(b"fresh", b"fresh ")
    ).differing(before) == ["description"]


@pytest.mark.spec("002/FR-308")
def test_a_form_is_empty_when_no_value_is_left() -> None:
    for data in (b"", b"\n", b" \n\t\n\n", form.write({}), EMPTY + b"\n \n"):
        assert form.parse(data).is_empty
    for data in (b"x", b"\n\nnotes", b"\ndue: x\n"):
        assert not form.parse(data).is_empty


@pytest.mark.spec("002/FR-308")
def test_a_form_is_blank_when_only_help_and_bare_keys_are_left() -> None:
    for data in (b"", b" \n\n", form.write({}), HELP, b"due: \nwait:\n"):
        assert form.is_blank(data)
    for data in (b"x", b"due: x", b"# x\n", b"\n\nnotes", b"title:", b"\xe9"):
        assert not form.is_blank(data)
