"""The commands that are tortured, and the stores that they begin with."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from tests.support.program import Ran, Todo

ID: Final = "7c6f2b0e-6a40-4b0e-9a59-2f1d0f3c9d11"
SOURCE: Final = "source.db"
"""The file that is imported, in the working directory."""


@dataclass(frozen=True, slots=True)
class Command:
    """A command as JSON, or typed at a terminal where it asks."""

    words: Sequence[str]
    stdin: bytes = b""
    on_nothing: bool = False
    """Whether there is no store yet."""
    asks: bool = False

    @property
    def name(self) -> str:
        """What it is called in a report."""
        return " ".join(
            [
                *self.words,
                *(["(asked)"] if self.asks else []),
                *(["(no store)"] if self.on_nothing else []),
            ]
        )

    def run(self, todo: Todo, **env: str) -> Ran:
        """Run it."""
        style = [] if self.asks else ["--json"]
        return todo(
            *style, *self.words, stdin=self.stdin, terminal=self.asks, env=env
        )


ADD: Final = ("add", "--id", ID, "-d", "two litres", "Buy milk")
ADD_TAGGED: Final = ("add", "--id", ID, "-t", "food", "-t", "shop", "Buy milk")
ADD_LINES: Final = ("add", "--id", ID, "-")
LINES: Final = b"one\ntwo\nthree\n"
IMPORT: Final = ("db", "import", SOURCE)
COMMANDS: Final = (
    Command(ADD),
    Command(ADD, on_nothing=True),
    Command(ADD_LINES, stdin=LINES),
    Command(ADD_LINES, stdin=LINES, on_nothing=True),
    Command(("list", "--status", "all", "--limit", "3")),
    Command(("list",), on_nothing=True),
    Command(("list", "a", "--tag", "old", "--sort", "title", "-L", "2")),
    Command(("show", "1")),
    Command(
        (
            "update",
            "1",
            "--title",
            "Buy oat milk",
            "-d",
            "",
            "--status",
            "done",
        )
    ),
    Command(ADD_TAGGED),
    Command(
        (
            *("update", "1", "3-5", "--add-tag", "new", "--remove-tag", "old"),
            *("--due", "2026-12-24", "-P", "home"),
        )
    ),
    Command(("update", "1", "--replace", "a=A", "-p", "low")),
    Command(("done", "1,3-5")),
    Command(("done", "2", "--undo")),
    Command(("delete", "1")),
    Command(("delete", "1-5", "--yes")),
    Command(("delete", "2", "--if-version", "3")),
    Command(("show", "6")),
    Command(("restore", "6")),
    Command(("restore", "1,6")),
    Command(("purge", "3", "--yes")),
    Command(("purge", "1-4,6", "--yes")),
    Command(("purge", "1-4"), stdin=b"y\n", asks=True),
    Command(("purge", "--trash", "--yes")),
    Command(("undo",)),
    Command(("undo", "4")),
    Command(("undo", "3")),
    Command(("redo", "--user", "bob")),
    Command(("history",)),
    Command(("history", "2", "--limit", "1")),
    Command(("stats",)),
    Command(("update", "1-3", "-p", "high", "--dry-run")),
    Command(IMPORT),
    Command(IMPORT, on_nothing=True),
    Command(("db", "backup", "--force", "backup.db")),
    Command(("token", "create", "ci", "--read-only")),
    Command(("token", "list")),
    Command(("token", "revoke", "old")),
    Command(("db", "upgrade")),
    Command(("db", "upgrade"), on_nothing=True),
    Command(("doctor",)),
)


def add_tasks(todo: Todo) -> None:
    """Make a store with tasks of two users: one is done, one is in the trash, and an
    undo can be redone.
    """
    for user, lines in (("ada", b"a\nb\nc\nd\ne\n"), ("bob", b"f\ng\n")):
        assert todo("add", "-", user=user, stdin=lines).status == 0
    assert todo("add", "g").status == 0
    assert todo("done", "2").status == 0
    assert todo("update", "1-4", "--add-tag", "old").status == 0
    assert todo("delete", "6").status == 0
    assert todo("done", "1", user="bob").status == 0
    assert todo("undo", user="bob").status == 0
    assert todo("token", "create", "old").status == 0


def make_source(todo: Todo) -> None:
    """Make what is imported, with tasks of two others."""
    for user in ("eve", "zoe"):
        assert todo("add", "-", user=user, stdin=LINES).status == 0
    assert todo("done", "3", user="eve").status == 0
