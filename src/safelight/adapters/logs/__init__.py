"""Logs that make nobody wait."""
