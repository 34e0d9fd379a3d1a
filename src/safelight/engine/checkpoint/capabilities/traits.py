"""What a checkpoint can do and how it wants to be run, read off its files before any weight is loaded.

The pipeline is put together as diffusers does it, but of components that have their configuration and no weights; then
it is asked what it would do when nobody says how many steps or which size. So nothing here knows a family's name.
"""

from __future__ import annotations

import inspect
import logging
import math
import re
import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import diffusers
import torch
from transformers import PreTrainedTokenizerBase

from safelight.contract.checkpoints.checkpoint_files import read_json
from safelight.contract.models.traits import Traits
from safelight.contract.parameters.declared import taken_by
from safelight.engine.checkpoint.files.folder import Checkpoint
from safelight.engine.pipeline.signature import guidance_parameter, of_one_frame

log = logging.getLogger(__name__)

_STEPS, _SIDE, _MULTIPLE = 50, 1024, 8  # what nearly all pipelines of diffusers take when their signature does not say
_UNBOUNDED = 10**6  # transformers writes 10**30 for a tokenizer without a bound
_FEW = 8  # a class whose own default is no more was made for few steps
_FEW_STEPS = 4  # what distilled checkpoints are run with where neither their name nor their class says it
_SAYS_FEW = re.compile(r"turbo|lightning|schnell|distill|hyper-?sd|flash|\blcm|lcm\b|\bdmd|\btcd")
_SAYS_HOW_MANY = re.compile(r"(?<!\d)(\d{1,2})[ _-]?steps?\b")
_GUIDER = "guider"
# Schedulers for consistency models (arXiv 2310.04378) and trajectory consistency (arXiv 2402.19159), flow matching too.
_FEW_STEP_SCHEDULER = re.compile(r"LCM|TCD")


def traits_of(checkpoint: Checkpoint, name: str, parameters: Mapping[str, Any]) -> Traits:
    """The traits of a checkpoint called `name`, whose pipeline takes `parameters` (their defaults by name)."""
    outline = _Outline(checkpoint)
    called = f"{name} {checkpoint.origin}".lower()
    said = _recommended(called)
    own_steps = parameters.get("num_inference_steps") or _STEPS
    made_for_few = own_steps <= _FEW or _SAYS_FEW.search(checkpoint.pipeline_class.__name__.lower()) is not None
    few = made_for_few or outline.says_few_steps(parameters) or _SAYS_FEW.search(called) is not None
    steps, guidance = own_steps, parameters.get(guidance_parameter(parameters) or "")
    if few and not made_for_few:
        how_many = _SAYS_HOW_MANY.search(called)
        steps, guidance = int(how_many[1]) if how_many else _FEW_STEPS, None
    if said:
        steps, guidance = said["steps"], said["guidance_scale"] or None
    width, height = outline.default_size(parameters)
    return Traits(
        pipeline=checkpoint.pipeline_class.__name__,
        steps=steps,
        guidance_scale=None if guidance is None else float(guidance),
        negative_prompt=_takes_negative_prompt(checkpoint, parameters, guidance, outline),
        width=width,
        height=height,
        side_multiple=outline.side_multiple(parameters),
        few_steps=few or (said is not None and said["guidance_scale"] == 0),
        prompt_tokens=_prompt_tokens(checkpoint, parameters),
        takes=taken_by(parameters),
        vector="svg" in getattr(checkpoint.pipeline_class, "output_types", ()),
    )


def _takes_negative_prompt(
    checkpoint: Checkpoint, parameters: Mapping[str, Any], guidance: float | None, outline: _Outline
) -> bool:
    """A negative prompt acts through classifier-free guidance alone: with that off, it would be dropped in silence."""
    if "negative_prompt" not in parameters or outline.guidance_is_an_input():
        return False
    name = guidance_parameter(parameters)
    if name is None:  # guidance is the pipeline's own affair, or a part's; distilled ones come without (HunyuanImage's)
        takes = inspect.signature(checkpoint.pipeline_class.__init__).parameters  # type: ignore[misc]
        return _GUIDER not in takes or _GUIDER in checkpoint.components
    return guidance is not None and guidance > (1 if name == "true_cfg_scale" else 0)


