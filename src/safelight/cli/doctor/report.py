"""`safelight doctor`: look at everything a server needs, and say what is wrong and how to mend it."""

# Tested in tests/cli/test_doctor.py.

from __future__ import annotations

import platform
from collections.abc import Iterator, Mapping

import msgspec

from safelight import __version__
from safelight.cli.doctor.cluster import cluster
from safelight.cli.doctor.findings import Finding
from safelight.cli.doctor.machine import device
from safelight.cli.doctor.models import classifier, weights
from safelight.cli.doctor.server import pictures, port, space, state_folder
from safelight.cli.terminal import print_json
from safelight.contract.errors import SafelightError
from safelight.settings import read_settings
from safelight.settings.sound import sound_settings


def examine(said: Mapping[str, object], *, as_json: bool) -> int:
    """Print the findings; the exit code: 1 if something is wrong."""
    findings = []
    for finding in findings_of(said):
        findings.append(finding)
        if not as_json:
            _print(finding)
    wrong = sum(finding.state == "wrong" for finding in findings)
    if as_json:
        print_json({"ok": not wrong, "findings": msgspec.to_builtins(findings)})
    else:
        print(f"\n{_amount(wrong)} to mend." if wrong else "\nAll is well.")
    return 1 if wrong else 0


def findings_of(said: Mapping[str, object]) -> Iterator[Finding]:
    """Look at one thing after another; `said` is what the command line said."""
    yield Finding(
        what="versions",
        state="ok",
        detail=f"safelight {__version__}, Python {platform.python_version()}, {platform.system()} {platform.machine()}",
    )
    try:
        settings = read_settings(said)
    except SafelightError as error:
        yield Finding(what="settings", state="wrong", detail=str(error), mend="Then run `safelight doctor` again.")
        settings = sound_settings(said)
        yield Finding(what="settings", state="note", detail="The rest is looked at with what is right, and defaults.")
    else:
        yield Finding(what="settings", state="ok", detail="Every setting is known and in range.")
    drawing = (cluster,) if settings.engine == "ray" else (device, weights)
    for look in (state_folder, space, pictures, port, *drawing, classifier):
        yield from look(settings)


def _print(finding: Finding) -> None:
    mark = {"ok": "ok   ", "note": "note ", "wrong": "WRONG"}[finding.state]
    print(f"{mark}  {finding.what:<13} {finding.detail}", flush=True)
    if finding.mend is not None:
        print(f"{'':<22}{finding.mend}", flush=True)


def _amount(number: int) -> str:
    return "One thing" if number == 1 else f"{number} things"
