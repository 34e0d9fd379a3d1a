"""From a checkpoint to a model that can draw: loaded quietly, nothing fetched, nothing unpickled, fingerprinted."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import diffusers
import msgspec
import torch
import transformers
from msgspec.structs import replace

from safelight.contract.errors import ModelLoadError
from safelight.contract.models.options import DENOISERS, ModelOptions
from safelight.contract.models.traits import EditTraits, Traits
from safelight.contract.values.sizes import Size
from safelight.engine.checkpoint.assembly import Assembly
from safelight.engine.checkpoint.capabilities.dtypes import PACKED, check_dtype, dtype_of, numbers_of
from safelight.engine.checkpoint.capabilities.edits import parameters_of, ways_of
from safelight.engine.checkpoint.capabilities.traits import traits_of
from safelight.engine.checkpoint.controlnets import ControlNetFiles, load_controlnets, read_controlnets, sizes_of
from safelight.engine.checkpoint.files import single_file
from safelight.engine.checkpoint.files.folder import Checkpoint
from safelight.engine.checkpoint.files.location import location_of
from safelight.engine.checkpoint.files.untrusted import nothing_unpickled
from safelight.engine.checkpoint.fingerprint import files_digest, fingerprint
from safelight.engine.checkpoint.processors import pictures_read_with
from safelight.engine.checkpoint.spared_imports import check_not_spared
from safelight.engine.machine.library_errors import missing_package
from safelight.engine.machine.weights.memory import refuse_too_large
from safelight.engine.machine.weights.parts import Parts
from safelight.engine.pipeline.edits.controls import WORDS, follower
from safelight.engine.pipeline.edits.twins import IMAGE_TO_IMAGE, INPAINTING
from safelight.engine.pipeline.edits.ways import Ways
from safelight.engine.pipeline.model import LoadedModel
from safelight.engine.pipeline.signature import of_one_frame
from safelight.engine.runtimes import denoiser, eight_bits, openvino, simplifying, steady, writing
from safelight.engine.runtimes.denoiser import denoisers_of, run_by_openvino
from safelight.engine.runtimes.eight_bits import without_quantization
from safelight.engine.runtimes.kept import KeptGraphs
from safelight.engine.runtimes.openvino import openvino_version
from safelight.engine.runtimes.refusals import check_runtime
from safelight.engine.tuning.apply import check_library, check_options, tune
from safelight.engine.tuning.loras import Named
from safelight.engine.tuning.quantization import is_known, library_versions
from safelight.protocol.messages import ModelSpec

log = logging.getLogger(__name__)


def load(
    spec: ModelSpec, device: str, described: Callable[[Traits], None] | None = None, kept: Path | None = None
) -> LoadedModel:
    """Load a model onto a device, as `torch.device` names it; `described` is told its traits before weights are read.
    `kept` is a folder for what need not be made again at the next start.

    Raises:
        ModelLoadError: the checkpoint is missing, damaged, pickled, too large, or of a class that is not known.
    """
    try:
        with nothing_unpickled():
            return _load(spec, device, described, kept)
    except ModelLoadError:
        raise
    except Exception as error:  # a checkpoint can be wrong in any way; each becomes this one error
        log.exception("a checkpoint could not be loaded")
        kind = type(error).__name__
        if (missing := missing_package(error)) is not None:
            raise ModelLoadError(f"The checkpoint cannot be loaded. {missing}") from error
        if isinstance(error, MemoryError | torch.OutOfMemoryError):
            raise ModelLoadError(f"The checkpoint does not fit into the memory of {device} ({kind}).") from error
        raise ModelLoadError(
            f"The checkpoint does not fit its configuration ({kind}). It may be damaged, or made for another version "
            "of diffusers; the worker's log says more."
        ) from error


def describe(spec: ModelSpec) -> tuple[Checkpoint, str, Traits]:
    """A model's checkpoint, its name for people and its traits; no weight is loaded.

    Raises:
        ModelLoadError: the checkpoint is missing, damaged, pickled, or of a class that is not known.
    """
    _be_quiet()
    place = location_of(spec.source, spec.commit)
    checkpoint = Checkpoint.read(place, spec.options)
    ways, controls = ways_of(checkpoint), read_controlnets(spec.options, checkpoint.pipeline_class)
    edits = _with_controls(ways, checkpoint.pipeline_class, controls)
    traits = traits_of(checkpoint, place.name, parameters_of(checkpoint.pipeline_class, checkpoint.settings))
    traits = replace(
        traits,
        notes=checkpoint.notes(spec.options),
        edits=edits,
        controls=tuple(sorted(controls)) if ways.words else (),
        controls_together=_follows_several(checkpoint.pipeline_class, controls),
        draws_from_words=ways.words,
        loras=tuple(lora.name for lora in spec.loras),  # which of them fit only the weights tell
    )
    said = {name: getattr(spec.options, name) for name in ("negative_prompt", "width", "height")}
    return checkpoint, place.name, replace(traits, **{name: value for name, value in said.items() if value is not None})


def _with_controls(ways: Ways, own: type, controls: Mapping[str, ControlNetFiles]) -> EditTraits | None:
    """What it takes of pictures; ControlNets beside them where each can be followed in every way of it."""
    traits = ways.traits
    if traits is None or not controls or not ways.words:
        return traits
    tasks = [IMAGE_TO_IMAGE, *([INPAINTING] if ways.masked is not None else [])]
    return replace(traits, controls=all(follower(own, each.kind, task) for each in controls.values() for task in tasks))


def _follows_several(own: type, controls: Mapping[str, ControlNetFiles]) -> bool:
    kinds = {each.kind for each in controls.values()}
    found = follower(own, kinds.pop(), WORDS) if len(kinds) == 1 else None
    return found is not None and found.several is not None


def _load(spec: ModelSpec, device: str, described: Callable[[Traits], None] | None, kept: Path | None) -> LoadedModel:
    check_not_spared(spec)
    checkpoint, name, traits = describe(spec)
    _tell(name, traits, traits.notes, described)
    parameters = parameters_of(checkpoint.pipeline_class, checkpoint.settings)
    options = without_quantization(spec.options)
    ways = ways_of(checkpoint)
    _check_arguments(options.arguments, parameters)
    controlnets = read_controlnets(options, checkpoint.pipeline_class)
    format = _loadable(spec, device, checkpoint, controlnets)
    dtype = numbers_of(format)
    with ThreadPoolExecutor(1) as beside:
        digest = beside.submit(_fingerprint, checkpoint, traits, ways, spec, controlnets, dtype=format, device=device)
        said: list[str] = []
        pipeline = Assembly(checkpoint, dtype, options, said.append).pipeline()
        controls = load_controlnets(controlnets, dtype, pipeline)
        pipeline, adapters = tune(
            pipeline,
            options,
            device,
            loras=_named(spec),
            beside=controls.parts,
            packs_float32=format == PACKED,
            note=said.append,
        )
        if options.runtime == "openvino":
            graphs = KeptGraphs(kept, digest.result())
            sizes = map(Size.parse, options.fixed_sizes)
            run_by_openvino(pipeline, dtype, graphs, eight_bits=bool(spec.options.quantization), fixed_sizes=sizes)
        if said:
            traits = replace(traits, notes=(*traits.notes, *said), loras=tuple(adapters.named))
            _tell(name, traits, said, described)
        return LoadedModel(
            source=spec.source,
            name=name,
            pipeline=pipeline,
            parameters=parameters,
            ways=ways.over(pipeline),
            adapters=adapters,
            controls=controls,
            arguments=options.arguments,
            traits=traits,
            device=device,
            fingerprint=digest.result(),
            compiled=options.compile,
            offloaded=options.offload != "none",
            laid_out=Parts(denoisers_of(pipeline) if options.runtime == "openvino" else {}),
            layouts=1 + len(options.fixed_sizes),
        )


def _loadable(spec: ModelSpec, device: str, checkpoint: Checkpoint, controlnets: Mapping[str, ControlNetFiles]) -> str:
    """The number format that it is loaded in, if all that is asked of it can be had on that device."""
    options = without_quantization(spec.options)
    check_options(options, device, _named(spec))
    for part, backend in checkpoint.quantized().items():
        if is_known(backend):  # transformers has more, each with a sentence of its own
            check_library(backend, f"`{part}`, which is quantized by {backend},")
    format = dtype_of(spec, device, checkpoint)
    check_dtype(format, device, compiled=options.compile)
    quantized = bool(checkpoint.quantized())
    check_runtime(spec.options, device, format, loras=bool(spec.loras), quantized=quantized)
    if not options.quantization:
        dtype = numbers_of(format)
        parts = _sizes(checkpoint, options, controlnets, dtype)
        refuse_too_large(parts, str(dtype)[6:], device, one_at_a_time=options.offload != "none")
    return format


def _tell(name: str, traits: Traits, notes: Iterable[str], described: Callable[[Traits], None] | None) -> None:
    for note in notes:
        log.warning("%s: %s", name, note)
    if described is not None:
        described(traits)


def weight_of(spec: ModelSpec, device: str) -> int:
    """Bytes that a model's weights will take there, read off its files; 0 where loading will say what is wrong."""
    try:
        checkpoint = Checkpoint.read(location_of(spec.source, spec.commit), spec.options)
        dtype = numbers_of(dtype_of(spec, device, checkpoint))
        controlnets = read_controlnets(spec.options, checkpoint.pipeline_class)
        parts = _sizes(checkpoint, spec.options, controlnets, dtype).values()
        return sum(parts) if spec.options.offload == "none" else max(parts, default=0)
    except (ModelLoadError, OSError, ValueError):
        return 0


