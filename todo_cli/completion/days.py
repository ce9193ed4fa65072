"""Days as people type them, for options such as `--due`."""

# Importing typing would take longer than all that is done here.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Final

_WEEK: "Final" = (
    ("mon", "Monday"),
    ("tue", "Tuesday"),
    ("wed", "Wednesday"),
    ("thu", "Thursday"),
    ("fri", "Friday"),
    ("sat", "Saturday"),
    ("sun", "Sunday"),
)
_ENDS: "Final" = (
    ("eow", "end of the week"),
    ("eom", "end of the month"),
    ("eoy", "end of the year"),
)
_AHEAD: "Final" = (
    ("today", ""),
    ("tomorrow", ""),
    *_WEEK,
    *_ENDS,
    ("+3d", "in three days"),
    ("+1w", "in a week"),
    ("+1m", "in a month"),
    ("+1y", "in a year"),
)
_PAST: "Final" = (
    ("today", ""),
    ("yesterday", ""),
    *_WEEK,
    ("-3d", "three days ago"),
    ("-1w", "a week ago"),
    ("-1m", "a month ago"),
    ("-1y", "a year ago"),
)
_FILTERS: "Final" = (
    ("overdue", "before today"),
    ("any", "tasks with a day"),
)
_TO: "Final" = ".."
_SHORTEST: "Final" = 3


def days(
    kind: str,
    typed: str,
) -> "list[tuple[str, str]]":
    """Suggest days of a kind: `day`, `days` with ranges, or `past`.

    Each with what it means, where that is not plain.
    """
    before, to, rest = typed.rpartition(_TO)
    if kind == "days" and to:
        found = []
        for word, meaning in _days(_AHEAD, rest):
            found.append((f"{before}{to}{word}", meaning))
        return found
    if kind == "past":
        return _days(_PAST, typed)
    found = _days(_AHEAD, typed)
    if kind == "days":
        found += _FILTERS
    return found


def _days(
    words: "tuple[tuple[str, str], ...]",
    typed: str,
) -> "list[tuple[str, str]]":
    """List the words; in the place of `fri` what was begun: `friday`."""
    found = []
    for word, meaning in words:
        whole = meaning.lower()
        is_begun = len(typed) > _SHORTEST and whole.startswith(typed)
        if is_begun and whole.startswith(word):
            found.append((whole, ""))
        else:
            found.append((word, meaning))
    return found
