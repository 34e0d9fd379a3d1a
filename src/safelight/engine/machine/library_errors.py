"""What the libraries refuse or miss, as an error of ours in their own words."""

from __future__ import annotations

import re
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from safelight.contract.errors import ModelLoadError

# Our extras by the packages in them: pyproject.toml.
_EXTRAS = {"torchvision": "vision"} | dict.fromkeys(("accelerate", "ftfy", "gguf", "peft", "sentencepiece"), "models")
_LIBRARY = re.compile(r"requires the (\w+) library", re.I)
# A torchvision with CUDA beside a PyTorch without, or of another version: its operators are not loaded.
_OF_ANOTHER_BUILD = re.compile(r"operator torchvision::\w+ does not exist|torchvision.*(undefined symbol|CUDA version)")
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
    """What is not installed, or does not fit what is, and how to install it, if that is why `error` was raised."""
    if isinstance(error, RuntimeError) and _OF_ANOTHER_BUILD.search(str(error)):
        return (
            "The installed torchvision was made for another PyTorch. Install both from one index: "
            "`pip install --force-reinstall --no-deps torchvision` with the `--index-url` that PyTorch came from."
        )
    if isinstance(error, ImportError):
        # The libraries say what is missing first and how it is installed after that.
        said = re.split(r"(?<=\.) ", " ".join(str(error).split()), maxsplit=1)[0]
        named = _LIBRARY.search(said)
        return said + _how_to_install(named[1].lower() if named else "")
    package = _package_of(error) if isinstance(error, NameError) else None
    if package is None:
        return None
    return f"It needs the package `{package}`, which is not installed.{_how_to_install(package)}"


def _how_to_install(package: str) -> str:
    extra = _EXTRAS.get(package)
    return "" if extra is None else f" `pip install -c constraints.txt '.[{extra}]'` installs it."


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
