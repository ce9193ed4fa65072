"""Every host that is not this machine proves who it is, or not one byte of ours reaches it."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.expect import assert_document, assert_words
from tests.support.certificates import Authority, Certificate
from tests.support.neon import NeonFront
from tests.support.postgres import PostgresCluster
from tests.support.site import CONSOLE, ELSEWHERE, HOST, HOSTS, POOLER, Site
from tests.support.turns import TurnProxy
from todo_cli.database.url import PostgresTarget, parse_url

Impostors = dict[str, dict[str, Certificate]]

WRONG = [
    "expired",
    "not yet valid",
    "wrong host",
    "self-signed",
    "other authority",
]
REASONS = {
    "expired": "certificate has expired",
    "not yet valid": "certificate is not yet valid",
    "wrong host": "mismatch",
    "self-signed": "self-signed certificate",
    "other authority": "unable to get local issuer certificate",
}
MODES = [
    "",
    "sslmode=allow",
    "sslmode=prefer",
    "sslmode=require",
    "sslmode=verify-ca",
    "sslmode=verify-full",
]
VERIFIED_ANYWHERE = MODES[3:]
PLAIN_AT_HOME = [*MODES[:3], "sslmode=disable"]


@pytest.fixture(params=["direct", "by request", "at home"])
def asked(request: pytest.FixtureRequest) -> tuple[str, str]:
    """A host and parameters that want TLS: Neon's, another one, and this machine on demand."""
    return {
        "direct": (HOST, CONSOLE),
        "by request": (ELSEWHERE, ""),
        "at home": ("localhost", "sslmode=require"),
    }[request.param]


@pytest.fixture
def plain_front(own_postgres: PostgresCluster) -> Iterator[TurnProxy]:
    """A server that has no TLS to offer."""
    with TurnProxy(own_postgres.host, own_postgres.port) as proxy:
        yield proxy


def target(text: str) -> PostgresTarget:
    """What a connection string is read as."""
    found = parse_url(text, cwd=Path("/"))
    assert isinstance(found, PostgresTarget)
    return found


@pytest.mark.parametrize("wrong", WRONG)
def test_refuses_impostors_before_it_says_a_word(
    site: Site,
    front: NeonFront,
    impostors: Impostors,
    asked: tuple[str, str],
    wrong: str,
) -> None:
    host, query = asked
    front.certificate = impostors[host][wrong]
    run = site.todo(site.url(host, front.port, query))

    in_words, in_json = run("list"), run("--json", "add", "Buy milk")

    assert_words(in_words, status=8, names=[host, REASONS[wrong]])
    error = assert_document(
        in_json, code="TLS_FAILED", names=[host, REASONS[wrong]]
    )
    assert re.search("sslrootcert=FILE.*sslmode=disable.*trust", error["hint"])
    assert (front.startups, front.requests) == ([], [])
    assert (
        front.connections == 2
    )  # one each: what is wrong now is wrong a second later


@pytest.mark.parametrize("host", [HOST, POOLER, ELSEWHERE])
@pytest.mark.parametrize("mode", MODES)
def test_verifies_every_host_elsewhere_whatever_the_mode(
    site: Site, front: NeonFront, impostors: Impostors, host: str, mode: str
) -> None:
    run = site.todo(site.url(host, front.port, mode))

    assert run("list", "--json").data == []
    assert front.server_names == [host]
    front.certificate = impostors[host]["self-signed"]
    assert_document(run("list", "--json"), code="TLS_FAILED")
    assert len(front.startups) == 1


@pytest.mark.parametrize("mode", VERIFIED_ANYWHERE)
def test_verifies_this_machine_where_that_is_asked_for(
    site: Site, front: NeonFront, impostors: Impostors, mode: str
) -> None:
    run = site.todo(site.url("localhost", front.port, mode))

    assert run("list", "--json").data == []
    front.certificate = impostors["localhost"]["wrong host"]
    assert_document(run("list", "--json"), code="TLS_FAILED")
    assert len(front.startups) == 1


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
@pytest.mark.parametrize("mode", PLAIN_AT_HOME)
def test_speaks_plainly_to_this_machine(
    site: Site, plain_front: TurnProxy, host: str, mode: str
) -> None:
    ran = site.todo(site.url(host, plain_front.port, mode))("list", "--json")

    assert ran.data == []
    assert (plain_front.turns, plain_front.connections) == (6, 1)


