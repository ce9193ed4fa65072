"""REF: numbers, ranges, lists and UUIDs; first the reader alone, then what commands make of it."""

import re
from uuid import UUID

import pytest

from tests.cli.expect import ID, add, assert_refused, tasks_of
from tests.support.program import Todo
from todo_cli.cli.references import (
    is_single,
    most,
    parse_reference,
    parse_references,
)
from todo_cli.errors import InvalidInput

NUMBERS = "0 -1 +1 01 1_0 1.0 1e3 0x1 99999999999999999999 ٣ １ ² milk # #0 ##1 1# #milk #-1"
RANGES = "5-3 1-1001 1-99999 0-3 1- -3 1-2-3 1-02 1-1000000000 1..2 1–2"
LISTS = "1,0 1,2-1 1,#0"
BAD = [
    *(NUMBERS.split() + RANGES.split() + LISTS.split()),
    *(
        "",
        " ",
        "1 -2",
        "1\x1b",
        "1\u202e",
        "1\n",
        "1\t2",
        "1\u00a02",
        "# 1",
        f"#{ID}",
    ),
    *(ID[:-1], ID + "0", ID.replace("f", "g"), ID.replace("-", "")),
    *("{" + ID + "}", "urn:uuid:" + ID, ID.replace("7e-5", "7-e5")),
]
"""Words that name no task, alone or in a list."""


def refusal(word: str) -> str:
    """What is said of a word among others; nothing where it is taken."""
    try:
        parse_references(["1", word])
    except InvalidInput as error:
        return error.message
    return ""


@pytest.mark.spec("002/FR-024")
def test_parse_refuses_what_is_no_reference_and_names_it() -> None:
    said = {word: refusal(word) for word in BAD}

    assert [
        word for word in BAD if word.split(",")[-1] not in said[word]
    ] == []
    assert [
        word
        for word in BAD
        if not re.search("is not a task|backwa|spans", said[word])
    ] == []


@pytest.mark.spec("002/FR-023", "002/FR-026")
def test_parse_keeps_the_order_and_drops_repeats() -> None:
    expected: dict[tuple[str, ...], list[int | UUID | range]] = {
        ("3", "1"): [3, 1],
        ("999999999",): [999_999_999],
        ("2147483648", "9999999999999999999"): [2**31, 10**19 - 1],
        ("2147483647-2147483648",): [range(2**31 - 1, 2**31 + 1)],
        ("2-4",): [range(2, 5)],
        ("2-2",): [range(2, 3)],
        ("1-1000",): [range(1, 1001)],
        ("3,5-7,1",): [3, range(5, 8), 1],
        ("4-5,3", "1"): [range(4, 6), 3, 1],
        ("1", "2,1", "1"): [1, 2],
        (ID.upper(), "1", ID): [UUID(ID), 1],
    }

    read = {words: parse_references(words) for words in expected}

    assert read == expected


@pytest.mark.spec("002/FR-023", "002/FR-041")
def test_parse_forgives_hashes_and_commas_and_spaces_too_many() -> None:
    """Numbers as people write them in lists: todotxt/todo.txt-cli#401."""
    expected: dict[tuple[str, ...], list[int | UUID | range]] = {
        ("1,", "2"): [1, 2],
        ("1", ",2"): [1, 2],
        ("1", ",", "2"): [1, 2],
        ("1,,2",): [1, 2],
        ("1 , 2",): [1, 2],
        (" 1  2 ",): [1, 2],
        (",1,",): [1],
        ("#3",): [3],
        ("#3,#5-#7", "9"): [3, range(5, 8), 9],
        ("#3-5", "3-#5"): [range(3, 6)],
        (f"{ID.upper()},", "3"): [UUID(ID), 3],
        (f"3,{ID}",): [3, UUID(ID)],
    }

    assert {words: parse_references(words) for words in expected} == expected
    for words in ([",", ""], [","], [",,", ", ,"], [""]):
        with pytest.raises(InvalidInput, match="is not a task number"):
            parse_references(words)
    for word in ("#3", "3,", " #3 ", ",3"):
        assert parse_reference(word) == 3
        assert is_single([word])
    for word in ("#3-#5", "3-#3", "#3,#3", "3 3"):
        assert not is_single([word])
        with pytest.raises(InvalidInput, match="more than one task"):
            parse_reference(word)


