"""Every connection string that people have is read rightly, or refused in words that
show nothing of it.
"""

import traceback
from dataclasses import FrozenInstanceError, fields
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from todo_cli import redact
from todo_cli.database.url import (
    PostgresTarget,
    SqliteTarget,
    is_local,
    is_meant_for_postgres,
    parse_url,
)
from todo_cli.errors import ConfigInvalid

CWD, HOME = Path("/here"), Path("/home/ada")
NEON = "ep-cool-night-123.us-east-2.aws.neon.tech"
POOLER = "ep-cool-night-123-pooler.us-east-2.aws.neon.tech"
# Only in what a message could quote of a password: no hint or path of ours holds them.
HEAD, TAIL = "CANARY", "FEATHERS"


def read(text: str) -> PostgresTarget:
    """Read a URL that names a PostgreSQL server."""
    target = parse_url(text, cwd=CWD, home=HOME)
    assert isinstance(target, PostgresTarget)
    return target


def path_of(text: str, *, home: Path | None = HOME) -> Path:
    """Read what names a SQLite file."""
    target = parse_url(text, cwd=CWD, home=home)
    assert isinstance(target, SqliteTarget)
    return target.path


def refusal(text: str) -> ConfigInvalid:
    """The error that answers a URL, seen to hold no part of a password in any form."""
    with pytest.raises(ConfigInvalid) as caught:
        parse_url(text, cwd=CWD, home=HOME)
    error = caught.value
    shown = "".join(traceback.format_exception(error))
    for place in (
        error.message,
        error.hint or "",
        repr(error),
        str(error.details),
        shown,
    ):
        assert HEAD not in place
        assert TAIL not in place
    return error


@pytest.mark.parametrize(
    "scheme",
    [
        *("postgres", "postgresql", "POSTGRESQL", "Postgres"),
        *(
            "postgresql+asyncpg",
            "postgresql+psycopg",
            "postgres+psycopg2",
            "PostgreSQL+PG8000",
        ),
    ],
)
def test_parse_url_takes_each_scheme_of_postgresql(scheme: str) -> None:
    target = read(f"{scheme}://ada:secret@db.example:6543/shop")

    assert target == PostgresTarget(
        hosts=(("db.example", 6543),),
        user="ada",
        password="secret",
        database="shop",
        dropped=(),
    )


@pytest.mark.parametrize(
    "host",
    [
        NEON,
        POOLER,
        "ep-cool-night-123.c-2.us-east-2.aws.neon.tech",
        "ep-a.x.neon.build",
    ],
)
def test_parse_url_takes_what_neons_console_gives(host: str) -> None:
    target = read(
        f"postgresql://neondb_owner:npg_a1B2c3@{host}/neondb?sslmode=require&channel_binding=require"
    )

    assert target == PostgresTarget(
        hosts=((host, 5432),),
        user="neondb_owner",
        password="npg_a1B2c3",
        database="neondb",
        sslmode="require",
        direct_tls=True,
    )
    assert (target.is_neon, target.is_plain, target.is_pooler) == (
        True,
        False,
        host == POOLER,
    )


def test_parse_url_leaves_the_endpoint_of_neon_to_the_host_name() -> None:
    assert (
        read(
            f"postgresql://ada@{POOLER}/db?options=endpoint%3Dep-cool-night-123"
        ).options
        is None
    )


@pytest.mark.parametrize(
    ("query", "options"),
    [
        ("", None),
        ("?options=endpoint%3Dep-x", "endpoint=ep-x"),
        ("?options=-c%20geqo%3Doff", "-c geqo=off"),
    ],
)
def test_parse_url_keeps_options_for_other_servers(
    query: str, options: str | None
) -> None:
    assert read(f"postgresql://ada@db.example/shop{query}").options == options


@pytest.mark.parametrize(
    "mode", ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"]
)
def test_parse_url_takes_each_sslmode(mode: str) -> None:
    assert read(f"postgresql://ada@db.example/shop?sslmode={mode}").sslmode == mode


@pytest.mark.parametrize("mode", ["", "REQUIRE", "verify_full", "on", "true", HEAD])
def test_parse_url_refuses_an_unknown_sslmode(mode: str) -> None:
    error = refusal(f"postgresql://ada@db.example/shop?sslmode={mode}")

    assert error.message == "The database URL has an unknown sslmode"
    assert (
        error.hint == "one of disable, allow, prefer, require, verify-ca, verify-full"
    )


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ("system", None),
        ("", None),
        ("%2Fetc%2Fca.pem", Path("/etc/ca.pem")),
        ("/etc/my%20ca.pem", Path("/etc/my ca.pem")),
    ],
)
def test_parse_url_reads_sslrootcert(value: str, path: Path | None) -> None:
    assert (
        read(f"postgresql://ada@db.example/shop?sslrootcert={value}").root_certificate
        == path
    )


