"""Measure how the package is written: `python -m tests.style [--check] [FOLDER]`.

It prints a figure a line, its bar, and the places that weigh most. With --check it
fails where a figure is beyond its bar. FOLDER is another checkout to measure.
"""

import argparse
import ast
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from heapq import nlargest
from pathlib import Path

ROOT = Path(__file__).parents[1]
WIDTH = 100
SHOWN = 5
FROZEN = "migrations/versions/"
"""Released DDL, a constraint a line: nobody reformats it."""

Place = tuple[float, str]
"""What something weighs, and where it is."""
Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of style; `worst` are the places that weigh most, heaviest first."""

    what: str
    value: float
    at_most: float
    worst: Sequence[Place]
    beside: str = ""

    @property
    def is_met(self) -> bool:
        """Whether the figure is within its bar."""
        return self.value <= self.at_most

    def __str__(self) -> str:
        verdict = "ok" if self.is_met else "BEYOND"
        beside = f"  ({self.beside})" if self.beside else ""
        return f"{self.value:7.1f} of {self.at_most:5.1f}  {verdict:6}  {self.what}{beside}"


@dataclass(frozen=True)
class Module:
    """One file of the package."""

    name: str
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        """Its syntax tree."""
        return ast.parse(self.text)

    @cached_property
    def lines(self) -> int:
        """Its lines that are not blank."""
        return sum(1 for line in self.text.splitlines() if line.strip())

    def functions(self) -> Iterator[Function]:
        """Its functions and methods; nested ones too."""
        for node in ast.walk(self.tree):
            if isinstance(node, Function):
                yield node

    def place(self, weight: float, line: int, name: str = "") -> Place:
        """A line of this file, with its weight."""
        return weight, f"{self.name}:{line} {name}".rstrip()


def measure(root: Path) -> list[Figure]:
    """The figures of a checkout."""
    package = root / "todo_cli"
    modules = [
        Module(path.relative_to(root).as_posix(), path.read_text("utf-8"))
        for path in sorted(package.rglob("*.py"))
    ]
    return [
        _density(modules),
        _long_lines(modules),
        _ternaries(modules),
        _largest(modules),
        _complexity(modules),
        _tests(package, root / "tests"),
    ]


def size(function: Function) -> int:
    """AST nodes of a function's body, without its docstring."""
    body = function.body
    if ast.get_docstring(function, clean=False) is not None:
        body = body[1:]
    return sum(_count_nodes(statement) for statement in body)


def complexity(function: Function) -> int:
    """Cyclomatic complexity as radon counts it; a nested function counts by itself."""
    return 1 + sum(map(_branches, _own_nodes(function)))


def _branches(node: ast.AST) -> int:
    """The ways that one node adds."""
    match node:
        case ast.If() | ast.IfExp() | ast.Assert():
            return 1
        case ast.For() | ast.AsyncFor() | ast.While():
            return 1 + bool(node.orelse)
        case ast.Try() | ast.TryStar():
            return len(node.handlers) + bool(node.orelse)
        case ast.BoolOp():
            return len(node.values) - 1
        case ast.comprehension():
            return 1 + len(node.ifs)
        case ast.Match():
            return sum(not _takes_all(case) for case in node.cases)
    return 0


def _takes_all(case: ast.match_case) -> bool:
    """Whether a case is `case _:`, the else of a `match`."""
    return (
        isinstance(case.pattern, ast.MatchAs) and case.pattern.pattern is None
    )


def _own_nodes(function: Function) -> Iterator[ast.AST]:
    """The nodes of a function's body without those of functions inside it."""
    waiting: list[ast.AST] = list(function.body)
    while waiting:
        node = waiting.pop()
        if not isinstance(node, Function):
            yield node
            waiting += ast.iter_child_nodes(node)


def _density(modules: Sequence[Module]) -> Figure:
    nodes = {module.name: _count_nodes(module.tree) for module in modules}
    lines = sum(module.lines for module in modules)
    densest = [
        module.place(nodes[module.name] / module.lines, 1)
        for module in modules
        if module.lines > 20
    ]
    return Figure(
        "AST nodes a line that is not blank",
        sum(nodes.values()) / lines,
        5.9,
        _heaviest(densest),
        f"{lines:,} lines",
    )


def _long_lines(modules: Sequence[Module]) -> Figure:
    """Frozen lines are in the share beside, but not in what the bar holds."""
    found = [
        module.place(len(line), number)
        for module in modules
        for number, line in enumerate(module.text.splitlines(), start=1)
        if len(line) > WIDTH
    ]
    movable = [place for place in found if FROZEN not in place[1]]
    share = len(found) / sum(module.lines for module in modules)
    return Figure(
        f"lines over {WIDTH} characters",
        len(movable),
        0,
        _heaviest(movable),
        f"{share:.1%} with released migrations",
    )


def _ternaries(modules: Sequence[Module]) -> Figure:
    total = 0
    most = []
    for module in modules:
        lines = [
            node.lineno
            for node in ast.walk(module.tree)
            if isinstance(node, ast.IfExp)
        ]
        total += len(lines)
        if lines:
            most.append(module.place(len(lines), lines[0]))
    per_thousand = 1_000 * total / sum(module.lines for module in modules)
    return Figure(
        "ternaries per 1,000 lines", per_thousand, 12, _heaviest(most)
    )


def _largest(modules: Sequence[Module]) -> Figure:
    sizes = [
        module.place(size(function), function.lineno, function.name)
        for module in modules
        for function in module.functions()
    ]
    worst = _heaviest(sizes)
    return Figure("AST nodes of the largest function", worst[0][0], 200, worst)


def _complexity(modules: Sequence[Module]) -> Figure:
    found = [
        module.place(complexity(function), function.lineno, function.name)
        for module in modules
        for function in module.functions()
    ]
    worst = _heaviest(found)
    return Figure("highest cyclomatic complexity", worst[0][0], 10, worst)


def _tests(package: Path, tests: Path) -> Figure:
    source = sum(_count_lines(path) for path in package.rglob("*.py"))
    lines = {path: _count_lines(path) for path in tests.rglob("*.py")}
    longest = [
        (float(count), f"{path.relative_to(tests.parent).as_posix()}:1")
        for path, count in lines.items()
    ]
    total = sum(lines.values())
    return Figure(
        "lines of tests over lines of source",
        total / source,
        3.0,
        _heaviest(longest),
        f"{total:,} over {source:,}",
    )


def _count_nodes(node: ast.AST) -> int:
    return sum(1 for _ in ast.walk(node))


def _count_lines(path: Path) -> int:
    return len(path.read_text("utf-8").splitlines())


def _heaviest(places: Iterable[Place]) -> list[Place]:
    return nlargest(SHOWN, places)


def main(arguments: Sequence[str]) -> int:
    """Print the figures; with --check, 1 where one is beyond its bar."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.style", description=__doc__
    )
    parser.add_argument(
        "--check",
        action="store_true",
        help="fail where a figure is beyond its bar",
    )
    parser.add_argument("folder", nargs="?", type=Path, default=ROOT)
    asked = parser.parse_args(arguments)
    figures = measure(asked.folder)
    for figure in figures:
        sys.stdout.write(f"{figure}\n")
        for weight, place in figure.worst:
            sys.stdout.write(f"{weight:17.1f}  {place}\n")
    return int(asked.check and not all(figure.is_met for figure in figures))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
