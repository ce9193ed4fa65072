"""A connection string as people have it, read into what the drivers need.

Accepts what Neon's console, libpq, SQLAlchemy and other tools hand out. No message
quotes any part of the string but a known scheme or a known parameter's name: a password
that was not encoded can end up anywhere in it.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import unquote_to_bytes

from todo_cli import redact
from todo_cli.errors import ConfigInvalid
from todo_cli.rules import REFUSED, REFUSED_CLASS

SSLMODES: Final = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
NEON_DOMAINS: Final = (".neon.tech", ".neon.build")
_POSTGRES: Final = re.compile(r"postgres(ql)?(\+\w+)?", re.IGNORECASE | re.ASCII)
"""With whatever driver of SQLAlchemy: the string's other users choose theirs, and this
program has its own.
"""
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
"""Known and rightly without effect: asyncpg has no channel binding (the verified
certificate vouches for the server), and every statement here suits PgBouncer."""
_FOREIGN: Final = frozenset(
    {
        # libpq
        *(
            "fallback_application_name",
            "gssdelegation",
            "gssencmode",
            "gsslib",
            "hostaddr",
            "keepalives",
        ),
        *(
            "keepalives_count",
            "keepalives_idle",
            "keepalives_interval",
            "krbsrvname",
            "load_balance_hosts",
        ),
        *(
            "max_protocol_version",
            "min_protocol_version",
            "passfile",
            "replication",
            "require_auth",
            "requirepeer",
        ),
        *(
            "requiressl",
            "service",
            "ssl_max_protocol_version",
            "ssl_min_protocol_version",
            "sslcert",
            "sslcertmode",
        ),
        *(
            "sslcompression",
            "sslcrl",
            "sslcrldir",
            "sslkey",
            "sslpassword",
            "sslsni",
            "target_session_attrs",
        ),
        *("client_encoding", "tcp_user_timeout"),
        # settings of the server
        *(
            "datestyle",
            "idle_in_transaction_session_timeout",
            "lock_timeout",
            "role",
            "search_path",
        ),
        *("statement_timeout", "timezone"),
        # asyncpg, SQLAlchemy, Prisma, JDBC, node-postgres, Neon
        *(
            "command_timeout",
            "database",
            "direct_tls",
            "max_cached_statement_lifetime",
            "max_cacheable_statement_size",
        ),
        *(
            "prepared_statement_cache_size",
            "server_settings",
            "statement_cache_size",
            "timeout",
            "max_overflow",
        ),
        *(
            "pool_size",
            "connection_limit",
            "pool_timeout",
            "schema",
            "socket_timeout",
            "sslaccept",
            "sslidentity",
        ),
        *(
            "currentSchema",
            "prepareThreshold",
            "ssl",
            "uselibpqcompat",
            "endpoint",
            "project",
        ),
    }
)
"""What other programs understand, and this one does not. An unknown name is not shown:
it may be a password.
"""
_SCHEMES: Final = frozenset(
    {
        *(
            "cockroachdb",
            "ftp",
            "http",
            "https",
            "ldap",
            "libsql",
            "mariadb",
            "mongodb",
            "mongodb+srv",
            "mssql",
        ),
        *(
            "mysql",
            "oracle",
            "redis",
            "rediss",
            "sqlite3",
            "sqlserver",
            "ssh",
            "turso",
            "ws",
            "wss",
        ),
    }
)
"""What a message may name: anything else before `://` can be a part of a password."""
_ENCODE: Final = "in a password or user name write `@` as `%40`, `/` as `%2F`, `#` as `%23`, `?` as `%3F`, `%` as `%25`"
_LOGIN_FORM: Final = f"write it as `user:password@`; {_ENCODE}"
_ODD_IN_USER: Final = re.compile(r"[;,|=]")
"""What people type in place of the `:` before a password."""
_NESTED: Final = re.compile(r"postgres(ql)?(\+\w+)?://", re.IGNORECASE)
_CLEAR_PATH: Final = re.compile(
    r"(/(?!/)|\.{1,2}/|~/)|[^-].*\.(db|db3|sqlite|sqlite3)$", re.IGNORECASE | re.DOTALL
)
"""What is a path whatever signs are in it: it begins like one, or ends in the name of a
database file.
"""
_ODD_IN_PATH: Final = re.compile(
    r"^[-/]|[:@?=;\s]|\.neon\.(tech|build)\b", re.IGNORECASE
)
_UNSAFE: Final = re.compile(rf"[\s\u200b\u2060\ufeff{REFUSED_CLASS}]")
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
    """A PostgreSQL server; `hosts` are tried in order, a host that starts with `/` is a
    folder of Unix sockets.
    """

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
        hosts = ",".join(
            host if port == _PORT else f"{host}:{port}" for host, port in self.hosts
        )
        return f"{hosts}/{self.database or self.user or ''}".rstrip("/")

    @property
    def is_neon(self) -> bool:
        """Whether a host belongs to Neon, whose proxy reads the endpoint from the host name."""
        return any(host.endswith(NEON_DOMAINS) for host, _ in self.hosts)

    @property
    def is_pooler(self) -> bool:
        """Whether the host is Neon's PgBouncer."""
        return self.is_neon and any(
            host.split(".")[0].endswith("-pooler") for host, _ in self.hosts
        )

    @property
    def is_plain(self) -> bool:
        """Whether to speak without TLS: a Unix socket, an explicit `disable`, or
        loopback that asks for no more.
        """
        if self.sslmode == "disable" or all(
            host.startswith("/") for host, _ in self.hosts
        ):
            return True
        return all(is_local(host) for host, _ in self.hosts) and self.sslmode in (
            None,
            "allow",
            "prefer",
        )

    @property
    def is_exposed(self) -> bool:
        """Whether plain text leaves this machine."""
        return self.is_plain and not all(is_local(host) for host, _ in self.hosts)


