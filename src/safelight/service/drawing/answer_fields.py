"""What an answer says beside its pictures: the same whether somebody waits for it or reads it in a batch's file."""

# Tested in tests/api/test_open_images.py.

from __future__ import annotations

from typing import Any

from safelight.contract.requests.request import ImageRequest
from safelight.contract.values.kinds import AUTO

# The fields that OpenAI's SDKs expect. Nothing here is counted in tokens.
USAGE = {
    "input_tokens": 0,
    "input_tokens_details": {"image_tokens": 0, "text_tokens": 0},
    "output_tokens": 0,
    "total_tokens": 0,
}


def answer_fields(request: ImageRequest, data: list[dict[str, Any]], created: float) -> dict[str, Any]:
    """The documented answer, and under a model's own id what OpenAI's says beside it (CONTRACT 6)."""
    said: dict[str, Any] = {"created": int(created), "data": data}
    if request.model.terms.contract == "strict":
        return said
    said |= {"size": str(request.size), "output_format": request.output_format, "background": "opaque", "usage": USAGE}
    return said if request.quality == AUTO else said | {"quality": request.quality}