@pytest.mark.parametrize(
    ("host", "query", "direct"),
    [
        ("db.example", "", False),
        ("db.example", "?sslnegotiation=postgres", False),
        ("db.example", "?sslnegotiation=direct", True),
        (NEON, "", True),
        (NEON, "?sslnegotiation=direct", True),
        (NEON, "?sslnegotiation=postgres", False),
        (f"{NEON}.evil.example", "", False),
        ("neon.tech.example", "", False),
    ],
)
def test_parse_url_reads_sslnegotiation(host: str, query: str, direct: bool) -> None:
    assert read(f"postgresql://ada@{host}/shop{query}").direct_tls is direct


def test_parse_url_refuses_an_unknown_sslnegotiation() -> None:
    error = refusal(f"postgresql://ada@db.example/shop?sslnegotiation={HEAD}")

    assert (error.message, error.hint) == (
        "The database URL has an unknown sslnegotiation",
        "one of postgres, direct",
    )


@pytest.mark.parametrize(
    ("value", "seconds"), [("10", 10.0), ("0", None), ("9999", 9999.0)]
)
def test_parse_url_reads_connect_timeout(value: str, seconds: float | None) -> None:
    assert (
        read(
            f"postgresql://ada@db.example/shop?connect_timeout={value}"
        ).connect_timeout_s
        == seconds
    )


@pytest.mark.parametrize("value", ["", "-1", "1.5", "10s", "12345", "\u0661", HEAD])
def test_parse_url_refuses_a_connect_timeout_that_is_no_number(value: str) -> None:
    error = refusal(f"postgresql://ada@db.example/shop?connect_timeout={value}")

    assert (
        error.message
        == "The database URL has a connect_timeout that is not a number of seconds"
    )


@pytest.mark.parametrize(
    ("query", "name"),
    [("", "todo"), ("?application_name=", "todo"), ("?application_name=a%20b", "a b")],
)
def test_parse_url_reads_application_name(query: str, name: str) -> None:
    assert read(f"postgresql://ada@db.example/shop{query}").application_name == name


def test_parse_url_names_the_parameters_that_have_no_effect() -> None:
    target = read(
        "postgresql://ada@db.example/shop?sslcert=a&search_path=b&channel_binding=require&pgbouncer=true&schema=c"
        f"&{'x' * 40}=1&{'x' * 41}={HEAD}&caf\u00e9=1&sslmode=require&{TAIL}.{HEAD}=1&&bare"
    )

    known, unknown, unreadable = (
        ("sslcert", "search_path", "schema"),
        "(unknown)",
        "(unreadable)",
    )
    assert target.dropped == (*known, unknown, *[unreadable] * 3, unknown)
    assert target.sslmode == "require"


@pytest.mark.spec("002/FR-066")
@pytest.mark.parametrize(
    "query", [HEAD, f"{HEAD}=1", f"passwrod={HEAD}", f"sslmode=require&{HEAD}&x={TAIL}"]
)
def test_parse_url_does_not_show_the_name_of_a_parameter_that_nobody_knows(
    query: str,
) -> None:
    target = read(f"postgresql://ada@db.example/shop?{query}")

    assert set(target.dropped) == {"(unknown)"}
    assert HEAD not in repr(target)


def test_parse_url_takes_the_last_of_a_parameter_named_twice() -> None:
    assert (
        read(
            "postgresql://ada@db.example/shop?sslmode=disable&sslmode=verify-full"
        ).sslmode
        == "verify-full"
    )


def test_parse_url_leaves_out_what_is_not_named() -> None:
    assert read("postgresql://db.example") == PostgresTarget(
        hosts=(("db.example", 5432),)
    )


def test_parse_url_reads_everything_from_the_query_where_it_stands_there() -> None:
    target = read(
        "postgresql:///?host=db.example&port=6543&user=ada&password=p%40ss&dbname=shop"
    )

    assert target == PostgresTarget(
        hosts=(("db.example", 6543),), user="ada", password="p@ss", database="shop"
    )


@pytest.mark.parametrize(
    ("text", "user", "password", "database"),
    [
        ("postgresql://", None, None, None),
        ("postgresql://db.example", None, None, None),
        ("postgresql://db.example/", None, None, None),
        ("postgresql://ada@db.example/shop", "ada", None, "shop"),
        ("postgresql://ada:@db.example/shop", "ada", "", "shop"),
        ("postgresql://:secret@db.example/shop", None, "secret", "shop"),
        ("postgresql://ada:se:cr:et@db.example/shop", "ada", "se:cr:et", "shop"),
        ("postgresql://ada:se[cr]et@db.example/shop", "ada", "se[cr]et", "shop"),
        (
            "postgresql://ada:p%C3%A4ss@db.example/my%2Fshop",
            "ada",
            "p\u00e4ss",
            "my/shop",
        ),
        (
            "postgresql://a%40da:p%25%23%3F%2F%40%20x@db.example/shop",
            "a@da",
            "p%#?/@ x",
            "shop",
        ),
        (
            "postgresql://ada:p%c3%a4ss@db.example/my%2fshop",
            "ada",
            "p\u00e4ss",
            "my/shop",
        ),
        ("postgresql://ada:a+b@db.example/a+b", "ada", "a+b", "a+b"),
    ],
)
def test_parse_url_reads_user_password_and_database(
    text: str, user: str | None, password: str | None, database: str | None
) -> None:
    target = read(text)

    assert (target.user, target.password, target.database) == (user, password, database)


