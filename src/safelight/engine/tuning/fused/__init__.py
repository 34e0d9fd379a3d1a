"""Chains of operations in fewer passes over memory, wherever the bytes are those of the chain."""
