"""What `todo doctor` reports: the settings, their sources, and the store.

The findings have the order of a call: who asks, which setting chose the store,
how it is reached, and what is in it. The first line is a verdict, for readers
who want nothing else. Warnings follow, and each says what to do. A terminal
shows the findings in groups; a pipe has one after the other, by its key.

A password is never shown.
"""

import os
import stat
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any, Final

from todo_cli import __version__, config, disk, redact, zones
from todo_cli.cli.env import Env
from todo_cli.config import Config, Settings, choose_user
from todo_cli.database.url import PostgresTarget, trusted_places
from todo_cli.errors import TodoError
from todo_cli.output import words
from todo_cli.output.views import Sheet, ViewContext

if TYPE_CHECKING:
    from todo_cli.cli.context import RunContext
    from todo_cli.database.facts import Facts, Findings

_GROUPS: Final[Mapping[str, Mapping[str, str]]] = {
    "Settings": {
        "version": "todo",
        "user": "user",
        "user_from": "user chosen by",
        "store": "kind of store",
        "place": "store",
        "store_from": "store chosen by",
        "passed_over": "set and not used",
        "switches": "switches on",
        "config_file": "config file",
        "config_mode": "its rights",
        "config_keys": "its keys",
        "embedded_file": "embedded file",
        "timeout_s": "seconds to connect",
        "pager": "pager",
        "pager_from": "pager chosen by",
        "time_zone": "time zone",
        "jwks_url": "keys of JWTs",
        "jwt_issuer": "issuer of JWTs",
        "jwt_audience": "audience of JWTs",
        "jwt_claim": "user in JWTs",
        "warm": "warm",
    },
    "Connection": {
        "tls": "TLS",
        "certificates": "CA certificates in",
        "is_pooler": "Neon's pooler",
        "login": "login",
        "password": "password",
        "ignored_parameters": "without effect",
        "round_trips": "round trips",
        "round_trip_ms": "ms a round trip",
    },
    "File and disk": {
        "files_beside": "files beside it",
        "file_mode": "rights of the file",
        "file_owner": "owner of the file",
        "file_bytes": "bytes in the file",
        "file_names": "names of the file",
        "folder_mode": "rights of folder",
        "folder_owner": "owner of folder",
        "disk_free_bytes": "free bytes on disk",
        "disk_free_inodes": "free inodes",
        "disk_read_only": "read-only disk",
        "file_writable": "can be written",
    },
    "Store": {
        "reachable": "reachable",
        # A server
        "server_version": "PostgreSQL",
        "role": "role",
        "bypasses_row_level_security": "exempt from RLS",
        "sees_rows_of": "sees rows of",
        "encoding": "encoding",
        "time_zone_of_server": "server's time zone",
        "read_only": "read-only",
        "clock_drift_s": "clock differs by s",
        "schema_owner": "owner of schema",
        "closed_tables": "read-only tables",
        "others_may_create_in": "open to others",
        "others_who_may_create": "others may create",
        # An embedded file
        "sqlite_version": "SQLite",
        "journal_mode": "journal",
        "pages": "pages",
        # Both
        "schema": "schema",
        "word_index": "index of words",
    },
    "Tasks": {
        "tasks": "tasks",
        "trash": "tasks in the trash",
        "operations": "operations",
        "history_entries": "entries of history",
        "counters_behind": "counters behind",
        "operations_behind": "operations behind",
        "unreadable_tasks": "unreadable tasks",
        "tasks_checked": "tasks checked",
        "unfilled_tasks": "tasks to fill",
        "unfilled_tags": "tags to fill",
        "valid_tokens": "valid tokens",
        "expired_tokens": "expired tokens",
        "numbers": "numbers",
    },
}
"""Every finding in words, for a terminal: at most 18 characters.

So a narrow terminal has room for the values.
"""
_LABELS: Final = {
    name: label
    for labels in _GROUPS.values()
    for name, label in labels.items()
}
"""The same without the groups."""
_SILENT: Final = {"valid_tokens": 0, "expired_tokens": 0}
"""What a terminal does not show: most people have no tokens."""
# A warning about anything else is advice, and the store can be used.
_LIMITS: Final = {
    "read_only": "Read-only",
    "closed_tables": "Read-only",
    "disk_read_only": "Read-only",
    "file_writable": "Read-only",
    "file_names": "Read-only",
    "unreadable_tasks": "Partly readable",
}
"""What a store is, rather than OK, if there is a warning about a finding."""
_IN_WARNINGS: Final = 5
"""How many entries of a list a warning shows; its row shows all."""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What was found."""

    facts: "Findings"
    fault: TodoError | None = None
    """Why nothing can be stored; None if it can."""


async def examine(context: "RunContext") -> Diagnosis:
    """Look at the settings, then at the store.

    An error of the store is part of the result and not raised: the findings
    so far help to understand it.
    """
    from todo_cli.database import facts

    settings = context.settings
    found = facts.Facts(settings.target)
    _add_settings(found, settings)
    _add_time_zone(found, context.env.variables)
    _add_provider(found, context.env.variables)
    _add_warm(found)
    if isinstance(settings.target, PostgresTarget):
        _add_connection(found, settings.target, context.env.variables)
    try:
        await facts.gather(
            found,
            context.database,
            settings.user or None,
            context.env.now,
            time.monotonic,
        )
    except TodoError as fault:
        if settings.user_fault is not None:
            found.add("user", None, _advice(settings.user_fault))
        return Diagnosis(found, fault)
    return Diagnosis(found, settings.user_fault)


def view_settings(
    user: str | None, file: Config, env: Env, fault: TodoError
) -> Sheet:
    """Show the settings, of which one is wrong, and perhaps the user, too.

    `user` is the value of --user, and `fault` is about the other. No store is
    looked at.
    """
    # Late: what else it imports is of no use here.
    from todo_cli.database.facts import Findings

    found = Findings()
    found.add("version", __version__)
    try:
        choose_user(env.variables, file, user, env.login)
    except TodoError as error:
        found.add("user", None, _advice(error))
    found.add("config_file", _text(file.path))
    _add_config(found, file.path)
    found.add("config_keys", list(file.values))
    _add_time_zone(found, env.variables)
    _add_provider(found, env.variables)
    _add_warm(found)
    diagnosis = Diagnosis(found, fault)
    return _sheet(diagnosis, _unusable(fault))


def _advice(fault: TodoError) -> str:
    """Write an error as a warning, which has no hint."""
    if fault.hint is None:
        return fault.message
    return f"{fault.message}; {fault.hint}"


def view(diagnosis: Diagnosis, context: ViewContext) -> Sheet:
    """Show a verdict, warnings and every finding.

    A fault decides the exit status.
    """
    return _sheet(diagnosis, _verdict(diagnosis, context))


def _sheet(diagnosis: Diagnosis, verdict: str) -> Sheet:
    """Show every finding below a verdict."""
    facts = diagnosis.facts
    fields = []
    for name, value in facts.values.items():
        fields.append((name, _word(value)))
    # Programs get the key of a finding, people its name and its value.
    reports = []
    for name, warning in facts.warnings.items():
        reports.append({"field": name, "message": warning})
    data = facts.values | {"warnings": reports}
    return Sheet(
        data,
        verdict,
        [verdict],
        fields=fields,
        groups=_shown(facts.values),
        warnings=_warnings(facts),
        fault=diagnosis.fault,
    )


def _shown(values: Mapping[str, Any]) -> dict[str, list[tuple[str, str]]]:
    """Return what a terminal shows, by group: only what there is.

    A group without findings is empty, and has no heading then.
    """
    groups = {}
    for group, labels in _GROUPS.items():
        rows = []
        for name, label in labels.items():
            value = values.get(name)
            if value not in (None, [], _SILENT.get(name)):
                rows.append((label, _for_people(value)))
        groups[group] = rows
    return groups


def _for_people(value: Any) -> str:
    """Write a finding so that a large number can be read.

    Only at a terminal: a program that reads lines expects digits.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return _word(value)


