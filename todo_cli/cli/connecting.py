"""The steps of `todo connect`: from a connection string to a store in use.

1. The string is read and parsed, and the store is looked at.
2. Questions: whose list it is, whether to upgrade older tables, and whether to
   bring the tasks of the embedded file along.
3. The config file is written, the tables are made, the tasks are copied.

Until 3 nothing is changed: a wrong string and Ctrl-C do no harm. What fails in
3 says what is done, and which command goes on.
"""

import shlex
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

from todo_cli import config, config_file, redact, rules
from todo_cli.cli.context import YES
from todo_cli.cli.env import Env
from todo_cli.cli.secret import read_secret
from todo_cli.config import Config, Settings
from todo_cli.database.url import (
    EXAMPLES,
    PostgresTarget,
    SqliteTarget,
    Target,
    is_meant_for_postgres,
    parse_url,
    unwrap,
    usual_passfile,
)
from todo_cli.errors import (
    Cancelled,
    ConfigInvalid,
    Conflict,
    InvalidInput,
    IoFailed,
    OutcomeUnknown,
    TodoError,
)
from todo_cli.output import words
from todo_cli.output.connected import Connected, Disconnected, Use, lists_of

if TYPE_CHECKING:
    from todo_cli.cli.context import RunContext
    from todo_cli.database.engine import Database
    from todo_cli.database.survey import Survey
    from todo_cli.database.transfer import Imported

_PROMPT: Final = "Connection string (it is not shown): "
_WHAT: Final = "connection string"
_URL: Final = "database_url"
_SOURCE: Final = "the connection string"
_EXAMPLE: Final = "copy the whole string, from `postgresql://` to its end"

_STAYS: Final = (Conflict, InvalidInput, IoFailed)
"""What the same import meets again: it is about a task or the file itself."""


# The string


async def read_target(settings: Settings, env: Env) -> Settings:
    """Read the connection string; return the settings with its store.

    Raises:
        TodoError: it cannot be read, or names no server. So is what would keep
            the settings from being saved: nobody likes to paste for nothing.
    """
    config_file.require_writable(settings.config_path)
    if settings.user_fault is not None:
        raise settings.user_fault
    text = await read_secret(env, _PROMPT, _WHAT)
    env.secrets.append(text)
    url = unwrap(text)
    target = _parsed(url, env)
    return replace(
        settings, target=target, target_source=_SOURCE, typed_url=url
    )


def _parsed(url: str, env: Env) -> PostgresTarget:
    """Parse the connection string, as every command will.

    Raises:
        ConfigInvalid: it cannot be parsed, or names no server.
    """
    if url.lower() == "sqlite":
        raise _no_server()
    try:
        target = parse_url(
            url,
            cwd=env.cwd or Path("/"),
            home=env.home,
            variables=env.variables,
            login=env.login,
        )
    except ConfigInvalid as error:
        if error.hint != EXAMPLES:
            raise
        # Those of files lead nowhere here.
        raise ConfigInvalid(error.message, hint=_EXAMPLE) from None
    if isinstance(target, SqliteTarget):
        raise _no_server()
    _refuse_relative("sslrootcert", target.root_certificate, target)
    if env.home is None or target.password_file != usual_passfile(env.home):
        _refuse_relative("passfile", target.password_file, target)
    return replace(target, url_from=_SOURCE)


def _no_server() -> ConfigInvalid:
    return ConfigInvalid(
        "That names an embedded file, not a server",
        hint="`todo connect --off` goes back to the embedded file; "
        f"`{_URL}` in the config file can name another one",
    )


def _refuse_relative(
    name: str, path: Path | None, target: PostgresTarget
) -> None:
    """Refuse a path that means another file in every folder.

    One in a variable is read anew by each command.

    Raises:
        ConfigInvalid: the connection string has it.
    """
    if path is None or path.is_absolute() or name in target.variables:
        return
    # libpq's own word for the certificates of the system.
    if str(path) == "system":
        return
    raise ConfigInvalid(
        f"`{name}` in the connection string is a relative path",
        hint="write the whole path: commands run in any folder",
    )


# The steps


@dataclass(frozen=True, slots=True)
class _Local:
    """The embedded file, and what it has that the server lacks."""

    database: "Database | None" = None
    owners: Sequence[str] = ()
    """Whose tasks are in it."""
    missing: int = 0


