"""An operator's options, handed to diffusers: its own classes, its own names, nothing in between."""

# Tested in tests/engine/test_options.py.

from __future__ import annotations

import importlib.util
import inspect
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from diffusers import hooks

from safelight.contract.errors import ModelLoadError
from safelight.contract.models.options import ModelOptions, StepCache
from safelight.contract.models.stages import STEPS
from safelight.engine.machine.library_errors import explained
from safelight.engine.machine.stages import stage_of
from safelight.engine.machine.weights.parts import Parts
from safelight.engine.machine.weights.weight_files import check_file
from safelight.engine.tuning.attention import attend_in_tiles
from safelight.engine.tuning.compiling import compile_blocks
from safelight.engine.tuning.fused.modulation import modulate_in_place
from safelight.engine.tuning.fused.rotary import turn_faster
from safelight.engine.tuning.loras import Adapters, Named, add_loras
from safelight.engine.tuning.offloading import offload
from safelight.engine.tuning.packing import lay_out
from safelight.engine.tuning.quantization import library_of

_NOTHING = Parts()


def check_options(options: ModelOptions, device: str, loras: Iterable[Named] = ()) -> None:
    """Refuse what cannot work here before anything is loaded.

    Raises:
        ModelLoadError: a library is missing, naming it; a file is not there; the device has no use for it.
    """
    for table in options.quantization:
        check_library(table.backend, f"quantization by {table.backend}")
    if options.transformer is not None and options.transformer.endswith(".gguf"):
        _need("gguf", "GGUF")
    if options.loras or loras:
        _need("peft", "a LoRA")
    if options.offload != "none" and device == "cpu":
        raise ModelLoadError("`offload` moves weights between an accelerator and the host: on the CPU it has no use.")
    if options.attention is not None and "_hub" in options.attention:
        raise ModelLoadError(
            f"The attention {options.attention!r} fetches its code when it is first used, and nothing is fetched here. "
            "Install a package that has it, and name it without `_hub`."
        )
    for what, file in [("transformer", options.transformer), *(("LoRA", lora.file) for lora in options.loras)]:
        if file is not None:
            check_file(what, Path(file).expanduser())


def check_library(backend: str, purpose: str) -> None:
    """Refuse a quantization whose library is not here, or that diffusers does not know.

    Raises:
        ModelLoadError: naming it.
    """
    _need(library_of(backend), purpose)


def _need(library: str, purpose: str) -> None:
    try:
        found = importlib.util.find_spec(library) is not None
    except ModuleNotFoundError:  # the package above it is missing
        found = False
    if not found:
        raise ModelLoadError(f"For {purpose} the library {library} is needed, which is not installed.")


def tune(
    pipeline: Any,
    options: ModelOptions,
    device: str,
    *,
    loras: Iterable[Named] = (),
    beside: Parts = _NOTHING,
    packs_float32: bool = False,
    note: Callable[[str], object] = lambda text: None,
) -> tuple[Any, Adapters]:
    """The pipeline with its options applied, on its device, and its LoRAs; so are what is `beside` its components, as
    ControlNets are, but for what is the denoiser's own. `note` is given what does nothing, in
    sentences.

    Raises:
        ModelLoadError: the pipeline or its denoiser has no such option.
    """
    adapters = add_loras(pipeline, options.loras, loras, note)
    for wanted, method in ((options.vae_tiling, "enable_tiling"), (options.vae_slicing, "enable_slicing")):
        if wanted:
            _of(getattr(pipeline, "vae", None), method, f"The decoder has no `{method}`.")()
    if options.attention is not None:
        what = f"The attention {options.attention!r}"
        _ask_denoisers(pipeline, "set_attention_backend", what, options.attention)
        for module in beside.modules():
            _of(module, "set_attention_backend", f"{what} cannot be used: a ControlNet has no such method.")(
                options.attention
            )
    if options.cache is not None:
        _ask_denoisers(pipeline, "enable_cache", f"The step cache {options.cache.kind}", cache_config(options.cache))
    # Before it is placed: group offloading keeps copies.
    whole = beside.with_those_of(pipeline)
    if options.runtime != "pytorch":  # it has its own layouts
        whole = Parts({name: part for name, part in whole.components.items() if stage_of(name, part) != STEPS})
    lay_out(whole, device, compiled=options.compile, packs_float32=packs_float32)
    if device == "cpu":
        attend_in_tiles()
    turn_faster(whole)
    modulate_in_place(whole)
    pipeline = _placed(pipeline, beside, options, device)
    if options.compile:
        for denoiser in _denoisers_with(pipeline, "compile_repeated_blocks", "`compile`"):
            compile_blocks(denoiser)
    return pipeline, adapters


def _ask_denoisers(pipeline: Any, method: str, what: str, *arguments: Any) -> None:
    """Of every denoiser that has the method."""
    found = _denoisers_with(pipeline, method, what)
    with explained(f"{what} cannot be used"):
        for each in found:
            getattr(each, method)(*arguments)


def _denoisers_with(pipeline: Any, method: str, what: str) -> list[Any]:
    """Every denoiser that has the method; some pipelines have a second one for guidance, or for a stage before."""
    parts = [part for name, part in pipeline.components.items() if stage_of(name, part) == STEPS]
    found = [part for part in parts if callable(getattr(part, method, None))]
    if not found:
        raise ModelLoadError(f"{what} cannot be used: the denoiser of {type(pipeline).__name__} has no `{method}`.")
    return found


def cache_config(cache: StepCache) -> Any:
    """diffusers' configuration of a step cache, by its name.

    Raises:
        ModelLoadError: there is none of that name, it takes other options, or it asks for a function.
    """
    found = {name.removesuffix("Config"): value for name, value in vars(hooks).items() if name.endswith("CacheConfig")}
    found["PyramidAttentionBroadcast"] = hooks.PyramidAttentionBroadcastConfig
    # Those that ask a function, for the timestep mostly, also remember on the model itself, for all pictures at once.
    kinds = {name: kind for name, kind in found.items() if not any(each.endswith("_callback") for each in _takes(kind))}
    known = ", ".join(sorted(kinds))
    if cache.kind not in found:
        raise ModelLoadError(f"diffusers has no step cache {cache.kind!r}. It has: {known}.")
    if cache.kind not in kinds:
        raise ModelLoadError(f"{cache.kind} asks a function of its caller, which a setting cannot be. Use: {known}.")
    takes = _takes(kinds[cache.kind])
    unknown = [name for name in cache.options if name not in takes]
    if unknown:
        raise ModelLoadError(f"{cache.kind} takes no `{unknown[0]}`. It takes: {', '.join(takes)}.")
    return kinds[cache.kind](**cache.options)


def _takes(kind: Any) -> Mapping[str, inspect.Parameter]:
    return inspect.signature(kind).parameters


def _placed(pipeline: Any, beside: Parts, options: ModelOptions, device: str) -> Any:
    if options.offload == "model":
        offload(beside.with_those_of(pipeline), device)
        return pipeline
    if options.offload == "group":
        for owner in (pipeline, *beside.modules()):
            owner.enable_group_offload(
                onload_device=torch.device(device), offload_type="leaf_level", use_stream=device.startswith("cuda")
            )
        return pipeline
    if device != "cpu":
        beside.to(device)
    return pipeline if device == "cpu" else pipeline.to(device)  # it was loaded there, and moving it would unpack it


def _of(owner: Any, method: str, otherwise: str) -> Any:
    found = getattr(owner, method, None)
    if not callable(found):
        raise ModelLoadError(otherwise)
    return found
