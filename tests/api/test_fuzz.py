"""Whatever is sent, fitting the contract or not, the answer keeps the contract."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis.core.parameters import ParameterLocation

from tests.api import fuzz, fuzz_auth_hooks, fuzz_hooks
from tests.api.contract import CONTRACT
from tests.api.served import Served, serving
from tests.api.support import TASKS, document
from tests.support.program import Process
from tests.support.size import IS_LONG, in_long_runs, size
from todo_cli import rules
from todo_cli.errors import InvalidInput

ANY_TEXT = st.text(st.characters(codec=None), max_size=30)
"""Also NUL and lone surrogates."""
ODD_TEXT = st.text(
    " \t\n\r\x00\x1b\x7f\x9b\u200d\u202e\u2028\ud800é", max_size=4
)
TEXT = ANY_TEXT | ODD_TEXT | ANY_TEXT.map(lambda text: text * 20)
VALUE = st.none() | st.booleans() | TEXT
DESCRIPTION = VALUE | st.just("x" * 10_001)
JSON = {"content-type": "application/json"}

some = settings(
    max_examples=size(25, 100),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@pytest.mark.spec("001/FR-116")
def test_nothing_is_found_by_some_hundred_cases(
    light: Served, tmp_path: Path
) -> None:
    phases = fuzz.PHASES if IS_LONG else "examples,fuzzing,stateful"

    passed, found = fuzz.attack(
        light, tmp_path, examples=size(2, 8), seed=1, phases=phases
    )

    assert found == ""
    assert passed >= size(45, 200)


@in_long_runs
@pytest.mark.spec("001/FR-116")
@pytest.mark.spec("003/FR-075")
def test_nothing_is_found_with_tokens_either(
    sqlite_process: Process, tmp_path: Path
) -> None:
    made = sqlite_process("token", "create", "fuzz", "--json")
    token = made.data["token"]
    with serving(sqlite_process, *fuzz.AUTH) as served:
        passed, found = fuzz.attack(
            served,
            tmp_path,
            examples=3,
            seed=1,
            phases=fuzz.PHASES,
            token=token,
        )

    assert found == ""
    assert passed > 500


def test_contract_of_a_run_with_tokens_asks_for_one(tmp_path: Path) -> None:
    config, contract = fuzz.prepare(tmp_path, "")
    assert contract == CONTRACT
    assert "bearer" not in config.read_text()

    config, contract = fuzz.prepare(tmp_path, "secret")
    asked = json.loads(contract.read_text())
    published = yaml.safe_load(CONTRACT.read_text())
    assert 'bearer = "secret"' in config.read_text()
    assert published["security"] == [{"token": []}, {}]
    assert asked == {**published, "security": [{"token": []}]}


@dataclass(slots=True)
class Case:
    """As much of a case of Schemathesis as the hooks use."""

    id: str
    path_parameters: dict[str, Any]
    wrong: tuple[ParameterLocation, ...] = ()
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def meta(self) -> "Case":
        return self

    def is_negative_at(self, location: ParameterLocation) -> bool:
        return location in self.wrong


def test_most_paths_of_a_run_with_tokens_are_the_users_own() -> None:
    cases = [Case(f"{turn}", {"user_id": f"user{turn}"}) for turn in range(99)]
    for case in cases:
        fuzz_auth_hooks.before_call(None, case, {})
    users = [case.path_parameters["user_id"] for case in cases]

    assert {"ada", "me"} < {*users}
    assert 5 < sum(user.startswith("user") for user in users) < 40
    assert len({case.headers["X-Forwarded-For"] for case in cases}) == 99
    for where, names in (
        (ParameterLocation.PATH, ["X-Forwarded-For"]),
        (ParameterLocation.HEADER, []),
    ):
        case = Case("1", {}, (where,))
        fuzz_auth_hooks.before_call(None, case, {})
        assert [*case.headers] == names
    wrong = Case("1", {"user_id": "x" * 300}, (ParameterLocation.PATH,))
    fuzz_auth_hooks.before_call(None, wrong, {})
    assert wrong.path_parameters == {"user_id": "x" * 300}


def test_hook_sends_lone_surrogates_in_some_bodies() -> None:
    bodies = [
        fuzz_hooks.map_body(None, {"title": f"{number}"})
        for number in range(100)
    ]

    assert 5 < sum("\ud800" in body["title"] for body in bodies) < 40
    assert fuzz_hooks.map_body(None, ["x"]) == ["x"]


def follows_rules(body: dict[str, Any]) -> bool:
    """Whether the rules take a body; nothing else may decide."""
    try:
        if "title" in body:
            assert isinstance(body["title"], str)
            rules.clean_title(body["title"])
        if "description" in body:
            assert isinstance(body["description"], str | None)
            rules.clean_description(body["description"])
    except (AssertionError, InvalidInput):
        return False
    return isinstance(body.get("completed", True), bool)


@pytest.mark.spec("001/FR-116")
@some
@given(
    body=st.fixed_dictionaries(
        {"title": VALUE}, optional={"description": DESCRIPTION}
    ),
    changes=st.fixed_dictionaries(
        {"completed": VALUE | st.integers()},
        optional={"title": VALUE, "description": DESCRIPTION},
    ),
)
async def test_rules_alone_decide_what_is_stored(
    client: httpx.AsyncClient, body: dict[str, Any], changes: dict[str, Any]
) -> None:
    added = await client.post(
        TASKS, content=json.dumps(body).encode(), headers=JSON
    )

    document(added)
    assert added.status_code == (201 if follows_rules(body) else 422)
    if added.status_code == 201:
        path, content = added.headers["location"], json.dumps(changes).encode()
        changed = await client.put(path, content=content, headers=JSON)

        document(changed)
        assert changed.status_code == (200 if follows_rules(changes) else 422)


@pytest.mark.spec("001/FR-116")
@some
@given(body=st.binary(max_size=60), target=st.binary(min_size=1, max_size=40))
async def test_no_bytes_break_it(
    client_embedded: httpx.AsyncClient, body: bytes, target: bytes
) -> None:
    quoted = b"".join(b"%%%02X" % byte for byte in target)
    for content in (body, b'{"title": "' + body + b'"}'):
        response = await client_embedded.post(
            TASKS, content=content, headers=JSON
        )

        document(response)
        assert response.status_code in (201, 422)
    for raw in (
        b"/api/" + quoted + b"/tasks",
        TASKS.encode() + b"/" + quoted,
        TASKS.encode() + b"?cursor=" + quoted,
    ):
        address = httpx.URL(str(client_embedded.base_url), raw_path=raw)
        response = await client_embedded.get(address)

        document(response)
        assert response.status_code in (200, 404, 422)
