"""How a model is loaded and run, beyond where it is: what the operator passes through to diffusers."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

Offload = Literal["none", "model", "group"]
Runtime = Literal["pytorch", "openvino"]

# The part that takes most of the steps and of the memory, under the names that diffusers' pipelines give it.
DENOISERS = ("transformer", "unet", "transformer_2")


class Lora(msgspec.Struct, frozen=True, kw_only=True):
    """A LoRA in a `.safetensors` file, and how much of it."""

    file: str
    weight: float = 1.0


class Quantization(msgspec.Struct, frozen=True, kw_only=True):
    """diffusers' own quantization of some components, by default the denoiser: `backend` by its name there, `options`
    the keyword arguments of its configuration."""

    backend: str
    components: tuple[str, ...] = ()
    options: dict[str, Any] = {}


class StepCache(msgspec.Struct, frozen=True, kw_only=True):
    """One of diffusers' step caches, by its configuration class less `Config`, with its keyword arguments."""

    kind: str
    options: dict[str, Any] = {}


class ModelOptions(msgspec.Struct, frozen=True, kw_only=True):
    """Every option but `runtime` and `fixed_sizes` is diffusers' own; the defaults change nothing.

    `transformer` is a file (safetensors or GGUF) that replaces the denoiser's weights; `config` is a folder in
    diffusers' layout that describes a single-file checkpoint. `arguments` are added to every call of the pipeline.
    `runtime` is what computes the denoiser, `fixed_sizes` are sizes, as `512x512`, for which it is compiled once more.
    Without `safety_checker` the pipeline's own, if it has one, is left out.
    `controlnets` are folders or pulled checkpoints of ControlNets by the names that requests have for them.
    `negative_prompt`, `width` and `height` correct what Safelight reads off the checkpoint.
    """

    variant: str | None = None
    transformer: str | None = None
    config: str | None = None
    offload: Offload = "none"
    vae_tiling: bool = False
    vae_slicing: bool = False
    attention: str | None = None
    compile: bool = False
    runtime: Runtime = "pytorch"
    fixed_sizes: tuple[str, ...] = ()
    quantization: tuple[Quantization, ...] = ()
    cache: StepCache | None = None
    loras: tuple[Lora, ...] = ()
    safety_checker: bool = True
    arguments: dict[str, Any] = {}
    controlnets: dict[str, str] = {}
    negative_prompt: bool | None = None
    width: int | None = None
    height: int | None = None
