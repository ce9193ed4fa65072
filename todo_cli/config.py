"""Settings: flag, then environment, then config file, then default; what was chosen
remembers where it came from.

What libraries read by themselves: asyncpg reads PG* variables and ~/.pgpass, of which
PGUSER, PGPASSWORD, PGDATABASE and the file's password may fill a gap
(`database/connection.py` names the rest); Rich reads COLUMNS, NO_COLOR, FORCE_COLOR and
TERM, from the `Env` that it is handed (`output/terminal.py`).
"""

import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from todo_cli import redact, rules
from todo_cli.database.url import (
    PostgresTarget,
    SqliteTarget,
    Target,
    is_meant_for_postgres,
    parse_url,
    unwrap,
)
from todo_cli.errors import ConfigInvalid, InvalidInput, IoFailed, Usage

KEYS: Final = ("database_url", "user", "output", "timeout")
OUTPUTS: Final = ("text", "json")
TIMEOUT_S: Final = 15.0
_SET_USER: Final = "set one with --user, TODO_USER, or `user` in the config file"


@dataclass(frozen=True, slots=True)
class Settings:
    """What a call runs with."""

    user: str
    user_source: str
    target: Target = field(repr=False)
    target_source: str
    timeout_s: float
    config_path: Path | None
    data_path: Path | None
    """Where the embedded file is, or would be; None without a home."""
    passed_over: tuple[str, ...] = ()
    """Settings that were set and have no effect, in words."""


@dataclass(frozen=True, slots=True)
class Config:
    """The config file: where it is or would be, and its values."""

    path: Path | None
    values: Mapping[str, Any] = field(default_factory=dict, repr=False)


def load(
    variables: Mapping[str, str],
    config: Config,
    *,
    user: str | None,
    login: str | None,
    cwd: Path,
    home: Path | None,
) -> Settings:
    """Choose every setting; `user` is the flag's value.

    Raises:
        Usage: the user is empty, or none is to be found.
        InvalidInput: the user's name breaks a rule.
        ConfigInvalid: a value cannot be used.
        IoFailed: the embedded file is wanted and there is no home for it.
    """
    chosen_user, user_source = _user(variables, config, user, login)
    target, target_source, passed_over = _target(variables, config, cwd, home)
    return Settings(
        user=chosen_user,
        user_source=user_source,
        target=target,
        target_source=target_source,
        timeout_s=_timeout_s(variables, config),
        config_path=config.path,
        data_path=find_data_path(variables, home),
        passed_over=passed_over,
    )


def read_config(
    variables: Mapping[str, str], *, cwd: Path, home: Path | None
) -> Config:
    """Read `TODO_CONFIG`, or else `todo/config.toml` in the config folder, which need not be there.

    Raises:
        ConfigInvalid: it cannot be read, has unknown keys or wrong types, or holds a
            password that others can read.
    """
    path = _config_path(variables, cwd, home)
    if path is None:
        return Config(None)
    try:
        with path.open("rb") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            data = file.read()
    except FileNotFoundError:
        if "TODO_CONFIG" in variables:
            raise ConfigInvalid(
                f"{path} does not exist", hint="TODO_CONFIG names the config file"
            ) from None
        return Config(path)
    except NotADirectoryError:
        return Config(path)
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise ConfigInvalid(
            f"{path} cannot be read: {reason}", hint="check the path and the rights"
        ) from error
    values = _parse(path, _text(path, data))
    if mode & 0o077 and _holds_password(values.get("database_url"), cwd, home):
        raise ConfigInvalid(
            f"{path} holds a password and others can read it", hint=f"chmod 600 {path}"
        )
    return Config(path, values)


def output(variables: Mapping[str, str], config: Config | None) -> str:
    """How to print when no flag says it: `text` or `json`.

    Raises:
        ConfigInvalid: it is neither.
    """
    if "TODO_OUTPUT" in variables:
        value, source = variables["TODO_OUTPUT"], "TODO_OUTPUT"
    else:
        value = config.values.get("output", "text") if config else "text"
        source = f"`output` in {config.path}" if config else ""
    if value not in OUTPUTS:
        raise ConfigInvalid(f"{source} must be one of {', '.join(OUTPUTS)}")
    return str(value)


def _text(path: Path, data: bytes) -> str:
    """Decode the file; editors on Windows begin it with a byte order mark, or write UTF-16."""
    if b"\0" in data:
        raise ConfigInvalid(
            f"{path} is not UTF-8", hint="it may be UTF-16; save it as UTF-8"
        )
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ConfigInvalid(f"{path} is not UTF-8", hint="save it as UTF-8") from None


def _parse(path: Path, text: str) -> dict[str, Any]:
    import tomllib

    try:
        values = tomllib.loads(text)
    except (
        ValueError,
        RecursionError,
    ) as error:  # also a number of 5,000 digits, and brackets 5,000 deep
        where = re.search(
            r"\(at .*\)$", str(error)
        )  # the rest of the message can quote what stands there
        raise ConfigInvalid(
            f"{path} is not valid TOML{' ' + where[0] if where else ''}"
        ) from None
    if unknown := [key for key in values if key not in KEYS]:
        raise ConfigInvalid(
            f"{path} has an unknown key `{unknown[0]}`",
            hint=f"known keys: {', '.join(KEYS)}",
        )
    for key, value in values.items():
        wanted = (int, float) if key == "timeout" else str
        if not isinstance(value, wanted) or isinstance(value, bool):
            what = "a number" if key == "timeout" else "a string"
            raise ConfigInvalid(f"`{key}` in {path} must be {what}")
    return values


