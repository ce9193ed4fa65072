"""A real `todo serve --auth`: TLS, an identity provider, and what is said of tokens."""

import json
import ssl
from pathlib import Path

import httpx
import pytest

from tests.api.provider import (
    AUDIENCE,
    ISSUER,
    key_set,
    provider_served,
    signed,
)
from tests.api.served import serving
from tests.api.support import TASKS, data, error
from tests.api.tokens import bearing
from tests.support.certificates import Authority
from tests.support.program import Process
from todo_cli.token_text import make_text


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """A certificate authority."""
    return Authority(tmp_path)


@pytest.fixture
def pem(authority: Authority) -> str:
    """A certificate with its key."""
    file = authority.issue("127.0.0.1", "todo.example.org").file
    file.chmod(0o600)
    return str(file)


@pytest.fixture
def tokens(sqlite_process: Process) -> dict[str, str]:
    """A token of ada's, one of bob's, and one with which ada reads."""
    made = {}
    for name, user, more in (
        ("ada", "ada", ()),
        ("bob", "bob", ()),
        ("reads", "ada", ("--read-only",)),
    ):
        ran = sqlite_process(
            "token", "create", name, "--json", *more, user=user
        )
        made[name] = ran.data["token"]
    return made


@pytest.mark.spec("003/FR-062")
@pytest.mark.spec("003/FR-058")
@pytest.mark.spec("003/FR-060")
@pytest.mark.spec("003/FR-065")
def test_two_users_over_tls_by_tokens_and_jwts(
    sqlite_process: Process,
    authority: Authority,
    pem: str,
    tokens: dict[str, str],
) -> None:
    trust = ssl.create_default_context(cafile=str(authority.file))
    jwts = [signed("ada"), signed("bob", header={"kid": "two"})]
    wrong = make_text()
    with (
        provider_served(key_set()) as provider,
        serving(
            sqlite_process,
            *("--auth", "--tls-cert", pem, "--tls-key", pem),
            *("--allowed-host", "todo.example.org"),
            env={
                "TODO_JWKS_URL": provider.url,
                "TODO_JWT_ISSUER": ISSUER,
                "TODO_JWT_AUDIENCE": AUDIENCE,
            },
        ) as served,
        httpx.Client(
            base_url=f"https://127.0.0.1:{served.port}", verify=trust
        ) as client,
    ):
        added = client.post(
            "/api/me/tasks",
            json={"title": "x"},
            headers=bearing(tokens["ada"]),
        )
        task = data(added, 201)
        assert task["user_id"] == "ada"
        for text in (tokens["reads"], jwts[0]):
            listed = client.get(TASKS, headers=bearing(text))
            assert data(listed) == [task]
        error(
            client.get(TASKS, headers=bearing(tokens["bob"])), 403, "FORBIDDEN"
        )
        error(client.get(TASKS, headers=bearing(jwts[1])), 401, "UNAUTHORIZED")
        error(client.get(TASKS, headers=bearing(wrong)), 401, "UNAUTHORIZED")
        named = {"host": "todo.example.org:1"} | bearing(jwts[0])
        me = data(client.get("/api/me", headers=named))
        assert (me["user_id"], me["id"]) == ("ada", None)
        assert client.get("/docs").status_code == 200
        with served.connect() as plain:
            plain.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
            assert plain.recv(100) == b""
        with pytest.raises(ssl.SSLError):
            old_tls(trust, served.port)
        assert served.process.poll() is None
        served.wait_for("GET /docs 200")
        log = "\n".join(served.lines)

    assert "every request needs a token" in served.lines[0]
    assert served.lines[0].startswith("Listening on https://")
    for secret in (*tokens.values(), *jwts, wrong):
        assert secret[9:] not in log
    assert "127.0.0.1 jwt:ada GET /api/ada/tasks 200" in log
    assert "127.0.0.1 - GET /api/ada/tasks 401" in log


def old_tls(trust: ssl.SSLContext, port: int) -> None:
    """Speak TLS 1.1, as nobody should."""
    import socket
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trust.minimum_version = ssl.TLSVersion.TLSv1
        trust.maximum_version = ssl.TLSVersion.TLSv1_1
        trust.set_ciphers("ALL:@SECLEVEL=0")
    with socket.create_connection(("127.0.0.1", port)) as connection:
        trust.wrap_socket(connection, server_hostname="127.0.0.1")


@pytest.mark.spec("003/FR-061")
@pytest.mark.spec("003/FR-062")
@pytest.mark.spec("003/FR-065")
def test_serve_refuses_what_would_not_be_safe(
    sqlite_process: Process, pem: str, tmp_path: Path
) -> None:
    tls = ("--tls-cert", pem, "--tls-key", pem)
    loose = tmp_path / "loose.pem"
    loose.write_bytes(Path(pem).read_bytes())
    loose.chmod(0o644)
    for arguments, status, code in (
        (("--host", "0.0.0.0"), 2, "INVALID_INPUT"),
        (("--host", "0.0.0.0", "--auth"), 2, "INVALID_INPUT"),
        (("--behind-proxy", "10.0.0.1"), 2, "USAGE"),
        (("--auth", "--behind-proxy", "proxy"), 2, "INVALID_INPUT"),
        (("--auth", "--allowed-host", "*"), 2, "INVALID_INPUT"),
        (tls, 2, "USAGE"),
        (("--auth", *tls[:2]), 2, "USAGE"),
        (("--auth", *tls[:3], str(loose)), 8, "CONFIG"),
        (("--auth", *tls[:3], "nowhere.pem"), 9, "IO_ERROR"),
    ):
        ran = sqlite_process("serve", "--json", *arguments)
        assert (ran.status, ran.error["code"]) == (status, code), arguments

    for provider in (
        {"TODO_JWT_CLAIM": "sub"},
        {"TODO_JWKS_URL": "https://id.example.org"},
    ):
        ran = sqlite_process("serve", "--json", "--auth", env=dict(provider))
        assert (ran.status, ran.error["code"]) == (8, "CONFIG")
        assert json.dumps(provider)[20:] not in ran.out
