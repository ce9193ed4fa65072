"""The commands of `todo db`: upgrade, policy and import."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from todo_cli import disk, redact, rules
from todo_cli.cli.command import Command
from todo_cli.database.url import SqliteTarget
from todo_cli.errors import InvalidInput
from todo_cli.output import views
from todo_cli.output.views import Sheet, Upgraded, ViewContext

if TYPE_CHECKING:
    from todo_cli.cli.context import RunContext
    from todo_cli.database.transfer import Imported

_LONGEST_ROLE = 63
"""How many bytes the name of a role can have; PostgreSQL cuts the rest off."""


@dataclass(frozen=True, kw_only=True)
class Upgrade(Command[str | Upgraded]):
    """Create the schema, or bring it up to date.

    With --sql, print what the owner of the database has to run.
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
    """

    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="NAME", help="The people who get a role (default: you)."
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
        for name in self.names or ():
            _clean_role(name)

    async def run(self, context: "RunContext") -> str:
        """Write the SQL, without a query to the store.

        Raises:
            InvalidInput: PostgreSQL allows no role of this name.
        """
        from todo_cli.database.policy import recipe

        names = self.names or [context.settings.user]
        return recipe([_clean_role(name) for name in names])

    def view(self, result: str, context: ViewContext) -> Sheet:
        """Show the SQL."""
        return views.script(result, context)


@dataclass(frozen=True, kw_only=True)
class Import(Command["Imported"]):
    """Copy every user's tasks from an embedded file into the store in use.

    Ids, numbers and times are kept. It copies all or nothing, and is safe to
    repeat.
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
            help="Make the tasks of the file's one owner NAME's.",
        ),
    ] = None
    renumber: Annotated[
        bool,
        typer.Option(
            "--renumber",
            help="Give tasks whose number is taken a new one.",
        ),
    ] = False

    def __post_init__(self) -> None:
        """Refuse a connection string, which may contain a password."""
        self.wished_owner()
        if redact.looks_like_address(self.path):
            fault = "must be an embedded file, not a URL"
            raise InvalidInput(
                f"path: {fault}",
                hint="the path of a file, such as `todo doctor` shows",
                details=[{"field": "path", "message": fault}],
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
            raise InvalidInput.of("path", "is the store in use itself")
        async with open_database(target) as source:
            with context.progress("Importing") as report:
                wishes = Wishes(self.wished_owner(), self.renumber)
                now = context.env.now()
                return await copy(
                    source, context.database, report, now, wishes
                )

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
