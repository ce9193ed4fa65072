"""Every connection string that people have works as it is, or gives an error that says
what to mend.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cli.expect import assert_refused
from tests.conftest import Seal
from tests.neon.relay import Relay
from tests.support.machine import needs
from tests.support.neon import NeonFront
from tests.support.postgres import ADMIN
from tests.support.program import Surroundings, Todo
from tests.support.site import CONSOLE, ELSEWHERE, HOST, POOLER, Site, task_id
from tests.support.stores import Clock
from tests.support.turns import TurnProxy
from todo_cli.database.url import PostgresTarget, parse_url

BRANCH = "ep-x-123.c-2.us-east-2.aws.neon.tech"
WORKING = [
    CONSOLE,
    "",
    "sslmode=require",
    "channel_binding=require",
    "channel_binding=disable",
    "sslmode=verify-full",
    "sslmode=verify-full&sslrootcert=system",
    "sslmode=require&sslnegotiation=direct",
    f"{CONSOLE}&connect_timeout=10",
    f"{CONSOLE}&connect_timeout=0",
    f"{CONSOLE}&pgbouncer=true",
    f"{CONSOLE}&schema=public",
    f"{CONSOLE}&search_path=foo",
    f"{CONSOLE}&options=endpoint%3Dep-cool-dawn-123456",
    f"{CONSOLE}&options=project%3Dep-cool-dawn-123456",
    f"{CONSOLE}&options=-c%20search_path%3Dfoo",
    "ssl=true&pool_timeout=15&connection_limit=5&statement_cache_size=0",
    "sslmode=require&&application_name=",
    "keepalives=1&target_session_attrs=read-write&sslcertmode=allow&gssencmode=disable",
]
SCHEMES = [
    "postgres",
    "postgresql",
    "postgresql+asyncpg",
    "POSTGRESQL",
    "Postgres",
]
NASTY = "p@ss/w#rd?%41:é&=+;'\"\\ [x]"
CANARY = "CaNaRy"

Reading = Callable[[str], Todo]


@pytest.fixture
def nasty_role(site: Site) -> Iterator[str]:
    """A role whose name and password need encoding, which may use the tables."""
    name = "ada@home:x/y"
    secret = NASTY.replace("'", "''")
    site.server.run_sql(
        site.database, f"CREATE ROLE \"{name}\" LOGIN PASSWORD '{secret}'"
    )
    site.server.run_sql(
        site.database,
        f'GRANT USAGE ON SCHEMA todo TO "{name}"; GRANT ALL ON ALL TABLES IN SCHEMA todo TO "{name}"',
    )
    yield name
    site.server.run_sql(
        site.database, f'DROP OWNED BY "{name}"; DROP ROLE "{name}"'
    )


@pytest.fixture
def reading(seal: Seal, clock: Clock) -> Reading:
    """The program on a string that leads to no server."""
    return lambda text: Todo(Surroundings(seal.home, seal.cwd, text), clock)


def target(text: str) -> PostgresTarget:
    """What a connection string is read as."""
    found = parse_url(text, cwd=Path("/"))
    assert isinstance(found, PostgresTarget)
    return found


@pytest.mark.parametrize("query", WORKING)
@pytest.mark.parametrize("host", [HOST, POOLER])
def test_takes_parameters_as_people_have_them(
    site: Site, front: NeonFront, host: str, query: str
) -> None:
    ran = site.todo(site.url(host, front.port, query))(
        "add", "Buy milk", "--json"
    )

    assert ran.data["title"] == "Buy milk"
    assert front.startups == [
        {
            "client_encoding": "'utf-8'",
            "user": ADMIN,
            "database": site.database,
            "application_name": "todo",
        }
    ]
    assert (front.server_names, front.turns) == ([host], 7)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_takes_every_scheme(site: Site, front: NeonFront, scheme: str) -> None:
    run = site.todo(site.url(HOST, front.port, CONSOLE, scheme=scheme))

    assert (
        run("add", "Buy milk").out == "Added 1: Buy milk (new list for ada)\n"
    )
    assert run("list", "--json").data[0]["title"] == "Buy milk"


@pytest.mark.spec("002/FR-130")
@pytest.mark.parametrize("wrapped", ["  {}\n", '"{}"', "\ufeff'{}'"])
@pytest.mark.parametrize("name", ["TODO_DATABASE_URL", "DATABASE_URL"])
def test_takes_what_gets_around_the_string(
    site: Site, neon_url: str, wrapped: str, name: str
) -> None:
    env = {"TODO_DATABASE_URL": None, name: wrapped.format(neon_url)}

    ran = site.todo("unused")("doctor", "--json", env=env)

    assert (ran.data["store"], ran.data["store_from"]) == ("postgresql", name)


def test_reads_hosts_in_any_case(site: Site, front: NeonFront) -> None:
    ran = site.todo(
        site.url(
            "EP-Cool-Dawn-123456.us-east-2.aws.Neon.Tech", front.port, CONSOLE
        )
    )("list", "--json")

    assert ran.data == []
    assert front.turns == 7
    assert target("postgresql://LocalHost/todo").is_plain


@pytest.mark.parametrize(
    "host",
    [
        BRANCH,
        BRANCH.replace(".c-2", "-pooler.c-2"),
        "ep-x.eu-central-1.aws.neon.build",
    ],
)
def test_knows_every_form_of_neons_hosts(host: str) -> None:
    found = target(
        f"postgresql://u:p@{host}/neondb?{CONSOLE}&options=endpoint%3Dep-x-123"
    )

    assert (
        found.is_neon,
        found.direct_tls,
        found.options,
        found.is_plain,
    ) == (
        True,
        True,
        None,
        False,
    )
    assert found.is_pooler == ("-pooler" in host)


@pytest.mark.parametrize(
    "host", ["neon.tech.example.org", "notneon.tech", "example.org"]
)
def test_knows_who_is_not_neon(host: str) -> None:
    found = target(f"postgresql://u:p@{host}/neondb?options=-c%20geqo%3Doff")

    assert (found.is_neon, found.direct_tls, found.is_pooler) == (
        False,
        False,
        False,
    )
    assert found.options == "-c geqo=off"


def test_tells_the_server_what_it_is_called(
    site: Site, front: NeonFront
) -> None:
    site.todo(
        site.url(HOST, front.port, f"{CONSOLE}&application_name=home%20office")
    )("list")

    assert front.startups[0]["application_name"] == "home office"


def test_hands_options_to_a_server_that_is_not_neon(
    site: Site, proxy: TurnProxy
) -> None:
    url = site.url(
        "localhost",
        proxy.port,
        "options=-c%20default_transaction_read_only%3Don",
    )

    assert_refused(
        site.todo(url),
        "add",
        "Buy milk",
        code="FORBIDDEN",
        names=["read-only"],
    )
    assert site.titles() == []


def test_logs_in_with_characters_that_need_encoding(
    site: Site, front: NeonFront, nasty_role: str
) -> None:
    url = site.url(HOST, front.port, CONSOLE, user=nasty_role, password=NASTY)

    assert site.todo(url)("add", "Buy milk").status == 0
    assert front.startups[0]["user"] == nasty_role


def test_takes_a_password_with_colons_as_it_is(
    site: Site, front: NeonFront
) -> None:
    assert target("postgresql://ada:a:b::@host/db").password == "a:b::"
    assert target("postgresql://ada:@host/db").password == ""
    assert target("postgresql://ada@host/db").password is None


def test_takes_login_and_place_as_parameters(
    site: Site, front: NeonFront
) -> None:
    query = f"host={HOST}&port={front.port}&user={ADMIN}&password={site.server.password}&dbname={site.database}"

    assert (
        site.todo(f"postgresql:///?{query}&{CONSOLE}")("list", "--json").data
        == []
    )
    assert front.turns == 7


def test_takes_a_password_from_where_libpq_has_it(
    site: Site, front: NeonFront
) -> None:
    url = f"postgresql://{ADMIN}@{HOST}:{front.port}/{site.database}"
    variables = {"PGPASSWORD": site.server.password}

    assert site.todo(url)("list", "--json", env=variables).data == []


@pytest.mark.parametrize(
    ("secret", "name"),
    [
        (f"{CANARY}@x", "%40"),
        (f"x@{CANARY}", "%40"),
        (f"{CANARY}/x", "%2F"),
        (f"x/{CANARY}", "%2F"),
        (f"1/{CANARY}", "%2F"),
        (f"{CANARY}#x", "%23"),
        (f"x#{CANARY}", "%23"),
        (f"{CANARY}?x", "%3F"),
        (f"x?{CANARY}", "%3F"),
        (f"x?{CANARY}=y", "%3F"),
        (f"1?{CANARY}=y", "%3F"),
        (f"{CANARY}%", "%25"),
        (f"{CANARY}%zz", "%25"),
        (f"50%off{CANARY}", "%25"),
        (f"a@b/c#d?e%{CANARY}", "%23"),
        (f"{CANARY} x", "%40"),
    ],
)
@pytest.mark.parametrize(
    "tail", [f"@{HOST}:5432/neondb?{CONSOLE}", f"@{HOST}"], ids=["", "short"]
)
def test_says_what_to_encode_and_shows_nothing_of_it(
    reading: Reading, secret: str, name: str, tail: str
) -> None:
    run = reading(f"postgresql://ada:{secret}{tail}")

    error = assert_refused(
        run, "doctor", code="CONFIG", names=["TODO_DATABASE_URL", name]
    )
    assert CANARY not in str(error)
    assert CANARY not in run("doctor").out
    assert CANARY not in run("add", "Buy milk", "--debug").err


@pytest.mark.parametrize(
    "text",
    [
        f"ada:{CANARY}@{HOST}/neondb",
        f"ada:{CANARY}@{HOST}:5432/neondb?{CONSOLE}",
        f"host={HOST} user=ada password={CANARY} dbname=neondb sslmode=require",
        f"dbname=neondb password='{CANARY}'",
        f"psql 'postgresql://ada:{CANARY}@{HOST}/neondb?{CONSOLE}'",
        f"'postgresql://ada:{CANARY}@{HOST}/neondb?{CONSOLE}",
        f"PGPASSWORD={CANARY} psql -h {HOST}",
        f"postgresql:ada:{CANARY}@{HOST}/neondb",
        f"jdbc:postgresql://{HOST}/neondb?user=ada&password={CANARY}",
    ],
)
def test_never_takes_a_connection_string_for_a_path(
    reading: Reading, seal: Seal, text: str
) -> None:
    run = reading(text)

    for command in (["add", "Buy milk"], ["doctor"]):
        error = assert_refused(
            run,
            *command,
            code="CONFIG",
            names=["TODO_DATABASE_URL", "postgresql://"],
        )
        assert CANARY not in str(error)
        ran = run(*command)
        assert CANARY not in ran.err + ran.out
    assert list(seal.cwd.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("mysql://u:p@host/db", "mysql"),
        ("https://console.neon.tech/app", "https"),
        ("postgresql://u:p@host:99999/db", "port"),
        ("postgresql://u:p@host:0/db", "port"),
        ("postgresql://u:p@host:abc/db", "port"),
        ("postgresql://u:p@[::1/db", "host"),
        ("postgresql://u:p@host/db?sslmode=Require", "sslmode"),
        ("postgresql://u:p@host/db?sslmode=", "sslmode"),
        ("postgresql://u:p@host/db?sslmode=verify", "verify-full"),
        ("postgresql://u:p@host/db?sslnegotiation=tls", "sslnegotiation"),
        ("postgresql://u:p@host/db?connect_timeout=soon", "connect_timeout"),
        ("postgresql://u:p@host/db?connect_timeout=-1", "connect_timeout"),
        ("", "empty"),
        ("sqlite://", "file"),
    ],
)
def test_says_what_is_wrong_with_a_string(
    reading: Reading, text: str, name: str
) -> None:
    assert_refused(
        reading(text), "list", code="CONFIG", names=[name, "TODO_DATABASE_URL"]
    )


@pytest.mark.parametrize(
    "text",
    [
        "sqlite:///tasks.db",
        "tasks.db",
        "./tasks.db",
        "sqlite+aiosqlite:///tasks.db",
    ],
)
def test_takes_a_file_as_before(
    reading: Reading, seal: Seal, text: str
) -> None:
    assert reading(text)("add", "Buy milk").status == 0
    assert (seal.cwd / "tasks.db").is_file()


@pytest.mark.parametrize(
    "form", ["host parameter", "host encoded", "host parameter with TLS"]
)
def test_connects_by_a_unix_socket(site: Site, form: str) -> None:
    folder, port, secret = (
        str(site.server.folder),
        site.server.port,
        site.server.password,
    )
    url = {
        "host parameter": f"postgresql:///{site.database}?host={folder}&port={port}&user={ADMIN}&password={secret}",
        "host encoded": f"postgres://{ADMIN}:{secret}@{folder.replace('/', '%2F')}:{port}/{site.database}",
        "host parameter with TLS": f"postgresql://{ADMIN}:{secret}@/{site.database}?host={folder}&port={port}&{CONSOLE}",
    }[form]

    assert site.todo(url)("add", "Buy milk").status == 0
    found = site.todo(url)("doctor", "--json").data
    assert (found["round_trips"], found["reachable"]) == (5, True)


@needs("IPv6")
def test_connects_by_ipv6(
    site: Site, proxy: TurnProxy, front: NeonFront
) -> None:
    with Relay(proxy.port, host="::1") as relay:
        assert (
            site.todo(site.url("[::1]", relay.port))("add", "Buy milk").status
            == 0
        )
        assert (proxy.turns, relay.connections) == (6, 1)
    with Relay(front.port, host="::1") as relay:
        ran = site.todo(
            site.url(
                "[::1]",
                relay.port,
                "sslmode=verify-full&options=endpoint%3Dep-x",
            )
        )("list", "--json")
        assert (ran.data[0]["title"], front.turns, relay.connections) == (
            "Buy milk",
            8,
            1,
        )


def test_reads_ipv6_with_and_without_a_port() -> None:
    assert target("postgresql://u:p@[2001:db8::1]:6543/db").hosts == (
        ("2001:db8::1", 6543),
    )
    assert target("postgresql://u:p@[2001:db8::1]/db").hosts == (
        ("2001:db8::1", 5432),
    )


def test_takes_the_first_of_several_hosts_that_answers(
    site: Site, front: NeonFront
) -> None:
    login = f"{ADMIN}:{site.server.password}"
    url = f"postgresql://{login}@{ELSEWHERE}:1,{HOST}:{front.port}/{site.database}?{CONSOLE}"

    assert site.todo(url)("add", "Buy milk").status == 0
    assert front.server_names == [HOST]


def test_takes_the_first_of_several_servers_that_answers(
    site: Site, proxy: TurnProxy
) -> None:
    url = f"postgresql:///{site.database}?host=127.0.0.1,localhost&port=1,{proxy.port}"

    ran = site.todo(f"{url}&user={ADMIN}&password={site.server.password}")(
        "add", "Buy milk"
    )

    assert (ran.status, proxy.connections) == (0, 1)


def test_takes_one_port_for_several_hosts() -> None:
    assert target("postgresql:///db?host=a,b&port=6543").hosts == (
        ("a", 6543),
        ("b", 6543),
    )
    assert target("postgresql://u@a,b:6543/db").hosts == (
        ("a", 5432),
        ("b", 6543),
    )


def test_keeps_the_ids_it_finds(site: Site, neon_url: str) -> None:
    site.fill("first")

    assert (
        site.todo(neon_url)("show", str(task_id(1)), "--json").data["number"]
        == 1
    )
