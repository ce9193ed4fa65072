"""A table for a terminal of any width, with colour or without: no row, no number and no
word is lost.
"""

import io
import random
import re
import string
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import pytest
from rich.cells import cell_len

from tests.output.values import (
    DAY,
    NOW,
    TODAY,
    context,
    done,
    listing,
    page,
    task,
)
from tests.support.texts import FAMILY, MIXED, MIXED_SHOWN, PERSIAN
from todo_cli.database.transfer import Imported, Renumbered
from todo_cli.output import words
from todo_cli.output.plain import render as in_pipe
from todo_cli.output.terminal import draw, progress
from todo_cli.output.views import (
    Changed,
    Sheet,
    added_all,
    deleted,
    imported,
    listed,
    redone,
    shown,
    undone,
)
from todo_cli.task import (
    Added,
    Counts,
    Group,
    Task,
    TaskQuery,
    TaskStatus,
    Undone,
)

CONTROL = re.compile(r"\x1b\[[0-9;]*m")
LINK = re.compile(
    r"\x1b\]8;id=todo-(\d+);([^\x1b]+)\x1b\\(.*?)\x1b\]8;;\x1b\\"
)
WIDTHS = [20, 31, 32, 49, 50, 80, 200]


def drawn(
    sheet: Sheet, width: int = 80, encoding: str = "utf-8", **variables: str
) -> str:
    """A sheet as it is drawn, colours and all."""
    lines = draw(
        sheet,
        width=width,
        encoding=encoding,
        variables={"TERM": "xterm-256color", **variables},
    )
    return "".join(f"{line}\n" for line in lines)


def read(sheet: Sheet, width: int = 80, encoding: str = "utf-8") -> str:
    """A sheet as it is read, without colours and links."""
    text = CONTROL.sub("", drawn(sheet, width, encoding))
    return LINK.sub(r"\3", text)


def plain(sheet: Sheet, width: int = 80) -> list[str]:
    """The lines of a sheet where words are wanted and no escapes."""
    lines = draw(
        sheet,
        width=width,
        encoding="utf-8",
        variables={"TERM": "dumb"},
        is_plain=True,
        is_styled=False,
    )
    text = "\n".join(lines)
    assert "\x1b" not in text
    return text.split("\n")


@pytest.mark.spec("002/FR-050")
def test_render_draws_number_status_title_age_and_counts() -> None:
    lines = read(listing(done(12), task(3)), width=60).splitlines()

    assert lines[0].split() == ["#", "Status", "Task", "When"]
    assert re.fullmatch(r"12  done +Buy bread +1 hour ago", lines[2])
    assert re.fullmatch(r" 3  open +Buy milk +2 hours ago", lines[3])
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


FULL = [
    task(
        12,
        "Pay the rent for the whole of the winter",
        due_on=TODAY - 2 * DAY,
        priority="high",
        project="home.kitchen",
        tags=["errand", "food"],
        description="cash",
    ),
    task(4, "Write to Grace", due_on=TODAY, priority="low", project="work"),
    task(3, "Rest", wait_until=TODAY + DAY),
    done(2, due_on=TODAY + 7 * DAY),
]

WIDE = """\
<1> #  Status   Task                            Project       Tags         Waits until  Due             Pri   When</>
{rule}
12  open     Pay the rent for the whole of   home.kitchen  errand food               <1;38;5;196>overdue 2 days</>  <1>high</>  2 hours ago
             the winter *
 4  open     Write to Grace                  work                                    <1>today</>           low   2 hours ago
 3  waiting  Rest                                                       tomorrow                           2 hours ago
 2  done     Buy bread                                                               Fri 9 Jan             1 hour ago
3 open, 5 done  (* has notes)
"""
NARROW = """\
<1> #      Task                    Due</>
{rule}
12  <1> H</>  Pay the rent for the    <1;38;5;196>overdue 2 days</>
        whole of the winter *
 4   L  Write to Grace          <1>today</>
 3  w   Rest
 2  x   Buy bread               Fri 9 Jan
3 open, 5 done
(* has notes, x done, w waiting, H high,
L low)
"""
NARROWEST = """\
<1> #       Task</>
{rule}
12  <1;38;5;196> !H</>  Pay the rent for the
         whole of the winter *
 4    L  Write to Grace
 3  w    Rest
 2  x    Buy bread
3 open, 5 done
(* has notes, x done,
w waiting, ! overdue, H high,
L low)
"""


