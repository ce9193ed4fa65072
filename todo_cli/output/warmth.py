"""The words of `todo warm`: what is kept ready, and what it was good for."""

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from todo_cli.output import words
from todo_cli.output.times import age
from todo_cli.output.views import Sheet
from todo_cli.task import json_value

if TYPE_CHECKING:
    from todo_cli.warm.control import Status

_KEYS: Final = (
    "ready",
    "busy",
    "place",
    "since",
    "warm",
    "cold",
    "pid",
    "version",
    "memory_bytes",
)
"""What programs get, and null while it is off."""
_BEGUN: Final = (
    "Warm: commands answer at once, until `todo warm off` or 30 idle minutes"
)
_REASONS: Final[Mapping[str, str]] = {
    "broken request": "caller unclear",
    "changed": "todo has changed",
    "config file": "config in a pipe",
    "folder": "folder is closed",
    "given up": "caller gone",
    "limits": "other limits",
    "process": "other rights",
    "program": "another todo",
    "terminal": "for a terminal",
    "threads": "no more threads",
    "variables": "other variables",
}
"""Why a command ran cold, in words: at most 16 characters."""
_MEBIBYTE: Final = 1_048_576

_Rows = list[tuple[str, str]]


def started(found: "Status", now: datetime, *, is_new: bool) -> Sheet:
    """Say that processes are ready, and whether they were before."""
    line = f"Already warm: {_ready(found, now)}"
    if is_new:
        line = _BEGUN
    return Sheet(_data(found, has_changed=is_new), line, [line])


def stopped(*, was_on: bool) -> Sheet:
    """Say that nothing is kept ready any more."""
    line = "Already off"
    if was_on:
        line = "Off: nothing is kept ready any more"
    return Sheet(_data(None, has_changed=was_on), line, [line])


def status(found: "Status | None", now: datetime) -> Sheet:
    """Show what is kept ready, and how often it was used.

    A pipe has a line for each value, also for those that are not there.
    """
    data = _data(found, has_changed=False)
    fields = []
    for name, value in data.items():
        if name != "changed":
            fields.append((name, _field(value)))
    line = "Off; `todo warm on` keeps processes ready"
    if found is None:
        return Sheet(data, line, [line], fields=fields, groups={})
    line = f"On: {_ready(found, now)}"
    groups = {"Processes": _processes(found), "Commands": _commands(found)}
    return Sheet(
        data,
        line,
        [line],
        fields=fields,
        groups=groups,
        warnings=_warnings(found),
    )


def brief(found: "Status | None") -> str:
    """Say it in a few words, for `todo doctor`."""
    if found is None:
        return "off"
    if not found.is_same_program:
        return "on, for another todo"
    cold = sum(found.cold.values())
    ran = words.amount(found.hits, "command")
    return f"on, {ran} ran warm, {cold:,} cold"


def _data(found: "Status | None", *, has_changed: bool) -> dict[str, Any]:
    """Return what programs get."""
    data: dict[str, Any] = {"on": found is not None, "changed": has_changed}
    if found is None:
        return data | dict.fromkeys(_KEYS)
    values = (
        found.workers,
        found.busy,
        found.place,
        json_value(found.since),
        found.hits,
        dict(found.cold),
        found.pid,
        found.version,
        found.memory,
    )
    return data | dict(zip(_KEYS, values, strict=True))


def _ready(found: "Status", now: datetime) -> str:
    """Say how many are ready, and how long it has been on."""
    ready = words.amount(found.workers, "process")
    return f"{ready} ready, started {age(found.since, now)}"


def _warnings(found: "Status") -> list[str]:
    """Say that commands run cold although it is on, if they do."""
    if found.is_same_program:
        return []
    return [
        f"it belongs to another todo ({found.version}), so this one runs "
        "cold: `todo warm on` replaces it"
    ]


def _processes(found: "Status") -> _Rows:
    """Return what a terminal shows of the processes."""
    rows = [("ready", f"{found.workers}")]
    if found.place is not None:
        rows.append(("connected to", found.place))
    rows.append(("busy", f"{found.busy}"))
    if found.memory is not None:
        rows.append(("memory", f"{found.memory / _MEBIBYTE:.0f} MiB"))
    rows.append(("process", f"{found.pid}"))
    rows.append(("version", found.version))
    return rows


def _commands(found: "Status") -> _Rows:
    """Return what a terminal shows of the commands: how many, and why cold."""
    cold = sum(found.cold.values())
    rows = [("warm", f"{found.hits:,}"), ("cold", f"{cold:,}")]
    for reason, count in found.cold.items():
        words_of = _REASONS.get(reason, reason)
        rows.append((f"  {words_of}", f"{count:,}"))
    return rows


def _field(value: Any) -> str:
    """Write a value for a pipe; `-` if there is none."""
    if isinstance(value, Mapping):
        counts = [f"{reason} {count}" for reason, count in value.items()]
        return ", ".join(counts) or "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None:
        return "-"
    return str(value)
