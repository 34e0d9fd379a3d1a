"""How many workers a pool has."""
