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
    SESSION_ATTRIBUTES,
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


def with_query(query: str) -> PostgresTarget:
    """Read a URL with these parameters."""
    return read(f"postgresql://ada@db.example/shop?{query}")


def with_variables(text: str, **variables: str) -> PostgresTarget:
    """Read a URL in an environment with these variables."""
    target = parse_url(text, cwd=CWD, home=HOME, variables=variables)
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
    shown += f"{error!r} {error.message} {error.hint} {error.details}"
    assert HEAD not in shown
    assert TAIL not in shown
    return error


# What is read from a URL of PostgreSQL


def test_parse_url_takes_each_scheme_of_postgresql() -> None:
    wanted = PostgresTarget(
        (("db.example", 6543),),
        "ada",
        "secret",
        "shop",
        password_file=HOME / ".pgpass",
    )

    for scheme in (
        *(
            "postgres",
            "postgresql",
            "POSTGRESQL",
            "Postgres",
            "postgresql+asyncpg",
        ),
        *("postgresql+psycopg", "postgres+psycopg2", "PostgreSQL+PG8000"),
    ):
        assert read(f"{scheme}://ada:secret@db.example:6543/shop") == wanted


def test_parse_url_takes_what_neons_console_gives() -> None:
    for host in (
        NEON,
        POOLER,
        NEON.replace(".", ".c-2.", 1),
        "ep-a.x.neon.build",
    ):
        target = read(
            f"postgresql://neondb_owner:npg_a1B2c3@{host}/neondb"
            "?sslmode=require&channel_binding=require"
        )

        assert target == PostgresTarget(
            hosts=((host, 5432),),
            user="neondb_owner",
            password="npg_a1B2c3",
            database="neondb",
            sslmode="require",
            direct_tls=True,
            password_file=HOME / ".pgpass",
        )
        assert (target.is_neon, target.is_plain) == (True, False)
        assert target.is_pooler is (host == POOLER)


def test_parse_url_keeps_options_but_for_neon_which_reads_the_host_name() -> (
    None
):
    assert with_query("").options is None
    assert with_query("options=endpoint%3Dep-x").options == "endpoint=ep-x"
    assert with_query("options=-c%20geqo%3Doff").options == "-c geqo=off"
    neon = read(
        f"postgresql://ada@{POOLER}/db?options=endpoint%3Dep-cool-night-123"
    )
    assert neon.options is None


def test_parse_url_reads_the_parameters_that_it_knows() -> None:
    for mode in (
        "disable",
        "allow",
        "prefer",
        "require",
        "verify-ca",
        "verify-full",
    ):
        assert with_query(f"sslmode={mode}").sslmode == mode
    assert with_query("sslmode=disable&sslmode=require").sslmode == "require"
    certificates = {
        "system": None,
        "": None,
        "%2Fetc%2Fca.pem": Path("/etc/ca.pem"),
        "/etc/my%20ca.pem": Path("/etc/my ca.pem"),
    }
    for value, path in certificates.items():
        assert with_query(f"sslrootcert={value}").root_certificate == path
    for value, seconds in {"10": 10.0, "0": None, "9999": 9999.0}.items():
        assert (
            with_query(f"connect_timeout={value}").connect_timeout_s == seconds
        )
    for value, name in {"": "todo", "a%20b": "a b"}.items():
        assert with_query(f"application_name={value}").application_name == name


def test_parse_url_uses_direct_tls_where_it_is_asked_for_and_for_neon() -> (
    None
):
    direct = {
        "db.example/x": False,
        "db.example/x?sslnegotiation=postgres": False,
        "db.example/x?sslnegotiation=direct": True,
        f"{NEON}/x": True,
        f"{NEON}/x?sslnegotiation=postgres": False,
        f"{NEON}.evil.example/x": False,
        "neon.tech.example/x": False,
    }

    assert {
        rest: read(f"postgresql://{rest}").direct_tls for rest in direct
    } == direct


@pytest.mark.parametrize(
    ("parameter", "values"),
    [
        ("sslmode", ["", "REQUIRE", "verify_full", "on", "true", HEAD]),
        ("sslnegotiation", ["", "Direct", HEAD]),
        ("connect_timeout", ["", "-1", "1.5", "10s", "12345", "\u0661", HEAD]),
        ("sslrootcert", [f"postgresql:%2F%2Fada:{HEAD}%40h"]),
    ],
)
def test_parse_url_refuses_a_parameter_that_has_no_such_value(
    parameter: str, values: list[str]
) -> None:
    for value in values:
        assert (
            parameter
            in refusal(f"postgresql://h/d?{parameter}={value}").message
        )


