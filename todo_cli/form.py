"""A task as a text that people edit: title, fields, notes.

    Buy milk
    due: 2026-12-24
    wait:
    priority: high
    project: home
    tags: errand food
    # Lines such as this one are help.

    Notes, to the end of the text.

The first line is the title, whatever it looks like. Fields follow, up to the
first empty line, and all below it are the notes. So no text of a task can be
taken for something else.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Any, Final

from todo_cli import days, redact, rules
from todo_cli.errors import InvalidInput

KEYS: Final[Mapping[str, str]] = {
    "due": "due_on",
    "wait": "wait_until",
    "priority": "priority",
    "project": "project",
    "tags": "tags",
}
"""The keys of the lines, in their order, and the fields that they set."""
FIELDS: Final = ("title", *KEYS.values(), "description")
"""The fields of a form, in its order."""
MOST_BYTES: Final = 2**20
"""The most bytes of a form that are read; the longest task needs a tenth."""

_HELP: Final = (
    "# The title is the first line; the notes begin below the empty line.",
    "# Days: 2026-12-24, fri, +3d. Priorities: high, medium, low. Blanks between",
    "# tags. An empty value, or a line that is gone, means none.",
)
_NONE: Final = "none"
_COMMENT: Final = "#"
_BYTE_ORDER_MARK: Final = "\ufeff"
_UTF_16: Final = (b"\xff\xfe", b"\xfe\xff")
_BETWEEN_TAGS: Final = re.compile(r"[\s,]+")


@dataclass(frozen=True, slots=True)
class Form:
    """What a text says, before its values are checked."""

    texts: Mapping[str, str]
    """The text of each field in `FIELDS`; "" if its line is gone."""
    lines: Mapping[str, int]
    """The line on which each of them begins, counted from 1."""

    @property
    def is_empty(self) -> bool:
        """Whether nothing is left of the title, the values and the notes."""
        return not any(text.strip() for text in self.texts.values())

    def differing(self, before: "Form") -> list[str]:
        """Name the fields whose text differs.

        Blanks around it count only in the notes.
        """
        names = []
        for name, text in self.texts.items():
            old = before.texts[name]
            if name != "description":
                text, old = text.strip(), old.strip()
            if text != old:
                names.append(name)
        return names

    def values(self, names: Iterable[str], today: date) -> dict[str, Any]:
        """Read the values of some fields.

        Raises:
            InvalidInput: one breaks a rule; the error names its line.
        """
        readers = _readers(today)
        values = {}
        for name in names:
            try:
                values[name] = readers[name](self.texts[name])
            except InvalidInput as error:
                if name == "description":
                    self._find_in_notes()
                raise _on_line(self.lines[name], error) from None
        return values

    def _find_in_notes(self) -> None:
        """Look for the line of the notes that breaks a rule by itself.

        Raises:
            InvalidInput: there is one.
        """
        lines = self.texts["description"].split("\n")
        for number, line in enumerate(lines, self.lines["description"]):
            try:
                rules.clean_description(line)
            except InvalidInput as error:
                raise _on_line(number, error) from None


def write(values: Mapping[str, Any]) -> bytes:
    """Write a form; `values` has the values of fields, as far as there are any."""
    title = values.get("title") or ""
    # One is taken off in reading, as most editors hide it.
    if title.startswith(_BYTE_ORDER_MARK):
        title = _BYTE_ORDER_MARK + title
    lines = [title]
    for key, name in KEYS.items():
        lines.append(f"{key}: {_written(values.get(name))}".rstrip())
    lines += [*_HELP, ""]
    notes = values.get("description")
    if notes:
        lines.append(notes)
    return "".join(f"{line}\n" for line in lines).encode()


def parse(data: bytes) -> Form:
    """Take a form apart.

    It may have the line ends of Windows, a byte order mark, be UTF-16 with
    one, and lack the last line end.

    Raises:
        InvalidInput: a line above the notes is no field, or a field comes
            twice, or the title is gone; the error names the line.
    """
    lines = _decoded(data).replace("\r\n", "\n").split("\n")
    begin = _begin_of_notes(lines)
    texts = dict.fromkeys(FIELDS, "")
    places = dict.fromkeys(FIELDS, 1)
    found = _fields(lines[: begin - 1])
    for name, (number, text) in found.items():
        texts[name] = text
        places[name] = number
    # A title may look like a field, but then the field has its own line.
    lost = KEYS.get(_key(lines[0]))
    if lost is not None and lost not in found:
        raise _fault(1, "the title is missing; it is the first line")
    notes = "\n".join(lines[begin - 1 :])
    texts["title"] = _title(lines)
    texts["description"] = notes.removesuffix("\n")
    places["description"] = begin
    return Form(texts, places)


def is_blank(data: bytes) -> bool:
    """Whether nothing is left of a form but help, and keys without values."""
    for line in data.decode(errors="replace").splitlines():
        key, colon, value = line.partition(":")
        is_bare = colon and key in KEYS and not value.strip()
        if line.strip() and line not in _HELP and not is_bare:
            return False
    return True


def _title(lines: Sequence[str]) -> str:
    """Return the first line, but nothing if that is a line of help.

    Somebody has deleted all above it then. It is a title only if the help is
    there as well.
    """
    title = lines[0]
    if title in _HELP and title not in lines[1:]:
        return ""
    return title


def _fields(lines: Sequence[str]) -> dict[str, tuple[int, str]]:
    """Read the lines above the notes: for each field its line and its text.

    The first line is the title, which is passed over.
    """
    found: dict[str, tuple[int, str]] = {}
    for number, line in enumerate(lines[1:], 2):
        if line.startswith(_COMMENT) or not line.strip():
            continue
        name, text = _field(number, line)
        if name in found:
            raise _fault(number, f"`{_key(line)}` comes twice")
        found[name] = (number, text)
    return found


def _begin_of_notes(lines: Sequence[str]) -> int:
    """Return the number of the line below the first empty one.

    The title does not count: it may be missing. Without an empty line it is
    the number after the last line.
    """
    for number, line in enumerate(lines[1:], 2):
        if not line.strip():
            return number + 1
    return len(lines) + 1


def _written(value: Any) -> str:
    """Write the value of a field on its line."""
    if isinstance(value, list):
        return " ".join(value)
    return str(value or "")


def _field(number: int, line: str) -> tuple[str, str]:
    """Read a line above the notes: the name of the field, and its text."""
    _, colon, value = line.partition(":")
    if not colon:
        shown = redact.shown(line.strip())
        raise _fault(
            number,
            f"`{shown}` is not `key: value`; notes begin after an empty line",
        )
    key = _key(line)
    if key not in KEYS:
        known = ", ".join(KEYS)
        raise _fault(
            number,
            f"`{redact.shown(key)}` is not a field; there are {known}; "
            "notes begin after an empty line",
        )
    return KEYS[key], value


def _key(line: str) -> str:
    """Return the key of a line, in lower case; "" if there is no colon."""
    key, colon, _ = line.partition(":")
    return key.strip().lower() if colon else ""


def _decoded(data: bytes) -> str:
    """Decode a form; bytes that are not UTF-8 become surrogates.

    The rules refuse those, and say where they are.

    Raises:
        InvalidInput: it is too long, or damaged UTF-16.
    """
    if len(data) > MOST_BYTES:
        raise InvalidInput(f"The text has more than {MOST_BYTES:,} bytes")
    if data.startswith(_UTF_16):
        try:
            return data.decode("utf-16")
        except UnicodeDecodeError:
            raise InvalidInput(
                "The text is damaged UTF-16", hint="save it as UTF-8"
            ) from None
    text = data.decode(errors="surrogateescape")
    return text.removeprefix(_BYTE_ORDER_MARK)


def _readers(today: date) -> Mapping[str, Callable[[str], Any]]:
    """Return the function that reads the text of each field."""
    return {
        "title": rules.clean_title,
        "due_on": partial(_read_day, "due", today),
        "wait_until": partial(_read_day, "wait", today),
        "priority": _read_priority,
        "project": _read_project,
        "tags": _read_tags,
        "description": rules.clean_description,
    }


def _is_none(text: str) -> bool:
    """Whether a text means that there is no value."""
    return text.strip().lower() in ("", _NONE)


def _read_day(key: str, today: date, text: str) -> date | None:
    if _is_none(text):
        return None
    return days.read_day(text, today, field=key)


def _read_priority(text: str) -> str | None:
    if _is_none(text):
        return None
    return rules.clean_priority(rules.whole_priority(text))


def _read_project(text: str) -> str | None:
    if _is_none(text):
        return None
    return rules.clean_project(text)


def _read_tags(text: str) -> list[str]:
    if _is_none(text):
        return []
    return rules.clean_tags(tag for tag in _BETWEEN_TAGS.split(text) if tag)


def _fault(number: int, problem: str) -> InvalidInput:
    """Return the error for a line."""
    return InvalidInput.of(f"line {number}", problem)


def _on_line(number: int, error: InvalidInput) -> InvalidInput:
    """Name the line in an error about a value."""
    return InvalidInput(
        f"line {number}: {error.message}",
        hint=error.hint,
        details=error.details,
    )