@pytest.mark.parametrize(
    ("text", "hosts"),
    [
        ("postgresql://", (("localhost", 5432),)),
        ("postgresql:///shop", (("localhost", 5432),)),
        ("postgresql://ada@/shop", (("localhost", 5432),)),
        ("postgresql://ada@:6543/shop", (("localhost", 6543),)),
        ("postgresql://db.example:65535/shop", (("db.example", 65535),)),
        ("postgresql://[::1]/shop", (("::1", 5432),)),
        ("postgresql://ada:x@[2001:db8::1]:6543/shop", (("2001:db8::1", 6543),)),
        ("postgresql://[fe80::1%25eth0]/shop", (("fe80::1%eth0", 5432),)),
        ("postgresql://[2001:DB8::A]/shop", (("2001:db8::a", 5432),)),
        (
            "postgresql:///shop?host=/var/run/postgresql",
            (("/var/run/postgresql", 5432),),
        ),
        ("postgresql:///shop?host=%2Ftmp&port=6543", (("/tmp", 6543),)),
        (
            "postgresql://ada@%2Fvar%2Frun%2Fpostgresql/shop",
            (("/var/run/postgresql", 5432),),
        ),
        (
            "postgresql://a.example,b.example/shop",
            (("a.example", 5432), ("b.example", 5432)),
        ),
        (
            "postgresql://a.example:1,[::1]:2,c/shop",
            (("a.example", 1), ("::1", 2), ("c", 5432)),
        ),
        ("postgresql:///shop?host=a,b&port=1,2", (("a", 1), ("b", 2))),
        ("postgresql:///shop?host=a,b,c&port=7", (("a", 7), ("b", 7), ("c", 7))),
        ("postgresql://ignored/shop?host=db.example", (("db.example", 5432),)),
        (
            "postgresql://LOCALHOST,Db.Example/shop",
            (("localhost", 5432), ("db.example", 5432)),
        ),
        ("postgresql://%2FTmp/shop", (("/Tmp", 5432),)),
    ],
)
def test_parse_url_reads_hosts_and_ports(
    text: str, hosts: tuple[tuple[str, int], ...]
) -> None:
    assert read(text).hosts == hosts


@pytest.mark.parametrize(
    "port", ["0", "65536", "99999", "123456", "-1", "5432x", "x", "\u0661", "%20"]
)
def test_parse_url_refuses_a_port_that_is_none(port: str) -> None:
    error = refusal(f"postgresql://ada:{HEAD}@db.example:{port}/shop")

    assert (
        error.message
        == "The database URL has a port that is not a number from 1 to 65535"
    )


@pytest.mark.parametrize(
    "host", ["[::1", "::1", "[db.example]", "[::1]x", "a]b", "a%40b", "a b"]
)
def test_parse_url_refuses_a_host_that_is_none(host: str) -> None:
    refusal(f"postgresql://ada:{HEAD}@{host}/shop")


@pytest.mark.spec("002/FR-130")
@pytest.mark.parametrize(
    "wrapped",
    [
        "  {}\n",
        "\t{}\r\n",
        "\u00a0{}\u3000",
        "\ufeff{}",
        "\udcef\udcbb\udcbf{}",
        '"{}"',
        "'{}'",
        " \ufeff '{}' ",
        "' {} '",
        "\"'{}'\"",
    ],
)
@pytest.mark.parametrize(
    "text",
    ["postgresql://ada:secret@db.example/shop", "sqlite:///tasks.db", "my tasks.db"],
)
def test_parse_url_forgives_what_gets_around_a_string(wrapped: str, text: str) -> None:
    assert parse_url(wrapped.format(text), cwd=CWD, home=HOME) == parse_url(
        text, cwd=CWD, home=HOME
    )


