"""Batches: many requests in one file, drawn behind everything that somebody waits for."""