@dataclass(frozen=True, slots=True)
class _Plan:
    """What is to be done, once all questions are answered."""

    user: str
    makes_tables: bool
    source: "Database | None"
    """The embedded file, if its tasks come along."""
    new_owner: str | None
    """Whose they become; None leaves them to their owners."""


async def connect(
    context: "RunContext", *, is_import_wanted: bool | None
) -> Connected:
    """Look at the store, ask, and then do all that is to be done.

    `is_import_wanted` says whether the tasks of the embedded file come along;
    None asks, if somebody is there.

    Raises:
        TodoError: it failed. If something is done, the message says what.
    """
    found = await _look_at_store(context)
    async with AsyncExitStack() as stack:
        local = _Local()
        if is_import_wanted is not False:
            must = is_import_wanted is True
            local = await _look_at_file(context, found, stack, must=must)
        user = await _choose_user(context, found)
        makes_tables = await _will_make_tables(context, found)
        is_usable = makes_tables or found.is_usable
        if is_import_wanted is None and is_usable:
            is_import_wanted = await _ask_import(context, local, user)
        plan = _Plan(
            user,
            makes_tables,
            local.database if is_import_wanted else None,
            _heir(local, user),
        )
        result = await _carry_out(context, found, plan)
    if plan.source is not None:
        return result
    # Without a home there is no such file, either.
    has_file = context.settings.data_path is not None
    lacks_tasks = is_import_wanted is True and has_file
    return replace(result, left=local.missing, lacks_tasks=lacks_tasks)


async def _look_at_store(context: "RunContext") -> "Survey":
    """Look at the store that is to be used, as its user.

    Raises:
        TodoError: it cannot be reached, or not be used.
    """
    from todo_cli.database.survey import survey

    return await survey(context.database, context.settings.user)


async def _look_at_file(
    context: "RunContext",
    found: "Survey | None",
    stack: AsyncExitStack,
    *,
    must: bool,
) -> _Local:
    """Look at the embedded file, and without `found` at no server.

    Raises:
        TodoError: it cannot be read, and `must` be.
    """
    path = context.settings.data_path
    if path is None:
        return _Local()
    try:
        return await _local_of(path, context, found, stack)
    except TodoError:
        if must:
            raise
        # Whoever leaves a broken file for a server has to get there.
        return _Local()


async def _local_of(
    path: Path,
    context: "RunContext",
    found: "Survey | None",
    stack: AsyncExitStack,
) -> _Local:
    """Open the embedded file, and count what the server lacks.

    Raises:
        TodoError: one of them cannot be read.
    """
    from todo_cli.database.engine import open_database
    from todo_cli.database.survey import count_missing, survey

    target = SqliteTarget(path, is_named=False)
    database = await stack.enter_async_context(open_database(target))
    contents = await survey(database, with_trash=True)
    owners = [user for user, count in contents.tasks.items() if count > 0]
    if not owners:
        return _Local()
    there = None
    if found is not None and found.has_tables:
        there = context.database
    missing = await count_missing(database, there, context.settings.user)
    return _Local(database, owners, missing)


def _heir(local: _Local, user: str) -> str | None:
    """Return whose the tasks of the file become: yours, if one owns all."""
    return user if len(local.owners) == 1 else None


# The questions


async def _choose_user(context: "RunContext", found: "Survey") -> str:
    """Return whose list is used from now on.

    A name that is set is taken. Else it is the login name, unless somebody is
    there to say which of the lists is theirs.

    Raises:
        InvalidInput: the answer is no name.
        Cancelled: the input ended.
    """
    user = context.settings.user
    if context.settings.user_source != config.LOGIN:
        return user
    # Row-level security shows a role its own tasks alone.
    if found.only_user is not None:
        return rules.clean_user(found.only_user)
    if not found.tasks or user in found.tasks or not context.can_ask:
        return user
    return await _ask_user(context, found, user)


async def _ask_user(context: "RunContext", found: "Survey", login: str) -> str:
    """Ask which list is theirs; a single one is offered first.

    Raises:
        InvalidInput: the answer is no name.
        Cancelled: the input ended.
    """
    names = list(found.tasks)
    usual = login
    question = "Which list is yours? Its name, or Enter for a new one"
    if len(names) == 1:
        usual = names[0]
        question = "Is that your list? Enter, or another name for a new one"
    place = context.settings.target.place
    lines = [
        f"{place} has {lists_of(found.tasks)}.",
        f"{question} [{usual}]: ",
    ]
    answer = await _answer(context, lines)
    if not answer or answer.lower() in YES:
        return usual
    if answer.lower() in ("n", "no"):
        return login
    # It would be stored with every task, and its password with it.
    if redact.looks_like_address(answer):
        raise InvalidInput.of("user", "looks like a connection string")
    return rules.clean_user(answer)


