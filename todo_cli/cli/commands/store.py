"""The commands of `todo db`: upgrade, policy, import and backup."""

from collections.abc import Sequence
from dataclasses import dataclass
from shlex import quote
from typing import TYPE_CHECKING, Annotated, ClassVar

import typer

from todo_cli import disk, redact, rules
from todo_cli.cli.command import Command
from todo_cli.database.url import SqliteTarget
from todo_cli.errors import InvalidInput, IoFailed
from todo_cli.output import views
from todo_cli.output.views import Sheet, Upgraded, ViewContext

if TYPE_CHECKING:
    from todo_cli.cli.context import RunContext
    from todo_cli.database.backup import BackedUp
    from todo_cli.database.transfer import Imported

_LONGEST_ROLE = 63
"""How many bytes the name of a role can have; PostgreSQL cuts the rest off."""


@dataclass(frozen=True, kw_only=True)
class Upgrade(Command[str | Upgraded]):
    """Create the tables of the store, or bring them up to date.

    With --sql, print what the owner of the database has to run.

    \b
    Examples:
      todo db upgrade
      todo db upgrade --sql | psql -d tasks
    """

    sql: Annotated[
        bool,
        typer.Option("--sql", help="Print the SQL instead of running it."),
    ] = False

    def changes(self) -> bool:
        """Whether the tables are made, not only shown."""
        return not self.sql

    async def run(self, context: "RunContext") -> str | Upgraded:
        """Upgrade; return what there is now, or with --sql the SQL."""
        if self.sql:
            return await context.database.upgrade_script()
        version = await context.database.upgrade()
        await context.database.fill()
        # After the texts are there, because that is faster.
        word_index = await context.database.index_words()
        return Upgraded(version, word_index)

    def repeat(self) -> Sequence[str]:
        """Upgrade again, which goes on where the first one ended."""
        return ["db", "upgrade"]

    def view(self, result: str | Upgraded, context: ViewContext) -> Sheet:
        """Name the version, or show the SQL."""
        if isinstance(result, str):
            return views.script(result, context)
        return views.upgraded(result, context)


@dataclass(frozen=True, kw_only=True)
class Policy(Command[str]):
    """Print SQL to share one database: a role per person, limited to their own
    tasks.

    Nothing is changed; the owner of the database runs what is printed.

    \b
    Examples:
      todo db policy ada grace > policy.sql
      todo db policy --server todo_server > policy.sql
    """

    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="NAME", help="The people who get a role (default: you)."
        ),
    ] = None
    server: Annotated[
        str | None,
        typer.Option(
            "--server",
            metavar="ROLE",
            help="Also a role for todo serve, limited to the user of a request.",
        ),
    ] = None
    sql: Annotated[
        bool,
        typer.Option(
            "--sql", help="No effect; accepted because `db upgrade` has it."
        ),
    ] = False

    def __post_init__(self) -> None:
        """Check the names."""
        people = self._people()
        if self.server is not None and self._server() in people:
            raise InvalidInput(
                f"{self.server} cannot be a person and a server",
                hint="name another --server",
            )

    def _people(self) -> list[str]:
        return [_clean_role(name) for name in self.names or ()]

    def _server(self) -> str | None:
        return None if self.server is None else _clean_role(self.server)

    async def run(self, context: "RunContext") -> str:
        """Write the SQL, without a query to the store.

        Raises:
            InvalidInput: PostgreSQL allows no role of this name.
        """
        from todo_cli.database.policy import recipe

        people, server = self._people(), self._server()
        if not people and server is None:
            people = [_clean_role(context.settings.user)]
        return recipe(people, server)

    def view(self, result: str, context: ViewContext) -> Sheet:
        """Show the SQL."""
        return views.script(result, context)