@pytest.mark.spec("002/FR-131")
@pytest.mark.parametrize(
    ("text", "words"),
    [
        (f"psql 'postgresql://ada:{HEAD}@db.example/shop'", "begins with `psql`"),
        (f"$ psql postgresql://ada:{HEAD}@db.example/shop", "begins with `psql`"),
        (f"psql -h db.example 'password={HEAD}'", "begins with `psql`"),
        (
            f"jdbc:postgresql://db.example/shop?user=ada&password={HEAD}",
            "has something before `postgresql://`",
        ),
        (
            f"export DATABASE_URL=postgresql://ada:{HEAD}@db.example/shop",
            "has something before `postgresql://`",
        ),
        (
            f'DATABASE_URL="postgresql://ada:{HEAD}@db.example/shop"',
            "has something before `postgresql://`",
        ),
        (
            f'"postgresql://ada:{HEAD}@db.example/shop',
            "has something before `postgresql://`",
        ),
        (
            f"\u201cpostgresql://ada:{HEAD}@db.example/shop\u201d",
            "has something before `postgresql://`",
        ),
        (
            f"<POSTGRES://ada:{HEAD}@db.example/shop>",
            "has something before `postgresql://`",
        ),
        (
            f"postgresql:\\/\\/ada:{HEAD}@db.example/shop",
            "contains a `\\`, or a character that only looks like the right one",
        ),
        (
            f"postgresql\uff1a\uff0f\uff0fada:{HEAD}@db.example",
            "contains a `\\`, or a character that only looks like the right one",
        ),
        (
            f"postgresql%3A%2F%2Fada%3A{HEAD}%40db.example",
            "contains a `\\`, or a character that only looks like the right one",
        ),
        (
            f"postgresql//ada:{HEAD}@db.example/shop",
            "lacks `postgresql://` at its beginning",
        ),
        (f"//ada:{HEAD}@db.example/shop", "lacks `postgresql://` at its beginning"),
        (
            f"postgresql;//ada:{HEAD}@db.example/shop",
            "lacks `postgresql://` at its beginning",
        ),
        (f"{HEAD}@ep-x.neon.tech/neondb", "lacks `postgresql://` at its beginning"),
        (f"{HEAD}@db.example/shop", "is neither a URL nor the path of a file"),
        (f"ada/{HEAD}@db.example/shop", "is neither a URL nor the path of a file"),
        (f"ada;{HEAD}@db.example/shop", "is neither a URL nor the path of a file"),
        (f"ada:{HEAD}.x/shop", "is neither a URL nor the path of a file"),
        (f"-h db.example -U ada -W {HEAD}", "is neither a URL nor the path of a file"),
        (
            "ep-cool-night-123.us-east-2.aws.neon.tech/neondb",
            "is neither a URL nor the path of a file",
        ),
        ("db.example:5432/shop", "is neither a URL nor the path of a file"),
        (f"postgresql://ada;{HEAD}@db.example/shop", "has a login that cannot be read"),
        (
            f"postgresql://ada%3A{HEAD}@db.example/shop",
            "has a login that cannot be read",
        ),
        (
            f"postgresql://ada\uff1a{HEAD}@db.example/shop",
            "has a login that cannot be read",
        ),
        (
            f"postgresql://db.example/shop?user=ada:{HEAD}",
            "has a login that cannot be read",
        ),
        (
            f"postgresql://ada:{HEAD}\uff20db.example/shop",
            "has a port that is not a number from 1 to 65535",
        ),
        (
            f"postgresql://ada\uff1a{HEAD}\uff20db.example/shop",
            "has a host that cannot be read",
        ),
        (
            f"postgresql://ada@db.example/?dbname=postgresql://ada:{HEAD}%40h",
            "contains another connection string",
        ),
        (
            f"postgresql://ada@db.example/host%3Dh%20password%3D{HEAD}",
            "contains another connection string",
        ),
        (
            f"postgresql://ada:{HEAD}@db.example/my\u00a0shop",
            "contains a blank, a control character or a `%` that is not encoded",
        ),
    ],
)
def test_parse_url_refuses_a_misspelt_address_rather_than_take_it_for_a_path(
    text: str, words: str
) -> None:
    error = refusal(text)

    assert error.message == f"The database URL {words}"
    assert error.hint


@pytest.mark.spec("002/FR-131")
@pytest.mark.parametrize(
    "text",
    [
        f"sqlite://ada:{HEAD}@h/x.db",
        f"sqlite:///postgresql://ada:{HEAD}@h/db",
        f"sqlite:////x/ada:{HEAD}@h/x.db",
    ],
)
def test_parse_url_refuses_an_address_as_the_path_of_a_sqlite_file(text: str) -> None:
    assert (
        refusal(text).message
        == "The path of the SQLite file looks like a connection string"
    )


@pytest.mark.spec("002/FR-131")
def test_parse_url_refuses_an_address_as_a_certificate() -> None:
    error = refusal(
        f"postgresql://ada@db.example/shop?sslrootcert=postgresql:%2F%2Fada:{HEAD}%40h"
    )

    assert (
        error.message
        == "The database URL has an sslrootcert that is not the path of a file"
    )


