"""An identity provider for the tests: keys, JWTs, and a server of its own."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from todo_cli.config import Provider

ISSUER = "https://id.example.org"
AUDIENCE = "todo"
PROVIDER = Provider("http://127.0.0.1/keys", ISSUER, AUDIENCE, "sub")


def private_key(algorithm: str, turn: int = 0) -> Any:
    """A key for an algorithm; each turn has another one."""
    return _made(algorithm, turn)


@cache
def _made(algorithm: str, turn: int) -> Any:
    if algorithm == "EdDSA":
        return ed25519.Ed25519PrivateKey.generate()
    if algorithm == "ES256":
        return ec.generate_private_key(ec.SECP256R1())
    return rsa.generate_private_key(65_537, 1_024 if turn == 99 else 2_048)


def public_values(algorithm: str, kid: str, turn: int = 0) -> dict[str, Any]:
    """The same key as a provider publishes it."""
    makers: dict[str, Any] = {
        "EdDSA": OKPAlgorithm,
        "ES256": ECAlgorithm,
        "RS256": RSAAlgorithm,
    }
    key = private_key(algorithm, turn).public_key()
    values: dict[str, Any] = makers[algorithm].to_jwk(key, as_dict=True)
    return values | {"kid": kid, "alg": algorithm, "use": "sig"}


def key_set(*kids: str) -> bytes:
    """What a provider publishes: a key for each `kid`, of Ed25519."""
    values = [public_values("EdDSA", kid) for kid in kids or ("one",)]
    return json.dumps({"keys": values}).encode()


def signed(
    user: Any = "ada",
    *,
    now: datetime | None = None,
    algorithm: str = "EdDSA",
    turn: int = 0,
    header: dict[str, Any] | None = None,
    **claims: Any,
) -> str:
    """A JWT of the provider; a claim that is None is left out."""
    now_s = int((now or datetime.now(UTC)).timestamp())
    usual = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": user,
        "iat": now_s,
        "exp": now_s + 900,
    }
    kept = {
        name: value
        for name, value in (usual | claims).items()
        if value is not None
    }
    headers = {"kid": "one", "typ": None} | (header or {})
    return jwt.encode(
        kept, private_key(algorithm, turn), algorithm, headers=headers
    )


@dataclass(slots=True)
class Served:
    """A server of keys; `answer` is what it says: a status and a body."""

    url: str
    answer: tuple[int, bytes]
    asked: list[str] = field(default_factory=list)
    location: str = ""


@contextmanager
def provider_served(data: bytes) -> Iterator[Served]:
    """Serve keys on this machine."""
    served = Served("", (200, data))

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            served.asked.append(self.path)
            status, body = served.answer
            self.send_response(status)
            if served.location:
                self.send_header("Location", served.location)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    served.url = f"http://127.0.0.1:{server.server_port}/keys"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield served
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
