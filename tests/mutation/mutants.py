"""The mutants of a module: mutmut's changes, everywhere but in annotations and docstrings.

mutmut itself changes bodies of plain functions alone. Here the tables, regular
expressions, dataclasses, properties and constraints are what matters, so its operators
(mutmut.mutation.mutators) are applied to every node instead.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import Any

import libcst as cst
from mutmut.mutation.mutators import mutation_operators


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change to a module: its name, which says where and what, and the whole changed text."""

    name: str
    source: str


def mutants_of(path: Path) -> Iterator[Mutant]:
    """Every mutant of a file, in the order of its lines; the name does not depend on
    lines elsewhere.
    """
    source = path.read_text()
    tree = cst.parse_module(source)
    seen: Counter[str] = Counter()
    for where, node, changed in _changes(tree, ()):
        mutated = tree.deep_replace(node, changed).code
        if mutated != source:
            name = ": ".join(
                filter(None, [".".join(where), _difference(source, mutated)])
            )
            seen[name] += 1
            yield Mutant(name if seen[name] == 1 else f"{name} ({seen[name]})", mutated)


def _changes(
    node: Any, where: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], Any, Any]]:
    """Every (place, node, what to put there) below a node."""
    if isinstance(node, cst.Annotation):
        return
    if isinstance(node, cst.FunctionDef | cst.ClassDef):
        where = (*where, node.name.value)
    for kind, operator in mutation_operators:
        if isinstance(node, kind):
            yield from ((where, node, changed) for changed in operator(node))
    for child in node.children:
        yield from _changes(child, where)


def _difference(old: str, new: str) -> str:
    """The lines that differ, as one, with what differs marked: `if code «< → <=» 0x100`."""
    before, after = old.splitlines(), new.splitlines()
    for end in (0, -1):
        while before and after and before[end] == after[end]:
            del before[end], after[end]
    one, other = (
        re.findall(r"\w+|\s+|[<>=!]+|.", " ".join(" ".join(lines).split()))
        for lines in (before, after)
    )
    start = _shared(one, other)
    end = _shared(reversed(one[start:]), reversed(other[start:]))
    middle = " → ".join(
        "".join(words[start : len(words) - end]) for words in (one, other)
    )
    return f"{''.join(one[:start])}«{middle}»{''.join(one[len(one) - end :])}"


def _shared(one: Iterable[str], other: Iterable[str]) -> int:
    """How many words two texts begin with alike."""
    return sum(
        1
        for _ in takewhile(
            lambda pair: pair[0] == pair[1], zip(one, other, strict=False)
        )
    )
