"""Changes uvicorn's HTTP/1.1: our envelopes, one write an answer, and limits.

uvicorn has no public way to do this, so the classes here extend its
`H11Protocol` and h11's `Connection`. Both have an upper bound in
`pyproject.toml`.
"""

import asyncio
import re
import select
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum, auto
from http import HTTPStatus
from typing import Any, Final, NoReturn

import h11
from starlette.responses import Response
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

from todo_cli.api import answers
from todo_cli.api.room import MOST_UNREAD, Room
from todo_cli.errors import DatabaseBusy

LONGEST_JOINED: Final = 64 * 1024
"""A longer body gets a write of its own: copying it would cost more."""
LONGEST_HEAD: Final = 64 * 1024
"""How many bytes the head of a request may have."""
_NOT_HTTP: Final = "The request is not valid HTTP"
_TOO_LONG: Final = (
    f"The head of the request has more than {LONGEST_HEAD // 1024} KiB"
)
_FRAGMENT: Final = "The target of the request has a `#`, which must be `%23`"
_URL: Final = re.compile(rb"(?i:http)://(?P<host>[^/?]*)(?P<rest>.*)")
"""A target that is a whole URL."""
_AROUND_HEADER: Final = len(b": \r\n")
STATUS: Final = "todo.status"
"""The key of a scope for the status of an answer that is not the app's."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one client may take of the server."""

    connections: int = 500
    used_s: float = 1.0
    """A connection that had a request in this time is not idle."""
    unread: int = MOST_UNREAD
    """How many bytes of answers may be unread, over all connections."""
    head_s: float = 30.0
    """From the connection, or the last answer, until a head is whole."""
    body_s: float = 30.0
    """From a head until its body is whole."""
    still_s: float = 30.0
    """How long an answer may be unread without any progress."""
    reading_s: float = 300.0
    """How long reading an answer may take in all."""


@dataclass(frozen=True, slots=True)
class Shared:
    """What the connections of a server have in common."""

    log: Callable[[str], None]
    """Takes a line for a request that does not reach the application."""
    limits: Limits
    room: Room
    """The answers that clients have not read yet."""
    connections: "dict[Protocol, None]" = field(default_factory=dict)
    """All that are open, the oldest first."""


class Connection(h11.Connection):
    """Reads and limits heads of requests; joins that of an answer to its body.

    Head and first part of the body go out in one write, and usually in one
    packet.
    """

    method = b""
    """The method of this request, once it is known."""
    fault = _NOT_HTTP
    """What is wrong with a request that is refused."""
    _head = b""

    def next_event(self) -> Any:
        """Return the next event.

        h11 by itself takes a head of any length that arrives in one packet,
        and any target.
        """
        try:
            event = super().next_event()
        except h11.RemoteProtocolError as error:
            too_long = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
            if error.error_status_hint == too_long:
                self.fault = _TOO_LONG
            raise
        # h11's events are abstract classes, for which `isinstance` is slow.
        if type(event) is not h11.Request:
            return event
        self.method = event.method
        if _head_length(event) > LONGEST_HEAD:
            self._refuse(_TOO_LONG)
        # Clients keep it to themselves, so it is part of a name by mistake.
        if b"#" in event.target:
            self._refuse(_FRAGMENT)
        return _with_path(event)

    def _refuse(self, fault: str) -> NoReturn:
        """Have uvicorn call `send_400_response`."""
        self.fault = fault
        raise h11.RemoteProtocolError(fault)

    def start_next_cycle(self) -> None:
        """Get ready for the next request."""
        self.method = b""
        super().start_next_cycle()

    def send(self, event: h11.Event) -> bytes | None:  # type: ignore[override]
        """Return the bytes to write now; a head waits for its body."""
        data = super().send(event)
        if (
            type(event) is h11.Response
            and _body_length(event) <= LONGEST_JOINED
        ):
            self._head = data or b""
            return b""
        head = self._head
        self._head = b""
        if head and data is not None:
            return head + data
        return data


def _with_path(request: h11.Request) -> h11.Request:
    """Turn a target that is a URL, as for a proxy, into a path.

    Its host counts instead of the header: RFC 9112, section 3.2.2.
    """
    url = _URL.fullmatch(request.target)
    if url is None:
        return request
    headers = [(b"host", url["host"])]
    for name, value in request.headers:
        if name != b"host":
            headers.append((name, value))
    path = url["rest"]
    if not path.startswith(b"/"):
        path = b"/" + path
    return h11.Request(
        method=request.method,
        target=path,
        headers=headers,
        http_version=request.http_version,
    )


