"""The caller's time zone, from `TZ`, as the C library of Linux reads it.

So a day begins here when it begins for `date` and `ls -l`. The variables are
an argument: the zone of the process itself is never asked or changed.
"""

import os
import re
import struct
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from io import BytesIO
from typing import Final

_FOLDER: Final = "/usr/share/zoneinfo"
"""Where the names of time zones are files, unless `TZDIR` says otherwise."""
_SYSTEM: Final = "/etc/localtime"
"""The file of the zone of the machine."""
_LONGEST: Final = 1024 * 1024
"""More bytes than any file of a zone has; the largest have 4 KiB."""

_NAME: Final = "(?:[A-Za-z]{3,}|<[A-Za-z0-9+-]{3,}>)"
_HOURS: Final = "[+-]?[0-9]{1,3}(?::[0-9]{2}){0,2}"
_CHANGE: Final = rf",(?:M[0-9]+[.][0-9][.][0-9]|J?[0-9]+)(?:/{_HOURS})?"
_RULE: Final = re.compile(
    f"{_NAME}{_HOURS}(?P<summer>{_NAME}(?:{_HOURS})?(?P<changes>{_CHANGE}{_CHANGE})?)?"
)
"""A zone in POSIX's form, such as `CET-1CEST,M3.5.0,M10.5.0/3`."""
_USUAL_CHANGES: Final = ",M3.2.0,M11.1.0"
"""When summer time begins and ends if a rule does not say: as in the USA."""

_HEAD: Final = struct.Struct(">4sc15x6L")
"""The head of a part of a file: a mark, the version, and six counts."""
_VERSIONS: Final = (b"\0", b"2", b"3", b"4")
_KIND: Final = struct.Struct(">iBB")
"""An offset from UTC, whether it is summer time, and where its name is."""
_FARTHEST_S: Final = 26 * 3600
"""No zone is farther from UTC, says RFC 9636."""


def zone_of(variables: Mapping[str, str]) -> tzinfo:
    """Find the caller's time zone; it is UTC if it is unknown.

    Without `TZ` it is that of the machine.
    """
    return _named_zone(variables) or UTC


def is_zone_known(variables: Mapping[str, str]) -> bool:
    """Whether `TZ` names a time zone, or is not set."""
    return "TZ" not in variables or _named_zone(variables) is not None


def local(instant: datetime, zone: tzinfo) -> datetime:
    """Return the time that a clock in a zone shows, without the zone.

    Near the first and the last year of Python it is that of UTC.
    """
    try:
        return instant.astimezone(zone).replace(tzinfo=None)
    except OverflowError:
        return instant.astimezone(UTC).replace(tzinfo=None)


def _named_zone(variables: Mapping[str, str]) -> tzinfo | None:
    """Look up the zone; None if there is none of that name."""
    name = variables.get("TZ", _SYSTEM).removeprefix(":")
    if not name:
        return UTC
    folder = variables.get("TZDIR") or _FOLDER
    # An absolute name replaces the folder.
    data = _read(os.path.join(folder, name))
    return _zone_of_file(data) or _zone_of_rule(name)


def _read(path: str) -> bytes:
    """Read a file; one that cannot be read is empty.

    A pipe or a device could keep the program waiting for ever.
    """
    if not os.path.isfile(path):
        return b""
    try:
        with open(path, "rb") as file:
            return file.read(_LONGEST)
    except OSError:
        return b""


def _zone_of_file(data: bytes) -> tzinfo | None:
    """Make a zone from a file's bytes; None if they are damaged."""
    try:
        return _load(_checked(data))
    except (struct.error, ValueError):
        return None


def _zone_of_rule(text: str) -> tzinfo | None:
    """Make a zone from POSIX's form; None if the text has another."""
    rule = _RULE.fullmatch(text)
    if rule is None:
        return None
    if rule["summer"] and not rule["changes"]:
        text += _USUAL_CHANGES
    # A file with this rule, and the one time that a file must have.
    head = _HEAD.pack(b"TZif", b"2", 0, 0, 0, 0, 1, 1)
    part = head + bytes(7)
    try:
        return _load(part + part + f"\n{text}\n".encode())
    except ValueError:
        return None


def _load(data: bytes) -> tzinfo:
    """Make a zone from the bytes of a sound file.

    Raises:
        ValueError: Python does not take its rule.
    """
    # Loading this takes 2 ms.
    from zoneinfo import ZoneInfo

    return ZoneInfo.from_file(BytesIO(data))


def _checked(data: bytes) -> bytes:
    """Return the bytes of a file if they are sound, for Python's reader.

    From a damaged file Python reads for ever, or beyond its memory
    (python/cpython#143241, python/cpython#145883). The latter it also does
    with a sound file that ends in summer time, so those marks are taken out.

    Raises:
        ValueError, struct.error: the file is damaged, or none of a zone.
    """
    part = _find_part(data)
    if part.end > len(data) or not part.kinds:
        raise ValueError("too short")
    indexes = data[part.indexes : part.offsets]
    if max(indexes, default=0) >= part.kinds:
        raise ValueError("a change to an offset that is not there")
    sound = bytearray(data)
    for number in range(part.kinds):
        place = part.offsets + number * _KIND.size
        offset_s, _, name = _KIND.unpack_from(data, place)
        if abs(offset_s) > _FARTHEST_S:
            raise ValueError("an offset of more than a day")
        _KIND.pack_into(sound, place, offset_s, 0, name)
    return bytes(sound)


def _find_part(data: bytes) -> "_Part":
    """Find the part of a file that is read; check the rule after it."""
    version, counts = _read_head(data, 0)
    first = _Part(_HEAD.size, 4, counts)
    if version == b"\0":
        return first
    # All is there twice; the first part has no time after 2038.
    _, counts = _read_head(data, first.end)
    second = _Part(first.end + _HEAD.size, 8, counts)
    _check_rule(data[second.end :])
    return second


def _read_head(data: bytes, start: int) -> tuple[bytes, list[int]]:
    """Return the version of a file and the counts of one of its parts."""
    mark, version, *counts = _HEAD.unpack_from(data, start)
    if mark != b"TZif" or version not in _VERSIONS:
        raise ValueError("no file of a zone")
    return version, counts


def _check_rule(tail: bytes) -> None:
    """Check the rule for the time to come; it is a line, maybe empty."""
    # Python reads to the second line feed, even if there is none.
    before, rule, _ = tail.split(b"\n", 2)
    text = rule.decode("ascii")
    if before:
        raise ValueError("no line at the end")
    if text and not _RULE.fullmatch(text):
        raise ValueError("no rule")


class _Part:
    """Where the bytes of a part of a file are."""

    def __init__(self, start: int, moment: int, counts: Sequence[int]) -> None:
        """Count from the end of its head; a moment has 4 or 8 bytes."""
        marks, other_marks, leaps, moments, kinds, names = counts
        self.kinds = kinds
        self.indexes = start + moments * moment
        self.offsets = self.indexes + moments
        end_of_names = self.offsets + kinds * _KIND.size + names
        end_of_leaps = end_of_names + leaps * (moment + 4)
        self.end = end_of_leaps + marks + other_marks
