"""Text in lines: nothing is lost, no line is too long, and a URL stays whole."""

import random

import pytest
from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from tests.support.texts import FAMILY, PERSIAN
from todo_cli.output.wrap import Link, broken, length, links

URL = "https://example.com/a/long/path?x=1&y=2"
WORDS = [
    "a",
    "word",
    "x" * 30,
    URL,
    "\u8cb7\u3044\u7269",
    "\u8cb7\u3044\u7269\u306b\u884c\u304f" * 8,
    "\uff76\u30ab\uac00a" * 30,
    "\u0e01\u0e33\u0e02\u0e35\u0e48" * 30,
    "e\u0301" * 60,
    FAMILY,
    FAMILY * 20,
    PERSIAN,
    "e\u0301",
    "{}",
    "\u200b",
    "\xad",
    "1\ufe0f\u20e3",
]


def some_text(dice: random.Random) -> str:
    """A title of words of many kinds and lengths."""
    words = dice.choices(WORDS, k=dice.choice([1, 2, 8, 30]))
    return " ".join(words)[:200].strip()


def texts(text: str, width: int, widest: int = 0) -> list[str]:
    """The lines of a text."""
    return [line.text for line in broken(text, width, widest)]


BROKEN: list[tuple[str, int, int, list[str]]] = [
    ("", 10, 0, [""]),
    ("word word", 9, 0, ["word word"]),
    ("word word", 8, 0, ["word", "word"]),
    ("a word  word", 7, 0, ["a word", "word"]),
    # A long word begins where there is room.
    ("ab " + "x" * 12, 8, 0, ["ab xxxxx", "xxxxxxx"]),
    ("abcdefgh " + "x" * 12, 8, 0, ["abcdefgh", "xxxxxxxx", "xxxx"]),
    ("abcdefg " + "x" * 12, 8, 0, ["abcdefg", "xxxxxxxx", "xxxx"]),
    ("x" * 16, 8, 0, ["x" * 8, "x" * 8]),
    ("x" * 16 + " " + "y" * 8, 8, 0, ["x" * 8, "x" * 8, "y" * 8]),
    ("x" * 16 + " y", 8, 0, ["x" * 8, "x" * 8, "y"]),
    ("x" * 17 + " y", 8, 0, ["x" * 8, "x" * 8, "x y"]),
    # Two cells do not fit into the one that is left.
    ("abc " + "\u6f22" * 3, 5, 0, ["abc", "\u6f22\u6f22", "\u6f22"]),
    ("ab " + "\u6f22" * 3, 5, 0, ["ab \u6f22", "\u6f22\u6f22"]),
    ("\u6f22" * 2, 1, 0, ["\u6f22", "\u6f22"]),
    # What has no width stays with the character before it.
    ("e\u0301" * 4, 2, 0, ["e\u0301" * 2, "e\u0301" * 2]),
    (FAMILY * 3, 4, 0, [FAMILY * 2, FAMILY]),
    ("1\ufe0f\u20e3" * 3, 4, 0, ["1\ufe0f\u20e3" * 2, "1\ufe0f\u20e3"]),
    # A URL stays whole if it fits into a line, or beside nothing else.
    ("see http://a.bc now", 12, 0, ["see", "http://a.bc", "now"]),
    ("see http://a.bc now", 10, 11, ["see", "http://a.bc", "now"]),
    ("see http://a.bc now", 10, 10, ["see http:/", "/a.bc now"]),
    ("http://a.bc now", 10, 11, ["http://a.bc", "now"]),
    ("(HTTPS://a.bc)", 10, 14, ["(HTTPS://a.bc)"]),
    ("see " + "x" * 11, 10, 11, ["see xxxxxx", "xxxxx"]),
]


@pytest.mark.spec("002/FR-051", "002/FR-212")
def test_broken_ends_a_line_after_a_word_where_it_can() -> None:
    found = [texts(*case[:3]) for case in BROKEN]

    assert found == [lines for *_, lines in BROKEN]


