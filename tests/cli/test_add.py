"""`todo add TITLE...`"""

from uuid import UUID

import pytest

from tests.cli.expect import KEYS, add, assert_refused, tasks_of, titles_of
from tests.support.program import Ran, Todo
from tests.support.stores import Clock

pytestmark = pytest.mark.nothing_made

ID = "0b2f6d7e-5a44-4f7c-9d4e-1f3f6f0f8a11"


@pytest.mark.spec("002/FR-001")
@pytest.mark.spec("002/FR-056")
def test_add_joins_its_words_by_one_blank(todo: Todo) -> None:
    add(todo, "first")

    assert todo("add", "Buy", "milk", "and", "bread") == Ran(
        0, "Added 2: Buy milk and bread\n", ""
    )
    assert titles_of(todo) == ["first", "Buy milk and bread"]


@pytest.mark.spec("002/FR-001")
@pytest.mark.parametrize(
    "title",
    [
        pytest.param("two  blanks   inside", id="blanks"),
        pytest.param(
            "call @bob +home due:tomorrow pri:A #7", id="marks of other programs"
        ),
        pytest.param('say "hi" to $USER; rm *', id="shell"),
        pytest.param("{title} %s %(x)s \\n", id="placeholders"),
        pytest.param("'); DROP TABLE task;--", id="sql"),
    ],
)
def test_add_never_interprets_a_title(todo: Todo, title: str) -> None:
    ran = todo("add", title, "--json")

    assert ran.data["title"] == title
    assert titles_of(todo) == [title]


@pytest.mark.spec("002/FR-001")
@pytest.mark.spec("002/FR-042")
def test_add_answers_with_the_whole_task(todo: Todo, clock: Clock) -> None:
    ran = todo("add", "Buy", "milk", "-d", "2 litres", "--id", ID, "--json")

    assert list(ran.data) == KEYS
    assert ran.data == {
        "id": ID,
        "number": 1,
        "user_id": "ada",
        "title": "Buy milk",
        "description": "2 litres",
        "completed": False,
        "created_at": "2026-01-02T03:04:05.000000Z",
        "updated_at": "2026-01-02T03:04:05.000000Z",
        "completed_at": None,
    }
    assert tasks_of(todo) == [ran.data]


@pytest.mark.spec("002/FR-001")
def test_add_makes_a_random_id_of_its_own(todo: Todo) -> None:
    ids = [UUID(todo("add", "same", "--json").data["id"]) for _ in range(2)]

    assert [made.version for made in ids] == [4, 4]
    assert ids[0] != ids[1]


@pytest.mark.spec("002/FR-028")
def test_add_counts_numbers_for_each_user(todo: Todo) -> None:
    add(todo, "hers", "hers too")

    assert todo("add", "his", "--json", user="bob").data["number"] == 1
    assert todo("add", "hers again", "--json").data["number"] == 3


@pytest.mark.spec("002/FR-002")
@pytest.mark.parametrize("option", ["-d", "--description"])
def test_add_takes_a_description(todo: Todo, option: str) -> None:
    assert todo(
        "add", "Buy milk", option, "2 litres\n\tof the good one", "--json"
    ).data["description"] == ("2 litres\n\tof the good one")


@pytest.mark.spec("002/FR-002")
@pytest.mark.spec("002/FR-060")
@pytest.mark.parametrize(
    ("stdin", "description"),
    [
        pytest.param(b"one line\n", "one line", id="final line feed goes"),
        pytest.param(b"one line", "one line", id="no final line feed"),
        pytest.param(b"one\n\ttwo\n\n", "one\n\ttwo\n", id="only one goes"),
        pytest.param(b"one\r\ntwo\r\n", "one\ntwo", id="crlf"),
        pytest.param("سلام\n".encode(), "سلام", id="utf-8"),
        pytest.param(b"\n", None, id="a line feed alone"),
        pytest.param(b"", None, id="nothing"),
    ],
)
def test_add_reads_the_description_from_stdin(
    todo: Todo, stdin: bytes, description: str | None
) -> None:
    assert (
        todo("add", "Buy milk", "-d", "-", "--json", stdin=stdin).data["description"]
        == description
    )


