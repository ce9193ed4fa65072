"""A proxy before PostgreSQL that counts turns, adds latency, and cuts the line where a
test says so.

A turn is a wait of the client for the server:

- one for the TCP handshake of each connection;
- one each time the server begins to answer after the client has asked. A client asks
with the messages after which it
  waits: those that open and authenticate a session, Query, Sync, Flush, CopyDone. So
  messages and answers that travel in several packets count once, and an answer that
  begins before the question is complete does not count twice.
- What nobody waits for does not count: Terminate, the server's closing of a plain
connection, notices.

Once TLS is negotiated *through* the proxy it cannot read any more, and every packet of
the client's counts as a question; `NeonFront` ends TLS itself and counts exactly.
"""

import asyncio
from collections.abc import Coroutine, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Literal

from tests.support.listener import Listener
from tests.support.streams import SlowStream, Stream
from tests.support.wire import (
    EXECUTE,
    FLUSH,
    GSS_REQUEST,
    PARSE,
    PASSWORD,
    READY,
    SSL_REQUEST,
    STARTUP,
    TLS_CLIENT_HELLO,
    Framer,
    Message,
    error_message,
    raising,
)


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that goes wrong with one request; 0 is the log-in, 1 the first after it.

    A request is what a client sends until it waits: asyncpg's `fetchrow` is two,
    Parse/Describe and Bind/Execute. `before`: the server never sees it. `after`: the
    server has finished it, its answer is lost. `during`: the line to the client goes
    first, and the server gets the request `late_s` later. `error`, always `before`: the
    server is asked to raise `state` instead, so that a transaction is aborted as it
    would be; what ends sessions ends this one.
    """

    when: Literal["before", "during", "after"]
    request: int
    how: Literal["end", "reset", "silence", "error"] = "end"
    connection: int | None = 1
    """The number of the connection since the last reset; None for each."""
    late_s: float = 0.0
    state: str = ""

    @property
    def is_fatal(self) -> bool:
        """Whether the error ends the session: any during the log-in, and what a server
        says before it hangs up.
        """
        return (
            self.request == 0
            or self.state.startswith("57P")
            or self.state == "53300"
        )


@dataclass(slots=True, eq=False)
class Line:
    """What is known of one connection."""

    number: int
    client: Stream
    asking: Framer = field(default_factory=lambda: Framer(opening=True))
    answering: Framer = field(default_factory=lambda: Framer(opening=False))
    request: int = 0
    kinds: str = ""
    is_asked: bool = False
    is_complete: bool = True
    is_negotiating: bool = False
    is_opaque: bool = False
    is_logged_in: bool = False
    shortened: Framer | None = None
    """Reads answers once a Query has stood in for a request that ends with Flush."""
    surplus: int = 0
    """How many times the server will say ReadyForQuery to such a Query, which the
    client has not to hear.
    """
    has_left: asyncio.Event = field(default_factory=asyncio.Event)
    question: bytes = b""
    """The question for the schema's owner, held until the request that it belongs to."""
    is_asking_owner: bool = False
    """Whether more of that question is to come."""

    def take_question(self) -> bytes:
        """The question that is held, once."""
        question, self.question = self.question, b""
        return question

    def take(self, message: Message) -> None:
        """Note a message of the client's."""
        if message.kind in (STARTUP, PASSWORD):
            self.is_negotiating = message.kind == STARTUP and message.code in (
                SSL_REQUEST,
                GSS_REQUEST,
            )
        elif self.is_complete:
            self.request += 1
            self.kinds = ""
        kind = message.kind.decode()
        self.kinds += "" if self.kinds.endswith(kind) else kind
        self.is_asked = self.is_asked or message.asks
        self.is_complete = message.asks


class BrokenLineError(Exception):
    """A line has been cut, or a client sent away."""


def begins_question(message: Message) -> bool:
    """Whether a message is the Parse, before Bind and Execute, of the question of
    `database/guard.py`.
    """
    return (
        message.kind == PARSE and b"/* whose schema is it? */" in message.body
    )