@pytest.mark.spec("002/FR-050", "002/FR-051", "002/FR-210")
def test_render_draws_lists_like_this() -> None:
    for width, rule, wanted in (
        (118, 118, WIDE),
        (46, 46, NARROW),
        (30, 30, NARROWEST),
    ):
        lines = wanted.replace("{rule}", "\u2500" * rule)
        shown = as_tags(drawn(listing(*FULL), width))
        assert shown == lines.splitlines(), width


CARD = """\
<1>Pay the rent for the whole of the winter</>
#12 · open
<1;38;5;196>overdue 2 days (Wed 31 Dec 2025)</>
<1>high priority</> · project home.kitchen
#errand #food
added 2 Jan 2026, 01:04 UTC
(2 hours ago) by ada

  cash

id 00000000-0000-0000-0000-00000000000c
version 1
"""
NARROW_CARD = """\
<1>Pay the rent for the</>
<1>whole of the winter</>
#12 · open
<1;38;5;196>overdue 2 days</>
<1;38;5;196>(Wed 31 Dec 2025)</>
<1>high priority</>
project home.kitchen
#errand #food
added
2 Jan 2026, 01:04
UTC (2 hours ago)
by ada

  cash

id
00000000-0000-0000-0
000-00000000000c
version 1
"""
PLAIN_CARD = """\
Pay the rent for the whole of the winter
number 12, open, overdue 2 days (Wed 31 Dec 2025)
high priority, project home.kitchen, tags errand food
added 2 Jan 2026, 01:04 UTC (2 hours ago) by ada

  cash

id 00000000-0000-0000-0000-00000000000c, version 1
"""


@pytest.mark.spec("002/FR-211", "002/FR-150")
def test_render_draws_a_task_like_this() -> None:
    sheet = shown(FULL[0], context())

    assert as_tags(drawn(sheet, width=40)) == CARD.splitlines()
    assert as_tags(drawn(sheet, width=20)) == NARROW_CARD.splitlines()
    assert plain(sheet, width=53) == PLAIN_CARD.splitlines()
    first, *_ = read(sheet, width=53, encoding="ascii").splitlines()[1:]
    assert first == "#12, open, overdue 2 days (Wed 31 Dec 2025)"


@pytest.mark.spec("002/FR-211")
def test_render_breaks_no_part_of_a_task_that_fits_into_a_line() -> None:
    sheet = shown(FULL[0], context())
    whole = {
        40: [str(FULL[0].id), "overdue 2 days (Wed 31 Dec 2025)"],
        36: [str(FULL[0].id), "added 2 Jan 2026, 01:04 UTC"],
        26: ["added", "2 Jan 2026, 01:04 UTC", "project home.kitchen"],
        20: ["overdue 2 days", "(Wed 31 Dec 2025)", "high priority"],
    }

    for width, parts in whole.items():
        lines = read(sheet, width).splitlines()
        assert max(map(cell_len, lines)) <= width
        assert [part for part in parts if part not in "\n".join(lines)] == []


@pytest.mark.spec("002/FR-211")
def test_render_begins_a_line_with_each_thing_that_happened() -> None:
    sheet = shown(done(deleted_at=NOW, updated_at=NOW), context())
    moments = ["added 2 Jan 2026", "done 2 Jan 2026", "deleted 2 Jan 2026"]

    for width in (32, 40, 80, 200):
        lines = read(sheet, width).splitlines()
        begun = [line[: line.find(",")] for line in lines]
        assert [words for words in begun if words in moments] == moments