Target = SqliteTarget | PostgresTarget
_PORT: Final = 5432


def is_local(host: str) -> bool:
    """Whether the host is loopback or a Unix socket by its spelling, never by what a
    name resolves to.
    """
    return (
        host.startswith("/")
        or host in ("localhost", "::1")
        or re.fullmatch(r"127(\.[0-9]{1,3}){3}", host) is not None
    )


def unwrap(text: str) -> str:
    """Take off what gets around a string when it is copied: blanks, a byte order mark,
    a pair of quotes.
    """
    while True:
        inner = text.strip().strip(_BYTE_ORDER_MARKS).strip()
        if len(inner) > 1 and inner[0] == inner[-1] and inner[0] in "'\"":
            inner = inner[1:-1]
        if inner == text:
            return text
        text = inner


_BYTE_ORDER_MARKS: Final = "\ufeff\udcef\udcbb\udcbf"
"""The mark, and its bytes as Python carries them where the locale is not UTF-8."""


_MEANT: Final = re.compile(
    r"""
      postgres[\w+.-]*\s*:\s*//                               # anywhere, also behind `psql` or `jdbc:`
    | ^\W*(postg(?!is)\w*|pg|pgsql|psql)(\+\w+)?\W*(:|//)     # misspelt
    | ^[^/?#]*:[^/]*@[^?#]*\?.*\bsslmode=                      # the beginning lost
    | ^\W*//[^/?#]+:[^/]*@
    | ^\W*psql\s | \bPGPASSWORD\s*=
    | (^|\s)(host|hostaddr|dbname)\s*=.*\s(user|password|dbname|host|port)\s*=    # libpq's words and values
    | \.neon\.(tech|build)\b
    """,
    re.IGNORECASE | re.VERBOSE | re.DOTALL,
)


_LIKE: Final = 0.78
"""`posgresql` and `psotgresql` are as like `postgresql` as this; `postmark` and
`progress` are not.
"""


