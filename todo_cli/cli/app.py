"""The commands: signature, help, and one returned job each."""

import re
from functools import cache
from math import inf
from typing import TYPE_CHECKING, Annotated, Any, Literal
from uuid import UUID, uuid4, uuid5

import typer

from todo_cli import redact, rules
from todo_cli.cli import doctor as diagnosis
from todo_cli.cli import references
from todo_cli.cli.options import (
    AsJson,
    Call,
    Debug,
    GroupedHelp,
    User,
    command,
    one_of,
)
from todo_cli.cli.run import Job, Workplace
from todo_cli.database.url import SqliteTarget
from todo_cli.errors import Conflict, Detail, InvalidInput, Usage
from todo_cli.output import views
from todo_cli.task import (
    Added,
    NewTask,
    Task,
    TaskChange,
    TaskPage,
    TaskQuery,
    TaskStatus,
)

if TYPE_CHECKING:
    from todo_cli.database.transfer import Imported

_ASK_FROM = 3
"""How many tasks a delete may take without a question."""
_LONGEST_DESCRIPTION = 4 * rules.DESCRIPTION_LENGTH + 16
"""Bytes that a description can have at most, with a byte order mark and a line end that
are taken off.
"""
_TASKS = "Tasks"
_NOTHING_ADDED = "; nothing was added"

