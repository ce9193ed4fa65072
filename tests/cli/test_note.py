"""`todo note REF TEXT...`"""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.cli.conftest import on_both_stores
from tests.cli.expect import add, assert_refused, tasks_of
from tests.support.program import Ran, Todo
from tests.support.size import on_both_if_long
from tests.support.stores import Clock


@on_both_if_long
@pytest.mark.spec("002/FR-196")
def test_note_adds_lines_to_the_notes(todo: Todo, clock: Clock) -> None:
    add(todo, "Call Ada")
    clock.tick(60)

    said = todo("note", "1", "called,", "ring back", "on Monday")
    todo("note", "#1", "--", "-d is no option")
    piped = todo(
        "note", "1", "-", "--json", stdin=b"\xef\xbb\xbftwo\r\nlines\n"
    )

    assert said == Ran(0, "Noted 1: Call Ada\n", "")
    lines = ["called, ring back on Monday", "-d is no option", "two", "lines"]
    assert piped.data["description"] == "\n".join(lines)
    assert piped.data["version"] == 4
    assert piped.data["updated_at"] == "2026-01-02T03:05:05.000000Z"
    assert len(todo("list", "ring back", "--json").data) == 1


@pytest.mark.spec("002/FR-024", "002/FR-036", "002/FR-196")
def test_note_refuses_what_is_no_note(todo: Todo) -> None:
    add(todo, "one", "two")
    before = tasks_of(todo)

    for text in ("", "   ", "a\x1bb", "x" * 10_001):
        assert_refused(
            todo,
            *("note", "1", text),
            code="INVALID_INPUT",
            names=["nothing was changed"],
        )
    assert_refused(todo, "note", "1", "-", stdin=b"\n", code="INVALID_INPUT")
    assert_refused(todo, "note", "1", code="USAGE", names=["TEXT"])
    assert_refused(todo, "note", "1,2", "x", code="INVALID_INPUT")
    assert_refused(todo, "note", "9", "x", code="NOT_FOUND")

    assert tasks_of(todo) == before


@on_both_stores
@pytest.mark.spec("002/FR-194", "002/FR-196")
def test_notes_and_tags_added_at_once_all_stay(todo: Todo) -> None:
    add(todo, "busy")
    words = [["note", "1", f"line {number}"] for number in range(6)]
    words += [["update", "1", "--add-tag", f"t{n}"] for n in range(6)]

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda each: todo(*each), words))

    assert {answer.status for answer in answers} == {0}
    [task] = tasks_of(todo)
    lines = sorted(task["description"].splitlines())
    assert lines == [f"line {number}" for number in range(6)]
    assert task["tags"] == [f"t{number}" for number in range(6)]
    assert task["version"] == 13
