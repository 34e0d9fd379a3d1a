"""Families that come to diffusers as modular pipelines alone, tiny."""

from __future__ import annotations

from typing import Any

import diffusers
from transformers import Qwen3Model

from benchmarks.checkpoints import parts, tiny
from benchmarks.checkpoints.parts import WIDTH


def _made(kind: Any, **components: Any) -> Any:
    pipeline = kind()
    pipeline.update_components(**components)
    return pipeline


def anima() -> Any:
    return _made(
        diffusers.AnimaModularPipeline,
        text_encoder=parts.qwen3(Qwen3Model),
        tokenizer=parts.byte_tokenizer(),
        t5_tokenizer=tiny.t5_tokenizer(),
        text_conditioner=diffusers.AnimaTextConditioner(
            source_dim=WIDTH,
            target_dim=WIDTH,
            model_dim=WIDTH,
            num_layers=1,
            num_attention_heads=2,
            target_vocab_size=64,
        ).eval(),
        vae=parts.vae_qwen(),
        transformer=diffusers.CosmosTransformer3DModel(
            in_channels=4,
            out_channels=4,
            num_attention_heads=2,
            attention_head_dim=16,
            num_layers=1,
            mlp_ratio=2,
            text_embed_dim=WIDTH,
            adaln_lora_dim=4,
            max_size=(4, 32, 32),
            patch_size=(1, 2, 2),
            rope_scale=(1.0, 4.0, 4.0),
            concat_padding_mask=False,
            extra_pos_embed_type=None,
        ).eval(),
        scheduler=parts.flow(shift=3.0),
    )


def _flux3(kind: Any, *, distilled: bool) -> Any:
    return _made(
        kind,
        text_encoder=parts.qwen3_vl(33),
        tokenizer=parts.reading_processor(),
        vae=parts.vae_flux2(),
        transformer=diffusers.Flux3Transformer2DModel(
            in_channels=16,
            cond_in_channels=16,
            num_layers=1,
            num_single_layers=1,
            attention_head_dim=8,
            num_attention_heads=2,
            joint_attention_dim=8 * WIDTH,
            timestep_channels=8,
            axes_dims_rope=(2, 2, 2, 2),
            flow_map=distilled,
        ).eval(),
    )


def flux3() -> Any:
    return _flux3(diffusers.Flux3ModularPipeline, distilled=False)


def over_the_parts_of(kind: Any, pipeline: Any) -> Any:
    """A modular pipeline over what it needs of another one's components."""
    wanted = {spec.name for spec in kind().blocks.expected_components}
    parts = pipeline.components.items()
    return _made(kind, **{name: part for name, part in parts if part is not None and name in wanted})


def flux3_distilled() -> Any:
    return _flux3(diffusers.Flux3DistilledModularPipeline, distilled=True)


def by_diffusers(pipeline: Any) -> Any:
    """What to call for a picture: a pipeline itself, or diffusers' own modular one over the same components."""
    if not isinstance(pipeline, diffusers.ModularPipeline):
        return pipeline
    wanted, _ = pipeline._get_signature_keys(pipeline)
    plain = _made(
        getattr(diffusers, type(pipeline).__name__),
        **{name: part for name, part in pipeline.components.items() if part is not None and name in wanted},
    )
    if pipeline.components.get("prompt_upsampler", plain) is None:  # as its documentation says to leave it out
        plain._blocks.sub_blocks.pop("prompt_upsampler")

    by_guider = all(each.name != "guidance_scale" for each in plain.blocks.inputs)
    made = next(each.name for each in plain.blocks.outputs if each.name in ("images", "videos"))

    def call(*, guidance_scale: float | None = None, **said: Any) -> Any:
        if guidance_scale is not None and by_guider:
            plain.update_components(guider=plain.guider.new(guidance_scale=guidance_scale))
        elif guidance_scale is not None:
            said["guidance_scale"] = guidance_scale
        return (plain(output=made, **said),)

    return call