def _head_length(request: h11.Request) -> int:
    """Count the bytes of a head, with the usual blanks and line ends."""
    length = len(b"  HTTP/1.1\r\n\r\n")
    length += len(request.method)
    length += len(request.target)
    # Their items as a list: to iterate over h11's headers is slow.
    for name, value in request.headers.raw_items():
        length += len(name) + len(value) + _AROUND_HEADER
    return length


def _body_length(response: h11.Response) -> int:
    for name, value in response.headers.raw_items():
        if name.lower() == b"content-length":
            return int(value)
    return 0


class Awaited(Enum):
    """What a connection waits for its client to do."""

    HEAD = auto()
    """Send the whole head of a request, the first or the next one."""
    BODY = auto()
    """Send the whole body of the request."""
    READING = auto()
    """Read what we have written."""


class Protocol(H11Protocol):
    """One connection.

    It answers with an envelope also where uvicorn bypasses the application,
    and its client has limits of time.
    """

    conn: Connection

    def __init__(self, shared: Shared, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self.conn = Connection(h11.SERVER, LONGEST_HEAD)
        self._shared = shared
        self._waits_to_go_on = False
        """Whether the next request waits until this answer is read."""
        self._sends_no_more = False
        """Whether the client has closed its side."""
        # What `check` saw last: what is awaited, since when, when the client
        # last moved on, and how much it had left to read.
        self._seen: tuple[Awaited | None, object] = (Awaited.HEAD, None)
        self._began_s = self.loop.time()
        self._moved_s = self._began_s
        self._unread = 0

    # A connection begins and ends

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Accept a connection.

        If there are too many, an idle one is dropped. If none is idle, this
        one gets an error.
        """
        super().connection_made(transport)
        connections = self._shared.connections
        idle = None
        if len(connections) >= self._shared.limits.connections:
            idle = self._most_idle()
            if idle is None:
                self._end(answers.fail(DatabaseBusy("Too many connections")))
                return
        connections[self] = None
        if idle is not None:
            # Now, as `connection_lost` comes only when the loop runs again.
            del connections[idle]
            idle.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._shared.connections.pop(self, None)
        self._shared.room.remove(self.transport)
        self._cut_off()
        super().connection_lost(exc)

    def eof_received(self) -> bool:  # type: ignore[override]  # asyncio takes it
        """Close the connection, but not before whole requests are answered.

        A client may close its side as soon as it has asked, as `nc -N` does.
        """
        self._sends_no_more = True
        self._cut_off()
        # TLS has no half that is closed: asyncio closes both.
        if self.transport.get_extra_info("sslcontext") is not None:
            return False
        return self._is_answering()

    def _most_idle(self) -> "Protocol | None":
        """Choose the connection to drop for a new one.

        The oldest of those that never had a request; else the one that has
        been waiting longest for its client.
        """
        now = self.loop.time()
        used = []
        for each in self._shared.connections:
            if each.cycle is not None:
                used.append(each)
            elif not each.has_input():
                return each
        waiting = max(used, key=lambda each: each.waited_s(now), default=None)
        if waiting is None or waiting.has_input():
            return None
        if waiting.waited_s(now) <= self._shared.limits.used_s:
            return None
        return waiting

    def has_input(self) -> bool:
        """Whether the client has sent something that we have not read yet.

        Of many clients that connect at once, the first would seem to be
        silent when the last one comes.
        """
        poll = select.poll()
        poll.register(self.transport.get_extra_info("socket"), select.POLLIN)
        return poll.poll(0) != []

    def waited_s(self, now: float) -> float:
        """How long the client has kept us waiting; 0 if it does not."""
        awaited, cycle = self._seen
        if awaited is None or cycle is not self.cycle:
            return 0
        return now - self._moved_s

    # A client is slow

    def check(self, now: float) -> None:
        """Drop the connection if its client is too slow; call it often."""
        unread = self.transport.get_write_buffer_size()
        awaited = self._awaited(unread)
        seen = awaited, self.cycle
        if seen != self._seen:
            self._seen = seen
            self._began_s = now
            self._moved_s = now
        elif unread < self._unread:
            self._moved_s = now
        self._unread = unread
        if self._is_too_slow(awaited, now):
            # Without an answer: nobody waits for one, and what was asked was
            # not whole, so nothing was done.
            self._cut_off()
            self.transport.abort()

    def _awaited(self, unread: int) -> Awaited | None:
        """What the client has to do now; None if it waits for us."""
        request = self._unanswered()
        if unread > 0:
            return Awaited.READING
        if request is None:
            return Awaited.HEAD
        if request.more_body:
            return Awaited.BODY
        return None

    def _is_too_slow(self, awaited: Awaited | None, now: float) -> bool:
        """Whether the client takes longer than it may for what it has to do.

        Only reading has a second limit: a client that reads a long list bit
        by bit is slow, but one that reads nothing has most likely stopped.
        """
        limits = self._shared.limits
        waited_s = now - self._began_s
        match awaited:
            case None:
                return False
            case Awaited.HEAD:
                return waited_s > limits.head_s
            case Awaited.BODY:
                return waited_s > limits.body_s
            case Awaited.READING:
                is_still = now - self._moved_s > limits.still_s
                return is_still or waited_s > limits.reading_s

    def pause_writing(self) -> None:
        """Note that the client does not read as fast as we write."""
        super().pause_writing()
        self._shared.room.add(self.transport)

    def resume_writing(self) -> None:
        """Note that it has; then go on to its next request."""
        super().resume_writing()
        self._shared.room.remove(self.transport)
        if self._waits_to_go_on:
            self._waits_to_go_on = False
            self._go_on()

    # One request after the other

    def on_response_complete(self) -> None:
        """Go on to the next request, but not before this answer is read.

        Otherwise a client could ask for any number of answers, and read none.
        """
        if self.flow.write_paused and not self.transport.is_closing():
            self._waits_to_go_on = True
            self.flow.pause_reading()
            return
        self._go_on()

    def _go_on(self) -> None:
        """Begin with the next request, if there is one."""
        super().on_response_complete()
        if self._sends_no_more:
            self._cut_off()
            if not self._is_answering():
                self.transport.close()

    def _unanswered(self) -> RequestResponseCycle | None:
        """Return the request whose answer is not complete, if there is one."""
        # None before the first request.
        cycle: RequestResponseCycle | None = self.cycle
        if cycle is None or cycle.response_complete:
            return None
        return cycle

    def _is_answering(self) -> bool:
        """Whether a request is whole, and its answer is not."""
        request = self._unanswered()
        if request is None:
            return self._waits_to_go_on
        return not request.more_body

    def _cut_off(self) -> None:
        """Note that a request will never be whole, if it is not.

        The application may answer it without the rest of the body, but
        nobody gets that answer.
        """
        request = self._unanswered()
        if request is not None and request.more_body:
            request.scope.setdefault(STATUS, "-")  # type: ignore[typeddict-item]
            _release(request)

    # Answers that are not the application's

    def send_400_response(self, msg: str) -> None:
        """Answer bytes that are not HTTP."""
        self._end(answers.refuse_protocol(self.conn.fault))

    def _should_upgrade(self) -> bool:
        """Ignore `Upgrade`, without uvicorn's warnings."""
        return False

    def _end(self, answer: Response) -> None:
        """Answer in place of the application, and close the connection.

        If the application has begun to answer, the connection only closes.
        """
        status = answer.status_code
        can_answer = self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE)
        request = self._unanswered()
        if request is not None:
            if can_answer:
                request.scope[STATUS] = status  # type: ignore[typeddict-unknown-key]
            _release(request)
        elif can_answer:
            # No request, so the application does not log it.
            self._shared.log(f"- - {status} 0.0 ms")
        if can_answer:
            self._send(answer)
        self.transport.close()

    def _send(self, answer: Response) -> None:
        """Send an answer that is the last one of the connection."""
        headers = [
            *answer.raw_headers,
            *answers.SAFE,
            (b"connection", b"close"),
        ]
        head = h11.Response(status_code=answer.status_code, headers=headers)
        body = bytes(answer.body)
        if self.conn.method == b"HEAD":
            body = b""
        for event in (head, h11.Data(data=body), h11.EndOfMessage()):
            data = self.conn.send(event) or b""
            self.transport.write(data)


def _release(request: RequestResponseCycle) -> None:
    """Drop what the application sends from now on, and wake it up.

    It may be waiting for more of the body: it then sees that the client has
    gone.
    """
    request.disconnected = True
    request.message_event.set()