def _warnings(facts: "Findings") -> list[str]:
    """Write each warning as a line that begins with what it is about."""
    lines = []
    for name, warning in facts.warnings.items():
        about = label = _LABELS.get(name, name)
        value = facts.values[name]
        if value is not None:
            about = f"{label} {_brief(value)}"
        # The errors of a user begin with what they are about, too.
        lines.append(f"{about}: {warning.removeprefix(f'{label}: ')}")
    return lines


def _verdict(diagnosis: Diagnosis, context: ViewContext) -> str:
    """Say in one line whether the store can be used.

    Such lines are:
        OK: localhost/neondb as ada, 2 tasks; 1 warning
        Read-only: localhost/neondb as ada, 2 tasks; nothing can be written ...
        Not usable: localhost/neondb refuses connections; check host ...

    It begins with OK although there are warnings, unless one of them is about
    what the store cannot do. Then the line says what to do, too.
    """
    if diagnosis.fault is not None:
        return _unusable(diagnosis.fault)
    values = diagnosis.facts.values
    contents = words.amount(values["tasks"], "task")
    if values["schema"] == "absent":
        contents = "nothing stored yet"
    found = f"{context.place} as {context.user}, {contents}"
    warnings = diagnosis.facts.warnings
    for name, limit in _LIMITS.items():
        if name in warnings:
            return f"{limit}: {found}; {warnings[name]}"
    if not warnings:
        return f"OK: {found}"
    # Also for a reader of this line alone.
    return f"OK: {found}; {words.amount(len(warnings), 'warning')}"


def _unusable(fault: TodoError) -> str:
    """Say why nothing can be stored, and what to do first."""
    return f"Not usable: {_advice(fault)}"


