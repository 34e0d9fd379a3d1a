"""Ports filled within the server's process: for one process, which is all that SQLite is shared by."""
