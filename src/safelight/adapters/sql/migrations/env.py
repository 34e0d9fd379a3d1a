"""How Alembic runs: on the connection that `migrate.upgrade` hands over, inside its transaction."""

from alembic import context

from safelight.adapters.sql.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    # SQLite's DDL is transactional once the driver leaves BEGIN to us; a kill in the middle then leaves nothing behind.
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
