"""REF: numbers, ranges, lists and UUIDs."""

import pytest

from tests.cli.expect import add, assert_refused, tasks_of
from tests.support.program import Todo

ID = "0b2f6d7e-5a44-4f7c-9d4e-1f3f6f0f8a11"

BAD = [
    pytest.param("", id="empty"),
    pytest.param(" ", id="blank"),
    pytest.param("0", id="zero"),
    pytest.param("-1", id="negative"),
    pytest.param("+1", id="sign"),
    pytest.param("01", id="leading zero"),
    pytest.param("1_0", id="underscore"),
    pytest.param("1.0", id="fraction"),
    pytest.param(" 1", id="blank before"),
    pytest.param("1 ", id="blank after"),
    pytest.param("1\n", id="line feed after"),
    pytest.param("1 2", id="blank between"),
    pytest.param("1e3", id="exponent"),
    pytest.param("0x1", id="hexadecimal"),
    pytest.param("1000000000", id="ten digits"),
    pytest.param("99999999999999999999", id="twenty digits"),
    pytest.param("٣", id="arabic digit"),
    pytest.param("１", id="full-width digit"),
    pytest.param("²", id="superscript digit"),
    pytest.param("milk", id="word"),
    pytest.param("#1", id="hash"),
    pytest.param("5-3", id="range downwards"),
    pytest.param("1-99999", id="range too wide"),
    pytest.param("1-1001", id="range one too wide"),
    pytest.param("0-3", id="range from zero"),
    pytest.param("1-", id="range without an end"),
    pytest.param("-3", id="range without a start"),
    pytest.param("1-2-3", id="range of three"),
    pytest.param("1 - 2", id="range with blanks"),
    pytest.param("1-02", id="range with a leading zero"),
    pytest.param("1-1000000000", id="range to ten digits"),
    pytest.param("1..2", id="range with dots"),
    pytest.param("1–2", id="range with an en dash"),
    pytest.param("1,", id="comma last"),
    pytest.param(",1", id="comma first"),
    pytest.param("1,,2", id="two commas"),
    pytest.param("1, 2", id="blank in a list"),
    pytest.param("1,0", id="zero in a list"),
    pytest.param("1,2-1", id="bad range in a list"),
    pytest.param(ID[:-1], id="uuid one short"),
    pytest.param(ID + "0", id="uuid one long"),
    pytest.param(ID.replace("f", "g"), id="uuid with a g"),
    pytest.param(ID.replace("-", ""), id="uuid without dashes"),
    pytest.param("{" + ID + "}", id="uuid in braces"),
    pytest.param("urn:uuid:" + ID, id="uuid as urn"),
    pytest.param(
        "0b2f6d7-e5a44-4f7c-9d4e-1f3f6f0f8a11", id="uuid with dashes elsewhere"
    ),
]


@pytest.mark.spec("002/FR-024")
@pytest.mark.parametrize("ref", BAD)
def test_refuse_what_is_no_ref(todo: Todo, ref: str) -> None:
    assert_refused(
        todo,
        "done",
        "--",
        ref,
        code="INVALID_INPUT",
        names=[ref.strip().split(",")[-1]],
    )


@pytest.mark.spec("002/FR-024")
@pytest.mark.parametrize(
    "command",
    [["done", "--undo"], ["delete", "--yes"], ["show"], ["update", "--title", "x"]],
    ids=" ".join,
)
@pytest.mark.parametrize("ref", ["0", "1_0", "01", "milk", "5-3", ID[:-1]])
def test_refuse_what_is_no_ref_on_every_command(
    todo: Todo, command: list[str], ref: str
) -> None:
    add(todo, "one")
    before = tasks_of(todo)

    assert_refused(todo, *command, "--", ref, code="INVALID_INPUT", names=[ref])

    assert tasks_of(todo) == before


@pytest.mark.spec("002/FR-024")
def test_refuse_a_negative_number_before_two_dashes(todo: Todo) -> None:
    ran = todo("show", "-1", "--json")

    assert ran.status == 2
    assert "-1" in ran.error["message"]