class TurnProxy(Listener):
    """Relays to a PostgreSQL server."""

    def __init__(
        self, upstream_host: str, upstream_port: int, delay_s: float = 0.0
    ) -> None:
        super().__init__(delay_s=delay_s)
        self.faults: list[Fault] = []
        self.is_silent = False
        """Whether new connections are accepted and never answered."""
        self.requests: list[str] = []
        """The kinds of messages of each request since the last reset: `PDH` is Parse,
        Describe, Flush.
        """
        self.turns = 0
        """Turns since the last reset, like `connections`."""
        self._upstream = (upstream_host, upstream_port)

    def reset(self) -> None:
        """Forget turns, requests, connections and faults."""
        self.turns = self.connections = 0
        self.requests, self.faults = [], []

    async def _welcome(self, line: Line) -> list[Message]:
        """Meet a client before the server is dialled, give its first messages;
        BrokenLineError sends it away.
        """
        return []

    async def _log_in_reply(self, message: Message) -> Message:
        """Look at an answer of the server's during the log-in before it is passed on."""
        return message

    async def _take_leave(self, line: Line) -> None:
        """End the client's connection properly."""
        await line.client.close()

    def _begin(self, client: SlowStream) -> Coroutine[Any, Any, None]:
        return self._serve(Line(self.connections, client))

    async def _serve(self, line: Line) -> None:
        self.turns += 1
        if self.is_silent:
            await asyncio.Future()
        with suppress(OSError, BrokenLineError):
            await self._relay(line, await self._welcome(line))

    async def _relay(self, line: Line, first: list[Message]) -> None:
        upstream = SlowStream(*await asyncio.open_connection(*self._upstream))
        pumps = {
            asyncio.create_task(self._pass_requests(line, upstream, first)),
            asyncio.create_task(self._pass_answers(line, upstream)),
        }
        try:
            done, _ = await asyncio.wait(
                pumps, return_when=asyncio.FIRST_COMPLETED
            )
            for pump in done:
                pump.result()
            await self._take_leave(line)
            await upstream.close()
        finally:
            upstream.abort()  # first: a second cancellation may come while the pumps are waited for
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)

    async def _pass_requests(
        self, line: Line, upstream: SlowStream, first: list[Message]
    ) -> None:
        for message in first:
            await self._pass_request(line, upstream, message)
        while data := await line.client.read():
            line.is_opaque = line.is_opaque or (
                line.kinds == "" and data.startswith(TLS_CLIENT_HELLO)
            )
            if line.is_opaque:
                line.is_asked = True
                await upstream.write(data)
            else:
                for message in line.asking.feed(data):
                    await self._pass_request(line, upstream, message)
        line.has_left.set()

    async def _pass_request(
        self, line: Line, upstream: SlowStream, message: Message
    ) -> None:
        if (
            begins_question(message) or line.is_asking_owner
        ):  # in one packet with the request that follows
            line.question += message.encode()
            line.is_asking_owner = message.kind != EXECUTE
            return
        line.take(message)
        before, during = (
            self._fault(line, "before"),
            self._fault(line, "during"),
        )
        if before and before.how != "error":
            await self._break(before, line)
        if message.asks:
            self.requests.append(line.kinds)
            if during:
                line.client.abort(reset=during.how == "reset")
                await asyncio.sleep(during.late_s)
                await upstream.write(line.take_question() + message.encode())
                await upstream.close()
                raise BrokenLineError
            if before:
                await self._refuse(before, line, upstream, message)
        if not before:
            await upstream.write(line.take_question() + message.encode())

    async def _refuse(
        self, fault: Fault, line: Line, upstream: SlowStream, message: Message
    ) -> None:
        """Have a request answered by an error."""
        if fault.is_fatal:
            self.turns += 1
            await line.client.write(
                error_message("FATAL", fault.state, "as a test asked").encode()
            )
            await line.client.close()
            raise BrokenLineError
        question = line.take_question()
        if message.kind == FLUSH:
            line.shortened = line.shortened or Framer(opening=False)
            line.surplus += 1
        await upstream.write(question + raising(fault.state).encode())

    async def _pass_answers(self, line: Line, upstream: SlowStream) -> None:
        while data := await upstream.read():
            if line.is_asked:
                line.is_asked = False
                self.turns += 1
            if fault := self._fault(line, "after"):
                await self._swallow(line, data, upstream)
                await self._break(fault, line)
            if line.shortened is not None:
                data = b"".join(
                    message.encode()
                    for message in self._due(line, line.shortened.feed(data))
                )
            await line.client.write(
                data
                if line.is_logged_in
                else await self._watch_log_in(line, data)
            )

    def _due(
        self, line: Line, answers: Iterator[Message]
    ) -> Iterator[Message]:
        """Leave out what the client has not to hear."""
        for message in answers:
            if message.kind == READY and line.surplus:
                line.surplus -= 1
            else:
                yield message

    async def _watch_log_in(self, line: Line, data: bytes) -> bytes:
        """Read what the server answers until it is ready for the first request."""
        if line.is_negotiating:
            line.is_opaque = data == b"S"
        if line.is_negotiating or line.is_opaque:
            return data
        answer = b""
        for message in line.answering.feed(data):
            answer += (await self._log_in_reply(message)).encode()
            line.is_logged_in = line.is_logged_in or message.kind == READY
        return answer

    async def _swallow(
        self, line: Line, data: bytes, upstream: SlowStream
    ) -> None:
        """Read on until the server has finished the request; after a Flush it does not
        say so, but then it is short.
        """
        framer = Framer(opening=False)
        finished = line.kinds.endswith("H")
        while data:
            finished = (
                any(message.kind == READY for message in framer.feed(data))
                or finished
            )
            data = b"" if finished else await upstream.read()

    async def _break(self, fault: Fault, line: Line) -> None:
        if fault.how == "silence":
            await asyncio.Future()
        line.client.abort(reset=fault.how == "reset")
        raise BrokenLineError

    def _fault(self, line: Line, when: str) -> Fault | None:
        return next(
            (
                fault
                for fault in self.faults
                if (fault.when, fault.request) == (when, line.request)
                and fault.connection in (None, line.number)
            ),
            None,
        )
