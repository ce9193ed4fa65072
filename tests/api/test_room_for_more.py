"""What the contract leaves open for later versions, and what it says of requests."""

import json
import re
from collections.abc import Iterator
from typing import Any

import httpx
import jsonschema
import pytest

from tests.api import contract
from tests.api.support import TASKS, document

REQUESTS = {"TaskCreate", "TaskUpdate", "ToUndo", "Nothing"}


@pytest.fixture(scope="module")
def served() -> Any:
    """The contract, as the application says it."""
    return contract.served()


def parts(schema: Any) -> Iterator[dict[str, Any]]:
    """A schema and all that is in it."""
    if isinstance(schema, dict):
        yield schema
        for value in schema.values():
            yield from parts(value)
    if isinstance(schema, list):
        for value in schema:
            yield from parts(value)


@pytest.mark.spec("001/FR-130")
def test_answers_are_open_for_new_keys_and_codes(served: Any) -> None:
    schemas = served["components"]["schemas"]

    assert "Error" not in schemas
    for name, schema in schemas.items():
        forbids = schema.get("additionalProperties") is False
        assert forbids == (name in REQUESTS), name
        for part in parts(schema):
            assert "const" not in part or "type" in part
    code = schemas["Failure"]["properties"]["code"]
    assert code["type"] == "string"
    assert "NOT_FOUND" in code["examples"]
    assert "enum" not in code


@pytest.mark.spec("001/FR-131")
def test_every_text_of_a_request_has_its_limits(served: Any) -> None:
    schemas = served["components"]["schemas"]
    for name in REQUESTS:
        for field, schema in schemas[name].get("properties", {}).items():
            for part in parts(schema):
                if "string" in part.get("type", ()):
                    assert {"enum", "pattern"} & {*part}, (name, field)
                if "array" in part.get("type", ()):
                    assert "maxItems" in part, (name, field)
    for path in served["paths"].values():
        for operation in path.values():
            for parameter in operation.get("parameters", ()):
                for part in parts(parameter.get("schema")):
                    if part.get("type") == "string":
                        assert {"enum", "pattern"} & {*part}, parameter["name"]


BODIES: dict[str, dict[bool, list[Any]]] = {
    "title": {
        True: ["x", " x ", "é", "買", "👩\u200d💻", "x" * 200],
        False: [
            "",
            " ",
            "\u200d",
            "a\nb",
            "\u202ex",
            "x" * 201,
            None,
            1,
        ],
    },
    "description": {
        True: ["", "a\r\nb\tc\n", "x" * 10_000, None],
        False: ["a\rb", "\x1b", "x" * 10_001, 1],
    },
    "due_on": {
        True: ["1900-01-01", "9998-12-31", "2000-02-29", "2028-02-29", None],
        False: [
            *("", "2026-02-29", "1900-02-29", "2026-04-31", "1899-12-31"),
            *("9999-01-01", "2026-13-01", "2026-00-10", "20260101", "today"),
        ],
    },
    "priority": {
        True: ["high", "medium", "low", None],
        False: ["", "HIGH", "h", "urgent", 1],
    },
    "project": {
        True: ["home", "home.kitchen", " a b.c ", "", "  ", None, "nones"],
        False: [
            *("none", " None ", "-", ".", "a.", ".a", "a..b", "a. b", "a\tb"),
            "x" * 101,
        ],
    },
    "tags": {
        True: [[], ["a"], ["b", "a", "b"], [" a "], ["none-x"]],
        False: [
            *(["a b"], ["a,b"], ["none"], ["-"], [""], ["x" * 51]),
            *(["a"] * 51, "a", [1], None),
        ],
    },
    "id": {
        True: ["6F9619ff-8b86-4d01-b42d-00cf4fc964ff", None],
        False: ["6f9619ff8b864d01b42d00cf4fc964ff", "", "1"],
    },
    "completed": {True: [True, False], False: [None, 1, "true"]},
}


@pytest.mark.spec("001/FR-131")
@pytest.mark.parametrize("field", BODIES)
async def test_schema_of_a_body_says_what_the_server_does(
    client_embedded: httpx.AsyncClient, served: Any, field: str
) -> None:
    schema = served["components"]["schemas"]["TaskCreate"]
    validator = jsonschema.Draft202012Validator(schema)
    for is_right, values in BODIES[field].items():
        for value in values:
            body = {"title": "x"} | {field: value}
            response = await client_embedded.post(TASKS, json=body)

            document(response)
            assert validator.is_valid(body) == is_right, value
            expected = (200, 201) if is_right else (422,)
            assert response.status_code in expected, value


@pytest.mark.spec("001/FR-131")
async def test_schema_of_a_query_says_what_the_server_does(
    client_embedded: httpx.AsyncClient, served: Any
) -> None:
    schemas = {
        each["name"]: each["schema"]
        for each in served["paths"]["/api/{user_id}/tasks"]["get"][
            "parameters"
        ]
        if "schema" in each
    }
    days = [
        "2028-02-29",
        "today",
        "mon",
        "wednesday",
        "-3d",
        "+2w",
        "-1m",
        "+1y",
    ]
    wrong = ["", "2026-02-29", "wednes", "3d", "+3", "+3h", "--3d"]
    values: dict[str, tuple[list[str], list[str]]] = {
        "q": (["x", 'a "b c"', "é"], ["", " ", '""', "\x00a"]),
        "due": (
            [*days, "none", "any", "overdue", "..fri", "fri..", "-1d..+1d"],
            [*wrong, "..", "any..fri"],
        ),
        "since": (days, [*wrong, "none", "any"]),
        "until": (days, [*wrong, "none", "..fri"]),
        "project": (["home", "none", "a.b"], ["", "-", "a..b", " "]),
        "today": (["2028-02-29"], ["", "today", "2027-02-29"]),
    }
    for name, (right, others) in values.items():
        for value in [*right, *others]:
            parameters = {name: value}
            response = await client_embedded.get(TASKS, params=parameters)

            is_right = value in right
            found = re.search(schemas[name]["pattern"], value) is not None
            assert found == is_right, (name, value)
            assert (response.status_code == 200) == is_right, (name, value)


@pytest.mark.spec("001/FR-131")
def test_patterns_are_those_of_javascript_too(served: Any) -> None:
    """No letters of Python's own, and nothing that only one of the two knows."""
    text = json.dumps(served)
    for pattern in re.findall(r'"pattern": "((?:[^"\\]|\\.)*)"', text):
        plain = json.loads(f'"{pattern}"')
        assert re.search(r"\\[^u.*tx]|\(\?[^:=!]|[*+?}]\+", plain) is None
        re.compile(plain)