UNSUPPORTED = {
    "gssencmode": ("PGGSSENCMODE", "require", ["disable", "prefer", ""]),
    "hostaddr": ("PGHOSTADDR", "10.0.0.1", [""]),
    "krbsrvname": (None, "other", ["postgres"]),
    "load_balance_hosts": ("PGLOADBALANCEHOSTS", "random", ["disable"]),
    "require_auth": ("PGREQUIREAUTH", "scram-sha-256", [""]),
    "requirepeer": ("PGREQUIREPEER", "postgres", [""]),
    "service": ("PGSERVICE", "shop", [""]),
    "ssl_max_protocol_version": (
        "PGSSLMAXPROTOCOLVERSION",
        "TLSv1.2",
        ["TLSv1.3"],
    ),
    "ssl_min_protocol_version": (
        "PGSSLMINPROTOCOLVERSION",
        "TLSv1.3",
        ["TLSv1", "TLSv1.1", "TLSv1.2"],
    ),
    "sslcert": (None, "/c.pem", [""]),
    "sslcertmode": (None, "require", ["disable", "allow"]),
    "sslcrl": ("PGSSLCRL", "/c.crl", [""]),
    "sslcrldir": ("PGSSLCRLDIR", "/crl", [""]),
    "sslkey": (None, "/k.pem", [""]),
}


@pytest.mark.spec("002/FR-185")
@pytest.mark.parametrize("parameter", UNSUPPORTED)
def test_parse_url_never_drops_what_makes_another_or_a_safer_connection(
    parameter: str,
) -> None:
    """See MagicStack/asyncpg#953."""
    variable, wanted, harmless = UNSUPPORTED[parameter]

    error = refusal(f"postgresql://h/d?{parameter}={wanted}")
    assert error.message.startswith(f"`{parameter}` in the database URL ")
    for value in harmless:
        assert with_query(f"{parameter}={value}") == with_query("")
    if variable is None:
        return
    with pytest.raises(ConfigInvalid, match=f"^{variable} asks for "):
        with_variables("postgresql:///d", **{variable: wanted})
    url = "postgresql://ada@db.example/shop?"
    for value in harmless:
        assert with_variables(url, **{variable: value}) == with_query("")
    # The URL wins over the variable.
    url += f"{parameter}={harmless[0]}"
    assert with_variables(url, **{variable: wanted}) == with_query("")


@pytest.mark.spec("002/FR-185")
def test_parse_url_with_a_host_ignores_what_is_set_for_other_programs() -> (
    None
):
    others = {
        "PGHOSTADDR": "10.0.0.1",
        "PGLOADBALANCEHOSTS": "random",
        "PGSERVICE": "shop",
        "PGSSLCERT": "/c.pem",
        "PGSSLCERTMODE": "require",
        "PGSSLKEY": "/k.pem",
        "PGKRBSRVNAME": "other",
    }

    for url in ("postgresql://h/d", "postgresql:///d?host=h"):
        assert with_variables(url, **others) == read(url)


@pytest.mark.spec("002/FR-185")
def test_parse_url_knows_every_value_of_target_session_attrs() -> None:
    for value in SESSION_ATTRIBUTES:
        assert with_query(f"target_session_attrs={value}").session == value
        variables = {"PGTARGETSESSIONATTRS": value}
        assert with_variables("postgresql://h", **variables).session == value
    assert with_query("").session == "any"
    error = refusal(f"postgresql://h?target_session_attrs={HEAD}")
    assert error.hint == f"one of {', '.join(SESSION_ATTRIBUTES)}"
    with pytest.raises(ConfigInvalid, match=r"^PGTARGETSESSIONATTRS "):
        with_variables("postgresql://h", PGTARGETSESSIONATTRS="best")


@pytest.mark.spec("002/FR-185")
@pytest.mark.parametrize(
    ("query", "variable"),
    [
        ("channel_binding=require", "PGCHANNELBINDING=require"),
        ("requiressl=1", "PGREQUIRESSL=1"),
        ("sslnegotiation=direct", ""),
        ("sslrootcert=system", "PGSSLROOTCERT=system"),
        ("ssl=true", "PGSSLMODE=require"),
        ("ssl=1", "PGSSLMODE=verify-ca"),
        ("ssl=verify-full", "PGSSLMODE=verify-full"),
    ],
)
def test_parse_url_takes_every_demand_for_tls_as_one(
    query: str, variable: str
) -> None:
    url = "postgresql://ada@localhost/shop"
    assert read(url).is_plain
    assert not read(f"{url}?{query}").is_plain
    for lax in ("allow", "prefer"):
        assert not read(f"{url}?{query}&sslmode={lax}").is_plain
    strict = read(f"{url}?{query}&sslmode=verify-full")
    assert strict.sslmode == "verify-full"
    error = refusal(f"{url}?{query}&sslmode=disable")
    assert "asks for TLS, and `sslmode=disable` for none" in error.message
    if variable:
        name, _, value = variable.partition("=")
        assert not with_variables(url, **{name: value}).is_plain


