"""The whole program: arguments in, exit status out. It parses, performs and
prints, and every failure becomes words or a JSON document here and nowhere
else.
"""

import contextlib
import io
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from todo_cli import config, redact
from todo_cli.cli.env import Env
from todo_cli.cli.printer import Printed, Printer
from todo_cli.cli.signals import Interrupted
from todo_cli.errors import Code, OutcomeUnknown, TodoError, Usage
from todo_cli.output.views import Sheet

if TYPE_CHECKING:
    from todo_cli.cli.parser import Parsed

_GROUPS: Final[tuple[list[str], ...]] = ([], ["db"])
"""Words that name no command yet; alone they are a question for help."""


@dataclass(frozen=True, slots=True)
class Arguments:
    """The arguments, without the options that matter also when parsing
    fails.
    """

    words: list[str]
    as_json: bool
    debug: bool
    dash_is_text: bool
    """Whether a `-` comes after `--`, and is a word like any other."""


@dataclass(frozen=True, slots=True)
class Configured:
    """What reading the config file gave: its values, the output that is asked
    for, and an error that matters to every command but not to the help.
    """

    file: config.Config
    as_json: bool
    error: TodoError | None


class Help(str):
    """A help text, which is asked for instead of a command."""


class Version:
    """The version is asked for instead of a command."""


def main(argv: Sequence[str], env: Env) -> int:
    """Run `todo` and return its exit status; 128+n means an end by signal
    n.
    """
    arguments = split(argv)
    configured = read_config(arguments, env)
    printer = Printer(env, as_json=configured.as_json)

    def end(number: int) -> None:
        with env.signals.printing():
            printer.write(printer.interrupted(number))
        env.signals.die(number)

    env.signals.end_idle_by(end)
    printed = _answer(arguments, configured, printer)
    with env.signals.printing():
        status = printer.write(printed)
    is_open = status == Code.OUTCOME_UNKNOWN.exit
    if env.signals.number is None or is_open:
        return status
    return 128 + env.signals.number


def split(argv: Sequence[str]) -> Arguments:
    """Take `--json` and `--debug` out, wherever they are before `--`."""
    words = list(argv)
    end = words.index("--") if "--" in words else len(words)
    options, text = words[:end], words[end:]
    kept = [word for word in options if word not in ("--json", "--debug")]
    return Arguments(
        words=[*kept, *text],
        as_json="--json" in options,
        debug="--debug" in options,
        dash_is_text="-" in text,
    )


def read_config(arguments: Arguments, env: Env) -> Configured:
    """Read the config file before parsing, as it may choose JSON. Return its
    error instead of raising it, so that `--help` still works.
    """
    file, error = config.Config(None), None
    try:
        file = config.read_config(env.variables, cwd=env.cwd, home=env.home)
        output = config.output(env.variables, file)
    except TodoError as fault:
        error = fault
        output = env.variables.get("TODO_OUTPUT", "")
    return Configured(file, arguments.as_json or output == "json", error)


def parse(
    arguments: Arguments, env: Env, *, as_json: bool
) -> "Parsed | Help | Version":
    """Build the command that the arguments name, or say that they ask for
    help.

    Raises:
        TodoError: the arguments make no command.
    """
    words = arguments.words
    if words == ["--version"]:
        return Version()
    if words in _GROUPS and not as_json:
        words = [*words, "--help"]

    import typer

    from todo_cli.cli.app import VersionAsked, commands
    from todo_cli.cli.parser import Parsed, ParseState

    root, printed = commands(), io.StringIO()
    try:
        with contextlib.redirect_stdout(printed):
            # Typer's `main` would obey the variable of shell completion,
            # `_TODO_COMPLETE`, instead of the arguments.
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
        raise _misused(error, words) from error
    return parsed


def perform(
    parsed: "Parsed", file: config.Config, env: Env, *, as_json: bool
) -> Sheet:
    """Run a command on the store that the settings name, and put its result
    into words.

    Raises:
        Interrupted: a signal ended it, and nothing was written.
        TodoError: it failed; an unknown outcome comes with the command that
            settles it.
    """
    from todo_cli.cli.run import run

    settings = config.load(
        env.variables,
        file,
        user=parsed.user,
        login=env.login,
        cwd=env.cwd,
        home=env.home,
    )
    try:
        return run(parsed.command, settings, env, as_json=as_json)
    except OutcomeUnknown as error:
        raise OutcomeUnknown(error.message, hint=_settling(parsed)) from error
    except Interrupted as end:
        if not end.was_writing:
            raise
        message = "Interrupted while it was being stored: it may or may not be"
        raise OutcomeUnknown(message, hint=_settling(parsed)) from end


def _answer(
    arguments: Arguments, configured: Configured, printer: Printer
) -> Printed:
    """Find out what to print; every error becomes words or a document here."""
    env, as_json = printer.env, printer.as_json
    try:
        parsed = parse(arguments, env, as_json=as_json)
        if isinstance(parsed, Help):
            return printer.help(parsed)
        if isinstance(parsed, Version):
            return printer.version()
        if configured.error is not None:
            raise configured.error
        sheet = perform(parsed, configured.file, env, as_json=as_json)
        return printer.result(sheet)
    except Interrupted as end:
        return printer.interrupted(end.number)
    except TodoError as error:
        if error.code is Code.INTERNAL:
            return _internal(error, arguments, configured, printer)
        return printer.failure(error)
    except Exception as error:  # noqa: BLE001 - a bug, too, must print one document
        return _internal(error, arguments, configured, printer)


def _internal(
    error: Exception,
    arguments: Arguments,
    configured: Configured,
    printer: Printer,
) -> Printed:
    """Print a bug; its traceback may quote the connection string, so hide
    that.
    """
    variables = printer.env.variables
    return printer.bug(
        error,
        debug=arguments.debug,
        urls=config.secrets(variables, configured.file),
        passwords=[variables.get("PGPASSWORD", "")],
    )


def _settling(parsed: "Parsed") -> str:
    """The command line that settles an unknown outcome, for the same user."""
    words = ["todo"]
    if parsed.user is not None:
        words += ["--user", parsed.user]
    return shlex.join([*words, *parsed.command.repeat()])


def _misused(error: Any, words: Sequence[str]) -> Usage:
    """Say what the parser found. It quotes words, and one may be a connection
    string.
    """
    from todo_cli.cli.parser import TEXT_HINT

    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "todo"
    message = redact.without_words(error.format_message(), words)
    message = " ".join(message.split()).removesuffix(".")
    hint = f"{path} --help"
    if type(error).__name__ == "NoSuchOption":
        hint = f"{TEXT_HINT}; see {hint}"
    return Usage(message or "The command cannot be understood", hint=hint)
