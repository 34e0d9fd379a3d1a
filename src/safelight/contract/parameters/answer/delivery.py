"""How a request is answered."""

# Tested in tests/contract/test_request.py.

from __future__ import annotations

from safelight.contract.models.capabilities import Parameter
from safelight.contract.parameters.declaration import Declaration, always, in_open_contract
from safelight.contract.values.kinds import Choice, Flag, Whole
from safelight.contract.values.rules import Needs

MAX_PARTIAL_IMAGES = 3

STREAM = Declaration(
    parameter=Parameter(
        name="stream",
        kind=Flag(),
        default=False,
        description="If true, the answer is a stream of server-sent events.",
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
        description="How many unfinished pictures a stream sends before the finished one.",
        in_form=False,
    ),
    part="request",
    offered=in_open_contract,
    rules=(Needs(parameter="partial_images", other="stream", value=True, idle=(0,)),),
)
LINK = "url"
RESPONSE_FORMAT = Declaration(
    parameter=Parameter(
        name="response_format",
        kind=Choice(values=("b64_json", "base64", LINK)),
        default="b64_json",
        description="How the answer holds pictures: in base64, or as links (url) that need no key and soon end.",
        in_form=False,
    ),
    part="request",
    offered=in_open_contract,
    # OpenAI's events have no field for a link.
    rules=(Needs(parameter="response_format", other="stream", value=False, idle=("b64_json", "base64")),),
)
ALLOW_IGNORED_PARAMS = Declaration(
    parameter=Parameter(
        name="allow_ignored_params",
        kind=Flag(),
        default=False,
        description="If true, parameters that the model does not support are ignored. If false, they are refused.",
        in_form=False,
    ),
    part="request",
    offered=always,
)
