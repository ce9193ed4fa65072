"""Whatever is sent, fitting the contract or not, the answer keeps the contract."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.api import fuzz, fuzz_hooks
from tests.api.served import serving
from tests.api.support import TASKS, data, document
from tests.support.program import Process
from todo_cli import rules
from todo_cli.errors import InvalidInput

ANY_TEXT = st.text(st.characters(codec=None), max_size=30)
"""Also NUL and lone surrogates."""
ODD = st.sampled_from(
    [
        " ",
        "\t",
        "\n",
        "\r\n",
        "\x00",
        "\x1b",
        "\x7f",
        "\x9b",
        "\u200d",
        "\u202e",
        "\u2028",
        "\ud800",
        "é",
    ]
)
TEXT = st.one_of(
    st.none(),
    ANY_TEXT,
    st.lists(ODD, max_size=4).map("".join),
    ANY_TEXT.map(lambda text: text * 20),
    st.booleans(),
)
BODY = st.fixed_dictionaries(
    {"title": TEXT}, optional={"description": TEXT | st.just("x" * 10_001)}
)
CHANGES = st.fixed_dictionaries(
    {}, optional={"title": TEXT, "description": TEXT, "completed": TEXT | st.integers()}
)
JSON = {"content-type": "application/json"}


@pytest.mark.spec("001/FR-116")
def test_nothing_is_found_by_some_hundred_cases(
    process: Process, tmp_path: Path
) -> None:
    with serving(process) as served:
        passed, found = fuzz.attack(served, tmp_path, examples=8, seed=1)

    assert found == ""
    assert passed >= 200


def test_hook_sends_lone_surrogates_in_some_bodies() -> None:
    bodies = [
        fuzz_hooks.map_body(None, {"title": f"{number}"}) for number in range(100)
    ]

    assert 5 < sum("\ud800" in body["title"] for body in bodies) < 40
    assert fuzz_hooks.map_body(None, ["x"]) == ["x"]


def follows_rules(body: dict[str, Any], *, is_new: bool) -> bool:
    """Whether the rules take a body; nothing else may decide."""
    try:
        if is_new or "title" in body:
            assert isinstance(body["title"], str)
            rules.clean_title(body["title"])
        if "description" in body:
            assert isinstance(body["description"], str | None)
            rules.clean_description(body["description"])
        if "completed" in body:
            assert isinstance(body["completed"], bool)
    except (AssertionError, InvalidInput):
        return False
    return bool(body)


@pytest.fixture
async def path(client: httpx.AsyncClient) -> str:
    """The address of a task."""
    return f"{TASKS}/{data(await client.post(TASKS, json={'title': 'x'}), 201)['id']}"


some = settings(
    max_examples=200,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@pytest.mark.spec("001/FR-116")
@some
@given(body=BODY)
async def test_rules_alone_decide_what_is_added(
    client: httpx.AsyncClient, body: dict[str, Any]
) -> None:
    response = await client.post(TASKS, content=json.dumps(body).encode(), headers=JSON)

    document(response)
    assert response.status_code == (201 if follows_rules(body, is_new=True) else 422)


@pytest.mark.spec("001/FR-116")
@some
@given(body=CHANGES)
async def test_rules_alone_decide_what_is_changed(
    client: httpx.AsyncClient, path: str, body: dict[str, Any]
) -> None:
    response = await client.put(path, content=json.dumps(body).encode(), headers=JSON)

    document(response)
    assert response.status_code == (200 if follows_rules(body, is_new=False) else 422)


@pytest.mark.spec("001/FR-116")
@some
@given(
    body=st.binary(max_size=60)
    | st.binary(max_size=20).map(lambda data: b'{"title": "' + data + b'"}')
)
async def test_no_bytes_of_a_body_break_it(
    client: httpx.AsyncClient, body: bytes
) -> None:
    response = await client.post(TASKS, content=body, headers=JSON)

    document(response)
    assert response.status_code in (201, 422)


@pytest.mark.spec("001/FR-116")
@some
@given(target=st.binary(min_size=1, max_size=40))
async def test_no_bytes_of_a_target_break_it(
    client: httpx.AsyncClient, target: bytes
) -> None:
    quoted = b"".join(b"%%%02X" % byte for byte in target)
    for raw in (
        b"/api/" + quoted + b"/tasks",
        TASKS.encode() + b"/" + quoted,
        TASKS.encode() + b"?cursor=" + quoted,
    ):
        response = await client.get(httpx.URL(str(client.base_url), raw_path=raw))

        document(response)
        assert response.status_code in (200, 404, 422)
