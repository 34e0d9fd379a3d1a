"""How a request is answered."""

# Tested in tests/contract/test_request.py.

from __future__ import annotations

from safelight.contract.capabilities import Parameter
from safelight.contract.kinds import Flag, Whole
from safelight.contract.parameters.declaration import Declaration, always, in_open_contract
from safelight.contract.rules import Needs

MAX_PARTIAL_IMAGES = 3

STREAM = Declaration(
    parameter=Parameter(
        name="stream",
        kind=Flag(),
        default=False,
        description="true: the answer is a stream of server-sent events.",
        in_form=False,
    ),
    part="request",
    offered=in_open_contract,
)
PARTIAL_IMAGES = Declaration(
    parameter=Parameter(
        name="partial_images",
        kind=Whole(minimum=0, maximum=MAX_PARTIAL_IMAGES),
        default=0,
        description="How often a stream shows a picture while it is drawn.",
        in_form=False,
    ),
    part="request",
    offered=in_open_contract,
    rules=(Needs(parameter="partial_images", other="stream", value=True, idle=(0,)),),
)
ALLOW_IGNORED_PARAMS = Declaration(
    parameter=Parameter(
        name="allow_ignored_params",
        kind=Flag(),
        default=False,
        description="true: ignore parameters that the model does not support, instead of refusing them.",
        in_form=False,
    ),
    part="request",
    offered=always,
)
