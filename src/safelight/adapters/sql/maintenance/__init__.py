"""A database as a whole: brought to this version's shape, kept small, copied."""
