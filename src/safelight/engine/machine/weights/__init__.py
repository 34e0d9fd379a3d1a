"""Weights on this machine: their files, the memory that they take, and their way to a device."""
