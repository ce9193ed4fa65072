"""A table for a terminal of any width, with colour or without: no row, no number and no
word is lost.
"""

import io
import random
import re
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import pytest
from rich import box
from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from tests.output.values import context, done, task
from tests.support.texts import FAMILY, MIXED, MIXED_SHOWN, PERSIAN
from todo_cli.output.terminal import progress, render
from todo_cli.output.views import Changed, Sheet, listed, shown
from todo_cli.task import Task, TaskPage, TaskQuery, TaskStatus

CONTROL = re.compile(r"\x1b\[[0-9;]*m")
WIDTHS = [20, 31, 32, 49, 50, 80, 200]


def drawn(
    sheet: Sheet, width: int = 80, encoding: str = "utf-8", **variables: str
) -> str:
    """A sheet as it is drawn, colours and all."""
    return render(
        sheet,
        width=width,
        encoding=encoding,
        variables={"TERM": "xterm-256color", **variables},
    )


def read(sheet: Sheet, width: int = 80, encoding: str = "utf-8") -> str:
    """A sheet as it is read, without colours."""
    return CONTROL.sub("", drawn(sheet, width, encoding))


def listing(*tasks: Task) -> Sheet:
    """A list of tasks."""
    return listed(
        TaskPage(list(tasks), 3, 5, TaskQuery(TaskStatus.ALL)), context()
    )


@pytest.mark.spec("002/FR-050")
def test_render_draws_number_status_title_age_and_counts() -> None:
    lines = read(listing(done(12), task(3)), width=60).splitlines()

    assert [line.split() for line in lines[:1]] == [["#", "Task", "When"]]
    assert re.fullmatch(r"12 +done +Buy bread +1 hour ago *", lines[2])
    assert re.fullmatch(r" 3 +open +Buy milk +2 hours ago *", lines[3])
    assert lines[-1] == "3 open, 5 done"


def as_tags(text: str) -> list[str]:
    """The lines of a drawing, with `<32>` for the start of a style and `</>` for its
    end, empty styles left out.
    """
    marked = CONTROL.sub(
        lambda code: "</>" if code[0] == "\x1b[0m" else f"<{code[0][2:-1]}>",
        text,
    )
    return [
        re.sub(r"<[0-9;]+>( *)</>", r"\1", line).rstrip()
        for line in marked.splitlines()
    ]


@pytest.mark.spec("002/FR-050")
def test_render_draws_lists_and_tasks_like_this() -> None:
    sheet = listing(done(12), task(3, "word " * 5 + "x" * 30))

    assert as_tags(drawn(sheet, width=50)) == [
        "<1> #</>          <1>Task                    </>   <1>When       </>",
        "\u2500" * 50,
        "<36>12</>   <32>done</>   <2>Buy bread               </>   <2>1 hour ago </>",
        "<36> 3</>   <33>open</>   word word word word word   <2>2 hours ago</>",
        "            xxxxxxxxxxxxxxxxxxxxxxxx",
        "            xxxxxx",
        "<2>3 open, 5 done</>",
    ]
    assert as_tags(drawn(sheet, width=31)) == [
        "<1> #</>   <1>Task                      </>",
        "\u2500" * 31,
        "<36>12</>   <32>x </><2;32>Buy bread               </>",
        "<36> 3</>   word word word word word",
        "     xxxxxxxxxxxxxxxxxxxxxxxxxx",
        "     xxxx",
        "<2>3 open, 5 done</>",
    ]
    assert as_tags(
        drawn(shown(task(3, "word " * 5 + "x" * 30), context()), width=40)
    )[:6] == [
        "<36>id          </>  00000000-0000-0000-0000-00",
        "              0000000003",
        "<36>number      </>  3",
        "<36>user_id     </>  ada",
        "<36>title       </>  word word word word word",
        "              xxxxxxxxxxxxxxxxxxxxxxxxxx",
    ]


@pytest.mark.spec("002/FR-051")
@pytest.mark.parametrize("width", WIDTHS)
def test_render_drops_the_date_first_and_then_the_status(width: int) -> None:
    text = read(listing(done(4_999_999_999, "Bread " * 33), task(1)), width)

    assert ("1 hour ago" in text) is (width >= 50)
    assert ("done  " in text) is (width >= 32)
    assert ("x Bread" in text) is (width < 32)
    assert "4999999999" in text


