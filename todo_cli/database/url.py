"""Parse a connection string into the settings that the drivers need.

Accepts the strings of Neon's console, libpq, SQLAlchemy and other tools. A
message quotes only a known scheme or the name of a known parameter: a password
that is not encoded can be in any other part.

This module imports no driver and no SQL, because `config` imports it.
"""

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Final
from urllib.parse import unquote_to_bytes

from todo_cli import disk, redact
from todo_cli.errors import ConfigInvalid
from todo_cli.rules import REFUSED, REFUSED_CLASS


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


SSLMODES: Final = (
    "disable",
    "allow",
    "prefer",
    "require",
    "verify-ca",
    "verify-full",
)
NEON_DOMAINS: Final = (".neon.tech", ".neon.build")
_POSTGRES: Final = re.compile(
    r"postgres(ql)?(\+\w+)?", re.IGNORECASE | re.ASCII
)
"""Any driver of SQLAlchemy, such as `+asyncpg`, is accepted and ignored."""
_SQLITE: Final = ("sqlite", "sqlite+aiosqlite")
SESSION_ATTRIBUTES: Final = (
    "any",
    "read-write",
    "read-only",
    "primary",
    "standby",
    "prefer-standby",
)
"""What `target_session_attrs` can ask of a server."""
_UNSUPPORTED: Final[Mapping[str, frozenset[str]]] = {
    "gssencmode": _words("disable prefer"),
    "hostaddr": _words(""),
    "krbsrvname": _words("postgres"),
    "load_balance_hosts": _words("disable"),
    "require_auth": _words(""),
    "requirepeer": _words(""),
    "service": _words(""),
    "ssl_max_protocol_version": _words("TLSv1.3"),
    # Python's own lowest version is 1.2.
    "ssl_min_protocol_version": _words("TLSv1 TLSv1.1 TLSv1.2"),
    "sslcert": _words(""),
    "sslcertmode": _words("disable allow"),
    "sslcrl": _words(""),
    "sslcrldir": _words(""),
    "sslidentity": _words(""),
    "sslkey": _words(""),
}
"""Parameters that choose another server or a safer connection.

They are refused, because we cannot do what they ask for. The values listed
here ask for nothing more than we do.
"""
_KNOWN: Final = _UNSUPPORTED.keys() | _words(
    """
    application_name connect_timeout dbname host options passfile password port
    sslmode sslnegotiation sslrootcert target_session_attrs user
    """
)
_HARMLESS: Final = frozenset({"channel_binding", "pgbouncer"})
"""Known parameters that `todo doctor` does not name.

asyncpg has no channel binding; the verified certificate proves who the server
is. Every statement here works with PgBouncer.
"""
_DEMANDS_TLS: Final[Mapping[str, frozenset[str]]] = {
    "channel_binding": _words("require"),
    "requiressl": _words("1"),
    "ssl": _words("1 true require verify-ca verify-full"),
    "sslnegotiation": _words("direct"),
    "sslrootcert": _words("system"),
}
"""Values that ask for TLS without `sslmode`, in libpq and other drivers.

Other values of these parameters have no effect.
"""
_VARIABLES: Final[Mapping[str, str]] = {
    "PGCHANNELBINDING": "channel_binding",
    "PGDATABASE": "dbname",
    "PGGSSENCMODE": "gssencmode",
    "PGHOST": "host",
    "PGHOSTADDR": "hostaddr",
    "PGLOADBALANCEHOSTS": "load_balance_hosts",
    "PGPASSFILE": "passfile",
    "PGPASSWORD": "password",
    "PGPORT": "port",
    "PGREQUIREAUTH": "require_auth",
    "PGREQUIREPEER": "requirepeer",
    "PGREQUIRESSL": "requiressl",
    "PGSERVICE": "service",
    "PGSSLCRL": "sslcrl",
    "PGSSLCRLDIR": "sslcrldir",
    "PGSSLMAXPROTOCOLVERSION": "ssl_max_protocol_version",
    "PGSSLMINPROTOCOLVERSION": "ssl_min_protocol_version",
    "PGSSLMODE": "sslmode",
    "PGSSLROOTCERT": "sslrootcert",
    "PGTARGETSESSIONATTRS": "target_session_attrs",
    "PGUSER": "user",
}
"""libpq's variables that fill what a connection string leaves out.

Others only offer something, as `PGSSLCERT` does: a server that demands it
refuses us. They may be set for other programs, so they have no effect.
"""
_OF_HOST: Final = _words("hostaddr load_balance_hosts service")
"""Parameters that choose the server.

Their variables have no effect if the connection string names a host.
"""
_STRICT_MODES: Final = _words("require verify-ca verify-full")
_FOREIGN: Final = _words(
    # libpq; settings of the server; asyncpg, SQLAlchemy, Prisma, JDBC,
    # node-postgres, Neon
    """
    fallback_application_name gssdelegation gsslib keepalives keepalives_count
    keepalives_idle keepalives_interval max_protocol_version
    min_protocol_version replication servicefile sslcompression sslpassword
    sslsni client_encoding requiressl tcp_user_timeout

    datestyle idle_in_transaction_session_timeout lock_timeout role
    search_path statement_timeout timezone

    command_timeout database direct_tls max_cached_statement_lifetime
    max_cacheable_statement_size prepared_statement_cache_size server_settings
    statement_cache_size timeout max_overflow pool_size connection_limit
    pool_timeout schema socket_timeout ssl sslaccept currentSchema prepareThreshold
    uselibpqcompat endpoint project
    """
)
"""Parameters of other programs, which are ignored here.

`todo doctor` names them. Any other name is not shown: it may be a password.
"""
_SCHEMES: Final = _words(
    """
    cockroachdb ftp http https ldap libsql mariadb mongodb mongodb+srv mssql
    mysql oracle redis rediss sqlite3 sqlserver ssh turso ws wss
    """
)
"""Schemes that a message may quote.

Anything else before `://` can be part of a password.
"""
_ENCODE: Final = (
    "in a password or user name write `@` as `%40`, `/` as `%2F`, `#` as `%23`, "
    "`?` as `%3F`, `%` as `%25`"
)
_LOGIN_FORM: Final = f"write it as `user:password@`; {_ENCODE}"
_ODD_IN_USER: Final = re.compile(r"[;,|=]")
"""Characters that people type instead of the `:` before a password."""
_NESTED: Final = re.compile(r"postgres(ql)?(\+\w+)?://", re.IGNORECASE)
_CLEAR_PATH: Final = re.compile(
    r"(/(?!/[\w-]+[.:])|\.{1,2}/|~/)|[^-].*\.(db|db3|sqlite|sqlite3)$",
    re.IGNORECASE | re.DOTALL,
)
"""Certainly a path, because of its beginning or its ending.

Other characters in it do not matter then. `//tmp/x` is one, too, but
`//db.example/x` can be a URL that has lost its scheme.
"""
_ODD_IN_PATH: Final = re.compile(
    r"^[-/]|[:@?=;\s]|\.neon\.(tech|build)\b", re.IGNORECASE
)
_UNSAFE: Final = re.compile(rf"[\s\u200b\u2060\ufeff{REFUSED_CLASS}]")
_BAD_PERCENT: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")


