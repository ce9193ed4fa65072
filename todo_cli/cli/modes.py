"""The attributes of a terminal, which a program that ends may leave changed.

Imports only what takes no time: a client of `todo warm` runs it, too.
"""

import os
import termios

# Importing typing would take longer than all of this.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Final

INPUT_FLAGS: "Final" = 0
LOCAL_FLAGS: "Final" = 3
CHARACTERS: "Final" = 6
"""Where the attributes have these."""


def attributes(number: int) -> "list[Any] | None":
    """Return the attributes of a terminal; None if there is none."""
    try:
        return list(termios.tcgetattr(number))
    except (OSError, termios.error):
        return None


def put_back(number: int, before: "list[Any] | None") -> None:
    """Set the attributes as they were, if they have changed.

    In the background that would stop this process.
    """
    if before is None or before == attributes(number):
        return
    try:
        if os.tcgetpgrp(number) == os.getpgrp():
            termios.tcsetattr(number, termios.TCSADRAIN, before)
    except (OSError, termios.error):
        pass  # the terminal has gone