def _config_path(
    variables: Mapping[str, str], cwd: Path, home: Path | None
) -> Path | None:
    if "TODO_CONFIG" in variables:
        if not variables["TODO_CONFIG"]:
            raise ConfigInvalid(
                "TODO_CONFIG is empty", hint="name a file, or leave it unset"
            )
        _refuse_address(variables["TODO_CONFIG"], "TODO_CONFIG")
        return cwd / variables["TODO_CONFIG"]
    folder = _folder(variables, "XDG_CONFIG_HOME", home, ".config")
    return folder / "todo" / "config.toml" if folder else None


def find_data_path(variables: Mapping[str, str], home: Path | None) -> Path | None:
    """Where the embedded file is or would be; None when there is no home to put it in."""
    folder = _folder(variables, "XDG_DATA_HOME", home, ".local/share")
    return folder / "todo" / "todo.db" if folder else None


def _embedded(variables: Mapping[str, str], home: Path | None) -> SqliteTarget:
    path = find_data_path(variables, home)
    if path is None:
        raise IoFailed(
            "There is no home folder to keep tasks in", hint="set TODO_DATABASE_URL"
        )
    return SqliteTarget(path)


def _folder(
    variables: Mapping[str, str], name: str, home: Path | None, default: str
) -> Path | None:
    """A folder of the XDG base directory specification; a relative one is to be ignored."""
    given = variables.get(name, "")
    if given.startswith("/"):
        _refuse_address(given, name)
        return Path(given)
    if home is None:
        return None
    _refuse_address(str(home), "HOME")
    return home / default


def _refuse_address(path: str, source: str) -> None:
    """Refuse a connection string where a path belongs: folders would be named after the
    password in it.
    """
    if redact.looks_like_address(path):
        raise ConfigInvalid(
            f"{source} looks like a connection string, and must be a path",
            hint="a connection string belongs into TODO_DATABASE_URL or the config file",
        )


def _user(
    variables: Mapping[str, str], config: Config, flag: str | None, login: str | None
) -> tuple[str, str]:
    sources = (
        (flag, "--user"),
        (variables.get("TODO_USER"), "TODO_USER"),
        (config.values.get("user"), f"`user` in {config.path}"),
        (login, "the login name"),
    )
    for value, source in sources:
        if value is None:
            continue
        if not value.strip():
            raise Usage(f"The user is empty ({source})", hint=_SET_USER)
        if redact.looks_like_address(value):
            raise InvalidInput.of("user", f"looks like a connection string ({source})")
        try:
            return rules.clean_user(value), source
        except InvalidInput as error:
            raise InvalidInput(
                f"{error.message} ({source})", hint=_SET_USER, details=error.details
            ) from None
    raise Usage("There is no user", hint=_SET_USER)


def _target(
    variables: Mapping[str, str], config: Config, cwd: Path, home: Path | None
) -> tuple[Target, str, tuple[str, ...]]:
    """Choose the store; a DATABASE_URL of another kind of database belongs to something
    else and is passed over.
    """
    passed_over = []
    foreign = variables.get("DATABASE_URL")
    own: tuple[tuple[str | None, str], ...] = (
        (variables.get("TODO_DATABASE_URL"), "TODO_DATABASE_URL"),
        (config.values.get("database_url"), f"`database_url` in {config.path}"),
    )
    for value, source in own:
        if value is not None:
            if foreign:
                passed_over.append(f"DATABASE_URL, because of {source}")
            return (
                _read_target(value, source, variables, cwd, home),
                source,
                tuple(passed_over),
            )
    if foreign and is_meant_for_postgres(foreign):
        return (
            _read_target(foreign, "DATABASE_URL", variables, cwd, home),
            "DATABASE_URL",
            (),
        )
    if foreign:
        passed_over.append("DATABASE_URL, which is not a PostgreSQL URL")
    return _embedded(variables, home), "the default", tuple(passed_over)


def _read_target(
    value: str, source: str, variables: Mapping[str, str], cwd: Path, home: Path | None
) -> Target:
    value = unwrap(value)
    if not value:
        raise ConfigInvalid(
            f"{source} is empty",
            hint="leave it unset, or `sqlite` for the embedded file",
        )
    if value == "sqlite":
        return _embedded(variables, home)
    try:
        return parse_url(value, cwd=cwd, home=home)
    except ConfigInvalid as error:
        other = "set TODO_DATABASE_URL=sqlite if it is another program's"
        hint = (
            error.hint
            if source != "DATABASE_URL"
            else "; or ".join(filter(None, [error.hint, other]))
        )
        raise ConfigInvalid(f"{error.message} ({source})", hint=hint) from None


def _holds_password(url: Any, cwd: Path, home: Path | None) -> bool:
    if not isinstance(url, str):
        return False
    try:
        target = parse_url(url, cwd=cwd, home=home)
    except ConfigInvalid:
        return redact.holds_login(url)
    return isinstance(target, PostgresTarget) and target.password is not None


def _timeout_s(variables: Mapping[str, str], config: Config) -> float:
    if "TODO_TIMEOUT" in variables:
        text, source = variables["TODO_TIMEOUT"], "TODO_TIMEOUT"
        value = float(text) if re.fullmatch(r"[0-9]{1,4}(\.[0-9]{1,3})?", text) else 0.0
    else:
        value, source = (
            config.values.get("timeout", TIMEOUT_S),
            f"`timeout` in {config.path}",
        )
    if not 0 < value <= 3_600:
        raise ConfigInvalid(
            f"{source} must be a number of seconds, above 0 and at most 3600"
        )
    return float(value)
