"""In which ways a checkpoint draws, from words and from pictures, by its classes and its configurations."""

# Tested in tests/engine/test_pictures_needed.py.

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import diffusers

from safelight.contract.errors import ModelLoadError
from safelight.contract.models.options import DENOISERS
from safelight.engine.checkpoint.capabilities.channels import denoiser_input
from safelight.engine.checkpoint.capabilities.pictures_needed import picture_needed
from safelight.engine.checkpoint.files.folder import Checkpoint
from safelight.engine.pipeline.edits.picture_arguments import (
    PictureArguments,
    must_be_given,
    picture_arguments,
    several_drawn,
)
from safelight.engine.pipeline.edits.twins import IMAGE_TO_IMAGE, INPAINTING, fits, twin_class
from safelight.engine.pipeline.edits.ways import Way, Ways

_PROMPT = re.compile(r"(?!negative_|num_)\w+_prompt")  # another one than `prompt`
_READS_SETTING = re.compile(r"(?<!hasattr\()self\.(\w+)\.config\.(\w+)\b(?!\()")


def ways_of(checkpoint: Checkpoint) -> Ways:
    """By its own pipeline where that takes pictures, else by those beside it that share its components.

    Raises:
        ModelLoadError: there is none, from words or from pictures.
    """
    own, reads = checkpoint.pipeline_class, denoiser_input(checkpoint)
    why_not = refusal_of_words(own)
    words = why_not is None and reads.is_latents_alone
    takes = _callable_with(own)
    pictures = _way(checkpoint, own, takes) if takes is not None and not _needs_mask(own, takes) else None
    masked = _way(checkpoint, own, takes, masked=True) if takes is not None and takes.mask else None
    if reads.is_latents_alone:
        pictures = pictures or _twin(checkpoint, IMAGE_TO_IMAGE)
    if reads.is_latents_alone or reads.is_masked_picture:
        masked = masked or _twin(checkpoint, INPAINTING)
    if pictures is None and masked is not None and not words:
        pictures = replace(masked, all_anew=True)
    if words or pictures is not None:
        return Ways(pictures, masked, words)
    if why_not is None:
        raise ModelLoadError(
            f"The checkpoint's `{reads.part}` takes {reads.channels} channels where its latents have {reads.latents}: "
            f"it works from a picture, and {own.__name__} does not read one. Name in `model_index.json` the pipeline "
            "that it was made for."
        )
    raise ModelLoadError(
        f"{own.__name__} does not draw from a prompt alone: {why_not}. Safelight serves text to image, and edits of "
        "pictures by one; of a model in two parts it serves both together, saved as one folder by diffusers."
    )


def parameters_of(pipeline_class: Any, settings: Mapping[str, Any]) -> dict[str, Any]:
    """What `pipeline(...)` takes, with defaults; one that the signature leaves open may be in the configuration."""
    found = {}
    for name, parameter in inspect.signature(pipeline_class.__call__).parameters.items():
        default = None if parameter.default is parameter.empty else parameter.default
        found[name] = settings.get(f"default_{name}") if default is None else default
    return found


def refusal_of_words(pipeline_class: Any) -> str | None:
    """Why a pipeline does not draw from a prompt alone, as half a sentence; None if it does."""
    takes = inspect.signature(pipeline_class.__call__).parameters
    wants = [name for name in must_be_given(takes) if name != "prompt"]
    picture, control = picture_needed(pipeline_class), _control(pipeline_class)
    if wants:
        return f"it needs {', '.join(f'`{name}`' for name in wants)}"
    if "prompt" not in takes:
        others = [f"`{name}`" for name in takes if _PROMPT.fullmatch(name)]
        return f"it takes {' and '.join(others)} in place of one" if others else "it takes none"
    if picture is not None:
        several = several_drawn(takes)
        return f"it works from a picture, `{picture}`" + (f", and draws several, `{several}`" if several else "")
    if control is not None:
        return f"it works from a picture, which its `{control}` reads"
    if not {"width", "height"} <= set(takes):
        return f"it works from {'a picture' if 'image' in takes else 'something else'}, and is told no size"
    return None


def _control(pipeline_class: Any) -> str | None:
    """The part that reads a control picture: a pipeline that has one as a matter of course does not draw without."""
    expected, _ = pipeline_class._get_signature_keys(pipeline_class)
    return next((name for name in sorted(expected) if "controlnet" in name), None)


def _callable_with(kind: Any) -> PictureArguments | None:
    """How it takes pictures, if a prompt, pictures and a mask are all that it must be given."""
    takes = picture_arguments(kind)
    if takes is None or not set(must_be_given(inspect.signature(kind.__call__).parameters)) <= {
        "prompt",
        takes.pictures,
        takes.mask,
    }:
        return None
    expected, _ = kind._get_signature_keys(kind)
    denoises = any(part.endswith(DENOISERS) for part in expected)
    # What has neither a size nor a strength nor needs its picture reads one beside words (a language model's).
    return takes if denoises and (takes.sized or takes.strength or picture_needed(kind)) else None


def _way(checkpoint: Checkpoint, kind: Any, takes: PictureArguments, *, masked: bool = False) -> Way:
    most = takes.most_with_mask if masked else takes.most
    return Way(kind, parameters_of(kind, checkpoint.settings), takes, most)


def _twin(checkpoint: Checkpoint, marks: tuple[str, ...]) -> Way | None:
    """The pipeline of that task over the same components. It must start from the picture (`strength`): one that does
    not was made for weights of its own."""
    kind = twin_class(checkpoint.pipeline_class, marks)
    if kind is None or not fits(kind, checkpoint.pipeline_class):
        return None
    takes = _callable_with(kind)
    if takes is None or not takes.strength or _lacks_setting(kind, checkpoint):
        return None
    return _way(checkpoint, kind, takes, masked=takes.mask is not None)


def _lacks_setting(kind: Any, checkpoint: Checkpoint) -> bool:
    """Whether it reads a setting of a part that parts of that class do not have: then every call of it fails.

    Chroma's inpainting pipeline does in diffusers 0.42: it was copied from FLUX.1's.
    """
    for part, setting in _READS_SETTING.findall(inspect.getsource(inspect.unwrap(kind.__call__))):
        component: Any = checkpoint.components.get(part)
        if component is None or not issubclass(component, diffusers.ModelMixin):
            continue
        if setting not in inspect.signature(component.__init__).parameters:
            return True
    return False


def _needs_mask(kind: Any, takes: PictureArguments) -> bool:
    """Whether it cannot be called without one: it starts from the picture, or has no default for its mask."""
    parameter = inspect.signature(kind.__call__).parameters.get(takes.mask or "")
    return parameter is not None and (takes.strength or parameter.default is parameter.empty)