def _prompt_tokens(checkpoint: Checkpoint, parameters: Mapping[str, Any]) -> int | None:
    """How much of a prompt the encoder that reads most of it reads; None where any of them does not say.

    CLIP's encoders have a place for so many tokens. Others read as many as the pipeline's `max_sequence_length` allows.
    """
    longest = parameters.get("max_sequence_length")
    found: list[int] = []
    for name, kind in checkpoint.components.items():
        if not issubclass(kind, PreTrainedTokenizerBase):
            continue
        own = _model_max_length(checkpoint.folder / name)
        limit = own if kind.__name__.startswith("CLIPTokenizer") else longest
        if not isinstance(limit, int):
            return None
        found.append(limit)
    return max(found, default=None)


def _model_max_length(folder: Path) -> int | None:
    try:
        said = read_json(folder / "tokenizer_config.json").get("model_max_length")
    except (OSError, ValueError, AttributeError):  # said when it is loaded
        return None
    return said if isinstance(said, int) and said < _UNBOUNDED else None


@cache
def _recommendations() -> tuple[dict[str, Any], ...]:
    text = (Path(__file__).parent / "recommended.toml").read_text()
    return tuple(entry | {"name": _plain(entry["name"])} for entry in tomllib.loads(text)["checkpoint"])


def _recommended(called: str) -> dict[str, Any] | None:
    return next((entry for entry in _recommendations() if entry["name"] in _plain(called)), None)


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