@pytest.mark.spec("002/FR-023")
@pytest.mark.spec("002/FR-026")
@pytest.mark.parametrize(
    ("refs", "numbers"),
    [
        pytest.param(["3", "1"], [3, 1], id="numbers"),
        pytest.param(["2-4"], [2, 3, 4], id="range"),
        pytest.param(["2-2"], [2], id="range of one"),
        pytest.param(["1-1000"], [1, 2, 3, 4, 5], id="range of a thousand"),
        pytest.param(["5-999"], [5], id="range past the end"),
        pytest.param(["3,5,1"], [3, 5, 1], id="list"),
        pytest.param(["3,4-5"], [3, 4, 5], id="list with a range"),
        pytest.param(["4-5,3", "1"], [4, 5, 3, 1], id="list and number"),
        pytest.param(["1", "1"], [1], id="twice"),
        pytest.param(["2", "1-3"], [2, 1, 3], id="again in a range"),
        pytest.param(["1-3,2-4"], [1, 2, 3, 4], id="ranges that overlap"),
        pytest.param(["2,2,2"], [2], id="thrice in a list"),
    ],
)
def test_name_tasks_in_the_order_asked_and_each_once(
    todo: Todo, refs: list[str], numbers: list[int]
) -> None:
    add(todo, "one", "two", "three", "four", "five")

    assert [task["number"] for task in todo("done", "--json", *refs).data] == numbers


@pytest.mark.spec("002/FR-023")
@pytest.mark.spec("002/FR-026")
def test_name_tasks_by_number_and_id_at_once(todo: Todo) -> None:
    add(todo, "one")
    todo("add", "two", "--id", ID)

    assert [
        task["number"] for task in todo("done", ID, "1", "2", ID.upper(), "--json").data
    ] == [2, 1]


@pytest.mark.spec("002/FR-023")
def test_name_a_task_by_an_id_in_a_list(todo: Todo) -> None:
    """A list holds numbers and ranges; an id stands alone."""
    add(todo, "one")
    todo("add", "two", "--id", ID)

    assert_refused(todo, "done", f"1,{ID}", code="INVALID_INPUT", names=[ID])


MISSING = {
    "number": ["6"],
    "highest number": ["999999999"],
    "uuid": [ID],
    "empty range": ["6-9"],
    "empty range in a list": ["1,6-9"],
    "number after a range": ["1-3,6"],
    "number that is a hole": ["2-5", "2"],
    "range that is a hole": ["2-2"],
}


@pytest.mark.spec("002/FR-025")
@pytest.mark.parametrize(
    "command", [["done"], ["done", "--undo"], ["delete", "--yes"]], ids=" ".join
)
def test_name_what_does_not_exist_is_not_found(todo: Todo, command: list[str]) -> None:
    add(todo, "one", "two", "three", "four", "five")
    todo("delete", "2")
    before = tasks_of(todo)

    for refs in MISSING.values():
        assert_refused(todo, *command, *refs, code="NOT_FOUND", names=["ada"])

    assert tasks_of(todo) == before


@pytest.mark.spec("002/FR-025")
def test_name_a_range_with_holes_means_what_exists_in_it(todo: Todo) -> None:
    add(todo, "one", "two", "three", "four", "five")
    todo("delete", "2", "4")

    assert [task["number"] for task in todo("done", "1-5", "--json").data] == [1, 3, 5]