@dataclass(frozen=True, slots=True)
class SqliteTarget:
    """The path of an embedded file.

    `is_named` says that a setting names it; else it is in the home folder.
    """

    path: Path
    is_named: bool = field(default=True, compare=False)

    @property
    def place(self) -> str:
        """The path, for messages."""
        return str(self.path)


@dataclass(frozen=True, slots=True)
class PostgresTarget:
    """The settings of a PostgreSQL server.

    `hosts` are pairs of host and port, tried in order. A host that starts with
    `/` is a folder of Unix sockets.
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
    """The time for each host."""
    application_name: str = "todo"
    session: str = "any"
    """Which servers will do; one of `SESSION_ATTRIBUTES`."""
    password_file: Path | None = None
    """Where to look for a password if there is none."""
    dropped: tuple[str, ...] = ()
    """Names of parameters without effect here, for `todo doctor`."""
    demands_tls: str | None = field(default=None, compare=False)
    """The name of the parameter that asks for TLS."""
    variables: Mapping[str, str] = field(default_factory=dict, compare=False)
    """The variables that filled a gap of the URL, by parameter."""
    url_from: str = field(default="the database URL", compare=False)
    """Which setting has the URL, for messages."""

    def origin(self, parameter: str) -> str:
        """Say where the value of a parameter came from."""
        variable = self.variables.get(parameter)
        return variable or f"`{parameter}` in {self.url_from}"

    @property
    def place(self) -> str:
        """Host and database, for messages; no user, no password."""
        hosts = ",".join(
            host if port == _PORT else f"{host}:{port}"
            for host, port in self.hosts
        )
        return f"{hosts}/{self.database or self.user or ''}".rstrip("/")

    @property
    def is_neon(self) -> bool:
        """Whether a host is Neon's, whose proxy needs the host's name."""
        return any(host.endswith(NEON_DOMAINS) for host, _ in self.hosts)

    @property
    def is_pooler(self) -> bool:
        """Whether the host is Neon's PgBouncer."""
        endpoints = [host.split(".")[0] for host, _ in self.hosts]
        is_pooled = any(name.endswith("-pooler") for name in endpoints)
        return self.is_neon and is_pooled

    @property
    def is_plain(self) -> bool:
        """Whether to connect without TLS.

        That is on a Unix socket, with `sslmode=disable`, and on loopback
        unless the URL requires TLS.
        """
        is_socket = all(host.startswith("/") for host, _ in self.hosts)
        if self.sslmode == "disable" or is_socket:
            return True
        # These modes accept plain text. On a network we require TLS even then.
        accepts_plain = self.sslmode in (None, "allow", "prefer")
        return accepts_plain and self._is_on_this_machine

    @property
    def is_exposed(self) -> bool:
        """Whether data leaves this machine without TLS."""
        return self.is_plain and not self._is_on_this_machine

    @property
    def _is_on_this_machine(self) -> bool:
        return all(is_local(host) for host, _ in self.hosts)


