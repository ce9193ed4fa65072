"""README, CONTRIBUTING and the rest say what is so, and what they tell people to type works."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests import docs, picture
from tests.cli.test_contract import commands
from tests.conftest import Seal
from tests.support.forked import ForkServer
from tests.support.machine import NEEDS, needs
from tests.support.program import Todo
from tests.support.size import IS_LONG
from tests.support.stores import Store
from tests.test_docs import Shell, Step, matches, shell_at, steps, steps_of

ROOT = docs.ROOT
PACKAGE = ROOT / "todo_cli"
README = ROOT / "README.md"
CONTRIBUTING = ROOT / "CONTRIBUTING.md"
CI = ROOT / ".ci" / "run"
PAGES = [
    README,
    CONTRIBUTING,
    ROOT / "SECURITY.md",
    ROOT / "CHANGELOG.md",
    *sorted((ROOT / "specs").rglob("*.md")),
]


def blocks(page: Path, language: str) -> list[str]:
    """The fenced blocks of a language."""
    found = re.findall(
        r"^```(.*)\n((?s:.*?))^```$",
        page.read_text(encoding="utf-8"),
        re.MULTILINE,
    )
    return [block for name, block in found if name == language]


# Lengths, links and names


def test_contributing_is_short_enough_to_be_read() -> None:
    lines = CONTRIBUTING.read_text(encoding="utf-8").splitlines()
    # The map has a line for each file.
    files = blocks(CONTRIBUTING, "")[0].splitlines()

    assert len(lines) - len(files) <= 183


@pytest.mark.parametrize(
    "page", PAGES, ids=lambda page: str(page.relative_to(ROOT))
)
def test_links_lead_somewhere(page: Path) -> None:
    links = re.findall(
        r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")
    )

    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize(
    "page", PAGES, ids=lambda page: str(page.relative_to(ROOT))
)
def test_pages_name_commands_that_exist(page: Path) -> None:
    typed = re.findall(
        r"(?:^\$ |`)todo ((?:(?:db|token|warm) )?[a-z]+)\b",
        page.read_text(encoding="utf-8"),
        re.MULTILINE,
    )
    groups = {name.split()[0] for name in commands()}

    # `help COMMAND` is only another way to write `COMMAND --help`.
    assert set(typed) - {*commands(), *groups, "serve", "help"} == set()


def test_readme_names_every_command() -> None:
    named = set(
        re.findall(
            r"\btodo ((?:(?:db|token|warm) )?[a-z]+)\b",
            README.read_text(encoding="utf-8"),
        )
    )

    assert set(commands()) - named == set()


def test_readme_names_every_variable_that_the_program_reads() -> None:
    sources = (
        path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.py")
    )
    read = {
        name
        for source in sources
        for name in re.findall(r"\bTODO_[A-Z_]+\b", source)
    }

    assert read >= {"TODO_DATABASE_URL", "TODO_USER"}
    assert (
        read
        - set(
            re.findall(r"\bTODO_[A-Z_]+\b", README.read_text(encoding="utf-8"))
        )
        == set()
    )


def test_contributing_maps_every_module() -> None:
    there = {
        str(path.relative_to(ROOT))
        for path in PACKAGE.rglob("*.py")
        if path.name != "__init__.py" and path.parent.name != "versions"
    }

    assert {
        path
        for path in mapped(blocks(CONTRIBUTING, "")[0])
        if path.startswith(PACKAGE.name)
    } == there


def mapped(tree: str) -> Iterator[str]:
    """The modules of a tree that is drawn by indentation."""
    folders: list[str] = []
    for line in tree.splitlines():
        name = line.split()[0]
        depth = (len(line) - len(line.lstrip())) // 2
        folders[depth:] = [name.rstrip("/")] if name.endswith("/") else []
        if name.endswith(".py"):
            yield "/".join([*folders, name])


def test_contributing_maps_what_is_there() -> None:
    assert [
        path
        for path in mapped(blocks(CONTRIBUTING, "")[0])
        if not (ROOT / path).exists()
    ] == []


# The picture


def test_picture_shows_what_the_program_prints(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert (picture.main(["--check"]), capsys.readouterr().err) == (0, "")


def test_picture_says_when_it_is_out_of_date() -> None:
    drawn = picture.PICTURE.read_text(encoding="utf-8")

    assert "5 Buy milk home errand today" in picture.shown(drawn)
    assert picture.shown(drawn.replace("errand", "errands")) != picture.shown(
        drawn
    )


def test_readme_shows_the_picture() -> None:
    assert f"]({picture.PICTURE.relative_to(ROOT)})" in README.read_text(
        encoding="utf-8"
    )


# The set-up


def test_readme_sets_up_by_two_commands_from_the_clone() -> None:
    first, second = blocks(README, "sh")

    assert [first.count("\n"), second.count("\n")] == [1, 1]
    assert first.split(" && ")[0] == "python3 -m venv .venv"
    assert ".venv/bin/pip install ." in first.split(" && ")
    assert ".venv/bin/todo list" in first
    assert (
        second
        == ".venv/bin/pip install -e '.[test]' && .venv/bin/python -m pytest\n"
    )


def test_pages_and_hints_install_from_the_clone_alone() -> None:
    pattern = re.compile(
        r"\b(?:pip|pipx|uv tool) install ((?:-\S+ (?:\d\S* )?)*)(\S+)"
    )
    installed = [
        (str(page.relative_to(ROOT)), found[2].strip("`'"))
        for page in [*PAGES, *PACKAGE.rglob("*.py")]
        for found in pattern.finditer(page.read_text(encoding="utf-8"))
    ]

    assert len(installed) > 5
    assert [each for each in installed if not each[1].startswith(".")] == []


def test_ci_runs_what_the_readme_says() -> None:
    script = CI.read_text(encoding="utf-8")

    assert [
        block for block in blocks(README, "sh") if block not in script
    ] == []


def test_ci_is_a_program() -> None:
    assert CI.stat().st_mode & 0o111 == 0o111


# What people type


@dataclass(frozen=True, slots=True)
class Typed(Step):
    """A command of README, the lines under it, and what is typed into it."""

    given: str = ""


def readme(url: str | None) -> Iterator[Typed]:
    """Everything that README has people type, in its order, but for what needs a
    package index or a browser.

    `url` is the person's own connection string; without one the part about Neon is passed over.
    """
    text = README.read_text(encoding="utf-8")
    parts = text.split("\n## ")
    for part in parts:
        if part.startswith("Neon\n") and url is None:
            continue
        for language, block in re.findall(
            r"^```(sh|console)\n(.*?)^```$",
            part,
            re.MULTILINE | re.DOTALL,
        ):
            if language == "sh" and "pip install ." in block.split(" && ")[1]:
                yield Typed(
                    " && ".join(block.strip().split(" && ")[2:]),
                    "Added 1: Buy milk (new list in ...)\n",
                    "",
                )
            if language == "console":
                for step in steps_of([block]):
                    is_asked = step.command.startswith("todo connect")
                    given = f"{url}\n" if is_asked else ""
                    yield Typed(step.command, step.output, given)


def walk(shell: Shell, page: list[Typed]) -> list[tuple[int, str]]:
    """Type all of it into one shell, in one go: the exit status of each step, and what
    it showed.
    """
    lines = []
    for step in page:
        here = (
            f"{{ {step.command}\n}} <<'TYPED'\n{step.given}TYPED"
            if step.given
            else step.command
        )
        lines += ["echo '<step>'", here, 'echo "<status $?>"']
    status, shown = shell.run("\n".join(lines))
    assert status == 0, shown
    found = re.findall(
        r"<step>\n(.*?)<status (\d+)>\n", WIPED.sub("", shown), re.DOTALL
    )
    return [(int(number), output) for output, number in found]


WIPED = re.compile(r"\x1b\[\?25l[^<]*\x1b\[2K|[^\n\x1b]*\x1b\[K")
"""What is drawn and wiped away: a bar of progress, while the cursor is hidden, and on a
busy machine the line that says what the program waits for, which the bar may replace.
"""


TASKWARRIOR = json.dumps(
    [
        {
            "id": 1,
            "uuid": "0b2f6d7e-5a44-4f7c-9d4e-1f3f6f0f8a11",
            "description": "Book the ferry",
            "entry": "20260101T100000Z",
            "status": "pending",
            "annotations": [
                {"entry": "20260102T100000Z", "description": "two seats"}
            ],
        },
        {
            "id": 2,
            "uuid": "0b2f6d7e-5a44-4f7c-9d4e-1f3f6f0f8a12",
            "description": "Empty the bin",
            "entry": "20260101T100000Z",
            "due": "20261224T000000Z",
            "status": "recurring",
            "recur": "weekly",
        },
    ]
)
"""What `task export` printed of two tasks."""
TASK = r"""#!/bin/sh
case "$1" in
  export) printf '%s' '{}';;
  import) echo "Importing 'STDIN'"; while read -r line; do case "$line" in *'"uuid": "'*)
      line="${{line#*uuid\": \"}}"
      rest="${{line#*description\": \"}}"
      echo " add  ${{line%%\"*}} ${{rest%%\"*}}";;
    esac; done; echo 'Imported 1 tasks.';;
