"""The settings, and where their values come from.

A flag wins over the environment, the environment over the config file, and
the config file over the default.

libpq's PG* variables fill what a connection string leaves out
(`database/url.py`). Rich reads COLUMNS, NO_COLOR, FORCE_COLOR and TERM from
the `Env` that it gets (`output/terminal.py`).
"""

import os
import re
import select
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from todo_cli import disk, redact, rules
from todo_cli.database.url import (
    PostgresTarget,
    SqliteTarget,
    Target,
    is_meant_for_postgres,
    parse_url,
    unwrap,
)
from todo_cli.errors import (
    ConfigInvalid,
    InvalidInput,
    IoFailed,
    TodoError,
    Usage,
)

OUTPUTS: Final = ("text", "json")
_LONGEST_TIMEOUT_S: Final = 3_600
_MOST_BYTES: Final = 2**20
"""The most bytes of a config file."""
_PRIVATE: Final = 0o600
"""The rights of a pipe that has no name: nobody else can read it."""
_NAME_ANOTHER: Final = "name a config file in TODO_CONFIG"
_SET_USER: Final = (
    "set one with --user, TODO_USER, or `user` in the config file"
)


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting: its names, its default and its words in README's table."""

    words: str
    variable: str
    key: str | None = None
    """Its key in the config file; None if it cannot be set there."""
    flag: str | None = None
    types: tuple[type, ...] = (str,)
    """Types allowed in TOML; the environment and flags always give text."""
    default: Any = None
    default_words: str = ""
    """The default in words, where README does not show the value itself."""
    is_secret: bool = False
    """Whether the value can contain a password."""


DATABASE_URL: Final = Setting(
    words="the store, see above",
    variable="TODO_DATABASE_URL",
    key="database_url",
    default_words="the embedded file",
    is_secret=True,
)
USER: Final = Setting(
    words="whose tasks",
    flag="--user NAME",
    variable="TODO_USER",
    key="user",
    default_words="the login name",
)
OUTPUT: Final = Setting(
    words="`json` or `text`",
    flag="--json",
    variable="TODO_OUTPUT",
    key="output",
    default="text",
)
TIMEOUT: Final = Setting(
    words="seconds to connect, waking included",
    variable="TODO_TIMEOUT",
    key="timeout",
    types=(int, float),
    default=15.0,
)
PAGER: Final = Setting(
    words="the pager for output longer than the screen; `cat`: none",
    variable="TODO_PAGER",
    key="pager",
    default_words="`PAGER`, else `less -FRX`",
)
POOL_SIZE: Final = Setting(
    words="connections that `todo serve` keeps at most",
    variable="TODO_POOL_SIZE",
    default=10,
)
JWKS_URL: Final = Setting(
    words="where the keys of an identity provider are, for `todo serve --auth`",
    variable="TODO_JWKS_URL",
    default_words="none",
)
JWT_ISSUER: Final = Setting(
    words="the issuer (`iss`) of its JWTs",
    variable="TODO_JWT_ISSUER",
    default_words="none",
)
JWT_AUDIENCE: Final = Setting(
    words="the audience (`aud`) of its JWTs",
    variable="TODO_JWT_AUDIENCE",
    default_words="none",
)
JWT_CLAIM: Final = Setting(
    words="the claim of its JWTs that names the user",
    variable="TODO_JWT_CLAIM",
    default="sub",
)
CONFIG: Final = Setting(
    words="the config file",
    variable="TODO_CONFIG",
    default_words="`~/.config/todo/config.toml` (in `$XDG_CONFIG_HOME`, if set)",
)
NO_INPUT: Final = Setting(
    words="`1`: never ask a question, as where `CI` is set",
    variable="TODO_NO_INPUT",
    default_words="off",
)
FORCE_TTY: Final = Setting(
    words="`1`, or a width: draw the table in a pipe, too",
    variable="TODO_FORCE_TTY",
    default_words="off",
)
ACCESSIBLE: Final = Setting(
    words="`1`: words instead of signs, frames and spinners",
    variable="TODO_ACCESSIBLE",
    default_words="off",
)
SETTINGS: Final = (
    DATABASE_URL,
    USER,
    OUTPUT,
    TIMEOUT,
    PAGER,
    POOL_SIZE,
    JWKS_URL,
    JWT_ISSUER,
    JWT_AUDIENCE,
    JWT_CLAIM,
    CONFIG,
    NO_INPUT,
    FORCE_TTY,
    ACCESSIBLE,
)
"""Every setting, in the order of README's table."""

