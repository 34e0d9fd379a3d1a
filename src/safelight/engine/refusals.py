"""What the libraries refuse, as an error of ours in their own words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from safelight.contract.errors import ModelLoadError

_REFUSALS = (ImportError, NotImplementedError, RuntimeError, TypeError, ValueError)


@contextmanager
def explained(what: str, kinds: tuple[type[Exception], ...] = _REFUSALS) -> Iterator[None]:
    """Within it, a library that is asked for something it cannot do says so: `what` is the start of that sentence.

    `kinds` are the errors that mean it, by default those with which libraries refuse.

    Raises:
        ModelLoadError: with the first line of what it said.
    """
    try:
        yield
    except torch.OutOfMemoryError:  # nothing that it cannot do, and said elsewhere
        raise
    except ModelLoadError:
        raise
    except kinds as error:
        said = (str(error).strip() or type(error).__name__).splitlines()[0].rstrip(". ")
        raise ModelLoadError(f"{what}: {said}.") from error
