"""Run migrations on the connection of `upgrade.py`, or print their SQL."""

from alembic import context

from todo_cli.database import ddl, policy
from todo_cli.database.tables import SCHEMA

# Absent if the SQL is printed: then there may be no store to connect to.
connection = context.config.attributes.get("connection")
dialect_name = (
    connection.dialect.name
    if connection is not None
    else context.config.attributes["dialect_name"]
)
is_postgresql = dialect_name == "postgresql"

context.configure(
    connection=connection,
    dialect_name=None if connection is not None else dialect_name,
    # Printed SQL has no parameters, so a `%` stays as it is.
    dialect_opts={"paramstyle": "named"},
    version_table=ddl.VERSION_TABLE.name,
    version_table_schema=SCHEMA if is_postgresql else None,
    # SQLite, too, rolls DDL back; Alembic assumes that it does not.
    transactional_ddl=True,
)
with context.begin_transaction():
    if is_postgresql:
        for statement in ddl.preparation(ddl.dialect_of(dialect_name)):
            context.execute(statement)
    version = context.get_context().get_current_revision()
    context.run_migrations()
    if is_postgresql:
        # New tables get the policies and rights that `task` has.
        context.execute(policy.extension(version))
