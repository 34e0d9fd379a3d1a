"""How many cores others leave: as the system says it now, or said it in the last minute."""

from __future__ import annotations

from pathlib import Path

import pytest

from safelight.engine.machine.cpu.neighbours import cores_left

WAITED = "some avg10={} avg60=35.85 avg300=34.65 total=5111905529\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n"


@pytest.mark.parametrize(
    ("waited", "load", "left"),
    [
        ("0.00", 0.1, 4),
        ("3.50", 3.9, 4),  # they have gone
        ("80.12", 0.3, 4),  # this server alone, at its start
        ("80.12", 1.9, 2),
        ("99.00", 12.0, 1),
        (None, 0.2, 4),  # a kernel that keeps no account
        (None, 3.1, 1),
    ],
)
def test_where_somebody_waits_for_a_core_the_load_says_how_many_are_left(
    waited: str | None, load: float, left: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "cpu"
    if waited is not None:
        file.write_text(WAITED.format(waited))
    monkeypatch.setattr("os.getloadavg", lambda: (load, 2.0, 2.0))
    assert cores_left(4, file) == left


def test_this_machine_says_something() -> None:
    assert 1 <= cores_left(2) <= 2
