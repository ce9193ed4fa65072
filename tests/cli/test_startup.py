"""What is loaded for an answer that needs no database."""

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from tests.conftest import Seal
from tests.support.program import LIMIT_S, Process, Surroundings
from todo_cli import __file__ as package

DATABASE = ["sqlalchemy", "sqlmodel", "asyncpg", "aiosqlite", "alembic"]


def loaded(
    seal: Seal, *arguments: str, env: Mapping[str, str] | None = None
) -> tuple[int, set[str]]:
    """The exit status of a command and the packages that it loaded, as the interpreter
    itself reports them.
    """
    surroundings = Surroundings(seal.home, seal.cwd, None)
    process = Process(surroundings).start(
        *arguments, env={"PYTHONPROFILEIMPORTTIME": "1", **(env or {})}
    )
    _, err = process.communicate(timeout=LIMIT_S)
    names = re.findall(rb"(?m)^import time:.*\| +([\w.]+)$", err)
    return process.returncode, {name.decode().partition(".")[0] for name in names}


@pytest.mark.spec("002/FR-082")
@pytest.mark.parametrize(
    "arguments", [["--version"], ["--version", "--json"]], ids=" ".join
)
def test_version_loads_nearly_nothing(seal: Seal, arguments: Sequence[str]) -> None:
    status, packages = loaded(seal, *arguments)

    assert status == 0
    assert "todo_cli" in packages
    assert packages & {*DATABASE, "rich", "typer", "asyncio", "fastapi"} == set()


@pytest.mark.spec("002/FR-082")
@pytest.mark.parametrize(
    "arguments",
    [[], ["--help"], ["list", "--help"], ["add", "-h"], ["db", "--help"]],
    ids=" ".join,
)
def test_help_loads_no_database(seal: Seal, arguments: Sequence[str]) -> None:
    status, packages = loaded(seal, *arguments)

    assert status == 0
    assert packages & {*DATABASE, "fastapi"} == set()


@pytest.mark.spec("002/FR-082")
@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(["frobnicate"], id="unknown command"),
        pytest.param(["list", "--frob"], id="unknown option"),
        pytest.param(["add"], id="missing argument"),
        pytest.param(["list", "--status", "late"], id="not one of the choices"),
        pytest.param(["update", "1"], id="nothing to change"),
        pytest.param(["done", "milk"], id="bad ref"),
        pytest.param(["list", "--frob", "--json"], id="with json"),
    ],
)
def test_usage_errors_load_no_database(seal: Seal, arguments: Sequence[str]) -> None:
    status, packages = loaded(seal, *arguments)

    assert status == 2
    assert packages & {*DATABASE, "fastapi"} == set()


@pytest.mark.spec("002/FR-082")
def test_loading_is_seen_where_there_is_some(seal: Seal) -> None:
    status, packages = loaded(seal, "list")

    assert status == 0
    assert {"sqlalchemy", "aiosqlite"} <= packages


@pytest.mark.parametrize(
    ("wish", "expected"), [({}, 0), ({"PYDANTIC_DISABLE_PLUGINS": ""}, 1)]
)
def test_broken_plug_ins_to_models_are_loaded_by_request_alone(
    seal: Seal, wish: dict[str, str], expected: int
) -> None:
    (seal.cwd / "broken.py").write_text("plugin = None\n")
    installed = seal.cwd / "broken-1.0.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: broken\nVersion: 1.0\n"
    )
    (installed / "entry_points.txt").write_text("[pydantic]\nbroken = broken:plugin\n")
    path = os.pathsep.join([str(seal.cwd), str(Path(package).parents[1])])

    status, _ = loaded(seal, "list", env={"PYTHONPATH": path, **wish})

    assert status == expected