@pytest.mark.spec("002/FR-185")
def test_parse_url_lets_no_variable_make_a_connection_less_safe() -> None:
    lax = {
        "PGSSLMODE": "disable",
        "PGREQUIRESSL": "0",
        "PGSSLNEGOTIATION": "x",
    }
    for url in ("postgresql://db.example", "postgresql://localhost"):
        assert with_variables(url, **lax) == read(url)
    url = "postgresql://db.example?sslmode=verify-full&sslrootcert=/ca"
    variables = {"PGSSLROOTCERT": "/other", "PGSSLMODE": "require"}
    assert with_variables(url, **variables) == read(url)
    assert with_query("ssl=false&requiressl=0").dropped == (
        "ssl",
        "requiressl",
    )


def test_parse_url_fills_gaps_from_the_variables_and_the_login() -> None:
    variables = {
        "PGHOST": "/run/pg,other.example",
        "PGPORT": "1,2",
        "PGUSER": "bob",
        "PGPASSWORD": HEAD,
        "PGDATABASE": "garden",
        "PGPASSFILE": "/pass",
        "PGSSLROOTCERT": "/ca.pem",
    }

    found = with_variables("postgresql://", **variables)

    assert found == PostgresTarget(
        hosts=(("/run/pg", 1), ("other.example", 2)),
        user="bob",
        password=HEAD,
        database="garden",
        password_file=Path("/pass"),
        root_certificate=Path("/ca.pem"),
    )
    assert HEAD not in repr(found)
    full = "postgresql://ada:own@db.example:7/shop?passfile=/p&sslrootcert=/c"
    assert with_variables(full, **variables) == read(full)
    assert with_variables("postgresql://h", PGPORT="7").hosts == (("h", 7),)
    usual = parse_url("postgresql://h", cwd=CWD, home=None, login="eve")
    assert usual == PostgresTarget((("h", 5432),), "eve")


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"PGPORT": "x"}, "^PGPORT has a port"),
        ({"PGHOST": "a b"}, "^PGHOST has a host"),
        ({"PGUSER": "\udcff"}, "^PGUSER is not UTF-8"),
        ({"PGPASSWORD": "\udcff"}, "^PGPASSWORD is not UTF-8"),
        (
            {"PGDATABASE": "host=h password=x"},
            "^PGDATABASE contains another connection string",
        ),
        (
            {"PGSSLROOTCERT": "postgresql://u:p@h/d"},
            "^PGSSLROOTCERT has an sslrootcert",
        ),
    ],
)
def test_parse_url_refuses_a_variable_that_cannot_be_used(
    variables: dict[str, str], words: str
) -> None:
    with pytest.raises(ConfigInvalid, match=words):
        with_variables("postgresql://", **variables)
    with pytest.raises(ConfigInvalid, match="login name is not UTF-8"):
        parse_url("postgresql://h", cwd=CWD, login="\udcff")


def test_parse_url_reads_no_variable_that_the_url_makes_useless() -> None:
    full = "postgresql://ada:own@db.example:7/shop"
    names = ("PGHOST", "PGUSER", "PGPASSWORD", "PGDATABASE")

    found = with_variables(full, **dict.fromkeys(names, "\udcff"))

    assert found == read(full)


@pytest.mark.spec("002/FR-066")
def test_parse_url_names_only_known_parameters_that_have_no_effect() -> None:
    target = with_query(
        "sslcompression=a&search_path=b&channel_binding=require&pgbouncer=true&schema=c"
        f"&{'x' * 40}=1&{'x' * 41}={HEAD}&caf\u00e9=1&sslmode=require&{TAIL}.{HEAD}=1"
        f"&&bare&{HEAD}&{HEAD}=1&passwrod={HEAD}"
    )

    assert target.dropped == (
        *("sslcompression", "search_path", "schema", "(unknown)"),
        *["(unreadable)"] * 3,
        *["(unknown)"] * 4,
    )
    assert target.sslmode == "require"
    assert HEAD not in repr(target)


