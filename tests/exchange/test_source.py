"""A file's text is read in parts, in its encoding, and each line has its number."""

import codecs
import io
import tracemalloc
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.exchange.support import FILE, Endless, source_of
from todo_cli.errors import InvalidInput
from todo_cli.exchange.source import LONGEST, Source

TEXT = "täsks, 任务 🙂\nsecond\r\nthird\rfourth"
LINES = [(1, "täsks, 任务 🙂"), (2, "second"), (3, "third"), (4, "fourth")]
HEAD = 65_536


class Drops(io.RawIOBase):
    """A pipe that gives a few bytes at once, whatever it is asked for."""

    def __init__(self, data: bytes, most: int) -> None:
        super().__init__()
        self._data = data
        self._most = most

    def read(self, size: int = -1) -> bytes:
        """Return the next few bytes."""
        length = min(size, self._most)
        part, self._data = self._data[:length], self._data[length:]
        return part


def source(data: bytes) -> Source:
    return Source(io.BytesIO(data), FILE)


def lines(data: bytes) -> list[tuple[int, str]]:
    return list(source(data).lines())


ENCODED = {
    "utf-8": TEXT.encode(),
    "utf-8 with a mark": codecs.BOM_UTF8 + TEXT.encode(),
    "utf-16-le": codecs.BOM_UTF16_LE + TEXT.encode("utf-16-le"),
    "utf-16-be": codecs.BOM_UTF16_BE + TEXT.encode("utf-16-be"),
}


@pytest.mark.parametrize("data", ENCODED.values(), ids=ENCODED)
def test_text_is_read_in_its_encoding(data: bytes) -> None:
    assert lines(data) == LINES


@pytest.mark.parametrize("data", ENCODED.values(), ids=ENCODED)
@pytest.mark.parametrize("most", [1, 3])
def test_text_of_a_slow_pipe_is_the_same(data: bytes, most: int) -> None:
    assert list(source_of(Drops(data, most)).lines()) == LINES


@pytest.mark.parametrize(
    "data",
    [b"", codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE],
    ids=["nothing", "utf-8", "utf-16-le", "utf-16-be"],
)
def test_file_without_text_has_no_lines(data: bytes) -> None:
    empty = source(data)

    assert empty.head == ""
    assert list(empty.lines()) == []
    assert not empty.is_last_open


def test_head_is_still_to_be_read() -> None:
    both = source(b"a\nb\n" * HEAD)

    assert both.head == "a\nb\n" * (HEAD // 4)
    assert "".join(both.parts()) == "a\nb\n" * HEAD


def test_bytes_are_counted_while_they_are_read() -> None:
    data = "ä\n".encode() * HEAD
    counted = source(data)
    before = counted.done

    assert before == HEAD
    assert sum(1 for _ in counted.lines()) == HEAD
    assert counted.done == len(data)


def ends(text: str) -> Iterable[str]:
    """Split as an independent reader does, in universal lines."""
    read = io.TextIOWrapper(io.BytesIO(text.encode()), "utf-8", newline=None)
    return (line.removesuffix("\n") for line in read)


@given(
    st.text("\r\nab ", max_size=40),
    st.integers(HEAD - 3, HEAD + 3),
)
def test_lines_are_those_of_python(text: str, before: int) -> None:
    whole = "x" * before + text

    found = lines(whole.encode())

    assert [line for _, line in found] == list(ends(whole))
    assert [number for number, _ in found] == [*range(1, len(found) + 1)]


def test_line_ends_of_unicode_are_part_of_a_line() -> None:
    assert lines("a\u2028b\x0bc\x0cd\x85e\n".encode()) == [
        (1, "a\u2028b\x0bc\x0cd\x85e")
    ]


@pytest.mark.parametrize(
    ("data", "is_open"),
    [(b"a\nb", True), (b"a\nb\n", False), (b"a\nb\r", False), (b"a", True)],
)
def test_last_line_without_an_end_is_noticed(
    data: bytes, is_open: bool
) -> None:
    read = source(data)
    list(read.lines())

    assert read.is_last_open == is_open


# What is not text


def refusal(data: bytes) -> InvalidInput:
    with pytest.raises(InvalidInput) as raised:
        lines(data)
    return raised.value


@pytest.mark.parametrize(
    ("data", "line"),
    [
        ("one\nzwölf\n".encode("latin-1"), 2),
        (b"\xff\xfe\x00\xd8a\x00", 1),
        (b"one\rtwo\r\nthree\n\xe4\n", 4),
        (b"a\n" * HEAD + b"\x80\n", HEAD + 1),
        (b"a\r\n" * HEAD + b"\x80\n", HEAD + 1),
        (b"\r\n" * HEAD + b"\x80\n", HEAD + 1),
        (b"x" * (HEAD - 1) + b"\r\n\x80", 2),
        ("\ufeffa\nਊ\n".encode("utf-16-le") + b"\x00\xd8a\0", 3),
    ],
)
def test_text_of_another_encoding_is_refused_with_its_line(
    data: bytes, line: int
) -> None:
    error = refusal(data)

    assert error.message.startswith(f"Line {line} of {FILE} is not UTF-")
    assert error.details[0]["field"] == f"line {line}"
    assert "iconv" in str(error.hint)


@pytest.mark.parametrize(
    "data",
    [
        "a\nbü".encode()[:-1],
        codecs.BOM_UTF16_LE + b"a\0b",
        codecs.BOM_UTF16_LE + b"a\0\x00\xd8",
        b"a" * HEAD + b"\xf0\x9f",
    ],
)
def test_file_that_ends_in_a_character_is_cut_off(data: bytes) -> None:
    error = refusal(data)

    assert error.message == (
        f"{FILE} is cut off: it ends in the middle of a character"
    )
    assert "again" in str(error.hint)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"SQLite format 3\0" + bytes(100), "todo db import"),
        (b"PK\x03\x04\x14\0", "CSV"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "CSV"),
        (b"\x1f\x8b\x08\0", "gunzip"),
        (codecs.BOM_UTF32_LE + "a".encode("utf-32-le"), "UTF-32"),
        (codecs.BOM_UTF32_BE + "a".encode("utf-32-be"), "UTF-32"),
        ("title\n".encode("utf-16-le"), "UTF-16"),
        ("title\n".encode("utf-16-be"), "UTF-16"),
        (b"\0", "UTF-16"),
    ],
)
def test_files_of_other_kinds_are_refused_with_what_helps(
    data: bytes, words: str
) -> None:
    error = refusal(data)

    assert FILE in error.message
    assert words in str(error.hint)


@pytest.mark.parametrize("begin", [b"", codecs.BOM_UTF8, b"one\n"])
def test_line_of_a_gigabyte_is_refused_early_and_in_little_memory(
    begin: bytes,
) -> None:
    endless = Endless(begin, b"a" * 65_536, 1 << 30)
    tracemalloc.start()
    try:
        with pytest.raises(InvalidInput, match="has more than 4,194,304"):
            for _ in source_of(endless).lines():
                pass
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert endless.given < 2 * LONGEST
    assert most < 8 * LONGEST


def test_line_of_the_greatest_length_is_read() -> None:
    assert lines(b"a" * LONGEST + b"\nb") == [(1, "a" * LONGEST), (2, "b")]