app = typer.Typer(
    cls=GroupedHelp,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit status: 0 done, 2 wrong request, 3 no such task, 5 conflict, 6 try again, 8 settings.",
)
db_app = typer.Typer(
    cls=GroupedHelp,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(db_app, name="db", rich_help_panel="Store")


@db_app.callback()
def db(
    ctx: typer.Context, user: User = None, as_json: AsJson = False, debug: Debug = False
) -> None:
    """Look after the store itself."""
    _name_user(ctx, user)


def _name_user(ctx: typer.Context, user: str | None) -> None:
    """Keep a user that is named before the command."""
    root = ctx.find_root()
    if user is not None:
        root.obj = Call(user, root.obj.dash_is_text)


class VersionAsked(Exception):
    """`--version` stands before the command."""


@app.callback(invoke_without_command=False)
def todo(
    ctx: typer.Context,
    user: User = None,
    as_json: AsJson = False,
    debug: Debug = False,
    version: Annotated[
        bool,
        typer.Option("--version", help="Print the version and exit.", is_eager=True),
    ] = False,
) -> None:
    """Keep tasks in your own database: an embedded file, or Neon when TODO_DATABASE_URL
    holds its connection string.

    \b
    Examples:
      todo add Buy milk
      todo list
      todo done 1
      todo list --status all --json | jq -r '.data[].title'
    """
    if version:
        raise VersionAsked
    _name_user(ctx, user)


@command(app, "add", _TASKS)
def add(
    call: Call,
    title: Annotated[
        list[str],
        typer.Argument(
            metavar="TITLE", help="Words of the title; `-` reads titles from stdin."
        ),
    ],
    description: Annotated[
        str | None,
        typer.Option(
            "-d",
            "--description",
            metavar="TEXT",
            help="More about it; `-` reads stdin.",
        ),
    ] = None,
    id: Annotated[
        str | None,
        typer.Option("--id", metavar="UUID", help="Makes a repeat harmless."),
    ] = None,
) -> Job[Any]:
    """Add a task.

    \b
    Examples:
      todo add Buy milk
      todo add "Call Ada" -d "about the engine"
      printf 'one\\ntwo\\n' | todo add -
    """
    key = uuid4() if id is None else rules.clean_id(id)
    if title == ["-"] and not call.dash_is_text:
        if description is not None:
            raise Usage("`add -` takes no description", hint="todo add --help")
        return Job(
            lambda place: _add_lines(place, key),
            views.added_all,
            again=("add", "--id", str(key), "-"),
        )

    async def work(place: Workplace) -> Added:

        text = await _description(place, description)
        return await place.tasks.add(
            NewTask(title=" ".join(title), description=text, id=key)
        )

    more = () if description is None else ("-d", description)
    return Job(work, views.added, again=("add", "--id", str(key), *more, "--", *title))


@command(app, "list", _TASKS)
def list_(
    status: Annotated[
        Literal["open", "done", "all"],
        typer.Option(
            "--status", callback=one_of("open", "done", "all"), help="Which tasks."
        ),
    ] = "open",
    limit: Annotated[
        str | None,
        typer.Option(
            "-L",
            "--limit",
            metavar="N",
            help="At most so many; all without it.",
            show_default=False,
        ),
    ] = None,
) -> Job[Any]:
    """List tasks, newest first.

    \b
    Examples:
      todo list
      todo list --status all --limit 20
    """
    most = None if limit is None else _limit(limit)

    async def work(place: Workplace) -> TaskPage:

        return await place.tasks.list(TaskQuery(TaskStatus(status), most))

    return Job(work, views.listed)


_REF = "A task: its number or its UUID."
_REFS = "Tasks: numbers, ranges (5-7), lists (3,5-7), UUIDs."


@command(app, "show", _TASKS)
def show(ref: Annotated[str, typer.Argument(metavar="REF", help=_REF)]) -> Job[Any]:
    """Show every field of a task."""
    reference = references.parse_reference(ref)
    return Job(lambda place: place.tasks.get(reference), views.shown)


@command(app, "update", _TASKS)
def update(
    ref: Annotated[str, typer.Argument(metavar="REF", help=_REF)],
    title: Annotated[
        str | None, typer.Option("--title", metavar="TEXT", help="The new title.")
    ] = None,
    description: Annotated[
        str | None,
        typer.Option(
            "-d",
            "--description",
            metavar="TEXT",
            help='The new description; "" clears it, `-` reads stdin.',
        ),
    ] = None,
    status: Annotated[
        Literal["open", "done"] | None,
        typer.Option(
            "--status", callback=one_of("open", "done"), help="The new status."
        ),
    ] = None,
) -> Job[Any]:
    """Change a task; what is not named stays.

    \b
    Examples:
      todo update 3 --title "Buy oat milk"
      todo update 3 -d ""
    """
    reference = references.parse_reference(ref, to_change=True)
    if title is None and description is None and status is None:
        raise Usage(
            "Nothing to change is named",
            hint="name --title, --description or --status; see `todo update --help`",
        )

    async def work(place: Workplace) -> Task:

        text = await _description(place, description)
        changes = {
            "title": title,
            "description": text,
            "completed": None if status is None else status == "done",
        }
        given = {"title": title, "description": description, "completed": status}
        named: dict[str, Any] = {
            name: value for name, value in changes.items() if given[name] is not None
        }
        return await place.tasks.update(reference, TaskChange(**named))

    return Job(work, views.updated, again=("show", ref))


@command(app, "done", _TASKS)
def done(
    refs: Annotated[list[str], typer.Argument(metavar="REF", help=_REFS)],
    undo: Annotated[bool, typer.Option("--undo", help="Make them open again.")] = False,
) -> Job[Any]:
    """Mark tasks as done, all or none of them.

    \b
    Examples:
      todo done 3
      todo done 3 5-7
      todo done 3 --undo
    """
    named = references.parse_references(refs, to_change=True)
    view = views.Changed(
        "Reopened" if undo else "Done", is_single=references.is_single(refs)
    )
    again = ("done", *refs, *(["--undo"] if undo else []))
    return Job(lambda place: place.tasks.complete(named, undo=undo), view, again)


@command(app, "delete", _TASKS)
def delete(
    refs: Annotated[list[str], typer.Argument(metavar="REF", help=_REFS)],
    yes: Annotated[bool, typer.Option("-y", "--yes", help="Do not ask.")] = False,
) -> Job[Any]:
    """Delete tasks, all or none of them; asks when three or more are meant.

    \b
    Examples:
      todo delete 3
      todo delete 1-20 --yes
    """
    named = references.parse_references(refs, to_change=True)

    async def work(place: Workplace) -> list[Task]:
        if yes or references.most(named) < _ASK_FROM:
            return await place.tasks.delete(named)
        found = await place.tasks.find(named, to_change=True)
        if len(found) >= _ASK_FROM:
            await place.confirm(views.deletion_question(found))
        return await place.tasks.delete([task.id for task in found])

    return Job(work, views.Changed("Deleted", is_single=references.is_single(refs)))


@command(app, "doctor", "Store")
def doctor() -> Job[Any]:
    """Say which store is in use and why, and whether it can be used."""
    return Job(diagnosis.examine, diagnosis.view)


@command(app, "serve", "Store")
def serve(
    host: Annotated[
        str,
        typer.Option(
            "--host",
            metavar="ADDRESS",
            help="A loopback address; no other is accepted.",
        ),
    ] = "127.0.0.1",
    port: Annotated[
        str,
        typer.Option("--port", metavar="PORT", help="0 lets the system choose one."),
    ] = "8000",
) -> Job[Any]:
    """Serve the REST API until a signal ends it; needs the extra `api`.

    Nobody has to prove who they are: whoever reaches the port can read and change the
    tasks of every user.
    """
    number = _port(port)

    async def work(place: Workplace) -> None:
        try:
            from todo_cli.api.server import serve
        except ModuleNotFoundError as error:
            raise Usage(
                '`todo serve` needs the extra "api"',
                hint="in the clone: pip install '.[api]'",
            ) from error
        env = place.env
        await serve(
            place.settings,
            host=host,
            port=number,
            variables=env.variables,
            now=env.now,
            stderr=env.stderr,
        )

    return Job(
        work,
        lambda _, context: views.Sheet(None, "Stopped"),
        connects=False,
        patience_s=inf,
    )


@command(db_app, "upgrade", "Commands")
def upgrade(
    sql: Annotated[
        bool, typer.Option("--sql", help="Print the SQL instead of running it.")
    ] = False,
) -> Job[Any]:
    """Bring the schema up to date, or make it.

    With --sql, print what the owner of the database has to run.
    """
    if sql:
        return Job(lambda place: place.database.upgrade_script(), views.script)
    return Job(lambda place: place.database.upgrade(), views.upgraded)


@command(db_app, "policy", "Commands")
def policy(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="NAME",
            help="Whose roles get rights; the user of this call without it.",
        ),
    ] = None,
    sql: Annotated[
        bool, typer.Option("--sql", help="Print the SQL, as it does anyway.")
    ] = False,
) -> Job[Any]:
    """Print SQL for sharing one database: a role for each person, bound to its own tasks.

    Nothing is changed; the owner of the database runs what is printed.
    """
    people = None if not names else [_role(name) for name in names]

    async def work(place: Workplace) -> str:
        from todo_cli.database.policy import recipe

        return recipe(people or [place.settings.user])

    return Job(work, views.script)


