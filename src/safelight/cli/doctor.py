"""`safelight doctor`: look at everything a server needs, and say what is wrong and how to mend it."""

from __future__ import annotations

import asyncio
import platform
import shutil
import socket
import subprocess
from collections.abc import Iterator, Mapping

import msgspec

from safelight import __version__
from safelight.adapters.children import child_environment, python_module
from safelight.adapters.home.pins import pinned_commit
from safelight.cli.doctor_cluster import cluster
from safelight.cli.findings import Finding, State
from safelight.cli.looking import look_at
from safelight.cli.terminal import print_json
from safelight.cli.weights import Fault, fault_in, safetensors_fault
from safelight.contract.checkpoint_files import SAFETENSORS
from safelight.contract.errors import SafelightError
from safelight.contract.hub import HubName, cache_folder
from safelight.contract.paths import expanded
from safelight.protocol.messages import ModelSpec
from safelight.settings import Settings, read_settings
from safelight.settings.sound import sound_settings

# Below the first a ledger and a picture or two still fit; below the second even a commit may fail.
_LITTLE_SPACE = 1_000_000_000
_NO_SPACE = 50_000_000
_DEVICE_SECONDS = 120


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
    drawing = (cluster,) if settings.engine == "ray" else (_device, _weights)
    for look in (_state_folder, _space, _pictures, _port, *drawing, _classifier):
        yield from look(settings)


def _state_folder(settings: Settings) -> Iterator[Finding]:
    from safelight.adapters.home.state_folder import prepare
    from safelight.adapters.sql import open_database

    async def read() -> tuple[str | None, int]:
        database = await open_database(settings.home, settings.database_url)
        try:
            fault = await database.check()
            return fault, sum(key.revoked is None for key in await database.keys.all())
        finally:
            await database.close()

    try:
        prepare(settings.home)
    except SafelightError as error:
        yield Finding(what="state folder", state="wrong", detail=str(error), mend="Then run `safelight doctor` again.")
        return
    open_to_others = settings.home.stat().st_mode & 0o077
    yield Finding(
        what="state folder",
        state="note" if open_to_others else "ok",
        detail=f"{settings.home} can be written, and is {'open to other users' if open_to_others else 'private'}.",
        mend=f"chmod 700 {settings.home}" if open_to_others else None,
    )
    try:
        fault, keys = asyncio.run(read())
    except SafelightError as error:
        yield Finding(what="database", state="wrong", detail=str(error), mend="Then run `safelight doctor` again.")
        return
    whole = "It is whole" if settings.database is None else "PostgreSQL answers, takes writes"
    if fault is not None:
        mend = "Move it away, and restore a backup (`safelight db restore`) or make new keys."
        yield Finding(what="database", state="wrong", detail=f"It is damaged: {fault}", mend=mend)
    else:
        yield Finding(
            what="database", state="ok", detail=f"{whole}, and holds {keys} valid key{'' if keys == 1 else 's'}."
        )


def _space(settings: Settings) -> Iterator[Finding]:
    folder = next(path for path in (settings.home, *settings.home.parents) if path.exists())
    free = shutil.disk_usage(folder).free
    state: State = "wrong" if free < _NO_SPACE else "note" if free < _LITTLE_SPACE else "ok"
    mend = None if state == "ok" else f"Free some space where {folder} lies, or set SAFELIGHT_HOME to another disk."
    yield Finding(what="disk", state=state, detail=f"{free / 1e9:.1f} GB are free.", mend=mend)


def _pictures(settings: Settings) -> Iterator[Finding]:
    from safelight.cli.place_checked import fault_of_place

    where = settings.files or str(settings.home / "files")
    try:
        fault = asyncio.run(fault_of_place(settings.files, settings.home))
    except (SafelightError, OSError) as error:
        fault = str(error)
    if fault is None:
        yield Finding(what="pictures", state="ok", detail=f"{where} takes files, gives them back and deletes them.")
        return
    remote = settings.files is not None and "://" in settings.files
    mend = (
        "Look at the bucket, at AWS_ENDPOINT_URL, AWS_REGION and the credentials, and at what they allow."
        if remote
        else "Give this user the right to write there, or name another place with `files`."
    )
    yield Finding(what="pictures", state="wrong", detail=fault, mend=mend)