UNESCAPED = [
    pytest.param(f"{HEAD}@{TAIL}@db.example", id="at"),
    pytest.param(f"@{HEAD}{TAIL}@db.example", id="at first"),
    pytest.param(f"{HEAD}/{TAIL}@db.example", id="slash"),
    pytest.param(f"/{HEAD}{TAIL}@db.example", id="slash first"),
    pytest.param(f"12/{TAIL}@db.example", id="slash after digits"),
    pytest.param(f"{HEAD}//{TAIL}@db.example", id="two slashes"),
    pytest.param(f"{HEAD}#{TAIL}@db.example", id="hash"),
    pytest.param(f"#{HEAD}{TAIL}@db.example", id="hash first"),
    pytest.param(f"{HEAD}?{TAIL}@db.example", id="question mark"),
    pytest.param(f"?{HEAD}{TAIL}@db.example", id="question mark first"),
    pytest.param(f"{HEAD}?{TAIL}=1@db.example", id="question mark and equals sign"),
    pytest.param(
        f"12?sslmode={TAIL}@db.example", id="digits, question mark and equals sign"
    ),
    pytest.param(
        f"12?user={HEAD}&x={TAIL}@db.example", id="digits, question mark and parameters"
    ),
    pytest.param(
        f"12?{HEAD}&{TAIL}@db.example", id="digits, question mark and ampersand"
    ),
    pytest.param(f"{HEAD}%{TAIL}@db.example", id="percent"),
    pytest.param(f"{HEAD}%4@db.example", id="percent and one digit"),
    pytest.param(f"{HEAD}{TAIL}%@db.example", id="percent last"),
    pytest.param(f"{HEAD} {TAIL}@db.example", id="blank"),
    pytest.param(f"{HEAD}\n{TAIL}@db.example", id="line feed"),
    pytest.param(f"{HEAD}\t{TAIL}@db.example", id="tab"),
    pytest.param(f"{HEAD}\x7f{TAIL}@db.example", id="delete"),
    pytest.param(f"{HEAD}\x00{TAIL}@db.example", id="null"),
    pytest.param(f"{HEAD}\udcff{TAIL}@db.example", id="not utf-8"),
    pytest.param(f"{HEAD}%FF{TAIL}@db.example", id="not utf-8 when decoded"),
    pytest.param(f"{HEAD}%00{TAIL}@db.example", id="null when decoded"),
    pytest.param(f"a@{HEAD}?{TAIL}@db.example", id="at and question mark"),
]


@pytest.mark.spec("002/FR-066")
@pytest.mark.parametrize("rest", UNESCAPED)
@pytest.mark.parametrize("end", ["/shop", "", "/shop?sslmode=require"])
def test_parse_url_refuses_a_password_that_is_not_encoded_and_shows_nothing_of_it(
    rest: str, end: str
) -> None:
    error = refusal(f"postgresql://ada:{rest}{end}")

    assert error.hint is not None
    assert "`@` as `%40`" in error.hint


@pytest.mark.spec("002/FR-066")
@pytest.mark.parametrize(
    "text",
    [
        f"postgresql:ada:{HEAD}@db.example/shop",
        f"postgres:{HEAD}",
        f"sqlite:{HEAD}",
        f"file:{HEAD}",
        f"mysql://ada:{HEAD}@db.example/shop",
        f"{HEAD.lower()}{HEAD}{HEAD * 10}://{TAIL}",
        f"ada:{HEAD}@db.example/shop?next=https://{TAIL}",
        f"://{HEAD}",
        f"postgresql://ada:{HEAD}",
        f"postgresql://{HEAD}:{TAIL}",
        f"ada:{HEAD}@db.example/shop",
        f"ada:{HEAD}@db.example",
        f"host=db.example user=ada password={HEAD}",
        f"user=ada password = {HEAD}",
        f"PGPASSWORD={HEAD}",
        f"{HEAD}{TAIL}",
    ],
)
def test_parse_url_refuses_what_it_cannot_read_and_shows_nothing_of_it(
    text: str,
) -> None:
    assert refusal(text).hint


EXAMPLES = "use `postgresql://user:password@host/database`, `sqlite:///path`, or the path of a SQLite file"
ENCODE = "in a password or user name write `@` as `%40`, `/` as `%2F`, `#` as `%23`, `?` as `%3F`, `%` as `%25`"