Target = SqliteTarget | PostgresTarget
_PORT: Final = 5432


def is_local(host: str) -> bool:
    """Whether the host is loopback or a Unix socket.

    The spelling decides, never what a name resolves to.
    """
    if host.startswith("/") or host in ("localhost", "::1"):
        return True
    return re.fullmatch(r"127(\.[0-9]{1,3}){3}", host) is not None


def trusted_places(
    target: PostgresTarget, variables: Mapping[str, str]
) -> list[str]:
    """Return the files and folders with the CAs that we trust."""
    if target.root_certificate is not None:
        return [str(target.root_certificate)]
    # Late: a server on this machine needs no TLS.
    import ssl

    # OpenSSL looks there by itself. A variable can name another place.
    usual = ssl.get_default_verify_paths()
    file = variables.get(usual.openssl_cafile_env, usual.openssl_cafile)
    folders = variables.get(usual.openssl_capath_env, usual.openssl_capath)
    # Several are separated like those of PATH.
    return [file, *folders.split(os.pathsep)]


def trusted_files(target: PostgresTarget) -> list[str]:
    """Name the files and folders of the CAs that we trust, for messages.

    One that is missing says so: OpenSSL ignores it without an error.
    """
    named = []
    # OpenSSL reads the variables of the process, whatever ours are.
    for place in trusted_places(target, os.environ):
        missing = "" if os.path.exists(place) else " (missing)"
        named.append(f"`{place}`{missing}")
    return named


def unwrap(text: str) -> str:
    """Strip blanks, byte order marks and pairs of quotes.

    They come with copying, in any order, so all are removed repeatedly.
    """
    while True:
        inner = text.strip().strip(_BYTE_ORDER_MARKS).strip()
        if len(inner) > 1 and inner[0] == inner[-1] and inner[0] in "'\"":
            inner = inner[1:-1]
        if inner == text:
            return text
        text = inner


_BYTE_ORDER_MARKS: Final = "\ufeff\udcef\udcbb\udcbf"
"""The mark, and its bytes in Python's surrogate escapes.

Python reads them so if the locale is not UTF-8.
"""


_MEANT: Final = re.compile(
    r"""
      postgres[\w+.-]*\s*:\s*//   # anywhere, also after `psql` or `jdbc:`
    | ^\W*(postg(?!is)\w*|pg|pgsql|psql)(\+\w+)?\W*(:|//)   # misspelt
    | ^[^/?#]*:[^/]*@[^?#]*\?.*\bsslmode=   # its beginning lost
    | ^\W*//[^/?#]+:[^/]*@
    | ^\W*psql\s | \bPGPASSWORD\s*=
      # keywords of libpq
    | (^|\s)(host|hostaddr|dbname)\s*=.*\s(user|password|dbname|host|port)\s*=
    | \.neon\.(tech|build)\b
    """,
    re.IGNORECASE | re.VERBOSE | re.DOTALL,
)