async def _will_make_tables(context: "RunContext", found: "Survey") -> bool:
    """Whether to make the tables, or to upgrade older ones, if that is wanted.

    Raises:
        Cancelled: the input ended.
    """
    if not found.has_tables:
        return True
    if not found.is_older or not context.can_ask:
        return False
    question = (
        f"Its tables are of an older version ({found.version}). Upgrade them, "
        "so that programs of that version no longer work? [y/N] "
    )
    return (await _answer(context, [question])).lower() in YES


async def _ask_import(context: "RunContext", local: _Local, user: str) -> bool:
    """Ask whether the tasks of the embedded file come along.

    Raises:
        Cancelled: the input ended.
    """
    if local.missing == 0 or not context.can_ask:
        return False
    whose = f"as {user}'s"
    if _heir(local, user) is None:
        whose = f"(of {', '.join(local.owners)})"
    count = words.amount(local.missing, "task")
    question = (
        f"Bring {count} of {context.settings.data_path} along {whose}? [Y/n] "
    )
    answer = (await _answer(context, [question])).lower()
    return not answer or answer in YES


async def _answer(context: "RunContext", question: Sequence[str]) -> str:
    """Ask; the end of the input means to change nothing.

    Raises:
        Cancelled: the input ended.
    """
    answer = await context.ask(question)
    if answer is None:
        raise Cancelled("Nothing was changed")
    return answer


# What is done


async def _carry_out(
    context: "RunContext", found: "Survey", plan: _Plan
) -> Connected:
    """Save the settings, make the tables and copy the tasks.

    Raises:
        TodoError: it failed; the message says what is done.
    """
    settings = context.settings
    before = _read_config(context.env)
    changes = {_URL: settings.typed_url, "user": plan.user}
    config_file.edit(settings.config_path, changes)
    imported = None
    try:
        version = await _make_tables(context, found, plan)
        if plan.source is not None:
            imported = await _copy(context, plan.source, plan.new_owner)
    except TodoError as error:
        raise _partly(error, context, plan) from error
    after = Config(settings.config_path, {**before.values, **changes})
    result = _described(context, found, plan.user)
    return replace(
        result,
        version=version,
        is_older=found.is_older and not plan.makes_tables,
        replaced=_replaced(before, result.place, context.env),
        rival=_rival(after, context),
        imported=imported,
    )


def _described(context: "RunContext", found: "Survey", user: str) -> Connected:
    """Describe what was found, and whose list is used now."""
    settings = context.settings
    # `_parsed` lets no other pass.
    target = cast("PostgresTarget", settings.target)
    return Connected(
        place=target.place,
        login=target.user,
        is_new=not found.has_tables,
        tasks=found.tasks,
        user=user,
        config_file=str(settings.config_path),
        embedded_file=str(settings.data_path),
        filled_by=sorted(target.variables.values()),
        is_exposed=target.is_exposed,
        only_user=found.only_user,
    )


def _read_config(env: Env) -> Config:
    """Read the config file again: the questions may have taken long.

    Raises:
        ConfigInvalid: it cannot be read, or is not valid.
    """
    return config.read_config(
        env.variables, cwd=env.cwd, home=env.home, must_exist=False
    )


async def _make_tables(
    context: "RunContext", found: "Survey", plan: _Plan
) -> str:
    """Make the tables, as `todo db upgrade` does; return their version.

    Raises:
        TodoError: the role may not, or may not even read them.
    """
    if found.fault is not None:
        raise found.fault
    if not plan.makes_tables:
        return str(found.version)
    version = await context.database.upgrade()
    await context.database.fill()
    await context.database.index_words()
    return version


async def _copy(
    context: "RunContext", source: "Database", owner: str | None
) -> "Imported":
    """Copy the tasks of the embedded file, numbered on where it has to be.

    Raises:
        TodoError: one of the two stores failed; nothing was copied.
    """
    from todo_cli.database.transfer import Wishes, copy

    wishes = Wishes(owner, renumbers=True)
    now = context.env.now()
    with context.progress("Importing") as report:
        return await copy(source, context.database, report, now, wishes)


