"""A connection string as people have it, read into what the drivers need.

Accepts what Neon's console, libpq, SQLAlchemy and other tools hand out. No message quotes any part of the string but a
scheme or a parameter's name: a password that was not encoded can end up anywhere in it.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import unquote_to_bytes

from todo_cli.errors import ConfigInvalid
from todo_cli.rules import REFUSED, REFUSED_CLASS

SSLMODES: Final = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
NEON_DOMAINS: Final = (".neon.tech", ".neon.build")
_POSTGRES: Final = ("postgres", "postgresql", "postgresql+asyncpg")
_SQLITE: Final = ("sqlite", "sqlite+aiosqlite")
_KNOWN: Final = frozenset(
    {
        "application_name",
        "connect_timeout",
        "dbname",
        "host",
        "options",
        "password",
        "port",
        "sslmode",
        "sslnegotiation",
        "sslrootcert",
        "user",
    }
)
_HARMLESS: Final = frozenset({"channel_binding", "pgbouncer"})
"""Known and rightly without effect: asyncpg has no channel binding (the verified certificate vouches for the server),
and every statement here suits PgBouncer."""
_ENCODE: Final = "in a password or user name write `@` as `%40`, `/` as `%2F`, `#` as `%23`, `?` as `%3F`, `%` as `%25`"
_LOGIN: Final = re.compile(
    r"^[^/]*:[^/]*@|(^|[\s?&])(host|hostaddr|user|password|dbname|sslmode|channel_binding|options|PGPASSWORD)\s*="
)
"""What a path does not look like: a login without its scheme, or libpq's words and values."""
_UNSAFE: Final = re.compile(rf"[ {REFUSED_CLASS}]")
_BAD_PERCENT: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")


@dataclass(frozen=True, slots=True)
class SqliteTarget:
    """An embedded file."""

    path: Path

    @property
    def place(self) -> str:
        """Where the tasks are, for people."""
        return str(self.path)


@dataclass(frozen=True, slots=True)
class PostgresTarget:
    """A PostgreSQL server; `hosts` are tried in order, a host that starts with `/` is a folder of Unix sockets."""

    hosts: tuple[tuple[str, int], ...]
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    database: str | None = None
    sslmode: str | None = None
    root_certificate: Path | None = None
    direct_tls: bool = False
    options: str | None = None
    connect_timeout_s: float | None = None
    application_name: str = "todo"
    dropped: tuple[str, ...] = ()
    """Names of parameters that have no effect here, for `todo doctor`."""

    @property
    def place(self) -> str:
        """Host and database, for people; no user, no password."""
        hosts = ",".join(host if port == _PORT else f"{host}:{port}" for host, port in self.hosts)
        return f"{hosts}/{self.database or self.user or ''}".rstrip("/")

    @property
    def is_neon(self) -> bool:
        """Whether a host belongs to Neon, whose proxy reads the endpoint from the host name."""
        return any(host.endswith(NEON_DOMAINS) for host, _ in self.hosts)

    @property
    def is_pooler(self) -> bool:
        """Whether the host is Neon's PgBouncer."""
        return self.is_neon and any(host.split(".")[0].endswith("-pooler") for host, _ in self.hosts)

    @property
    def is_plain(self) -> bool:
        """Whether to speak without TLS: a Unix socket, an explicit `disable`, or loopback that asks for no more."""
        if self.sslmode == "disable" or all(host.startswith("/") for host, _ in self.hosts):
            return True
        return all(is_local(host) for host, _ in self.hosts) and self.sslmode in (None, "allow", "prefer")

    @property
    def is_exposed(self) -> bool:
        """Whether plain text leaves this machine."""
        return self.is_plain and not all(is_local(host) for host, _ in self.hosts)


Target = SqliteTarget | PostgresTarget
_PORT: Final = 5432


def is_local(host: str) -> bool:
    """Whether the host is loopback or a Unix socket by its spelling, never by what a name resolves to."""
    return (
        host.startswith("/") or host in ("localhost", "::1") or re.fullmatch(r"127(\.[0-9]{1,3}){3}", host) is not None
    )


def parse_url(text: str, *, cwd: Path, home: Path | None = None) -> Target:
    """Read a connection string or a path of a SQLite file; relative paths start at `cwd`, `~` is `home`.

    Raises:
        ConfigInvalid: it cannot be read; the message says what to mend and quotes nothing secret.
    """
    scheme, separator, rest = text.partition("://")
    if not separator and (scheme := text.partition(":")[0].lower()) in _POSTGRES + _SQLITE + ("file",):
        raise ConfigInvalid("The database URL lacks `//` after its scheme", hint=_EXAMPLES)
    if not separator and _LOGIN.search(text):
        raise ConfigInvalid("The database URL lacks `postgresql://` at its beginning", hint=_EXAMPLES)
    if not separator:
        path = _file(text, cwd, home)
        if not {"/", "."} & set(text):
            raise ConfigInvalid("The database URL is neither a URL nor the path of a file", hint=_EXAMPLES)
        return SqliteTarget(path)
    if scheme.lower() in _SQLITE:
        return SqliteTarget(_file(rest.partition("?")[0].removeprefix("/"), cwd, home))
    if scheme.lower() in _POSTGRES:
        return _postgres(rest)
    named = f" `{scheme}`" if re.fullmatch(r"[A-Za-z][A-Za-z0-9+.-]{0,30}", scheme) else ""
    raise ConfigInvalid(f"The database URL has an unknown scheme{named}", hint=_EXAMPLES)


