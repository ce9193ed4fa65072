"""Texts that would drive a terminal, forge a line or fool a reader; texts that look
strange and must survive; and how the first are shown.

The one list of them for all tests.
"""

import re
from collections.abc import Iterator
from itertools import chain
from typing import Final
from urllib.parse import unquote

from tests.support.program import Ran

# Written out here a second time on purpose: the contract's list, not the program's.
CLASSES: Final = {
    "C0": range(0x20),
    "DEL": range(0x7F, 0x80),
    "C1": range(0x80, 0xA0),
    "line separators": range(0x2028, 0x202A),
    "bidi embeddings and overrides": range(0x202A, 0x202F),
    "bidi isolates": range(0x2066, 0x206A),
    "lone surrogates": range(0xD800, 0xE000),
}
REFUSED_CODES: Final = frozenset(chain.from_iterable(CLASSES.values()))
REFUSED: Final = frozenset(map(chr, REFUSED_CODES))
STORABLE: Final = [
    chr(code) for code in sorted(REFUSED_CODES) if code < 0xD800
]
"""What no rule of ours lets in, and another program can have stored."""

UNSAFE: Final = re.compile(f"(?![\n\t])[{''.join(sorted(REFUSED))}]")
"""A character that must reach neither a terminal nor a pipe, where LF and TAB are ours."""

STYLES: Final = re.compile("\x1b\\[(0|1|1;31)m")
"""The styles that our tables have, as Rich writes them: no other sequence is taken away
before it is looked for.
"""
LINKS: Final = re.compile(
    "\x1b]8;id=todo-[0-9]+;(?P<target>https?://[!-~]+)\x1b\\\\"
    "(?P<shown>[^\x1b]+)\x1b]8;;\x1b\\\\",
    re.IGNORECASE,
)
"""The links of our tables; they lead where they say."""

FAMILY: Final = "\U0001f468\u200d\U0001f469\u200d\U0001f467"
PERSIAN: Final = "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645"
HEBREW: Final = "\u200f\u05e9\u05dc\u05d5\u05dd 3 (\u05d7\u05dc\u05d1)\u200f"
ARABIC: Final = "\u061c\u0645\u0631\u062d\u0628\u0627"

MIXED: Final = "a\x1b[31mb\u202ec\x9bd\u2028e\udcfff\x7f"
"""Text that would drive a terminal, reverse it, or not be UTF-8."""
MIXED_SHOWN: Final = r"a\x1b[31mb\u202ec\x9bd\u2028e\udcfff\x7f"
"""The same, made visible."""

CONTROLS: Final = """
31m 1;31;5m 38;5;196m 38;2;255;0;0m 8m 7m 0m 2m 36m 4:3m m 2J 3J J K 2K 1K H 1;1H 10A 10B 10C 10D 999;999f G 5d s u
6n c >c =c 5n ?6n 14t 18t 21t 8;1;1t 2t 5i 4i ?5i 1;2r 4h 20h !p ?25l ?25h ?47h ?1049h ?1049l ?1000h ?1003h ?1006h
?2004h ?5h ?7l ?69h ?2026h 200~ 201~ 1P 1L 1M 1X 3@ 1S 1T 1"q >4;2m ?1u $p
"""
"""After CSI."""

OPERATIONS: Final = """
0;owned 1;owned 2;owned 4;1;rgb:ff/00/00 7;file:///etc 9;done 10;? 11;? 50;? 52;c;? 52;c;ZWNobyBvd25lZA==
52;p;ZWNobwo= 8;;https://evil.example 8;; 104 133;A 633;E;ls 777;notify;a;b 1337;File=inline=1:AAAA 1337;SetMark
1337;RequestAttachToTmux
"""
"""After OSC."""

DRIVING: Final = """\
\x1bP+q544e\x1b\\
\x1bP$qm\x1b\\
\x1bXsos\x1b\\
\x1b^pm\x1b\\
\x1b_Gf=100;AAAA\x1b\\
\x1bk\x07
\x90+q544e\x9c
\x98sos\x9c
\x9epm\x9c
\x9fGf=100\x9c
\x1bc
\x1b#8
\x1b(0
\x1b%@
\x1b7\x1b8
\x1bD
\x1bM
\x1bE
\x1b=
\x1bN
\x1b[
\x1b
\x1b\x1b[31m
\x0e\x0f
rm\x08\x08ls
safe\x0drm -rf
a\x7f\x7fb
\x05
\x84\x85\x8d
\x00end
\x18\x1a
\x9b31m\x9b0m
a\x09b\x09c
\x0b\x0c
a\x85b
a\u2028b
a\u2029b
\u202egnp.exe
\u202dabc\u202c
\u2066x\u2069
\u2067if admin\u2069 \u2068x\u2069
/*\u202e } \u2066if (admin)\u2069 \u2066 begin */
\u202a\u202b\u202c\u202d\u202e
[/]\x1b[2J
:smile:\u202e
a\x1b[1;\x0831mb
a\x9b0 qb
"""

