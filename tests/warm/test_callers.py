"""What a command prints, its exit status and its effects are the same warm and cold.

Each case is a script of a shell. It runs twice, in the same empty folder: without a
parent and with one. Each case says how many of its commands a worker ran, so that
none passes because all were cold.
"""

import os
import re
import shutil
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Seal
from tests.support.machine import needs
from tests.support.program import LIMIT_S
from tests.support.size import long_only
from tests.support.warm import Warm

Case = tuple[str, int]

CASES: tuple[Case, ...] = (
    ("mkdir d; cd d; rm -r ../d; todo add x; todo export e.csv", 2),
    (
        "echo 'user = \"eve\"' > c; export TODO_CONFIG=c; todo add x; echo 'output = \"json\"' > c; todo frobnicate",
        2,
    ),
    ("todo add x > /dev/full; echo $?; todo add - < /dev/null; echo $?", 2),
)
"""Those of the suite: a folder that is gone, settings that change, a full disk."""
MORE: tuple[Case, ...] = (
    ("PYTHONDONTWRITEBYTECODE=1 todo add x; PYTHONUNBUFFERED=1 todo nope", 2),
    (
        "export LC_ALL=C TODO_FORCE_TTY=1; todo add 'Öfen ✓'; todo list; PYTHONIOENCODING=ascii todo list",
        3,
    ),
    ("todo add x --due 2026-01-02; TZ=XYZ-13 todo add y --due today", 2),
    ("(umask 777; todo add x); (umask 0; todo export a.csv); umask", 2),
    ("(ulimit -f 0; todo add x; echo $?); (ulimit -n 9; todo add y)", 1),
    ("todo add \"$(printf 'a\\377b')\"; echo $?", 1),
    (
        "export LC_ALL=de_DE.ISO-8859-1; todo add 'Öfen ✓'; PYTHONIOENCODING=latin-1:replace TODO_FORCE_TTY=1 todo list",
        2,
    ),
    ("PYTHONIOENCODING=utf-16 TODO_FORCE_TTY=1 todo add 'Öfen ✓'", 1),
    ("PYTHONUTF8=1 LC_ALL=C TODO_FORCE_TTY=1 todo add 'Öfen ✓'", 1),
    (
        "for zone in UTC Pacific/Kiritimati nowhere XYZ-13 ''; do export TZ=$zone; todo add x --due today; todo add y --due eow; done",
        10,
    ),
    ("(umask 027; todo add x; todo db backup b.db); (umask 0; todo add y)", 3),
    ("mkdir d; cd d; rm -r ../d; TODO_DATABASE_URL=x.db todo add y", 1),
    ("mkdir a; cd a; TODO_DATABASE_URL=t.db todo add in-a; ln -s .. b", 1),
    (
        "HOME=$PWD/h todo add x; HOME=rel todo add y; XDG_DATA_HOME=$PWD/d todo add z",
        3,
    ),
    ("TODO_CONFIG=absent todo add x; TODO_TIMEOUT=soon todo list", 2),
    (
        "todo add x; todo list >&-; echo $?; todo add y 2>&-; echo $?; todo add - <&-; echo $?; todo list <&- >&- 2>&-; echo $?",
        1,
    ),
    ("todo add x 2>/dev/full; todo nope 2>/dev/full; echo $?", 2),
    (
        "echo a > f; todo add x >> f; cut -c 1-9 f; todo nope > f 2>&1; cat f",
        2,
    ),
    ("(ulimit -v 90000; todo add x; echo $?); (ulimit -t 9; todo add y)", 1),
    ("(ulimit -c 9; todo add x); (ulimit -s 400; todo list --json)", 1),
    ("trap '' INT HUP TERM; todo add x; todo add y & wait", 2),
    ("printf 'a\\nb\\n' | todo add -; (echo c; sleep .2) | todo add -", 2),
    ("PYTHONWARNINGS=error todo add x; PYTHONHASHSEED=3 todo add y", 0),
    ("TYPER_USE_RICH=0 todo nope; _TODO_COMPLETE=bash_complete todo add x", 1),
    (
        "FORCE_COLOR=1 TODO_FORCE_TTY=40 todo add x; COLUMNS=30 todo help add",
        2,
    ),
    (
        "todo add x; echo | todo purge 1; echo $?; CI=1 todo purge 1; echo $?",
        3,
    ),
    ("todo add \"\"; todo add ' '; todo add -- --json; todo add -- -d", 4),
    ("ln -s $(command -v todo) t; ./t add x; ./t nope", 2),
)


@dataclass(frozen=True, slots=True)
class Left:
    """What a script has left behind."""

    status: int
    out: str
    err: str
    files: dict[str, object]


def told(data: bytes) -> str:
    """What was printed, without what differs each time: times and ids."""
    text = data.decode(errors="backslashreplace")
    text = re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+Z", "TIME", text)
    return re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "ID", text)


def stored(path: Path) -> list[tuple[object, ...]]:
    """The tasks of a store; none if its tables could not be made."""
    columns = "user_id, number, title, due_on"
    order = "ORDER BY user_id, number"
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as file:
        try:
            return list(file.execute(f"SELECT {columns} FROM task {order}"))
        except sqlite3.OperationalError:
            return []


def files_in(folder: Path) -> dict[str, object]:
    """Every file: its rights, and the tasks that are in it."""
    found: dict[str, object] = {}
    for path in folder.rglob("*"):
        name = str(path.relative_to(folder))
        found[name] = stat.filemode(path.lstat().st_mode)
        if path.suffix == ".db":
            found[name] = (found[name], stored(path))
    return found


@pytest.fixture
def variables(warm: Warm, seal: Seal) -> dict[str, str]:
    """The environment of the scripts, but for the folder of the socket."""
    program = seal.home.parent / "todo"
    program.write_text(
        f'#!/bin/sh\nexec "{sys.executable}" -m todo_cli "$@"\n'
    )
    program.chmod(0o755)
    return warm.environment(
        PATH=f"{seal.home.parent}:{os.environ['PATH']}",
        HOME=str(seal.home),
        LOGNAME="ada",
        XDG_RUNTIME_DIR="/",
    )


def ran(script: str, home: Path, environment: dict[str, str]) -> Left:
    """Run a script in an empty home."""
    shutil.rmtree(home)
    home.mkdir()
    done = subprocess.run(
        ["/bin/sh", "-c", script],
        env=environment,
        cwd=home,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=LIMIT_S,
        check=False,
    )
    files = files_in(home)
    return Left(done.returncode, told(done.stdout), told(done.stderr), files)


def case_of(script: str, hits: int) -> Any:
    """A case, with what it needs of the machine."""
    marks = [needs("a full device")] if "/dev/full" in script else []
    return pytest.param(script, hits, marks=marks)


@pytest.mark.spec("002/FR-379")
@pytest.mark.parametrize(
    ("script", "hits"),
    [case_of(*case) for case in (*CASES, *long_only(*MORE))],
    ids=lambda each: "",
)
def test_a_worker_does_what_a_process_of_its_own_does(
    warm: Warm,
    variables: dict[str, str],
    seal: Seal,
    script: str,
    hits: int,
) -> None:
    found = {"XDG_RUNTIME_DIR": str(warm.folder)}
    before = warm.hits()
    cold = ran(script, seal.home, variables)
    same = ran(script, seal.home, variables | found)

    assert same == cold
    assert warm.hits() - before == hits, warm.status()
