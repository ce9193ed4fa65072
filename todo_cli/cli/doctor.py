"""What `todo doctor` reports: the settings, their sources, and the store."""

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any, Final

from todo_cli import __version__
from todo_cli.config import Settings
from todo_cli.database.url import PostgresTarget
from todo_cli.errors import TodoError
from todo_cli.output import words
from todo_cli.output.views import Sheet, ViewContext

if TYPE_CHECKING:
    from todo_cli.cli.context import RunContext
    from todo_cli.database.facts import Facts

_LABELS: Final[Mapping[str, str]] = {
    "version": "todo",
    "user_from": "user chosen by",
    "store": "kind of store",
    "place": "store",
    "store_from": "store chosen by",
    "passed_over": "not used",
    "config_mode": "its rights",
    "config_keys": "its keys",
    "timeout_s": "seconds to connect",
    "tls": "TLS",
    "certificates": "CA certificates in",
    "is_pooler": "Neon's pooler",
    "ignored_parameters": "without effect",
    "round_trip_ms": "ms a round trip",
    "server_version": "PostgreSQL",
    "bypasses_row_level_security": "exempt from RLS",
    "time_zone_of_server": "server's time zone",
    "clock_drift_s": "clock differs by s",
    "others_may_create_in": "open to others",
    "others_who_may_create": "others may create",
    "sqlite_version": "SQLite",
    "file_mode": "rights of the file",
    "file_owner": "owner of the file",
    "folder_mode": "rights of folder",
    "folder_owner": "owner of folder",
    "disk_free_bytes": "free bytes on disk",
    "disk_free_inodes": "free inodes",
    "disk_read_only": "read-only disk",
    "tasks_checked": "tasks checked",
}
"""Names in words, for a terminal, where `_` for a blank is not enough."""
_POSIX_ZONE: Final = re.compile(
    r"([A-Za-z]{3,}|<[\w+-]{3,}>)[+-]?\d{1,2}(:\d\d){0,2}.*", re.ASCII
)
"""A time zone in POSIX's form, such as `CET-1CEST`."""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What was found."""

    facts: "Facts"
    fault: TodoError | None = None
    """Why the store cannot be used; None if it can."""


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
    if isinstance(settings.target, PostgresTarget):
        _add_connection(found, settings.target, context.env.variables)
    try:
        await facts.gather(
            found,
            context.database,
            settings.user,
            context.env.now,
            time.monotonic,
        )
    except TodoError as fault:
        return Diagnosis(found, fault)
    return Diagnosis(found)


def view(diagnosis: Diagnosis, context: ViewContext) -> Sheet:
    """Show a verdict, warnings and every finding.

    A fault decides the exit status.
    """
    facts = diagnosis.facts
    warnings = []
    reports = []
    for name, warning in facts.warnings.items():
        value = _word(facts.values[name])
        warnings.append(f"{_label(name)} {value}: {warning}")
        reports.append({"field": name, "message": warning})
    fields = []
    labels = {}
    for name, value in facts.values.items():
        fields.append((name, _word(value)))
        # A terminal shows only what there is.
        if value is not None and value != []:
            labels[name] = _label(name)
    verdict = _verdict(diagnosis, context)
    return Sheet(
        facts.values | {"warnings": reports},
        verdict,
        [verdict],
        fields=fields,
        labels=labels,
        warnings=warnings,
        fault=diagnosis.fault,
    )


def _verdict(diagnosis: Diagnosis, context: ViewContext) -> str:
    """Say in one line whether the store can be used."""
    if diagnosis.fault is not None:
        return f"Not usable: {diagnosis.fault.message}"
    values = diagnosis.facts.values
    contents = words.amount(values["tasks"], "task")
    if values["schema"] == "absent":
        contents = "nothing stored yet"
    verdict = f"OK: {context.place} as {context.user}, {contents}"
    warnings = len(diagnosis.facts.warnings)
    if warnings > 0:
        verdict += f"; {words.amount(warnings, 'warning')}"
    return verdict


def _label(name: str) -> str:
    """Name a finding for people."""
    return _LABELS.get(name, name.replace("_", " "))


def _add_settings(facts: "Facts", settings: Settings) -> None:
    """Add the settings, without secrets."""
    target = settings.target
    store = "sqlite"
    if isinstance(target, PostgresTarget):
        store = "postgresql"
    facts.add("version", __version__)
    facts.add("user", settings.user)
    facts.add("user_from", settings.user_source)
    facts.add("store", store)
    facts.add("place", target.place)
    facts.add("store_from", settings.target_source)
    facts.add("passed_over", list(settings.passed_over))
    facts.add(
        "config_file", settings.config_path and str(settings.config_path)
    )
    _add_config(facts, settings)
    facts.add("embedded_file", settings.data_path and str(settings.data_path))
    facts.add("timeout_s", settings.timeout_s)


def _add_config(facts: "Facts", settings: Settings) -> None:
    """Add the rights of the config file, and what is set there."""
    from todo_cli.database import file_facts

    path = settings.config_path
    mode, warning = None, None
    try:
        if path is not None:
            found = path.stat().st_mode
            mode = file_facts.rights(found)
            if found & file_facts.WRITTEN_BY_OTHERS:
                warning = f"others can choose your store: `chmod go-w {quote(str(path))}`"
    except OSError:
        # The file may be absent; one that cannot be read was refused before.
        pass
    facts.add("config_mode", mode, warning)
    facts.add("config_keys", list(settings.config_keys))


def _add_time_zone(facts: "Facts", variables: Mapping[str, str]) -> None:
    """Add the caller's time zone, from `TZ`."""
    name = variables.get("TZ")
    if name is None:
        facts.add("time_zone", "the system's")
        return
    warning = None
    if not _is_time_zone(name.removeprefix(":")):
        warning = (
            "TZ names no time zone, so UTC is used: "
            "name one such as `Europe/Berlin`"
        )
    facts.add("time_zone", name, warning)


def _is_time_zone(name: str) -> bool:
    """Whether the C library knows a value of `TZ`."""
    if not name or _POSIX_ZONE.fullmatch(name):
        return True
    if name.startswith("/"):
        return Path(name).is_file()
    from zoneinfo import ZoneInfo

    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return False
    return True


def _add_connection(
    facts: "Facts", target: PostgresTarget, variables: Mapping[str, str]
) -> None:
    """Describe how the server is reached, without secrets."""
    facts.add("tls", _tls(target))
    _add_certificates(facts, target, variables)
    facts.add("is_pooler", target.is_pooler)
    facts.add("login", target.user)
    facts.add("password", "***" if target.password else None)
    facts.add("ignored_parameters", list(target.dropped))


def _add_certificates(
    facts: "Facts", target: PostgresTarget, variables: Mapping[str, str]
) -> None:
    """Add the files and folders in which CA certificates are looked up."""
    name = "certificates"
    if target.is_plain:
        facts.add(name, [])
        return
    places = [str(target.root_certificate)]
    if target.root_certificate is None:
        import ssl

        known = ssl.get_default_verify_paths()
        file = variables.get(known.openssl_cafile_env, known.openssl_cafile)
        folder = variables.get(known.openssl_capath_env, known.openssl_capath)
        places = [file, folder]
    warning = None
    if not any(Path(place).exists() for place in places):
        warning = (
            "not there: install your system's CA certificates, or name a file "
            "in SSL_CERT_FILE or with `sslrootcert=FILE`"
        )
    facts.add(name, places, warning)


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


def _word(value: Any) -> str:
    """Write a finding as text; `-` means that there is none."""
    if isinstance(value, list):
        return ", ".join(str(each) for each in value) or "-"
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)
