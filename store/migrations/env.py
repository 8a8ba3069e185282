"""What Alembic runs for each migration. The connection, in its transaction, comes from store.migrations.migrate.

A new revision is a file in versions/ that changes what store/tables.py changes; a test compares the two on SQLite and
on PostgreSQL. Both change their schema inside a transaction: a migration that fails leaves nothing behind.
"""

from __future__ import annotations

from alembic import context

from store.migrations import VERSION_TABLE
from store.tables import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    version_table=VERSION_TABLE,
    render_as_batch=True,  # SQLite alters a table by copying it
)
with context.begin_transaction():
    context.run_migrations()
