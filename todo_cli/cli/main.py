"""The door: arguments in, exit status out; every failure becomes words or an envelope
here and nowhere else.
"""

import contextlib
import io
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from todo_cli import __version__, config, redact
from todo_cli.cli.env import Env, write_all
from todo_cli.errors import (
    Cancelled,
    Code,
    Detail,
    Internal,
    IoFailed,
    OutcomeUnknown,
    TodoError,
    Usage,
)
from todo_cli.output import envelope, plain
from todo_cli.output.text import visible
from todo_cli.output.views import Sheet

_GROUPS: Final[tuple[list[str], ...]] = ([], ["db"])
"""Words that name no command yet; alone they are a question for help."""
_SIGPIPE: Final = 13


@dataclass(frozen=True, slots=True)
class Request:
    """The arguments, with what the door needs itself taken out."""

    words: list[str]
    as_json: bool
    debug: bool
    dash_is_text: bool


@dataclass(frozen=True, slots=True)
class Printed:
    """What a call will print, and its exit status; `stored` says in words what was
    written to the store.
    """

    status: int
    out: bytes = b""
    err: bytes = b""
    stored: str | None = None


def main(argv: Sequence[str], env: Env) -> int:
    """Run `todo` and return its exit status; 128+n stands for an end by signal n."""
    request = _request(argv)
    config_file, as_json, config_fault = _config(request, env)
    env.signals.react = lambda number: _end(number, env, as_json=as_json)
    try:
        printed = _answer(request, env, config_file, config_fault, as_json=as_json)
    except TodoError as error:
        printed = _failed(error, env, as_json=as_json)
        if request.debug and error.code is Code.INTERNAL:
            printed = Printed(
                printed.status,
                printed.out,
                printed.err + _traceback(error, env, config_file),
            )
    except Exception as error:  # noqa: BLE001 - the last wall: a bug, too, must keep the contract of one document
        printed = _failed(_bug(error), env, as_json=as_json)
        if request.debug:
            printed = Printed(
                printed.status,
                printed.out,
                printed.err + _traceback(error, env, config_file),
            )
    with env.signals.telling():
        status = _deliver(printed, env)
    is_open = status == Code.OUTCOME_UNKNOWN.exit
    return status if env.signals.number is None or is_open else 128 + env.signals.number


def _request(argv: Sequence[str]) -> Request:
    """Take `--json` and `--debug` out, wherever they stand before `--`: they matter
    also when parsing fails.
    """
    words = list(argv)
    end = words.index("--") if "--" in words else len(words)
    return Request(
        words=[word for word in words[:end] if word not in ("--json", "--debug")]
        + words[end:],
        as_json="--json" in words[:end],
        debug="--debug" in words[:end],
        dash_is_text="-" in words[end:],
    )


def _config(request: Request, env: Env) -> tuple[config.Config, bool, TodoError | None]:
    """Read the config file early, for what it says of the output; a fault in it waits
    until it matters.
    """
    found = config.Config(None)
    try:
        found = config.read_config(env.variables, cwd=env.cwd, home=env.home)
        return (
            found,
            request.as_json or config.output(env.variables, found) == "json",
            None,
        )
    except TodoError as fault:
        return (
            found,
            request.as_json or env.variables.get("TODO_OUTPUT") == "json",
            fault,
        )


def _answer(
    request: Request,
    env: Env,
    config_file: config.Config,
    config_fault: TodoError | None,
    *,
    as_json: bool,
) -> Printed:
    words = request.words
    if words == ["--version"]:
        return _version(as_json=as_json)
    if words in _GROUPS and not as_json:
        words = [*words, "--help"]

    import typer

    from todo_cli.cli.app import VersionAsked, commands
    from todo_cli.cli.parser import Parsed, ParseState

    captured = io.StringIO()
    try:
        with contextlib.redirect_stdout(captured):
            # Not by `main`: it would obey the variable of shell completion,
            # `_TODO_COMPLETE`, instead of the arguments.
            context = commands().make_context(
                "todo",
                list(words),
                obj=ParseState(dash_is_text=request.dash_is_text),
                terminal_width=min(env.columns, 100),
            )
            with context:
                parsed: Parsed = commands().invoke(context)
    except VersionAsked:
        return _version(as_json=as_json)
    except typer.Exit as end:  # after printing help
        return Printed(
            end.exit_code, captured.getvalue().encode(env.encoding, "backslashreplace")
        )
    except typer.TyperException as error:
        return _misused(error, request.words, env, as_json=as_json)
    if config_fault is not None:
        raise config_fault

    from todo_cli.cli.loop import Interrupted
    from todo_cli.cli.run import run

    settings = config.load(
        env.variables,
        config_file,
        user=parsed.user,
        login=env.login,
        cwd=env.cwd,
        home=env.home,
    )
    user = [] if parsed.user is None else ["--user", parsed.user]
    again = shlex.join(["todo", *user, *parsed.command.repeat()])
    try:
        sheet = run(parsed.command, settings, env, as_json=as_json)
    except OutcomeUnknown as error:
        raise OutcomeUnknown(error.message, hint=again) from error
    except Interrupted as end:
        if end.was_writing:
            raise OutcomeUnknown(
                "Interrupted while it was being stored: it may or may not be",
                hint=again,
            ) from end
        return _ended(end.number, env, as_json=as_json)
    if sheet.fault is not None:
        return _found_faulty(sheet, sheet.fault, env, as_json=as_json)
    return Printed(
        0,
        _drawn(sheet, env, as_json=as_json),
        stored=sheet.message if sheet.lines else None,
    )


