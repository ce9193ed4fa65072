"""What the tests of all formats share: random tasks, and whole files in memory."""

import io
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta, tzinfo
from importlib.util import find_spec
from typing import BinaryIO, Final, cast
from uuid import UUID

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from tests.support.size import size
from todo_cli import rules
from todo_cli.errors import InvalidInput
from todo_cli.exchange.draft import Setting, candidates
from todo_cli.exchange.formats import FORMATS, named
from todo_cli.exchange.source import Source
from todo_cli.rules import clean_project, clean_tag, clean_title
from todo_cli.task import Candidate, Task

NOW: Final = datetime(2026, 11, 26, 10, 30, tzinfo=UTC)
ADA: Final = Setting("ada", NOW, UTC)
EARLIEST: Final = datetime(1900, 1, 1, tzinfo=UTC)
FILE: Final = "tasks.file"
"""How errors name the file."""


def depths() -> range:
    """How deep lists of lists can just be, and just not be, to be read as JSON.

    That depends on the Python: 990, 1,500 or 10,000.
    """
    readable, refused = 1, 200_000
    while refused - readable > 1:
        depth = (readable + refused) // 2
        try:
            json.loads("[" * depth + "]" * depth)
        except RecursionError:
            refused = depth
        else:
            readable = depth
    return range(readable - 60, readable + 20)


def in_zone(zone: tzinfo) -> Setting:
    """The setting of a user elsewhere."""
    return ADA._replace(zone=zone)


def read_all(
    format: str,
    data: bytes,
    columns: Mapping[str, str] | None = None,
    setting: Setting = ADA,
) -> list[Candidate]:
    """Read a whole file."""
    source = Source(io.BytesIO(data), FILE)
    drafts = named(format).read(source, setting, columns or {})
    return list(candidates(drafts, setting))


def tasks_of(
    format: str,
    data: bytes,
    columns: Mapping[str, str] | None = None,
    setting: Setting = ADA,
) -> list[Task]:
    """The tasks of a file in which nothing is wrong."""
    tasks = []
    for candidate in read_all(format, data, columns, setting):
        assert candidate.task is not None, candidate
        tasks.append(candidate.task)
    return tasks


def faults_of(
    format: str,
    data: bytes,
    columns: Mapping[str, str] | None = None,
    setting: Setting = ADA,
) -> list[str]:
    """What is wrong in a file, with the places."""
    return [
        f"{candidate.place}: {candidate.fault.message}"
        for candidate in read_all(format, data, columns, setting)
        if candidate.fault is not None
    ]


def kept_of(candidates: Sequence[Candidate]) -> dict[str, int]:
    """What became text in all records, counted by its kind."""
    kept: dict[str, int] = {}
    for candidate in candidates:
        for kind, count in candidate.kept.items():
            kept[kind] = kept.get(kind, 0) + count
    return kept


def left_out_of(candidates: Sequence[Candidate]) -> dict[str, int]:
    """What was left out of all records, counted by its kind."""
    left_out: Counter[str] = Counter()
    for candidate in candidates:
        left_out.update(candidate.left_out)
    return dict(left_out)


def write_all(
    format: str, tasks: Sequence[Task], setting: Setting = ADA, most: int = 3
) -> bytes:
    """Write a whole file, a few tasks at once."""
    writer = named(format).writer(setting)
    parts = [writer.begin()]
    for start in range(0, len(tasks), most):
        parts.append(writer.write(tasks[start : start + most]))
    parts.append(writer.end())
    return b"".join(parts)


