"""What a model needs and is not installed is named."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

from safelight.engine.machine.library_errors import missing_package


def raised_by(path: Path) -> Exception:
    with pytest.raises((ImportError, NameError)) as caught:
        runpy.run_path(str(path))
    return caught.value


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (
            "def is_fixer_available():\n    return False\n"
            "if is_fixer_available():\n    import fixer\n"
            "fixer.fix('text')\n",
            "It needs the package `fixer`, which is not installed.",
        ),
        (
            "def is_torchvision_available():\n    return False\n"
            "if is_torchvision_available():\n    from .processor import Processor, Other\n\n"
            "Processor()\n",
            "It needs the package `torchvision`, which is not installed.",
        ),
        ("unheard_of()\n", None),
        (
            "raise ImportError('\\nX requires the Torchvision library but it was not found.\\nCheck out the page.')\n",
            "X requires the Torchvision library but it was not found.",
        ),
    ],
)
def test_a_missing_package_is_named(tmp_path: Path, source: str, said: str | None) -> None:
    path = tmp_path / "pipeline.py"
    path.write_text(source)
    assert missing_package(raised_by(path)) == said


def test_another_fault_is_no_missing_package() -> None:
    assert missing_package(RuntimeError("no kernel")) is None
