"""Tiny checkpoints of real families, made in seconds: what the engine is tested with, and what benchmarks draw."""
