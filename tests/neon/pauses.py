"""The pauses that a program takes between tries, as the fixtures note them."""

from collections.abc import Callable
from dataclasses import dataclass, field

SHORTEST_PAUSE_S = 0.1
"""Less is a proxy at work."""


@dataclass(slots=True)
class Pauses:
    """The pauses that a program asked for between tries, in seconds; `meanwhile` is
    called in the first.
    """

    taken: list[float] = field(default_factory=list)
    meanwhile: Callable[[], object] = lambda: None
