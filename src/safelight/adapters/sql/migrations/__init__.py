"""Alembic's scripts, in the package so that an installed Safelight can bring its database up to date by itself."""