@pytest.mark.spec("002/FR-023", "002/FR-041")
def test_commands_take_numbers_as_people_write_them(todo: Todo) -> None:
    add(todo, "one", "two", "three")

    assert todo("show", "#1", "--json").data["title"] == "one"
    assert todo("update", "#2", "-d", "x", "--json").data["number"] == 2
    assert todo("done", "#3", "--json").data["number"] == 3
    assert todo("done", "1,", "2").out == "Done 1: one\nDone 2: two\n"
    gone = todo("delete", "#1-#2", "3,", "--yes", "--json").data
    assert [task["number"] for task in gone] == [1, 2, 3]


@pytest.mark.spec("002/FR-023")
def test_parse_takes_no_more_than_one_call_can_carry() -> None:
    spans = [f"{number}-{number}" for number in range(1, 102)]
    numbers = [str(number) for number in range(1, 10_002)]

    assert len(parse_references(spans[:100] + numbers[:10_000])) == 10_100
    for too_many in (spans, numbers):
        with pytest.raises(
            InvalidInput, match="At most 10,000 tasks and 100 ranges"
        ):
            parse_references(too_many)


@pytest.mark.spec("002/FR-027")
def test_parse_of_one_takes_one_number_or_id() -> None:
    assert parse_reference("7") == 7
    assert parse_reference(ID.upper()) == UUID(ID)
    for word in ("1-2", "1-1", "1,2", "1,1"):
        with pytest.raises(
            InvalidInput, match=f"^`{word}` names more than one task$"
        ):
            parse_reference(word)


@pytest.mark.spec("002/FR-041")
def test_one_number_or_id_alone_is_single() -> None:
    expected = {
        ("1",): True,
        (ID,): True,
        ("1", "1"): False,
        ("1-1",): False,
        ("1,1",): False,
    }

    assert {words: is_single(words) for words in expected} == expected


@pytest.mark.spec("002/FR-021")
def test_most_counts_the_numbers_of_ranges() -> None:
    assert most([7, UUID(ID), range(1, 1001)]) == 1002


@pytest.mark.spec("002/FR-024")
@pytest.mark.parametrize(
    "command",
    [
        ["done"],
        ["delete"],
        ["restore"],
        ["purge", "--yes"],
        ["history"],
        ["show"],
        ["update", "--title", "x"],
    ],
    ids=" ".join,
)
def test_refuse_what_is_no_ref_on_every_command(
    todo: Todo, command: list[str]
) -> None:
    add(todo, "one")
    before = tasks_of(todo)

    for ref in ("0", "01", "5-3", ID[:-1], "a\udcffb"):
        assert_refused(todo, *command, "--", ref, code="INVALID_INPUT")
    assert_refused(todo, *command, "-1", code="USAGE", names=["-1"])

    assert tasks_of(todo) == before


@pytest.mark.spec("002/FR-023", "002/FR-025", "002/FR-026")
def test_name_tasks_in_the_order_asked_and_each_once(todo: Todo) -> None:
    add(todo, "one", "two", "three", "four", "five")
    todo("add", "six", "--id", ID)
    todo("delete", "2")
    expected = {
        ("3", "1"): [3, 1],
        ("1-1000",): [1, 3, 4, 5, 6],
        ("5-999",): [5, 6],
        ("4-5,3", "1"): [4, 5, 3, 1],
        ("3", "1-3"): [3, 1],
        ("1-3,1-4",): [1, 3, 4],
        (ID, "1", "6", ID.upper()): [6, 1],
    }

    named = {
        refs: [task["number"] for task in todo("done", "--json", *refs).data]
        for refs in expected
    }

    assert named == expected


@pytest.mark.spec("002/FR-025")
@pytest.mark.parametrize(
    "command",
    [
        ["done"],
        ["done", "--undo"],
        ["delete"],
        ["purge", "--yes"],
        ["restore"],
    ],
    ids=" ".join,
)
def test_name_what_does_not_exist_is_not_found(
    todo: Todo, command: list[str]
) -> None:
    add(todo, "one", "two", "three", "four", "five")
    todo("purge", "2", "--yes")
    before = tasks_of(todo)

    for refs in (
        ["6"],
        [ID],
        ["6-9"],
        ["1,6-9"],
        ["1-3,6"],
        ["2-5", "2"],
        ["2-2"],
    ):
        assert_refused(todo, *command, *refs, code="NOT_FOUND", names=["ada"])

    assert tasks_of(todo) == before


