"""How many threads a call is computed with."""
