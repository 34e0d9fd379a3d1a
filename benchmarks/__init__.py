"""Measurements, each beside a peer or a limit. `make bench` runs them all; none is a test."""
