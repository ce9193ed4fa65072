"""The man pages: one for each command, with all of its options, as every `man` shows them."""

import os
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from tests import man
from tests.cli.contract import exit_codes
from tests.support import machine
from tests.support.machine import needs
from tests.support.size import size
from todo_cli.config import SETTINGS

SECTIONS = [
    "NAME",
    "SYNOPSIS",
    "DESCRIPTION",
    "OPTIONS",
    "EXAMPLES",
    "EXIT STATUS",
    "ENVIRONMENT",
    "FILES",
    "SEE ALSO",
]
KNOWN = {"TH", "SH", "PP", "TP", "nf", "fi", "br", "nh", "ad", '\\"'}
"""The macros and requests that every `man` has."""
EVERY = list(man.subjects())
FILES = sorted(man.PAGES.glob("*.1"))


def plain(text: str) -> str:
    """A page as it would be read, but for its lines."""
    text = re.sub(r"\\f[BIR]|\\[:&]", "", text)
    for character, escape in man.ESCAPES.items():
        text = text.replace(escape, character)
    return text


@pytest.mark.spec("002/FR-465")
def test_pages_are_up_to_date(capsys: pytest.CaptureFixture[str]) -> None:
    assert (man.main(["--check"]), capsys.readouterr().err) == (0, "")


@pytest.mark.spec("002/FR-465")
def test_a_page_that_is_out_of_date_is_named(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(man, "ROOT", tmp_path)
    monkeypatch.setattr(man, "PAGES", tmp_path / "man")
    monkeypatch.setattr(man, "pages", lambda: {"todo.1": "a\n"})

    assert man.main([]) == man.main(["--check"]) == 0
    (tmp_path / "man" / "todo-gone.1").write_text("b\n")
    (tmp_path / "man" / "todo.1").write_text("b\n")
    capsys.readouterr()
    assert man.main(["--check"]) == 1
    assert capsys.readouterr().err.splitlines() == [
        f"man/{name} is out of date: run `python -m tests.man`"
        for name in ("todo-gone.1", "todo.1")
    ]
    assert man.main([]) == man.main(["--check"]) == 0
    assert man.main(["--what"]) == 2


@pytest.mark.spec("002/FR-465")
@pytest.mark.parametrize("about", EVERY, ids=lambda about: about.name)
def test_a_page_has_all_sections_options_and_examples(
    about: man.Subject,
) -> None:
    text = (man.PAGES / f"{about.name}.1").read_text(encoding="ascii")
    lines = text.splitlines()
    sections = [
        line.removeprefix(".SH ") for line in lines if line.startswith(".SH")
    ]
    shown = plain(text)

    assert [name for name in sections if name != "COMMANDS"] == SECTIONS
    for each in about.command.get_params(about.context):
        for name in (*each.opts, *each.secondary_opts):
            wanted = rf"\n{re.escape(name)}\b|, {re.escape(name)}\b|/ {name}\b"
            is_hidden = getattr(each, "hidden", False)
            if name.startswith("-") and not is_hidden:
                assert re.search(wanted, shown), name
    _, _, examples = about.command.help.partition("Examples:\n")
    typed = [line.strip() for line in examples.splitlines() if line.strip()]
    assert typed
    for line in typed:
        assert f"\n{line}\n" in shown
    assert {
        found[1] for line in lines if (found := re.match(r"\.(\S+)", line))
    } <= KNOWN


@pytest.mark.spec("002/FR-465")
def test_the_page_of_todo_names_every_page_variable_and_status() -> None:
    shown = plain((man.PAGES / "todo.1").read_text(encoding="ascii"))

    for each in EVERY[1:]:
        if len(each.words) == 1:
            assert f"\n{each.name}(1)\n" in shown
    for setting in SETTINGS:
        assert f"\n{setting.variable}\n" in shown
    for row in exit_codes()["errors"]:
        assert f"{row['code']}: {row['meaning']}" in " ".join(shown.split())


@pytest.mark.spec("002/FR-465")
def test_text_is_escaped_so_that_it_is_shown_and_copied_as_it_is() -> None:
    lines = list(man.kept([".dot 'a' \"b\" \\n --x", "'é"]))

    assert lines == [
        ".nf",
        r"\&.dot \(aqa\(aq \(dqb\(dq \en \-\-x",
        r"\(aq\[u00E9]",
        ".fi",
    ]
    assert list(man.filled("`todo a` or .b")) == [r"\fBtodo a\fR or .b"]
    assert man.term("-L, --limit N") == r"\fB\-L\fR, \fB\-\-limit\fR \fIN\fR"
    assert man.term("[REF]...") == r"[\fIREF\fR]..."
    assert man.breakable("a/b") == "a/b"
    assert man.breakable("postgresql://x") == r"postgresql://\:x"


@pytest.mark.spec("002/FR-466")
def test_pages_are_shipped_where_man_looks_for_them() -> None:
    pyproject = tomllib.loads((man.ROOT / "pyproject.toml").read_text())
    wheel = pyproject["tool"]["hatch"]["build"]["targets"]["wheel"]
    folder = str(man.PAGES.relative_to(man.ROOT))

    assert wheel["shared-data"][folder] == "share/man/man1"
    assert {path.name for path in man.PAGES.iterdir()} == {*man.pages()}


def ask(*words: str, columns: int) -> "subprocess.CompletedProcess[str]":
    """Run a program of this machine, which needs others beside it."""
    return subprocess.run(
        words,
        cwd=man.PAGES,
        env={
            "PATH": machine.PATH,
            "HOME": os.environ["HOME"],
            "MANWIDTH": str(columns),
            "LC_ALL": "C.UTF-8",
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
    )


@needs("man")
@pytest.mark.spec("002/FR-467")
@pytest.mark.parametrize("columns", [40, 80])
def test_every_page_is_drawn_without_a_warning(columns: int) -> None:
    names = [path.name for path in FILES]
    drawn = ask(
        *("groff", "-man", "-ww", "-Tutf8", "-P-c", f"-rLL={columns}n"),
        *names,
        columns=columns,
    )

    assert drawn.stderr == ""
    # Options can be searched for: no hyphen of typography is in them.
    assert "\u2010" not in drawn.stdout
    assert "\u2212" not in drawn.stdout
    for path in FILES[:: size(len(FILES) // 2, 1)]:
        shown = ask("man", "-l", "--warnings=w", path.name, columns=columns)
        assert shown.stderr == ""
        assert re.search(r"^NAME$", shown.stdout, re.MULTILINE)
