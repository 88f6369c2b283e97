"""One module a revision; `vipool.store.schema` runs those a database has not had."""
