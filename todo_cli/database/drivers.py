"""Check that this Python has the C module that a store needs.

Some Pythons are built without SQLite or OpenSSL.
"""

import importlib

from todo_cli.database.url import SqliteTarget, Target
from todo_cli.errors import ConfigInvalid


def check_python(target: Target) -> None:
    """Refuse a store whose driver cannot be imported.

    Raises:
        ConfigInvalid: this Python was built without a module.
    """
    if isinstance(target, SqliteTarget):
        check_sqlite(
            "use another Python, or name a PostgreSQL server in "
            "TODO_DATABASE_URL"
        )
    else:
        # asyncpg imports it even where it is not used.
        check_tls()


def check_sqlite(hint: str) -> None:
    """Refuse to go on without SQLite.

    Raises:
        ConfigInvalid: this Python was built without it.
    """
    _need("_sqlite3", "SQLite", hint)


def check_tls() -> None:
    """Refuse to go on without OpenSSL.

    Raises:
        ConfigInvalid: this Python was built without it.
    """
    _need("_ssl", "TLS", "use another Python")


def _need(module: str, what: str, hint: str) -> None:
    """Import a module; once it is loaded that costs nothing."""
    try:
        importlib.import_module(module)
    except ImportError as error:
        raise ConfigInvalid(
            f"This Python was built without {what}: there is no `{module}`",
            hint=hint,
        ) from error
