"""Whatever is in a file: each record becomes a task that keeps all rules, or a fault.

No format can fail in another way, or needs more memory for a larger file.
"""

import codecs
import gc
import io
import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from typing import Final, cast
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.exchange.support import (
    ADA,
    EXAMPLE,
    FILE,
    IN_SUITE,
    PRESENT,
    STORES,
    Endless,
    read_all,
    source_of,
    write_all,
)
from tests.support.size import share, size
from tests.support.texts import CORPUS
from todo_cli import rules
from todo_cli.errors import InvalidInput
from todo_cli.exchange.draft import candidates
from todo_cli.exchange.formats import FORMATS, named, recognise
from todo_cli.exchange.source import LONGEST
from todo_cli.task import Candidate, NewTask, Task

WRITTEN: Final = [
    format.name
    for format in FORMATS
    if format.is_written and format.name in PRESENT
]
DEEP: Final = 100_000
FEW: Final = 40
MANY: Final = 6 * FEW
SPARE: Final = 256 * 1024
"""How much more memory six times as many records may need, in bytes."""


def check(candidate: Candidate) -> None:
    """Check that a record is what the service can take."""
    assert candidate.place
    task = candidate.task
    if task is None:
        assert candidate.fault is not None
        assert candidate.fault.message
        assert candidate.fault.details
        return
    assert candidate.fault is None
    # Raises where a value breaks a rule, or is not of its type.
    clean = NewTask(
        task.title,
        task.description,
        task.due_on,
        task.wait_until,
        task.priority,
        task.project,
        task.tags,
        task.id,
        task.completed,
    )
    for name in NewTask.__slots__:
        assert getattr(clean, name) == getattr(task, name), name
    assert isinstance(task.id, UUID)
    assert task.user_id == ADA.user
    assert type(task.completed) is bool
    assert task.completed == (task.completed_at is not None)
    assert type(task.number) is type(task.version) is int
    assert 0 <= task.number <= rules.LARGEST_NUMBER
    assert 1 <= task.version <= rules.LARGEST_NUMBER
    for name in ("created_at", "updated_at", "completed_at", "deleted_at"):
        instant = getattr(task, name)
        if instant is not None or name in ("created_at", "updated_at"):
            assert rules.FIRST_YEAR <= instant.year < rules.END_YEAR
            assert not instant.utcoffset()
    for kind, count in candidate.kept.items():
        assert kind
        assert count > 0


def try_all(format: str, data: bytes) -> list[Candidate]:
    """Read a file that may be refused as a whole."""
    found: list[Candidate] = []
    refused = None
    try:
        found = read_all(format, data)
    except InvalidInput as error:
        refused = error
    if refused is not None:
        assert refused.message
        assert refused.details
    for candidate in found:
        check(candidate)
    return found


# Values that no format can take for granted, in place of any value of a file.
VALUES: Final = {
    "nan": "NaN",
    "infinite": "-Infinity",
    "too large": "1e400",
    "too many digits": "9" * 10_000,
    "many digits": "9" * 4_000,
    "a fraction": "1.5",
    "true": "true",
    "null": "null",
    "zero": "0",
    "below zero": "-1",
    "a lone surrogate": '"\\ud800"',
    "half a pair in a name": '{"\\udfff": "\\udfff"}',
    "a NUL": '"\\u0000"',
    "a raw NUL": '"\0"',
    "an escape": '"\\u001b[2J"',
    "a raw escape": '"\x1b[2J"',
    "an override": '"\u202eexe"',
    "nothing": "",
    "blanks": '"   "',
    "invisible": '"\u2800\u3164"',
    "the year 0": '"0000-01-01"',
    "the year 1": '"0001-01-01"',
    "the year 10000": '"10000-01-01"',
    "the year 9999": '"9999-12-31"',
    "no day": '"2026-02-30"',
    "the first instant": '"0001-01-01T00:00:00Z"',
    "the last instant": '"9999-12-31T23:59:59Z"',
    "an instant far away": '"9998-12-31T23:59:59-23:59"',
    "an offset of a day": '"2026-01-01T00:00:00+99:99"',
    "compact": '"00010101T000000Z"',
    "compact and late": '"99991231T235959Z"',
    "an array": "[]",
    "an object": "{}",
    "an array of anything": '[null, 1, {"a": [true]}]',
    "a deep array": "[" * DEEP + "]" * DEEP,
    "an array as deep as Python goes": "[" * 990 + "]" * 990,
    "deep objects": '{"a":' * DEEP + "1" + "}" * DEEP,
    "an open array": "[" * DEEP,
    "a long text": '"' + "é" * 20_000 + '"',
    "a long word": '"' + "x" * 201 + '"',
    "a title of marks": '"' + "\u0301" * 300 + '"',
    "many lines": '"' + "a\\n" * 300 + '"',
    "quotes": '"\\"\\"\\""',
}

