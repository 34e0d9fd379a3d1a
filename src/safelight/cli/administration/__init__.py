"""Commands about keys, usage, the database and certificates."""
