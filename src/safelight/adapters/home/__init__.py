"""The folder that a server's state lies in."""