@pytest.mark.parametrize(
    ("text", "words", "hint"),
    [
        ("postgres:ada", "lacks `//` after its scheme", EXAMPLES),
        ("postgresql:ada:secret@db.example", "lacks `//` after its scheme", EXAMPLES),
        ("PostgreSQL:/ada", "lacks `//` after its scheme", EXAMPLES),
        ("postgresql+asyncpg:ada", "lacks `//` after its scheme", EXAMPLES),
        ("sqlite:/tasks.db", "lacks `//` after its scheme", EXAMPLES),
        ("sqlite+aiosqlite:tasks.db", "lacks `//` after its scheme", EXAMPLES),
        ("file:tasks.db", "lacks `//` after its scheme", EXAMPLES),
        (
            "ada:secret@db.example/shop",
            "lacks `postgresql://` at its beginning",
            EXAMPLES,
        ),
        ("dbname=shop user=ada", "lacks `postgresql://` at its beginning", EXAMPLES),
        ("./x hostaddr=127.0.0.1", "lacks `postgresql://` at its beginning", EXAMPLES),
        ("./x?host=db.example", "lacks `postgresql://` at its beginning", EXAMPLES),
        ("./x&sslmode=require", "lacks `postgresql://` at its beginning", EXAMPLES),
        (
            "./x?channel_binding=require",
            "lacks `postgresql://` at its beginning",
            EXAMPLES,
        ),
        ("./x PGPASSWORD=secret", "lacks `postgresql://` at its beginning", EXAMPLES),
        ("./x\toptions = -c", "lacks `postgresql://` at its beginning", EXAMPLES),
        ("tasks", "is neither a URL nor the path of a file", EXAMPLES),
        ("", "names no file", EXAMPLES),
        ("https://a?next=postgresql://b", "has an unknown scheme `https`", EXAMPLES),
        ("mysql://db.example", "has an unknown scheme `mysql`", EXAMPLES),
        ("postgresql://db.example/a#b", "contains a `#` that is not encoded", ENCODE),
        (
            "postgresql://db.example/a b",
            "contains a blank, a control character or a `%` that is not encoded",
            ENCODE,
        ),
        (
            "postgresql://db.example/a%4",
            "contains a blank, a control character or a `%` that is not encoded",
            ENCODE,
        ),
        (
            "postgresql://a@b@db.example",
            "contains an `@` or `/` that is not encoded",
            ENCODE,
        ),
        (
            "postgresql://ada@db.example/a@b",
            "contains an `@` or `/` that is not encoded",
            ENCODE,
        ),
        (
            "postgresql://ada@db.example/a/b",
            "contains an `@` or `/` that is not encoded",
            ENCODE,
        ),
        (
            "postgresql://ada@db.example/a?b@c",
            "contains an `@` or `/` that is not encoded",
            ENCODE,
        ),
        ("postgresql://ada@db.example/%FF", "is not UTF-8 when decoded", ENCODE),
        ("postgresql://ada@db.example/%00", "contains a null character", ENCODE),
        ("postgresql://ada@a]b/shop", "has a host that cannot be read", ENCODE),
        (
            "postgresql://ada@db.example:x/shop",
            "has a port that is not a number from 1 to 65535",
            ENCODE,
        ),
        (
            "postgresql://db.example/?connect_timeout=x",
            "has a connect_timeout that is not a number of seconds",
            None,
        ),
    ],
)
def test_parse_url_says_what_is_wrong_and_what_to_do(
    text: str, words: str, hint: str | None
) -> None:
    error = refusal(text)

    assert (error.message, error.hint) == (f"The database URL {words}", hint)


@pytest.mark.parametrize(
    "scheme", ["mysql", "MySQL", "https", "redis", "sqlite3", "mongodb+srv"]
)
def test_parse_url_names_a_scheme_that_it_does_not_know(scheme: str) -> None:
    error = refusal(f"{scheme}://ada:{HEAD}@db.example/shop")

    assert error.message == f"The database URL has an unknown scheme `{scheme}`"


@pytest.mark.parametrize(
    "scheme", ["", "1", "my sql", "\x1b[31m", "a" * 32, "postgresqll", "htps", HEAD]
)
def test_parse_url_does_not_quote_a_scheme_that_is_none(scheme: str) -> None:
    assert (
        refusal(f"{scheme}://ada:{HEAD}@db.example").message
        == "The database URL has an unknown scheme"
    )


@pytest.mark.spec("002/FR-065")
@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("sqlite:///tasks.db", "/here/tasks.db"),
        ("sqlite:///a/b.db", "/here/a/b.db"),
        ("sqlite:////srv/tasks.db", "/srv/tasks.db"),
        ("SQLite:////srv/tasks.db", "/srv/tasks.db"),
        ("sqlite+aiosqlite:////srv/tasks.db", "/srv/tasks.db"),
        ("sqlite:////srv/tasks.db?mode=ro&cache=shared", "/srv/tasks.db"),
        ("sqlite:///~/tasks.db", "/home/ada/tasks.db"),
        ("tasks.db", "/here/tasks.db"),
        ("my/tasks", "/here/my/tasks"),
        ("./tasks.db", "/here/tasks.db"),
        ("../tasks.db", "/here/../tasks.db"),
        ("/srv/tasks.db", "/srv/tasks.db"),
        ("~/tasks.db", "/home/ada/tasks.db"),
        ("~bob/tasks.db", "/here/~bob/tasks.db"),
        ("my tasks?.db", "/here/my tasks?.db"),
        ("100%.db", "/here/100%.db"),
        ("a:b.db", "/here/a:b.db"),
        ("/srv/a@b/tasks", "/srv/a@b/tasks"),
        ("/var/lib/postgresql/tasks", "/var/lib/postgresql/tasks"),
        ("./ada@home/tasks", "/here/./ada@home/tasks"),
        ("~/10:30/tasks", "/home/ada/10:30/tasks"),
        ("ada@home.sqlite", "/here/ada@home.sqlite"),
        ("postgres.db", "/here/postgres.db"),
        ("sqlite:////srv/a@b/tasks", "/srv/a@b/tasks"),
        (
            "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645.db",
            "/here/\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645.db",
        ),
        ("\U0001f468\u200d\U0001f469.db", "/here/\U0001f468\u200d\U0001f469.db"),
        ("caf\u00e9\u3000x.db", "/here/caf\u00e9\u3000x.db"),
    ],
)
def test_parse_url_reads_the_path_of_a_sqlite_file(text: str, path: str) -> None:
    assert path_of(text) == Path(path)


