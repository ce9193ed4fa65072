"""Alembic's migrations, forward only, shipped in the wheel."""
