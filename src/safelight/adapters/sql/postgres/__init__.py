"""PostgreSQL, the database that several servers share. Its driver, asyncpg, is the extra `cluster`."""