class Endless(io.RawIOBase):
    """A stream that makes its bytes while they are read, and keeps none."""

    def __init__(
        self, begin: bytes, part: bytes, length: int, end: bytes = b""
    ) -> None:
        super().__init__()
        self._begin = begin
        self._part = part
        self._left = length
        self._end = end
        self.given = 0

    def read(self, size: int = -1) -> bytes:
        """Return about as many bytes as wanted."""
        if self._begin:
            data, self._begin = self._begin, b""
        elif self._left > 0:
            data = self._part * max(1, size // len(self._part))
            self._left -= len(data)
        else:
            data, self._end = self._end, b""
        self.given += len(data)
        return data


def source_of(stream: io.RawIOBase) -> Source:
    """Read from any stream."""
    return Source(cast(BinaryIO, stream), FILE)


# Random tasks

_LETTERS = st.characters(
    exclude_categories=["Cs", "Cc", "Zl", "Zp"],
    exclude_characters="\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069",
)
"""What a text of one line may have; a test checks that against the rules."""
_ODD = st.sampled_from(
    [
        "=1+1",
        "@SUM(A1)",
        "+1",
        "-1",
        "'",
        "''=",
        '"',
        '""',
        ",",
        ";",
        "x 2026-01-02 (A) y",
        "due:2026-12-24",
        "+project @context",
        "- [ ] box",
        "null",
        "true",
        "\\n",
        "\\u202e",
        "{}",
        "[",
        "BEGIN:VTODO",
        "🏴‍☠️",
        "é",
        "\ufeff",
        "Straße",
    ]
)
_LINE = st.text(_LETTERS, max_size=30) | st.builds(
    "{}{}{}".format,
    _ODD,
    st.sampled_from(["", " ", "a"]),
    st.text(_LETTERS, max_size=5) | _ODD,
)


def _is_title(text: str) -> bool:
    try:
        return clean_title(text) == text
    except InvalidInput:
        return False


TITLES: Final = _LINE.map(str.strip).filter(_is_title) | st.integers(
    1, 199
).map(lambda length: "ä" * length + "!")
DESCRIPTIONS: Final = st.none() | st.builds(
    "{}{}{}".format,
    st.sampled_from(["", "\n", "\t=", "\n\n \t"]),
    _LINE,
    st.sampled_from([".", "\n", " \t", "\n=1+1\n'"]),
)
DAYS: Final = st.none() | st.dates(date(1900, 1, 1), date(9998, 12, 31))
_SECONDS = int((datetime(9998, 12, 31, tzinfo=UTC) - EARLIEST).total_seconds())
TIMES: Final = st.builds(
    lambda seconds, micros: EARLIEST + timedelta(0, seconds, micros),
    st.integers(0, _SECONDS),
    st.integers(0, 999_999),
)
_NAME = st.text(_LETTERS, min_size=1, max_size=12) | _ODD


def _is_project(text: str) -> bool:
    try:
        return clean_project(text) == text
    except InvalidInput:
        return False


def _is_tag(text: str) -> bool:
    try:
        return clean_tag(text) == text
    except InvalidInput:
        return False


PROJECTS: Final = st.none() | st.lists(
    _NAME.map(str.strip), min_size=1, max_size=4
).map(".".join).filter(_is_project)
TAGS: Final = st.lists(_NAME.filter(_is_tag), max_size=4, unique=True).map(
    sorted
)


@st.composite
def tasks(draw: st.DrawFn, user: str = "ada") -> Task:
    """A task as a store can hold it, with any of its fields."""
    completed_at = draw(st.none() | TIMES)
    return Task(
        id=UUID(int=draw(st.integers(0, 2**128 - 1))),
        number=draw(st.integers(1, rules.LARGEST_IMPORTED)),
        user_id=user,
        title=draw(TITLES),
        description=draw(DESCRIPTIONS),
        completed=completed_at is not None,
        created_at=draw(TIMES),
        updated_at=draw(TIMES),
        completed_at=completed_at,
        due_on=draw(DAYS),
        wait_until=draw(DAYS),
        priority=draw(st.sampled_from([None, "high", "medium", "low"])),
        project=draw(PROJECTS),
        tags=draw(TAGS),
        version=draw(st.integers(1, rules.LARGEST_IMPORTED)),
        deleted_at=draw(st.none() | TIMES),
    )


def examples(most: int) -> settings:
    """How many examples are tried, however long it takes to make them."""
    return settings(
        max_examples=most,
        database=None,
        suppress_health_check=[HealthCheck.too_slow],
    )


IN_SUITE: Final = examples(size(30, 60))
"""`python -m tests.exchange` tries more."""
STORES: Final = st.lists(tasks(), max_size=4)
"""The tasks of a random store."""


PRESENT: Final = [
    format.name
    for format in FORMATS
    if find_spec(f"todo_cli.exchange.{format.name}_file")
]
"""The formats whose module is there."""
EXAMPLE: Final = {
    "json": '[{"title": "Buy milk"},\n {"title": "Käse 🧀", "tags": ["a"]}]\n',
    "ndjson": '{"title": "Buy milk"}\n{"title": "Käse 🧀", "tags": ["a"]}\n',
    "csv": 'Title,Notes\nBuy milk,"2 l, fresh"\nKäse 🧀,\nBuy milk,"2 l, fresh"\n',
    "todotxt": "(A) Buy milk +home @shop\nx 2026-01-02 2026-01-01 Käse 🧀\n",
    "taskwarrior": '[\n{"id":1,"description":"Buy milk","entry":"20260102T030405Z",'
    '"status":"pending","uuid":"6f9619ff-8b86-4d01-b42d-00cf4fc964ff"}\n]\n',
    "markdown": "# List\n\n- [ ] Buy milk\n- [x] Käse 🧀\n",
    "ics": "BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:x\nBEGIN:VTODO\nUID:1\n"
    "DTSTAMP:20260102T030405Z\nSUMMARY:Buy milk\nEND:VTODO\nEND:VCALENDAR\n",
    "todoist": "TYPE,CONTENT,DESCRIPTION,PRIORITY,INDENT,AUTHOR,RESPONSIBLE,DATE,"
    "DATE_LANG,TIMEZONE\ntask,Buy milk,,4,1,,,,en,UTC\n",
    "github": '[{"number":7,"title":"Buy milk","body":"","labels":[],"state":"OPEN",'
    '"createdAt":"2026-01-02T03:04:05Z","closedAt":null,"url":"https://x.test/7"}]\n',
}
"""A small file of each format, in which nothing is wrong."""