def test_render_draws_the_notes_of_a_task_as_they_are() -> None:
    notes = "one\n\n\ttwo " + "word " * 8 + "\n- three"
    lines = read(shown(task(description=notes), context()), 30).splitlines()

    assert lines[lines.index("  one") :] == [
        "  one",
        "",
        "      two word word word word",
        "  word word word word",
        "  - three",
        "",
        "id",
        "00000000-0000-0000-0000-000000",
        "000001 · version 1",
    ]


@pytest.mark.spec("002/FR-214")
def test_render_draws_a_heading_for_each_group() -> None:
    tasks = [
        task(1, "a", project="home"),
        task(2, "b", project="home"),
        task(3, "c", project="work " * 8),
        task(4, "d"),
    ]
    sheet = listing(*tasks, query=TaskQuery(group=Group.PROJECT))
    lines = [
        *("<1>#  Task  When</>", "\u2500" * 20),
        *(
            "<1>Project home</>",
            "1  a     2 hours ago",
            "2  b     2 hours ago",
        ),
        *(
            "",
            "<1>Project work work work work work</>",
            "<1>work work work</>",
        ),
        *(
            "3  c     2 hours ago",
            "",
            "<1>No project</>",
            "4  d     2 hours ago",
        ),
        "3 open, 5 done",
    ]

    assert as_tags(drawn(sheet, width=33)) == lines
    assert plain(sheet, width=33)[1] == "Project home"
    assert "Project" not in read(listing(*tasks[3:]))


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

        fields = read(shown(task(1, title), context()), width)
        assert fields.count(mark) >= title.count(mark)


@pytest.mark.spec("002/FR-051")
@pytest.mark.parametrize("width", WIDTHS)
def test_render_loses_nothing_of_a_long_project_or_many_tags(
    width: int,
) -> None:
    tags = [f"{letter}" * 50 for letter in string.ascii_letters[:50]]
    one = task(1, "Tea", project="#" * 100, tags=tags)

    for sheet in (
        listing(one),
        listing(one, query=TaskQuery(group=Group.PROJECT)),
    ):
        text = read(sheet, width)
        is_shown = "Project" in text
        assert text.count("#") >= (100 if is_shown else 0)
        if "Tags" in text:
            assert [tag for tag in tags if text.count(tag[0]) < 50] == []
        assert max(map(cell_len, text.splitlines()[:-1])) <= width


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
    "(http://example.com/" + "y" * 90 + ").",
    "\u8cb7\u3044\u7269\u306b\u884c\u304f" * 8,
    "e\u0301" * 60,
    FAMILY,
    PERSIAN,
    "{}",
    "{title}",
    "[b]",
    "\ue000\ue001",
    "\u200b",
    "1\ufe0f\u20e3",
]


def some_tasks(dice: random.Random) -> list[Task]:
    """Up to eight tasks with values of many kinds and lengths."""
    tasks = []
    for place in range(dice.randint(1, 8)):
        words = dice.choices(WORDS, k=dice.choice([1, 2, 8, 30]))
        one = dice.choice([task, done])
        tasks.append(
            one(
                dice.choice([1, 4, 99, 4_999_999]) * 10 + place,
                " ".join(words)[:200].strip(),
                due_on=dice.choice([None, TODAY, TODAY - 999 * DAY]),
                wait_until=dice.choice([None, TODAY + DAY]),
                priority=dice.choice([None, "high", "low"]),
                project=dice.choice([None, "p", "pq" * 40, "{number}"]),
                tags=dice.choice([[], ["t"], ["t" * 50, "u" * 40]]),
                description=dice.choice([None, "n"]),
            )
        )
    return tasks