class _Outline:
    """A pipeline of a checkpoint without weights: components that its constructor may ask for their configuration."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        self._configs: dict[str, Mapping[str, Any]] = {}
        self._scheduler: Any = None
        self._settings = checkpoint.settings
        modules = (kind for kind in checkpoint.components.values() if issubclass(kind, torch.nn.Module))
        self._decodes = any(hasattr(kind, "decode") for kind in modules)
        parts = {name: self._part(checkpoint, name, kind) for name, kind in checkpoint.components.items()}
        expected, optional = checkpoint.pipeline_class._get_signature_keys(checkpoint.pipeline_class)  # type: ignore[attr-defined]
        given = {name: parts.get(name) for name in expected}
        given |= {name: value for name, value in checkpoint.settings.items() if name in optional}
        try:
            self._pipeline: Any = checkpoint.pipeline_class(**given)
        except Exception as error:  # noqa: BLE001 - a constructor may want more than configurations; then defaults hold
            log.info("%s cannot be outlined without weights: %s", checkpoint.pipeline_class.__name__, error)
            self._pipeline = None

    def _part(self, checkpoint: Checkpoint, name: str, kind: Any) -> Any:
        """A scheduler as it is, a VAE and a denoiser as shapes without memory, nothing for the rest."""
        folder = checkpoint.folder / name
        try:
            if issubclass(kind, diffusers.SchedulerMixin):
                self._scheduler = kind.from_pretrained(folder, local_files_only=True)
                return self._scheduler
            if not issubclass(kind, diffusers.ModelMixin):
                return None
            config = kind.load_config(folder, local_files_only=True)
            self._configs[name] = config
            return _decoder(kind, config) if hasattr(kind, "decode") else _denoiser(kind, config)
        except Exception as error:  # noqa: BLE001 - what is wrong with a part is said when it is loaded
            log.info("%s cannot be outlined: %s", name, error)
            return None

    def _denoiser_config(self) -> Mapping[str, Any]:
        return next((self._configs[name] for name in ("transformer", "unet") if name in self._configs), {})

    def _ask(self, name: str) -> int | None:
        value = getattr(self._pipeline, name, None)
        return value if isinstance(value, int) and value > 0 else None

    def default_size(self, parameters: Mapping[str, Any]) -> tuple[int, int]:
        """Width and height in pixels that the pipeline draws when nobody says."""
        if isinstance(parameters.get("height"), int) and isinstance(parameters.get("width"), int):
            return parameters["width"], parameters["height"]
        kept = self._settings.get("default_sample_size")
        if isinstance(kept, int):  # in the index, where it is for people: pixels (PRX)
            return kept, kept
        sample = self._ask("default_sample_size") or self._denoiser_config().get("sample_size")
        if not isinstance(sample, int):
            return _SIDE, _SIDE
        side = sample * (self._ask("vae_scale_factor") or _MULTIPLE if self._decodes else 1)
        return side, side

    def side_multiple(self, parameters: Mapping[str, Any]) -> int:
        """What sides must be a multiple of: one latent, or one patch of latents, whichever is larger."""
        if self._pipeline is not None and not hasattr(self._pipeline, "vae"):
            return 1
        latent = self._ask("vae_scale_factor") or self._said_by_decoder() or _MULTIPLE
        patch = self._denoiser_config().get("patch_size")
        if of_one_frame(parameters) and isinstance(patch, list | tuple) and patch:
            patch = patch[-1]  # frames, rows, columns; Wan insists, while pipelines for pictures pad or resize
        patch = patch if isinstance(patch, int) and 0 < patch <= 8 else 1
        processor = getattr(getattr(self._pipeline, "image_processor", None), "config", {}).get("vae_scale_factor")
        return math.lcm(latent * patch, processor if isinstance(processor, int) else 1)

    def _said_by_decoder(self) -> int | None:
        """Pixels on a side of a latent, as the configurations of newer decoders have it (Wan 2.2's: 16)."""
        said = self._configs.get("vae", {}).get("scale_factor_spatial")
        return said if isinstance(said, int) and said > 0 else None

    def says_few_steps(self, parameters: Mapping[str, Any]) -> bool:
        """Whether the configuration is that of a distilled checkpoint."""
        if getattr(getattr(self._pipeline, "config", None), "is_distilled", False):
            return True
        scheduler = getattr(self._scheduler, "config", {})
        if _FEW_STEP_SCHEDULER.search(type(self._scheduler).__name__):
            return True
        # Adversarial distillation of U-Nets (sd-turbo, sdxl-turbo, arXiv 2311.17042): Euler steps that begin at the
        # last timestep. Ordinary checkpoints of that age are saved with "leading".
        if "unet" in self._configs and scheduler.get("timestep_spacing") == "trailing":
            return "Euler" in type(self._scheduler).__name__
        # A pipeline that has guidance as an input, a transformer that takes none, and no shift by size: schnell.
        wants_guidance = parameters.get("guidance_scale") is not None and parameters.get("true_cfg_scale") == 1.0
        takes_none = self._denoiser_config().get("guidance_embeds") is False
        return wants_guidance and takes_none and not scheduler.get("use_dynamic_shifting")

    def guidance_is_an_input(self) -> bool:
        """A U-Net distilled to take guidance as an input (LCM) makes no unconditional pass."""
        return self._denoiser_config().get("time_cond_proj_dim") is not None


def _decoder(kind: Any, config: Mapping[str, Any]) -> Any:
    with torch.device("meta"):
        return kind.from_config(config)


def _denoiser(kind: Any, config: Mapping[str, Any]) -> Any:
    """An empty object of that class with its configuration: thousands of modules would take seconds to make."""
    init, _, hidden = kind.extract_init_dict(config)
    empty = object.__new__(kind)
    torch.nn.Module.__init__(empty)
    defaults = {
        name: parameter.default
        for name, parameter in inspect.signature(kind.__init__).parameters.items()
        if parameter.default is not parameter.empty
    }
    empty.register_to_config(**(defaults | init | hidden))
    return empty
