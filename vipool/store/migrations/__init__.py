"""The history of the schema, as Alembic revisions: generated from the tables, then read."""