@pytest.mark.spec("002/FR-050", "002/FR-051")
def test_render_draws_every_task_whole_whatever_it_has() -> None:
    dice = random.Random(1)
    for _ in range(300):
        tasks = some_tasks(dice)
        width = dice.choice([*WIDTHS, dice.randint(20, 200)])
        _names, _rule, *lines, _footer = read(
            listing(*tasks), width
        ).splitlines()
        rows = "\n".join(lines)
        firsts = [re.match(r" *(\d+)  ", line) for line in lines]

        assert [int(first[1]) for first in firsts if first] == [
            one.number for one in tasks
        ]
        assert max(map(cell_len, lines)) <= width
        assert "" not in [line.strip() for line in lines]
        assert [line for line in lines if line != line.rstrip()] == []
        for letter in "x\u8cb7\u0301\u200b" + FAMILY[0] + PERSIAN[-1]:
            wanted = sum(one.title.count(letter) for one in tasks)
            assert rows.count(letter) >= wanted, (letter, width)


@pytest.mark.spec("002/FR-212")
@pytest.mark.parametrize(
    ("title", "wanted"),
    [
        (
            "Write https://example.com/12345678901234567890123 down",
            [
                "1  Write                 overdue 2 days  2 hours ago",
                "   https://example.com/12345678901234567890123",
                "   down",
            ],
        ),
        (
            "https://example.com/12345678901234567890123 down",
            [
                "1  https://example.com/12345678901234567890123",
                "   down                  overdue 2 days  2 hours ago",
            ],
        ),
        (
            "Write https://example.com/" + "0123456789" * 5,
            [
                "1  Write https://exampl  overdue 2 days  2 hours ago",
                "   e.com/01234567890123",
                "   45678901234567890123",
                "   4567890123456789",
            ],
        ),
    ],
    ids=["in the middle", "first", "longer than a line"],
)
def test_render_keeps_a_url_whole_where_a_line_has_room(
    title: str, wanted: list[str]
) -> None:
    """As in the field: a URL broken over two lines can neither be opened nor copied."""
    sheet = listing(task(1, title, due_on=TODAY - 2 * DAY))

    lines = read(sheet, width=52).splitlines()
    assert lines[2:-1] == wanted


@pytest.mark.spec("002/FR-212")
def test_render_puts_a_long_url_below_what_is_beside_it() -> None:
    url = "https://example.com/" + "0123456789" * 2
    project = "abcdefghijklmno"
    tasks = [task(1, f"a {url} b", project=project), task(2, url)]
    lines = read(listing(*tasks, task(3, url, project=project)), 44)

    assert lines.splitlines()[2:-1] == [
        "1  a                   abcdefgh  2 hours ago",
        "                       ijklmno",
        f"   {url}",
        "   b",
        f"2  {url}",
        "                                 2 hours ago",
        f"3  {url}",
        "                       abcdefgh  2 hours ago",
        "                       ijklmno",
    ]


@pytest.mark.spec("002/FR-212")
def test_render_draws_urls_as_links() -> None:
    url = "https://example.com/" + "0123456789" * 3
    sheet = listing(task(1, f"see {url}, b"), task(2, "http://x.org"))

    def found(width: int, **variables: str) -> list[tuple[str, ...]]:
        return LINK.findall(drawn(sheet, width, **variables))

    whole = [("1", url, url), ("2", "http://x.org", "http://x.org")]
    assert found(100) == found(100, NO_COLOR="1") == whole
    parts = found(30)
    assert {part[:2] for part in parts} == {one[:2] for one in whole}
    assert "".join(part[2] for part in parts[:-1]) == url
    assert len(parts) > 2
    for term in ("dumb", "unknown", "linux", "linux-16color", "eterm-color"):
        assert "\x1b]8" not in drawn(sheet, TERM=term)
    notes = shown(task(description=f"a\n{url} http://x.org"), context())
    assert [link[1] for link in LINK.findall(drawn(notes))] == [
        url,
        "http://x.org",
    ]
    assert plain(notes)[-3] == f"  {url} http://x.org"
    assert url in "".join(plain(sheet, 100))


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

    assert a_row < 140


@pytest.mark.spec("002/FR-150")
def test_render_uses_words_where_lines_are_to_be_plain() -> None:
    sheet = listing(done(12), task(3, "word " * 5 + "word", description="a"))

    assert plain(sheet, 60) == [
        "Number  Status  Task                             When",
        "    12  done    Buy bread                        1 hour ago",
        "     3  open    word word word word word word    2 hours ago",
        "                (notes)",
        "3 open, 5 done",
    ]
    assert plain(sheet, 30) == [
        "Number  Task",
        "    12  done: Buy bread",
        "     3  word word word word",
        "        word word (notes)",
        "3 open, 5 done",
    ]


