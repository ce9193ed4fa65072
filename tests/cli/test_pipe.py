"""Off a terminal: tab-separated lines."""

import subprocess

import pytest

from tests.cli.expect import add
from tests.support.machine import needs
from tests.support.program import Ran, Todo
from tests.support.stores import Clock

IDS = [f"0b2f6d7e-5a44-4f7c-9d4e-1f3f6f0f8a1{number}" for number in range(5)]


@pytest.mark.spec("002/FR-054")
def test_list_off_a_terminal_is_tab_separated(todo: Todo, clock: Clock) -> None:
    todo("add", "Buy milk", "--id", IDS[0])
    clock.tick(1.25)
    todo("add", "Call Bob", "-d", "not\tshown\nhere", "--id", IDS[1])
    todo("done", "1")

    assert todo("list", "--status", "all") == Ran(
        0,
        f"2\topen\tCall Bob\t2026-01-02T03:04:06.250000Z\t-\t{IDS[1]}\n"
        f"1\tdone\tBuy milk\t2026-01-02T03:04:05.000000Z\t2026-01-02T03:04:06.250000Z\t{IDS[0]}\n",
        "",
    )


@pytest.mark.spec("002/FR-054")
@pytest.mark.parametrize("shell", ["sh", pytest.param("bash", marks=needs("bash"))])
def test_list_is_read_right_by_a_shell(todo: Todo, shell: str) -> None:
    """As in CanastaWiki/Canasta#680: a tab is white space for `read`, which takes
    several of them for one.
    """
    titles = ["Buy milk", "-", r"back\slash", "two  blanks", "'quotes\""]
    for number, title in enumerate(titles):
        todo("add", "--id", IDS[number], "--", title)
    todo("done", "1")
    read_line = "IFS=$(printf '\\t') read -r n s t c d id rest"
    code = f'while {read_line}; do printf \'%s|\' "$n" "$s" "$t" "$c" "$d" "$id"; echo "$rest"; done'

    read = subprocess.run(
        [shell, "-c", code],
        input=todo("list", "--status", "all").out,
        capture_output=True,
        text=True,
        check=True,
    )

    at = "2026-01-02T03:04:05.000000Z"
    assert read.stdout.splitlines()[::-1] == [
        f"{number}|{'done' if number == 1 else 'open'}|{title}|{at}|{at if number == 1 else '-'}|{IDS[number - 1]}|"
        for number, title in enumerate(titles, start=1)
    ]


@pytest.mark.spec("002/FR-055")
@pytest.mark.parametrize("description", [None, "two words", "tab\there", "-"])
def test_show_is_read_right_by_a_shell(todo: Todo, description: str | None) -> None:
    todo(
        "add",
        "Buy milk",
        *([] if description is None else ["-d", "-"]),
        stdin=(description or "").encode(),
    )
    code = "TAB=$(printf '\\t'); while IFS=$TAB read -r key value; do printf '%s|%s\\n' \"$key\" \"$value\"; done"

    shown = todo("show", "1").out
    read = subprocess.run(
        ["sh", "-c", code], input=shown, capture_output=True, text=True, check=True
    )

    lines = dict(line.split("|", 1) for line in read.stdout.splitlines())
    assert lines["description"] == (description or "").replace("\t", r"\t")
    assert (lines["title"], lines["completed"], lines["completed_at"]) == (
        "Buy milk",
        "false",
        "",
    )


@pytest.mark.spec("002/FR-054")
@pytest.mark.nothing_made
def test_list_of_nothing_off_a_terminal_is_silent(todo: Todo) -> None:
    assert todo("list") == Ran(0, "", "")
    add(todo, "one")
    assert todo("list", "--status", "done") == Ran(0, "", "")
    assert todo("list", "--status", "done", "--limit", "5") == Ran(0, "", "")


@pytest.mark.spec("002/FR-054")
def test_list_with_a_limit_off_a_terminal_is_lines_only(todo: Todo) -> None:
    add(todo, "one", "two", "three")

    ran = todo("list", "--limit", "2")

    assert (ran.status, ran.err) == (0, "")
    assert [line.split("\t")[2] for line in ran.out.splitlines()] == ["three", "two"]


@pytest.mark.spec("002/FR-054")
@pytest.mark.parametrize("columns", [0, 1, 20, 80])
@pytest.mark.parametrize(
    "env",
    [{}, {"COLUMNS": "10"}, {"TERM": "xterm-256color"}],
    ids=["plain", "COLUMNS", "TERM"],
)
def test_list_off_a_terminal_never_cuts_and_never_colours(
    todo: Todo, columns: int, env: dict[str, str]
) -> None:
    title = "a long title " * 15
    add(todo, title)

    ran = todo("list", columns=columns, env=env)

    assert ran.out.split("\t")[:3] == ["1", "open", title.strip()]
    assert "\x1b" not in ran.out


@pytest.mark.spec("002/FR-055")
def test_show_off_a_terminal_is_keys_and_values(todo: Todo, clock: Clock) -> None:
    todo("add", "Buy milk", "-d", "2 litres", "--id", IDS[0])
    clock.tick(60)
    todo("done", "1")

    assert todo("show", "1") == Ran(
        0,
        f"id\t{IDS[0]}\n"
        "number\t1\n"
        "user_id\tada\n"
        "title\tBuy milk\n"
        "description\t2 litres\n"
        "completed\ttrue\n"
        "created_at\t2026-01-02T03:04:05.000000Z\n"
        "updated_at\t2026-01-02T03:05:05.000000Z\n"
        "completed_at\t2026-01-02T03:05:05.000000Z\n",
        "",
    )


@pytest.mark.spec("002/FR-055")
def test_show_off_a_terminal_leaves_empty_what_is_null(todo: Todo) -> None:
    add(todo, "Buy milk")

    lines = todo("show", "1").out.splitlines()

    assert (lines[4], lines[5], lines[8]) == (
        "description\t",
        "completed\tfalse",
        "completed_at\t",
    )


@pytest.mark.spec("002/FR-055")
@pytest.mark.parametrize(
    ("description", "escaped"),
    [
        pytest.param("one\ntwo", r"one\ntwo", id="line feed"),
        pytest.param("one\ttwo", r"one\ttwo", id="tab"),
        pytest.param("one\\two", r"one\\two", id="backslash"),
        pytest.param("one\\ntwo", r"one\\ntwo", id="backslash and n"),
        pytest.param("\\\n\\\t", r"\\\n\\\t", id="mixed"),
    ],
)
def test_show_off_a_terminal_escapes_so_that_it_can_be_undone(
    todo: Todo, description: str, escaped: str
) -> None:
    todo("add", "x", "-d", description)

    lines = todo("show", "1").out.split("\n")

    assert len(lines) == 10
    assert lines[4] == f"description\t{escaped}"
