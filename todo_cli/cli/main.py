"""The whole program: from the arguments to an exit status.

It parses the arguments, runs the command, and prints the result. It is the
only place that catches errors and turns them into output.
"""

import contextlib
import io
import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from todo_cli import config, redact
from todo_cli.cli import limits
from todo_cli.cli.command import refusing
from todo_cli.cli.env import Env
from todo_cli.cli.printer import Printed, Printer
from todo_cli.cli.signals import Interrupted
from todo_cli.errors import (
    Code,
    DatabaseUnavailable,
    InvalidInput,
    NotFound,
    OutcomeUnknown,
    TimedOut,
    TodoError,
    Usage,
)
from todo_cli.output.views import Sheet

if TYPE_CHECKING:
    from todo_cli.cli.parser import Parsed

_GROUPS: Final[tuple[list[str], ...]] = (
    [],
    ["db"],
    ["warm"],
    ["token"],
)
"""Arguments that name no command; they show the help."""


_LONGEST_COMMAND: Final = 160
"""The longest command that a hint repeats."""
_PLAIN: Final = {
    r"^Got unexpected extra argument\S* \((.*)\)$": r"Too many arguments: \1",
    r"^Option '(\S+)' requires an argument$": r"`\1` needs a value",
    r"^Option '(\S+)' does not take a value$": r"`\1` takes no value",
}
"""Messages of the parser, and the same in plain words."""


@dataclass(frozen=True, slots=True)
class Arguments:
    """The arguments, split into words and the options that errors need."""

    words: list[str]
    """The arguments for Typer, without `--json` and `--debug`."""
    as_json: bool
    debug: bool
    dash_is_text: bool
    """Whether a `-` comes after `--`, and so does not mean stdin."""


@dataclass(frozen=True, slots=True)
class Configured:
    """What the config file says, and which output the call wants."""

    file: config.Config
    as_json: bool
    error: TodoError | None
    """A fault in the file: commands fail with it, but the help works."""


class Help(str):
    """A help text; the arguments ask for it instead of a command."""


class Version:
    """The arguments ask for the version instead of a command."""


def main(argv: Sequence[str], env: Env) -> int:
    """Run `todo` and return its exit status; 128+n means signal n ended it."""
    arguments = split(argv)
    configured = read_config(arguments, env)
    printer = Printer(env, configured.file, as_json=configured.as_json)

    def end(number: int) -> None:
        """End at a signal, while nothing is stored."""
        with env.signals.printing():
            printer.write(printer.interrupted(number))
        env.signals.die(number)

    env.signals.end_idle_by(end)
    printed = _answer(arguments, configured, printer)
    with env.signals.printing():
        try:
            status = printer.write(printed)
        # The rest of a long text is drawn while it is written.
        except Exception as error:  # noqa: BLE001 - a bug, as in `_answer`
            broken = _internal(error, arguments, configured, printer)
            status = printer.write(broken)
    if env.signals.number is None:
        return status
    if status == Code.OUTCOME_UNKNOWN.exit:
        # A script needs to know that the write may be stored, signal or not.
        return status
    return 128 + env.signals.number


def split(argv: Sequence[str]) -> Arguments:
    """Take `--json` and `--debug` out, wherever they are before `--`.

    They apply also when parsing fails, so they are read before Typer parses.
    """
    words = list(argv)
    end = len(words)
    if "--" in words:
        end = words.index("--")
    options, text = words[:end], words[end:]
    kept = [word for word in options if word not in ("--json", "--debug")]
    return Arguments(
        words=[*kept, *text],
        as_json="--json" in options,
        debug="--debug" in options,
        dash_is_text="-" in text,
    )


def read_config(
    arguments: Arguments, env: Env, *, must_exist: bool = True
) -> Configured:
    """Read the config file before parsing, because it may choose JSON.

    Without `must_exist`, also that of `TODO_CONFIG` may be absent. Returns its
    error instead of raising it, so that `--help` still works.
    """
    file = config.Config(None)
    error = None
    as_json = arguments.as_json
    try:
        file = config.read_config(
            env.variables,
            cwd=env.cwd,
            home=env.home,
            must_exist=must_exist,
        )
        # With --json the other settings of the output are not even checked.
        as_json = as_json or config.output(env.variables, file) == "json"
    except TodoError as fault:
        error = fault
        as_json = as_json or env.variables.get("TODO_OUTPUT") == "json"
    return Configured(file, as_json, error)