_LIKE: Final = 0.78
"""How similar to `postgresql` a misspelt scheme must be.

`posgresql` is similar enough; `postmark` and `progress` are not.
"""


def is_meant_for_postgres(text: str) -> bool:
    """Whether a string names a PostgreSQL server, readable or not.

    `DATABASE_URL` may belong to another program; it is ours only in this case.
    """
    plain = redact.plain(unwrap(text))
    return _MEANT.search(plain) is not None or _is_misspelt(plain)


def _is_misspelt(text: str) -> bool:
    """Whether a scheme is almost ours.

    Letters may be missing, doubled or swapped.
    """
    # Late: only a foreign `DATABASE_URL` leads here.
    from difflib import SequenceMatcher

    found = re.match(r"\W*(\w{5,14})(\+\w+)?\W*://", text)
    if found is None or found[1].lower() == "postgis":
        return False
    likeness = (
        SequenceMatcher(None, found[1].lower(), ours).ratio()
        for ours in ("postgres", "postgresql")
    )
    return max(likeness) > _LIKE


def parse_url(
    text: str,
    *,
    cwd: Path | None,
    home: Path | None = None,
    variables: Mapping[str, str] = MappingProxyType({}),
    login: str | None = None,
) -> Target:
    """Parse a connection string or the path of a SQLite file.

    A relative path starts at `cwd`, and `~` is `home`. Blanks, a byte order
    mark and a pair of quotes around the text are ignored.

    libpq's `variables` and the `login` name fill what a connection string
    leaves out. No variable makes the connection less safe.

    Raises:
        ConfigInvalid: the text cannot be parsed. The message says why and
            quotes nothing secret.
        IoFailed: a path is relative, and the working folder is gone.
    """
    text = unwrap(text)
    scheme, separator, rest = text.partition("://")
    if separator and _POSTGRES.fullmatch(scheme):
        parts = _fill(_split(rest), variables)
        target = _with_usual(_postgres(parts), home, login)
        _check_login(parts, target)
        return target
    if separator and scheme.lower() in _SQLITE:
        return SqliteTarget(_file(_name(rest), cwd, home))
    _refuse_addresses(text)
    path = _file(text, cwd, home)
    # A lone word, or characters of a URL: more likely a mistake than a path.
    is_word = not {"/", "."} & set(text)
    is_odd = _ODD_IN_PATH.search(text) and not _CLEAR_PATH.match(text)
    if is_word or is_odd:
        raise ConfigInvalid(
            "The database URL is neither a URL nor the path of a file",
            hint=EXAMPLES,
        )
    return SqliteTarget(path)


def _name(rest: str) -> str:
    """Return the path in what follows `sqlite://`."""
    name, _, query = rest.removeprefix("/").partition("?")
    # For example `mode=ro`: without it the file would be written.
    if query:
        raise ConfigInvalid(
            "The URL of the SQLite file has parameters after a `?`, and "
            "todo knows none",
            hint="leave them out; if the name of the file has a `?`, write a plain path",
        )
    if redact.looks_like_address(name):
        raise ConfigInvalid(
            "The path of the SQLite file looks like a connection string",
            hint=EXAMPLES,
        )
    return name


def _with_usual(
    target: PostgresTarget, home: Path | None, login: str | None
) -> PostgresTarget:
    """Add what libpq uses if nothing is said: the login and `~/.pgpass`."""
    user, password_file = target.user, target.password_file
    if user is None and login is not None:
        user = _encodable(login, "The login name")
    if password_file is None and home is not None:
        password_file = usual_passfile(home)
    return replace(target, user=user, password_file=password_file)


def usual_passfile(home: Path) -> Path:
    """Return where libpq keeps passwords."""
    return home / ".pgpass"


