"""The figures that a benchmark hands back, as a table for people and as JSON for programs."""

import json
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

from rich.console import Console
from rich.table import Table

PACKAGES = ("typer", "rich", "sqlmodel", "sqlalchemy", "aiosqlite", "asyncpg")


@dataclass(frozen=True, slots=True)
class Figure:
    """One number, what it may be at most, and the numbers beside it; `unit` is `x` for
    a ratio, None: not to be had.
    """

    part: str
    what: str
    value: float | None
    at_most: float | None = None
    unit: str = "x"
    beside: Mapping[str, float | str] = field(default_factory=dict)

    @property
    def is_met(self) -> bool | None:
        """Whether the figure is reached; None where there is nothing to reach."""
        return (
            None
            if self.at_most is None or self.value is None
            else round(self.value, 2) <= self.at_most
        )


def as_table(figures: Sequence[Figure]) -> Table:
    """The figures of one run, a row each."""
    table = Table(
        title="Benchmarks", caption="x: median of the ratios of neighbouring runs"
    )
    table.add_column("part")
    table.add_column("what")
    for name in ("figure", "at most"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("")
    table.add_column("beside")
    for row in figures:
        verdict = {None: "", True: "[green]reached[/]", False: "[bold red]missed[/]"}[
            row.is_met
        ]
        beside = "  ".join(
            f"{name} {_number(value)}" for name, value in row.beside.items()
        )
        limit = "" if row.at_most is None else f"{row.at_most:g} {row.unit}"
        table.add_row(
            row.part,
            row.what,
            "-" if row.value is None else f"{_number(row.value)} {row.unit}",
            limit,
            verdict,
            beside,
        )
    return table


def as_json(figures: Sequence[Figure], *, is_quick: bool, began: datetime) -> str:
    """The figures with what they were taken on."""
    document: dict[str, Any] = {
        "began": began.isoformat(timespec="seconds"),
        "ended": datetime.now(UTC).isoformat(timespec="seconds"),
        "quick": is_quick,
        "machine": {
            "system": platform.platform(),
            "processors": os.cpu_count(),
            "load": [round(load, 2) for load in os.getloadavg()],
            "python": platform.python_version(),
            "packages": {name: version(name) for name in PACKAGES},
        },
        "figures": [asdict(row) | {"is_met": row.is_met} for row in figures],
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def show(figures: Sequence[Figure], console: Console) -> None:
    """Print the table and one line that sums it up."""
    console.print(as_table(figures))
    aims = [row for row in figures if row.is_met is not None]
    missed = [f"{row.part}: {row.what}" for row in aims if not row.is_met]
    console.print(
        f"{len(aims) - len(missed)} of {len(aims)} figures reached", highlight=False
    )
    for name in missed:
        console.print(f"missed: {name}", markup=False, highlight=False)


def _number(value: float | str) -> str:
    if isinstance(value, str):
        return value
    return f"{value:,.0f}" if value >= 100 else f"{value:.2f}"
