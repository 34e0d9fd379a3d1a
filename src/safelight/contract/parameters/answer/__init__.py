"""Parameters that say how a request is answered, and with which files."""