# Files of one value, and what holds it in each format.
PLACES: Final = {
    "json": '[{{"title": "x", "{0}": {1}}}]',
    "json, an array": "[{1}]",
    "json, alone": "{1}",
    "json, an answer": '{{"success": true, "data": {1}}}',
    "ndjson": '{{"title": "x", "{0}": {1}}}\n{1}\n',
    "taskwarrior": '[{{"description": "x", "{0}": {1}}}]',
    "github": '[{{"title": "x", "number": 1, "state": "OPEN", "{0}": {1}}}]',
    "csv": "title,{0}\nx,{1}\n",
    "csv, ours": ",".join(Task.__slots__) + "\n" + ",".join(["{1}"] * 16),
    "todoist": "TYPE,CONTENT,{0}\ntask,x,{1}\n",
    "todotxt": "x {0}:{1}\n(A) {1} {1} {0} +{1} @{1} t:{1} due:{1}\n",
    "markdown": "# {1}\n- [ ] x\n  {0}: {1}\n- [x] {1}\n",
    "ics": "BEGIN:VCALENDAR\nBEGIN:VTODO\nSUMMARY:x\n{0}:{1}\nEND:VTODO\nEND:VCALENDAR\n",
}
OURS: Final = [*Task.__slots__, "unknown"]
NAMES: Final = {
    "json": OURS,
    "ndjson": OURS,
    "csv": OURS,
    "taskwarrior": [
        "uuid",
        "description",
        "status",
        "entry",
        "modified",
        "end",
        "due",
        "wait",
        "scheduled",
        "until",
        "tags",
        "annotations",
        "depends",
        "recur",
        "mask",
        "imask",
        "parent",
        "priority",
        "project",
        "id",
        "unknown",
    ],
    "github": [
        "title",
        "body",
        "labels",
        "state",
        "createdAt",
        "closedAt",
        "url",
        "number",
        "unknown",
    ],
    "todoist": [
        "TYPE",
        "CONTENT",
        "DESCRIPTION",
        "PRIORITY",
        "DATE",
        "INDENT",
        "unknown",
    ],
    "todotxt": ["due", "unknown"],
    "markdown": ["due", "unknown"],
    "ics": [
        "UID",
        "DTSTAMP",
        "CREATED",
        "LAST-MODIFIED",
        "DTSTART",
        "DUE",
        "COMPLETED",
        "STATUS",
        "CATEGORIES",
        "PRIORITY",
        "RRULE",
        "DESCRIPTION",
        "X-UNKNOWN",
    ],
}
"""What a value can be the value of."""


def files(format: str) -> Iterator[bytes]:
    """Every value at every place of a format."""
    for place, text in PLACES.items():
        if place.partition(",")[0] != format:
            continue
        names = NAMES[format] if "{0}" in text else ["-"]
        for number, value in enumerate(VALUES.values()):
            # In the suite each value is at every third place. One place shows what
            # depth does, and takes long enough.
            some = share(names, number, 3) or names
            for name in some if len(value) < DEEP else names[-1:]:
                yield text.format(name, value).encode()


@pytest.mark.parametrize("format", PRESENT)
def test_no_value_at_no_place_is_more_than_a_fault(format: str) -> None:
    tried = 0
    for data in files(format):
        tried += 1
        try_all(format, data)
    assert tried >= len(VALUES)


WHOLE: Final = {
    "empty": b"",
    "a mark": codecs.BOM_UTF8,
    "a mark of UTF-16-LE": codecs.BOM_UTF16_LE,
    "a mark of UTF-16-BE": codecs.BOM_UTF16_BE,
    "all bytes": bytes(range(256)),
    "NULs": bytes(100),
    "NULs later": b"title\n" + bytes(100),
    "latin-1": "title\nk\xe4se\n".encode("latin-1"),
    "half a character": "title\nkä".encode()[:-1],
    "UTF-16 without a mark": "title\nx\n".encode("utf-16-le"),
    "half a character of UTF-16": codecs.BOM_UTF16_LE + b"a\0b",
    "a lone surrogate in UTF-16": codecs.BOM_UTF16_LE + b"\x00\xd8a\0",
    "line ends": b"\r\n" * 1000 + b"\r" * 1000 + b"\n" * 1000,
    "commas": b"," * DEEP,
    "quotes": b'"' * (DEEP + 1),
    "braces": b"{" * DEEP,
    "brackets": b"[" * DEEP,
    "boxes": b"- [ ] " * DEEP,
    "indents": b" " * DEEP + b"- [ ] x\n",
    "begins": b"BEGIN:VTODO\n" * 1000,
    "nested begins": b"BEGIN:VCALENDAR\n" + b"BEGIN:X\n" * size(3_000, 10_000),
    "folded": b"BEGIN:VTODO\nSUMMARY:x\n" + b" y\n" * size(3_000, 10_000),
    "a word": b"title",
    "null": b"null",
    "a number": b"1",
    "a text": b'"x"',
    "words with signs": "\n".join(
        text.replace("\n", " ") for text in CORPUS
    ).encode(),
}


@pytest.mark.parametrize("data", WHOLE.values(), ids=WHOLE)
def test_no_file_is_more_than_a_fault(data: bytes) -> None:
    for format in PRESENT:
        try_all(format, data)


