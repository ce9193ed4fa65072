"""Reads how the characters on a terminal look, and how well they can be read."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

Rgb = tuple[int, int, int]

ESCAPE = re.compile(
    r"\x1b\[(?P<sgr>[0-9;]*)m"
    r"|\x1b\[[0-9;?]*[A-Za-ln-z]|\x1b\][^\x1b\x07]*(?:\x1b\\|\x07)"
)
"""A change of the look; or what moves the cursor, clears a line or makes a link."""


class Screen(NamedTuple):
    """A background, and the terminal's own colour of text on it."""

    background: Rgb
    text: Rgb


SCREENS = {
    "black": Screen((0, 0, 0), (229, 229, 229)),
    "white": Screen((255, 255, 255), (0, 0, 0)),
    "Solarized Dark": Screen((0, 43, 54), (131, 148, 150)),
    "Solarized Light": Screen((253, 246, 227), (101, 123, 131)),
}


def _palette(text: str) -> list[Rgb]:
    """Sixteen colours, each in six digits."""
    return [
        (int(each[:2], 16), int(each[2:4], 16), int(each[4:], 16))
        for each in text.split()
    ]


PALETTES = {
    "xterm": _palette(
        "000000 cd0000 00cd00 cdcd00 0000ee cd00cd 00cdcd e5e5e5"
        " 7f7f7f ff0000 00ff00 ffff00 5c5cff ff00ff 00ffff ffffff"
    ),
    "VGA": _palette(
        "000000 aa0000 00aa00 aa5500 0000aa aa00aa 00aaaa aaaaaa"
        " 555555 ff5555 55ff55 ffff55 5555ff ff55ff 55ffff ffffff"
    ),
    "Solarized": _palette(
        "073642 dc322f 859900 b58900 268bd2 d33682 2aa198 eee8d5"
        " 002b36 cb4b16 586e75 657b83 839496 6c71c4 93a1a1 fdf6e3"
    ),
}
"""The first sixteen colours; those after them are the same everywhere."""


@dataclass(frozen=True, slots=True)
class Look:
    """How a character is drawn; a colour is its number of 256, or its RGB."""

    colour: int | Rgb | None = None
    background: int | Rgb | None = None
    is_bold: bool = False
    is_dim: bool = False
    is_underlined: bool = False


def runs(text: str) -> Iterator[tuple[str, Look]]:
    """Yield the parts of a text with their looks, without blanks alone."""
    look = Look()
    place = 0
    for escape in ESCAPE.finditer(text):
        if text[place : escape.start()].strip():
            yield text[place : escape.start()], look
        place = escape.end()
        if escape["sgr"] is not None:
            look = _changed(look, escape["sgr"])
    if text[place:].strip():
        yield text[place:], look


def _changed(look: Look, sgr: str) -> Look:
    """A look after the codes of `ESC [ ... m`; fails for one that it does not know."""
    codes = [int(code or "0") for code in sgr.split(";")]
    while codes:
        code = codes.pop(0)
        if code == 0:
            look = Look()
        elif code == 1:
            look = replace(look, is_bold=True)
        elif code == 2:
            look = replace(look, is_dim=True)
        elif code == 4:
            look = replace(look, is_underlined=True)
        elif code == 38:
            look = replace(look, colour=_extended(codes))
        elif code == 48:
            look = replace(look, background=_extended(codes))
        elif code // 10 in (3, 9) and code % 10 < 8:
            bright = 8 * (code // 10 == 9)
            look = replace(look, colour=code % 10 + bright)
        elif code // 10 in (4, 10) and code % 10 < 8:
            bright = 8 * (code // 10 == 10)
            look = replace(look, background=code % 10 + bright)
        else:
            raise AssertionError(f"an unknown code: {code}")
    return look


def _extended(codes: list[int]) -> int | Rgb:
    """Take a colour from the codes after 38 or 48."""
    if codes.pop(0) == 5:
        return codes.pop(0)
    red, green, blue = (codes.pop(0) for _ in range(3))
    return red, green, blue


def contrasts(look: Look) -> Iterator[tuple[str, float]]:
    """Yield the contrast of a look on every background, in every palette.

    A terminal may draw one of the first eight colours brighter if it is bold, and dim
    text in half of its colour.
    """
    for place, screen in SCREENS.items():
        for name, palette in PALETTES.items():
            paper = screen.background
            if look.background is not None:
                paper = _rgb(look.background, palette)
            for ink in _inks(look, screen, palette):
                shown = ink
                if look.is_dim:
                    shown = _between(ink, paper)
                yield f"{name} on {place}", contrast(shown, paper)


def _inks(look: Look, screen: Screen, palette: list[Rgb]) -> Iterator[Rgb]:
    if look.colour is None:
        yield screen.text
        return
    yield _rgb(look.colour, palette)
    if isinstance(look.colour, int) and look.colour < 8 and look.is_bold:
        yield palette[look.colour + 8]


def _rgb(colour: int | Rgb, palette: list[Rgb]) -> Rgb:
    """A colour as light; from 16 on there is a cube of six steps, then grey."""
    if not isinstance(colour, int):
        return colour
    if colour < 16:
        return palette[colour]
    if colour >= 232:
        grey = 8 + 10 * (colour - 232)
        return grey, grey, grey
    steps = (0, 95, 135, 175, 215, 255)
    number = colour - 16
    return steps[number // 36], steps[number // 6 % 6], steps[number % 6]


def _between(one: Rgb, other: Rgb) -> Rgb:
    red, green, blue = ((a + b) // 2 for a, b in zip(one, other, strict=True))
    return red, green, blue


def luminance(colour: Rgb) -> float:
    """How bright a colour is, as WCAG 2 says."""
    parts = []
    for part in colour:
        share = part / 255
        if share <= 0.04045:
            parts.append(share / 12.92)
        else:
            parts.append(((share + 0.055) / 1.055) ** 2.4)
    red, green, blue = parts
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: Rgb, other: Rgb) -> float:
    """The contrast of two colours, from 1 to 21."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)
