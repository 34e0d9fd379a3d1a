"""What a model needs and is not installed is named."""

from __future__ import annotations

import re
import runpy
import tomllib
from pathlib import Path

import pytest

from safelight.engine.machine.library_errors import _EXTRAS, missing_package


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
            "It needs the package `torchvision`, which is not installed. "
            "`pip install -c constraints.txt '.[vision]'` installs it.",
        ),
        ("unheard_of()\n", None),
        (
            "raise ImportError('\\nX requires the Torchvision library but it was not found.\\nCheck out the page.')\n",
            "X requires the Torchvision library but it was not found. "
            "`pip install -c constraints.txt '.[vision]'` installs it.",
        ),
        (
            "raise ImportError('X requires the Unheard library but it was not found. Check out the page.')\n",
            "X requires the Unheard library but it was not found.",
        ),
    ],
)
def test_a_missing_package_is_named(tmp_path: Path, source: str, said: str | None) -> None:
    path = tmp_path / "pipeline.py"
    path.write_text(source)
    assert missing_package(raised_by(path)) == said


def test_a_torchvision_for_another_pytorch_is_named() -> None:
    said = missing_package(RuntimeError("operator torchvision::nms does not exist"))
    assert said is not None
    assert said.startswith("The installed torchvision was made for another PyTorch. Install both from one index")


def test_every_package_of_the_extras_is_installed_by_the_one_that_has_it() -> None:
    said = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())
    extras = said["project"]["optional-dependencies"]
    for package, extra in _EXTRAS.items():
        assert any(re.match(rf"{package}\b", each) for each in extras[extra]), package
    assert len(_EXTRAS) == len(extras["models"]) + len(extras["vision"])


def test_another_fault_is_no_missing_package() -> None:
    assert missing_package(RuntimeError("no kernel")) is None
