"""The recipes do what their page says, from cron, from systemd, from git and with jq."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import Seal
from tests.support.forked import ForkServer
from tests.support.machine import needs
from tests.test_docs import Shell, assert_shows, shell_at, steps_of
from tests.test_pages import README, ROOT, blocks

RECIPES = ROOT / "specs" / "002-command-line" / "recipes.md"
CRON = re.compile(r"(?:^|`)(?:[\d*]+ ){5}([^`\n]+)", re.MULTILINE)
MAIL = """#!/bin/sh
{ printf '%s: %s\\n' "$3" "$2"; cat; } >> "$HOME/mail"
"""
"""What stands in for `mail`: it keeps to whom, the subject and the text."""


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody for whom todo is installed."""

    shell: Shell
    home: Path

    def run(self, command: str) -> str:
        """What a command shows; it has to succeed."""
        status, shown = self.shell.run(command)
        assert status == 0, shown
        return shown

    def install(self, program: str, text: str) -> Path:
        """Save a program where the PATH has those of an account."""
        return save(self.home / ".local" / "bin" / program, text)

    def unattended(self, words: Sequence[str], path: str) -> tuple[int, str]:
        """The exit status and all output of a program without a terminal, with
        no other settings than a daemon gives it.
        """
        ran = subprocess.run(
            words,
            env={"HOME": str(self.home), "LOGNAME": "ada", "PATH": path},
            cwd=self.home,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        return ran.returncode, ran.stdout


def save(path: Path, text: str, mode: int = 0o755) -> Path:
    """Save a program, or another file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)
    return path


@pytest.fixture
def account(seal: Seal, fork_server: ForkServer) -> Iterator[Account]:
    """Ada, who has todo, Python and mail."""
    programs = seal.home / ".local" / "bin"
    programs.mkdir(parents=True)
    shell = shell_at(seal, None, "ada")
    path = f"{programs}:{os.environ['PATH']}"
    environment = shell.environment | {"PATH": path}
    ada = Account(Shell(environment, seal.cwd), seal.home)
    ada.install("python3", f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    ada.install("mail", MAIL)
    ada.install("id", "#!/bin/sh\necho ada\n")
    with fork_server.shim(programs):
        yield ada


def lines_of_cron(page: Path) -> list[str]:
    """The commands of a page's lines for cron, as cron runs them."""
    commands = CRON.findall(page.read_text(encoding="utf-8"))
    # cron takes a bare `%` for the end of the line.
    assert all("%" not in line.replace(r"\%", "") for line in commands)
    return [line.replace(r"\%", "%") for line in commands]


@pytest.mark.parametrize("page", [README, RECIPES], ids=["README", "page"])
def test_cron_mails_what_is_due_and_otherwise_nothing(
    account: Account, page: Path
) -> None:
    [command] = [line for line in lines_of_cron(page) if "todo list" in line]
    job = ["/bin/sh", "-c", command]
    tools = os.environ["PATH"]

    before_any_task = account.unattended(job, tools)
    account.run("todo add Buy milk && todo add Pay --due +1d")
    with_nothing_due = account.unattended(job, tools)
    account.run("todo add Füße --due today && todo add Late --due yesterday")
    status, mailed = account.unattended(job, tools)

    assert (before_any_task, with_nothing_due) == ((0, ""), (0, ""))
    assert status == 0
    assert [line.split("\t")[-2] for line in mailed.splitlines()] == [
        "Late",
        "Füße",
    ]


def configure(account: Account, settings: str) -> None:
    """Write the config file."""
    save(account.home / ".config/todo/config.toml", settings, 0o600)


def test_cron_mails_an_error_too(account: Account) -> None:
    configure(account, "timeout = 0\n")
    [command] = lines_of_cron(RECIPES)

    _, mailed = account.unattended(
        ["/bin/sh", "-c", command], os.environ["PATH"]
    )

    assert mailed.startswith("error: ")


def test_cron_of_readme_backs_up(account: Account) -> None:
    [command] = [line for line in lines_of_cron(README) if "db backup" in line]
    account.run("todo add Buy milk")

    status, _ = account.unattended(
        ["/bin/sh", "-c", command], os.environ["PATH"]
    )

    assert status == 0
    assert len([*account.home.glob("todo-[1-7].db")]) == 1


def units(account: Account) -> Path:
    """Where the account has its units of systemd; saves those of the page."""
    folder = account.home / ".config" / "systemd" / "user"
    names = ("mail-due.service", "mail-due.timer")
    for name, text in zip(names, blocks(RECIPES, "ini"), strict=True):
        save(folder / name, text, 0o644)
    return folder


def started(account: Account) -> tuple[int, str]:
    """Start the service as systemd does: its words, its PATH and no more."""
    service = (units(account) / "mail-due.service").read_text()
    given = dict(
        line.split("=", 1) for line in service.split("\n") if "=" in line
    )
    home = str(account.home)
    path = given["Environment"].removeprefix("PATH=").replace("%h", home)
    assert path.startswith(f"{home}/.local/bin:")
    words = given["ExecStart"].replace("%h", home).split()
    return account.unattended(words, f"{path}:{os.environ['PATH']}")


def test_systemd_mails_what_is_due_and_otherwise_nothing(
    account: Account,
) -> None:
    account.install("mail-due", blocks(RECIPES, "sh")[0])
    mail = account.home / "mail"

    before_any_task = started(account)
    account.run("todo add Buy milk && todo add Pay --due +1d")
    with_nothing_due = started(account)
    assert not mail.exists()
    account.run("todo add Rent --due yesterday")
    with_one = started(account)

    assert before_any_task == with_nothing_due == with_one == (0, "")
    assert re.fullmatch(
        r"ada: Due today\n3\tRent\t\d{4}-\d\d-\d\d\n", mail.read_text()
    )


def test_systemd_sees_the_exit_status_and_no_mail_is_sent(
    account: Account,
) -> None:
    account.install("mail-due", blocks(RECIPES, "sh")[0])
    configure(
        account,
        'database_url = "postgresql://localhost:1/x"\ntimeout = 0.1\n',
    )
    unreached, said = started(account)
    configure(account, "timeout = 0\n")
    wrong, _ = started(account)

    assert (unreached, wrong) == (6, 8)
    assert said.startswith("error: ")
    assert "localhost:1/x" in said
    assert not (account.home / "mail").exists()


@needs("systemd-analyze")
def test_systemd_has_nothing_to_say_about_the_units(account: Account) -> None:
    account.install("mail-due", blocks(RECIPES, "sh")[0])
    folder = units(account)

    ran = subprocess.run(
        [
            "systemd-analyze",
            "verify",
            "--user",
            folder / "mail-due.service",
            folder / "mail-due.timer",
        ],
        env=os.environ | {"XDG_RUNTIME_DIR": str(account.home)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )

    assert (ran.returncode, ran.stdout) == (0, "")


@pytest.fixture
def repository(account: Account) -> Account:
    """Ada in a repository with the hook of the page, and a change to commit."""
    account.run(
        "git init --quiet engine && cd engine && git add . &&"
        " git config core.pager cat && git config user.name Ada && git config user.email ada@localhost &&"
        " echo 1 > file && git add file"
    )
    folder = account.shell.cwd / "engine"
    save(folder / ".git" / "hooks" / "post-commit", blocks(RECIPES, "sh")[2])
    return Account(Shell(account.shell.environment, folder), account.home)


@needs("git")
def test_commit_adds_a_task_once(repository: Account) -> None:
    [block] = [
        block for block in blocks(RECIPES, "console") if "git commit" in block
    ]

    repository.run("printf '%s\\n' 1 2 3 4 5 6 7 | todo add -")
    assert_shows(repository.shell, steps_of([block]))

    repository.run("todo done 8")
    shown = repository.run("git commit --quiet --amend --no-edit")
    assert shown == "Already there as 8: handle an empty file\n"
    assert repository.run("todo list --status done | cut -f 3,9") == (
        "handle an empty file\tengine\n"
    )
    assert repository.run("todo list -P engine | cut -f 1") == ""


@needs("git")
def test_commit_is_made_whatever_becomes_of_the_task(
    repository: Account,
) -> None:
    message = f"todo: {'x' * 201}\ntodo: -\ntodo: --user eve $(id)\ntodo:\n\ttodo: no"
    subject = "Read the file"

    shown = repository.run(f"git commit --quiet -m '{subject}' -m '{message}'")

    assert f"no task yet: {'x' * 201}" in shown
    assert repository.run("git log --format=%s") == f"{subject}\n"
    assert repository.run("todo list --sort oldest | cut -f 3") == (
        "-\n--user eve $(id)\n"
    )


@needs("jq")
def test_reports_show_what_the_page_shows(account: Account) -> None:
    reports = [block for block in blocks(RECIPES, "console") if "jq" in block]
    account.run(
        "printf 'Water the plants\\nCall the plumber\\n' | todo add - -P home"
        " && todo add Read && todo add Write"
        " && printf 'Mend the form\\nAnswer the customer\\nTest\\n'"
        " | todo add - -P work.site"
        " && todo done 1 && todo done 5 && todo done 6"
    )

    assert len(reports) == 3
    assert_shows(account.shell, steps_of(reports))