def test_parse_url_leaves_a_tilde_alone_where_there_is_no_home() -> None:
    assert path_of("~/tasks.db", home=None) == Path("/here/~/tasks.db")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "sqlite://",
        "sqlite:///",
        "sqlite:///?mode=ro",
        ":memory:",
        "sqlite:///:memory:",
    ],
)
def test_parse_url_refuses_a_sqlite_url_without_a_file(text: str) -> None:
    assert refusal(text).message == "The database URL names no file"


@pytest.mark.parametrize(
    "text",
    ["a\0b", "a\nb.db", "a\x1bb.db", "a\x7fb.db", "a\x9bb.db", "sqlite:///a\u202eb.db"],
)
def test_parse_url_refuses_a_path_with_control_characters(text: str) -> None:
    assert (
        refusal(text).message
        == "The path of the SQLite file contains a control character"
    )


@pytest.mark.parametrize(
    ("host", "local"),
    [
        ("localhost", True),
        ("127.0.0.1", True),
        ("127.1.2.3", True),
        ("127.255.255.254", True),
        ("::1", True),
        ("/tmp", True),
        ("/var/run/postgresql", True),
        ("", False),
        ("localhost.", False),
        ("localhost.evil.com", False),
        ("localhost.localdomain", False),
        ("evil-localhost", False),
        ("127.0.0.1.evil.com", False),
        ("127.0.0.1 ", False),
        ("127.0.0.1\n", False),
        ("127.1", False),
        ("127.0.0", False),
        ("127.0.0.1.1", False),
        ("127.0.0.1234", False),
        ("127.\u0660.\u0660.\u0661", False),
        ("\uff11\uff12\uff17.0.0.1", False),
        ("1127.0.0.1", False),
        ("128.0.0.1", False),
        ("0.0.0.0", False),
        ("::", False),
        ("::ffff:127.0.0.1", False),
        ("10.0.0.1", False),
        ("2130706433", False),
        ("db.example", False),
    ],
)
def test_is_local_goes_by_spelling_alone(host: str, local: bool) -> None:
    assert is_local(host) is local


LOOSE, STRICT = (None, "allow", "prefer"), ("require", "verify-ca", "verify-full")
PLAIN: list[tuple[str, tuple[str | None, ...]]] = [
    ("localhost", (*LOOSE, "disable")),
    ("LOCALHOST", (*LOOSE, "disable")),
    ("127.0.0.2", (*LOOSE, "disable")),
    ("[::1]", (*LOOSE, "disable")),
    ("localhost,127.0.0.1", (*LOOSE, "disable")),
    ("%2Ftmp", (*LOOSE, *STRICT, "disable")),
    ("%2Ftmp,localhost", (*LOOSE, "disable")),
    ("db.example", ("disable",)),
    (NEON, ("disable",)),
    ("0.0.0.0", ("disable",)),
    ("localhost.evil.com", ("disable",)),
    ("127.0.0.1.evil.com", ("disable",)),
    ("localhost,db.example", ("disable",)),
    ("%2Ftmp,db.example", ("disable",)),
]


@pytest.mark.parametrize("mode", [*LOOSE, *STRICT, "disable"])
@pytest.mark.parametrize(("host", "plain"), PLAIN)
def test_is_plain_only_on_loopback_or_where_tls_is_switched_off(
    host: str, plain: tuple[str | None, ...], mode: str | None
) -> None:
    target = read(
        f"postgresql://ada@{host}/shop" + (f"?sslmode={mode}" if mode else "")
    )

    assert target.is_plain is (mode in plain)
    assert target.is_exposed is (mode == "disable" and plain == ("disable",))


