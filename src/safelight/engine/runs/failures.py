"""Why a run ended without a picture, for its caller and for the log."""

# Tested in tests/engine/test_loop.py.

from __future__ import annotations

import re
import traceback
from dataclasses import dataclass

import torch

from safelight.contract.order import Recipe
from safelight.engine.machine.library_errors import missing_package
from safelight.engine.output.checks import NaNInLatents
from safelight.protocol.messages import FailureCode


@dataclass(frozen=True)
class Failure:
    """Why a run ended without a picture. `reason` is for callers: no path and nothing of the prompt."""

    reason: str
    retry_helps: bool
    log: str
    code: FailureCode = "internal_error"

    @property
    def is_refusal(self) -> bool:
        """Nothing is wrong with the model: its safety checker did its work."""
        return self.code == "content_policy_violation"


FLAGGED = Failure(
    "The model's safety checker refused this picture. Another seed or another prompt may pass it.",
    retry_helps=False,
    log="the model's safety checker refused the picture",
    code="content_policy_violation",
)


# How pipelines say so that raise instead of giving a verdict: NVIDIA's guardrail in Cosmos, whose message goes on with
# the prompt, and what others of that kind are called.
_REFUSES = re.compile(r"(guardrail|safety checker|content filter)\b.{0,40}\b(detected|refused|blocked|rejected)", re.I)
_BEGINNING = 80  # what comes after may be the prompt


def failure_of(error: Exception, recipe: Recipe) -> Failure:
    """`log` says the kind, the message unless the prompt is in it, and where; never the prompt."""
    kind, message = type(error).__name__, str(error)
    if isinstance(error, ValueError | RuntimeError) and _REFUSES.search(message[:_BEGINNING]):
        return FLAGGED
    if isinstance(error, NaNInLatents):
        return Failure(message, retry_helps=False, log=message)
    if (missing := missing_package(error)) is not None:
        reason = f"The model failed while drawing this picture. {missing}"
        return Failure(reason, retry_helps=False, log=f"{kind}: {missing}")
    # PyTorch's allocator for CPUs raises a plain RuntimeError.
    full = isinstance(error, MemoryError | torch.OutOfMemoryError) or "can't allocate memory" in message
    reason = "There is not enough memory for this picture" if full else "The model failed while drawing this picture"
    if any(text and (text in message or repr(text)[1:-1] in message) for text in recipe.texts):
        message = "(its message repeats the prompt)"
    frames = traceback.extract_tb(error.__traceback__)[-3:]
    where = " < ".join(f"{frame.filename}:{frame.lineno} in {frame.name}" for frame in reversed(frames))
    return Failure(f"{reason} ({kind}).", retry_helps=full, log=f"{kind}: {message} at {where}")
