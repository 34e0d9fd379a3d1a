"""How many GPUs there are, asked of the driver without torch."""

from __future__ import annotations

import os
import subprocess
import sys


def counted(**variables: str) -> tuple[int, str]:
    """What the child says, and what it imported of torch."""
    asked = [sys.executable, "-P", "-X", "importtime", "-m", "safelight.engine.machine.gpu_count"]
    child = subprocess.run(asked, capture_output=True, text=True, check=True, env=os.environ | variables)
    return int(child.stdout), child.stderr


def test_the_child_says_a_number_and_imports_no_torch() -> None:
    count, imported = counted()
    assert count >= 0
    assert "| torch" not in imported


def test_none_is_counted_that_may_not_be_seen() -> None:
    assert counted(CUDA_VISIBLE_DEVICES="")[0] == 0
