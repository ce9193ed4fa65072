"""Invented revisions around the program's own: a store made by an older program, and
one made by a newer.
"""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from todo_cli.database import schema, upgrade

if TYPE_CHECKING:
    import pytest

MIGRATIONS = Path(schema.__file__).parent / "migrations"
NO_STEPS: Mapping[str, Sequence[str]] = {"sqlite": (), "postgresql": ()}
RENAME = {
    "sqlite": ["ALTER TABLE task RENAME COLUMN name TO title"],
    "postgresql": ["ALTER TABLE todo.task RENAME COLUMN name TO title"],
}
"""The step from an invented older schema, in which a title was called a name."""
OLDER = "0000"


def write_revision(
    folder: Path,
    revision: str,
    down_revision: str | None,
    steps: Mapping[str, Sequence[str]],
) -> None:
    """Add a revision that runs these statements."""
    (folder / "versions" / f"{revision}.py").write_text(
        f"""
from alembic import op

revision = {revision!r}
down_revision = {down_revision!r}


def upgrade() -> None:
    for statement in {dict(steps)!r}[op.get_context().dialect.name]:
        op.execute(statement)
"""
    )


def invent_past(
    folder: Path,
    monkeypatch: "pytest.MonkeyPatch",
    steps: Mapping[str, Sequence[str]] = RENAME,
) -> None:
    """Leave two revisions: an invented one, and HEAD, which becomes the steps
    from there.
    """
    (folder / "versions").mkdir(parents=True)
    for name in ("env.py", "script.py.mako"):
        shutil.copy(MIGRATIONS / name, folder / name)
    write_revision(folder, OLDER, None, NO_STEPS)
    write_revision(folder, schema.HEAD, OLDER, steps)
    monkeypatch.setattr(upgrade, "_MIGRATIONS", folder)
    monkeypatch.setattr(schema, "REVISIONS", revisions())


def revisions() -> dict[str, object]:
    """The revisions that `schema` has to know of an invented past."""
    return dict.fromkeys((OLDER, schema.HEAD), schema.REVISIONS[schema.HEAD])


def look_back(folder: Path) -> None:
    """Have the whole of this process know an invented past."""
    vars(upgrade).update(_MIGRATIONS=folder)
    vars(schema).update(REVISIONS=revisions())
