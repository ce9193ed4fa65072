"""Which store a command would use, and whose tasks: what `config.py` says, slimly.

That module takes longer to load than an answer may take. So this one reads the
usual values, and raises `Unsure` for all others. A test compares the two.
"""

import os
from stat import S_IMODE, S_ISREG

# Importing typing would take longer than all that is done here.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, Final

KEYS: "Final" = ("database_url", "user", "output", "timeout", "pager")
"""What a config file can set; a test compares it with `config.py`."""
_MOST_BYTES: "Final" = 2**20
_LONGEST_USER: "Final" = 255
_LONGEST_TIMEOUT_S: "Final" = 3_600
_MOST_DIGITS: "Final" = 4
_OF_OTHERS: "Final" = 0o077
_SIDECARS: "Final" = ("-wal", "-shm", "-journal")
_ODD: "Final" = ":;=?%\\"
"""What a connection string may have, and the path of a usual file has not."""
_WIDE: "Final" = (0xFF00, 0xFFEF)
"""Characters that only look like those of ASCII."""
_SERVERS: "Final" = ("postgres://", "postgresql://")
_OTHERS: "Final" = ("sqlite:", "mysql:", "mysql2:", "mariadb:", "mongodb")
"""How `DATABASE_URL` begins where it certainly is another program's."""
_OURS: "Final" = ("pg", "postg", "psql", "neon", "host", "ssl", "password")
"""Signs that it may be ours nevertheless."""


class Unsure(Exception):
    """It cannot be told cheaply, or a setting is wrong."""


class Chosen:
    """Whose tasks, and where they are."""

    def __init__(
        self,
        user: str,
        path: "str | None",
    ) -> None:
        self.user = user
        self.path = path
        """That of the embedded file; None if the store is a server."""


def choose(
    variables: "Mapping[str, str]",
    user: "str | None",
) -> Chosen:
    """Choose as a command does; `user` is the value of `--user`.

    Raises:
        Unsure: it cannot be told cheaply, or a setting is wrong.
        OSError: the system refuses.
    """
    folder, config = _config(variables)
    _check(variables, config)
    name = _user(variables, config, user)
    return Chosen(name, _path(variables, config, folder))


# The config file


def _config(
    variables: "Mapping[str, str]",
) -> "tuple[str, Mapping[str, Any]]":
    """Read the config file; return its folder and its values."""
    named = variables.get("TODO_CONFIG")
    if named is None:
        folder = _folder(variables, "XDG_CONFIG_HOME", ".config")
        path = os.path.join(folder, "todo", "config.toml")
    else:
        _require_clear(named)
        path = os.path.join(os.getcwd(), named)
    folder = os.path.dirname(path)
    try:
        return folder, _read(path)
    except (FileNotFoundError, NotADirectoryError):
        if named is not None:
            raise Unsure from None
        return folder, {}


def _read(path: str) -> "Mapping[str, Any]":
    """Read the values of a config file.

    Raises:
        Unsure: it is no file, too large, or has a password that others can read.
        OSError: there is none, or it cannot be read.
    """
    found = os.stat(path)
    if path == os.devnull:
        return {}
    # A pipe can be read only once, and by the command.
    if not S_ISREG(found.st_mode) or found.st_size > _MOST_BYTES:
        raise Unsure
    with open(path, "rb") as file:
        values = _values(file.read(_MOST_BYTES).decode("utf-8-sig"))
    is_open = S_IMODE(found.st_mode) & _OF_OTHERS
    if is_open and "@" in str(values):
        raise Unsure
    return values


def _values(text: str) -> "Mapping[str, Any]":
    """Read what a config file says.

    Raises:
        Unsure: it has another key.
        ValueError: it is no TOML.
    """
    values = _plain_values(text)
    if values is None:
        import tomllib

        values = tomllib.loads(text)
    for key, value in values.items():
        kinds = (int, float) if key == "timeout" else str
        is_right = isinstance(value, kinds) and not isinstance(value, bool)
        if key not in KEYS or not is_right:
            raise Unsure
    return values


def _plain_values(text: str) -> "dict[str, Any] | None":
    """Read a file in which each line is `key = "text"`, a comment, or blank.

    None if there is anything else, which `tomllib` reads.
    """
    values: dict[str, Any] = {}
    for line in text.split("\n"):
        line = line.strip(" \t\r")
        if not line or line.startswith("#"):
            continue
        key, _, value = line.partition("=")
        key, value = key.rstrip(" \t"), value.lstrip(" \t")
        inner = value[1:-1]
        is_plain = inner.isprintable() and not set(inner) & set("\"'\\#")
        is_quoted = len(value) > 1 and value[0] == value[-1] == '"'
        if key not in KEYS or key in values or not is_quoted or not is_plain:
            return None
        values[key] = inner
    return values


