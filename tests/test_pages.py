"""README, CONTRIBUTING and the rest say what is so, and what they tell people to type works."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import docs, picture
from tests.conftest import Seal
from tests.support.program import Todo
from tests.support.stores import Store
from tests.test_contracts import commands
from tests.test_docs import Shell, installed_shell, matches, shell_of, steps

ROOT = docs.ROOT
PACKAGE = ROOT / "todo_cli"
README = ROOT / "README.md"
CONTRIBUTING = ROOT / "CONTRIBUTING.md"
CI = ROOT / ".ci" / "run"
PAGES = [README, CONTRIBUTING, ROOT / "SECURITY.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "specs").rglob("*.md"))]


def blocks(page: Path, language: str) -> list[str]:
    """The fenced blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


# Lengths, links and names


@pytest.mark.parametrize(("page", "longest"), [(README, 200), (CONTRIBUTING, 150)], ids=["README", "CONTRIBUTING"])
def test_pages_are_short_enough_to_be_read(page: Path, longest: int) -> None:
    assert len(page.read_text(encoding="utf-8").splitlines()) <= longest


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8"))

    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_pages_name_commands_that_exist(page: Path) -> None:
    typed = re.findall(r"(?:^\$ |`)todo ((?:db )?[a-z]+)\b", page.read_text(encoding="utf-8"), re.MULTILINE)
    groups = {name.split()[0] for name in commands()}

    assert set(typed) - {*commands(), *groups, "serve"} == set()


def test_readme_names_every_command() -> None:
    named = set(re.findall(r"\btodo ((?:db )?[a-z]+)\b", README.read_text(encoding="utf-8")))

    assert set(commands()) - named == set()