def _refuse_addresses(text: str) -> None:
    """Refuse an unreadable URL instead of taking it for a path.

    Raises:
        ConfigInvalid: the text is meant as a URL; the message says what is
            wrong.
    """
    _refuse_copied(text)
    if text.startswith("$"):
        raise ConfigInvalid(
            "The database URL begins with a variable that was not expanded",
            hint="let the shell expand it, in double quotes; or begin with `~/`",
        )
    scheme, separator, _ = text.partition("://")
    if separator:
        named = f" `{scheme}`" if scheme.lower() in _SCHEMES else ""
        raise ConfigInvalid(
            f"The database URL has an unknown scheme{named}", hint=EXAMPLES
        )
    word, colon, _ = text.partition(":")
    is_scheme = word.lower() in (*_SQLITE, "file") or _POSTGRES.fullmatch(word)
    if colon and is_scheme:
        raise ConfigInvalid(
            "The database URL lacks `//` after its scheme", hint=EXAMPLES
        )
    if redact.looks_like_address(text):
        raise ConfigInvalid(
            "The database URL lacks `postgresql://` at its beginning",
            hint=EXAMPLES,
        )


def _refuse_copied(text: str) -> None:
    """Refuse a URL with other text around it, or with look-alike characters."""
    if re.match(r"\W*psql\b", text):
        raise ConfigInvalid(
            "The database URL begins with `psql`",
            hint="leave out `psql` and the quotes: begin with `postgresql://`",
        )
    # For example `jdbc:postgresql://`, or `export NAME=postgresql://`.
    nested = _NESTED.search(text)
    if nested and "://" not in text[: nested.start()]:
        raise ConfigInvalid(
            "The database URL has something before `postgresql://`",
            hint="leave it out, whether it is `jdbc:`, `export NAME=` or a quote",
        )
    plain = redact.plain(text)
    if plain != text and _NESTED.match(plain):
        raise ConfigInvalid(
            "The database URL contains a `\\`, "
            "or a character that only looks like the right one",
            hint="write `postgresql://`, `:`, `@` and `/` with plain ASCII characters "
            "and without `\\`",
        )


EXAMPLES: Final = (
    "use `postgresql://user:password@host/database`, `sqlite:///path`, "
    "or the path of a SQLite file"
)


def _file(text: str, cwd: Path | None, home: Path | None) -> Path:
    """Return the path of a SQLite file.

    Raises:
        IoFailed: it is relative, and the working folder is gone.
    """
    if text == "" or text == ":memory:":
        raise ConfigInvalid("The database URL names no file", hint=EXAMPLES)
    if REFUSED.search(text):
        raise ConfigInvalid(
            "The path of the SQLite file contains a control character"
        )
    # Some disks know no upper case.
    if Path(text.lower()).name.endswith(disk.SIDECARS):
        # SQLite would overwrite and delete it.
        raise ConfigInvalid(
            "The name of the SQLite file is one that SQLite uses for its own "
            "files",
            hint="choose a name that ends with none of `-wal`, `-shm` and "
            "`-journal`",
        )
    if home is not None and text.startswith("~/"):
        return home / text[2:]
    return disk.below(cwd, text)


def _postgres(parts: "_Parts") -> PostgresTarget:
    """Check the parts of a URL, and make a target of them."""
    _check(parts)
    parameters = parts.parameters
    addresses = _hosts(parts)
    mode, demanding = _sslmode(parts)
    is_neon = any(host.endswith(NEON_DOMAINS) for host, _ in addresses)
    # Neon's pooler refuses startup options, which would end the connection.
    options = None if is_neon else parameters.get("options")
    root = parameters.get("sslrootcert")
    # libpq's name for the CAs of the system, our default.
    if root == "system":
        root = None
    return PostgresTarget(
        hosts=addresses,
        user=parts.user or None,
        password=parts.password,
        database=parts.database or None,
        sslmode=mode,
        root_certificate=_path(root),
        direct_tls=_direct_tls(
            parameters.get("sslnegotiation"), is_neon=is_neon
        ),
        options=options,
        connect_timeout_s=_seconds(parameters.get("connect_timeout")),
        application_name=parameters.get("application_name") or "todo",
        session=parameters.get("target_session_attrs") or "any",
        password_file=_path(parameters.get("passfile")),
        dropped=parts.dropped,
        demands_tls=demanding,
        variables=parts.variables,
    )


def _path(text: str | None) -> Path | None:
    """Return a path; an empty one is none."""
    if not text:
        return None
    return Path(text)


