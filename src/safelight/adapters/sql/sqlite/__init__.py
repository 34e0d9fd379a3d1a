"""SQLite, the database in the state folder: nothing else has to be installed or run."""
