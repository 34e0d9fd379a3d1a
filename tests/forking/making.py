"""Makes a checkpoint by a process that is forked from one that has PyTorch, where a test's own has no use for it: to
import PyTorch and transformers takes four seconds of a processor.
"""

# Tested in tests/api/test_image_classifier.py.

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from safelight.adapters.processes.children import child_environment

_ROOT = Path(__file__).parents[2]
MAKE = """
import importlib, json, os, pathlib, sys
sys.path.insert(0, os.getcwd())
module, name, folder, more = sys.argv[1:]
getattr(importlib.import_module(module), name)(pathlib.Path(folder), **json.loads(more))
"""


def make(module: str, name: str, folder: Path, **arguments: Any) -> None:
    """Have that function of that module make one in a folder."""
    command = [sys.executable, "-u", "-c", MAKE, module, name, str(folder), json.dumps(arguments)]
    subprocess.run(command, cwd=_ROOT, env=child_environment(), check=True, timeout=300)
