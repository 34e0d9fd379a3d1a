"""What one api process asks another of requests that clients do not name: `progress` and `interrupt` of `/sdapi`."""

# Tested in tests/api/test_cluster.py.

from __future__ import annotations

import msgspec

UNDER_WAY_PATH = "/cluster/under-way"


class WorkAsked(msgspec.Struct, frozen=True, array_like=True):
    """How far that key's requests are; with `stop` they are to be ended."""

    key_id: str
    stop: bool = False


class WorkTold(msgspec.Struct, frozen=True, array_like=True):
    """How far one request is: `step` of `steps`; both 0 before its first."""

    step: int
    steps: int
