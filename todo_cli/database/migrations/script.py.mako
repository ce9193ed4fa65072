"""${message}."""

from alembic import op

revision = "${up_revision}"
down_revision = ${repr(down_revision)}


def upgrade() -> None:
    """Apply the change; forward only."""
    ${upgrades if upgrades else "raise NotImplementedError"}
