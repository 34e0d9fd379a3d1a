"""Servers on real ports, as the tests of the API have them."""

from __future__ import annotations

from tests.api.conftest import serve

__all__ = ["serve"]
