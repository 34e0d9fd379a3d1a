"""What one api process tells another of claims that it has taken back, as the other did not renew them."""

# Tested in tests/api/test_cluster.py.

from __future__ import annotations

import msgspec

LOST_PATH = "/cluster/lost"


class LostClaim(msgspec.Struct, frozen=True, array_like=True):
    """Whoever drew that job in that try draws it in vain."""

    job_id: str
    tries: int
