"""`safelight doctor` on checkpoints: whether their files are whole, and what loading them would say."""

# Tested in tests/cli/test_doctor.py.

from __future__ import annotations

from collections.abc import Iterator

from safelight.adapters.home.pins import pinned_commit
from safelight.cli.checkpoints.looking import look_at
from safelight.cli.checkpoints.weights import Fault, fault_in, safetensors_fault
from safelight.cli.doctor.findings import Finding
from safelight.contract.checkpoints.checkpoint_files import SAFETENSORS
from safelight.contract.checkpoints.hub import HubName, cache_folder
from safelight.contract.checkpoints.paths import expanded
from safelight.contract.errors import SafelightError
from safelight.protocol.messages import ModelSpec
from safelight.settings import Settings


def weights(settings: Settings) -> Iterator[Finding]:
    """Checkpoints that the operator named; the bundled model's weights are the engine's to check."""
    from safelight.bootstrap.engines.specs import model_specs

    for source, spec in model_specs(settings).items():
        if source == "postcard":
            continue
        fault = _fault_at(settings, source)
        if fault is not None:
            yield Finding(what="weights", state="wrong", detail=f"{source}: {fault.what}", mend=fault.mend)
            continue
        yield Finding(what="weights", state="ok", detail=f"{source}: all files are there and whole.")
        yield from _model(spec)


def classifier(settings: Settings) -> Iterator[Finding]:
    from safelight.bootstrap.use_cases.filters import look_at_classifier

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
