"""Messages: whole, in pieces, and broken."""

import io

import pytest

from todo_cli.warm import wire

FIELDS = [b"run", b"", b"x" * 70_000]


@pytest.mark.spec("002/FR-361")
def test_message_is_read_as_it_was_written() -> None:
    stream = io.BytesIO(wire.pack(*FIELDS) + wire.pack(b"go"))

    assert wire.receive(stream.read) == FIELDS
    assert wire.receive(stream.read) == [b"go"]
    assert wire.receive(stream.read) is None


@pytest.mark.spec("002/FR-361")
def test_message_that_comes_byte_by_byte_is_read() -> None:
    stream = io.BytesIO(wire.pack(b"run", b"abc"))

    assert wire.receive(lambda _: stream.read(1)) == [b"run", b"abc"]


BROKEN = {
    "half a length": b"\0\0",
    "half a message": wire.pack(*FIELDS)[:-1],
    "too long": (wire.LONGEST + 1).to_bytes(4, "big"),
    "nothing in it": (0).to_bytes(4, "big"),
    "a field longer than the message": b"\0\0\0\x05\0\0\0\x09x",
}


@pytest.mark.spec("002/FR-361")
@pytest.mark.parametrize("data", BROKEN.values(), ids=BROKEN)
def test_what_is_no_message_is_refused(data: bytes) -> None:
    with pytest.raises(wire.Broken):
        wire.receive(io.BytesIO(data).read)


@pytest.mark.spec("002/FR-361")
def test_complete_messages_are_taken_from_what_came() -> None:
    first, second = wire.pack(b"begun"), wire.pack(b"cold", b"program")

    assert wire.complete(first + second[:3]) == ([[b"begun"]], second[:3])
    assert wire.complete(second) == ([[b"cold", b"program"]], b"")
    assert wire.complete(b"") == ([], b"")


@pytest.mark.spec("002/FR-361")
@pytest.mark.parametrize("texts", [[], [b""], [b"a", b"", b"\xff b"]])
def test_texts_of_a_field_stay_apart(texts: list[bytes]) -> None:
    assert wire.split(wire.join(texts)) == texts
