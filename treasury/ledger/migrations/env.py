"""Alembic's entry: runs the migrations on the connection that `migrate` hands in."""

from alembic import context
from sqlmodel import SQLModel

from treasury.ledger import (  # noqa: F401 - they fill the metadata
    tables,
    tables_listed,
    tables_outflow,
    tables_registered,
    tables_seen,
    tables_told,
)

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=SQLModel.metadata,
    transactional_ddl=True,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
