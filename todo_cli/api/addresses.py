"""The addresses of clients and proxies, and the names of this server."""

import re
from collections.abc import Sequence
from contextlib import suppress
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import Final

from starlette.types import Scope

from todo_cli.api.wrongs import Address
from todo_cli.errors import InvalidInput

Network = IPv4Network | IPv6Network

_FORWARDED: Final = b"x-forwarded-for"
_MOST_HOPS: Final = 32
"""How many addresses of `X-Forwarded-For` are read, from its end."""
_WITH_PORT: Final = re.compile(
    r"\[(?P<six>[^\]]*)\](:[0-9]+)?|(?P<four>[0-9.]+):[0-9]+"
)
"""An address as some proxies write it."""
_HOST: Final = re.compile(
    r"(?P<name>\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?P<port>:[0-9]{1,5})?"
)
"""A value of `Host`, in small letters."""


def read_network(text: str) -> Network:
    """Read `--behind-proxy`: an address, or a network such as 10.0.0.0/8.

    Raises:
        InvalidInput: it is neither, or everybody.
    """
    try:
        network = ip_network(text)
    except ValueError:
        network = None
    # Anybody could then connect in plain text, and claim any address.
    if network is None or network.prefixlen == 0:
        raise InvalidInput.of(
            "behind-proxy",
            "must be the address of a proxy, or a network such as 10.0.0.0/8",
        )
    return network


def read_host(text: str) -> str:
    """Read `--allowed-host`: a name or an address, with a port or without.

    Raises:
        InvalidInput: it is neither.
    """
    name = text.lower()
    if _HOST.fullmatch(name) is None:
        raise InvalidInput.of(
            "allowed-host",
            "must be a name such as todo.example.org, without a wildcard",
        )
    return name


def means_us(host: str, hosts: frozenset[str], names: frozenset[str]) -> bool:
    """Whether a value of `Host` means this server.

    `hosts` are whole values. `names` come with any port or without one:
    before a proxy the port is another, and a page of another site has another
    name.
    """
    if host in hosts or host in names:
        return True
    parts = _HOST.fullmatch(host)
    return parts is not None and parts["name"] in names


def _read(text: str) -> Address:
    """Read an address as a proxy writes it; None if it is none."""
    text = text.strip()
    parts = _WITH_PORT.fullmatch(text)
    if parts is not None:
        text = parts["six"] or parts["four"] or ""
    # What follows `%` is the name of an interface.
    text, _, _ = text.partition("%")
    with suppress(ValueError):
        address = ip_address(text)
        # A socket for both shows the clients of IPv4 as ::ffff:203.0.113.7.
        return getattr(address, "ipv4_mapped", None) or address
    return None


def peer_of(scope: Scope) -> Address:
    """Return the address at the other end of the connection."""
    client = scope.get("client")
    if client is None:
        return None
    return _read(client[0])


def client_of(scope: Scope, proxies: Sequence[Network]) -> Address:
    """Return the address of the client.

    Behind proxies that is the last address of `X-Forwarded-For` that is not
    one of theirs. What anybody else writes there does not count.
    """
    address = peer_of(scope)
    if not is_one_of(address, proxies):
        return address
    for text in reversed(_forwarded(scope)):
        hop = _read(text)
        if hop is None:
            return address
        address = hop
        if not is_one_of(address, proxies):
            return address
    return address


def _forwarded(scope: Scope) -> list[str]:
    """Return the last addresses of `X-Forwarded-For`."""
    found: list[str] = []
    for name, value in scope["headers"]:
        if name == _FORWARDED:
            found += value.decode("latin-1").rsplit(",", _MOST_HOPS)
    return found[-_MOST_HOPS:]


def is_one_of(address: Address, networks: Sequence[Network]) -> bool:
    """Whether an address is in one of the networks."""
    if address is None:
        return False
    return any(address in network for network in networks)


def in_url(address: IPv4Address | IPv6Address) -> str:
    """Write an address as a URL does, with brackets for IPv6."""
    if address.version == 6:
        return f"[{address}]"
    return str(address)