def _add_settings(facts: "Facts", settings: Settings) -> None:
    """Add the settings, without secrets."""
    target = settings.target
    store = "sqlite"
    if isinstance(target, PostgresTarget):
        store = "postgresql"
    chosen = {
        "version": __version__,
        "user": settings.user or None,
        "user_from": settings.user_source,
        "store": store,
        "place": target.place,
        "store_from": settings.target_source,
        "passed_over": list(settings.passed_over),
        "switches": list(settings.switches),
        "config_file": _text(settings.config_path),
    }
    facts.add_all(chosen)
    _add_config(facts, settings.config_path)
    other = {
        "config_keys": list(settings.config_keys),
        "embedded_file": _text(settings.data_path),
        "timeout_s": settings.timeout_s,
    }
    facts.add_all(other)
    if settings.pager is not None:
        command = settings.pager.value.strip()
        facts.add("pager", redact.shown(command) or None)
        facts.add("pager_from", settings.pager.source)


def _add_config(facts: "Findings", config_path: Path | None) -> None:
    """Add the rights of the config file.

    Whoever may write to it can have the next task stored elsewhere. One that
    contains a password and that others can read was refused before.
    """
    mode = None
    warning = None
    # The file may be absent.
    with suppress(OSError):
        path = os.fspath(config_path or "")
        found = os.stat(path)
        mode = disk.rights(found.st_mode)
        # Never advise to change the rights of a device such as /dev/null.
        is_file = stat.S_ISREG(found.st_mode)
        if is_file and found.st_mode & disk.WRITTEN_BY_OTHERS:
            command = f"chmod go-w {quote(path)}"
            warning = f"others can choose your store: `{command}`"
    facts.add("config_mode", mode, warning)


def _text(path: Path | None) -> str | None:
    """Write a path as JSON can hold it.

    There is none without a home folder.
    """
    return None if path is None else str(path)


def _add_time_zone(facts: "Findings", variables: Mapping[str, str]) -> None:
    """Add the caller's time zone, from `TZ`.

    A misspelt name is taken for UTC without a word, and a day then begins at
    another hour.
    """
    name = variables.get("TZ")
    if name is None:
        facts.add("time_zone", "the system's")
        return
    warning = None
    if not zones.is_zone_known(variables):
        warning = (
            "TZ names no time zone of this machine, so UTC is used: "
            "correct the name, or install the system's `tzdata`"
        )
    facts.add("time_zone", name, warning)


def _add_provider(facts: "Findings", variables: Mapping[str, str]) -> None:
    """Add the identity provider of `todo serve --auth`, if there is one.

    Wrong settings are not shown: one may be a secret in the wrong place.
    """
    try:
        provider = config.read_provider(variables)
    except TodoError as error:
        facts.add("jwks_url", None, _advice(error))
        return
    if provider is None:
        return
    # What follows `?` may be a secret.
    facts.add("jwks_url", provider.jwks_url.partition("?")[0])
    facts.add("jwt_issuer", provider.issuer)
    facts.add("jwt_audience", provider.audience)
    facts.add("jwt_claim", provider.claim)


def _add_warm(facts: "Findings") -> None:
    """Add whether processes are kept ready.

    It is never worth a warning: all commands work without.
    """
    # Late: only this and `todo warm` need it.
    from todo_cli.output import warmth
    from todo_cli.warm import control

    try:
        found = control.status()
    except TodoError as error:
        facts.add("warm", f"off: {error.message}")
        return
    facts.add("warm", warmth.brief(found))


def _add_connection(
    facts: "Facts", target: PostgresTarget, variables: Mapping[str, str]
) -> None:
    """Describe how the server is reached, without secrets."""
    facts.add("tls", _tls(target))
    _add_certificates(facts, target, variables)
    connection = {
        "is_pooler": target.is_pooler,
        "login": target.user,
        "password": "***" if target.password else None,
        "ignored_parameters": list(target.dropped),
    }
    facts.add_all(connection)


def _add_certificates(
    facts: "Facts", target: PostgresTarget, variables: Mapping[str, str]
) -> None:
    """Add the files and folders in which CA certificates are looked up.

    In a small container there may be none, and then every server is refused.
    """
    places: list[str] = []
    if not target.is_plain:
        places = trusted_places(target, variables)
    warning = None
    if places and not any(os.path.exists(place) for place in places):
        warning = (
            "not there: install your system's CA certificates, or name a file "
            "in SSL_CERT_FILE or with `sslrootcert=FILE`"
        )
    facts.add("certificates", places, warning)


def _tls(target: PostgresTarget) -> str:
    """Say whether and how the connection is encrypted."""
    if target.is_exposed:
        return "off, UNSAFE (sslmode=disable)"
    if target.is_plain:
        return "off (this machine)"
    authority = target.root_certificate or "the system's certificates"
    how = "by request"
    if target.direct_tls:
        how = "direct"
    return f"verified against {authority}, {how}"


def _brief(value: Any) -> str:
    """Write a finding as short as a warning needs it; a list is cut.

    A warning is read as a sentence, and twenty names would hide its end.
    """
    if isinstance(value, list) and len(value) > _IN_WARNINGS:
        return _word([*value[:_IN_WARNINGS], "..."])
    return _word(value)


def _word(value: Any) -> str:
    """Write a finding as text; `-` means that there is none."""
    if isinstance(value, list):
        return ", ".join(str(each) for each in value) or "-"
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)