@pytest.mark.parametrize(
    ("host", "neon", "pooler"),
    [
        (NEON, True, False),
        (POOLER, True, True),
        (POOLER.upper(), True, True),
        ("ep-x-pooler.example.com", False, False),
        ("neon.tech", False, False),
        (f"{POOLER}.evil.example", False, False),
        ("localhost", False, False),
        ("[::1]", False, False),
    ],
)
def test_is_neon_and_is_pooler_go_by_the_host_name(
    host: str, neon: bool, pooler: bool
) -> None:
    target = read(f"postgresql://ada@{host}/shop")

    assert (target.is_neon, target.is_pooler) == (neon, pooler)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (f"postgresql://ada:{HEAD}@db.example/shop", "db.example/shop"),
        (f"postgresql://ada:{HEAD}@db.example:6543/shop", "db.example:6543/shop"),
        (f"postgresql://ada:{HEAD}@a,b:6543/shop", "a,b:6543/shop"),
        (f"postgresql://ada:{HEAD}@db.example", "db.example/ada"),
        ("postgresql://db.example", "db.example"),
        ("postgresql://db.example/X", "db.example/X"),
        (f"postgresql:///shop?host=/tmp&password={HEAD}", "/tmp/shop"),
    ],
)
def test_place_names_host_and_database_and_no_password(text: str, place: str) -> None:
    assert read(text).place == place


def test_place_of_a_file_is_its_path() -> None:
    assert SqliteTarget(Path("/srv/tasks.db")).place == "/srv/tasks.db"


@pytest.mark.spec("002/FR-066")
@pytest.mark.parametrize(
    "text",
    [
        f"postgresql://ada:{HEAD}@db.example/shop",
        f"postgresql://db.example/shop?user=ada&password={HEAD}",
    ],
)
def test_repr_never_shows_the_password(text: str) -> None:
    target = read(text)

    assert target.password == HEAD
    assert HEAD not in f"{target!r} {target} {target.place}"


@pytest.mark.parametrize("text", ["postgresql://db.example", "/srv/tasks.db"])
def test_targets_cannot_be_changed(text: str) -> None:
    target = parse_url(text, cwd=CWD)

    assert not hasattr(target, "__dict__")
    with pytest.raises(FrozenInstanceError):
        setattr(target, fields(target)[0].name, None)


PRINTABLE = st.text(
    st.characters(exclude_categories=["C", "Zl", "Zp"]), min_size=1, max_size=40
)


@given(password=PRINTABLE, user=PRINTABLE, database=PRINTABLE)
@example(password="p@ss/w#rd?x=1&y% :[]", user="a@b", database="c/d?e#f")
@example(password="%40", user="%", database="%2F")
@example(
    password="postgresql://a:b@c", user="postgresql://a:b@c", database="postgresql://"
)
def test_parse_url_reads_back_whatever_was_percent_encoded(
    password: str, user: str, database: str
) -> None:
    assume(not redact.holds_login(database))
    password = HEAD + password
    parts = [quote(part, safe="") for part in (user, password, database)]

    target = read("postgresql://{}:{}@db.example/{}?sslmode=require".format(*parts))
    by_query = read(
        "postgresql://db.example/?user={}&password={}&dbname={}".format(*parts)
    )

    for found in (target, by_query):
        assert (found.user, found.password, found.database) == (
            user,
            password,
            database,
        )
        assert found.hosts == (("db.example", 5432),)
        assert HEAD not in repr(found)


@pytest.mark.spec("002/FR-066")
@given(
    password=st.text(st.characters(codec="utf-8"), max_size=20),
    end=st.sampled_from(["", "/shop", "/shop?sslmode=require"]),
)
@example(password="1?x=2", end="")
@example(password="1?x=2&", end="/shop")
def test_parse_url_reads_a_raw_password_whole_or_refuses_it(
    password: str, end: str
) -> None:
    try:
        target = read(f"postgresql://ada:{HEAD}{password}{TAIL}@db.example{end}")
    except ConfigInvalid as error:
        shown = f"{error!r} {error.message} {error.hint}"
    else:
        shown = f"{target!r} {target.place}"
        assert target.hosts == (("db.example", 5432),)

    assert HEAD not in shown
    assert TAIL not in shown


@pytest.mark.parametrize(
    "text",
    [
        *(
            "posgresql://u:p@h/d",
            "postrgesql://u:p@h/d",
            "psotgresql://u:p@h/d",
            "ostgresql://u:p@h",
            "pstgresql://u",
        ),
        *(
            "postgresq://x",
            "posgres://x",
            "postgers://u",
            "postgresql+asyncpg:u:p@h/d",
            "//u:p@h/d",
        ),
        "u:p@host.example.com/neondb?sslmode=require",
    ],
)
def test_a_misspelt_url_of_another_variable_is_meant_for_postgresql(text: str) -> None:
    assert is_meant_for_postgres(text)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "mysql://u:p@h/d",
            "postgis://u:p@h/d",
            "redis://:p@h:1",
            "mongodb+srv://u:p@h",
            "postmark://x",
            "progress://x",
        ),
        *(
            "mariadb://u:p@h/d?ssl=1",
            "https://posts.example/",
            "sqlite:///x",
            "./todo.db",
            "cockroachdb://u@h",
        ),
    ],
)
def test_a_url_of_another_database_is_not_meant_for_postgresql(text: str) -> None:
    assert not is_meant_for_postgres(text)