def test_broken_says_which_line_is_a_longer_url() -> None:
    lines = broken(f"see {URL} now", 10, 60)

    assert [(line.is_wide, line.start) for line in lines] == [
        (False, 0),
        (True, 4),
        (False, 5 + len(URL)),
    ]
    assert [line.length for line in lines] == [3, len(URL), 3]


def test_broken_is_what_rich_does_where_no_word_is_too_long() -> None:
    dice = random.Random(1)
    console = Console(width=200, _environ={})
    for _ in range(300):
        width = dice.randint(4, 40)
        words = [word for word in WORDS if cell_len(word) <= width]
        text = " ".join(dice.choices(words, k=dice.randint(1, 30)))
        by_rich = Text(text).wrap(console, width)

        assert texts(text, width) == [line.plain.rstrip() for line in by_rich]


def test_broken_loses_nothing_and_keeps_to_the_width() -> None:
    dice = random.Random(2)
    for _ in range(500):
        text = some_text(dice)
        width = dice.randint(2, 100)
        widest = width + dice.choice([0, 10, 40])
        lines = broken(text, width, widest)

        assert "".join("".join(line.text.split()) for line in lines) == (
            "".join(text.split())
        )
        for line in lines:
            assert line.length == cell_len(line.text), (text, width)
            assert line.length <= (widest if line.is_wide else width)
            assert text[line.start :].startswith(line.text)
            assert not line.is_wide or "https://" in line.text


def test_length_is_that_of_rich() -> None:
    more = [
        "\u200d",
        "a\u200d",
        "\ufe0f",
        "\ufe0f\ufe0fa",
        "\u200da\ufe0f1\ufe0f",
    ]
    for text in [*WORDS, *more]:
        assert length(text) == cell_len(text), ascii(text)
        assert broken(text, 500)[0].length == cell_len(text)


LINKS = {
    "none": [],
    "http:/x.org": [],
    "see http://x.org now": ["http://x.org"],
    "HTTPS://x.org/a?b=c#d": ["HTTPS://x.org/a?b=c#d"],
    "(see https://x.org/.)": ["https://x.org/"],
    "https://x.org/a_(b), https://y.org!": [
        "https://x.org/a_(b)",
        "https://y.org",
    ],
    '"https://x.org/a"': ["https://x.org/a"],
    "<https://x.org/a>": ["https://x.org/a"],
    "[link=https://evil.example]x[/link]": ["https://evil.example"],
    "https://x.org/\u6f22?a=%20": ["https://x.org/%E6%BC%A2?a=%20"],
    "file:///etc/passwd javascript://x": [],
    r"https://x.org/\x1b": ["https://x.org/"],
    "mailto:ada@example.org, mailto:nobody": ["mailto:ada@example.org"],
    # The host is not the one that it seems to be, or there is a password.
    "https://bank.example@evil.example/": [],
    "https://ada:secret@x.org/a": [],
    "https://x.org/@ada?a=b@c": ["https://x.org/@ada?a=b@c"],
    # Nobody sees these characters, unless they are after the URL.
    "https://x.org/a\u200eb": [],
    "https://evil.example\u200b.bank.example/": [],
    "https://bank.example\xad.evil.example/": [],
    "https://x.org/a\u200db https://x.org/a\u200cb": [],
    "https://x.org/\ufe0f\u2063x https://x.org\U000e0061.z": [],
    "https://x.org/\u3164y https://x.org/\u180ey": [],
    "https://x.org/a\u200f. https://y.org\u200b,": [
        "https://x.org/a",
        "https://y.org",
    ],
    "data:text/html,x ssh://x.org vbscript:x": [],
    "https://x.org/" + "a" * 1_986: ["https://x.org/" + "a" * 1_986],
    "https://x.org/" + "a" * 1_987: [],
    "https://x.org/" + "\u6f22" * 300: [],
}


@pytest.mark.spec("002/FR-212", "002/FR-339")
def test_links_finds_urls_without_what_is_around_them() -> None:
    found = {text: [link.target for link in links(text)] for text in LINKS}

    assert found == LINKS
    assert links("a http://x.org.") == [Link(2, 14, "http://x.org")]
    assert links("http://x.org/\u6f22")[0].end == 14