TITLES = {
    "word " * 39 + "last": "w",
    "z" * 200: "z",
    FAMILY * 28: FAMILY[0],
    PERSIAN * 22: PERSIAN[-1],
    "\u6f22" * 200: "\u6f22",
}
"""Titles that must wrap, each with a character to count."""


@pytest.mark.spec("002/FR-051")
@pytest.mark.parametrize("width", WIDTHS)
def test_render_wraps_text_and_loses_nothing(width: int) -> None:
    for title, mark in TITLES.items():
        text = read(listing(task(999_999_999, title), task(1)), width)
        assert (text.count("999999999"), text.count(mark)) == (
            1,
            title.count(mark),
        )

    fields = read(shown(task(1, "x" * 200), context()), width)
    assert {"description", "completed_at"} <= set(fields.split())


@pytest.mark.spec("002/FR-051")
@pytest.mark.parametrize("width", WIDTHS)
def test_render_never_draws_beyond_the_width(width: int) -> None:
    numbers = range(995, 1_005)
    sheet = listing(*(task(number, "word " * 30) for number in numbers))
    lines = read(sheet, width).splitlines()
    firsts = [re.match(r" *(\d+) ", line) for line in lines[:-1]]

    assert max(map(len, lines)) <= width
    assert [int(first[1]) for first in firsts if first] == [*numbers]


WORDS = [
    "a",
    "word",
    "x" * 30,
    "https://example.com/a/long/path?x=1&y=2",
    "\u8cb7\u3044\u7269",
    "\u8cb7\u3044\u7269\u306b\u884c\u304f" * 8,
    "\uff76\u30ab\uac00a" * 30,
    "\u0e01\u0e33\u0e02\u0e35\u0e48" * 30,
    "e\u0301" * 60,
    FAMILY,
    PERSIAN,
    "e\u0301",
    "{}",
    "{title}",
    "[b]",
    "\ue000\ue001",
    "\u200b",
    "\xad",
    "1\ufe0f\u20e3",
]


def some_tasks(dice: random.Random) -> list[Task]:
    """Up to eight tasks with titles of many kinds and lengths."""
    tasks = []
    for _ in range(dice.randint(1, 8)):
        words = dice.choices(WORDS, k=dice.choice([1, 2, 8, 30]))
        number = dice.choice([1, 42, 99_999, 4_999_999_999])
        one = dice.choice([task, done])
        tasks.append(one(number, " ".join(words)[:200].strip()))
    return tasks


