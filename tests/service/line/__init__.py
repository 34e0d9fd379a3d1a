"""The line over many hosts."""
