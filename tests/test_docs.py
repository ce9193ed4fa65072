"""The specs hold what the program does, and the tests hold the specs."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from openapi_spec_validator import OpenAPIV31SpecValidator
from referencing import Registry
from referencing.jsonschema import DRAFT202012

from tests import docs
from tests.conftest import Seal
from tests.support.forked import ForkServer
from tests.support.program import (
    Child,
    Surroundings,
    Terminal,
    process_environment,
)
from tests.support.size import IS_LONG, long_only
from todo_cli.errors import Code
from todo_cli.task import Task

SPECS = docs.ROOT / "specs"
FOUNDATION = SPECS / "001-backend-foundation"
QUICKSTART = FOUNDATION / "quickstart.md"
API = FOUNDATION / "contracts" / "tasks-api.yaml"

RULE = re.compile(r"^- \*\*(FR-\d{3})\*\* ", re.MULTILINE)
MARK = re.compile(r"mark\.spec\(([^)]*)\)")
ID = re.compile(r"\"(\d{3}/FR-\d{3})\"")
COLOUR = re.compile(r"\x1b\[[0-9;]*m")


# The rules and their tests


def required() -> list[str]:
    """The ids of all rules, as often as they stand in the specs."""
    return [
        f"{page.parent.name[:3]}/{rule}"
        for page in sorted(SPECS.glob("*/spec.md"))
        for rule in RULE.findall(page.read_text(encoding="utf-8"))
    ]


def marked() -> set[str]:
    """The ids that tests are marked with."""
    sources = (
        path.read_text(encoding="utf-8")
        for path in (docs.ROOT / "tests").rglob("*.py")
    )
    return {
        id
        for source in sources
        for mark in MARK.findall(source)
        for id in ID.findall(mark)
    }


def test_every_rule_is_held_by_a_test_and_every_mark_names_a_rule() -> None:
    assert {
        "rules without a test": set(required()) - marked(),
        "marks without a rule": marked() - set(required()),
    } == {
        "rules without a test": set(),
        "marks without a rule": set(),
    }


def test_every_rule_has_an_id_of_its_own() -> None:
    ids = required()

    assert len(ids) > 30
    assert sorted(set(ids)) == sorted(ids)


def test_specs_are_short_enough_to_be_read() -> None:
    lengths = {
        page.parent.name: len(page.read_text(encoding="utf-8").splitlines())
        for page in SPECS.glob("*/spec.md")
    }

    assert {
        name: length for name, length in lengths.items() if length > 380
    } == {}


# What is made from the code


def test_data_model_is_up_to_date(capsys: pytest.CaptureFixture[str]) -> None:
    assert (docs.main(["--check"]), capsys.readouterr().err) == (0, "")


def test_data_model_says_when_it_is_out_of_date() -> None:
    text = docs.DATA_MODEL.read_text(encoding="utf-8")

    assert (
        docs.rewritten(
            text.replace("| `number` | integer |", "| `number` | text |")
        )
        == text
    )


# The contract of the API


@pytest.fixture(scope="module")
def api() -> Any:
    """The contract of the API, read."""
    return yaml.safe_load(API.read_text(encoding="utf-8"))


def test_api_contract_is_valid_openapi_3_1(api: Any) -> None:
    assert api["openapi"].startswith("3.1.")
    assert [
        error.message for error in OpenAPIV31SpecValidator(api).iter_errors()
    ] == []


def test_api_contract_has_the_endpoints_of_tasks_history_and_the_server(
    api: Any,
) -> None:
    methods = {"get", "put", "post", "delete", "patch", "head", "options"}

    assert {
        (path, method)
        for path, item in api["paths"].items()
        for method in methods & set(item)
    } == {
        ("/api/{user_id}/tasks", "get"),
        ("/api/{user_id}/tasks", "post"),
        ("/api/{user_id}/tasks/{task_id}", "get"),
        ("/api/{user_id}/tasks/{task_id}", "put"),
        ("/api/{user_id}/tasks/{task_id}", "patch"),
        ("/api/{user_id}/tasks/{task_id}", "delete"),
        ("/api/{user_id}/tasks/{task_id}/restore", "post"),
        ("/api/{user_id}/tasks/{task_id}/history", "get"),
        ("/api/{user_id}/history", "get"),
        ("/api/{user_id}/undo", "post"),
        ("/api/{user_id}/redo", "post"),
        ("/api/me", "get"),
        ("/health", "get"),
    }


def test_api_contract_shows_a_task_as_the_service_gives_it(api: Any) -> None:
    task = api["components"]["schemas"]["Task"]

    assert list(task["properties"]) == task["required"] == list(Task.__slots__)


def test_api_contract_lists_every_code_that_has_an_http_status(
    api: Any,
) -> None:
    codes = api["components"]["schemas"]["Failure"]["properties"]["code"][
        "examples"
    ]

    assert codes == [code.name for code in Code if code.http is not None]


def examples(api: Any) -> Iterator[tuple[str, Any, Any]]:
    """Every example of a body with its schema and its place."""

    def bodies(place: str, node: Any) -> Iterator[tuple[str, Any, Any]]:
        if isinstance(node, dict):
            if "schema" in node and ("examples" in node or "example" in node):
                named = node.get(
                    "examples", {"example": {"value": node.get("example")}}
                )
                for name, example in named.items():
                    yield (
                        f"{place}/{name}",
                        node["schema"],
                        followed(api, example)["value"],
                    )
            for key, child in node.items():
                yield from bodies(f"{place}/{key}", child)

    yield from bodies("", api["paths"])
    yield from bodies("", api["components"]["responses"])


def followed(api: Any, node: Any) -> Any:
    """The node itself, or what it refers to."""
    if "$ref" not in node:
        return node
    target = api
    for key in node["$ref"].removeprefix("#/").split("/"):
        target = target[key]
    return target


def test_api_contract_keeps_its_own_rules_in_its_examples(api: Any) -> None:
    registry = Registry().with_resource(
        "urn:api", DRAFT202012.create_resource(api)
    )
    checked = []

    for place, schema, value in examples(api):
        rule = (
            {"$ref": f"urn:api{schema['$ref']}"}
            if "$ref" in schema
            else schema
        )
        validator = jsonschema.Draft202012Validator(
            rule,
            registry=registry,
            format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER,
        )
        assert [
            error.message for error in validator.iter_errors(value)
        ] == [], place
        checked.append(place)

    assert len(checked) >= 20


# The quickstart


@dataclass(frozen=True, slots=True)
class Step:
    """One command of a page, and the lines under it."""

    command: str
    output: str


def steps(page: Path) -> list[Step]:
    """The commands of the page's `console` blocks, in their order."""
    return steps_of(
        re.findall(
            r"^```console\n(.*?)^```$",
            page.read_text(encoding="utf-8"),
            re.MULTILINE | re.DOTALL,
        )
    )