@pytest.mark.spec("002/FR-028")
@pytest.mark.parametrize(
    "command",
    [
        ["show"],
        ["update", "--title", "stolen"],
        ["done"],
        ["done", "--undo"],
        ["delete"],
        ["restore"],
        ["purge", "--yes"],
        ["history"],
    ],
    ids=" ".join,
)
def test_name_a_task_of_another_user_is_like_a_missing_one(
    todo: Todo, command: list[str]
) -> None:
    add(todo, "hers")
    todo("add", "hers too", "--id", ID)
    add(todo, "his", user="bob")
    before = tasks_of(todo), tasks_of(todo, "bob")

    for foreign, missing in (("2", "3"), (ID, ID.replace("0b2f", "0b3f"))):
        answers = [
            str(
                assert_refused(
                    todo, *command, ref, user="bob", code="NOT_FOUND"
                )
            )
            for ref in (foreign, missing)
        ]
        assert answers[0].replace(foreign, missing) == answers[1]

    assert (tasks_of(todo), tasks_of(todo, "bob")) == before


NOTHING = "nothing was changed"
REFUSALS: dict[tuple[str, ...], tuple[int, str]] = {
    ("done", "1", "999"): (3, f"No task 999 for ada; {NOTHING}"),
    ("done", "998", "1", "999"): (3, f"No tasks 998, 999 for ada; {NOTHING}"),
    ("done", "--undo", "1,999"): (3, f"No task 999 for ada; {NOTHING}"),
    ("done", "1", "50-60"): (3, f"No task 50-60 for ada; {NOTHING}"),
    ("done", ID): (3, f"No task {ID} for ada; {NOTHING}"),
    ("update", "999", "--title", "x"): (3, f"No task 999 for ada; {NOTHING}"),
    ("delete", "1", "999"): (3, f"No task 999 for ada; {NOTHING}"),
    ("delete", "1-3", "999"): (3, f"No task 999 for ada; {NOTHING}"),
    ("delete", "1-3", "999", "--yes"): (3, f"No task 999 for ada; {NOTHING}"),
    ("purge", "1-3"): (2, f"3 tasks would be gone for good; {NOTHING}"),
    ("purge", "1"): (2, f"1 task would be gone for good; {NOTHING}"),
    ("purge", "1", "999"): (3, f"No task 999 for ada; {NOTHING}"),
    ("purge", "1", "999", "--yes"): (3, f"No task 999 for ada; {NOTHING}"),
    ("restore", "1", "999"): (3, f"No task 999 for ada; {NOTHING}"),
    ("undo", "999"): (3, f"No operation 999 for ada; {NOTHING}"),
    ("redo",): (3, f"Nothing to redo for ada; {NOTHING}"),
    ("done", "1", "milk"): (
        2,
        f"`milk` is not a task number, range or UUID; {NOTHING}",
    ),
    ("delete", "1", "3-2"): (2, f"`3-2` runs backwards; {NOTHING}"),
    ("delete", "1-9999"): (
        2,
        f"`1-9999` spans more than 1,000 numbers; {NOTHING}",
    ),
    ("update", "1,", "--due", "fri", "1-x"): (
        2,
        f"`1-x` is not a task number, range or UUID; {NOTHING}",
    ),
    ("note", "1,2", "x"): (2, f"`1,2` names more than one task; {NOTHING}"),
    ("done", "1", "2147483648"): (3, f"No task 2147483648 for ada; {NOTHING}"),
    ("delete", "9223372036854775807-9223372036854775809"): (
        3,
        f"No task 9223372036854775807-9223372036854775809 for ada; {NOTHING}",
    ),
    ("show", "999"): (3, "No task 999 for ada"),
    ("show", "9999999999999999999"): (
        3,
        "No task 9999999999999999999 for ada",
    ),
    ("show", "milk"): (2, "`milk` is not a task number, range or UUID"),
    ("show", "1-2"): (2, "`1-2` names more than one task"),
}


@pytest.mark.spec("002/FR-024", "002/FR-025")
def test_a_change_that_is_refused_says_that_nothing_was_changed(
    todo: Todo,
) -> None:
    add(todo, "one", "two", "three")
    before = tasks_of(todo)

    words = {command: todo(*command) for command in REFUSALS}
    documents = {command: todo(*command, "--json") for command in REFUSALS}

    assert {
        command: (ran.status, ran.err.splitlines()[0].removeprefix("error: "))
        for command, ran in words.items()
    } == REFUSALS
    assert {
        command: (ran.status, ran.error["message"])
        for command, ran in documents.items()
    } == REFUSALS
    assert tasks_of(todo) == before


@pytest.mark.spec("002/FR-025")
@pytest.mark.nothing_made
@pytest.mark.parametrize(
    "words",
    [["done", "1"], ["delete", "1-3"], ["update", "1", "-r", "a=b"]],
    ids=" ".join,
)
def test_a_change_where_there_is_no_store_says_so_too(
    todo: Todo, words: list[str]
) -> None:
    message = todo(*words, "--json").error["message"]

    assert message.endswith("for ada; nothing was changed")