def by_rich(tasks: Sequence[Task], width: int, **variables: str) -> str:
    """The whole table as Rich itself lays it out, row by row."""
    buffer = io.StringIO()
    console = Console(
        file=buffer, width=width, force_terminal=True, _environ=variables
    )
    drawn = RichTable(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    drawn.add_column("#", justify="right", no_wrap=True, style="cyan")
    if width >= 32:
        drawn.add_column()
    drawn.add_column("Task", overflow="fold")
    if width >= 50:
        drawn.add_column("When", no_wrap=True, style="dim")
    for one in tasks:
        title = Text(one.title, style="dim" if one.completed else "")
        if one.completed and width < 32:
            title = Text("x ", style="green") + title
        cells = [Text(str(one.number)), title]
        if width >= 32:
            status = ("done", "green") if one.completed else ("open", "yellow")
            cells.insert(1, Text(*status))
        if width >= 50:
            hours = "1 hour ago" if one.completed else "2 hours ago"
            cells.append(Text(hours))
        drawn.add_row(*cells)
    console.print(drawn)
    return buffer.getvalue()


def on_screen(text: str) -> list[list[tuple[str, str]]]:
    """Each line as its characters and their styles, blanks without one."""
    lines = []
    for line in text.splitlines():
        style, shown = "", []
        for code, character in re.findall(r"\x1b\[([0-9;]*)m|(.)", line):
            if not character:
                style = "" if code in ("", "0") else code
            elif character.isspace():
                shown.append((character, ""))
            else:
                shown.append((character, style))
        while shown and shown[-1][0].isspace():
            shown.pop()
        lines.append(shown)
    return lines


@pytest.mark.spec("002/FR-050", "002/FR-051")
def test_render_draws_what_rich_would_lay_out() -> None:
    """Rich took nine times as long for 20,000 rows as a pipe did: Textualize/rich#1069."""
    dice = random.Random(1)
    for _ in range(300):
        tasks = some_tasks(dice)
        width = dice.choice([*WIDTHS, dice.randint(20, 200)])
        switch = dice.choice([{}, {"NO_COLOR": "1"}, {"COLORTERM": "24bit"}])
        variables = {"TERM": "xterm-256color", **switch}
        *table, _footer = on_screen(drawn(listing(*tasks), width, **variables))

        assert table == on_screen(by_rich(tasks, width, **variables)), tasks


def calls(title: str, rows: int) -> int:
    """How many calls of Python and C it takes to draw this many tasks."""
    sheet = listing(*(task(number, title) for number in range(1, rows + 1)))
    count = 0

    def note(_frame: object, event: str, _what: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(note)
    try:
        drawn(sheet)
    finally:
        sys.setprofile(None)
    return count


@pytest.mark.spec("002/FR-050")
@pytest.mark.parametrize(
    "title",
    [
        "word " * 30,
        "https://example.com/" + "0123456789abcdef/" * 8,
        "\u8cb7\u3044\u7269\u306b\u884c\u304f" * 14,
        "\uac00\uac01 " + "\uff76\u30ab\uac00a" * 20,
        "\u0e01\u0e33\u0e02\u0e35\u0e48" * 30,
        PERSIAN * 20,
    ],
    ids=["words", "url", "japanese", "korean", "thai", "persian"],
)
def test_render_breaks_a_long_title_in_few_calls(title: str) -> None:
    """Rich took over 200 calls for a title without blanks, and five times the CPU of a pipe."""
    calls(title, 1)
    a_row = (calls(title, 30) - calls(title, 10)) / 20

    assert a_row < 130


@pytest.mark.spec("002/FR-150")
def test_render_uses_words_where_lines_are_to_be_plain() -> None:
    def lines(width: int) -> list[str]:
        text = render(
            listing(done(12), task(3, "word " * 5 + "word")),
            width=width,
            encoding="utf-8",
            variables={"TERM": "dumb"},
            is_plain=True,
            is_styled=False,
        )
        return [line.rstrip() for line in text.splitlines()]

    assert lines(60) == [
        "Number  Status  Task                           When",
        "    12  done    Buy bread                      1 hour ago",
        "     3  open    word word word word word word  2 hours ago",
        "3 open, 5 done",
    ]
    assert lines(30) == [
        "Number  Task",
        "    12  done: Buy bread",
        "     3  word word word word",
        "        word word",
        "3 open, 5 done",
    ]


@pytest.mark.spec("002/FR-053")
def test_render_says_in_one_line_that_a_list_is_empty() -> None:
    sheet = listed(TaskPage([], 0, 0, TaskQuery(TaskStatus.ALL)), context())

    assert read(sheet, width=20) == "No tasks for ada in db.example/shop\n"


def in_every_form(one: Task) -> list[Sheet]:
    """A task in a list, by itself, and changed."""
    done_sheet = Changed("Done", is_single=True)([one], context())
    return [listing(one), shown(one, context()), done_sheet]


MARKUP = [
    "[/]",
    "[bold]x[/bold]",
    "[link=https://evil.example]x[/link]",
    ":smile:",
]


@pytest.mark.spec("002/FR-057")
def test_render_shows_markup_as_text() -> None:
    for title in [*MARKUP, "\\[x]"]:
        for sheet in in_every_form(task(1, title)):
            assert title in read(sheet)
            assert "\x1b]8" not in drawn(sheet)


@pytest.mark.spec("002/FR-057")
def test_render_makes_hostile_text_visible_everywhere() -> None:
    for sheet in in_every_form(task(1, MIXED, description=f"one\n\t{MIXED}")):
        assert MIXED_SHOWN in read(sheet, width=200)
        assert set(read(sheet, 200)) & set(MIXED) <= set("abcdef[31m")


def test_render_draws_every_field_of_a_task() -> None:
    lines = read(
        shown(task(7, description="one\n\ttwo"), context())
    ).splitlines()

    assert [
        line.split()[0] for line in lines if not line.startswith(" ")
    ] == list(Task.__slots__)
    assert re.fullmatch(r"description +one *", lines[4])
    assert re.fullmatch(r" +    two *", lines[5])


def test_render_leaves_long_lines_of_a_change_to_the_terminal() -> None:
    sheet = Changed("Deleted", is_single=False)(
        [task(1, "word " * 39 + "last"), task(2)], context()
    )

    assert (
        read(sheet, width=20)
        == f"Deleted 1: {'word ' * 39}last\nDeleted 2: Buy milk\n"
    )


COLOUR: list[tuple[Mapping[str, Any], bool]] = [
    ({}, True),
    ({"NO_COLOR": "1"}, False),
    ({"NO_COLOR": ""}, True),
    ({"TERM": "dumb"}, False),
    ({"TERM": "unknown"}, False),
    ({"FORCE_COLOR": "1"}, True),
    ({"COLORTERM": "truecolor"}, True),
]


@pytest.mark.spec("002/FR-052")
def test_render_honours_the_switches_for_colour() -> None:
    for variables, coloured in COLOUR:
        text = drawn(listing(done(2), task(1)), **variables)
        assert (
            re.search(r"\x1b\[[0-9;]*3\dm", text) is not None
        ) is coloured, variables


@pytest.mark.spec("002/FR-052")
@pytest.mark.parametrize("width", [30, 80])
def test_render_never_tells_done_from_open_by_colour_alone(width: int) -> None:
    texts = [
        read(listing(one), width) for one in (done(1, "same"), task(1, "same"))
    ]
    one, other = (re.sub(r"\d hours? ago", "", text) for text in texts)

    assert one != other


@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "latin-1", "cp1252"])
def test_render_draws_lines_that_the_encoding_has(encoding: str) -> None:
    rule = read(listing(task()), encoding=encoding).splitlines()[1]

    rule.encode(encoding)
    assert set(rule.strip()) <= (
        {"\u2500"} if encoding == "utf-8" else {"-", "+"}
    )