def _check(
    variables: "Mapping[str, str]",
    config: "Mapping[str, Any]",
) -> None:
    """Check the settings that a command checks, too.

    Raises:
        Unsure: one is wrong.
    """
    output = variables.get("TODO_OUTPUT", config.get("output", "text"))
    timeout = variables.get("TODO_TIMEOUT", config.get("timeout", 15))
    if output not in ("text", "json") or not _is_time(timeout):
        raise Unsure


def _is_time(seconds: "Any") -> bool:
    """Whether a time to connect is one that can be set, without a fraction."""
    if isinstance(seconds, str):
        is_number = seconds.isascii() and seconds.isdecimal()
        if not is_number or len(seconds) > _MOST_DIGITS:
            return False
        seconds = int(seconds)
    return bool(0 < seconds <= _LONGEST_TIMEOUT_S)


# Whose tasks


def _user(
    variables: "Mapping[str, str]",
    config: "Mapping[str, Any]",
    flag: "str | None",
) -> str:
    """Choose the user.

    Raises:
        Unsure: there is none, or no name that is certainly right.
    """
    name = flag
    if name is None:
        name = variables.get("TODO_USER", config.get("user"))
    if name is None:
        name = _login(variables)
    name = name.strip()
    _require_clear(name)
    has_sign = any(sign.isalnum() for sign in name)
    if not has_sign or "/" in name or len(name) > _LONGEST_USER:
        raise Unsure
    return name


def _login(variables: "Mapping[str, str]") -> str:
    """Find the login name: LOGNAME, USER, else the user database."""
    for name in ("LOGNAME", "USER"):
        if login := variables.get(name):
            return login
    return _account()[0]


def _account() -> "tuple[str, str]":
    """Look up the login name and home of the user who runs this process."""
    import pwd

    try:
        entry = pwd.getpwuid(os.getuid())
    except KeyError:
        raise Unsure from None
    return entry.pw_name, entry.pw_dir


# The store


def _path(
    variables: "Mapping[str, str]",
    config: "Mapping[str, Any]",
    folder: str,
) -> "str | None":
    """Choose the embedded file; None if the store is a server."""
    foreign = variables.get("DATABASE_URL")
    if "TODO_DATABASE_URL" in variables:
        return _meant(variables["TODO_DATABASE_URL"], os.getcwd(), variables)
    if "database_url" in config:
        return _meant(config["database_url"], folder, variables)
    if foreign and foreign.startswith(_SERVERS):
        return None
    if foreign and not _is_foreign(foreign):
        raise Unsure
    return _embedded(variables)


def _meant(
    text: str,
    folder: str,
    variables: "Mapping[str, str]",
) -> "str | None":
    """Return the path that a setting means; None if it names a server."""
    text = text.strip()
    if text.startswith(_SERVERS):
        return None
    if text == "sqlite":
        return _embedded(variables)
    name = text
    if text.startswith("sqlite:///"):
        name = text.removeprefix("sqlite:///")
    elif not text.startswith(("/", "./", "../", "~/")):
        raise Unsure
    # Two can be the beginning of a host.
    if not name or (name == text and text.startswith("//")):
        raise Unsure
    _require_clear(name)
    if name.lower().endswith(_SIDECARS):
        raise Unsure
    if name.startswith("~/"):
        return os.path.join(_home(variables), name[2:])
    return os.path.join(folder, name)


def _is_foreign(text: str) -> bool:
    """Whether `DATABASE_URL` certainly is another program's."""
    is_other = text.startswith(_OTHERS) and text.isascii()
    plain = text.lower()
    is_ours = any(sign in plain for sign in (*_OURS, "%", "\\"))
    return is_other and not is_ours


def _embedded(variables: "Mapping[str, str]") -> str:
    """Return the path of the file that is used where no setting names one."""
    folder = _folder(variables, "XDG_DATA_HOME", ".local/share")
    return os.path.join(folder, "todo", "todo.db")


def _folder(
    variables: "Mapping[str, str]",
    name: str,
    default: str,
) -> str:
    """Return a folder of the XDG base directory specification."""
    given = variables.get(name, "")
    if given.startswith("/"):
        _require_clear(given)
        return given
    return os.path.join(_home(variables), default)


def _home(variables: "Mapping[str, str]") -> str:
    """Find the home folder.

    Raises:
        Unsure: there is none.
    """
    home = variables.get("HOME") or _account()[1]
    _require_clear(home)
    return os.path.join(os.getcwd(), home)


def _require_clear(text: str) -> None:
    """Check that a path or a name is no connection string.

    Raises:
        Unsure: it may be one, or is empty, or has an odd character.
    """
    plain = text.lower()
    is_odd = "//" in text and "@" in text
    is_odd = is_odd or "psql" in plain or "@ep-" in plain
    for sign in text:
        is_wide = _WIDE[0] <= ord(sign) <= _WIDE[1]
        is_odd = is_odd or is_wide or sign in _ODD
    if is_odd or not text or not text.isprintable():
        raise Unsure
