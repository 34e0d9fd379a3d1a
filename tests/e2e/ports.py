"""A port for a server that is started again and again where it was."""

from __future__ import annotations

from benchmarks.server import free_port

__all__ = ["free_port"]
