"""An operator's options, handed to diffusers: its own classes, its own names, nothing in between."""

from __future__ import annotations

import importlib.util
import inspect
from pathlib import Path
from typing import Any

import diffusers
import torch
from diffusers import hooks
from diffusers.quantizers import PipelineQuantizationConfig
from diffusers.quantizers.auto import AUTO_QUANTIZATION_CONFIG_MAPPING

from safelight.contract.errors import ModelLoadError
from safelight.contract.options import ModelOptions, StepCache

_LIBRARIES = {  # what diffusers imports for a quantization, by the backend's name
    "bitsandbytes_4bit": "bitsandbytes",
    "bitsandbytes_8bit": "bitsandbytes",
    "torchao": "torchao",
    "quanto": "optimum.quanto",
    "gguf": "gguf",
    "modelopt": "modelopt",
    "auto-round": "auto_round",
    "sdnq": "sdnq",
}
DENOISERS = ("transformer", "unet", "transformer_2")


def check_options(options: ModelOptions, device: str) -> None:
    """Refuse what cannot work here before anything is loaded.

    Raises:
        ModelLoadError: a library is missing, naming it; a file is not there; the device has no use for it.
    """
    if options.quantization is not None:
        backend = options.quantization.backend
        if backend not in AUTO_QUANTIZATION_CONFIG_MAPPING:
            known = ", ".join(sorted(AUTO_QUANTIZATION_CONFIG_MAPPING))
            raise ModelLoadError(f"diffusers has no quantization {backend!r}. It has: {known}.")
        _need(_LIBRARIES.get(backend, backend), f"quantization by {backend}")
    if options.transformer is not None and options.transformer.endswith(".gguf"):
        _need("gguf", "GGUF")
    if options.loras:
        _need("peft", "a LoRA")
    if options.offload == "model":
        _need("accelerate", '`offload = "model"`')
    if options.offload != "none" and device == "cpu":
        raise ModelLoadError("`offload` moves weights between an accelerator and the host: on the CPU it has no use.")
    for what, file in [("transformer", options.transformer), *(("LoRA", lora.file) for lora in options.loras)]:
        if file is not None:
            _check_file(what, Path(file).expanduser())


def _need(library: str, purpose: str) -> None:
    try:
        found = importlib.util.find_spec(library) is not None
    except ModuleNotFoundError:  # the package above it is missing
        found = False
    if not found:
        raise ModelLoadError(f"For {purpose} the library {library} is needed, which is not installed.")


def _check_file(what: str, path: Path) -> None:
    allowed = (".safetensors", ".gguf") if what == "transformer" else (".safetensors",)
    if path.suffix not in allowed:
        raise ModelLoadError(
            f"The {what} must be a {' or '.join(allowed)} file, and {path.name} is none: other formats can run code "
            "when they are loaded."
        )
    if not path.is_file():
        raise ModelLoadError(f"The {what} {path.name} is not there.")


def quantization_of(options: ModelOptions, name: str, component: type) -> dict[str, Any]:
    """What to add to a component's `from_pretrained` so that it is quantized; nothing for one that is left as it is."""
    wanted = options.quantization
    if wanted is None or name not in (wanted.components or DENOISERS):
        return {}
    config = PipelineQuantizationConfig(
        quant_backend=wanted.backend, quant_kwargs=dict(wanted.options), components_to_quantize=[name]
    )
    resolved = config._resolve_quant_config(is_diffusers=issubclass(component, diffusers.ModelMixin), module_name=name)
    return {"quantization_config": resolved}


def tune(pipeline: Any, options: ModelOptions, device: str) -> Any:
    """The pipeline with its options applied, on its device.

    Raises:
        ModelLoadError: the pipeline or its denoiser has no such option.
    """
    for number, lora in enumerate(options.loras):
        _add_lora(pipeline, Path(lora.file).expanduser(), f"lora_{number}")
    if options.loras:
        names = [f"lora_{number}" for number in range(len(options.loras))]
        pipeline.set_adapters(names, adapter_weights=[lora.weight for lora in options.loras])
    for wanted, method in ((options.vae_tiling, "enable_tiling"), (options.vae_slicing, "enable_slicing")):
        if wanted:
            _of(getattr(pipeline, "vae", None), method, f"The decoder has no `{method}`.")()
    denoiser = next((found for name in DENOISERS if (found := getattr(pipeline, name, None)) is not None), None)
    if options.attention is not None:
        _of(denoiser, "set_attention_backend", "The denoiser lets nobody choose its attention.")(options.attention)
    if options.cache is not None:
        _of(denoiser, "enable_cache", "The denoiser has no step caches.")(cache_config(options.cache))
    if options.quantization is None and options.transformer is None:
        _lay_channels_last(pipeline)
    pipeline = _placed(pipeline, options, device)
    if options.compile:
        _of(denoiser, "compile_repeated_blocks", "The denoiser has no blocks to compile.")()
    return pipeline


def cache_config(cache: StepCache) -> Any:
    """diffusers' configuration of a step cache, by its name.

    Raises:
        ModelLoadError: there is none of that name, or it takes other options.
    """
    kinds = {name.removesuffix("Config"): value for name, value in vars(hooks).items() if name.endswith("CacheConfig")}
    kinds["PyramidAttentionBroadcast"] = hooks.PyramidAttentionBroadcastConfig
    if cache.kind not in kinds:
        raise ModelLoadError(f"diffusers has no step cache {cache.kind!r}. It has: {', '.join(sorted(kinds))}.")
    takes = inspect.signature(kinds[cache.kind]).parameters
    unknown = [name for name in cache.options if name not in takes]
    if unknown:
        raise ModelLoadError(f"{cache.kind} takes no `{unknown[0]}`. It takes: {', '.join(takes)}.")
    return kinds[cache.kind](**cache.options)


def _add_lora(pipeline: Any, path: Path, name: str) -> None:
    load = _of(pipeline, "load_lora_weights", "This pipeline takes no LoRA.")
    load(path.parent, weight_name=path.name, adapter_name=name, local_files_only=True, use_safetensors=True)
    adapters = {adapter for found in pipeline.get_list_adapters().values() for adapter in found}
    if name not in adapters:
        raise ModelLoadError(f"The LoRA {path.name} fits no part of this model: it was made for another.")


def _placed(pipeline: Any, options: ModelOptions, device: str) -> Any:
    if options.offload == "model":
        pipeline.enable_model_cpu_offload(device=device)
        return pipeline
    if options.offload == "group":
        pipeline.enable_group_offload(
            onload_device=torch.device(device), offload_type="leaf_level", use_stream=device.startswith("cuda")
        )
        return pipeline
    return pipeline.to(device)


def _lay_channels_last(pipeline: Any) -> None:
    """Have convolutions in half precision read pixel by pixel, as matrix units want it: Stable Diffusion 1.5 takes
    15 % less time a step on a CPU with AMX. In float32 there is nothing to gain, and pictures stay diffusers' own.
    """
    for component in pipeline.components.values():
        if isinstance(component, diffusers.ModelMixin) and component.dtype in (torch.bfloat16, torch.float16):
            for module in component.modules():  # each by itself: a component may have convolutions in three dimensions
                if isinstance(module, torch.nn.Conv2d):
                    # Not `contiguous`, which leaves kernels of one pixel as they are: a step takes 5 % longer then.
                    module.weight.data = module.weight.data.to(memory_format=torch.channels_last)


def _of(owner: Any, method: str, otherwise: str) -> Any:
    found = getattr(owner, method, None)
    if not callable(found):
        raise ModelLoadError(otherwise)
    return found
