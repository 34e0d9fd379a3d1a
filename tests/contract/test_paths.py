"""Paths that begin with a home folder, also for a user who has none."""

from __future__ import annotations

from pathlib import Path

import pytest

from safelight.contract.checkpoints.paths import expanded
from safelight.contract.errors import ConfigurationError


def test_a_tilde_is_the_users_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert expanded("~/x", "Set X") == tmp_path / "x"
    assert expanded("/y", "Set X") == Path("/y")


def test_one_that_no_user_has_is_said_with_what_to_do() -> None:
    with pytest.raises(ConfigurationError, match=r"~nobody-of-that-name/x is in\. Set X to a folder"):
        expanded("~nobody-of-that-name/x", "Set X")