@command(db_app, "import", "Commands")
def import_(
    path: Annotated[
        str,
        typer.Argument(
            metavar="PATH", help="An embedded file, such as `todo doctor` shows."
        ),
    ],
) -> Job[Any]:
    """Copy every user's tasks from an embedded file into the store in use.

    Ids, numbers and times are kept; all or nothing, and a repeat is harmless.
    """
    if redact.looks_like_address(path):
        raise InvalidInput(
            "path: must be an embedded file, not a URL",
            hint="the path of a file, such as `todo doctor` shows",
            details=[
                {"field": "path", "message": "must be an embedded file, not a URL"}
            ],
        )

    async def work(place: Workplace) -> "Imported":
        from todo_cli.database.engine import open_database
        from todo_cli.database.transfer import copy, is_same_file

        target = SqliteTarget(place.env.cwd / path)
        if is_same_file(place.settings.target, target):
            raise InvalidInput.of("path", "is the store in use itself")
        async with open_database(target) as source:
            with place.progress("Importing") as report:
                return await copy(source, place.database, report)

    return Job(work, views.imported, again=("db", "import", path))


async def _add_lines(place: Workplace, key: UUID) -> list[Added]:
    """Add one task a line of standard input, all or nothing."""
    news = []
    for number, line in _lines(await place.read_stdin()):
        try:
            news.append(NewTask(title=line, id=uuid5(key, str(number))))
        except InvalidInput as error:
            details: list[Detail] = [
                {"field": f"line {number}", "message": each["message"]}
                for each in error.details
            ]
            raise InvalidInput(
                f"line {number}: {error.message}{_NOTHING_ADDED}", details=details
            ) from None
    try:
        return await place.tasks.add_all(news)
    except Conflict as error:
        raise Conflict(f"{error.message}{_NOTHING_ADDED}", hint=error.hint) from error


