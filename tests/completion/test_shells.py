"""Tab in real shells, in a real terminal."""

from pathlib import Path

import pytest

from tests.completion.conftest import PROJECT, TAG
from tests.completion.shells import open_shell
from tests.support.machine import needs
from tests.support.program import Surroundings, Todo
from todo_cli.completion import scripts

SHELLS = [
    pytest.param(name, marks=needs(name)) for name in ("bash", "zsh", "fish")
]
TRAPS = ("IN_TITLE", "IN_PROJECT", "IN_TAG")


@pytest.mark.spec("002/FR-400", "002/FR-402", "002/FR-403")
@pytest.mark.parametrize("name", SHELLS)
def test_tab_completes_right_and_runs_nothing(
    odd: Todo, surroundings: Surroundings, tmp_path: Path, name: str
) -> None:
    with open_shell(name, surroundings, tmp_path) as shell:
        shell.listed("todo d\t\t", "delete", "doctor")
        assert shell.typed("todo del\t3") == ["todo", "delete", "3"]

        seen = shell.listed("todo done \t\t", "Pay ", "Buy milk", "Water")
        assert "$(touch IN_TITLE) `touch IN_TITLE` \\n %s 🎉" in seen
        assert "Of bob" not in seen
        assert shell.typed("todo done 1\t") == ["todo", "done", "1"]
        assert shell.typed("todo done 1,3,\t") == ["todo", "done", "1,3,2"]

        shell.listed("todo list --status \t\t", "waiting", "trash")
        assert shell.typed("todo list --status w\t") == [
            "todo",
            "list",
            "--status",
            "waiting",
        ]
        for typed in ("home", "'home", '"home', "home\\ k"):
            words = shell.typed(f"todo list --project {typed}\t")
            assert words == ["todo", "list", "--project", PROJECT], typed
        words = shell.typed("todo list --project=h\t")
        assert words == ["todo", "list", f"--project={PROJECT}"]
        for typed in ("", "a:"):
            words = shell.typed(f"todo list --tag {typed}\t")
            assert words == ["todo", "list", "--tag", TAG], typed

        shell.listed("todo update 3 --due \t\t", "tomorrow", "eom", "none")
        words = shell.typed("todo update 3 --due tom\t")
        assert words == ["todo", "update", "3", "--due", "tomorrow"]

        (surroundings.cwd / "my tasks.json").touch()
        words = shell.typed("todo import my\t")
        assert words == ["todo", "import", "my tasks.json"]
        shell.listed("todo list > my\t", "tasks.json")
        words = shell.typed("todo edit 1 --form=my\t")
        assert words == ["todo", "edit", "1", "--form=my tasks.json"]
    assert not [name for name in TRAPS if (surroundings.cwd / name).exists()]


@needs("zsh")
@pytest.mark.spec("002/FR-401")
def test_zsh_finds_the_script_of_a_package(
    odd: Todo, surroundings: Surroundings, tmp_path: Path
) -> None:
    folder = tmp_path / "site-functions"
    folder.mkdir()
    (folder / "_todo").write_text(scripts.read("zsh"))
    begin = f"fpath=('{folder}' $fpath); autoload -Uz compinit; compinit -D -u"

    with open_shell("zsh", surroundings, tmp_path, line=begin) as shell:
        # The first time the file is loaded.
        assert shell.typed("todo done 1\t") == ["todo", "done", "1"]
        assert shell.typed("todo rest\t") == ["todo", "restore"]


@needs("bash")
@pytest.mark.spec("002/FR-402", "002/FR-403")
@pytest.mark.parametrize(
    "line",
    ["bind 'TAB: menu-complete'", "bind 'set show-all-if-ambiguous on'"],
)
def test_bash_inserts_no_title_however_tab_is_bound(
    odd: Todo, surroundings: Surroundings, tmp_path: Path, line: str
) -> None:
    with open_shell("bash", surroundings, tmp_path) as shell:
        shell.run(line)
        words = shell.typed("todo done \t")
        assert words[:2] == ["todo", "done"]
        assert words[2:] in ([], ["1"])
        assert shell.typed("todo done 2\t") == ["todo", "done", "2"]
    assert not (surroundings.cwd / "IN_TITLE").exists()
