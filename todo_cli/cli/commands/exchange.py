"""The commands import and export: tasks from files and to files."""

import re
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, ClassVar

import typer

from todo_cli import disk, redact, zones
from todo_cli.cli.command import LOOK, Command
from todo_cli.cli.commands.filters import Filters, StatusOption
from todo_cli.cli.commands.options import DryRun
from todo_cli.cli.parser import ParseState
from todo_cli.errors import NOTHING_ADDED, InvalidInput, Usage
from todo_cli.exchange import formats
from todo_cli.output import views
from todo_cli.output.views import Exported, Sheet, ViewContext
from todo_cli.task import Taken

if TYPE_CHECKING:
    from pathlib import Path

    from todo_cli.cli.context import RunContext
    from todo_cli.cli.incoming import Incoming
    from todo_cli.exchange.draft import Setting
    from todo_cli.exchange.formats import Format, Writer
    from todo_cli.task import TaskQuery


def _read_path(ctx: typer.Context, text: str) -> str | None:
    """Read the name of a file; a `-` before `--` means a stream: None.

    Raises:
        InvalidInput: it is a connection string, which may hold a password.
    """
    state: ParseState = ctx.obj
    if text == "-" and not state.dash_is_text:
        return None
    if redact.looks_like_address(text):
        raise InvalidInput.of("file", "must be a file, not a URL")
    return text


def _read_format(known: Sequence[str], text: str) -> str:
    """Read the name of a format, in any case."""
    name = text.lower()
    if name not in known:
        words = ", ".join(known)
        raise typer.BadParameter(f"{text!r} is not one of {words}")
    return name


def _read_imported(text: str) -> str:
    return _read_format(formats.READ, text)


def _read_exported(text: str) -> str:
    return _read_format(formats.WRITTEN, text)


def _read_columns(texts: Sequence[str]) -> dict[str, str]:
    """Read which field is which column of a foreign CSV.

    Raises:
        Usage: there is no `=`.
        InvalidInput: there is no such field, or it is mapped twice.
    """
    columns: dict[str, str] = {}
    for text in texts:
        name, sign, column = text.partition("=")
        if not sign:
            shown = redact.shown(text)
            raise Usage(
                f"Invalid value for '--map': '{shown}' is not FIELD=COLUMN",
                hint="as in `--map title=Subject`; see todo import --help",
            )
        field = _read_field(name)
        if field in columns:
            raise InvalidInput.of("map", f"`{field}` is mapped twice")
        if not column.strip():
            raise InvalidInput.of("map", f"`{field}` has no column")
        columns[field] = column
    return columns


def _read_field(name: str) -> str:
    """Read the name of a field, as a header can have it: `due` is `due_on`.

    Raises:
        InvalidInput: there is no such field.
    """
    from todo_cli.exchange.columns import FIELDS, field_of

    field = field_of(name)
    if field is None:
        known = ", ".join(FIELDS)
        shown = redact.shown(name)
        raise InvalidInput.of(
            "map", f"`{shown}` is not a field; the fields are {known}"
        )
    return field


def _setting(context: "RunContext") -> "Setting":
    """Say for whom, when and where a file is read or written."""
    from todo_cli.exchange.draft import Setting

    zone = zones.zone_of(context.env.variables)
    return Setting(context.settings.user, context.env.now(), zone)


@dataclass(frozen=True, kw_only=True)
class Import(Command[Taken]):
    """Add the tasks of a file: of todo, or of another program.

    All or nothing, as one operation that `todo undo` takes back. Tasks that
    are there already are left alone, so it is safe to repeat. What has no field
    here is kept in the notes, and counted.

    \b
    Examples:
      todo import tasks.json
      task export | todo import -
      todo import todo.txt
      todo import <(task export) --format taskwarrior --dry-run
      todo import calls.csv --map title=Subject --map due_on="Due date"
    """

    unchanged: ClassVar[str] = NOTHING_ADDED

    path: Annotated[
        str | None,
        typer.Argument(
            metavar="FILE",
            callback=_read_path,
            help="The file; `-` reads standard input.",
        ),
    ]
    """None is standard input."""
    format: Annotated[
        str | None,
        typer.Option(
            "--format",
            metavar="|".join(formats.READ),
            callback=_read_imported,
            help="Its format (default: by its ending and content).",
        ),
    ] = None
    columns: Annotated[
        list[str] | None,
        typer.Option(
            "--map",
            metavar="FIELD=COLUMN",
            help="Read a field from a column of a CSV, as in title=Subject; repeat for more.",
        ),
    ] = None
    dry_run: DryRun = False

    def __post_init__(self) -> None:
        """Check which columns are mapped."""
        _read_columns(self.columns or ())
        if self.format is not None:
            self._check_format(self.format)

    def _check_format(self, name: str) -> None:
        """Refuse to map columns of what has none.

        Raises:
            Usage: the format is no table with a header of its own.
        """
        if self.columns and name != "csv":
            raise Usage(
                f"`--map` is for the format csv, and this is {name}",
                hint="`--format csv` reads it as a table with a header",
            )

    async def run(self, context: "RunContext") -> Taken:
        """Read the file and add its tasks, all or none.

        Raises:
            InvalidInput: records are wrong, or the format is not known.
            TodoError: the file cannot be read, or the store failed.
        """
        from todo_cli.cli.incoming import Incoming

        async with Incoming(context, self.path) as incoming:
            format = self._chosen(incoming)
            batches = incoming.batches(
                format, _setting(context), _read_columns(self.columns or ())
            )
            with incoming.progress() as report:
                return await context.tasks.import_all(
                    batches, report, incoming.name
                )

    def _chosen(self, incoming: "Incoming") -> "Format":
        """Choose the format: as given, else by the file.

        Raises:
            InvalidInput: the file does not say it.
            Usage: columns are mapped, and it has none.
        """
        if self.format is not None:
            return formats.named(self.format)
        head = incoming.source.head
        if not head and formats.of_ending(incoming.name) is None:
            # As of a command that found no tasks.
            return formats.named("ndjson")
        is_table = bool(self.columns)
        found = formats.recognise(incoming.name, head, is_table=is_table)
        self._check_format(found.name)
        return found

    def view(self, result: Taken, context: ViewContext) -> Sheet:
        """Say how many were added, and what became of the rest."""
        return views.taken(result, context)

    def repeat(self) -> Sequence[str]:
        """Import again, which adds nothing twice; stdin cannot be read again."""
        if self.path is None:
            return LOOK
        words = ["import"]
        if self.format is not None:
            words += ["--format", self.format]
        for each in self.columns or ():
            words += ["--map", each]
        return [*words, "--", self.path]