def test_readme_names_every_variable_that_the_program_reads() -> None:
    sources = (path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.py"))
    read = {name for source in sources for name in re.findall(r"\bTODO_[A-Z_]+\b", source)}

    assert read >= {"TODO_DATABASE_URL", "TODO_USER"}
    assert read - set(re.findall(r"\bTODO_[A-Z_]+\b", README.read_text(encoding="utf-8"))) == set()


def test_contributing_maps_every_module() -> None:
    there = {
        str(path.relative_to(ROOT))
        for path in PACKAGE.rglob("*.py")
        if path.name != "__init__.py" and path.parent.name != "versions"
    }

    assert {path for path in mapped(blocks(CONTRIBUTING, "")[0]) if path.startswith(PACKAGE.name)} == there


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
    assert [path for path in mapped(blocks(CONTRIBUTING, "")[0]) if not (ROOT / path).exists()] == []


# The picture


def test_picture_shows_what_the_program_prints(capsys: pytest.CaptureFixture[str]) -> None:
    assert (picture.main(["--check"]), capsys.readouterr().err) == (0, "")


def test_picture_says_when_it_is_out_of_date() -> None:
    drawn = picture.PICTURE.read_text(encoding="utf-8")

    assert "4 open Buy milk just now" in picture.shown(drawn)
    assert picture.shown(drawn.replace("open", "opened")) != picture.shown(drawn)


def test_readme_shows_the_picture() -> None:
    assert f"]({picture.PICTURE.relative_to(ROOT)})" in README.read_text(encoding="utf-8")


# The set-up


def test_readme_sets_up_by_two_commands_from_the_clone() -> None:
    first, second = blocks(README, "sh")

    assert [first.count("\n"), second.count("\n")] == [1, 1]
    assert first.split(" && ")[0] == "python3 -m venv .venv"
    assert ".venv/bin/pip install ." in first.split(" && ")
    assert ".venv/bin/todo list" in first
    assert second == ".venv/bin/pip install -e '.[test]' && .venv/bin/python -m pytest\n"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_pages_install_from_the_clone_alone(page: Path) -> None:
    installed = re.findall(r"\b(?:pip|pipx|uv) install ((?:-\S+ )*)(\S+)", page.read_text(encoding="utf-8"))

    assert [target for _, target in installed if not target.strip("`'").startswith(".")] == []


def test_ci_runs_what_the_readme_says() -> None:
    script = CI.read_text(encoding="utf-8").replace('"$venv"', ".venv")

    assert [block for block in blocks(README, "sh") if block not in script.replace("\n  ", "\n")] == []


def test_ci_is_a_program() -> None:
    assert CI.stat().st_mode & 0o111 == 0o111


# What people type


@pytest.fixture(params=["embedded", "postgresql"])
def shell(request: pytest.FixtureRequest, seal: Seal) -> Iterator[Shell]:
    """A shell of somebody who has never used `todo`: on the embedded file, and on PostgreSQL without its starts."""
    with shell_of(request, seal, None) as shell:
        yield shell


@pytest.mark.nothing_made
def test_readme_does_what_it_says(shell: Shell) -> None:
    has_jq = shutil.which("jq") is not None
    page = [step for step in steps(README) if has_jq or "jq" not in step.command]

    ran = [(step, *shell.run(step.command)) for step in page]

    assert len(ran) >= 8
    assert [(step.command, status) for step, status, _ in ran if status != 0] == []
    differing = [(step, output) for step, _, output in ran if not matches(output, step.output)]
    assert differing == [], "\n".join(f"$ {step.command}\n{output}" for step, output in differing)
    if not has_jq:
        pytest.skip("jq is not installed, so README's lines with jq were not run; all the others were")


@pytest.mark.nothing_made
def test_readme_leads_to_a_server(seal: Seal, postgres_store: Store) -> None:
    [block] = blocks(README, "text")
    command, *config = block.splitlines()
    url = next(part for part in config[0].split('"') if part.startswith("postgresql://"))
    typed = "\n".join(config).replace(url, postgres_store.url)
    shell = installed_shell(seal, None)

    subprocess.run(["/bin/sh", "-c", command], input=f"{typed}\n".encode(), env=shell.environment, check=True)

    path = seal.home / ".config" / "todo" / "config.toml"
    assert path.stat().st_mode & 0o777 == 0o600
    assert shell.run("todo add Buy milk") == (0, f"Added 1: Buy milk (new list in {postgres_store.target.place})\n")
    assert shell.run("todo list -u ada | cut -f 1-3") == (0, "1\topen\tBuy milk\n")


def test_readme_connection_string_is_understood(todo_embedded: Todo) -> None:
    [block] = blocks(README, "text")
    url = block.split('"')[1]

    ran = todo_embedded("doctor", "--json", env={"TODO_DATABASE_URL": url, "TODO_TIMEOUT": "0.001"})

    assert ran.error["code"] in ("TIMEOUT", "DATABASE_UNAVAILABLE")
    assert {"field": "tls", "message": "verified against the system's certificates, direct"} in ran.error["details"]
    assert "PASSWORD" not in ran.out


# What is in the repository

PRIVATE = re.compile(r"(?<![\w.~$}*-])/(?:work|root)/|pypi\.org|pythonhosted\.org|index[-]url")
"""Paths of one machine, and addresses of package indexes."""


def test_files_hold_no_paths_of_a_machine_and_no_package_index() -> None:
    found = {str(path.relative_to(ROOT)): PRIVATE.findall(text) for path, text in texts()}

    assert len(found) > 50
    assert {name: hits for name, hits in found.items() if hits} == {}


def texts() -> Iterator[tuple[Path, str]]:
    """The text files that belong to the project, by git, or without it all that is not made by tools."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True
    )
    names = listed.stdout.decode().split("\0") if listed.returncode == 0 else []
    made = re.compile(r"\.git|\.venv|\.\w+_cache|\.hypothesis|__pycache__|build|dist|.*\.egg-info")
    paths = [ROOT / name for name in names] or [
        path for path in ROOT.rglob("*") if not any(made.fullmatch(part) for part in path.relative_to(ROOT).parts)
    ]
    for path in filter(Path.is_file, paths):
        data = path.read_bytes()
        if b"\0" not in data:
            yield path, data.decode()