esac
"""
"""What stands in for Taskwarrior: its exports are recorded, and the program itself reads
ours in `tests/exchange`.
"""
TODO_TXT = (
    "(A) Mend the bike +garage @home\nx 2026-01-02 Water the roses rec:1w\n"
)
CALLS = "Subject,Deadline\nCall the bank,2026-12-24\nCall the vet,soon\n"


@pytest.fixture
def newcomer(seal: Seal, fork_server: ForkServer) -> Iterator[Shell]:
    """A shell in a fresh account and a fresh clone, where the program was installed,
    and is on no path yet; with the tasks of other programs.
    """
    folder = seal.cwd / ".venv" / "bin"
    folder.mkdir(parents=True)
    others = seal.home / ".local" / "bin"
    others.mkdir(parents=True)
    program = others / "task"
    program.write_text(TASK.format(TASKWARRIOR))
    program.chmod(0o755)
    (seal.home / "todo.txt").write_text(TODO_TXT)
    (seal.cwd / "calls.csv").write_text(CALLS)
    with fork_server.shim(folder):
        shell = shell_at(seal, None, None)
        path = shell.environment["PATH"].removeprefix(f"{seal.home.parent}:")
        yield Shell(
            shell.environment | {"PATH": path, "LOGNAME": "ada"}, shell.cwd
        )


WAYS = [
    pytest.param(True, True, id="all", marks=needs("jq")),
]
if IS_LONG or not NEEDS["jq"].is_met():
    WAYS.append(pytest.param(True, False, id="all, without jq"))
if IS_LONG:
    WAYS += [
        pytest.param(
            False, True, id="without Neon, with jq", marks=needs("jq")
        ),
        pytest.param(False, False, id="without both"),
    ]


@pytest.mark.nothing_made
@pytest.mark.parametrize(("with_neon", "with_jq"), WAYS)
def test_readme_works_from_top_to_bottom(
    newcomer: Shell,
    seal: Seal,
    postgres_store: Store,
    with_neon: bool,
    with_jq: bool,
) -> None:
    whole = list(readme(postgres_store.url if with_neon else None))
    page = [step for step in whole if with_jq or "jq" not in step.command]

    ran = walk(newcomer, page)

    assert len(ran) == len(page)
    passed_over = {step.command for step in steps(README)} - {
        step.command for step in whole
    }
    assert len(passed_over) == (0 if with_neon else 1), passed_over
    assert [
        (step.command, status)
        for step, (status, _) in zip(page, ran, strict=True)
        if status != 0
    ] == []
    first, (_, shown) = page[0], ran[0]
    assert matches(shown.split("\n", 1)[0] + "\n", first.output)
    assert "Buy milk" in shown.split("\n", 1)[1]
    differing = [
        (step, output)
        for step, (_, output) in zip(page[1:], ran[1:], strict=True)
        if not matches(output, step.output)
    ]
    assert differing == [], "\n".join(
        f"$ {step.command}\n{output}" for step, output in differing
    )
    config = seal.home / ".config" / "todo" / "config.toml"
    assert config.exists() == with_neon
    assert not with_neon or config.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("language", ["console", "sh"])
def test_readme_has_commands_and_what_they_show_in_fences_of_their_own(
    language: str,
) -> None:
    for block in blocks(README, language):
        first = block.splitlines()[0]
        assert first.startswith("$ ") == (language == "console")


def test_readme_connection_string_is_understood(todo_embedded: Todo) -> None:
    [url] = re.findall(
        r'`database_url = "(.*)"`', README.read_text(encoding="utf-8")
    )

    ran = todo_embedded(
        "doctor",
        "--json",
        env={"TODO_DATABASE_URL": url, "TODO_TIMEOUT": "0.001"},
    )

    assert ran.error["code"] in ("TIMEOUT", "DATABASE_UNAVAILABLE")
    assert {
        "field": "tls",
        "message": "verified against the system's certificates, direct",
    } in ran.error["details"]
    assert "PASSWORD" not in ran.out


# What is in the repository

PRIVATE = re.compile(
    r"(?<![\w.~$}*-])/(?:work|root)/|pypi\.org|pythonhosted\.org|index[-]url"
)
"""Paths of one machine, and addresses of package indexes."""


def test_files_hold_no_paths_of_a_machine_and_no_package_index() -> None:
    found = {
        str(path.relative_to(ROOT)): PRIVATE.findall(text)
        for path, text in texts()
    }

    assert len(found) > 50
    assert {name: hits for name, hits in found.items() if hits} == {}


def texts() -> Iterator[tuple[Path, str]]:
    """The text files that belong to the project, by git, or without it all that is not
    made by tools.
    """
    command = [
        "git",
        "ls-files",
        "-z",
        "--cached",
        "--others",
        "--exclude-standard",
    ]
    listed = (
        subprocess.run(command, cwd=ROOT, capture_output=True)
        if shutil.which("git")
        else None
    )
    names = (
        listed.stdout.decode().split("\0")
        if listed and listed.returncode == 0
        else []
    )
    made = re.compile(
        r"\.git|\.venv|\.\w+_cache|\.hypothesis|__pycache__|build|dist|.*\.egg-info"
    )
    paths = [ROOT / name for name in names] or [
        path
        for path in ROOT.rglob("*")
        if not any(
            made.fullmatch(part) for part in path.relative_to(ROOT).parts
        )
    ]
    for path in filter(Path.is_file, paths):
        data = path.read_bytes()
        if b"\0" not in data:
            yield path, data.decode()