@pytest.mark.spec("002/FR-028")
@pytest.mark.parametrize(
    "command",
    [
        pytest.param(["show"], id="show"),
        pytest.param(["update", "--title", "stolen"], id="update"),
        pytest.param(["done"], id="done"),
        pytest.param(["done", "--undo"], id="undo"),
        pytest.param(["delete"], id="delete"),
    ],
)
def test_name_a_task_of_another_user_is_like_a_missing_one(
    todo: Todo, command: list[str]
) -> None:
    add(todo, "hers")
    todo("add", "hers too", "--id", ID)
    add(todo, "his", user="bob")
    before = tasks_of(todo), tasks_of(todo, "bob")

    for ref in ("2", ID, ID.upper()):
        missing = "3" if ref == "2" else ID.replace("0b2f", "0b3f")
        foreign = assert_refused(
            todo, *command, ref, user="bob", code="NOT_FOUND", names=["bob"]
        )
        absent = assert_refused(
            todo, *command, missing, user="bob", code="NOT_FOUND", names=["bob"]
        )
        assert str(foreign).lower().replace(ref.lower(), "<ref>") == str(
            absent
        ).lower().replace(missing, "<ref>")

    assert (tasks_of(todo), tasks_of(todo, "bob")) == before


@pytest.mark.spec("002/FR-025")
@pytest.mark.spec("002/FR-024")
@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        (["done", "999"], 3, "No task 999 for ada; nothing was changed"),
        (["done", "1", "999"], 3, "No task 999 for ada; nothing was changed"),
        (
            ["done", "998", "1", "999"],
            3,
            "No tasks 998, 999 for ada; nothing was changed",
        ),
        (["done", "--undo", "1,999"], 3, "No task 999 for ada; nothing was changed"),
        (["done", "1", "50-60"], 3, "No task 50-60 for ada; nothing was changed"),
        (["done", ID], 3, f"No task {ID} for ada; nothing was changed"),
        (
            ["update", "999", "--title", "x"],
            3,
            "No task 999 for ada; nothing was changed",
        ),
        (
            ["update", ID, "--status", "done"],
            3,
            f"No task {ID} for ada; nothing was changed",
        ),
        (["delete", "999"], 3, "No task 999 for ada; nothing was changed"),
        (["delete", "1", "999"], 3, "No task 999 for ada; nothing was changed"),
        (["delete", "1-3", "999"], 3, "No task 999 for ada; nothing was changed"),
        (
            ["delete", "1-3", "999", "--yes"],
            3,
            "No task 999 for ada; nothing was changed",
        ),
        (["delete", "50-60"], 3, "No task 50-60 for ada; nothing was changed"),
        (
            ["delete", "1-3"],
            2,
            "Three or more tasks would be deleted; nothing was changed",
        ),
        (["done", "1", "milk"], 2, "`milk` names no task; nothing was changed"),
        (["delete", "1", "3-2"], 2, "`3-2` runs backwards; nothing was changed"),
        (
            ["delete", "1", "1-9999", "-y"],
            2,
            "`1-9999` spans more than 1,000 numbers; nothing was changed",
        ),
        (
            ["update", "1,2", "--title", "x"],
            2,
            "`1,2` names more than one task; nothing was changed",
        ),
        (["update", "0", "--title", "x"], 2, "`0` names no task; nothing was changed"),
    ],
    ids=str,
)
def test_a_change_that_is_refused_says_that_nothing_was_changed(
    todo: Todo, words: list[str], status: int, message: str
) -> None:
    add(todo, "one", "two", "three")
    before = tasks_of(todo)

    ran = todo(*words)

    assert (ran.status, ran.out, ran.err.splitlines()[0]) == (
        status,
        "",
        f"error: {message}",
    )
    assert todo(*words, "--json").error["message"] == message
    assert tasks_of(todo) == before


@pytest.mark.spec("002/FR-025")
@pytest.mark.nothing_made
@pytest.mark.parametrize(
    "words",
    [["done", "1"], ["delete", "1-3"], ["update", "1", "--title", "x"]],
    ids=str,
)
def test_a_change_where_there_is_no_store_says_so_too(
    todo: Todo, words: list[str]
) -> None:
    assert (
        todo(*words, "--json").error["message"].endswith("for ada; nothing was changed")
    )


@pytest.mark.spec("002/FR-023")
@pytest.mark.parametrize("ref", ["999", ID, "milk", "1-2"])
def test_a_look_that_finds_nothing_speaks_of_no_change(todo: Todo, ref: str) -> None:
    add(todo, "one", "two")

    assert "nothing was" not in todo("show", ref, "--json").error["message"]
