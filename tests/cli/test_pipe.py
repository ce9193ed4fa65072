"""Off a terminal: tab-separated lines."""

import subprocess

import pytest

from tests.cli.expect import add
from tests.output.values import KEYS, in_lines, whole
from tests.support.machine import needs
from tests.support.program import Ran, Todo
from tests.support.stores import Clock

IDS = [f"0b2f6d7e-5a44-4f7c-9d4e-1f3f6f0f8a1{number}" for number in range(5)]


@pytest.mark.spec("002/FR-054")
def test_list_off_a_terminal_is_tab_separated(
    todo: Todo, clock: Clock
) -> None:
    todo("add", "Buy milk", "--id", IDS[0])
    clock.tick(1.25)
    todo("add", "Call Bob", "-d", "not\tshown\nhere", "--id", IDS[1])
    todo("done", "1")

    ran = todo("list", "--status", "all")

    assert ran == Ran(
        0,
        f"2\topen\tCall Bob\t2026-01-02T03:04:06.250000Z\t-\t{IDS[1]}"
        "\t-\t-\t-\t-\t-\t1\n"
        f"1\tdone\tBuy milk\t2026-01-02T03:04:05.000000Z\t2026-01-02T03:04:06.250000Z\t{IDS[0]}"
        "\t-\t-\t-\t-\t-\t2\n",
        "",
    )
    assert todo("list", "--limit", "1").out + todo(
        "list", "--status", "done"
    ).out == (ran.out)


@pytest.mark.spec("002/FR-054")
def test_list_off_a_terminal_has_every_field_that_organises(
    todo: Todo,
) -> None:
    todo("add", "Pay", "--due", "+3d", "-p", "h", "-P", "home.kitchen")
    todo("update", "1", "--add-tag", "b", "--add-tag", "a")
    todo("add", "Rest", "--wait", "tomorrow")

    [pay] = todo("list", "--group", "project").out.splitlines()
    [rest] = todo("list", "--status", "waiting").out.splitlines()

    assert pay.split("\t")[6:] == [
        *("2026-01-05", "high", "home.kitchen", "a,b", "-", "2"),
    ]
    assert rest.split("\t")[1] == "waiting"
    assert rest.split("\t")[6:] == [*("-", "-", "-", "-", "2026-01-03", "1")]


@pytest.mark.spec("002/FR-054")
@pytest.mark.parametrize(
    "shell", ["sh", pytest.param("bash", marks=needs("bash"))]
)
def test_list_is_read_right_by_a_shell(todo: Todo, shell: str) -> None:
    """As in CanastaWiki/Canasta#680: a tab is white space for `read`, which takes
    several of them for one.
    """
    titles = ["Buy milk", "-", r"back\slash", "two  blanks", "'quotes\""]
    for number, title in enumerate(titles):
        todo("add", "--id", IDS[number], "--", title)
    todo("done", "1")
    read_line = "IFS=$(printf '\\t') read -r n s t c d id due p project tags wait v rest"
    code = f'while {read_line}; do printf \'%s|\' "$n" "$s" "$t" "$c" "$d" "$id" "$due$p$project$tags$wait" "$v"; echo "$rest"; done'

    read = subprocess.run(
        [shell, "-c", code],
        input=todo("list", "--status", "all").out,
        capture_output=True,
        text=True,
        check=True,
    )

    at = "2026-01-02T03:04:05.000000Z"
    assert read.stdout.splitlines()[::-1] == [
        f"1|done|Buy milk|{at}|{at}|{IDS[0]}|-----|2|",
        *(
            f"{number}|open|{titles[number - 1]}|{at}|-|{IDS[number - 1]}|-----|1|"
            for number in (2, 3, 4, 5)
        ),
    ]


@pytest.mark.spec("002/FR-055")
def test_show_is_read_right_by_a_shell(todo: Todo) -> None:
    todo("add", "Buy milk")
    todo("add", "Buy milk", "-d", "two words\there")
    code = "TAB=$(printf '\\t'); while IFS=$TAB read -r key value; do printf '%s|%s\\n' \"$key\" \"$value\"; done"

    read = [
        subprocess.run(
            ["sh", "-c", code],
            input=todo("show", number).out,
            capture_output=True,
            text=True,
            check=True,
        ).stdout.splitlines()
        for number in ("1", "2")
    ]

    bare, described = read
    assert {"title|Buy milk", "description|", "completed_at|"} <= set(bare)
    assert r"description|two words\there" in described


@pytest.mark.spec("002/FR-054")
def test_list_of_nothing_off_a_terminal_is_silent(todo: Todo) -> None:
    add(todo, "one")

    assert todo("list", "--status", "done") == Ran(0, "", "")
    assert todo("list", "--status", "done", "--limit", "5") == Ran(0, "", "")


@pytest.mark.spec("002/FR-054")
def test_list_off_a_terminal_never_cuts_and_never_colours(todo: Todo) -> None:
    title = "a long title " * 15
    add(todo, title)

    for columns in (0, 1, 20, 80):
        for env in ({}, {"COLUMNS": "10"}, {"TERM": "xterm-256color"}):
            ran = todo("list", columns=columns, env=env)
            assert ran.out.split("\t")[:3] == ["1", "open", title.strip()]
            assert "\x1b" not in ran.out


@pytest.mark.spec("002/FR-055")
def test_show_off_a_terminal_is_keys_and_values(
    todo: Todo, clock: Clock
) -> None:
    todo("add", "Buy milk", "-d", "2\\n litres\n\tor 3", "--id", IDS[0])
    clock.tick(60)
    lines = todo("show", "1").out.splitlines()
    todo("done", "1")

    done = whole(
        id=IDS[0],
        number=1,
        user_id="ada",
        title="Buy milk",
        description=r"2\\n litres\n\tor 3",
        completed="true",
        created_at="2026-01-02T03:04:05.000000Z",
        updated_at="2026-01-02T03:05:05.000000Z",
        completed_at="2026-01-02T03:05:05.000000Z",
    )
    done["version"] = 2
    assert todo("show", "1") == Ran(0, in_lines(done), "")
    assert [line.split("\t")[0] for line in lines] == KEYS
    assert {"completed\tfalse", "completed_at\t"} <= set(lines)