@pytest.mark.parametrize("host", [HOST, ELSEWHERE])
def test_speaks_plainly_elsewhere_only_when_told_so(
    site: Site, plain_front: TurnProxy, host: str
) -> None:
    run = site.todo(site.url(host, plain_front.port, "sslmode=disable"))

    assert run("list", "--json").data == []
    assert plain_front.turns == 6
    assert "UNSAFE" in run("doctor", "--json").data["tls"]


def test_hears_from_neon_that_plain_text_will_not_do(
    site: Site, front: NeonFront
) -> None:
    ran = site.todo(site.url(HOST, front.port, "sslmode=disable"))(
        "list", "--json"
    )

    assert_document(ran, code="CONFIG", names=["TLS", "sslmode=disable"])
    assert (front.startups, front.connections) == ([], 1)


@pytest.mark.parametrize(
    ("host", "is_local"),
    [
        ("localhost", True),
        ("127.0.0.1", True),
        ("127.255.1.9", True),
        ("[::1]", True),
        ("%2Frun%2Fpostgresql", True),
        ("localhost.example.org", False),
        ("127.0.0.1.example.org", False),
        ("127.example.org", False),
        ("x127.0.0.1", False),
        ("notlocalhost", False),
        ("0.0.0.0", False),
        ("128.0.0.1", False),
        ("10.0.0.1", False),
        ("[::2]", False),
        ("[fe80::1]", False),
        ("[::ffff:192.0.2.1]", False),
        (HOST, False),
    ],
)
def test_knows_this_machine_by_its_spelling(host: str, is_local: bool) -> None:
    for mode in PLAIN_AT_HOME:
        found = target(f"postgresql://ada:secret@{host}/todo?{mode}")
        assert found.is_plain == (is_local or mode == "sslmode=disable")
        assert found.is_exposed == (not is_local and mode == "sslmode=disable")


@pytest.mark.parametrize(
    "hosts",
    [
        f"localhost,{ELSEWHERE}",
        f"{ELSEWHERE},localhost",
        "localhost,192.0.2.1",
    ],
)
def test_verifies_all_hosts_where_one_is_elsewhere(hosts: str) -> None:
    assert [
        target(f"postgresql://{hosts}/todo?{mode}").is_plain for mode in MODES
    ] == [False] * 6


@pytest.mark.parametrize(
    ("host", "query", "turns"),
    [
        (HOST, "", 7),
        (POOLER, "", 7),
        (HOST, "sslnegotiation=direct", 7),
        (HOST, "sslnegotiation=postgres", 8),
        (ELSEWHERE, "", 8),
        (ELSEWHERE, "sslnegotiation=direct", 7),
        (ELSEWHERE, "sslnegotiation=postgres", 8),
        ("localhost", "sslmode=require", 8),
        ("localhost", "sslmode=require&sslnegotiation=direct", 7),
    ],
)
def test_begins_with_tls_at_neon_and_where_asked(
    site: Site, front: NeonFront, host: str, query: str, turns: int
) -> None:
    assert (
        site.todo(site.url(host, front.port, query))("list", "--json").data
        == []
    )
    assert front.turns == turns


@pytest.mark.parametrize("host", HOSTS)
def test_trusts_the_file_of_sslrootcert_and_nobody_else(
    site: Site,
    front: NeonFront,
    certificate: Certificate,
    host: str,
    tmp_path: Path,
) -> None:
    private = Authority(tmp_path)
    run = site.todo(
        site.url(
            host, front.port, f"sslmode=verify-full&sslrootcert={private.file}"
        )
    )

    front.certificate = private.issue(host)
    assert run("list", "--json").data == []
    front.certificate = certificate
    assert_document(run("list", "--json"), code="TLS_FAILED", names=["issuer"])
    front.certificate = private.issue("elsewhere.example")
    assert_document(
        run("list", "--json"), code="TLS_FAILED", names=["mismatch"]
    )


@pytest.mark.parametrize("root", ["system", ""])
def test_trusts_the_system_where_sslrootcert_says_so(
    site: Site, front: NeonFront, impostors: Impostors, root: str
) -> None:
    run = site.todo(
        site.url(HOST, front.port, f"sslmode=verify-full&sslrootcert={root}")
    )

    assert run("list", "--json").data == []
    front.certificate = impostors[HOST]["other authority"]
    assert_document(run("list", "--json"), code="TLS_FAILED")


