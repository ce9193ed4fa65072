"""What `todo doctor` reports: the store in use, where each setting came from,
and whether the store works.
"""

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
    """The findings, in the order to show them, and the error of an unusable
    store.
    """

    findings: Mapping[str, Any]
    fault: TodoError | None = None


async def examine(context: "RunContext") -> Diagnosis:
    """Look at the settings, then at the store."""
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
    words = [
        (name, _word(value)) for name, value in diagnosis.findings.items()
    ]
    return Sheet(
        dict(diagnosis.findings),
        f"The store in {context.place} can be used",
        fields=words,
        fault=diagnosis.fault,
    )


def _of_settings(settings: Settings) -> dict[str, Any]:
    target = settings.target
    is_server = isinstance(target, PostgresTarget)
    findings: dict[str, Any] = {
        "version": __version__,
        "user": settings.user,
        "user_from": settings.user_source,
        "store": "postgresql" if is_server else "sqlite",
        "place": target.place,
        "store_from": settings.target_source,
        "passed_over": list(settings.passed_over),
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
    if target.is_exposed:
        return "off, UNSAFE (sslmode=disable)"
    if target.is_plain:
        return "off (this machine)"
    authority = target.root_certificate or "the system's certificates"
    how = "direct" if target.direct_tls else "by request"
    return f"verified against {authority}, {how}"


def _word(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(value) or "-"
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)
