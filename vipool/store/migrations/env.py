"""What Alembic runs: the revisions, over the connection that `vipool.store.schema` hands it."""

from alembic import context

from vipool.store import tables

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=tables.metadata,
    render_as_batch=True,
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
