"""One tiny pipeline of each family, of the real classes: what `save_pretrained` writes and Safelight then loads.

Nothing about a family is in `src`; all that is here are the sizes that make it small.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from benchmarks.checkpoints import llm, modular, seeing, t5, tiny, unets, variants, viewing


@dataclass(frozen=True)
class Family:
    """How its users call the pipeline of a family, by its model card, beside prompt, size, steps and generator.

    `negative` is what they add for a negative prompt, None where it takes none. `defaults` are steps and guidance.
    `told` is the total that its scheduler speaks of where that is not `steps`: consistency models have one more time.
    `prior` is how many steps another model takes before. `shown` is False where nothing can be seen before the end.
    `shrink` makes the loaded pipeline draw small where no configuration does. `needs` are more packages. `dtype` is
    the number format that the pipeline insists on, `prompt` one of the kind that it does.
    """

    build: Callable[[], Any]
    defaults: tuple[int, float | None]
    call: dict[str, Any] = field(default_factory=dict)
    negative: dict[str, Any] | None = field(default_factory=dict)
    arguments: dict[str, Any] = field(default_factory=dict)
    steps: int = 3
    size: tuple[int, int] = (64, 48)
    told: int | None = None
    prior: int = 0
    shown: bool = True
    shrink: Callable[[Any], None] = lambda pipeline: None
    needs: tuple[str, ...] = ()
    dtype: str | None = None
    prompt: str | None = None


def _at_64_pixels(pipeline: Any) -> None:
    pipeline.resolutions = [(64, 64)]


def _with_a_shallow_encoder(pipeline: Any) -> None:
    pipeline.text_encoder_out_layers = ((0, 1, 2),) * 6


def _with_a_small_draft(pipeline: Any) -> None:
    pipeline.processor._get_target_shape = lambda height, width: (height // 32, width // 32, 2, 2)


def _larger_than_asked_for(pipeline: Any) -> None:
    """At 128x128 pixels, whatever is asked for, and not at 1024x1024, which takes the decoder's attention 0.5 s."""
    pipeline.default_sample_size = 16


_OFF = {"guidance_scale": 0.0}
_AS_IT_IS = {"use_resolution_binning": False}
_ONE_SCALE = {"guidance_scale": 7.0, "guidance_schedule": None}  # instead of one for each of 48 steps
_UNSCALED = {"max_area": 64 * 48, "_auto_resize": False}  # else everything is about a megapixel
_SHORT = {"max_sequence_length": 64}  # texts are padded to 300 or 512 tokens else, most of the time of a tiny model