ENCODINGS: Final = ["utf-8-sig", "utf-16-le", "utf-16-be", "utf-8"]


@pytest.mark.parametrize("format", PRESENT)
def test_encoding_and_line_ends_do_not_count(format: str) -> None:
    text = EXAMPLE[format]
    usual = [replace_id(each) for each in read_all(format, text.encode())]
    assert all(candidate.task is not None for candidate in usual)

    for encoding, end in product(ENCODINGS, ["\n", "\r\n", "\r"]):
        mark = "\ufeff" if encoding.startswith("utf-16") else ""
        data = (mark + text.replace("\n", end)).encode(encoding)
        found = [replace_id(each) for each in read_all(format, data)]
        assert found == usual, (encoding, end)


def replace_id(candidate: Candidate) -> Candidate:
    """A record without its id, which is made of the text with its line ends."""
    if candidate.task is None:
        return candidate
    return candidate._replace(task=replace(candidate.task, id=UUID(int=0)))


@pytest.mark.parametrize("format", PRESENT)
def test_a_repeat_makes_the_same_tasks(format: str) -> None:
    data = EXAMPLE[format].encode()

    assert read_all(format, data) == read_all(format, data)
    ids = [each.task.id for each in read_all(format, data) if each.task]
    assert len({*ids}) == len(ids)


@pytest.mark.parametrize("format", PRESENT)
def test_an_example_is_recognised_by_its_content(format: str) -> None:
    assert recognise("-", EXAMPLE[format]).name == format


# Files of ours that somebody damaged

BYTES: Final = st.sampled_from(
    [b"", b"\0", b"\n", b'"', b"'", b",", b"{", b"[", b":", b"\xff", b"\x1b"]
) | st.binary(max_size=3)


Damage = tuple[int, int, bytes]
"""Where bytes are replaced, how many, and by what."""
DAMAGED: Final = st.tuples(
    st.sampled_from(WRITTEN),
    STORES,
    st.lists(
        st.tuples(st.integers(0, 10_000), st.integers(0, 5), BYTES),
        min_size=1,
        max_size=4,
    ),
)


def try_damaged(damaged: tuple[str, list[Task], list[Damage]]) -> None:
    """Write a file, damage it, and read it."""
    format, stores, damages = damaged
    data = write_all(format, stores)
    for place, length, new in damages:
        start = place % (len(data) + 1)
        data = data[:start] + new + data[start + length :]
    try_all(format, data)


@IN_SUITE
@given(DAMAGED)
def test_no_damage_is_more_than_a_fault(
    damaged: tuple[str, list[Task], list[Damage]],
) -> None:
    try_damaged(damaged)


# Memory


def peak(format: str, stream: io.RawIOBase) -> tuple[int, InvalidInput | None]:
    """Read a stream; return the most memory, and what was wrong at last."""
    refused = None
    gc.collect()
    tracemalloc.start()
    try:
        drafts = named(format).read(source_of(stream), ADA, {})
        for candidate in candidates(drafts, ADA):
            if candidate.fault is not None:
                refused = candidate.fault
    except InvalidInput as error:
        refused = error
    finally:
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    return most, refused


LINES: Final = {
    "json": b'[{"title": "',
    "ndjson": b'{"title": "',
    "csv": b"title,notes\n",
    "todotxt": b"",
    "taskwarrior": b'[{"description": "',
    "markdown": b"- [ ] ",
    "ics": b"BEGIN:VCALENDAR\nBEGIN:VTODO\nSUMMARY:",
    "todoist": b"TYPE,CONTENT\ntask,",
    "github": b'[{"number": 1, "title": "',
}
"""How a file begins whose first title has no end."""


@pytest.mark.parametrize("format", share(PRESENT, 0, 3))
def test_a_title_of_a_gigabyte_is_refused_early_and_in_little_memory(
    format: str,
) -> None:
    endless = Endless(LINES[format], b"a" * 65_536, 1 << 30)

    most, refused = peak(format, endless)

    assert refused is not None
    assert endless.given < 4 * LONGEST
    assert most < 16 * LONGEST


@pytest.mark.parametrize("format", WRITTEN)
def test_more_records_need_no_more_memory(format: str) -> None:
    task = Task(
        UUID(int=1),
        1,
        "ada",
        "x" * 150,
        "y" * 2000,
        False,
        ADA.now,
        ADA.now,
        None,
    )

    def stream(count: int) -> io.RawIOBase:
        tasks = [replace(task, id=UUID(int=each)) for each in range(count)]
        return cast(
            io.RawIOBase, io.BytesIO(write_all(format, tasks, most=1000))
        )

    peak(format, stream(1))
    few, refused = peak(format, stream(FEW))
    many, also_refused = peak(format, stream(MANY))

    assert refused is also_refused is None
    assert many < few + SPARE


def test_files_are_named_in_errors_by_what_the_caller_says() -> None:
    with pytest.raises(InvalidInput) as raised:
        read_all("csv", b"")
    assert FILE in raised.value.message
