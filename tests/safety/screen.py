"""What may reach a screen, a pipe and a program that reads JSON."""

import re

from tests.safety.corpus import REFUSED
from tests.support.program import Ran

STYLES = re.compile("\x1b\\[(0|1|2|2;32|32|33|36)m")
"""The styles that our tables have, as Rich writes them: no other sequence is taken away
before it is looked for.
"""


def unstyled(text: str) -> str:
    """What a terminal shows, without our own styles."""
    return STYLES.sub("", text)


def raw(ran: Ran, *, is_terminal: bool = False) -> list[str]:
    """The characters that must not be in what was printed; in pipes a TAB is a border of ours."""
    allowed = {"\n"} if is_terminal else {"\n", "\t"}
    text = unstyled(ran.out) + unstyled(ran.err) if is_terminal else ran.out + ran.err
    return sorted(set(text) & (REFUSED - allowed))


def raw_in_document(text: str) -> list[str]:
    """The characters that must not be in a JSON document, which is one line."""
    return sorted(set(text.removesuffix("\n")) & REFUSED)
