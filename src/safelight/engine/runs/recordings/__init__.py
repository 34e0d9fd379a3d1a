"""Calls that are recorded once and run again with other values."""