LOGINS = {
    "postgresql://": (None, None, None),
    "postgresql://db.example": (None, None, None),
    "postgresql://db.example/": (None, None, None),
    "postgresql://ada@db.example/shop": ("ada", None, "shop"),
    "postgresql://ada:@db.example/shop": ("ada", "", "shop"),
    "postgresql://:secret@db.example/shop": (None, "secret", "shop"),
    "postgresql://ada:se:cr:et@db.example/shop": ("ada", "se:cr:et", "shop"),
    "postgresql://ada:se[cr]et@db.example/shop": ("ada", "se[cr]et", "shop"),
    "postgresql://ada:p%c3%A4ss@db.example/my%2Fshop": (
        "ada",
        "p\u00e4ss",
        "my/shop",
    ),
    "postgresql://a%40da:p%25%23%3F%2F%40%20x@h/s": ("a@da", "p%#?/@ x", "s"),
    "postgresql://ada:a+b@db.example/a+b": ("ada", "a+b", "a+b"),
    "postgresql://x%FF:y%FF@h/z%FF?user=a&password=b&dbname=c": (
        "a",
        "b",
        "c",
    ),
    "postgresql:///?host=h&user=ada&password=p%40ss&dbname=s": (
        "ada",
        "p@ss",
        "s",
    ),
}
HOSTS = {
    "postgresql://": (("localhost", 5432),),
    "postgresql:///shop": (("localhost", 5432),),
    "postgresql://ada@/shop": (("localhost", 5432),),
    "postgresql://ada@:6543/shop": (("localhost", 6543),),
    "postgresql://db.example:65535/shop": (("db.example", 65535),),
    "postgresql://[::1]/shop": (("::1", 5432),),
    "postgresql://ada:x@[2001:db8::1]:6543/shop": (("2001:db8::1", 6543),),
    "postgresql://[fe80::1%25eth0]/shop": (("fe80::1%eth0", 5432),),
    "postgresql://[2001:DB8::A]/shop": (("2001:db8::a", 5432),),
    "postgresql:///shop?host=/var/run/postgresql": (
        ("/var/run/postgresql", 5432),
    ),
    "postgresql:///shop?host=%2Ftmp&port=6543": (("/tmp", 6543),),
    "postgresql://ada@%2Fvar%2Frun/shop": (("/var/run", 5432),),
    "postgresql://a,b/shop": (("a", 5432), ("b", 5432)),
    "postgresql://a:1,[::1]:2,c/shop": (("a", 1), ("::1", 2), ("c", 5432)),
    "postgresql:///shop?host=a,b&port=1,2": (("a", 1), ("b", 2)),
    "postgresql:///shop?host=a,b,c&port=7": (("a", 7), ("b", 7), ("c", 7)),
    "postgresql://ignored/shop?host=db.example": (("db.example", 5432),),
    "postgresql://LOCALHOST,Db.Example/x": (
        ("localhost", 5432),
        ("db.example", 5432),
    ),
    "postgresql://%2FTmp/shop": (("/Tmp", 5432),),
    "postgresql://%2Fa%3Ab/shop": (("/a:b", 5432),),
    "postgresql://%2Fa%3Ab:6543,%2Fc%40d/shop": (
        ("/a:b", 6543),
        ("/c@d", 5432),
    ),
    "postgresql://%2Fa%20b%5Cc%25d/shop": (("/a b\\c%d", 5432),),
    "postgresql:///shop?host=/a%3Ab,/50%25,/a%2541&port=1": (
        ("/a:b", 1),
        ("/50%", 1),
        ("/a%41", 1),
    ),
    "postgresql://db%2Eexample%3A6543/shop": (("db.example", 6543),),
}


def test_parse_url_reads_user_password_and_database() -> None:
    found = {text: read(text) for text in LOGINS}

    assert {
        text: (target.user, target.password, target.database)
        for text, target in found.items()
    } == LOGINS
    bare = PostgresTarget(
        hosts=(("db.example", 5432),), password_file=HOME / ".pgpass"
    )
    assert found["postgresql://db.example"] == bare


@pytest.mark.spec("002/FR-186")
@pytest.mark.parametrize(
    ("role", "field"),
    [
        ("a:b", r"a\:b"),
        (":", r"\:"),
        ("a%3Ab", "a%3Ab"),
        ("a\uff1ab", "a\uff1ab"),
        ("a\\:b", r"a\\\:b"),
        ("a:b@c/d e%", r"a\:b@c/d e%"),
        ("a:b", "*"),
    ],
)
def test_a_role_with_a_colon_can_have_its_password_in_the_file(
    tmp_path: Path, role: str, field: str
) -> None:
    file = tmp_path / "pgpass"
    file.write_text(f"second.example:*:shop:{field}:secret\n")
    file.chmod(0o600)
    encoded = quote(role, safe="")
    hosts = "first.example,second.example"
    place = {"PGPASSFILE": str(file)}

    for url, variables in (
        (f"postgresql://{encoded}@{hosts}/shop", place),
        (f"postgresql://{hosts}/shop?user={encoded}", place),
        (f"postgresql://{hosts}/shop", place | {"PGUSER": role}),
        (
            f"postgresql://{encoded}@{hosts}/shop?passfile={file}",
            {},
        ),
    ):
        target = parse_url(url, cwd=HOME, variables=variables)
        assert isinstance(target, PostgresTarget)
        assert (target.user, target.password) == (role, None)

        # It is a password for this role alone, on one of these hosts.
        for other in (
            url.replace("second", "third"),
            url.replace("/shop", "/other"),
        ):
            with pytest.raises(ConfigInvalid, match="cannot be read"):
                parse_url(other, cwd=HOME, variables=variables)


@pytest.mark.spec("002/FR-186")
def test_a_login_that_cannot_be_read_names_its_source_and_a_way_out() -> None:
    with pytest.raises(ConfigInvalid) as caught:
        parse_url(
            "postgresql://db.example/shop",
            cwd=HOME,
            variables={"PGUSER": f"ada:{HEAD}"},
        )

    assert caught.value.message == "PGUSER has a login that cannot be read"
    assert "~/.pgpass" in str(caught.value.hint)