@pytest.mark.spec("002/FR-053")
def test_render_says_that_a_list_is_empty() -> None:
    empty = page(query=TaskQuery(TaskStatus.ALL), counts=Counts())
    sheet = listed(empty, context())

    assert read(sheet) == "No tasks for ada in db.example/shop\n"
    assert read(sheet, 20) == "No tasks for ada in\ndb.example/shop\n"


def in_every_form(one: Task) -> list[Sheet]:
    """A task in a list, by itself, and changed."""
    done_sheet = Changed(words.DONE, is_single=True)([one], context())
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
            for _, target, text in LINK.findall(drawn(sheet)):
                assert target == text == "https://evil.example"


@pytest.mark.spec("002/FR-057")
def test_render_makes_hostile_text_visible_everywhere() -> None:
    for sheet in in_every_form(task(1, MIXED, description=f"one\n\t{MIXED}")):
        assert MIXED_SHOWN in read(sheet, width=200)
        assert set(read(sheet, 200)) & set(MIXED) <= set("abcdef[31m")


def test_render_draws_names_and_values_or_groups_of_them() -> None:
    fields = [("long_name", "word " * 6), ("b", "one\ntwo"), ("c", "")]
    lines = read(Sheet(None, "", fields=fields), 30).splitlines()
    groups = {"One": [("B", "one\ntwo")], "None": [], "Two": [("Long", "")]}
    grouped = drawn(Sheet(None, "", fields=fields, groups=groups))

    assert lines == [
        "long_name  word word word word",
        "           word word",
        "b          one",
        "           two",
        "c",
    ]
    assert as_tags(grouped) == [
        *("", "<1>One</>", "B     one", "      two"),
        *("", "<1>Two</>", "Long"),
    ]
    assert read(Sheet(None, "", fields=fields, groups={})) == ""
    narrow = read(Sheet(None, "", fields=[("n" * 19, "x" * 9)]), 20)
    assert narrow.split() == ["n" * 19, "x" * 8, "x"]


def test_render_draws_warnings_below_the_lines() -> None:
    sheet = Sheet(None, "", ["OK"], warnings=["a\x1b"], fields=[("b", "c")])

    assert read(sheet) == "OK\nwarning: a\\x1b\nb  c\n"


def test_render_leaves_long_lines_of_a_change_to_the_terminal() -> None:
    sheet = Changed(words.DELETED, is_single=False)(
        [task(1, "word " * 39 + "last"), task(2)], context()
    )

    assert (
        read(sheet, width=20)
        == f"Deleted 1: {'word ' * 39}last\nDeleted 2: Buy milk\n"
    )


COLOUR: list[tuple[Mapping[str, Any], str]] = [
    ({}, "\x1b[1;38;5;196m"),
    ({"NO_COLOR": "1"}, "\x1b[1m"),
    ({"NO_COLOR": ""}, "\x1b[1;38;5;196m"),
    ({"TERM": "dumb"}, ""),
    ({"TERM": "unknown"}, ""),
    ({"FORCE_COLOR": "1"}, "\x1b[1;38;5;196m"),
    ({"COLORTERM": "truecolor", "TERM": "xterm"}, "\x1b[1;38;5;196m"),
    ({"TERM": "xterm"}, "\x1b[1m"),
    ({"TERM": "screen"}, "\x1b[1m"),
    ({"TERM": "linux"}, "\x1b[1m"),
]
LATE = task(1, due_on=TODAY - DAY)


