"""The only importer of SQLAlchemy: tables derived from the model, transactions, filters."""
