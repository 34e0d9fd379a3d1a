"""`safelight doctor` on what this machine draws with: devices, number formats, threads, memory, packages."""

# Tested in tests/cli/test_doctor.py.

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import msgspec

from safelight.adapters.processes.children import child_environment, python_module
from safelight.cli.doctor.findings import Finding
from safelight.settings import Settings

_DEVICE_SECONDS = 120


def device(settings: Settings) -> Iterator[Finding]:
    machine = _machine()
    if isinstance(machine, str):
        mend = "Install Safelight again in a fresh environment; its metadata pins the PyTorch that it needs."
        yield Finding(what="device", state="wrong", detail=f"PyTorch does not start: {machine}", mend=mend)
        return
    devices = ["cpu", *machine.accelerators]
    wanted = settings.device
    known = wanted == "auto" or any(device == wanted or device.startswith(f"{wanted}:") for device in devices)
    yield Finding(
        what="device",
        state="ok" if known else "wrong",
        detail=f"{machine.device if wanted == 'auto' else wanted} (here: {', '.join(devices)}); {machine.name}.",
        mend=None if known else f"There is no {wanted!r} here. Set `device` to auto, or one of {', '.join(devices)}.",
    )
    formats = ", ".join(f"{name} {how}" for name, how in machine.dtypes.items())
    detail = f"{formats} ({', '.join(machine.features) or 'no matrix units'}); `auto` means {machine.dtype}."
    yield Finding(what="arithmetic", state="ok", detail=detail)
    yield _threads(machine, settings)
    if machine.memory_bytes is not None:
        yield Finding(what="memory", state="ok", detail=f"{machine.memory_bytes / 1e9:.1f} GB may be used.")
    packages = ", ".join(f"{name} {version}" for name, version in machine.versions.items())
    yield Finding(what="packages", state="ok", detail=packages)
    for source, how in machine.weights.items():
        if how == "ok":
            yield Finding(what="weights", state="ok", detail=f"{source}: all files are there and whole.")
    for problem in machine.problems:
        yield Finding(what="engine", state="wrong", detail=problem.what, mend=problem.mend)


class _Problem(msgspec.Struct):
    what: str
    mend: str


class _Machine(msgspec.Struct):
    """What `safelight.engine.report` prints. The engine itself is not imported here: PyTorch would come with it."""

    device: str
    name: str
    dtype: str
    dtypes: dict[str, str]
    threads: int
    cores_installed: int
    memory_bytes: int | None
    features: tuple[str, ...]
    accelerators: tuple[str, ...]
    versions: dict[str, str]
    weights: dict[str, str]
    problems: tuple[_Problem, ...]


def _machine() -> _Machine | str:
    """What the machine has, or why that cannot be found out: a broken PyTorch must not take us along."""
    command = python_module("safelight.engine.report", "--json")
    try:
        ran = subprocess.run(
            command, capture_output=True, text=True, timeout=_DEVICE_SECONDS, check=False, env=child_environment()
        )
    except subprocess.TimeoutExpired:
        return f"it did not answer within {_DEVICE_SECONDS} s."
    if ran.returncode != 0:
        return (ran.stderr.strip().splitlines() or [f"it ended with status {ran.returncode}."])[-1]
    return msgspec.json.decode(ran.stdout, type=_Machine)


def _threads(machine: _Machine, settings: Settings) -> Finding:
    used = (settings.most_threads or machine.threads) * settings.least_workers
    workers = "1 worker" if settings.least_workers == 1 else f"{settings.least_workers} workers"
    detail = f"{used} in {workers}; {machine.threads} usable cores of {machine.cores_installed} installed."
    if used > machine.threads:
        mend = "More threads than cores only slow each other down. Set `threads` or `workers` lower."
        return Finding(what="threads", state="note", detail=detail, mend=mend)
    return Finding(what="threads", state="ok", detail=detail)
