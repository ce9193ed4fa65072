"""A stand-in for Neon's proxy, before a real PostgreSQL.

What it does is read from the proxy's sources (`proxy/src` of neondatabase/neon): TLS on
request or directly, the endpoint from the server name, start-up parameters dropped
without a word, every error of its own with SQLSTATE XX000. It counts turns as
`TurnProxy` does, and: one for an SSLRequest, one for each flight of the TLS handshake
(TLS 1.3 has one), one for a client that stays for the end of TLS after Terminate
(asyncpg's `close()`, not its `terminate()`).
"""

import asyncio
import ssl
from contextlib import suppress
from dataclasses import dataclass
from typing import NoReturn

from tests.support.certificates import Certificate
from tests.support.streams import TlsStream
from tests.support.turns import BrokenLineError, Line, TurnProxy
from tests.support.wire import (
    AUTHENTICATION,
    AUTHENTICATION_OK,
    CANCEL_REQUEST,
    ERROR,
    GSS_REQUEST,
    SSL_REQUEST,
    TERMINATE,
    TLS_CLIENT_HELLO,
    Message,
    error_message,
    error_text,
    startup_message,
    startup_parameters,
)

PASSED_PARAMETERS = ("user", "database", "application_name", "replication")
STAYS_S = 0.1
"""A client still there so long after its Terminate waits for the end; who does not wait
is gone in the same instant.
"""
INSECURE = "connection is insecure (try using `sslmode=require`)"
NO_ENDPOINT = (
    "Endpoint ID is not specified. Either please upgrade the postgres client library (libpq) for SNI support or pass"
    " the endpoint ID (first part of the domain name) as a parameter: '?options=endpoint%3D<endpoint-id>'."
    " See more at https://neon.tech/sni"
)
INCONSISTENT = "Inconsistent project name inferred from SNI ('{}') and project option ('{}')."


@dataclass(slots=True)
class Refusal:
    """An error that answers the start-up of connections."""

    message: str
    times: int | None
    """How many connections; None for every one."""


class NeonFront(TurnProxy):
    """Ends TLS as Neon's proxy does and relays to PostgreSQL in plain."""

    def __init__(
        self,
        upstream_host: str,
        upstream_port: int,
        certificate: Certificate,
        delay_s: float = 0.0,
    ) -> None:
        super().__init__(upstream_host, upstream_port, delay_s)
        self.certificate = certificate
        """What it shows to new connections."""
        self.cold_start_s = 0.0
        """How long the next log-in waits for the compute to wake, after the password
        has been checked.
        """
        self.server_names: list[str | None] = []
        """The name that each TLS client asked for."""
        self.startups: list[dict[str, str]] = []
        """The parameters of each start-up packet, as the client sent them."""
        self._refusal = Refusal("", 0)

    def refuse(self, message: str, times: int | None = None) -> None:
        """Answer the next `times` start-ups, or all, with an error of the proxy's own."""
        self._refusal = Refusal(message, times)

    async def _welcome(self, line: Line) -> list[Message]:
        data = await line.client.read()
        if not data.startswith(TLS_CLIENT_HELLO):
            await self._offer_tls(line, data)
            data = b""
        tls = await self._end_tls(line, data)
        startup = await self._read_startup(line)
        if startup.code == CANCEL_REQUEST:
            return [startup]
        return [
            await self._admit(
                line, tls.server_name, startup_parameters(startup)
            )
        ]

    async def _offer_tls(self, line: Line, data: bytes) -> None:
        """Answer a client that begins as PostgreSQL's clients do."""
        opening = next(line.asking.feed(data), None)
        if opening is not None and opening.code == GSS_REQUEST:
            self.turns += 1
            await line.client.write(b"N")
            opening = next(line.asking.feed(await line.client.read()), None)
        if opening is None or opening.code != SSL_REQUEST:
            await self._send_away(line, INSECURE)
        self.turns += 1
        await line.client.write(b"S")

    async def _end_tls(self, line: Line, data: bytes) -> TlsStream:
        context = self.certificate.server_context()
        names: list[str | None] = []
        context.sni_callback = lambda _object, name, _context: names.append(
            name
        )
        tls = TlsStream(line.client, context)
        try:
            await tls.handshake(data)
        except ssl.SSLError as error:
            await line.client.close()
            raise BrokenLineError from error
        finally:
            self.turns += tls.flights
            self.server_names += names
        tls.server_name = names[-1]
        line.client = tls
        return tls

    async def _read_startup(self, line: Line) -> Message:
        while data := await line.client.read():
            for message in line.asking.feed(data):
                return message
        raise BrokenLineError

    async def _admit(
        self, line: Line, server_name: str | None, parameters: dict[str, str]
    ) -> Message:
        """Give the start-up that Neon's proxy would pass on, or send the client away."""
        self.startups.append(parameters)
        options = parameters.get("options", "").split()
        asked = next(
            (
                word.partition("=")[2]
                for word in options
                if word.startswith(("endpoint=", "project="))
            ),
            None,
        )
        named = server_name.partition(".")[0] if server_name else None
        if named is None and asked is None:
            await self._send_away(line, NO_ENDPOINT)
        if named is not None and asked is not None and named != asked:
            await self._send_away(line, INCONSISTENT.format(named, asked))
        if self._refusal.times != 0:
            self._refusal.times = (
                self._refusal.times and self._refusal.times - 1
            )
            await self._send_away(line, self._refusal.message)
        passed = {
            name: parameters[name]
            for name in PASSED_PARAMETERS
            if name in parameters
        }
        if rest := " ".join(
            word
            for word in options
            if not word.startswith(("endpoint=", "project=", "neon_"))
        ):
            passed["options"] = rest
        return startup_message(passed)

    async def _send_away(self, line: Line, message: str) -> NoReturn:
        self.turns += 1
        await line.client.write(
            error_message("ERROR", "XX000", message).encode()
        )
        await line.client.close()
        raise BrokenLineError

    async def _log_in_reply(self, message: Message) -> Message:
        if (
            message.kind == AUTHENTICATION
            and message.body == AUTHENTICATION_OK
        ):
            cold_start_s, self.cold_start_s = self.cold_start_s, 0.0
            await asyncio.sleep(cold_start_s)
        if message.kind == ERROR:
            return error_message(
                "ERROR", "XX000", error_text(message).replace('"', "'")
            )
        return message

    async def _take_leave(self, line: Line) -> None:
        if line.kinds == TERMINATE.decode():
            with suppress(TimeoutError):
                await asyncio.wait_for(line.has_left.wait(), STAYS_S)
            self.turns += not line.has_left.is_set()
        await line.client.close()
