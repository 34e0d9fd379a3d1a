"""Chance, and how many pictures."""

# Tested in tests/contract/test_request.py.

from __future__ import annotations

from safelight.contract.models.capabilities import Parameter
from safelight.contract.parameters.declaration import Declaration, always, in_open_contract
from safelight.contract.values.kinds import Whole

MAX_SEED = 2**32 - 1
MAX_PICTURES = 10

SEED = Declaration(
    parameter=Parameter(
        name="seed",
        kind=Whole(minimum=0, maximum=MAX_SEED),
        default=0,
        description="The same seed and parameters give the same bytes. With 0, the server chooses a new seed.",
    ),
    part="request",
    offered=always,
    help="The same seed gives the same picture. With 0, a new seed is chosen.",
)
N = Declaration(
    parameter=Parameter(
        name="n",
        kind=Whole(minimum=1, maximum=MAX_PICTURES),
        default=1,
        description="How many pictures are drawn. If a seed is given, the other pictures take the seeds after "
        "it. After the highest seed comes 1.",
        in_form=False,
    ),
    part="request",
    offered=in_open_contract,
    help="How many pictures are drawn. Each is a file.",
)