FAMILIES: dict[str, Family] = {
    "stable-diffusion-1.5": Family(tiny.stable_diffusion, (50, 7.5)),
    "latent-consistency": Family(tiny.latent_consistency, (4, 8.5), negative=None),
    "stable-diffusion-xl": Family(unets.sdxl, (50, 5.0)),
    "sdxl-turbo": Family(unets.sdxl_turbo, (4, None), _OFF, negative=None),
    "stable-diffusion-1.5-pag": Family(variants.stable_diffusion_pag, (50, 7.5)),
    "stable-diffusion-xl-pag": Family(variants.sdxl_pag, (50, 5.0)),
    "stable-diffusion-3-pag": Family(variants.stable_diffusion_3_pag, (28, 7.0)),
    "stable-diffusion-3": Family(tiny.stable_diffusion_3, (28, 7.0)),
    "flux.1-dev": Family(tiny.flux, (28, 3.5), negative={"true_cfg_scale": 4.0}),
    "flux.1-schnell": Family(t5.flux_schnell, (4, None), _OFF, negative=None),
    "flux.2": Family(llm.flux2, (50, 4.0), negative=None, arguments=_SHORT),
    "flux.2-klein": Family(llm.flux2_klein, (4, None), _OFF, negative=None, arguments=_SHORT),
    "qwen-image": Family(llm.qwen_image, (50, 4.0), {"negative_prompt": " "}),
    "z-image": Family(llm.z_image, (50, 5.0)),
    "z-image-turbo": Family(llm.z_image, (9, None), _OFF, negative=None),
    "sana": Family(llm.sana, (20, 4.5), arguments=_AS_IT_IS | _SHORT, size=(64, 32)),
    "sana-sprint": Family(
        llm.sana_sprint, (2, 4.5), negative=None, arguments=_AS_IT_IS | _SHORT, steps=2, size=(64, 32), told=3
    ),
    "pixart-sigma": Family(t5.pixart_sigma, (20, 4.5), arguments=_AS_IT_IS),
    "aura-flow": Family(t5.aura_flow, (50, 3.5)),
    "lumina-2": Family(llm.lumina2, (30, 4.0)),
    "cogview-4": Family(llm.cogview4, (50, 5.0)),
    "hidream": Family(llm.hidream, (50, 5.0), size=(64, 64), shrink=_larger_than_asked_for),
    "hunyuan-dit": Family(t5.hunyuan_dit, (50, 5.0), arguments=_AS_IT_IS),
    "chroma": Family(t5.chroma, (35, 5.0), arguments=_SHORT),
    "ovis-image": Family(llm.ovis_image, (50, 5.0)),
    "ernie-image": Family(llm.ernie_image, (50, 4.0)),
    "bria": Family(t5.bria, (30, 5.0)),
    "hunyuan-image": Family(llm.hunyuan_image, (50, None)),
    "omnigen": Family(llm.omnigen, (50, 2.5), negative=None, needs=("torchvision",)),
    "kolors": Family(unets.kolors, (50, 5.0), needs=("sentencepiece",)),
    "deepfloyd-if": Family(unets.deepfloyd_if, (100, 7.0)),
    "kandinsky-2.2": Family(
        unets.kandinsky_2_2, (100, 4.0), arguments={"prior_num_inference_steps": 2}, size=(64, 64), prior=2
    ),
    "kandinsky-2.1": Family(
        variants.kandinsky_2_1, (100, 4.0), arguments={"prior_num_inference_steps": 2}, size=(64, 64), prior=2
    ),
    "kandinsky-3": Family(unets.kandinsky_3, (25, 3.0), size=(64, 64)),
    "dreamlite": Family(unets.dreamlite, (30, 3.5)),
    "kandinsky-5": Family(llm.kandinsky_5, (50, 3.5), size=(64, 64), shrink=_at_64_pixels),
    "prx": Family(t5.prx, (28, 4.0), arguments=_AS_IT_IS, needs=("ftfy",)),
    "prx-pixel": Family(t5.prx_pixel, (28, 4.0), arguments=_AS_IT_IS, needs=("ftfy",)),
    "longcat-image": Family(llm.longcat_image, (50, 4.5), arguments={"enable_prompt_rewrite": False}),
    "glm-image": Family(llm.glm_image, (50, 1.5), negative=None, size=(64, 32), shrink=_with_a_small_draft),
    "cogview-3-plus": Family(t5.cogview_3_plus, (50, 5.0)),
    "amused": Family(t5.amused, (12, 10.0), shown=False),
    "bria-fibo": Family(llm.bria_fibo, (30, 5.0)),
    "bria-fibo-2": Family(llm.bria_fibo_2, (30, 5.0), shrink=_with_a_shallow_encoder),
    "qwen-image-2.1": Family(
        viewing.qwen_image_2_1, (40, 1.0), negative=None, size=(64, 32), shrink=viewing.at_64_pixels
    ),
    "krea-2": Family(llm.krea_2, (28, 4.5)),
    "nucleus-image": Family(llm.nucleus_image, (50, 4.0)),
    "ideogram-4": Family(llm.ideogram_4, (48, None), _ONE_SCALE, negative=None, arguments=_SHORT),
    "lumina-next": Family(llm.lumina_next, (30, 4.0)),
    "flux.1-kontext": Family(seeing.flux_kontext, (28, 3.5), negative={"true_cfg_scale": 4.0}, arguments=_UNSCALED),
    "flux.2-klein-kv": Family(seeing.flux2_klein_kv, (4, None), negative=None, arguments=_SHORT),
    "dreamlite-mobile": Family(seeing.dreamlite_mobile, (4, None), negative=None),
    "z-image-omni": Family(seeing.z_image_omni, (50, 5.0), dtype="bfloat16"),
    "cosmos-3": Family(llm.cosmos_3, (35, 6.0), {"num_frames": 1}),
    "wan": Family(t5.wan, (50, 5.0), {"num_frames": 1, "output_type": "pil"}),
    "anima": Family(modular.anima, (50, 4.0)),
    "flux.3": Family(modular.flux3, (50, 3.5)),
    "flux.3-distilled": Family(modular.flux3_distilled, (16, None), negative=None),
}

EDIT_ONLY: dict[str, Family] = {
    "stable-diffusion-inpainting": Family(seeing.inpainting, (50, 7.5)),
    "instruct-pix2pix": Family(seeing.instruct_pix2pix, (100, 7.5)),
    "sdxl-instruct-pix2pix": Family(variants.sdxl_instruct_pix2pix, (100, 5.0)),
    "stable-diffusion-2-depth": Family(variants.stable_diffusion_depth, (50, 7.5)),
    "stable-diffusion-2.1-unclip": Family(variants.stable_unclip, (20, 10.0)),
    "kandinsky-2.2-inpainting": Family(
        variants.kandinsky_2_2_inpainting,
        (100, 4.0),
        arguments={"prior_num_inference_steps": 2},
        size=(64, 64),
        prior=2,
    ),
    "kandinsky-2.1-inpainting": Family(
        variants.kandinsky_2_1_inpainting,
        (100, 4.0),
        arguments={"prior_num_inference_steps": 2},
        size=(64, 64),
        prior=2,
    ),
    "sdxl-refiner": Family(seeing.refiner, (50, 5.0)),
    "flux.1-fill": Family(seeing.flux_fill, (50, 30.0), negative=None),
    "qwen-image-edit": Family(
        viewing.qwen_image_edit, (50, 4.0), {"negative_prompt": " "}, shrink=viewing.at_64_pixels
    ),
    "qwen-image-edit-plus": Family(
        viewing.qwen_image_edit_plus, (50, 4.0), {"negative_prompt": " "}, shrink=viewing.at_64_pixels
    ),
    "longcat-image-edit": Family(viewing.longcat_image_edit, (50, 4.5), shrink=viewing.at_64_pixels),
    "joyimage-edit": Family(viewing.joy_image_edit, (40, 4.0), shrink=viewing.at_64_pixels),
    "joyimage-edit-plus": Family(viewing.joy_image_edit_plus, (30, 4.0), shrink=viewing.at_64_pixels),
    "bria-fibo-edit": Family(viewing.bria_fibo_edit, (30, 5.0), prompt='{"edit_instruction": "add a boat"}'),
    "hunyuan-image-refiner": Family(seeing.hunyuan_image_refiner, (4, None), negative=None),
    "kandinsky-5-i2i": Family(viewing.kandinsky_5_from_pictures, (50, 3.5), size=(64, 64), shrink=_at_64_pixels),
}
"""Checkpoints that work from pictures alone."""
