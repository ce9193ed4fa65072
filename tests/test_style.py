"""The script that measures how the package is written."""

import ast
from pathlib import Path

import pytest

from tests.style import complexity, main, measure, size

BUSY = '''
def busy(rows, word):
    """Is not counted."""
    def inner(row):
        return row if row else word
    for row in [row for row in rows if row]:
        try:
            assert row and word
        except ValueError:
            match row:
                case 1:
                    pass
                case _:
                    pass
    else:
        return inner
'''


def test_counts_a_function_by_radons_rules() -> None:
    busy, inner = (
        node
        for node in ast.walk(ast.parse(BUSY))
        if isinstance(node, ast.FunctionDef)
    )

    # for, its else, the comprehension, its if, except, assert, and, case 1
    assert (complexity(busy), complexity(inner)) == (9, 2)
    assert (
        size(inner) == 8
    )  # return, the ternary, three names and where each is used


def test_fails_beyond_a_bar_and_says_where(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("todo_cli", "tests"):
        (tmp_path / name).mkdir()
    module = tmp_path / "todo_cli" / "plain.py"
    plain = "def plain():\n    pass\n\n\n"
    module.write_text(plain * 2)

    assert main(["--check", str(tmp_path)]) == 0

    module.write_text(plain + f"x = {'1' * 97}\n")

    assert main(["--check", str(tmp_path)]) == 1
    assert "BEYOND  lines over 100" in capsys.readouterr().out
    assert measure(tmp_path)[1].worst == [(101, "todo_cli/plain.py:5")]