def parse(
    arguments: Arguments, env: Env, *, as_json: bool
) -> "Parsed | Help | Version":
    """Build the command that the arguments name.

    Returns Help or Version instead if the arguments ask for one of them.

    Raises:
        TodoError: the arguments are wrong.
    """
    words = arguments.words
    if words == ["--version"]:
        return Version()
    if words in _GROUPS and not as_json:
        words = [*words, "--help"]

    try:
        return _parse(words, arguments, env)
    except (Usage, InvalidInput) as error:
        error.hint = _habit(words, arguments, env) or error.hint
        raise


def _parse(
    words: Sequence[str], arguments: Arguments, env: Env
) -> "Parsed | Help | Version":
    """Have Typer parse the words.

    Raises:
        TodoError: the arguments are wrong.
    """
    import typer

    from todo_cli.cli.app import VersionAsked, commands
    from todo_cli.cli.parser import Parsed, ParseState

    root = commands()
    printed = io.StringIO()
    try:
        with contextlib.redirect_stdout(printed):
            # Typer's own `main` would obey `_TODO_COMPLETE`, the variable of
            # shell completion, instead of the arguments.
            context = root.make_context(
                "todo",
                list(words),
                obj=ParseState(dash_is_text=arguments.dash_is_text),
                terminal_width=min(env.columns, 100),
            )
            with context:
                parsed: Parsed = root.invoke(context)
    except VersionAsked:
        return Version()
    except typer.Exit:
        return Help(printed.getvalue())
    except typer.TyperException as error:
        raise _misused(error, words, root) from error
    return parsed


def _habit(words: Sequence[str], arguments: Arguments, env: Env) -> str | None:
    """Return the command line that refused words mean elsewhere, as a hint."""
    from todo_cli.cli import hints
    from todo_cli.cli.app import commands

    def is_right(guess: list[str]) -> bool:
        """Whether the program accepts a command line."""
        if guess == ["--version"]:
            return True
        try:
            _parse(guess, arguments, env)
        except TodoError:
            return False
        return True

    return hints.hint(words, commands(), is_right)


def perform(
    parsed: "Parsed", file: config.Config, env: Env, *, as_json: bool
) -> Sheet:
    """Run a command on the store that the settings name; return its view.

    Raises:
        Interrupted: a signal ended it, and nothing was written.
        OutcomeUnknown: a write was sent and not confirmed; the hint is a
            command that settles whether it is stored.
        TodoError: it failed.
    """
    from todo_cli.cli.run import run

    try:
        with refusing(parsed.command.unchanged):
            settings = _settings(parsed, file, env)
            if isinstance(settings, Sheet):
                return settings
            return run(parsed.command, settings, env, as_json=as_json)
    except OutcomeUnknown as error:
        raise OutcomeUnknown(error.message, hint=settling(parsed)) from error
    except NotFound as error:
        error.hint = _for_user(error.hint, parsed.user)
        raise
    except (DatabaseUnavailable, TimedOut) as error:
        error.hint = _kept_here(error.hint, parsed)
        raise
    except Interrupted as end:
        if not end.was_writing:
            raise
        message = "Interrupted while it was being stored: it may or may not be"
        raise OutcomeUnknown(message, hint=settling(parsed)) from end


def _kept_here(hint: str | None, parsed: "Parsed") -> str | None:
    """Add to a hint how to keep a task here, while a server is away."""
    typed = parsed.command.elsewhere()
    if not typed:
        return hint
    name = [] if parsed.user is None else ["--user", parsed.user]
    command = shlex.join(["todo", *name, *typed])
    if len(command) > _LONGEST_COMMAND or not command.isprintable():
        return hint
    return (
        f"{hint}; or keep it here: `TODO_DATABASE_URL=sqlite {command}`, "
        "and `todo help db import` says how to copy it later"
    )


def _for_user(hint: str | None, user: str | None) -> str | None:
    """Write a hint with a command for the user that `--user` has named.

    Else it would be about another person's tasks.
    """
    if hint is None or user is None:
        return hint
    name = shlex.join(["--user", user])
    return re.sub(r"\btodo ", lambda _: f"todo {name} ", hint, count=1)


def _settings(
    parsed: "Parsed", file: config.Config, env: Env
) -> config.Settings | Sheet:
    """Choose every setting.

    A command that examines them runs without a user, too. If another setting
    is wrong, its view of the fault is returned.

    Raises:
        TodoError: a setting is wrong.
    """
    examines = parsed.command.examines
    chooses_store = parsed.command.chooses_store
    try:
        return config.load(
            env.variables,
            file,
            user=parsed.user,
            login=env.login,
            cwd=env.cwd,
            home=env.home,
            needs_user=not examines and not chooses_store,
            needs_store=not chooses_store,
        )
    except TodoError as fault:
        if not examines:
            raise
        from todo_cli.cli import doctor

        return doctor.view_settings(parsed.user, file, env, fault)


