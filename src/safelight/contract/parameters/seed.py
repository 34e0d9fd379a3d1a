"""Chance, and how many pictures."""

# Tested in tests/contract/test_request.py.

from __future__ import annotations

from safelight.contract.capabilities import Parameter
from safelight.contract.kinds import Whole
from safelight.contract.parameters.declaration import Declaration, always, in_open_contract

MAX_SEED = 2**32 - 1
MAX_PICTURES = 10

SEED = Declaration(
    parameter=Parameter(
        name="seed",
        kind=Whole(minimum=0, maximum=MAX_SEED),
        default=0,
        description="The same seed and parameters give the same bytes. 0 draws a fresh seed.",
    ),
    part="request",
    offered=always,
    help="The same seed gives the same bytes; 0 draws one.",
)
N = Declaration(
    parameter=Parameter(
        name="n",
        kind=Whole(minimum=1, maximum=MAX_PICTURES),
        default=1,
        description="How many pictures. With a seed, the others have the seeds after it; 1 follows the last.",
        in_form=False,
    ),
    part="request",
    offered=in_open_contract,
    help="How many pictures; each a file of its own.",
)