@dataclass(frozen=True, slots=True)
class _Parts:
    """The decoded parts of a PostgreSQL URL.

    A parameter has priority over the same part of the URL, as in libpq.
    """

    user: str
    raw_user: str
    """The user before `@`, not decoded."""
    password: str | None = field(repr=False)
    hosts: Sequence[tuple[str, str]]
    """Each host with its port, which may be empty; not checked."""
    database: str
    parameters: Mapping[str, str] = field(repr=False)
    dropped: tuple[str, ...]
    variables: Mapping[str, str] = field(default_factory=dict)
    """The variables that filled a gap, by parameter."""

    def name(self, parameter: str) -> str:
        """Say where the value of a parameter came from."""
        return self.variables.get(
            parameter, f"`{parameter}` in the database URL"
        )

    def source(self, parameter: str) -> str:
        """Say whose the value of a parameter is."""
        return self.variables.get(parameter, "The database URL")


def _split(rest: str) -> _Parts:
    """Split and decode what follows `postgresql://`."""
    _refuse_raw(rest)
    main, _, query = rest.partition("?")
    authority, _, path = main.partition("/")
    # A raw `@` or `/` in a password would move the password into the host or
    # the path, which messages show.
    if authority.count("@") > 1 or {"@", "/"} & {*path} or "@" in query:
        raise ConfigInvalid(
            "The database URL contains an `@` or `/` that is not encoded",
            hint=_ENCODE,
        )
    parameters, dropped = _parameters(query)
    login, _, hosts = authority.rpartition("@")
    raw_user, _, _ = login.partition(":")
    return _Parts(
        user=parameters.get("user") or _decoded(raw_user),
        raw_user=raw_user,
        password=_password(login, parameters),
        hosts=_listed(parameters.get("host", "")) or _in_front(hosts),
        database=parameters.get("dbname") or _decoded(path),
        parameters=parameters,
        dropped=dropped,
    )


_HIDDEN: Final = re.compile(r"\*{3,}|[•●·]{3,}")


def _password(login: str, parameters: Mapping[str, str]) -> str | None:
    """Return the password of a URL whose part before the `@` is `login`."""
    # An empty parameter is none: ~/.pgpass and PGPASSWORD may have it.
    given = parameters.get("password")
    if given:
        _refuse_hidden(given)
        return given
    _, colon, raw = login.partition(":")
    if colon:
        password = _decoded(raw)
        _refuse_hidden(password)
        return password
    return None


def _refuse_hidden(password: str) -> None:
    """Refuse what a console shows in the place of a password.

    Raises:
        ConfigInvalid: the password is nothing but stars or dots.
    """
    if _HIDDEN.fullmatch(password):
        raise ConfigInvalid(
            "The database URL has stars or dots in the place of the password",
            hint="have the console show the password, and copy the string then",
        )


def _refuse_raw(rest: str) -> None:
    """Refuse characters that a URL cannot contain, before it is split."""
    if "#" in rest:
        raise ConfigInvalid(
            "The database URL contains a `#` that is not encoded", hint=_ENCODE
        )
    if _UNSAFE.search(rest) or _BAD_PERCENT.search(rest):
        raise ConfigInvalid(
            "The database URL contains a blank, a control character or a `%` "
            "that is not encoded",
            hint=_ENCODE,
        )


def _fill(parts: _Parts, variables: Mapping[str, str]) -> _Parts:
    """Add what libpq's variables say of parameters that the URL leaves out.

    A lax `PGSSLMODE` is ignored: no variable makes a connection less safe.
    """
    names = _gaps(parts, variables)
    filled: dict[str, str] = {}
    for parameter, name in names.items():
        filled[parameter] = _encodable(variables[name], name)
    return replace(
        parts,
        hosts=parts.hosts or _listed(filled.get("host", "")),
        user=parts.user or filled.get("user", ""),
        database=parts.database or filled.get("dbname", ""),
        password=parts.password or filled.get("password", parts.password),
        parameters=filled | dict(parts.parameters),
        variables=names,
    )


