"""What is loaded for an answer that needs no database."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
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
    return process.returncode, {
        name.decode().partition(".")[0] for name in names
    }


@pytest.mark.spec("002/FR-082")
@pytest.mark.parametrize("arguments", [["--version"], ["--version", "--json"]])
def test_version_loads_nearly_nothing(
    seal: Seal, arguments: Sequence[str]
) -> None:
    status, packages = loaded(seal, *arguments)

    assert status == 0
    assert "todo_cli" in packages
    assert (
        packages & {*DATABASE, "rich", "typer", "asyncio", "fastapi"} == set()
    )


RUNNING = """
import io, json, pathlib, sys
from todo_cli.cli.env import Env
from todo_cli.cli.main import main

home = pathlib.Path(sys.argv[1])
for line in sys.stdin.read().splitlines():
    streams = io.BytesIO(), io.BytesIO(), io.BytesIO()
    status = main(line.split(), Env({}, home, home, "ada", *streams))
    packages = {name.partition(".")[0] for name in sys.modules}
    packages |= {name for name in sys.modules if name.startswith("todo_cli.exchange")}
    print(json.dumps([line, status, sorted(packages)]))
"""


def loaded_by(seal: Seal, *lines: str) -> Iterator[tuple[str, int, set[str]]]:
    """Each of these commands, its exit status, and the packages that one interpreter
    has loaded after it.
    """
    ran = subprocess.run(
        [sys.executable, "-c", RUNNING, str(seal.home)],
        input="\n".join(lines),
        capture_output=True,
        text=True,
        check=True,
    )
    for answer in ran.stdout.splitlines():
        line, status, packages = json.loads(answer)
        yield line, status, set(packages)


@pytest.mark.spec("002/FR-082")
def test_help_and_usage_errors_load_no_database(seal: Seal) -> None:
    expected = {
        "--help": 0,
        "list --help": 0,
        "db --help": 0,
        "frobnicate": 2,
        "list --frob --json": 2,
        "list --status late": 2,
        "update 1": 2,
        "done milk": 2,
    }
    statuses = {}

    for line, status, packages in loaded_by(seal, *expected):
        statuses[line] = status
        assert packages & {*DATABASE, "pydantic", "fastapi"} == set(), line
    status, packages = loaded(seal)

    assert statuses == expected
    assert status == 0
    assert packages & {*DATABASE, "pydantic", "fastapi"} == set()


PARSING = """
import io, pathlib, sys
import todo_cli.cli.run, todo_cli.output.terminal
from todo_cli.cli import main
from todo_cli.cli.env import Env

env = Env({}, pathlib.Path("."), None, "ada", io.BytesIO(), io.BytesIO(), io.BytesIO())
for line in sys.stdin.read().splitlines():
    print(main.parse(main.split(line.split()), env, as_json=False).command)
print({"pydantic", "sqlmodel", "sqlalchemy"} & set(sys.modules))
print(sorted(name for name in sys.modules if name.startswith("todo_cli.exchange")))
"""
COMMANDS = [
    *(
        "add x -d y -t a --due fri",
        "add -",
        "note 1 x",
        "list --status done -L5",
        "show 1",
        "update 1 -d x",
    ),
    *(
        "done 1 2-5",
        "delete 1 --yes",
        "purge --trash",
        "doctor",
        "serve --port 0",
    ),
    *("restore 1", "undo 3 --dry-run", "redo", "history 1 -L3"),
    *("db upgrade --sql", "db policy ada", "db import a.db"),
    "db backup a.db --mine",
    *("import a.json --format csv", "import -", "export a.csv x -t y"),
]


@pytest.mark.spec("002/FR-082")
def test_reading_the_arguments_loads_no_model() -> None:
    """Since 0.29 Typer asks pydantic for each value unless `parser.py` prevents it."""
    ran = subprocess.run(
        [sys.executable, "-c", PARSING],
        input="\n".join(COMMANDS),
        capture_output=True,
        text=True,
        check=True,
    )

    *commands, models, readers = ran.stdout.splitlines()
    assert len(commands) == len(COMMANDS)
    assert models == "set()"
    # The table of formats, and none of those that read or write them.
    assert readers == "['todo_cli.exchange', 'todo_cli.exchange.formats']"


@pytest.mark.spec("002/FR-082")
def test_a_command_loads_its_driver_and_neither_models_nor_formats(
    seal: Seal,
) -> None:
    models = {"sqlalchemy", "sqlmodel", "pydantic", "rich"}
    formats = {"todo_cli.exchange", "todo_cli.exchange.formats"}
    commands = [
        *("add x --due fri", "list", "show 1", "update 1 -d x"),
        "list x --due ..fri",
        "note 1 more",
        "done 1",
        "delete 1",
        "history",
        "stats",
        "undo",
        "redo",
        "restore 1",
    ]
    ran = []

    for command, status, packages in loaded_by(seal, *commands):
        ran.append(command)
        assert status == 0, command
        assert packages & models == set(), command
        assert packages & formats == set(), command
    status, packages = loaded(seal, "purge", "1", "--yes")

    assert ran == commands
    assert status == 0
    assert "aiosqlite" in packages
    assert packages & models == set()


@pytest.mark.parametrize(
    ("wish", "expected"), [({}, 2), ({"PYDANTIC_DISABLE_PLUGINS": ""}, 1)]
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
    (installed / "entry_points.txt").write_text(
        "[pydantic]\nbroken = broken:plugin\n"
    )
    path = os.pathsep.join([str(seal.cwd), str(Path(package).parents[1])])

    refused = ("serve", "--host", "8.8.8.8")
    status, _ = loaded(seal, *refused, env={"PYTHONPATH": path, **wish})

    assert status == expected