def _partly(error: TodoError, context: "RunContext", plan: _Plan) -> TodoError:
    """Add to an error what is done already, and which command goes on."""
    message = (
        f"{error.message}; the connection is saved in "
        f"{context.settings.config_path}"
    )
    hints = []
    if error.hint:
        hints.append(error.hint)
    # After a lost answer they may have been copied.
    is_known = not isinstance(error, OutcomeUnknown)
    if plan.source is not None and is_known:
        message += ", and no task was copied"
    may_work = is_known and not isinstance(error, _STAYS)
    if plan.source is not None and may_work:
        parts = ["todo", "db", "import", str(context.settings.data_path)]
        if plan.new_owner is not None:
            parts += ["--as", plan.new_owner]
        hints.append(f"`{shlex.join([*parts, '--renumber'])}` copies them")
    hint = "; then ".join(hints) or None
    return type(error)(message, hint=hint, details=error.details)


def _replaced(before: Config, place: str, env: Env) -> str | None:
    """Name the store that the config file named before, if another one."""
    former = _place_in(before, env)
    return None if former == place else former


def _place_in(file: Config, env: Env) -> str | None:
    """Name the store that a config file names; None if it names none."""
    if _URL not in file.values:
        return None
    try:
        target, _, _ = config.choose_target(
            {}, file, env.cwd, env.home, env.login
        )
    except TodoError:
        return "a store that cannot be used"
    return target.place


def _rival(after: Config, context: "RunContext") -> Use | None:
    """Return the store that commands use although the file names another."""
    variables = context.env.variables
    chosen = config.choose(config.DATABASE_URL, variables, after)
    if chosen.source != config.DATABASE_URL.variable:
        return None
    used, place = _next(after, context.env)
    if used == context.settings.target:
        return None
    return Use(place, chosen.source)


def _next(file: Config, env: Env) -> tuple[Target | None, str]:
    """Return the store that commands use with this file, and where it is.

    None and "" if a setting cannot be used.
    """
    try:
        target, _, _ = config.choose_target(
            env.variables, file, env.cwd, env.home, env.login
        )
    except TodoError:
        return None, ""
    return target, target.place


# Back to the embedded file


async def disconnect(context: "RunContext") -> Disconnected:
    """Take the store out of the config file, and save the user of `--user`.

    Nothing else is changed.

    Raises:
        TodoError: the file cannot be read or written, or the user breaks a rule.
    """
    settings = context.settings
    is_user_named = settings.user_source == config.FLAG_OF_USER
    if is_user_named and settings.user_fault is not None:
        raise settings.user_fault
    env = context.env
    before = _read_config(env)
    left = _place_in(before, env)
    changes: dict[str, str | None] = {}
    if left is not None:
        changes[_URL] = None
    if is_user_named:
        changes["user"] = settings.user
    if changes:
        config_file.edit(before.path, changes)
    use, is_embedded = _without_url(before, env)
    return Disconnected(
        config_file=str(before.path or "") or None,
        left=left,
        use=use,
        is_embedded=is_embedded,
        user=settings.user,
        is_user_saved=is_user_named,
        owners=await _owners(context) if is_embedded else (),
    )


def _without_url(before: Config, env: Env) -> tuple[Use, bool]:
    """Say which store is used without the one of the config file.

    The second value is whether that is the embedded file.
    """
    values = dict(before.values)
    values.pop(_URL, None)
    after = Config(before.path, values)
    target, place = _next(after, env)
    is_embedded = isinstance(target, SqliteTarget) and not target.is_named
    return Use(place, _chooser(after, env)), is_embedded


async def _owners(context: "RunContext") -> Sequence[str]:
    """Name those who have tasks in the embedded file."""
    async with AsyncExitStack() as stack:
        local = await _look_at_file(context, None, stack, must=False)
        return local.owners


def _chooser(after: Config, env: Env) -> str:
    """Name the setting that chooses the store, also if it is wrong."""
    chosen = config.choose(config.DATABASE_URL, env.variables, after)
    foreign = env.variables.get(config.FOREIGN)
    if chosen.value is None and foreign and is_meant_for_postgres(foreign):
        return config.FOREIGN
    return chosen.source
