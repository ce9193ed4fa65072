"""One real process for each command and way out, on a store whose texts drive terminals."""

from pathlib import Path

import pytest

from tests.safety.hostile import KEY, make_hostile
from tests.support.program import Process, PtyProcess, Todo
from tests.support.stores import Store
from tests.support.texts import CORPUS, raw, raw_in_document, shown, unstyled

TEXTS = (
    "a\x1b]52;c;Zm9v\x07b",
    "\u202egnp\x9b31m",
    "a\r\nerror: forged\t[/]",
    "می\u200cخواهم 👩‍👩‍👧‍👦 :smile:",
)
SHOWN = [shown(text) for text in TEXTS]
COMMANDS = {
    "add": ["add", "--id", KEY, "-"],
    "list": ["list", "--status", "all"],
    "show": ["show", "1"],
    "update": ["update", "1", "--status", "done"],
    "done": ["done", "1-4"],
    "delete": ["delete", "1-4"],
    "purge": ["purge", "1-4"],
}


@pytest.fixture
def store(sqlite_store: Store) -> Store:
    """A file; how it gets out does not depend on where it comes from."""
    return sqlite_store


@pytest.mark.spec("002/FR-043", "002/FR-057")
@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_drives_no_terminal(
    todo: Todo,
    store: Store,
    process: Process,
    pty_process: PtyProcess,
    name: str,
) -> None:
    hostile = make_hostile(todo, store, TEXTS)
    words = COMMANDS[name]
    typed = b"n\n" if name == "purge" else hostile.lines + b"\x04"

    seen = pty_process(*words, stdin=typed, columns=200)
    back = ["restore", "1-4"]
    assert todo(*back).status == 0
    piped = process(*words, stdin=hostile.lines)
    assert todo(*back).status == 0
    document = process(
        "--json",
        *words,
        *(["--yes"] if name == "purge" else []),
        stdin=hostile.lines,
    )

    expected = SHOWN[:1] if name in ("show", "update") else SHOWN
    text = unstyled(seen.out)
    assert [line for line in expected if line not in text] == []
    assert raw(seen, is_terminal=True) == []
    if name == "purge":
        assert (seen.status, piped.status) == (10, 2)
    else:
        assert (seen.status, piped.status) == (0, 0)
        assert [line for line in expected if line not in piped.out] == []
    assert raw(piped) == []
    data = (
        document.data if isinstance(document.data, list) else [document.data]
    )
    assert sorted(task["title"] for task in data) == sorted(
        TEXTS[: len(expected)]
    )
    assert raw_in_document(document.out) == []


@pytest.mark.spec("002/FR-057")
@pytest.mark.nothing_made
def test_arguments_that_are_not_text_drive_no_terminal(
    process: Process, pty_process: PtyProcess, store: Store
) -> None:
    words = [
        "show",
        "--",
        *(text for text in CORPUS if "\0" not in text),
        "\udcff\udc9b31m",
    ]

    seen, piped, document = (
        pty_process(*words),
        process(*words),
        process("--json", *words),
    )

    assert (seen.status, piped.status, document.status) == (2, 2, 2)
    assert (
        raw(seen, is_terminal=True),
        raw(piped),
        raw_in_document(document.out),
    ) == ([], [], [])
    assert not Path(store.url.removeprefix("sqlite:///")).exists()