def _sheet(
    parsed: "Parsed", configured: Configured, env: Env, *, as_json: bool
) -> Sheet:
    """Run the command; one that examines the settings runs with wrong ones.

    Raises:
        TodoError: the config file is wrong, or the command failed.
    """
    parsed.command.check(env, as_json=as_json)
    sheet = parsed.command.alone(env)
    if sheet is not None:
        return sheet
    fault = configured.error
    if fault is None:
        return perform(parsed, configured.file, env, as_json=as_json)
    if not parsed.command.examines:
        raise fault
    from todo_cli.cli import doctor

    return doctor.view_settings(parsed.user, configured.file, env, fault)


def _begun(
    arguments: Arguments, env: Env, *, as_json: bool
) -> "Parsed | Help | Version":
    """Parse, and say that what follows will open and print.

    Raises:
        TodoError: the arguments are wrong.
    """
    command = None
    try:
        parsed = parse(arguments, env, as_json=as_json)
        if not isinstance(parsed, Help | Version):
            command = parsed
        return parsed
    finally:
        env.begin(command)


def _answer(
    arguments: Arguments, configured: Configured, printer: Printer
) -> Printed:
    """Parse, run and draw; every error becomes text or JSON here."""
    env = printer.env
    try:
        parsed = _begun(arguments, env, as_json=printer.as_json)
        if isinstance(parsed, Help):
            return printer.help(parsed)
        if isinstance(parsed, Version):
            return printer.version()
        printer = _printer_for(parsed, arguments, printer)
        if parsed.command.chooses_store:
            # It makes the file that `TODO_CONFIG` names.
            configured = read_config(arguments, env, must_exist=False)
        as_json = printer.as_json
        sheet = _sheet(parsed, configured, env, as_json=as_json)
        return printer.result(sheet, changes=parsed.command.changes())
    except Interrupted as end:
        return printer.interrupted(end.number)
    except TodoError as error:
        if error.code is Code.INTERNAL:
            return _internal(error, arguments, configured, printer)
        return printer.failure(error)
    except Exception as error:  # noqa: BLE001 - a bug, too, must print one document
        return _internal(error, arguments, configured, printer)


def _printer_for(
    parsed: "Parsed", arguments: Arguments, printer: Printer
) -> Printer:
    """Return the printer for a command, which may not obey `TODO_OUTPUT`."""
    if parsed.command.obeys_output:
        return printer
    return Printer(printer.env, as_json=arguments.as_json)


def _internal(
    error: Exception,
    arguments: Arguments,
    configured: Configured,
    printer: Printer,
) -> Printed:
    """Draw a bug, unless a limit is its cause; hide secrets that it may quote."""
    limit = limits.exceeded(error)
    if limit is not None:
        return printer.failure(limit)
    variables = printer.env.variables
    return printer.bug(
        error,
        debug=arguments.debug,
        urls=[
            *config.secrets(variables, configured.file),
            *printer.env.secrets,
        ],
        passwords=[variables.get("PGPASSWORD", "")],
    )


def settling(parsed: "Parsed") -> str:
    """Write the command that settles an unknown outcome, for the same user."""
    words = ["todo"]
    if parsed.user is not None:
        words += ["--user", parsed.user]
    return shlex.join([*words, *parsed.command.repeat()])


def _misused(error: Any, words: Sequence[str], root: Any) -> Usage:
    """Turn an error of the parser into one of ours.

    Its message quotes words of the user, which may be a connection string.
    """
    from todo_cli.cli import hints
    from todo_cli.cli.parser import TEXT_HINT, takes_text

    path = "todo"
    context = getattr(error, "ctx", None)
    if context is not None:
        path = context.command_path
    hint = f"{path} --help"
    if type(error).__name__ == "NoSuchOption":
        # Names that only look alike are no help; `hints.py` has better ones.
        error.possibilities = None
        advice = hints.elsewhere(error.option_name, root)
        if not advice and takes_text(context):
            advice = TEXT_HINT
        hint = f"{advice}; see {hint}" if advice else hint
    message = redact.without_words(error.format_message(), words)
    message = " ".join(message.split()).removesuffix(".")
    for typers, ours in _PLAIN.items():
        message = re.sub(typers, ours, message)
    return Usage(message or "The command cannot be understood", hint=hint)