def _lines(data: bytes) -> list[tuple[int, str]]:
    """The lines that hold something, with their numbers from 1; CRLF is taken off."""
    lines = enumerate(
        (line.removesuffix("\r") for line in _text(data).split("\n")), start=1
    )
    return [(number, line) for number, line in lines if line.strip()]


async def _description(place: Workplace, given: str | None) -> str | None:
    """The description as given, or read from standard input for `-`, less one final line end."""
    if given != "-":
        return given
    data = await place.read_stdin(_LONGEST_DESCRIPTION + 1)
    if (
        len(data) > _LONGEST_DESCRIPTION
    ):  # all of it was not read, so its length is not known
        raise InvalidInput.of(
            "description", f"has more than {rules.DESCRIPTION_LENGTH:,} characters"
        )
    return _text(data).replace("\r\n", "\n").removesuffix("\n")


def _text(data: bytes) -> str:
    """Decode standard input less a byte order mark; bytes that are not UTF-8 are left
    for the rules to refuse.

    Raises:
        InvalidInput: it is UTF-16, as Windows programs write it.
    """
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise InvalidInput(
            "Standard input is UTF-16, and must be UTF-8",
            hint="iconv -f UTF-16 -t UTF-8 FILE",
        )
    return data.removeprefix(b"\xef\xbb\xbf").decode(errors="surrogateescape")


def _port(text: str) -> int:
    if re.fullmatch(r"[0-9]{1,5}", text, re.ASCII) is None:
        raise Usage(
            f"Invalid value for '--port': '{redact.shown(text)}' is not a port",
            hint="todo serve --help",
        )
    if int(text) > 65_535:
        raise InvalidInput.of("port", "must be a number from 0 to 65535")
    return int(text)


def _role(text: str) -> str:
    """A user's name that PostgreSQL can hold as the name of a role."""
    if redact.looks_like_address(text):
        raise InvalidInput.of("name", "looks like a connection string")
    name = rules.clean_user(text)
    if name in ("public", "none") or name.startswith("pg_"):
        raise InvalidInput.of("name", "is one that PostgreSQL keeps for itself")
    if len(name.encode()) > 63:
        raise InvalidInput.of(
            "name", "has more than 63 bytes, which no role's name may have"
        )
    return name


def _limit(text: str) -> int:
    if re.fullmatch(r"[+-]?[0-9]+", text, re.ASCII) is None:
        raise Usage(
            f"Invalid value for '--limit': '{redact.shown(text)}' is not an integer",
            hint="todo list --help",
        )
    if re.fullmatch(r"[0-9]{1,9}", text, re.ASCII) is None or int(text) < 1:
        raise InvalidInput.of("limit", "must be a number from 1 to 999999999")
    return int(text)


@cache
def commands() -> Any:
    """The commands as Typer makes them from the functions above, once in a process."""
    return typer.main.get_command(app)