def test_a_host_of_the_environment_is_taken_as_it_is() -> None:
    target = parse_url(
        "postgresql:///shop", cwd=HOME, variables={"PGHOST": "/a%41:b,/c@d"}
    )

    assert isinstance(target, PostgresTarget)
    assert target.hosts == (("/a%41:b", 5432), ("/c@d", 5432))


def test_parse_url_reads_hosts_and_ports() -> None:
    assert {text: read(text).hosts for text in HOSTS} == HOSTS


def test_parse_url_refuses_hosts_and_ports_that_are_none() -> None:
    for port in (
        *(
            "0",
            "65536",
            "99999",
            "123456",
            "-1",
            "5432x",
            "x",
            "\u0661",
            "%20",
        ),
    ):
        text = f"postgresql://ada:{HEAD}@db.example:{port}/shop"
        assert "65535" in refusal(text).message
    for host in (
        "[::1",
        "::1",
        "[db.example]",
        "[::1]x",
        "a]b",
        "a%40b",
        "a b",
    ):
        refusal(f"postgresql://ada:{HEAD}@{host}/shop")


@pytest.mark.spec("002/FR-130")
def test_parse_url_ignores_what_comes_with_copying() -> None:
    wraps = [
        *(
            "  {}\n",
            "\t{}\r\n",
            "\u00a0{}\u3000",
            "\ufeff{}",
            "\udcef\udcbb\udcbf{}",
        ),
        *('"{}"', "'{}'", " \ufeff '{}' ", "' {} '", "\"'{}'\""),
    ]
    for text in (
        "postgresql://ada:secret@db.example/x",
        "sqlite:///x.db",
        "my x.db",
    ):
        wanted = parse_url(text, cwd=CWD, home=HOME)
        for wrap in wraps:
            assert parse_url(wrap.format(text), cwd=CWD, home=HOME) == wanted


# What is refused, and shows nothing of itself

REFUSED: dict[str, list[str]] = {
    "begins with `psql`": [
        f"psql 'postgresql://ada:{HEAD}@db.example/shop'",
        f"$ psql postgresql://ada:{HEAD}@db.example/shop",
        f"psql -h db.example 'password={HEAD}'",
    ],
    "before `postgresql://`": [
        f"jdbc:postgresql://db.example/shop?user=ada&password={HEAD}",
        f"export DATABASE_URL=postgresql://ada:{HEAD}@db.example/shop",
        f'DATABASE_URL="postgresql://ada:{HEAD}@db.example/shop"',
        f'"postgresql://ada:{HEAD}@db.example/shop',
        f"\u201cpostgresql://ada:{HEAD}@db.example/shop\u201d",
        f"<POSTGRES://ada:{HEAD}@db.example/shop>",
    ],
    "`\\`": [
        f"postgresql:\\/\\/ada:{HEAD}@db.example/shop",
        f"postgresql\uff1a\uff0f\uff0fada:{HEAD}@db.example",
        f"postgresql%3A%2F%2Fada%3A{HEAD}%40db.example",
    ],
    "lacks `postgresql://`": [
        f"postgresql//ada:{HEAD}@db.example/shop",
        f"//ada:{HEAD}@db.example/shop",
        f"postgresql;//ada:{HEAD}@db.example/shop",
        f"{HEAD}@ep-x.neon.tech/neondb",
        f"ada:{HEAD}@db.example",
        f"host=db.example user=ada password={HEAD}",
        f"user=ada password = {HEAD}",
        *(
            f"PGPASSWORD={HEAD}",
            "dbname=shop user=ada",
            "./x hostaddr=127.0.0.1",
        ),
        *("./x?host=db.example", "./x&sslmode=require", "./x\toptions = -c"),
        "./x?channel_binding=require",
    ],
    "lacks `//`": [
        f"postgresql:ada:{HEAD}@db.example/shop",
        *(
            f"postgres:{HEAD}",
            f"sqlite:{HEAD}",
            f"file:{HEAD}",
            "PostgreSQL:/ada",
        ),
        *(
            "postgresql+asyncpg:ada",
            "sqlite:/tasks.db",
            "sqlite+aiosqlite:tasks.db",
        ),
    ],
    "neither a URL nor the path": [
        f"{HEAD}@db.example/shop",
        f"ada/{HEAD}@db.example/shop",
        f"ada;{HEAD}@db.example/shop",
        f"ada:{HEAD}.x/shop",
        f"-h db.example -U ada -W {HEAD}",
        *(
            f"{HEAD}{TAIL}",
            f"{NEON}/neondb"[3:],
            "db.example:5432/shop",
            "tasks",
            "//db.example/shop",
            "//localhost:5432/shop",
            "//ep-x.neon.tech/neondb",
        ),
    ],
    "a login that cannot be read": [
        f"postgresql://ada;{HEAD}@db.example/shop",
        f"postgresql://ada%3A{HEAD}@db.example/shop",
        f"postgresql://ada\uff1a{HEAD}@db.example/shop",
        f"postgresql://db.example/shop?user=ada:{HEAD}",
    ],
    "a port": [
        f"postgresql://ada:{HEAD}\uff20db.example/shop",
        f"postgresql://ada:{HEAD}",
        f"postgresql://{HEAD}:{TAIL}",
    ],
    "a host": [
        f"postgresql://ada\uff1a{HEAD}\uff20db.example/shop",
        f"postgresql://%2Fada%3A{HEAD}%40db.example/shop",
        f"postgresql:///shop?host=/ada:{HEAD}%40db.example",
    ],
    "another connection string": [
        f"postgresql://ada@db.example/?dbname=postgresql://ada:{HEAD}%40h",
        f"postgresql://ada@db.example/host%3Dh%20password%3D{HEAD}",
    ],
    "an unknown scheme": [
        f"mysql://ada:{HEAD}@db.example/shop",
        f"{HEAD.lower()}{HEAD}{HEAD * 10}://{TAIL}",
        f"ada:{HEAD}@db.example/shop?next=https://{TAIL}",
        f"://{HEAD}",
    ],
    "looks like a connection string": [
        f"sqlite://ada:{HEAD}@h/x.db",
        f"sqlite:///postgresql://ada:{HEAD}@h/db",
        f"sqlite:////x/ada:{HEAD}@h/x.db",
    ],
    "SQLite uses for its own": [
        *("tasks.db-wal", "/srv/work-journal", "sqlite:///x-shm"),
        *("~/work-wal", "//srv/tasks-shm", "./tasks.DB-WAL"),
        *("/srv/work-wal/", "./work-journal/.", "sqlite:///x-wal"),
    ],
    "no file": [
        *("", "sqlite://", "sqlite:///", "sqlite:///?"),
        *(":memory:", "sqlite:///:memory:"),
    ],
    "a control character": [
        *(
            "a\0b",
            "a\nb.db",
            "a\x1bb.db",
            "a\x7fb.db",
            "sqlite:///a\u202eb.db",
        ),
    ],
}
"""A part of the message, and what it answers."""


