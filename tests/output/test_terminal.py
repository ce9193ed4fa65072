"""A table for a terminal of any width, with colour or without: no row, no number and no
word is lost.
"""

import io
import re
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import pytest

from tests.output.values import FAMILY, HARMLESS, HOSTILE, PERSIAN, done, scene, task
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
    return listed(TaskPage(list(tasks), 3, 5, TaskQuery(TaskStatus.ALL)), scene())


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
        lambda code: "</>" if code[0] == "\x1b[0m" else f"<{code[0][2:-1]}>", text
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
        "<36>12</>   <32>x </><2;32>Buy bread</>",
        "<36> 3</>   word word word word word",
        "     xxxxxxxxxxxxxxxxxxxxxxxxxx",
        "     xxxx",
        "<2>3 open, 5 done</>",
    ]
    assert as_tags(drawn(shown(task(3, "word " * 5 + "x" * 30), scene()), width=40))[
        :6
    ] == [
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
    text = read(listing(done(2), task(1)), width)

    assert ("ago" in text) is (width >= 50)
    assert ("open  " in text) is (width >= 32)
    assert ("x Buy bread" in text) is (width < 32)


@pytest.mark.spec("002/FR-051")
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize(
    ("title", "mark"),
    [
        ("word " * 39 + "last", "w"),
        ("z" * 200, "z"),
        (FAMILY * 28, FAMILY[0]),
        (PERSIAN * 22, PERSIAN[-1]),
        ("\u6f22" * 200, "\u6f22"),
    ],
    ids=["words", "one word", "emoji", "persian", "wide"],
)
def test_render_wraps_the_title_and_loses_nothing(
    width: int, title: str, mark: str
) -> None:
    text = read(listing(task(999_999_999, title), task(1)), width)

    assert text.count("999999999") == 1
    assert text.count(mark) == title.count(mark)


@pytest.mark.spec("002/FR-051")
@pytest.mark.parametrize("width", WIDTHS)
def test_render_wraps_nothing_but_text(width: int) -> None:
    text = read(listing(done(4_999_999_999, "x" * 200)), width)
    fields = read(shown(task(1, "x" * 200), scene()), width)

    assert "4999999999" in text
    assert ("done  " in text) is (width >= 32)
    assert ("1 hour ago" in text) is (width >= 50)
    assert "2 hours ago" in read(listing(done(10**18, "x" * 200), task(3)), width=50)
    assert {"description", "completed_at"} <= set(fields.split())


@pytest.mark.spec("002/FR-051")
@pytest.mark.parametrize("width", WIDTHS)
def test_render_never_draws_beyond_the_width(width: int) -> None:
    lines = read(
        listing(*(task(number, "word " * 30) for number in range(995, 1_005))), width
    ).splitlines()

    assert max(map(len, lines)) <= width
    assert [
        int(line.split()[0])
        for line in lines
        if re.match(r" *\d+ ", line) and "open," not in line
    ] == [*range(995, 1_005)]


@pytest.mark.spec("002/FR-053")
def test_render_says_in_one_line_that_a_list_is_empty() -> None:
    sheet = listed(TaskPage([], 0, 0, TaskQuery(TaskStatus.ALL)), scene())

    assert read(sheet, width=20) == "No tasks for ada in db.example/shop\n"


@pytest.mark.spec("002/FR-057")
@pytest.mark.parametrize(
    "title",
    [
        "[/]",
        "[bold]x[/bold]",
        "[link=https://evil.example]x[/link]",
        ":smile:",
        "\\[x]",
    ],
)
def test_render_shows_text_as_text(title: str) -> None:
    sheets = [
        listing(task(1, title)),
        shown(task(1, title), scene()),
        Changed("Done", is_single=True)([task(1, title)], scene()),
    ]

    for sheet in sheets:
        assert title in read(sheet)
        assert "\x1b]8" not in drawn(sheet)


@pytest.mark.spec("002/FR-057")
def test_render_makes_hostile_text_visible_everywhere() -> None:
    hostile = task(1, HOSTILE, description=f"one\n\t{HOSTILE}")
    sheets = [
        listing(hostile),
        shown(hostile, scene()),
        Changed("Done", is_single=True)([hostile], scene()),
    ]

    for sheet in sheets:
        assert HARMLESS in read(sheet, width=200)
        assert set(CONTROL.sub("", drawn(sheet, 200))) & set(HOSTILE) <= set(
            "abcdef[31m"
        )


def test_render_draws_every_field_of_a_task() -> None:
    lines = read(shown(task(7, description="one\n\ttwo"), scene())).splitlines()

    assert [line.split()[0] for line in lines if not line.startswith(" ")] == list(
        Task.__slots__
    )
    assert re.fullmatch(r"description +one *", lines[4])
    assert re.fullmatch(r" +    two *", lines[5])


def test_render_leaves_long_lines_of_a_change_to_the_terminal() -> None:
    sheet = Changed("Deleted", is_single=False)(
        [task(1, "word " * 39 + "last"), task(2)], scene()
    )

    assert (
        read(sheet, width=20) == f"Deleted 1: {'word ' * 39}last\nDeleted 2: Buy milk\n"
    )


@pytest.mark.spec("002/FR-052")
@pytest.mark.parametrize(
    ("variables", "coloured"),
    [
        ({}, True),
        ({"NO_COLOR": "1"}, False),
        ({"NO_COLOR": ""}, True),
        ({"TERM": "dumb"}, False),
        ({"TERM": "unknown"}, False),
        ({"FORCE_COLOR": "1"}, True),
        ({"COLORTERM": "truecolor"}, True),
    ],
)
def test_render_honours_the_switches_for_colour(
    variables: Mapping[str, Any], coloured: bool
) -> None:
    text = drawn(listing(done(2), task(1)), **variables)

    assert (re.search(r"\x1b\[[0-9;]*3\dm", text) is not None) is coloured


@pytest.mark.spec("002/FR-052")
@pytest.mark.parametrize("width", [30, 80])
def test_render_never_tells_done_from_open_by_colour_alone(width: int) -> None:
    one, other = (
        read(listing(done(1, "same")), width),
        read(listing(task(1, "same")), width),
    )

    assert re.sub(r"\d hours? ago", "", one) != re.sub(r"\d hours? ago", "", other)


@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "latin-1", "cp1252"])
def test_render_draws_lines_that_the_encoding_has(encoding: str) -> None:
    rule = read(listing(task()), encoding=encoding).splitlines()[1]

    rule.encode(encoding)
    assert set(rule.strip()) <= ({"\u2500"} if encoding == "utf-8" else {"-", "+"})


@pytest.mark.parametrize(
    "variables",
    [
        {"COLUMNS": "10"},
        {"LINES": "1"},
        {"TERM_PROGRAM": "x"},
        {"JUPYTER_COLUMNS": "9"},
    ],
)
def test_render_goes_by_the_width_it_is_given(variables: Mapping[str, Any]) -> None:
    assert drawn(listing(task()), width=60, **variables) == drawn(
        listing(task()), width=60
    )


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
def test_progress_keeps_to_the_width_and_the_switches_for_colour(width: int) -> None:
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
        r"[\r\n]+", re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", plain.getvalue().decode())
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