def is_meant_for_postgres(text: str) -> bool:
    """Whether a string of other programs names a PostgreSQL server, readable or not."""
    plain = redact.plain(unwrap(text))
    return _MEANT.search(plain) is not None or _is_misspelt(plain)


def _is_misspelt(text: str) -> bool:
    """Whether a scheme is nearly ours: letters lost, doubled or changed about."""
    from difflib import SequenceMatcher

    found = re.match(r"\W*(\w{5,14})(\+\w+)?\W*://", text)
    if found is None or found[1].lower() == "postgis":
        return False
    likeness = (
        SequenceMatcher(None, found[1].lower(), ours).ratio()
        for ours in ("postgres", "postgresql")
    )
    return max(likeness) > _LIKE


def parse_url(text: str, *, cwd: Path, home: Path | None = None) -> Target:
    """Read a connection string or a path of a SQLite file; relative paths start at
    `cwd`, `~` is `home`.

    Blanks, a byte order mark and a pair of quotes around it are forgiven.

    Raises:
        ConfigInvalid: it cannot be read; the message says what to mend and quotes nothing secret.
    """
    text = unwrap(text)
    scheme, separator, rest = text.partition("://")
    if separator and _POSTGRES.fullmatch(scheme):
        return _postgres(rest)
    if separator and scheme.lower() in _SQLITE:
        name = rest.partition("?")[0].removeprefix("/")
        if redact.looks_like_address(name):
            raise ConfigInvalid(
                "The path of the SQLite file looks like a connection string",
                hint=_EXAMPLES,
            )
        return SqliteTarget(_file(name, cwd, home))
    _refuse_addresses(text)
    path = _file(text, cwd, home)
    if not {"/", "."} & set(text) or (
        _ODD_IN_PATH.search(text) and not _CLEAR_PATH.match(text)
    ):
        raise ConfigInvalid(
            "The database URL is neither a URL nor the path of a file", hint=_EXAMPLES
        )
    return SqliteTarget(path)


