"""JWTs that a real Better Auth issued, and the program that runs one."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest

from tests.api import issuer
from todo_cli.api.holders import Holder
from todo_cli.api.jwts import LEEWAY_S, Jwts
from todo_cli.api.keys import Keys
from todo_cli.config import Provider

RECORDED = json.loads(
    Path(__file__).with_name("better_auth.json").read_text(encoding="utf-8")
)
"""They have expired long since, and nobody has the private keys: they open nothing."""
SECOND = timedelta(seconds=1)


def jwts_of(recorded: Any, issuer: str, keys: Any) -> Jwts:
    """What checks the JWTs of an issuer."""
    data = json.dumps(keys).encode()
    provider = Provider(f"{issuer}/keys", issuer, issuer, "sub")
    return Jwts(provider, Keys(lambda: data))


@pytest.mark.spec("003/FR-066")
@pytest.mark.spec("003/FR-067")
@pytest.mark.parametrize("recorded", RECORDED["tokens"], ids=issuer.ALGORITHMS)
async def test_jwt_of_better_auth_opens_its_users_tasks_for_a_quarter_hour(
    recorded: Any,
) -> None:
    text, url, keys = recorded["jwt"], recorded["issuer"], recorded["keys"]
    claims = jwt.decode(text, options={"verify_signature": False})
    begins = datetime.fromtimestamp(claims["iat"], UTC)
    ends = begins + timedelta(minutes=15)
    leeway = timedelta(seconds=LEEWAY_S)
    jwts = jwts_of(recorded, url, keys)
    holder = Holder(recorded["user"], expires_at=ends)

    for now in (begins - leeway, begins, ends + leeway - SECOND):
        assert await jwts.find(text, now) == holder
    for now in (begins - leeway - SECOND, ends + leeway):
        assert await jwts.find(text, now) is None
    for changed in issuer.changed(text):
        assert await jwts.find(changed, begins) is None
    others = [each for each in RECORDED["tokens"] if each is not recorded]
    for other in others:
        stranger = jwts_of(recorded, url, other["keys"])
        assert await stranger.find(text, begins) is None
        elsewhere = jwts_of(recorded, other["issuer"], keys)
        assert await elsewhere.find(text, begins) is None


def test_recorded_jwts_have_no_private_key() -> None:
    secret = {"d", "p", "q", "dp", "dq", "qi", "k"}
    for recorded in RECORDED["tokens"]:
        for key in recorded["keys"]["keys"]:
            assert not secret & {*key}
        assert recorded["issuer"].startswith("http://127.0.0.1:")


def test_issuer_that_cannot_be_had_is_left_out_and_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # A test finds no node.
    assert issuer.main(["--keep", str(tmp_path)]) == 0
    assert capsys.readouterr().out == (
        "better_auth: left out: node is not on this machine\n"
    )


def test_issuer_that_fails_is_named_with_what_went_wrong(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail(folder: Path) -> None:
        raise AssertionError("not my day")

    monkeypatch.setattr(issuer, "install", fail)

    assert issuer.main(["--keep", str(tmp_path)]) == 1
    out = capsys.readouterr().out
    assert out.startswith("better_auth: FAILED\n")
    assert "not my day" in out
