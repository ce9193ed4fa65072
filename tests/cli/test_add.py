"""`todo add TITLE...`"""

from uuid import UUID

import pytest

from tests.cli.conftest import on_both_stores
from tests.cli.expect import ID, add, assert_refused, tasks_of, titles_of
from tests.output.values import KEYS, whole
from tests.support.program import Ran, Todo
from tests.support.stores import Clock

pytestmark = pytest.mark.nothing_made

DESCRIPTIONS = {
    b"one line\n": "one line",
    b"one line": "one line",
    b"one\n\ttwo\n\n": "one\n\ttwo\n",
    b"one\r\ntwo\r\n": "one\ntwo",
    b"\xef\xbb\xbftext\r\n": "text",
    "سلام\n".encode(): "سلام",
    b"\n": None,
    b"": None,
}
"""What is stored of standard input."""


@pytest.mark.spec("002/FR-001", "002/FR-056")
def test_add_joins_its_words_by_one_blank(todo: Todo) -> None:
    add(todo, "first")

    assert todo("add", "Buy", "milk", "and", "bread") == Ran(
        0, "Added 2: Buy milk and bread\n", ""
    )
    assert titles_of(todo) == ["first", "Buy milk and bread"]


@pytest.mark.spec("002/FR-001")
def test_add_never_interprets_a_title(todo: Todo) -> None:
    titles = [
        "two  blanks   inside",
        "call @bob +home due:tomorrow pri:A #7",
        'say "hi" to $USER; rm *',
        "{title} %s %(x)s \\n",
        "'); DROP TABLE task;--",
    ]

    answered = [todo("add", title, "--json").data["title"] for title in titles]

    assert answered == titles
    assert titles_of(todo) == titles


@on_both_stores
@pytest.mark.spec("002/FR-001", "002/FR-042")
def test_add_answers_with_the_whole_task(todo: Todo) -> None:
    ran = todo("add", "Buy", "milk", "-d", "2 litres", "--id", ID, "--json")

    assert list(ran.data) == KEYS
    assert ran.data == whole(
        id=ID,
        number=1,
        user_id="ada",
        title="Buy milk",
        description="2 litres",
        completed=False,
        created_at="2026-01-02T03:04:05.000000Z",
        updated_at="2026-01-02T03:04:05.000000Z",
        completed_at=None,
    )
    assert tasks_of(todo) == [ran.data]


@pytest.mark.spec("002/FR-001")
def test_add_makes_a_random_id_of_its_own(todo: Todo) -> None:
    ids = [UUID(todo("add", "same", "--json").data["id"]) for _ in range(2)]

    assert [made.version for made in ids] == [4, 4]
    assert ids[0] != ids[1]


@pytest.mark.spec("002/FR-002", "002/FR-060")
def test_add_takes_a_description_from_its_option_or_from_stdin(
    todo: Todo,
) -> None:
    text = "2 litres\n\tof the good one"

    given = todo("add", "x", "--description", text, "--json").data[
        "description"
    ]
    read = {
        stdin: todo("add", "x", "-d", "-", "--json", stdin=stdin).data[
            "description"
        ]
        for stdin in DESCRIPTIONS
    }

    assert given == text
    assert read == DESCRIPTIONS


@on_both_stores
@pytest.mark.spec("002/FR-003", "002/FR-023")
def test_add_with_an_id_again_answers_with_the_task_as_it_is_stored(
    todo: Todo, clock: Clock
) -> None:
    first = todo("add", "Buy milk", "--id", ID.upper(), "--json").data
    done = todo("done", "1", "--json").data
    clock.tick(60)

    again = todo(
        "add", "Something else", "-d", "new", "--id", ID, "--json"
    ).data
    words = todo("add", "Buy milk", "--id", ID)

    assert (first["id"], again) == (ID, done)
    assert words == Ran(0, "Already there as 1: Buy milk\n", "")
    assert tasks_of(todo) == [done]
    assert todo("add", "next", "--json").data["number"] == 2


@on_both_stores
@pytest.mark.spec("002/FR-004")
def test_add_with_an_id_of_another_user_is_a_conflict(todo: Todo) -> None:
    todo("add", "hers", "--id", ID)
    before = tasks_of(todo)

    assert_refused(
        todo, "add", "his", "--id", ID, user="bob", code="CONFLICT", names=[ID]
    )

    assert (tasks_of(todo), tasks_of(todo, "bob")) == (before, [])


@pytest.mark.spec("002/FR-036")
def test_add_refuses_an_id_that_is_no_uuid(todo: Todo) -> None:
    for bad in ("", "7", ID[:-1], ID + "0", ID.replace("-", "_")):
        assert_refused(
            todo,
            "add",
            "milk",
            "--id",
            bad,
            code="INVALID_INPUT",
            names=["id"],
        )

    assert tasks_of(todo) == []
