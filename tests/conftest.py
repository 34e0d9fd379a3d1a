"""What holds for every test."""

from __future__ import annotations

import signal

import pytest

# A shell starts what it puts in the background with SIGINT ignored, and processes hand that down to those they start:
# Ctrl-C, which some tests send, would not arrive.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Of `make test`'s two processes each takes a file at a time, in this order: what takes long comes first, so that short
# files are left to even out the end.
_LONGEST_FIRST = (
    "tests/training/test_postcard_recipe.py",
    "tests/e2e",
    "tests/studio",
    "tests/engine",
    "tests/adapters/workers",
    "tests/test_",
    "tests/clients",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest folders first; within one the order stays."""
    items.sort(key=_turn)


def _turn(item: pytest.Item) -> int:
    return next((turn for turn, start in enumerate(_LONGEST_FIRST) if item.nodeid.startswith(start)), 99)