@pytest.mark.spec("002/FR-066")
@pytest.mark.spec("002/FR-131")
@pytest.mark.parametrize("words", REFUSED)
def test_parse_url_refuses_a_misspelt_address_rather_than_take_it_for_a_path(
    words: str,
) -> None:
    for text in REFUSED[words]:
        error = refusal(text)
        assert words in error.message, text
        assert error.hint or words == "a control character"


NOT_ENCODED: dict[str, list[str]] = {
    "`@` or `/`": [
        *(f"{HEAD}@{TAIL}@h", f"@{HEAD}{TAIL}@h", f"a@{HEAD}?{TAIL}@h"),
        *(
            f"{HEAD}/{TAIL}@h",
            f"/{HEAD}{TAIL}@h",
            f"12/{TAIL}@h",
            f"{HEAD}//{TAIL}@h",
        ),
        *(f"{HEAD}?{TAIL}@h", f"?{HEAD}{TAIL}@h", f"{HEAD}?{TAIL}=1@h"),
        *(
            f"12?sslmode={TAIL}@h",
            f"12?user={HEAD}&x={TAIL}@h",
            f"12?{HEAD}&{TAIL}@h",
        ),
    ],
    "`#`": [f"{HEAD}#{TAIL}@h", f"#{HEAD}{TAIL}@h"],
    "`%`": [
        *(
            f"{HEAD}%x{TAIL}@h",
            f"{HEAD}%4@h",
            f"{HEAD}{TAIL}%@h",
            f"{HEAD} {TAIL}@h",
        ),
        *(f"{HEAD}\n{TAIL}@h", f"{HEAD}\t{TAIL}@h", f"{HEAD}\x7f{TAIL}@h"),
        *(
            f"{HEAD}\x00{TAIL}@h",
            f"{HEAD}\udcff{TAIL}@h",
            f"{HEAD}@h/my\u00a0shop?",
        ),
    ],
    "UTF-8": [f"{HEAD}%FF{TAIL}@h", f"{HEAD}%{TAIL}@h"],
    "null": [f"{HEAD}%00{TAIL}@h"],
}


@pytest.mark.spec("002/FR-066")
@pytest.mark.parametrize("words", NOT_ENCODED)
def test_parse_url_refuses_a_password_that_is_not_encoded_and_shows_nothing_of_it(
    words: str,
) -> None:
    for rest in NOT_ENCODED[words]:
        for end in ("/shop", "", "/shop?sslmode=require"):
            error = refusal(f"postgresql://ada:{rest}{end}")
            assert words in error.message, rest
            assert "`@` as `%40`" in (error.hint or "")


@pytest.mark.parametrize("hidden", ["***", "********", "%2A%2A%2A", "•••••"])
@pytest.mark.parametrize(
    "url",
    ["postgresql://ada:{}@h/shop", "postgresql://ada@h/shop?password={}"],
)
def test_parse_url_refuses_a_password_that_a_console_hides(
    hidden: str, url: str
) -> None:
    error = refusal(url.format(hidden))

    assert "has stars or dots in the place of the password" in error.message