def test_render_goes_by_the_width_it_is_given() -> None:
    plain = drawn(listing(task()), width=60)
    others = {"COLUMNS": "10", "LINES": "1", "TERM_PROGRAM": "x"}

    for name, value in {**others, "JUPYTER_COLUMNS": "9"}.items():
        assert drawn(listing(task()), width=60, **{name: value}) == plain


def test_render_aligns_numbers_to_the_longest() -> None:
    lines = read(listing(task(12_345), task(7))).splitlines()

    assert [line[:5] for line in lines[2:4]] == ["12345", "    7"]


def test_render_draws_nothing_for_nothing() -> None:
    empty: Sequence[str] = []

    assert drawn(Sheet([], "Added 0 tasks", empty)) == ""


def test_progress_draws_a_bar_and_takes_it_away() -> None:
    stream = io.BytesIO()

    with progress(
        "Copying [x]", stream, width=60, variables={"TERM": "xterm"}
    ) as report:
        report(1, 4)
        half_way = stream.getvalue().decode()
        report(4, 4)

    assert "Copying" in half_way
    assert "25%" in half_way
    assert "100%" in stream.getvalue().decode()
    assert stream.getvalue().decode().endswith("\x1b[2K")
    assert not stream.closed


@pytest.mark.parametrize("width", [30, 60])
def test_progress_keeps_to_the_width_and_the_switches_for_colour(
    width: int,
) -> None:
    coloured, plain = io.BytesIO(), io.BytesIO()

    for stream, variables in ((coloured, {}), (plain, {"NO_COLOR": "1"})):
        with progress(
            "Copying",
            stream,
            width=width,
            variables={"TERM": "xterm-256color", **variables},
        ) as report:
            report(1, 4)

    lines = re.split(
        r"[\r\n]+",
        re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", plain.getvalue().decode()),
    )
    assert max(map(len, lines)) <= width
    assert (max(map(len, lines)) > 40) is (width == 60)
    assert re.search(rb"\x1b\[[0-9;]*3\d", coloured.getvalue())
    assert not re.search(rb"\x1b\[[0-9;]*3\d", plain.getvalue())


def test_progress_draws_only_when_it_is_told_something() -> None:
    before = threading.active_count()

    with progress("Copying", io.BytesIO(), width=60, variables={}):
        assert threading.active_count() == before


def test_progress_leaves_the_stream_open_after_a_fault() -> None:
    stream = io.BytesIO()

    with (
        suppress(KeyError),
        progress("Copying", stream, width=60, variables={}) as report,
    ):
        report(1, 2)
        raise KeyError

    stream.write(b"still open")