@pytest.mark.spec("002/FR-002")
@pytest.mark.spec("002/FR-062")
def test_add_refuses_a_description_from_stdin_that_is_not_utf8(todo: Todo) -> None:
    assert_refused(
        todo,
        "add",
        "Buy milk",
        "-d",
        "-",
        stdin=b"caf\xe9\n",
        code="INVALID_INPUT",
        names=["description"],
    )

    assert tasks_of(todo) == []


@pytest.mark.spec("002/FR-003")
def test_add_with_an_id_again_answers_with_the_stored_task(
    todo: Todo, clock: Clock
) -> None:
    first = todo("add", "Buy milk", "--id", ID, "--json").data
    clock.tick(60)

    again = todo("add", "Something else", "-d", "new", "--id", ID, "--json")

    assert again.data == first
    assert tasks_of(todo) == [first]


@pytest.mark.spec("002/FR-003")
def test_add_with_an_id_again_uses_up_no_number(todo: Todo) -> None:
    add(todo, "one")
    numbers = [
        todo("add", "two", "--id", ID, "--json").data["number"] for _ in range(5)
    ]

    assert numbers == [2, 2, 2, 2, 2]
    assert todo("add", "three", "--json").data["number"] == 3


@pytest.mark.spec("002/FR-003")
def test_add_with_an_id_again_is_success_in_words(todo: Todo) -> None:
    todo("add", "Buy milk", "--id", ID)

    again = todo("add", "Buy milk", "--id", ID)

    assert (again.status, again.err, again.out.count("\n")) == (0, "", 1)
    assert "1: Buy milk" in again.out
    assert not again.out.startswith("Added")


@pytest.mark.spec("002/FR-003")
def test_add_with_an_id_again_leaves_a_done_task_done(todo: Todo) -> None:
    todo("add", "Buy milk", "--id", ID)
    done = todo("done", "1", "--json").data

    assert todo("add", "Buy milk", "--id", ID, "--json").data == done


@pytest.mark.spec("002/FR-003")
@pytest.mark.spec("002/FR-023")
def test_add_takes_an_id_in_capitals_as_the_same(todo: Todo) -> None:
    first = todo("add", "Buy milk", "--id", ID.upper(), "--json").data

    assert first["id"] == ID
    assert todo("add", "Buy milk", "--id", ID, "--json").data == first


@pytest.mark.spec("002/FR-004")
def test_add_with_an_id_of_another_user_is_a_conflict(todo: Todo) -> None:
    todo("add", "hers", "--id", ID)
    before = tasks_of(todo)

    assert_refused(
        todo, "add", "his", "--id", ID, user="bob", code="CONFLICT", names=[ID]
    )

    assert (tasks_of(todo), tasks_of(todo, "bob")) == (before, [])


@pytest.mark.spec("002/FR-036")
@pytest.mark.parametrize(
    "bad",
    [
        pytest.param("", id="empty"),
        pytest.param("7", id="number"),
        pytest.param("not-a-uuid", id="word"),
        pytest.param(ID[:-1], id="one short"),
        pytest.param(ID + "0", id="one long"),
        pytest.param(ID.replace("f", "g"), id="no hexadecimal"),
        pytest.param(ID.replace("-", "_"), id="wrong dashes"),
    ],
)
def test_add_refuses_an_id_that_is_no_uuid(todo: Todo, bad: str) -> None:
    assert_refused(
        todo, "add", "Buy milk", "--id", bad, code="INVALID_INPUT", names=["id"]
    )

    assert tasks_of(todo) == []


@pytest.mark.spec("002/FR-036")
def test_add_without_a_title_is_a_usage_error(todo: Todo) -> None:
    assert_refused(todo, "add", code="USAGE")

    assert tasks_of(todo) == []
