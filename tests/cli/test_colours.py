"""Whatever a terminal shows can be read on dark and on light, and without colours."""

import re

import pytest

from tests.conftest import Seal
from tests.support.colours import (
    PALETTES,
    SCREENS,
    Look,
    contrast,
    contrasts,
    runs,
)
from tests.support.program import Todo
from tests.support.size import size

LEAST = 3.0
"""The contrast that WCAG 2 asks of large text and of signs."""
TERMS = [
    {"TERM": "xterm-256color"},
    {"TERM": "xterm-256color", "COLORTERM": "truecolor"},
    {"TERM": "xterm"},
    {"TERM": "screen"},
    {"TERM": "linux"},
    {"FORCE_COLOR": "1"},
    {"TERM": "xterm-256color", "NO_COLOR": "1"},
    {"TERM": "dumb"},
]
SIGNED = re.compile("overdue|!")
"""What a coloured text says without its colour."""


@pytest.fixture
def full(todo: Todo, seal: Seal) -> Todo:
    """The program on a store with tasks of all kinds."""
    (seal.cwd / "new.txt").write_text("one\n(A) two due:2026-01-01\n")
    fields = ("-d", "see https://x.org", "-P", "home.kitchen", "-t", "errand")
    todo("add", "Late", "--due", "-3d", "-p", "h", *fields)
    todo("add", "Today", "--due", "today", "-p", "m")
    todo("add", "Soon", "--due", "+3d", "-p", "l")
    todo("add", "Later", "--wait", "+30d")
    todo("add", "Gone")
    todo("done", "3")
    todo("delete", "5")
    return todo


COMMANDS = [
    ["list", "--status", "all"],
    ["list", "--group", "due"],
    ["list", "--status", "trash"],
    ["list", "nothing"],
    *(["show", str(number)] for number in range(1, 6)),
    ["history"],
    ["stats"],
    ["doctor"],
    ["add", "Milk", "due:tomorrow"],
    ["update", "1", "--title", "Later still"],
    ["delete", "2"],
    ["purge", "2"],
    ["undo"],
    ["import", "new.txt"],
    ["db", "upgrade"],
    ["--help"],
    ["list", "--help"],
    ["show", "99"],
    ["nonsense"],
    ["--version"],
]


@pytest.mark.spec("002/FR-052", "002/FR-336")
@pytest.mark.parametrize("env", TERMS, ids=str)
def test_everything_can_be_read_on_every_screen(
    full: Todo, env: dict[str, str]
) -> None:
    looks: dict[Look, str] = {}
    for number, command in enumerate(COMMANDS):
        # In the suite on a narrow or on a wide one, by turns.
        for columns in (40, 200)[size(number % 2, 0) :: size(2, 1)]:
            ran = full(
                *command, terminal=True, columns=columns, env=env, stdin=b"n\n"
            )
            for text, look in runs(ran.out + ran.err):
                looks.setdefault(look, text)
                assert look.colour is None or SIGNED.search(text), text

    bad = []
    for look, text in looks.items():
        for where, found in contrasts(look):
            if found < LEAST:
                bad.append((text, look, where, round(found, 2)))
    assert bad == []
    assert Look() in looks
    is_coloured = any(look.colour is not None for look in looks)
    has_many = "256color" in env.get("TERM", "")
    assert is_coloured is (has_many and "NO_COLOR" not in env)


def test_the_reader_of_looks_knows_what_cannot_be_read() -> None:
    assert contrast((0, 0, 0), (255, 255, 255)) == 21
    assert 1.9 < contrast((255, 255, 255), (0, 205, 205)) < 2.0
    text = "a\x1b[1;31mb\x1b[0m \x1b[2mc\x1b[38;5;250;4md\x1b[0;48;2;1;2;3me"
    found = dict(runs(text))
    assert found == {
        "a": Look(),
        "b": Look(1, is_bold=True),
        "c": Look(is_dim=True),
        "d": Look(250, is_dim=True, is_underlined=True),
        "e": Look(background=(1, 2, 3)),
    }
    least = {
        name: min(found for _, found in contrasts(look))
        for name, look in found.items()
    }
    assert least["a"] > LEAST
    # Red is below it in VGA's palette, and dim text everywhere.
    assert [name for name in "bcd" if least[name] >= LEAST] == []
    assert len(list(contrasts(Look()))) == len(SCREENS) * len(PALETTES)