DEFAULT: Final = "the default"
"""Where a value comes from that nothing names."""
FOREIGN_PAGER: Final = "PAGER"
"""Names a pager for all programs."""
_USUAL_PAGER: Final = "less -FRX"
_CI: Final = "CI"
"""Set by services that run programs where nobody watches."""
_SWITCHES: Final = (
    NO_INPUT.variable,
    _CI,
    FORCE_TTY.variable,
    ACCESSIBLE.variable,
)
_OFF: Final = ("", "0", "false", "no", "off")
"""What turns a switch off, in any case; every other value turns it on."""

_BY_KEY: Final = {each.key: each for each in SETTINGS if each.key is not None}


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of one call; `..._source` says where a value came from."""

    user: str
    user_source: str
    target: Target = field(repr=False)
    target_source: str
    timeout_s: float
    config_path: Path | None
    data_path: Path | None
    """Where the embedded file is, or would be; None without a home."""
    passed_over: tuple[str, ...] = ()
    """In words: settings that were set and have no effect."""
    config_keys: tuple[str, ...] = ()
    """The keys that the config file sets."""
    switches: tuple[str, ...] = ()
    """The switches that are on, by the names of their variables."""
    pager: "Chosen | None" = None
    """What shows what is longer than the screen."""
    user_fault: TodoError | None = None
    """Why there is no user; `user` is empty then."""
    typed_url: str = field(default="", repr=False)
    """The connection string that `todo connect` has read, to be written."""


@dataclass(frozen=True, slots=True)
class Provider:
    """An identity provider, whose JWTs `todo serve --auth` takes."""

    jwks_url: str
    issuer: str
    audience: str
    claim: str


@dataclass(frozen=True, slots=True)
class Chosen:
    """The value of a setting, and where it came from in words."""

    value: Any
    source: str
    folder: Path | None = None
    """Where a relative path starts, if that is not the working folder."""


_NOBODY: Final = Chosen("", "-")
"""In the place of a user that cannot be chosen."""
FLAG_OF_USER: Final = "--user"
"""Where the name of a user comes from that this command names."""
LOGIN: Final = "the login name"
"""Where the name of a user comes from that nothing names."""
_NOWHERE: Final = SqliteTarget(Path(os.devnull), is_named=False)
"""In the place of a store that a command will choose itself."""


@dataclass(frozen=True, slots=True)
class Config:
    """The values in the config file, and its path even if it is absent."""

    path: Path | None
    values: Mapping[str, Any] = field(default_factory=dict, repr=False)


def choose(
    setting: Setting,
    variables: Mapping[str, str],
    config: Config | None = None,
    *,
    flag: str | None = None,
) -> Chosen:
    """Take the first that is set: flag, environment, config file, default.

    Nothing is checked yet. The value is None where there is no default.
    """
    if flag is not None and setting.flag is not None:
        name, _, _ = setting.flag.partition(" ")
        return Chosen(flag, name)
    if setting.variable in variables:
        return Chosen(variables[setting.variable], setting.variable)
    if (
        config is not None
        and setting.key is not None
        and setting.key in config.values
    ):
        source = f"`{setting.key}` in {config.path}"
        # A path in the file means the same wherever todo is called.
        folder = config.path and config.path.parent
        return Chosen(config.values[setting.key], source, folder)
    return Chosen(setting.default, DEFAULT)


def load(
    variables: Mapping[str, str],
    config: Config,
    *,
    user: str | None,
    login: str | None,
    cwd: Path | None,
    home: Path | None,
    needs_user: bool = True,
    needs_store: bool = True,
) -> Settings:
    """Choose and check every setting.

    `user` is the value of --user, and `login` the name of the login. Without
    `needs_user` a wrong one is part of the result. Without `needs_store` no
    store is chosen, and those that are set may be wrong.

    Raises:
        Usage: no user is named, or the name is empty.
        InvalidInput: the user's name breaks a rule.
        ConfigInvalid: a value cannot be used.
        IoFailed: the embedded file is wanted and there is no home for it.
    """
    fault = None
    try:
        chosen_user = choose_user(variables, config, user, login)
    except TodoError as error:
        if needs_user:
            raise
        fault = error
        chosen_user = _NOBODY
        if user is not None:
            chosen_user = Chosen("", FLAG_OF_USER)
    chosen: tuple[Target, str, tuple[str, ...]] = (_NOWHERE, "-", ())
    if needs_store:
        chosen = choose_target(variables, config, cwd, home, login)
    target, target_source, passed_over = chosen
    return Settings(
        user=chosen_user.value,
        user_source=chosen_user.source,
        target=target,
        target_source=target_source,
        timeout_s=_timeout_s(variables, config),
        config_path=config.path,
        data_path=find_data_path(variables, home),
        passed_over=passed_over,
        config_keys=tuple(config.values),
        switches=switches(variables),
        pager=pager(variables, config),
        user_fault=fault,
    )


def read_provider(variables: Mapping[str, str]) -> Provider | None:
    """Read the settings of the identity provider; None if there are none.

    Raises:
        ConfigInvalid: some are missing, or the URL cannot be used.
    """
    settings = (JWKS_URL, JWT_ISSUER, JWT_AUDIENCE)
    names = [each.variable for each in settings]
    if not any(name in variables for name in (*names, JWT_CLAIM.variable)):
        return None
    for name in names:
        if not variables.get(name):
            raise ConfigInvalid(
                f"{name} is missing: {', '.join(names)} belong together",
                hint="set all three, or none of them",
            )
    claim = choose(JWT_CLAIM, variables)
    if not claim.value:
        raise ConfigInvalid(f"{claim.source} is empty")
    url, issuer, audience = (variables[name] for name in names)
    _check_jwks_url(url)
    return Provider(url, issuer, audience, claim.value)


def _check_jwks_url(text: str) -> None:
    """Refuse a URL from which keys must not be read.

    Whoever can change them on the way can be any user.

    Raises:
        ConfigInvalid: it is neither https, nor http on this machine.
    """
    # Imported here, because only `serve` and `doctor` need it.
    from urllib.parse import urlsplit

    fault = ConfigInvalid(
        f"{JWKS_URL.variable} must be an https:// URL, or http:// on this machine",
        hint="without a login in it",
    )
    if re.fullmatch("[!-~]+", text) is None:
        raise fault
    try:
        url = urlsplit(text)
        host, _port = url.hostname, url.port
    except ValueError:
        raise fault from None
    is_here = host in ("localhost", "127.0.0.1", "::1")
    is_safe = url.scheme == "https" or (url.scheme == "http" and is_here)
    if not host or not is_safe or "@" in url.netloc or url.fragment:
        raise fault


def switches(variables: Mapping[str, str]) -> tuple[str, ...]:
    """Name the variables that are switched on.

    No value is an error: `CI` is not ours, and all of them must be read
    before anything can be printed.
    """
    return tuple(name for name in _SWITCHES if _is_on(name, variables))


def is_unattended(variables: Mapping[str, str]) -> bool:
    """Whether nobody answers questions, even at a terminal.

    An agent has a terminal, too, and would wait for ever.
    """
    return _is_on(NO_INPUT.variable, variables) or _is_on(_CI, variables)


def is_plain(variables: Mapping[str, str]) -> bool:
    """Whether the terminal, or who reads it, needs plain lines.

    Then there are no frames, signs, colours or spinners, only words.
    """
    return is_dumb(variables) or _is_on(ACCESSIBLE.variable, variables)


def is_dumb(variables: Mapping[str, str]) -> bool:
    """Whether a terminal only prints lines, so that no screen can be drawn."""
    return variables.get("TERM", "").lower() in ("dumb", "unknown")


def forces_table(variables: Mapping[str, str]) -> bool:
    """Whether the table is wanted in a pipe, too, as for `watch`."""
    return _is_on(FORCE_TTY.variable, variables)


def forced_width(variables: Mapping[str, str]) -> int | None:
    """Read the width that `TODO_FORCE_TTY` names; `1` names none."""
    given = variables.get(FORCE_TTY.variable, "")
    if re.fullmatch("[0-9]{1,5}", given) and int(given) > 1:
        return int(given)
    return None


def _is_on(name: str, variables: Mapping[str, str]) -> bool:
    """Whether a switch is on.

    Like `gh`, any value turns it on; but `0` and `false` do not, because a
    reader would not expect that.
    """
    value = variables.get(name, "")
    return value.strip().lower() not in _OFF


def secrets(variables: Mapping[str, str], config: Config) -> list[str]:
    """Return every connection string in the settings, used or not.

    Each may contain a password, so no message may repeat it.
    """
    found = [variables.get(FOREIGN)]
    for key, setting in _BY_KEY.items():
        if setting.is_secret:
            found += [variables.get(setting.variable), config.values.get(key)]
    return [str(each) for each in found if each]


def read_config(
    variables: Mapping[str, str],
    *,
    cwd: Path | None,
    home: Path | None,
    must_exist: bool = True,
) -> Config:
    """Read the config file.

    It is the file that `TODO_CONFIG` names, or else `todo/config.toml` in the
    config folder. That one may be absent, and without `must_exist` the other
    one, too.

    Raises:
        ConfigInvalid: it cannot be read, has unknown keys or wrong types, or
            contains a password that others can read.
    """
    path = config_path(variables, cwd, home)
    if path is None:
        return Config(None)
    try:
        data, mode = read_bytes(path)
    except (FileNotFoundError, NotADirectoryError):
        if must_exist and CONFIG.variable in variables:
            raise ConfigInvalid(
                f"{path} does not exist",
                hint="TODO_CONFIG names the config file",
            ) from None
        return Config(path)
    values = _parse(path, text_of(path, data))
    found = Config(path, values)
    if mode & 0o077 and _holds_password(found, cwd, home):
        raise ConfigInvalid(
            f"{path} contains a password and others can read it",
            hint=f"chmod 600 {path}; or move the password to ~/.pgpass, or the "
            "whole URL to TODO_DATABASE_URL",
        )
    return found


def output(variables: Mapping[str, str], config: Config | None) -> str:
    """Choose the output format, `text` or `json`, when no flag names it.

    Raises:
        ConfigInvalid: the setting is neither.
    """
    chosen = choose(OUTPUT, variables, config)
    if chosen.value not in OUTPUTS:
        known = ", ".join(OUTPUTS)
        raise ConfigInvalid(f"{chosen.source} must be one of {known}")
    return str(chosen.value)


def pager(variables: Mapping[str, str], config: Config | None) -> Chosen:
    """Choose the pager: a command line, and what named it.

    It is TODO_PAGER, else the config file, else PAGER, which is of all
    programs, else ours. One that is set and empty means none, as for git.
    """
    chosen = choose(PAGER, variables, config)
    if chosen.value is not None:
        return chosen
    if FOREIGN_PAGER in variables:
        return Chosen(variables[FOREIGN_PAGER], FOREIGN_PAGER)
    return Chosen(_USUAL_PAGER, DEFAULT)


def read_bytes(path: Path) -> tuple[bytes, int]:
    """Return the content of a file, and its permission bits.

    Raises:
        FileNotFoundError, NotADirectoryError: there is no file.
        ConfigInvalid: it is no file, too large, or cannot be read.
    """
    try:
        mode = path.stat().st_mode
        number = disk.inherited_stream(path, mode)
        if number is not None:
            return _within_limit(path, _read_stream(number)), _PRIVATE
        # A pipe could block for ever, and a device never end. The null device
        # means: no settings.
        if not stat.S_ISREG(mode) and str(path) != os.devnull:
            raise ConfigInvalid(
                f"{path} is {disk.kind_of(mode)}, not a file",
                hint=_NAME_ANOTHER,
            )
        with open(path, "rb", opener=_open_at_once) as file:
            # By descriptor: the path may name another file by now.
            status = os.fstat(file.fileno())
            data = file.read(_MOST_BYTES + 1)
        return _within_limit(path, data), stat.S_IMODE(status.st_mode)
    except (FileNotFoundError, NotADirectoryError):
        raise
    except OSError as error:
        words, hint = disk.explain(error, path)
        raise ConfigInvalid(
            f"{path} cannot be read: {words}", hint=hint
        ) from error


def _within_limit(path: Path, data: bytes) -> bytes:
    """Return what was read; refuse more than a config file can have.

    Raises:
        ConfigInvalid: it is too large.
    """
    if len(data) <= _MOST_BYTES:
        return data
    raise ConfigInvalid(
        f"{path} is larger than 1 MiB, too large for a config file",
        hint=_NAME_ANOTHER,
    )


def _read_stream(number: int) -> bytes:
    """Read what the caller writes into a pipe, to its end.

    A byte more than a config file can have is enough. A signal ends it.
    """
    data = b""
    while len(data) <= _MOST_BYTES:
        try:
            piece = os.read(number, _MOST_BYTES + 1 - len(data))
        except BlockingIOError:
            # Another process can have set the pipe to non-blocking.
            waiting = select.poll()
            waiting.register(number, select.POLLIN)
            waiting.poll()
            continue
        if not piece:
            break
        data += piece
    return data


def _open_at_once(path: str, flags: int) -> int:
    """Open a file without waiting, even if it has become a pipe by now."""
    return os.open(path, flags | os.O_NONBLOCK)


def text_of(path: Path, data: bytes) -> str:
    """Decode the file as UTF-8, with or without a byte order mark.

    Editors on Windows write that mark, or UTF-16, which is an error.
    """
    if b"\0" in data:
        raise ConfigInvalid(
            f"{path} is not UTF-8", hint="it may be UTF-16; save it as UTF-8"
        )
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ConfigInvalid(
            f"{path} is not UTF-8", hint="save it as UTF-8"
        ) from None


def _parse(path: Path, text: str) -> dict[str, Any]:
    """Parse the config file and check its keys and types.

    Raises:
        ConfigInvalid: it is not TOML, or a key or type is wrong.
    """
    # Imported here, because most calls have no config file.
    import tomllib

    try:
        values = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        # tomllib raises ValueError for a number of 5,000 digits, and
        # RecursionError for 5,000 open brackets. Show only the position: the
        # rest of the message can quote the file, and so a password.
        where = re.search(r" \(at .*\)$", str(error))
        position = where[0] if where else ""
        hint = None
        if str(error).startswith("Invalid value"):
            # The usual mistake of who writes TOML for the first time.
            hint = 'text needs quotes, as in `user = "ada"`'
        raise ConfigInvalid(
            f"{path} is not valid TOML{position}", hint=hint
        ) from None
    for key, value in values.items():
        _check_type(path, key, value)
    return values


def _check_type(path: Path, key: str, value: Any) -> None:
    """Refuse an unknown key and a value of another type.

    Raises:
        ConfigInvalid: it is one of these.
    """
    setting = _BY_KEY.get(key)
    if setting is None:
        known = ", ".join(_BY_KEY)
        raise ConfigInvalid(
            f"{path} has an unknown key `{key}`",
            hint=f"known keys: {known}",
        )
    # In Python a bool is an int, too.
    if isinstance(value, setting.types) and not isinstance(value, bool):
        return
    wanted = "a number"
    if setting.types == (str,):
        wanted = "a string"
    raise ConfigInvalid(f"`{key}` in {path} must be {wanted}")


def config_path(
    variables: Mapping[str, str], cwd: Path | None, home: Path | None
) -> Path | None:
    """Find where the config file is or would be; None without a home.

    Raises:
        ConfigInvalid: `TODO_CONFIG` is empty, or a connection string.
    """
    chosen = choose(CONFIG, variables)
    if chosen.value is None:
        folder = _folder(variables, "XDG_CONFIG_HOME", home, ".config")
        if folder is None:
            return None
        return folder / "todo" / "config.toml"
    if not chosen.value:
        raise ConfigInvalid(
            f"{chosen.source} is empty", hint="name a file, or leave it unset"
        )
    _refuse_address(chosen.value, chosen.source)
    return disk.below(cwd, chosen.value)


def find_data_path(
    variables: Mapping[str, str], home: Path | None
) -> Path | None:
    """Return where the embedded file is or would be; None without a home."""
    folder = _folder(variables, "XDG_DATA_HOME", home, ".local/share")
    if folder is None:
        return None
    return folder / "todo" / "todo.db"


def _embedded(variables: Mapping[str, str], home: Path | None) -> SqliteTarget:
    path = find_data_path(variables, home)
    if path is None:
        raise IoFailed(
            "There is no home folder to keep tasks in",
            hint="set TODO_DATABASE_URL",
        )
    return SqliteTarget(path, is_named=False)


def _folder(
    variables: Mapping[str, str], name: str, home: Path | None, default: str
) -> Path | None:
    """Return a folder of the XDG base directory specification.

    As the specification demands, a relative path in a variable is ignored.
    """
    given = variables.get(name, "")
    if given.startswith("/"):
        _refuse_address(given, name)
        return Path(given)
    if home is None:
        return None
    _refuse_address(str(home), "HOME")
    return home / default


def _refuse_address(path: str, source: str) -> None:
    """Refuse a connection string where a path belongs.

    Otherwise its password would become part of a folder's name.
    """
    if redact.looks_like_address(path):
        raise ConfigInvalid(
            f"{source} looks like a connection string, and must be a path",
            hint="`todo connect` takes a connection string, and so does TODO_DATABASE_URL",
        )


def choose_user(
    variables: Mapping[str, str],
    config: Config,
    flag: str | None,
    login: str | None,
) -> Chosen:
    """Choose the user and check the name; `flag` is the value of --user.

    Raises:
        Usage: no user is named, or the name is empty.
        InvalidInput: the name breaks a rule.
    """
    chosen = choose(USER, variables, config, flag=flag)
    if chosen.value is None:
        chosen = Chosen(login, LOGIN)
    if chosen.value is None:
        raise Usage("No user name found", hint=_SET_USER)
    name, source = chosen.value, chosen.source
    if not name.strip():
        raise Usage(f"The user is empty ({source})", hint=_SET_USER)
    # It would be stored with every task, and its password with it.
    if redact.looks_like_address(name):
        raise InvalidInput.of(
            "user", f"looks like a connection string ({source})"
        )
    try:
        return Chosen(rules.clean_user(name), source)
    except InvalidInput as error:
        raise InvalidInput(
            f"{error.message} ({source})",
            hint=_SET_USER,
            details=error.details,
        ) from None


FOREIGN: Final = "DATABASE_URL"
"""A variable of many programs; used only if it names a PostgreSQL database."""


def choose_target(
    variables: Mapping[str, str],
    config: Config,
    cwd: Path | None,
    home: Path | None,
    login: str | None,
) -> tuple[Target, str, tuple[str, ...]]:
    """Choose the store; return it, its source, and what was ignored.

    `DATABASE_URL` counts only if todo's own setting is absent. Many projects
    set it, and often for another kind of database.

    Raises:
        ConfigInvalid: the connection string cannot be used.
        IoFailed: the embedded file is chosen, and there is no home for it.
    """
    foreign = variables.get(FOREIGN)
    chosen = choose(DATABASE_URL, variables, config)
    ignored: list[str] = []
    if chosen.value is not None and foreign:
        ignored.append(f"{FOREIGN}, because of {chosen.source}")
    elif foreign and is_meant_for_postgres(foreign):
        chosen = Chosen(foreign, FOREIGN)
    elif foreign:
        ignored.append(f"{FOREIGN}, which is not a PostgreSQL URL")
    if chosen.value is None:
        return _embedded(variables, home), chosen.source, tuple(ignored)
    target = _read_target(chosen, variables, cwd, home, login)
    return target, chosen.source, tuple(ignored)


def _read_target(
    chosen: Chosen,
    variables: Mapping[str, str],
    cwd: Path | None,
    home: Path | None,
    login: str | None,
) -> Target:
    """Read a connection string; an error names its source.

    Raises:
        ConfigInvalid: it is empty, or cannot be used.
    """
    url = unwrap(chosen.value)
    if not url:
        raise ConfigInvalid(
            f"{chosen.source} is empty",
            hint="leave it unset, or `sqlite` for the embedded file",
        )
    if url == "sqlite":
        return _embedded(variables, home)
    try:
        target = parse_url(
            url,
            cwd=chosen.folder or cwd,
            home=home,
            variables=variables,
            login=login,
        )
    except ConfigInvalid as error:
        # It names one of libpq's variables, which is its source.
        if error.message.startswith("PG"):
            raise
        hints = []
        if error.hint:
            hints.append(error.hint)
        if chosen.source == FOREIGN:
            hints.append(
                "set TODO_DATABASE_URL=sqlite if it is another program's"
            )
        message = f"{error.message} ({chosen.source})"
        hint = "; or ".join(hints) or None
        raise ConfigInvalid(message, hint=hint) from None
    if isinstance(target, PostgresTarget):
        return replace(target, url_from=chosen.source)
    return target


def _holds_password(
    config: Config, cwd: Path | None, home: Path | None
) -> bool:
    """Whether the config file contains a connection string with a password."""
    for key, value in config.values.items():
        is_secret = _BY_KEY[key].is_secret
        if is_secret and _is_url_with_password(value, cwd, home):
            return True
    return False


def _is_url_with_password(
    url: str, cwd: Path | None, home: Path | None
) -> bool:
    try:
        target = parse_url(url, cwd=cwd, home=home)
    except (ConfigInvalid, IoFailed):
        # A URL that cannot be parsed can still contain a password.
        return redact.holds_login(url)
    return isinstance(target, PostgresTarget) and target.password is not None


def _timeout_s(variables: Mapping[str, str], config: Config) -> float:
    """Choose the time to connect, in seconds.

    Raises:
        ConfigInvalid: it is not a number above 0 and up to an hour.
    """
    chosen = choose(TIMEOUT, variables, config)
    seconds = chosen.value
    if isinstance(seconds, str):
        # float() alone would also read `1e3`, `1_0` and `inf`.
        is_number = re.fullmatch(r"[0-9]{1,4}(\.[0-9]{1,3})?", seconds)
        seconds = float(seconds) if is_number else 0
    if not 0 < seconds <= _LONGEST_TIMEOUT_S:
        raise ConfigInvalid(
            f"{chosen.source} must be a number of seconds, "
            f"above 0 and at most {_LONGEST_TIMEOUT_S}"
        )
    return float(seconds)