def _gaps(parts: _Parts, variables: Mapping[str, str]) -> dict[str, str]:
    """Choose which variables fill a gap; return their names by parameter."""
    given = set(parts.parameters)
    in_front = {
        "host": parts.hosts,
        "user": parts.user,
        "password": parts.password,
        "dbname": parts.database,
    }
    for parameter, value in in_front.items():
        if value:
            given.add(parameter)
    if "host" in given:
        given |= _OF_HOST
    names: dict[str, str] = {}
    for name, parameter in _VARIABLES.items():
        value = variables.get(name)
        if not value or parameter in given:
            continue
        if parameter == "sslmode" and value not in _STRICT_MODES:
            continue
        names[parameter] = name
    return names


def _encodable(text: str, name: str) -> str:
    """Return a text of the environment, if it can be sent to a server."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ConfigInvalid(f"{name} is not UTF-8") from None
    return text


def _check(parts: _Parts) -> None:
    """Refuse parts that are probably wrong and could reveal a password."""
    _check_choice(parts, "sslmode", SSLMODES)
    _check_choice(parts, "target_session_attrs", SESSION_ATTRIBUTES)
    for parameter, harmless in _UNSUPPORTED.items():
        value = parts.parameters.get(parameter)
        if value and value not in harmless:
            raise ConfigInvalid(
                f"{parts.name(parameter)} asks for what todo cannot do",
                hint="leave it out, if the connection is right without it; "
                f"an empty `{parameter}=` in the URL overrides a variable",
            )
    shown = {
        "dbname": parts.database,
        "application_name": parts.parameters.get("application_name", ""),
    }
    for parameter, text in shown.items():
        if redact.holds_login(text):
            raise ConfigInvalid(
                f"{parts.source(parameter)} contains another connection string",
                hint=EXAMPLES,
            )
    if redact.looks_like_address(parts.parameters.get("sslrootcert", "")):
        raise ConfigInvalid(
            f"{parts.source('sslrootcert')} has an sslrootcert that is not "
            "the path of a file"
        )


def _check_login(parts: _Parts, target: PostgresTarget) -> None:
    """Refuse a user that is probably user and password in one.

    The `:` between them may be encoded or mistyped. If there is a password
    for the whole of it, it is the name of a role.
    """
    has_colon = ":" in redact.plain(parts.user)
    is_odd = has_colon or _ODD_IN_USER.search(parts.raw_user)
    if not is_odd or parts.password is not None:
        return
    # Late: it imports this module.
    from todo_cli.database.pgpass import find_password

    for host in target.hosts:
        if find_password(replace(target, hosts=(host,))) is not None:
            return
    raise ConfigInvalid(
        f"{parts.source('user')} has a login that cannot be read",
        hint=f"{_LOGIN_FORM}; if it is the name of a role, put its password "
        "into ~/.pgpass",
    )


def _check_choice(
    parts: _Parts, parameter: str, choices: tuple[str, ...]
) -> None:
    """Refuse a value that is none of the choices.

    The value itself is not quoted: it may be part of a password.
    """
    value = parts.parameters.get(parameter)
    if value is not None and value not in choices:
        raise ConfigInvalid(
            f"{parts.name(parameter)} has an unknown value",
            hint=f"one of {', '.join(choices)}",
        )


def _sslmode(parts: _Parts) -> tuple[str | None, str | None]:
    """Choose the mode; other parameters can ask for TLS, too.

    Returns the mode, and the name of the parameter that asks for TLS.

    Raises:
        ConfigInvalid: one asks for TLS, and `sslmode=disable` against it.
    """
    mode = parts.parameters.get("sslmode")
    asking = None
    if mode in _STRICT_MODES:
        asking = "sslmode"
    for parameter, demanding in _DEMANDS_TLS.items():
        if parts.parameters.get(parameter) not in demanding:
            continue
        if mode == "disable":
            raise ConfigInvalid(
                f"{parts.name(parameter)} asks for TLS, and `sslmode=disable` "
                "for none",
                hint="leave one of them out",
            )
        if mode not in _STRICT_MODES:
            mode = "require"
            asking = parameter
    return mode, asking


def _decoded(text: str) -> str:
    """Undo percent-encoding; refuse what is not UTF-8."""
    try:
        decoded = unquote_to_bytes(text).decode()
    except UnicodeDecodeError:
        raise ConfigInvalid(
            "The database URL is not UTF-8 when decoded", hint=_ENCODE
        ) from None
    # The protocol ends texts with it.
    if "\0" in decoded:
        raise ConfigInvalid(
            "The database URL contains a null character", hint=_ENCODE
        )
    return decoded


def _parameters(query: str) -> tuple[dict[str, str], tuple[str, ...]]:
    """Split the query into known parameters and the names of others.

    A harmless parameter is in neither.
    """
    known: dict[str, str] = {}
    dropped: list[str] = []
    for pair in filter(None, query.split("&")):
        name, _, value = pair.partition("=")
        if name in _KNOWN or value in _DEMANDS_TLS.get(name, ()):
            known[name] = _decoded(value)
        elif name not in _HARMLESS:
            # No error: URLs are shared with programs that know it.
            dropped.append(_named(name))
    return known, tuple(dropped)


def _named(parameter: str) -> str:
    """Return what `todo doctor` may show of a parameter without effect."""
    if parameter in _FOREIGN:
        return parameter
    if re.fullmatch(r"\w{1,40}", parameter, re.ASCII):
        return "(unknown)"
    return "(unreadable)"


_HOST: Final = re.compile(
    r"(?:\[([0-9A-Fa-f:.]+(?:%[\w.-]+)?)\]|([\w.-]*))(?::(.*))?"
)
"""An IPv6 address in brackets or a name, and perhaps a port."""


def _in_front(text: str) -> list[tuple[str, str]]:
    """Split the hosts before the path of a URL, and decode each."""
    if not text:
        return []
    return [_decoded_host(each) for each in text.split(",")]


def _decoded_host(text: str) -> tuple[str, str]:
    """Split a host of a URL from its port, and decode both.

    In the name of a folder a `:` is encoded.
    """
    decoded = _decoded(text)
    if not decoded.startswith("/"):
        return decoded, ""
    folder, _, port = text.partition(":")
    return _decoded(folder), _decoded(port)


def _listed(text: str) -> list[tuple[str, str]]:
    """Split hosts that are not encoded, or not any more."""
    if not text:
        return []
    return [(host, "") for host in text.split(",")]


def _hosts(parts: _Parts) -> tuple[tuple[str, int], ...]:
    """Parse hosts with their ports.

    If there are fewer ports than hosts, the last port is used for the rest.
    """
    given = (parts.parameters.get("port") or str(_PORT)).split(",")
    found = []
    for position, (text, port) in enumerate(parts.hosts or [("", "")]):
        host, own_port = _host(text, parts)
        usual = given[min(position, len(given) - 1)]
        number = _port(port or own_port or usual, parts)
        found.append((host, number))
    return tuple(found)


def _host(text: str, parts: _Parts) -> tuple[str, str]:
    """Read a folder, or a host with its port, which may be empty."""
    if text.startswith("/") and not redact.holds_login(text):
        return text, ""
    match = _HOST.fullmatch(text)
    if match is None:
        raise ConfigInvalid(
            f"{parts.source('host')} has a host that cannot be read",
            hint=_ENCODE,
        )
    # Host names ignore case; folders do not.
    host = match[1] or match[2] or "localhost"
    return host.lower(), match[3] or ""


def _port(text: str, parts: _Parts) -> int:
    if re.fullmatch(r"[0-9]{1,5}", text) is None or not 0 < int(text) < 65_536:
        raise ConfigInvalid(
            f"{parts.source('port')} has a port that is not a number "
            "from 1 to 65535",
            hint=_ENCODE,
        )
    return int(text)


def _direct_tls(negotiation: str | None, *, is_neon: bool) -> bool:
    """Whether to start TLS at once; the default is yes on Neon only."""
    if negotiation not in (None, "postgres", "direct"):
        raise ConfigInvalid(
            "The database URL has an unknown sslnegotiation",
            hint="one of postgres, direct",
        )
    # Neon's proxy accepts it, and it saves a round trip.
    is_default = negotiation is None and is_neon
    return negotiation == "direct" or is_default


def _seconds(text: str | None) -> float | None:
    """Parse a timeout; 0 means none, as in libpq."""
    if text is None:
        return None
    if re.fullmatch(r"[0-9]{1,4}", text) is None:
        raise ConfigInvalid(
            "The database URL has a connect_timeout that is not a number of seconds"
        )
    return float(text) or None