def _sizes(
    checkpoint: Checkpoint, options: ModelOptions, controlnets: Mapping[str, ControlNetFiles], dtype: torch.dtype
) -> dict[str, int]:
    """Bytes of each part's weights; OpenVINO has a denoiser's once more, laid out as it multiplies them, and again for
    each size that has graphs of its own."""
    parts = checkpoint.sizes(dtype) | sizes_of(controlnets, dtype)
    again = DENOISERS if options.runtime == "openvino" else ()
    times = 2 + len(options.fixed_sizes)
    return parts | {name: times * parts[name] for name in again if name in parts}


def _named(spec: ModelSpec) -> tuple[Named, ...]:
    return tuple(Named(lora.name, Path(lora.file).expanduser()) for lora in spec.loras)


def _check_arguments(arguments: dict[str, Any], parameters: dict[str, Any]) -> None:
    for name in arguments:
        if name not in parameters:
            raise ModelLoadError(f"`arguments` names {name}, which this pipeline does not take.")


def _fingerprint(
    checkpoint: Checkpoint,
    traits: Traits,
    ways: Ways,
    spec: ModelSpec,
    controlnets: Mapping[str, ControlNetFiles],
    *,
    dtype: str,
    device: str,
) -> str:
    """Where weights lie while they are not needed (`offload`) changes no picture; every other option may."""
    options = spec.options
    defaults: dict[str, Any] = {"steps": traits.steps, "guidance_scale": traits.guidance_scale}
    defaults |= of_one_frame(parameters_of(checkpoint.pipeline_class, checkpoint.settings))
    if spec.loras:
        defaults["loras"] = {lora.name: files_digest([lora.file]) for lora in _named(spec) if lora.file.is_file()}
    if controlnets:
        defaults["controlnets"] = {name: files_digest(each.files()) for name, each in controlnets.items()}
    if ways.classes:
        defaults["edits"] = [kind.__name__ for kind in ways.classes]
        if (reader := pictures_read_with(checkpoint.components.values())) is not None:
            defaults["pictures_read_with"] = reader
    named = [options.transformer, *(lora.file for lora in options.loras)]
    added = [Path(file).expanduser() for file in named if file is not None]
    if options != ModelOptions(offload=options.offload):
        said = msgspec.to_builtins(replace(options, offload="none", config=None))
        if options.runtime == "pytorch":  # pictures are what they were before there was another
            del said["runtime"], said["fixed_sizes"]
        else:
            defaults["runtime"] = openvino_version()
            # It decides what is computed: the same holds for it.
            code = (denoiser, openvino, writing, simplifying, steady, eight_bits)
            defaults["runtime_code"] = files_digest(Path(inspect.getfile(module)) for module in code)
        defaults["options"] = said
        defaults["added"] = files_digest(added)
    if checkpoint.file is not None or options.transformer is not None:  # factors and marks are read by our own code
        defaults["single_file"] = files_digest([Path(single_file.__file__)])
    tables = without_quantization(options).quantization
    backends = [*checkpoint.quantized().values(), *(table.backend for table in tables)]
    if backends:
        defaults["libraries"] = library_versions(backends)
    return fingerprint(
        checkpoint.files(), pipeline_class=checkpoint.pipeline_class, defaults=defaults, dtype=dtype, device=device
    )


def _be_quiet() -> None:
    """No progress bars, and no warnings of the libraries: some repeat the end of a prompt that was too long."""
    for library in (diffusers.utils.logging, transformers.utils.logging):
        library.set_verbosity_error()
        library.disable_progress_bar()