def _port(settings: Settings) -> Iterator[Finding]:
    from safelight.adapters.home.state_folder import served_url

    url = served_url(settings.home)
    if url is not None:
        yield Finding(what="server", state="ok", detail=f"One runs on this state folder, at {url}.")
        return
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host, settings.port))
        except OSError as error:
            detail = f"{settings.host} port {settings.port} cannot be listened on: {error.strerror}."
            mend = "End what uses it, or choose another with --port or PORT."
            yield Finding(what="server", state="wrong", detail=detail, mend=mend)
        else:
            yield Finding(what="server", state="ok", detail=f"None runs; {settings.host} port {settings.port} is free.")


def _device(settings: Settings) -> Iterator[Finding]:
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


def _weights(settings: Settings) -> Iterator[Finding]:
    """Checkpoints that the operator named; the bundled model's weights are the engine's to check."""
    from safelight.bootstrap.specs import model_specs

    for source, spec in model_specs(settings).items():
        if source == "postcard":
            continue
        fault = _fault_at(settings, source)
        if fault is not None:
            yield Finding(what="weights", state="wrong", detail=f"{source}: {fault.what}", mend=fault.mend)
            continue
        yield Finding(what="weights", state="ok", detail=f"{source}: all files are there and whole.")
        yield from _model(spec)


def _classifier(settings: Settings) -> Iterator[Finding]:
    from safelight.bootstrap.filters import look_at_classifier

    given = settings.image_classifier
    if given is None:
        return
    try:
        look_at_classifier(settings)
    except SafelightError as error:
        yield Finding(what="classifier", state="wrong", detail=str(error), mend="Mend `image_classifier`.")
        return
    named = ", ".join(f"{label} from {least:g}" for label, least in given.refuse.items())
    yield Finding(what="classifier", state="ok", detail=f"{given.source} is here, and refuses {named}.")


def _model(spec: ModelSpec) -> Iterator[Finding]:
    """What loading would say before it reads weights: the same look that `safelight show` takes."""
    try:
        found = look_at(spec)
    except SafelightError as error:
        mend = f"Mend that, or take the model out of the settings. `safelight show {spec.source}` looks again."
        yield Finding(what="model", state="wrong", detail=f"{spec.source}: {error}", mend=mend)
        return
    traits = found["traits"]
    pipeline, notes = traits["pipeline"], traits.get("notes", ())
    does = "draws from a prompt" if traits.get("draws_from_words", True) else "draws from pictures, for edits alone"
    yield Finding(what="model", state="ok", detail=f"{spec.source}: {pipeline} {does}.")
    for text in notes:
        yield Finding(what="model", state="note", detail=f"{spec.source}: {text}")


def _fault_at(settings: Settings, source: str) -> Fault | None:
    name, path = HubName.read(source), expanded(source, "Set `source`")
    if name is not None:
        snapshot = name.snapshot(cache_folder(), pinned_commit(settings.home, source))
        if snapshot is None:
            return Fault("it is not on this machine.", f"safelight pull {name}")
        return fault_in(snapshot)
    if path.is_file():
        wrong = "is no .safetensors file" if path.suffix not in SAFETENSORS else safetensors_fault(path)
        return Fault(f"it {wrong}.", "Get the file again, as safetensors.") if wrong else None
    return fault_in(path)


def _print(finding: Finding) -> None:
    mark = {"ok": "ok   ", "note": "note ", "wrong": "WRONG"}[finding.state]
    print(f"{mark}  {finding.what:<13} {finding.detail}", flush=True)
    if finding.mend is not None:
        print(f"{'':<22}{finding.mend}", flush=True)


def _amount(number: int) -> str:
    return "One thing" if number == 1 else f"{number} things"
