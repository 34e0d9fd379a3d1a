"""Stores: what is kept, and found again after a restart."""
