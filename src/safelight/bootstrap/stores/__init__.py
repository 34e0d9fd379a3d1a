"""Databases: opened, tended beside requests, and moved to another place."""
