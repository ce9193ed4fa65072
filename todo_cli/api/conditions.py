"""Conditions of a request: `If-Match` and `If-None-Match` (RFC 9110, 13).

The entity tag of a task is its version, such as `"7"`.
"""

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from todo_cli.errors import (
    NOTHING_CHANGED,
    Code,
    DatabaseBusy,
    InvalidInput,
    TodoError,
    VersionConflict,
)

T = TypeVar("T")

_OPAQUE: Final = r"[\x21\x23-\x7e\x80-\xff]*"
# The `+` keep it from trying each of a thousand blanks as the last one.
_TAG: Final = re.compile(
    rf'[ \t]*+(?:(?P<weak>W/)?"(?P<opaque>{_OPAQUE})")?[ \t]*+(?:,|\Z)'
)
"""One tag of a list, and the comma after it; the tag may be missing."""
_ITEM: Final = rf'[ \t]*((W/)?"{_OPAQUE}")?[ \t]*'
PATTERN: Final = rf"^([ \t]*\*[ \t]*|{_ITEM}(,{_ITEM})*)$"
"""What a header may be, for the contract."""
_NO_VERSION: Final = 0
"""No task has it, so that the store refuses it and says the real one."""
_TRIES: Final = 3
"""How often to try a change while other clients change the task."""


class PreconditionFailed(TodoError):
    """The task has another version than the request allows."""

    code = Code.PRECONDITION_FAILED


@dataclass(frozen=True, slots=True)
class Tags:
    """The entity tags that a header lists."""

    is_any: bool = False
    """The header is `*`, which every task fits."""
    strong: frozenset[str] = frozenset()
    weak: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Conditions:
    """What a request says about the version of its task."""

    match: Tags | None = None
    """Of `If-Match`; None if the request does not have it."""
    none_match: Tags | None = None
    """Of `If-None-Match`."""

    def check(self, version: int) -> None:
        """Check the version that a task has.

        Raises:
            PreconditionFailed: the request must not be done with it.
        """
        if not self._fits_match(version) or self.is_known(version):
            raise PreconditionFailed(
                f"The task has version {version}{NOTHING_CHANGED}",
                details=[{"field": "version", "message": str(version)}],
            )

    def check_match(self, version: int) -> None:
        """Check the version of a task that is only read.

        Raises:
            PreconditionFailed: `If-Match` names others.
        """
        Conditions(self.match).check(version)

    def is_known(self, version: int) -> bool:
        """Whether `If-None-Match` names this version.

        Weak tags count here: 8.8.3.2, the weak comparison.
        """
        tags = self.none_match
        if tags is None:
            return False
        return tags.is_any or str(version) in tags.strong | tags.weak

    async def apply(self, change: Callable[[int | None], Awaitable[T]]) -> T:
        """Change a task if its version fits.

        `change` gets the version that the task must have, or None for any. The
        store compares it in the transaction of the change: of two clients
        with the same version only one succeeds.

        Raises:
            PreconditionFailed: the version does not fit; nothing is changed.
            DatabaseBusy: the task was changed again and again.
        """
        if self._allow_any():
            return await change(None)
        version = self._likely()
        for _ in range(_TRIES):
            try:
                return await change(version)
            except VersionConflict as conflict:
                version = int(conflict.details[0]["message"])
                self.check(version)
        raise DatabaseBusy("The task keeps changing", hint="try again")

    def _fits_match(self, version: int) -> bool:
        """Whether `If-Match` allows this version.

        Weak tags do not count here: 8.8.3.2, the strong comparison.
        """
        tags = self.match
        if tags is None or tags.is_any:
            return True
        return str(version) in tags.strong

    def _allow_any(self) -> bool:
        """Whether the task may have any version."""
        is_free = self.match is None or self.match.is_any
        return is_free and self.none_match is None

    def _likely(self) -> int:
        """Guess the version of the task, as the only one that is allowed."""
        if self.match is None or len(self.match.strong) != 1:
            return _NO_VERSION
        (text,) = self.match.strong
        # Nine digits, because a column cannot contain every number.
        if re.fullmatch("[1-9][0-9]{0,8}", text) is None:
            return _NO_VERSION
        version = int(text)
        return _NO_VERSION if self.is_known(version) else version


def tag(version: int) -> str:
    """Write the entity tag of a task with this version."""
    return f'"{version}"'


def read_tags(name: str, lines: Sequence[str] | None) -> Tags | None:
    """Read a header, which may have several lines; None if it is not there.

    Raises:
        InvalidInput: it is not `*` and not a list of entity tags. A condition
            that nobody understands must not be passed over.
    """
    if lines is None:
        return None
    text = ", ".join(lines)
    if text.strip(" \t") == "*":
        return Tags(is_any=True)
    strong: set[str] = set()
    weak: set[str] = set()
    position = 0
    while position < len(text):
        found = _TAG.match(text, position)
        if found is None:
            raise InvalidInput.of(
                name, 'must be `*`, or entity tags such as `"7"`'
            )
        if found["opaque"] is not None:
            kind = strong
            if found["weak"]:
                kind = weak
            kind.add(found["opaque"])
        position = found.end()
    return Tags(strong=frozenset(strong), weak=frozenset(weak))