@dataclass(frozen=True, kw_only=True)
class _Target:
    """The file of an export: in the help, it comes before the words."""

    path: Annotated[
        str | None,
        typer.Argument(
            metavar="FILE",
            callback=_read_path,
            help="The file to make; `-` is standard output.",
            show_default=False,
        ),
    ] = None
    """None is standard output."""


@dataclass(frozen=True, kw_only=True)
class Export(Filters, _Target, Command[Exported]):
    """Write tasks to a file, or to standard output, by number.

    The file is written whole or not at all, and only you can read it. What its
    format cannot hold is left out, and counted on standard error.

    \b
    Examples:
      todo export tasks.json
      todo export tasks.csv --status open --project home
      todo export - milk --format todotxt
      todo export --format ndjson --status done --since mon | wc -l
    """

    status: StatusOption = "all"
    format: Annotated[
        str | None,
        typer.Option(
            "--format",
            metavar="|".join(formats.WRITTEN),
            callback=_read_exported,
            help="Its format (default: by its ending, else json).",
        ),
    ] = None
    force: Annotated[
        bool,
        typer.Option("--force", help="Replace a file that is there."),
    ] = False

    def _chosen(self) -> "Format":
        """Choose the format: as given, else by the ending, else json."""
        if self.format is not None:
            return formats.named(self.format)
        by_ending = formats.of_ending(self.path or "")
        return by_ending or formats.named("json")

    async def run(self, context: "RunContext") -> Exported:
        """Write the tasks that fit.

        Raises:
            Usage: standard output would hold two things.
            TodoError: the file cannot be written, or the store failed.
        """
        query = self.query(context)
        writer = self._chosen().writer(_setting(context))
        if self.path is not None:
            return await self._write_file(self.path, context, query, writer)
        if context.as_json:
            raise Usage(
                "`--json` would be mixed with the tasks on standard output",
                hint="name a FILE, or leave out --json (TODO_OUTPUT=text)",
            )
        count = 0
        async with aclosing(_pieces(context, query, writer)) as pieces:
            async for data, tasks in pieces:
                await context.write_out(data)
                count += tasks
        return Exported(None, "", count, writer.kept)

    async def _write_file(
        self,
        name: str,
        context: "RunContext",
        query: "TaskQuery",
        writer: "Writer",
    ) -> Exported:
        """Write a file, whole or not at all."""
        from todo_cli.cli.incoming import file_of
        from todo_cli.whole_file import WholeFile

        path = file_of(context, name)
        if self.force and _is_of_database(path):
            raise InvalidInput.of("file", "is a database: it is not replaced")
        count = 0
        with WholeFile(path, force=self.force) as file:
            async with aclosing(_pieces(context, query, writer)) as pieces:
                async for data, tasks in pieces:
                    file.write(data)
                    count += tasks
        return Exported(name, str(path), count, writer.kept)

    def view(self, result: Exported, context: ViewContext) -> Sheet:
        """Say how many were written, and what was left out."""
        sheet = views.exported(result, context)
        name = result.name or ""
        if self.format is not None or re.search(r"[./]", name) or not name:
            return sheet
        if name.lower() in formats.WRITTEN:
            command = context.command("export", "--format", name.lower())
            return replace(sheet, hint=f"`{command}` writes this format")
        command = context.command("export", "-", name)
        return replace(sheet, hint=f"`{command}` looks for the word")


def _is_of_database(path: "Path") -> bool:
    """Whether a file is a database, or a part of one that is beside it."""
    return disk.is_database(path) or path.name.endswith(disk.SIDECARS)


async def _pieces(
    context: "RunContext", query: "TaskQuery", writer: "Writer"
) -> AsyncGenerator[tuple[bytes, int]]:
    """Yield the bytes of a file in parts, each with its number of tasks.

    Nothing is yielded before the store has answered.
    """
    begin = writer.begin()
    async with aclosing(context.tasks.export(query)) as parts:
        async for tasks in parts:
            yield begin + writer.write(tasks), len(tasks)
            begin = b""
    yield begin + writer.end(), 0