def _end(number: int, env: Env, *, as_json: bool) -> None:
    """End this process by a signal while nothing was stored."""
    with env.signals.telling():
        _deliver(_ended(number, env, as_json=as_json), env)
    env.signals.die(number)


def _ended(number: int, env: Env, *, as_json: bool) -> Printed:
    """End by a signal: silent, but for the one document that was asked for."""
    printed = _failed(
        Cancelled("Interrupted"), env, as_json=as_json, status=128 + number
    )
    return Printed(printed.status, printed.out)


def _found_faulty(
    sheet: Sheet, fault: TodoError, env: Env, *, as_json: bool
) -> Printed:
    """Print what was found out, and the fault: in one envelope, or on both streams."""
    details: list[Detail] = [
        {"field": name, "message": value} for name, value in sheet.fields
    ]
    failed = _failed(
        type(fault)(fault.message, hint=fault.hint, details=details),
        env,
        as_json=as_json,
    )
    return (
        failed
        if as_json
        else Printed(failed.status, _drawn(sheet, env, as_json=False), failed.err)
    )


def _drawn(sheet: Sheet, env: Env, *, as_json: bool) -> bytes:
    """Draw a sheet as it was asked for: JSON, a terminal's table, or lines for a pipe."""
    if as_json:
        return envelope.success(sheet.data, sheet.message).encode()
    if not env.stdout_is_terminal:
        return plain.render(sheet).encode(env.encoding, "backslashreplace")
    from todo_cli.output import terminal

    text = terminal.render(
        sheet, width=env.columns, encoding=env.encoding, variables=env.variables
    )
    return text.encode(env.encoding, "backslashreplace")


def _version(*, as_json: bool) -> Printed:
    line = f"todo {__version__}"
    return Printed(
        0,
        envelope.success({"version": __version__}, line).encode()
        if as_json
        else f"{line}\n".encode(),
    )


def _misused(error: Any, words: Sequence[str], env: Env, *, as_json: bool) -> Printed:
    """Say what the parser found; it quotes words, and one of them may be a connection string."""
    from todo_cli.cli.parser import TEXT_HINT

    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "todo"
    message = redact.without_words(error.format_message(), words)
    message = " ".join(message.split()).removesuffix(".").replace("Value error, ", "")
    is_unknown_option = type(error).__name__ == "NoSuchOption"
    hint = f"{TEXT_HINT}; see {path} --help" if is_unknown_option else f"{path} --help"
    return _failed(
        Usage(message or "The command cannot be understood", hint=hint),
        env,
        as_json=as_json,
    )


def _failed(
    error: TodoError, env: Env, *, as_json: bool, status: int | None = None
) -> Printed:
    error = _without_secrets(error)
    exit_status = error.code.exit if status is None else status
    if exit_status is None:
        exit_status = 1
    if as_json:
        return Printed(exit_status, envelope.failure(error).encode())
    lines = [
        f"error: {error.message}",
        *([f"hint: {error.hint}"] if error.hint else []),
    ]
    text = "".join(f"{visible(line)}\n" for line in lines)
    return Printed(exit_status, err=text.encode(env.encoding, "backslashreplace"))


def _without_secrets(error: TodoError) -> TodoError:
    """Hide what looks like a login, wherever it came from; a command to repeat keeps
    the words of its task.
    """
    hint = (
        error.hint
        if error.hint is None or error.code is Code.OUTCOME_UNKNOWN
        else redact.without_logins(error.hint)
    )
    details: list[Detail] = [
        {"field": detail["field"], "message": redact.without_logins(detail["message"])}
        for detail in error.details
    ]
    return type(error)(redact.without_logins(error.message), hint=hint, details=details)


def _bug(error: Exception) -> Internal:
    return Internal(
        f"A bug in todo: {type(error).__name__}",
        hint="run it again with --debug, and report what it prints",
    )


def _traceback(error: Exception, env: Env, config_file: config.Config) -> bytes:
    """A bug's traceback, with no control characters but line ends, and no secrets."""
    import traceback

    text = redact.without_secrets(
        "".join(traceback.format_exception(error)),
        urls=config.secrets(env.variables, config_file),
        passwords=[env.variables.get("PGPASSWORD", "")],
    )
    return "".join(f"{visible(line)}\n" for line in text.splitlines()).encode(
        env.encoding, "backslashreplace"
    )


def _deliver(printed: Printed, env: Env) -> int:
    """Write everything, or say that it could not be written: output is whole, or the
    status is not 0.
    """
    env.say(printed.err)
    try:
        write_all(env.stdout, printed.out)
    except BrokenPipeError:
        return 128 + _SIGPIPE
    except OSError as error:
        fault = IoFailed(
            f"Standard output cannot be written: {(error.strerror or type(error).__name__).lower()}",
            hint=None
            if printed.stored is None
            else f"it is done all the same: {printed.stored}",
        )
        failed = _failed(fault, env, as_json=False)
        env.say(failed.err)
        return failed.status
    return printed.status
