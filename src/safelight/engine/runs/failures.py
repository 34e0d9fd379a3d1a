"""Why a run ended without a picture, for its caller and for the log."""

# Tested in tests/engine/test_loop.py.

from __future__ import annotations

import ast
import inspect
import re
import textwrap
import traceback
from dataclasses import dataclass

import torch

from safelight.contract.requests.order import Recipe
from safelight.engine.machine.library_errors import missing_package
from safelight.engine.output.checks import NaNInLatents
from safelight.engine.pipeline.arguments import JobRefused
from safelight.protocol.messages import FailureCode


@dataclass(frozen=True)
class Failure:
    """Why a run ended without a picture. `reason` is for callers: no path and nothing of the prompt. `param` is the
    request's parameter that a refusal is about."""

    reason: str
    retry_helps: bool
    log: str
    code: FailureCode = "internal_error"
    param: str | None = None

    @property
    def is_refusal(self) -> bool:
        """Nothing is wrong with the model: the order asks for what it does not do, or its safety checker did its
        work."""
        return self.code != "internal_error"

    @property
    def is_flagged(self) -> bool:
        """It was drawn, and is not to be shown."""
        return self.code == "content_policy_violation"


FLAGGED = Failure(
    "The model's safety checker refused this picture. Another seed or another prompt may pass it.",
    retry_helps=False,
    log="the model's safety checker refused the picture",
    code="content_policy_violation",
    param="prompt",
)


def refusal_of(refused: JobRefused) -> Failure:
    """Nothing was drawn: what the order asks for is not what this model does."""
    said = str(refused)
    return Failure(said, retry_helps=False, log=said, code=refused.code, param=refused.param)


# Some pipelines raise instead of giving a verdict, as those of Cosmos do for NVIDIA's guardrail: then the line that
# raises stands under a question to such a part. The message says nothing for certain: the prompt may be in it.
_CHECKERS = re.compile(r"safety_checker|guardrail|content_filter")


def failure_of(error: Exception, recipe: Recipe) -> Failure:
    """`log` says the kind, the message unless the prompt is in it, and where; never the prompt."""
    kind, message = type(error).__name__, str(error)
    if _refuses(error):
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


def _refuses(error: Exception) -> bool:
    """Whether it was raised because a checker said no, by the source of the function that raised it."""
    frames = list(traceback.walk_tb(error.__traceback__))
    if not frames:
        return False
    frame, line = frames[-1]
    try:
        lines, first = inspect.getsourcelines(frame.f_code)
        tree = ast.parse(textwrap.dedent("".join(lines)))
    except (OSError, SyntaxError):
        return False
    line -= first - 1
    asked = [node for node in ast.walk(tree) if isinstance(node, ast.If) and _holds(node.body, line)]
    innermost = max(asked, key=lambda node: node.lineno, default=None)
    return innermost is not None and _CHECKERS.search(ast.unparse(innermost.test)) is not None


def _holds(body: list[ast.stmt], line: int) -> bool:
    """Whether one of these statements, which raises, is at that line."""
    return any(isinstance(node, ast.Raise) and node.lineno <= line <= (node.end_lineno or line) for node in body)