def test_parse_url_names_only_schemes_that_it_knows() -> None:
    for scheme in (
        "mysql",
        "MySQL",
        "https",
        "redis",
        "sqlite3",
        "mongodb+srv",
    ):
        assert (
            f"`{scheme}`" in refusal(f"{scheme}://ada:{HEAD}@h/shop").message
        )
    for scheme in (
        "",
        "1",
        "my sql",
        "\x1b[31m",
        "a" * 32,
        "postgresqll",
        "htps",
        HEAD,
    ):
        assert "`" not in refusal(f"{scheme}://ada:{HEAD}@db.example").message


# Files

PATHS = {
    "sqlite:///tasks.db": "/here/tasks.db",
    "sqlite:///a/b.db": "/here/a/b.db",
    "SQLite:////srv/tasks.db": "/srv/tasks.db",
    "sqlite+aiosqlite:////srv/tasks.db": "/srv/tasks.db",
    "sqlite:////srv/tasks.db?": "/srv/tasks.db",
    "sqlite:///~/tasks.db": "/home/ada/tasks.db",
    "tasks.db": "/here/tasks.db",
    "my/tasks": "/here/my/tasks",
    "./tasks.db": "/here/tasks.db",
    "../tasks.db": "/here/../tasks.db",
    "/srv/tasks.db": "/srv/tasks.db",
    "//srv/tasks.db": "//srv/tasks.db",
    "//srv/tasks": "//srv/tasks",
    "//srv/10:30/tasks": "//srv/10:30/tasks",
    "///srv/tasks": "/srv/tasks",
    "//./srv/tasks": "//srv/tasks",
    "//../srv/tasks": "//../srv/tasks",
    "sqlite://///srv/tasks.db": "//srv/tasks.db",
    "~/tasks.db": "/home/ada/tasks.db",
    "~bob/tasks.db": "/here/~bob/tasks.db",
    "my tasks?.db": "/here/my tasks?.db",
    "100%.db": "/here/100%.db",
    "a:b.db": "/here/a:b.db",
    "/srv/a@b/tasks": "/srv/a@b/tasks",
    "/var/lib/postgresql/tasks": "/var/lib/postgresql/tasks",
    "./ada@home/tasks": "/here/./ada@home/tasks",
    "~/10:30/tasks": "/home/ada/10:30/tasks",
    "ada@home.sqlite": "/here/ada@home.sqlite",
    "postgres.db": "/here/postgres.db",
    "sqlite:////srv/a@b/tasks": "/srv/a@b/tasks",
    "\u0645\u06cc\u200c\u062e.db": "/here/\u0645\u06cc\u200c\u062e.db",
    "\U0001f468\u200d\U0001f469.db": "/here/\U0001f468\u200d\U0001f469.db",
    "caf\u00e9\u3000x.db": "/here/caf\u00e9\u3000x.db",
}


@pytest.mark.spec("002/FR-065")
def test_parse_url_reads_the_path_of_a_sqlite_file() -> None:
    wanted = {text: Path(path) for text, path in PATHS.items()}

    assert {text: path_of(text) for text in PATHS} == wanted
    assert path_of("~/tasks.db", home=None) == Path("/here/~/tasks.db")
    assert SqliteTarget(Path("/srv/tasks.db")).place == "/srv/tasks.db"


# What a target knows of itself

LOCAL = [
    *("localhost", "127.0.0.1", "127.1.2.3", "127.255.255.254", "::1", "/tmp"),
    "/var/run/postgresql",
]
DISTANT = [
    *(
        "",
        "localhost.",
        "localhost.evil.com",
        "localhost.localdomain",
        "evil-localhost",
    ),
    *(
        "127.0.0.1.evil.com",
        "127.0.0.1 ",
        "127.0.0.1\n",
        "127.1",
        "127.0.0",
        "127.0.0.1.1",
    ),
    *(
        "127.0.0.1234",
        "127.\u0660.\u0660.\u0661",
        "\uff11\uff12\uff17.0.0.1",
        "1127.0.0.1",
    ),
    *(
        "128.0.0.1",
        "0.0.0.0",
        "::",
        "::ffff:127.0.0.1",
        "10.0.0.1",
        "2130706433",
    ),
]


def test_is_local_goes_by_spelling_alone() -> None:
    assert [host for host in LOCAL if not is_local(host)] == []
    assert [host for host in DISTANT if is_local(host)] == []


LOOSE, STRICT = (
    (None, "allow", "prefer"),
    ("require", "verify-ca", "verify-full"),
)
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


@pytest.mark.parametrize(("host", "plain"), PLAIN)
def test_is_plain_only_on_loopback_or_where_tls_is_switched_off(
    host: str, plain: tuple[str | None, ...]
) -> None:
    for mode in (*LOOSE, *STRICT, "disable"):
        query = f"?sslmode={mode}" if mode else ""
        target = read(f"postgresql://ada@{host}/shop{query}")

        assert target.is_plain is (mode in plain)
        assert target.is_exposed is (
            mode == "disable" and plain == ("disable",)
        )


