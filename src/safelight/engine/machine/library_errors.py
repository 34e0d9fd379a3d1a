"""What the libraries refuse or miss, as an error of ours in their own words."""

from __future__ import annotations

import re
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

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


def missing_package(error: Exception) -> str | None:
    """What is not installed, in a sentence, if that is why `error` was raised."""
    if isinstance(error, ImportError):
        # The libraries say what is missing first and how it is installed after that.
        said = " ".join(str(error).split())
        return re.split(r"(?<=\.) ", said, maxsplit=1)[0]
    package = _package_of(error) if isinstance(error, NameError) else None
    return None if package is None else f"It needs the package `{package}`, which is not installed."


def _package_of(error: NameError) -> str | None:
    """diffusers imports optional packages under `if is_..._available():`, and misses the name when it uses it."""
    frames = traceback.extract_tb(error.__traceback__)
    try:
        source = Path(frames[-1].filename).read_text()
    except (IndexError, OSError, ValueError):
        return None
    for found in re.finditer(r"^if is_(\w+)_available\(\):\n((?:[ \t]+\S.*\n)+)", source, re.M):
        if re.search(rf"import .*\b{re.escape(str(error.name))}\b", found[2]):
            return found[1]
    return None


def is_out_of_memory(error: Exception) -> bool:
    """Whether memory was missing. PyTorch's allocator for CPUs raises a plain RuntimeError."""
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or "can't allocate memory" in str(error)