def test_finds_a_relative_sslrootcert_where_the_program_runs(
    site: Site,
    front: NeonFront,
    certificate: Certificate,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    private = Authority(site.cwd)
    front.certificate = private.issue(HOST)
    monkeypatch.chdir(site.cwd)

    run = site.todo(
        site.url(HOST, front.port, f"sslrootcert={private.file.name}")
    )

    assert run("list", "--json").data == []


@pytest.mark.parametrize(
    "content",
    [None, "", "not a certificate"],
    ids=["missing", "empty", "nonsense"],
)
def test_names_an_sslrootcert_that_cannot_be_read(
    site: Site, front: NeonFront, tmp_path: Path, content: str | None
) -> None:
    root = tmp_path / "root.crt"
    if content is not None:
        root.write_text(content)

    ran = site.todo(site.url(HOST, front.port, f"sslrootcert={root}"))(
        "list", "--json"
    )

    assert_document(ran, code="CONFIG", names=["sslrootcert", str(root)])
    assert front.startups == []


def test_refuses_a_server_that_offers_no_tls(
    site: Site, plain_front: TurnProxy
) -> None:
    ran = site.todo(site.url(ELSEWHERE, plain_front.port))(
        "add", "Buy milk", "--json"
    )

    error = assert_document(
        ran, code="TLS_FAILED", names=[ELSEWHERE, "does not offer TLS"]
    )
    assert re.search("sslrootcert=FILE.*sslmode=disable.*trust", error["hint"])
    assert (plain_front.requests, plain_front.connections) == (
        [""],
        1,
    )  # the request for TLS, no start-up


def test_never_falls_back_when_direct_tls_is_not_understood(
    site: Site, plain_front: TurnProxy
) -> None:
    ran = site.todo(site.url(HOST, plain_front.port))(
        "add", "Buy milk", "--json", env={"TODO_TIMEOUT": "1"}
    )

    assert ran.error["code"] in ("TLS_FAILED", "DATABASE_UNAVAILABLE"), ran
    assert plain_front.requests == []
    assert site.titles() == []


WEAKENING = {
    "PGSSLMODE": "disable",
    "PGSSLNEGOTIATION": "postgres",
    "PGHOST": "localhost",
    "PGPORT": "1",
    "PGUSER": "nobody",
    "PGDATABASE": "nowhere",
    "PGPASSWORD": "wrong",
    "PGOPTIONS": "-c search_path=elsewhere",
}


@pytest.mark.parametrize("host", [HOST, ELSEWHERE])
@pytest.mark.parametrize("mode", ["", "sslmode=require"])
def test_variables_of_libpq_weaken_nothing(
    site: Site,
    front: NeonFront,
    impostors: Impostors,
    monkeypatch: pytest.MonkeyPatch,
    host: str,
    mode: str,
) -> None:
    for name, value in WEAKENING.items():
        monkeypatch.setenv(name, value)
    run = site.todo(site.url(host, front.port, mode))

    assert run("list", "--json", env=WEAKENING).data == []
    assert front.turns == (7 if host == HOST else 8)
    front.certificate = impostors[host]["self-signed"]
    assert_document(run("list", "--json", env=WEAKENING), code="TLS_FAILED")
    assert len(front.startups) == 1


def test_files_of_libpq_in_the_home_folder_weaken_nothing(
    site: Site,
    front: NeonFront,
    certificate: Certificate,
    impostors: Impostors,
) -> None:
    folder = site.home / ".postgresql"
    folder.mkdir()
    (folder / "root.crt").write_bytes(
        impostors[HOST]["self-signed"].file.read_bytes()
    )
    run = site.todo(site.url(HOST, front.port, CONSOLE))

    assert run("list", "--json").data == []
    front.certificate = impostors[HOST]["self-signed"]
    assert_document(run("list", "--json"), code="TLS_FAILED")


def test_a_process_trusts_no_impostor_either(
    site: Site, front: NeonFront, neon_url: str, impostors: Impostors
) -> None:
    front.certificate = impostors[HOST]["other authority"]

    ran = site.process(neon_url)(
        "list", env={"PGSSLMODE": "disable", "PGSSLNEGOTIATION": "postgres"}
    )

    assert_words(ran, status=8, names=[HOST, "issuer"])
    assert front.startups == []
