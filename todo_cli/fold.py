"""Fold text for search and sorting: no accents, and no upper case.

SQL's own `lower` is not enough: it leaves accents, and the stores differ.
"""

import unicodedata
from collections.abc import Iterable

from todo_cli.task import Task


def fold(text: str) -> str:
    """Fold a text: NFKD, without combining marks, case-folded.

    `Ärger` and `ärger` both become `arger`, `ﬁ` becomes `fi`, and `Straße`
    becomes `strasse`.
    """
    if text.isascii():
        return text.lower()
    apart = unicodedata.normalize("NFKD", text)
    kept = [each for each in apart if not unicodedata.combining(each)]
    return "".join(kept).casefold()


def fold_or_none(text: str | None) -> str | None:
    """Fold a text, or return None for none."""
    if text is None:
        return None
    return fold(text)


def has_words(task: Task, words: Iterable[str]) -> bool:
    """Whether each word occurs in title, description, project or a tag."""
    parts = [task.title, task.description, task.project, *task.tags]
    folded = [fold(part) for part in parts if part is not None]
    return all(any(fold(word) in part for part in folded) for word in words)