@dataclass(frozen=True, kw_only=True)
class Import(Command["Imported"]):
    """Copy every user's tasks from an embedded file into the store in use.

    Ids, numbers and times are kept. It copies all or nothing, and is safe to
    repeat.

    \b
    Examples:
      todo db import ~/.local/share/todo/todo.db
      todo db import backup.db --as ada --renumber
    """

    path: Annotated[
        str,
        typer.Argument(
            metavar="PATH",
            help="An embedded file, such as `todo doctor` shows.",
        ),
    ]

    owner: Annotated[
        str | None,
        typer.Option(
            "--as",
            metavar="NAME",
            help="Give the tasks of the file's only owner to NAME.",
        ),
    ] = None
    renumber: Annotated[
        bool,
        typer.Option(
            "--renumber",
            help="Give a new number to tasks whose number is taken.",
        ),
    ] = False

    def __post_init__(self) -> None:
        """Refuse a connection string, which may contain a password."""
        self.wished_owner()
        if redact.looks_like_address(self.path):
            raise _wrong_path(
                "must be an embedded file, not a URL",
                "the path of a file, such as `todo doctor` shows",
            )

    def wished_owner(self) -> str | None:
        """Check the name after `--as`, and return it cleaned.

        Raises:
            InvalidInput: no user can have this name.
        """
        if self.owner is None:
            return None
        if redact.looks_like_address(self.owner):
            raise InvalidInput.of("as", "looks like a connection string")
        return rules.clean_user(self.owner)

    def changes(self) -> bool:
        """It stores what it copies."""
        return True

    async def run(self, context: "RunContext") -> "Imported":
        """Copy the tasks of every user, all or nothing.

        Raises:
            InvalidInput: the file is the store in use.
            TodoError: one of the two stores failed, or the path is relative
                and the working folder is gone.
        """
        from todo_cli.database.engine import open_database
        from todo_cli.database.transfer import Wishes, copy, is_same_file

        target = SqliteTarget(disk.below(context.env.cwd, self.path))
        if is_same_file(context.settings.target, target):
            raise InvalidInput.of("path", "is the store in use")
        wishes = Wishes(self.wished_owner(), self.renumber)
        now = context.env.now()
        try:
            async with open_database(target) as source:
                with context.progress("Importing") as report:
                    return await copy(
                        source, context.database, report, now, wishes
                    )
        except IoFailed as error:
            if disk.is_text(target.path):
                error.hint = f"todo import {quote(self.path)}"
            raise

    def view(self, result: "Imported", context: ViewContext) -> Sheet:
        """Say how much was copied."""
        return views.imported(result, context)

    def repeat(self) -> Sequence[str]:
        """Import again: tasks that are there already are not copied twice."""
        words = ["db", "import", self.path]
        if self.owner is not None:
            words += ["--as", self.owner]
        if self.renumber:
            words.append("--renumber")
        return words


@dataclass(frozen=True, kw_only=True)
class Backup(Command["BackedUp"]):
    """Copy the whole store, of all users, into a new embedded file.

    With history and trash. `todo db import` brings it back into any store.

    \b
    Examples:
      todo db backup backup.db
      todo db backup --force --mine mine.db
    """

    # A statement of SQLite runs to its end, and then nothing is left.
    patience_s: ClassVar[float] = 5.0

    path: Annotated[
        str,
        typer.Argument(metavar="PATH", help="The new file."),
    ]
    mine: Annotated[
        bool,
        typer.Option("--mine", help="Only your own tasks and their history."),
    ] = False
    force: Annotated[
        bool,
        typer.Option("--force", help="Replace a file that is there."),
    ] = False

    def __post_init__(self) -> None:
        """Refuse what cannot be the name of a file with a store.

        Raises:
            InvalidInput: it cannot.
        """
        if redact.looks_like_address(self.path):
            raise _wrong_path("must be a file, not a URL", "name a new file")
        if self.path == "-":
            raise _wrong_path(
                "must be a file: a database needs one",
                "`todo export` writes to standard output",
            )
        if rules.REFUSED.search(self.path):
            raise _wrong_path(
                "contains a control character", "name another file"
            )
        # Some disks know no upper case.
        if self.path.lower().endswith(disk.SIDECARS):
            raise _wrong_path(
                "is a name that SQLite uses for its own files",
                "choose a name that ends with none of `-wal`, `-shm` and "
                "`-journal`",
            )

    async def run(self, context: "RunContext") -> "BackedUp":
        """Copy the store, all or nothing.

        Raises:
            InvalidInput: the path is that of the store itself.
            TodoError: the store or the disk failed, or the path is relative
                and the working folder is gone.
        """
        from todo_cli.database.backup import back_up
        from todo_cli.database.transfer import is_same_file

        path = disk.below(context.env.cwd, self.path)
        if is_same_file(context.settings.target, SqliteTarget(path)):
            raise InvalidInput.of("path", "is the store in use")
        whose = context.settings.user if self.mine else None
        with context.progress("Backing up") as report:
            return await back_up(
                context.database,
                path,
                report,
                whose=whose,
                force=self.force,
            )

    def view(self, result: "BackedUp", context: ViewContext) -> Sheet:
        """Say what the file has."""
        return views.backed_up(result)


def _wrong_path(fault: str, hint: str) -> InvalidInput:
    """Return the error for a path that no file of ours can have."""
    return InvalidInput(
        f"path: {fault}",
        hint=hint,
        details=[{"field": "path", "message": fault}],
    )


def _clean_role(text: str) -> str:
    """Check a user's name that becomes the name of a role, and clean it."""
    if redact.looks_like_address(text):
        raise InvalidInput.of("name", "looks like a connection string")
    name = rules.clean_user(text)
    if name in ("public", "none") or name.startswith("pg_"):
        raise InvalidInput.of(
            "name", "is one that PostgreSQL keeps for itself"
        )
    if len(name.encode()) > _LONGEST_ROLE:
        raise InvalidInput.of(
            "name",
            f"has more than {_LONGEST_ROLE} bytes, which no role's name may have",
        )
    return name
