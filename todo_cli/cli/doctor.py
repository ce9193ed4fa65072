"""What `todo doctor` reports: the settings, their sources, and the store."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from todo_cli import __version__
from todo_cli.config import Settings
from todo_cli.database.url import PostgresTarget
from todo_cli.errors import TodoError
from todo_cli.output.views import Sheet, ViewContext

if TYPE_CHECKING:
    from todo_cli.cli.context import RunContext


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What was found."""

    findings: Mapping[str, Any]
    """Values by name, in the order to show them."""
    fault: TodoError | None = None
    """Why the store cannot be used; None if it can."""


async def examine(context: "RunContext") -> Diagnosis:
    """Look at the settings, then at the store.

    An error of the store is part of the result and not raised: the findings
    so far help to understand it.
    """
    from todo_cli.database import facts

    findings = _of_settings(context.settings)
    try:
        await facts.gather(
            findings,
            context.database,
            context.settings.user,
            context.env.now,
            time.monotonic,
        )
        return Diagnosis(findings)
    except TodoError as fault:
        return Diagnosis(findings, fault)


def view(diagnosis: Diagnosis, context: ViewContext) -> Sheet:
    """Show every finding; a fault decides the exit status."""
    words = []
    for name, value in diagnosis.findings.items():
        words.append((name, _word(value)))
    return Sheet(
        dict(diagnosis.findings),
        f"The store in {context.place} can be used",
        fields=words,
        fault=diagnosis.fault,
    )


def _of_settings(settings: Settings) -> dict[str, Any]:
    """Describe the settings, without secrets."""
    target = settings.target
    store = "sqlite"
    if isinstance(target, PostgresTarget):
        store = "postgresql"
    findings: dict[str, Any] = {
        "version": __version__,
        "user": settings.user,
        "user_from": settings.user_source,
        "store": store,
        "place": target.place,
        "store_from": settings.target_source,
        "passed_over": list(settings.passed_over),
        "switches": list(settings.switches),
        "config_file": settings.config_path and str(settings.config_path),
        "embedded_file": settings.data_path and str(settings.data_path),
        "timeout_s": settings.timeout_s,
    }
    if isinstance(target, PostgresTarget):
        findings |= {
            "tls": _tls(target),
            "is_pooler": target.is_pooler,
            "login": target.user,
            "password": "***" if target.password else None,
            "ignored_parameters": list(target.dropped),
        }
    return findings


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
        return ", ".join(value) or "-"
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)