_EXAMPLES: Final = "use `postgresql://user:password@host/database`, `sqlite:///path`, or the path of a SQLite file"


def _file(text: str, cwd: Path, home: Path | None) -> Path:
    if text == "" or text == ":memory:":
        raise ConfigInvalid("The database URL names no file", hint=_EXAMPLES)
    if REFUSED.search(text):
        raise ConfigInvalid("The path of the SQLite file holds a control character")
    if home is not None and text.startswith("~/"):
        return home / text[2:]
    return cwd / text


def _postgres(rest: str) -> PostgresTarget:
    if "#" in rest:
        raise ConfigInvalid("The database URL holds a `#` that is not encoded", hint=_ENCODE)
    if _UNSAFE.search(rest) or _BAD_PERCENT.search(rest):
        raise ConfigInvalid(
            "The database URL holds a blank, a control character or a `%` that is not encoded", hint=_ENCODE
        )
    main, _, query = rest.partition("?")
    authority, _, path = main.partition("/")
    if authority.count("@") > 1 or "@" in path or "/" in path or "@" in query:
        raise ConfigInvalid("The database URL holds an `@` or `/` that is not encoded", hint=_ENCODE)
    parameters, dropped = _parameters(query)
    login, _, hosts = authority.rpartition("@")
    user, colon, password = login.partition(":")
    mode = parameters.get("sslmode")
    if mode is not None and mode not in SSLMODES:
        raise ConfigInvalid("The database URL has an unknown sslmode", hint=f"one of {', '.join(SSLMODES)}")
    addresses = _hosts(parameters.get("host") or hosts, parameters.get("port"))
    is_neon = any(host.endswith(NEON_DOMAINS) for host, _ in addresses)
    root = parameters.get("sslrootcert")
    return PostgresTarget(
        hosts=addresses,
        user=parameters.get("user") or _decoded(user) or None,
        password=parameters.get("password") or (_decoded(password) if colon else None),
        database=parameters.get("dbname") or _decoded(path) or None,
        sslmode=mode,
        root_certificate=None if root in (None, "", "system") else Path(root),
        direct_tls=_direct_tls(parameters.get("sslnegotiation"), is_neon=is_neon),
        options=None if is_neon else parameters.get("options"),
        connect_timeout_s=_seconds(parameters.get("connect_timeout")),
        application_name=parameters.get("application_name") or "todo",
        dropped=dropped,
    )


def _decoded(text: str) -> str:
    """Undo percent-encoding."""
    try:
        decoded = unquote_to_bytes(text).decode()
    except UnicodeDecodeError:
        raise ConfigInvalid("The database URL is not UTF-8 when decoded", hint=_ENCODE) from None
    if "\0" in decoded:
        raise ConfigInvalid("The database URL holds a null character", hint=_ENCODE)
    return decoded


def _parameters(query: str) -> tuple[dict[str, str], tuple[str, ...]]:
    """Split the query; a name of ours keeps its value, the others are named as dropped."""
    known: dict[str, str] = {}
    dropped: list[str] = []
    for pair in filter(None, query.split("&")):
        name, _, value = pair.partition("=")
        if name in _KNOWN:
            known[name] = _decoded(value)
        elif name not in _HARMLESS:
            dropped.append(name if re.fullmatch(r"\w{1,40}", name, re.ASCII) else "(unreadable)")
    return known, tuple(dropped)


def _hosts(hosts: str, ports: str | None) -> tuple[tuple[str, int], ...]:
    found = []
    given_ports = ports.split(",") if ports else []
    for position, text in enumerate(hosts.split(",")):
        match = re.fullmatch(r"(?:\[([0-9A-Fa-f:.]+(?:%[\w.-]+)?)\]|([^:\[\]@]*))(?::(.*))?", _decoded(text))
        if match is None:
            raise ConfigInvalid("The database URL has a host that cannot be read", hint=_ENCODE)
        port = match[3] or (given_ports[min(position, len(given_ports) - 1)] if given_ports else str(_PORT))
        if re.fullmatch(r"[0-9]{1,5}", port) is None or not 0 < int(port) < 65_536:
            raise ConfigInvalid("The database URL has a port that is not a number from 1 to 65535", hint=_ENCODE)
        host = match[1] or match[2] or "localhost"
        found.append((host if host.startswith("/") else host.lower(), int(port)))
    return tuple(found)


def _direct_tls(negotiation: str | None, *, is_neon: bool) -> bool:
    if negotiation not in (None, "postgres", "direct"):
        raise ConfigInvalid("The database URL has an unknown sslnegotiation", hint="one of postgres, direct")
    return negotiation == "direct" or (negotiation is None and is_neon)


def _seconds(text: str | None) -> float | None:
    if text is None:
        return None
    if re.fullmatch(r"[0-9]{1,4}", text) is None:
        raise ConfigInvalid("The database URL has a connect_timeout that is not a number of seconds")
    return float(text) or None
