"""A server that answers before it lets anybody in."""

from tests.support.turns import BrokenLineError, Line, TurnProxy
from tests.support.wire import Message, error_message


class Gatekeeper(TurnProxy):
    """A server that answers the start-up of connections with errors, or lets them in
    when it has none left.
    """

    def __init__(self, upstream_host: str, upstream_port: int) -> None:
        super().__init__(upstream_host, upstream_port)
        self.answers: list[tuple[str, str]] = []
        """SQLSTATE and message, one a connection."""

    async def _welcome(self, line: Line) -> list[Message]:
        if not self.answers:
            return []
        asked = next(line.asking.feed(await line.client.read()), None)
        if asked is None:
            # The client has left before it said anything.
            raise BrokenLineError
        await line.client.write(
            error_message("FATAL", *self.answers.pop(0)).encode()
        )
        await line.client.close()
        raise BrokenLineError
