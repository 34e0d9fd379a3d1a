"""Durable jobs: accepted, drawn, kept, listed and forgotten."""
