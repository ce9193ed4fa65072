"""Writes the contract of the API from the application.

python -m tests.api.contract            rewrite it
python -m tests.api.contract --check    say whether it is out of date, exit 1 if it is
"""

import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from todo_cli.api.app import create_app
from todo_cli.api.context import ServerContext
from todo_cli.database.url import SqliteTarget

ROOT = Path(__file__).parents[2]
CONTRACT = (
    ROOT / "specs" / "001-backend-foundation" / "contracts" / "tasks-api.yaml"
)


class Dumper(yaml.SafeDumper):
    """YAML as people write it: no anchors, several lines as a block."""

    def ignore_aliases(self, data: object) -> bool:
        """Write out what stands twice."""
        return True


def _text(dumper: Dumper, text: str) -> yaml.ScalarNode:
    breaks = text.count("\n")
    return dumper.represent_scalar(
        "tag:yaml.org,2002:str",
        text,
        style="|" if breaks > 1 else '"' if breaks else None,
    )


Dumper.add_representer(str, _text)


def served() -> Any:
    """What the application says of itself."""
    context = ServerContext(
        SqliteTarget(Path("todo.db")),
        lambda: datetime.now(UTC),
        frozenset(),
        lambda line: None,
    )
    return json.loads(json.dumps(create_app(context).openapi()))


def written() -> str:
    """The file as it should be."""
    return yaml.dump(
        served(), Dumper=Dumper, sort_keys=False, allow_unicode=True, width=120
    )


def main(arguments: Sequence[str]) -> int:
    """Rewrite the contract, or only say whether it is up to date."""
    if arguments not in ([], ["--check"]):
        sys.stderr.write(__doc__ or "")
        return 2
    is_old = CONTRACT.read_text(encoding="utf-8") != written()
    if arguments and is_old:
        sys.stderr.write(
            f"{CONTRACT.relative_to(ROOT)} is out of date: run `python -m tests.api.contract`\n"
        )
    if not arguments:
        CONTRACT.write_text(written(), encoding="utf-8")
    return int(bool(arguments) and is_old)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
