"""The figures of a run, and the table that shows them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from rich.console import Console
from rich.table import Table

VERDICTS = {None: "", True: "[green]reached[/]", False: "[bold red]missed[/]"}


@dataclass(frozen=True, slots=True)
class Figure:
    """A number, its bar and the numbers beside it; unit `x` is a ratio."""

    what: str
    value: float | None
    """None where it cannot be measured on this machine."""
    at_most: float | None = None
    at_least: float | None = None
    unit: str = "x"
    beside: Mapping[str, float] = field(default_factory=dict)

    @property
    def is_met(self) -> bool | None:
        """Whether the figure is reached; None where there is no bar."""
        if self.value is None:
            return None
        if self.at_most is not None:
            return round(self.value, 2) <= self.at_most
        if self.at_least is not None:
            return round(self.value, 2) >= self.at_least
        return None

    @property
    def bar(self) -> str:
        """The bar in words."""
        if self.at_most is not None:
            return f"<= {self.at_most:g} {self.unit}"
        if self.at_least is not None:
            return f">= {self.at_least:g} {self.unit}"
        return ""


def as_table(found: Mapping[str, Sequence[Figure]]) -> Table:
    """The figures of one run, a row each."""
    table = Table(caption="x: median of the ratios of neighbouring runs")
    table.add_column("part")
    table.add_column("what")
    for name in ("figure", "bar"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("")
    table.add_column("beside")
    for part, figures in found.items():
        for row in figures:
            value = (
                "-"
                if row.value is None
                else f"{_number(row.value)} {row.unit}"
            )
            beside = [
                f"{name} {_number(number)}"
                for name, number in row.beside.items()
            ]
            verdict = VERDICTS[row.is_met]
            table.add_row(
                part, row.what, value, row.bar, verdict, "  ".join(beside)
            )
    return table


def show(found: Mapping[str, Sequence[Figure]], console: Console) -> None:
    """Print the table and how many figures are reached."""
    console.print(as_table(found))
    verdicts = [row.is_met for figures in found.values() for row in figures]
    reached, missed = verdicts.count(True), verdicts.count(False)
    console.print(
        f"{reached} of {reached + missed} figures reached", highlight=False
    )


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.2f}"