@pytest.mark.spec("002/FR-052", "002/FR-336")
def test_render_honours_the_switches_for_colour() -> None:
    for variables, code in COLOUR:
        text = drawn(listing(done(2), LATE), **variables)
        found = re.search(r"(\x1b\[[0-9;]*m)?overdue 1 day", text)
        assert found is not None
        assert (found[1] or "") == code, variables


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
        "Copying [x]",
        stream,
        width=60,
        encoding="utf-8",
        variables={"TERM": "xterm"},
    ) as report:
        report(1, 4)
        half_way = stream.getvalue().decode()
        report(4, 4)

    assert "Copying" in half_way
    assert "25%" in half_way
    assert "100%" in stream.getvalue().decode()
    assert stream.getvalue().decode().endswith("\x1b[2K")
    assert not stream.closed


@pytest.mark.spec("002/FR-336")
@pytest.mark.parametrize("width", [30, 60])
def test_progress_keeps_to_the_width_and_has_no_colour(width: int) -> None:
    stream = io.BytesIO()

    with progress(
        "Copying",
        stream,
        width=width,
        encoding="utf-8",
        variables={"TERM": "xterm-256color", "FORCE_COLOR": "1"},
    ) as report:
        report(1, 4)

    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", stream.getvalue().decode())
    lines = re.split(r"[\r\n]+", text)
    assert max(map(len, lines)) <= width
    assert (max(map(len, lines)) > 40) is (width == 60)
    assert not CONTROL.search(stream.getvalue().decode())


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_progress_draws_what_the_encoding_has(encoding: str) -> None:
    stream = io.BytesIO()

    with progress(
        "Copying \u6f22", stream, width=60, encoding=encoding, variables={}
    ) as report:
        report(2, 4)

    text = stream.getvalue().decode(encoding)
    assert ("\u6f22" in text) is (encoding == "utf-8")
    assert ("\\u6f22" in text) is (encoding != "utf-8")
    assert ("\u2501" in text) is (encoding == "utf-8")


def test_progress_draws_only_when_it_is_told_something() -> None:
    before = threading.active_count()

    with progress(
        "Copying", io.BytesIO(), width=60, encoding="utf-8", variables={}
    ):
        assert threading.active_count() == before


def test_progress_leaves_the_stream_open_after_a_fault() -> None:
    stream = io.BytesIO()

    with (
        suppress(KeyError),
        progress(
            "Copying", stream, width=60, encoding="utf-8", variables={}
        ) as report,
    ):
        report(1, 2)
        raise KeyError

    stream.write(b"still open")


MANY = [task(number, "a") for number in range(1, 26)]
RENUMBERED = [Renumbered("ada", n, n + 100) for n in range(1, 26)]
UNDONE = Undone(9, 8, "import", MANY, (30,))
LONG = {
    "changed": Changed(words.DONE, is_single=False)(MANY, context()),
    "deleted": deleted(MANY, context(), is_single=False),
    "added": added_all([Added(each, is_new=True) for each in MANY], context()),
    "undone": undone(UNDONE, context()),
    "redone": redone(UNDONE, context()),
    "renumbered": imported(
        Imported(25, 1, 25, renumbered=RENUMBERED, history_left=["ada"]),
        context(),
    ),
}
"""Sheets about 25 tasks, one line each."""


@pytest.mark.spec("002/FR-273")
@pytest.mark.parametrize("sheet", LONG.values(), ids=LONG)
def test_of_many_changed_tasks_the_first_are_shown_and_the_others_counted(
    sheet: Sheet,
) -> None:
    lines = read(sheet, width=200).splitlines()
    others = [line for line in sheet.lines if ": a" not in line]
    others = [line for line in others if "Renumbered" not in line]

    assert "and 5 more tasks" in lines
    assert len(lines) == 21 + len(others)
    lines.remove("and 5 more tasks")
    assert set(lines) <= set(sheet.lines)
    assert set(others) <= set(lines)
    assert len(in_pipe(sheet).splitlines()) == 25 + len(others)


@pytest.mark.spec("002/FR-273")
def test_as_many_tasks_as_are_shown_are_shown_without_a_count() -> None:
    sheet = undone(Undone(9, 8, "import", MANY[:20]), context())

    assert read(sheet, width=200).splitlines() == [*sheet.lines]
