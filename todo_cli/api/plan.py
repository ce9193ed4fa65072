"""What `todo serve` needs before it answers: checked settings, and a socket."""

import os
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from ipaddress import IPv4Address, IPv6Address

from todo_cli.api.auth import Access, Identity
from todo_cli.api.context import read_pool_size
from todo_cli.api.exposure import Exposure
from todo_cli.api.wrongs import Wrongs
from todo_cli.config import read_provider
from todo_cli.errors import INSTALL_EXTRAS, IoFailed, Usage


@dataclass(frozen=True, slots=True)
class Plan:
    """What a server needs, all of it checked."""

    address: IPv4Address | IPv6Address
    pool_size: int
    """How many connections each worker may have to a server."""
    tls: ssl.SSLContext | None
    access: Access | None


@dataclass(frozen=True, slots=True)
class Worker:
    """A process that serves, alone or as one of several."""

    plan: Plan
    listener: socket.socket
    until: int = -1
    """A pipe that ends when the worker has to end; -1 if it is alone."""
    is_first: bool = True
    """Whether it says that the server has begun."""
    note: str = ""
    """Why it was begun later, as a line for the log."""


def prepare(
    exposure: Exposure, variables: Mapping[str, str], *, count: int = 1
) -> Plan:
    """Check all that can be checked before so many workers listen.

    Raises:
        Usage: options that belong together are not there together.
        InvalidInput: others could reach the host without protection.
        ConfigInvalid: `TODO_POOL_SIZE`, another setting, or the certificate
            cannot be used.
        IoFailed: a file cannot be read.
    """
    address = exposure.address()
    pool_size = read_pool_size(variables) // count
    access = None
    if exposure.auth:
        access = Access(
            proxies=exposure.proxies,
            only_proxies=exposure.only_proxies,
            identity=_make_identity(variables),
            wrongs=Wrongs(is_shared=count > 1),
        )
    return Plan(address, max(1, pool_size), exposure.tls(), access)


def _make_identity(variables: Mapping[str, str]) -> Identity | None:
    """Make what checks the JWTs of an identity provider, if there is one.

    Raises:
        ConfigInvalid: its settings cannot be used.
        Usage: PyJWT is not installed.
    """
    provider = read_provider(variables)
    if provider is None:
        return None
    # Late: loading them takes a fifth of a second.
    try:
        from todo_cli.api import keys
        from todo_cli.api.jwts import Jwts
    except ModuleNotFoundError as error:
        raise Usage(
            'JWTs need PyJWT, which is in the extra "api"', hint=INSTALL_EXTRAS
        ) from error
    fetch = partial(keys.fetch, provider.jwks_url)
    return Jwts(provider, keys.Keys(fetch))


def listen(
    address: IPv4Address | IPv6Address, port: int, *, is_shared: bool = False
) -> socket.socket:
    """Listen on a port, before uvicorn starts, to report why it fails.

    With `is_shared` other sockets of ours may listen there, too.

    Raises:
        IoFailed: the port is in use, or not allowed.
    """
    family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
    try:
        listener = socket.create_server(
            (str(address), port), family=family, reuse_port=is_shared
        )
        # Send small answers at once; connections inherit this option. asyncio
        # sets it only on sockets of an explicit protocol, unlike ours.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, True)
        return listener
    except OSError as error:
        # The error's own text repeats the address.
        reason = os.strerror(error.errno or 0).lower()
        raise IoFailed(
            f"Cannot listen on port {port} of {address}: {reason}",
            hint="name another --port",
        ) from error