def test_is_neon_and_is_pooler_go_by_the_host_name() -> None:
    hosts = {
        NEON: (True, False),
        POOLER: (True, True),
        POOLER.upper(): (True, True),
        "ep-x-pooler.example.com": (False, False),
        "neon.tech": (False, False),
        f"{POOLER}.evil.example": (False, False),
        "[::1]": (False, False),
    }
    found = {host: read(f"postgresql://ada@{host}/shop") for host in hosts}

    assert {
        host: (target.is_neon, target.is_pooler)
        for host, target in found.items()
    } == hosts


@pytest.mark.spec("002/FR-066")
def test_place_and_repr_show_host_and_database_and_no_password() -> None:
    places = {
        f"postgresql://ada:{HEAD}@db.example/shop": "db.example/shop",
        f"postgresql://ada:{HEAD}@db.example:6543/shop": "db.example:6543/shop",
        f"postgresql://ada:{HEAD}@a,b:6543/shop": "a,b:6543/shop",
        f"postgresql://ada:{HEAD}@db.example": "db.example/ada",
        f"postgresql://db.example?password={HEAD}": "db.example",
        f"postgresql:///shop?host=/tmp&password={HEAD}": "/tmp/shop",
    }

    for text, place in places.items():
        target = read(text)
        assert (target.place, target.password) == (place, HEAD)
        assert HEAD not in f"{target!r} {target}"


def test_targets_cannot_be_changed() -> None:
    for text in ("postgresql://db.example", "/srv/tasks.db"):
        target = parse_url(text, cwd=CWD)
        assert not hasattr(target, "__dict__")
        with pytest.raises(FrozenInstanceError):
            setattr(target, fields(target)[0].name, None)


# Properties

PRINTABLE = st.text(
    st.characters(exclude_categories=["C", "Zl", "Zp"]),
    min_size=1,
    max_size=40,
)


@given(password=PRINTABLE, user=PRINTABLE, database=PRINTABLE)
@example(password="p@ss/w#rd?x=1&y% :[]", user="a@b", database="c/d?e#f")
@example(password="%40", user="%", database="%2F")
@example(
    password="postgresql://a:b@c",
    user="postgresql://a:b@c",
    database="postgresql://",
)
def test_parse_url_reads_back_whatever_was_percent_encoded(
    password: str, user: str, database: str
) -> None:
    assume(not redact.holds_login(database))
    password = HEAD + password
    parts = [quote(part, safe="") for part in (user, password, database)]

    target = read(
        "postgresql://{}:{}@db.example/{}?sslmode=require".format(*parts)
    )
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
        target = read(
            f"postgresql://ada:{HEAD}{password}{TAIL}@db.example{end}"
        )
    except ConfigInvalid as error:
        shown = f"{error!r} {error.message} {error.hint}"
    else:
        shown = f"{target!r} {target.place}"
        assert target.hosts == (("db.example", 5432),)

    assert HEAD not in shown
    assert TAIL not in shown


# A variable of other programs

MEANT = [
    *("posgresql://u:p@h/d", "postrgesql://u:p@h/d", "psotgresql://u:p@h/d"),
    *("ostgresql://u:p@h", "pstgresql://u", "postgresq://x", "posgres://x"),
    *("postgers://u", "postgresql+asyncpg:u:p@h/d", "//u:p@h/d"),
    "u:p@host.example.com/neondb?sslmode=require",
]
OTHERS = [
    *(
        "mysql://u:p@h/d",
        "postgis://u:p@h/d",
        "redis://:p@h:1",
        "mongodb+srv://u:p@h",
    ),
    *(
        "postmark://x",
        "progress://x",
        "sqlite:///x",
        "cockroachdb://u@h",
        "./todo.db",
    ),
    *("mariadb://u:p@h/d?ssl=1", "https://posts.example/"),
]


def test_a_misspelt_url_of_another_variable_is_meant_for_postgresql() -> None:
    assert [text for text in MEANT if not is_meant_for_postgres(text)] == []
    assert [text for text in OTHERS if is_meant_for_postgres(text)] == []


@pytest.mark.spec("002/FR-065")
@pytest.mark.parametrize(
    "query", ["mode=ro", "immutable=1&mode=ro", "cache=shared", "x", "z.db"]
)
def test_parse_url_drops_no_parameter_of_a_sqlite_url(query: str) -> None:
    """mattn/go-sqlite3#772: `mode=ro` was ignored, and the file was written."""
    error = refusal(f"sqlite:///tasks.db?{query}")

    assert "parameters after a `?`" in error.message


@pytest.mark.spec("002/FR-065")
@pytest.mark.parametrize("path", ["$HOME/todo.db", "${HOME}/todo.db", "$X"])
def test_parse_url_takes_no_variable_for_a_folder(path: str) -> None:
    """gabrie30/ghorg#117: a folder named `$HOME`."""
    assert "not expanded" in refusal(path).message
