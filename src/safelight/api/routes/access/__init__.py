"""Routes about keys: who may what, what was used of it, and who changed it."""