def _refuse_addresses(text: str) -> None:
    """Refuse what is an address and not one that can be read, rather than take it for a path.

    Raises:
        ConfigInvalid: it says what is wrong with it, as far as that can be known.
    """
    scheme, separator, _ = text.partition("://")
    if re.match(r"\W*psql\b", text):
        raise ConfigInvalid(
            "The database URL begins with `psql`",
            hint="leave `psql` and the quotes out: what is wanted begins with `postgresql://`",
        )
    if (nested := _NESTED.search(text)) and "://" not in text[: nested.start()]:
        raise ConfigInvalid(
            "The database URL has something before `postgresql://`",
            hint="leave it out, whether it is `jdbc:`, `export NAME=` or a quote",
        )
    if redact.plain(text) != text and _NESTED.match(redact.plain(text)):
        raise ConfigInvalid(
            "The database URL holds a `\\`, or a sign that only looks like the right one",
            hint="write `postgresql://`, `:`, `@` and `/` with plain ASCII characters and without `\\`",
        )
    word, colon, _ = text.partition(":")
    if (
        colon
        and not separator
        and (word.lower() in (*_SQLITE, "file") or _POSTGRES.fullmatch(word))
    ):
        raise ConfigInvalid(
            "The database URL lacks `//` after its scheme", hint=_EXAMPLES
        )
    if separator:
        named = f" `{scheme}`" if scheme.lower() in _SCHEMES else ""
        raise ConfigInvalid(
            f"The database URL has an unknown scheme{named}", hint=_EXAMPLES
        )
    if redact.looks_like_address(text):
        raise ConfigInvalid(
            "The database URL lacks `postgresql://` at its beginning", hint=_EXAMPLES
        )


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
        raise ConfigInvalid(
            "The database URL holds a `#` that is not encoded", hint=_ENCODE
        )
    if _UNSAFE.search(rest) or _BAD_PERCENT.search(rest):
        raise ConfigInvalid(
            "The database URL holds a blank, a control character or a `%` that is not encoded",
            hint=_ENCODE,
        )
    main, _, query = rest.partition("?")
    authority, _, path = main.partition("/")
    if authority.count("@") > 1 or "@" in path or "/" in path or "@" in query:
        raise ConfigInvalid(
            "The database URL holds an `@` or `/` that is not encoded", hint=_ENCODE
        )
    parameters, dropped = _parameters(query)
    login, _, hosts = authority.rpartition("@")
    user, colon, password = login.partition(":")
    mode = parameters.get("sslmode")
    if mode is not None and mode not in SSLMODES:
        raise ConfigInvalid(
            "The database URL has an unknown sslmode",
            hint=f"one of {', '.join(SSLMODES)}",
        )
    addresses = _hosts(parameters.get("host") or hosts, parameters.get("port"))
    is_neon = any(host.endswith(NEON_DOMAINS) for host, _ in addresses)
    root = parameters.get("sslrootcert")
    login_name = parameters.get("user") or _decoded(user)
    secret = parameters.get("password") or (_decoded(password) if colon else None)
    if secret is None and (
        _ODD_IN_USER.search(user) or ":" in redact.plain(login_name)
    ):
        raise ConfigInvalid(
            "The database URL has a login that cannot be read", hint=_LOGIN_FORM
        )
    database = parameters.get("dbname") or _decoded(path)
    if redact.holds_login(database) or redact.holds_login(
        parameters.get("application_name", "")
    ):
        raise ConfigInvalid(
            "The database URL holds another connection string", hint=_EXAMPLES
        )
    if redact.looks_like_address(root or ""):
        raise ConfigInvalid(
            "The database URL has an sslrootcert that is not the path of a file"
        )
    return PostgresTarget(
        hosts=addresses,
        user=login_name or None,
        password=secret,
        database=database or None,
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
        raise ConfigInvalid(
            "The database URL is not UTF-8 when decoded", hint=_ENCODE
        ) from None
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
            dropped.append(_named(name))
    return known, tuple(dropped)


def _named(parameter: str) -> str:
    """What `todo doctor` may show of a parameter that has no effect."""
    if parameter in _FOREIGN:
        return parameter
    return (
        "(unknown)"
        if re.fullmatch(r"\w{1,40}", parameter, re.ASCII)
        else "(unreadable)"
    )


def _hosts(hosts: str, ports: str | None) -> tuple[tuple[str, int], ...]:
    found = []
    given_ports = ports.split(",") if ports else []
    for position, text in enumerate(hosts.split(",")):
        match = re.fullmatch(
            r"(?:\[([0-9A-Fa-f:.]+(?:%[\w.-]+)?)\]|(/[^:\[\]@]*|[\w.-]*))(?::(.*))?",
            _decoded(text),
        )
        if match is None:
            raise ConfigInvalid(
                "The database URL has a host that cannot be read", hint=_ENCODE
            )
        port = match[3] or (
            given_ports[min(position, len(given_ports) - 1)]
            if given_ports
            else str(_PORT)
        )
        if re.fullmatch(r"[0-9]{1,5}", port) is None or not 0 < int(port) < 65_536:
            raise ConfigInvalid(
                "The database URL has a port that is not a number from 1 to 65535",
                hint=_ENCODE,
            )
        host = match[1] or match[2] or "localhost"
        found.append((host if host.startswith("/") else host.lower(), int(port)))
    return tuple(found)


def _direct_tls(negotiation: str | None, *, is_neon: bool) -> bool:
    if negotiation not in (None, "postgres", "direct"):
        raise ConfigInvalid(
            "The database URL has an unknown sslnegotiation",
            hint="one of postgres, direct",
        )
    return negotiation == "direct" or (negotiation is None and is_neon)


def _seconds(text: str | None) -> float | None:
    if text is None:
        return None
    if re.fullmatch(r"[0-9]{1,4}", text) is None:
        raise ConfigInvalid(
            "The database URL has a connect_timeout that is not a number of seconds"
        )
    return float(text) or None
