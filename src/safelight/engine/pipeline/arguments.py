"""An order in a pipeline's own words: the keyword arguments of the call, read off its signature, for any family."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from safelight.contract.errors import SafelightError
from safelight.contract.requests.order import Order, Recipe
from safelight.contract.values.kinds import Value
from safelight.engine.pipeline.signature import guidance_parameter, of_one_frame
from safelight.protocol.messages import RefusalCode

if TYPE_CHECKING:
    from safelight.engine.pipeline.model import LoadedModel

# Where a pipeline's guidance is an input of its transformer (FLUX.1), a negative prompt needs classifier-free guidance
# on top: a second pass in every step. This is the scale that diffusers' own examples for FLUX.1 use.
_TRUE_CFG_SCALE = 4.0
# Classifier-free guidance by `true_cfg_scale` begins only when there is a negative prompt; Qwen-Image's card says one
# space where the caller has none.
_EMPTY_NEGATIVE = " "
# Options that pipelines call otherwise, or for which the name is not enough, or that are no argument of theirs. Each
# other one is an argument of its name.
_TRANSLATED = ("steps", "guidance_scale", "negative_prompt", "strength", "loras", "control_strength")
# Requests have other names for these, whichever of them a pipeline lacks.
_ASKED_AS = {
    "num_inference_steps": "steps",
    "true_cfg_scale": "guidance_scale",
    "guidance_schedule": "guidance_scale",
    "height": "size",
    "width": "size",
}


class JobRefused(SafelightError):
    """This model cannot draw that order, now or later; the message says why, for callers. `param` is what of the
    request it is about, and `code` the one of the answer."""

    def __init__(self, message: str, *, param: str, code: RefusalCode = "unknown_parameter") -> None:
        super().__init__(message)
        self.param = param
        self.code = code


def pipeline_arguments(order: Order, model: LoadedModel) -> dict[str, Any]:
    """The keyword arguments that say this order's words and numbers to the model's pipeline, the generator left out.

    Raises:
        JobRefused: the pipeline does not take something that the order asks for.
    """
    recipe, takes = order.recipe, model.parameters
    wanted: dict[str, Any] = {**of_one_frame(takes), **model.arguments, "prompt": recipe.prompt}
    if not recipe.inputs or {"height", "width"} <= takes.keys():  # else it draws at its picture's size
        wanted |= {"height": recipe.height, "width": recipe.width}
    if "num_inference_steps" in takes or recipe.steps is not None:
        wanted["num_inference_steps"] = recipe.steps or model.traits.steps
    wanted |= _plain(recipe) | _guidance(recipe, model) | _negative_prompt(recipe, model)
    for name in wanted:
        if name not in takes:
            asked = _ASKED_AS.get(name, name)
            raise JobRefused(f"This model takes no `{asked}`.", param=asked)
    return wanted | {"output_type": "svg" if order.file.format == "svg" else "pil"}


def options_used(recipe: Recipe, arguments: Mapping[str, Any], takes: Mapping[str, Any]) -> dict[str, Any]:
    """What a pipeline was told beside prompts, steps, size and seed, by name; guidance is None where it has none."""
    said = {name: recipe.options[name] for name in ("strength", "loras", "control_strength") if name in recipe.options}
    return {"guidance_scale": arguments.get(guidance_parameter(takes) or "")} | said | _plain(recipe)


def _plain(recipe: Recipe) -> dict[str, Value]:
    return {name: value for name, value in recipe.options.items() if name not in _TRANSLATED}


def _guidance(recipe: Recipe, model: LoadedModel) -> dict[str, float | None]:
    """How strongly to follow the prompt: as asked for, else as the model wants it, which may be not at all."""
    name = guidance_parameter(model.parameters)
    scale = _scale(recipe, model)
    schedule = model.parameters.get("guidance_schedule")
    if schedule and "guidance_schedule" not in model.arguments:  # a scale for each step, in place of one (Ideogram)
        if scale is None and len(schedule) == (recipe.steps or model.traits.steps):
            return {}
        return {"guidance_scale": float(schedule[0]) if scale is None else scale, "guidance_schedule": None}
    if name is None:
        return {} if scale is None else {"guidance_scale": scale}
    if scale is None:
        return {} if model.parameters[name] is None else {name: 0.0}
    return {name: scale}


def _negative_prompt(recipe: Recipe, model: LoadedModel) -> dict[str, Any]:
    takes, scale = model.parameters, _scale(recipe, model)
    by_true_cfg = guidance_parameter(takes) == "true_cfg_scale"
    if not recipe.negative_prompt:
        return {"negative_prompt": _EMPTY_NEGATIVE} if by_true_cfg and scale is not None and scale > 1 else {}
    asked_for_guidance = "guidance_scale" in recipe.options and scale is not None and scale > 1
    if "negative_prompt" not in takes or not (model.traits.negative_prompt or asked_for_guidance):
        raise JobRefused("This model takes no `negative_prompt`.", param="negative_prompt")
    if "true_cfg_scale" in takes and not by_true_cfg:
        return {"negative_prompt": recipe.negative_prompt, "true_cfg_scale": _TRUE_CFG_SCALE}
    return {"negative_prompt": recipe.negative_prompt}


def _scale(recipe: Recipe, model: LoadedModel) -> float | None:
    asked = recipe.options.get("guidance_scale")
    return float(asked) if isinstance(asked, int | float) else model.traits.guidance_scale