FORGED: Final = (
    "a\r\nINFO: forged",
    "a\nerror: forged\nhint: forged",
    "a\n  2: forged\nDelete 1 task? [y/N] y",
    "a\x1b[\n31mb",
)
"""Lines of ours, written by others."""

SURVIVORS: Final = """\
[/]
[bold]x
[red]x[/red]
[link=https://example.com]x[/link]
[@click=app.quit]x[/]
[[]]
\\[bold]
:smile:
:warning-emoji:
:no_such_code:
C:\\[x]\\n
\\x1b[31m
\\u202e
\\
\\\\n
^[[31m
␛[31m
--json
-h
--
-
=1+1
@SUM(1)
+1
%s %d %n
{0} {x!r}
${HOME}
$(reboot)
`reboot`
!!
'; DROP TABLE task; --
" OR 1=1
<script>alert(1)</script>
&amp;
{"success": true}
null
a;b|c&d
~
*
é é
Z̷̢̛͓a̴l̶g̵o̷
क्षि
กำ
ሰላም
한국어 한국어
ｆｕｌｌ
ﬁ Ⅷ
ẞß
İı
ǅ
ΑΣσς
👩‍👩‍👧‍👦
👨🏽‍🚀
🏴‍☠️
🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f
🇮🇷🇮🇱
1️⃣
❤️ ❤︎
🧑🏿‍🤝‍🧑🏻
😶‍🌫️
می\u200cخواهم نان بخرم
کتاب\u200cها
\u200fשלום\u200f world
\u200eabc\u061cd
العربية
שָׁלוֹם
ب\u061c(1)
zero\u200bwidth
\ufeffmark
soft\xadhyphen
word\u2060joiner
a\xa0b
a\u3000b
\u2003x
\u180ex
\u034fx
\ufff9x\ufffay\ufffb
\ufffd
\U000f0000x
\ue000
\u2800x
\u3164x
買牛乳 牛乳を買う
𝒳 𠮷
☐ ✓ │ ─
🂡🀄
"""


def _hostile() -> Iterator[str]:
    yield from (f"A{character}Z" for character in STORABLE)
    yield from (
        f"a{start}{rest}b"
        for rest in CONTROLS.split()
        for start in ("\x1b[", "\x9b")
    )
    yield from (
        f"a{start}{rest}{end}b"
        for rest in OPERATIONS.split()
        for start, end in (("\x1b]", "\x07"), ("\x9d", "\x9c"))
    )
    yield from DRIVING.strip("\n").split("\n")
    yield from FORGED


HOSTILE: Final = tuple(_hostile())
"""What only another program can have stored; a NUL no PostgreSQL holds."""
HARMLESS: Final = tuple(SURVIVORS.strip("\n").split("\n"))
CORPUS: Final = HOSTILE + HARMLESS
BYTES: Final = tuple(
    chr(code)
    for code in (
        0xD800,
        0xD83D,
        0xDBFF,
        0xDC00,
        0xDC80,
        0xDC9B,
        0xDCFF,
        0xDFFF,
    )
)
"""Lone surrogates, which no store holds; the last hundred or so are how Python carries
bytes that are not UTF-8.
"""


def shown(text: str) -> str:
    """A text as it has to be shown on one line."""
    return "".join(
        _written(character) if character in REFUSED else character
        for character in text
    )


def _written(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def unstyled(text: str) -> str:
    """What a terminal shows, without our own styles and links."""
    return LINKS.sub(_text_of_link, STYLES.sub("", text))


def _text_of_link(link: re.Match[str]) -> str:
    """What is shown of a link; all of it where it leads elsewhere than it says."""
    if link["shown"] in unquote(link["target"]):
        return link["shown"]
    return link[0]


def raw(ran: Ran, *, is_terminal: bool = False) -> list[str]:
    """The characters that must not be in what was printed; in pipes a TAB is a border of ours."""
    allowed = {"\n"} if is_terminal else {"\n", "\t"}
    text = (
        unstyled(ran.out) + unstyled(ran.err)
        if is_terminal
        else ran.out + ran.err
    )
    return sorted(set(text) & (REFUSED - allowed))


def raw_in_document(text: str) -> list[str]:
    """The characters that must not be in a JSON document, which is one line."""
    return sorted(set(text.removesuffix("\n")) & REFUSED)