def steps_of(blocks: Sequence[str]) -> list[Step]:
    """The commands of `console` blocks."""
    parts = [
        part
        for block in blocks
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]
    ]
    return [Step(*(part.split("\n", 1))) for part in parts]


def matches(output: str, expected: str) -> bool:
    """Whether the output is the expected one, in which `...` stands for anything within a line."""
    pattern = ".*".join(re.escape(part) for part in expected.split("..."))
    return re.fullmatch(pattern, output) is not None


@dataclass(frozen=True, slots=True)
class Shell:
    """A shell in a terminal of 80 columns, with `todo` on its path."""

    environment: dict[str, str]
    cwd: Path

    def run(self, command: str) -> tuple[int, str]:
        """The exit status of a command and what it showed, without colours and blanks
        at line ends.
        """
        with Terminal(partial(self._start, command)) as terminal:
            ran = terminal.finish()
        lines = COLOUR.sub("", ran.out).split("\n")
        return ran.status, "\n".join(line.rstrip() for line in lines)

    def _start(self, command: str, **streams: Any) -> Child:
        words = ["/bin/sh", "-c", command]
        return subprocess.Popen(
            words, env=self.environment, cwd=self.cwd, **streams
        )


@pytest.fixture(params=["embedded", *long_only("postgresql")])
def shell(request: pytest.FixtureRequest, seal: Seal) -> Iterator[Shell]:
    """A shell of somebody who has never used `todo`, on the embedded file; in the long
    runs with the starts of `todo`, and on PostgreSQL too.
    """
    with shell_of(request, seal, "ada") as shell:
        yield shell


@contextmanager
def shell_of(
    request: pytest.FixtureRequest, seal: Seal, user: str | None
) -> Iterator[Shell]:
    """A shell on the store that a test is parametrized with."""
    is_embedded = request.param == "embedded"
    if is_embedded and IS_LONG:
        yield installed_shell(seal, user)
        return
    url = None
    if not is_embedded:
        url = request.getfixturevalue("postgres_store").url
    server: ForkServer = request.getfixturevalue("fork_server")
    with server.shim(seal.home.parent):
        yield shell_at(seal, url, user)


def installed_shell(seal: Seal, user: str | None) -> Shell:
    """A shell on the embedded file, in which `todo` starts as it does once it is installed."""
    shim = seal.home.parent / "todo"
    shim.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m todo_cli "$@"\n')
    shim.chmod(0o755)
    return shell_at(seal, None, user)


def shell_at(seal: Seal, url: str | None, user: str | None) -> Shell:
    """A shell that finds the `todo` beside the sealed home, and what the test may start."""
    changes = {
        "PATH": f"{seal.home.parent}:{os.environ['PATH']}",
        "TERM": "xterm-256color",
    }
    return Shell(
        process_environment(
            Surroundings(seal.home, seal.cwd, url), user, changes
        ),
        seal.cwd,
    )


def assert_shows(shell: Shell, page: list[Step]) -> None:
    """Type all commands and compare what they show."""
    ran = [(step, *shell.run(step.command)) for step in page]

    assert [
        (step.command, status) for step, status, _ in ran if status != 0
    ] == []
    differing = [
        (step, output)
        for step, _, output in ran
        if not matches(output, step.output)
    ]
    assert differing == [], "\n".join(
        f"$ {step.command}\n{output}" for step, output in differing
    )


@pytest.mark.nothing_made
def test_quickstart_does_what_it_says(shell: Shell) -> None:
    assert_shows(shell, steps(QUICKSTART))


def test_quickstart_shows_the_six_commands() -> None:
    shown = {
        word
        for step in steps(QUICKSTART)
        for word in re.findall(r"\btodo (\w+)", step.command)
    }

    assert shown >= {"add", "list", "show", "update", "done", "delete"}


@pytest.mark.parametrize(
    ("output", "expected", "same"),
    [
        (
            "Added 1: Buy milk (new list in /a/b)\n",
            "Added 1: Buy milk (new list in ...)\n",
            True,
        ),
        ("Added 1: Buy milk\n", "Added 1: Buy milk\n", True),
        ("Added 1: Buy milk\nmore\n", "Added 1: Buy milk\n", False),
        ("a\nb\n", "a...b\n", False),
        ("Added 1: Buy bread\n", "Added 1: Buy milk\n", False),
    ],
)
def test_quickstart_is_compared_line_by_line(
    output: str, expected: str, same: bool
) -> None:
    assert matches(output, expected) is same
