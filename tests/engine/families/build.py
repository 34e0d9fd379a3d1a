"""One tiny pipeline of each family, of the real classes: what `save_pretrained` writes and Safelight then loads.

Nothing about a family is in `src`; all that is here are the sizes that make it small.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import diffusers
from diffusers import (
    AdaptiveProjectedMixGuidance,
    DPMSolverMultistepScheduler,
    EulerDiscreteScheduler,
    FlowMatchEulerDiscreteScheduler,
)
from transformers import ByT5Tokenizer, CLIPTextModel, CLIPTextModelWithProjection, Qwen3ForCausalLM, Qwen3Model

from tests.engine import tiny
from tests.engine.families import parts
from tests.engine.families.parts import WIDTH

_DYNAMIC = {"use_dynamic_shifting": True, "base_shift": 0.5, "max_shift": 1.15}


def _flow(**fields: Any) -> FlowMatchEulerDiscreteScheduler:
    return FlowMatchEulerDiscreteScheduler(**fields)


def sdxl(scheduler: Any = None) -> Any:
    clip = tiny.clip_config()
    return diffusers.StableDiffusionXLPipeline(
        vae=tiny.vae(4, force_upcast=True),
        text_encoder=CLIPTextModel(clip).eval(),
        text_encoder_2=CLIPTextModelWithProjection(clip).eval(),
        tokenizer=tiny.clip_tokenizer(),
        tokenizer_2=tiny.clip_tokenizer(),
        unet=diffusers.UNet2DConditionModel(
            sample_size=16,
            block_out_channels=(8, 16),
            layers_per_block=1,
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
            up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
            cross_attention_dim=64,
            attention_head_dim=(1, 2),
            use_linear_projection=True,
            addition_embed_type="text_time",
            addition_time_embed_dim=8,
            transformer_layers_per_block=(1, 1),
            projection_class_embeddings_input_dim=6 * 8 + 32,
            norm_num_groups=4,
        ).eval(),
        scheduler=scheduler or EulerDiscreteScheduler(timestep_spacing="leading", steps_offset=1),
        add_watermarker=False,
    )


def sdxl_turbo() -> Any:
    return sdxl(diffusers.EulerAncestralDiscreteScheduler(timestep_spacing="trailing"))


def flux_schnell() -> Any:
    pipeline = tiny.flux()
    fields = dict(pipeline.transformer.config) | {"guidance_embeds": False}
    pipeline.register_modules(transformer=diffusers.FluxTransformer2DModel.from_config(fields).eval())
    pipeline.register_modules(scheduler=_flow(shift=1.0))
    return pipeline


def _flux2_transformer(layers: int) -> Any:
    return diffusers.Flux2Transformer2DModel(
        in_channels=16,
        num_layers=1,
        num_single_layers=1,
        attention_head_dim=8,
        num_attention_heads=2,
        joint_attention_dim=WIDTH * layers,
        timestep_guidance_channels=8,
        axes_dims_rope=(2, 2, 2, 2),
    ).eval()


def flux2() -> Any:
    return diffusers.Flux2Pipeline(
        scheduler=_flow(**_DYNAMIC),
        vae=parts.vae_flux2(),
        text_encoder=parts.mistral3(31),
        tokenizer=parts.byte_tokenizer(parts.TYPED_CHAT),
        transformer=_flux2_transformer(3),
    )


def flux2_klein() -> Any:
    return diffusers.Flux2KleinPipeline(
        scheduler=_flow(**_DYNAMIC),
        vae=parts.vae_flux2(),
        text_encoder=parts.qwen3(Qwen3ForCausalLM, 28),
        tokenizer=parts.byte_tokenizer(),
        transformer=_flux2_transformer(3),
        is_distilled=True,
    )


def qwen_image() -> Any:
    return diffusers.QwenImagePipeline(
        scheduler=_flow(shift_terminal=0.02, **_DYNAMIC),
        vae=parts.vae_qwen(),
        text_encoder=parts.qwen_2_5_vl(),
        tokenizer=parts.byte_tokenizer(),
        transformer=diffusers.QwenImageTransformer2DModel(
            in_channels=16,
            out_channels=4,
            num_layers=1,
            attention_head_dim=16,
            num_attention_heads=2,
            joint_attention_dim=WIDTH,
            axes_dims_rope=(4, 6, 6),
        ).eval(),
    )


def z_image() -> Any:
    return diffusers.ZImagePipeline(
        scheduler=_flow(shift=3.0),
        vae=tiny.vae(4),
        text_encoder=parts.qwen3(Qwen3Model),
        tokenizer=parts.byte_tokenizer(),
        transformer=diffusers.ZImageTransformer2DModel(
            in_channels=4,
            dim=32,
            n_layers=1,
            n_refiner_layers=1,
            n_heads=2,
            n_kv_heads=2,
            cap_feat_dim=WIDTH,
            axes_dims=[4, 6, 6],
            axes_lens=[1024, 64, 64],
        ).eval(),
    )


def _sana(kind: Any, scheduler: Any, **fields: Any) -> Any:
    return kind(
        tokenizer=parts.gemma_tokenizer(),
        text_encoder=parts.gemma(),
        vae=parts.vae_dc(),
        transformer=diffusers.SanaTransformer2DModel(
            patch_size=1,
            in_channels=4,
            out_channels=4,
            num_layers=1,
            num_attention_heads=2,
            attention_head_dim=4,
            num_cross_attention_heads=2,
            cross_attention_head_dim=4,
            cross_attention_dim=8,
            caption_channels=WIDTH,
            sample_size=32,
            **fields,
        ).eval(),
        scheduler=scheduler,
    )


def sana() -> Any:
    flow = DPMSolverMultistepScheduler(prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=3.0)
    return _sana(diffusers.SanaPipeline, flow)


def sana_sprint() -> Any:
    return _sana(diffusers.SanaSprintPipeline, diffusers.SCMScheduler(), guidance_embeds=True, qk_norm=_ACROSS)


_ACROSS = "rms_norm_across_heads"


def pixart_sigma() -> Any:
    return diffusers.PixArtSigmaPipeline(
        tokenizer=tiny.t5_tokenizer(),
        text_encoder=tiny.t5_encoder(),
        vae=tiny.vae(4, shift_factor=None),
        transformer=diffusers.PixArtTransformer2DModel(
            num_attention_heads=2,
            attention_head_dim=8,
            num_layers=1,
            cross_attention_dim=16,
            caption_channels=32,
            sample_size=32,
            norm_type="ada_norm_single",
        ).eval(),
        scheduler=DPMSolverMultistepScheduler(),
    )


def aura_flow() -> Any:
    return diffusers.AuraFlowPipeline(
        tokenizer=tiny.t5_tokenizer(),
        text_encoder=parts.umt5(),
        vae=tiny.vae(4, shift_factor=None),
        transformer=diffusers.AuraFlowTransformer2DModel(
            sample_size=8,
            num_mmdit_layers=1,
            num_single_dit_layers=1,
            attention_head_dim=8,
            num_attention_heads=2,
            joint_attention_dim=32,
            caption_projection_dim=16,
            pos_embed_max_size=64,
        ).eval(),
        scheduler=_flow(shift=1.73),
    )


def lumina2() -> Any:
    return diffusers.Lumina2Pipeline(
        transformer=diffusers.Lumina2Transformer2DModel(
            sample_size=8,
            in_channels=4,
            hidden_size=24,
            num_layers=1,
            num_refiner_layers=1,
            num_attention_heads=3,
            num_kv_heads=1,
            multiple_of=8,
            axes_dim_rope=(4, 2, 2),
            axes_lens=(300, 64, 64),
            cap_feat_dim=WIDTH,
        ).eval(),
        scheduler=_flow(shift=6.0),
        vae=tiny.vae(4),
        text_encoder=parts.gemma(),
        tokenizer=parts.gemma_tokenizer(),
    )


def cogview4() -> Any:
    return diffusers.CogView4Pipeline(
        tokenizer=tiny.clip_tokenizer(),
        text_encoder=parts.glm(),
        vae=tiny.vae(4, shift_factor=None),
        transformer=diffusers.CogView4Transformer2DModel(
            in_channels=4,
            out_channels=4,
            num_layers=1,
            attention_head_dim=8,
            num_attention_heads=2,
            text_embed_dim=WIDTH,
            time_embed_dim=8,
            condition_dim=4,
            sample_size=8,
            rope_axes_dim=(16, 16),
        ).eval(),
        scheduler=_flow(base_shift=0.25, max_shift=0.75, use_dynamic_shifting=True, time_shift_type="linear"),
    )


def hidream() -> Any:
    clip = tiny.clip_config()
    clip.max_position_embeddings = 128
    return diffusers.HiDreamImagePipeline(
        scheduler=_flow(shift=3.0),
        vae=parts.vae_without_scale(4),
        text_encoder=CLIPTextModelWithProjection(clip).eval(),
        tokenizer=tiny.clip_tokenizer(),
        text_encoder_2=CLIPTextModelWithProjection(clip).eval(),
        tokenizer_2=tiny.clip_tokenizer(),
        text_encoder_3=tiny.t5_encoder(),
        tokenizer_3=tiny.t5_tokenizer(),
        text_encoder_4=parts.llama(),
        tokenizer_4=parts.byte_tokenizer(),
        transformer=diffusers.HiDreamImageTransformer2DModel(
            patch_size=16,
            in_channels=4,
            out_channels=4,
            num_layers=1,
            num_single_layers=1,
            attention_head_dim=8,
            num_attention_heads=2,
            caption_channels=[32, WIDTH],
            text_emb_dim=64,
            num_routed_experts=2,
            axes_dims_rope=(4, 2, 2),
            max_resolution=(128, 128),
            llama_layers=[0, 1],
            force_inference_output=True,
        ).eval(),
    )


def hunyuan_dit() -> Any:
    return diffusers.HunyuanDiTPipeline(
        vae=tiny.vae(4, shift_factor=None),
        text_encoder=parts.bert(),
        tokenizer=parts.bert_tokenizer(),
        transformer=diffusers.HunyuanDiT2DModel(
            sample_size=16,
            num_layers=2,
            patch_size=2,
            attention_head_dim=8,
            num_attention_heads=2,
            in_channels=4,
            hidden_size=16,
            cross_attention_dim=WIDTH,
            cross_attention_dim_t5=32,
            pooled_projection_dim=16,
        ).eval(),
        scheduler=diffusers.DDPMScheduler(),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
        text_encoder_2=tiny.t5_encoder(),
        tokenizer_2=tiny.t5_tokenizer(),
    )


def chroma() -> Any:
    return diffusers.ChromaPipeline(
        scheduler=_flow(**_DYNAMIC),
        vae=tiny.vae(4),
        text_encoder=tiny.t5_encoder(),
        tokenizer=tiny.t5_tokenizer(),
        transformer=diffusers.ChromaTransformer2DModel(
            in_channels=16,
            num_layers=1,
            num_single_layers=1,
            attention_head_dim=16,
            num_attention_heads=2,
            joint_attention_dim=32,
            axes_dims_rope=(4, 4, 8),
            approximator_num_channels=8,
            approximator_hidden_dim=16,
            approximator_layers=1,
        ).eval(),
    )


def ovis_image() -> Any:
    return diffusers.OvisImagePipeline(
        scheduler=_flow(**_DYNAMIC),
        vae=tiny.vae(4),
        text_encoder=parts.qwen3(Qwen3Model),
        tokenizer=parts.byte_tokenizer(),
        transformer=diffusers.OvisImageTransformer2DModel(
            in_channels=16,
            out_channels=16,
            num_layers=1,
            num_single_layers=1,
            attention_head_dim=16,
            num_attention_heads=2,
            joint_attention_dim=WIDTH,
            axes_dims_rope=(4, 4, 8),
        ).eval(),
    )


def ernie_image() -> Any:
    return diffusers.ErnieImagePipeline(
        transformer=diffusers.ErnieImageTransformer2DModel(
            hidden_size=32,
            num_attention_heads=2,
            num_layers=1,
            ffn_hidden_size=32,
            in_channels=16,
            out_channels=16,
            text_in_dim=WIDTH,
            rope_axes_dim=(4, 6, 6),
        ).eval(),
        vae=parts.vae_flux2(),
        text_encoder=parts.mistral3(2).model,
        tokenizer=parts.byte_tokenizer(),
        scheduler=_flow(shift=3.0),
    )


def bria() -> Any:
    return diffusers.BriaPipeline(
        transformer=diffusers.BriaTransformer2DModel(
            in_channels=16,
            num_layers=1,
            num_single_layers=1,
            attention_head_dim=16,
            num_attention_heads=2,
            joint_attention_dim=32,
            axes_dims_rope=[4, 4, 8],
        ).eval(),
        scheduler=_flow(**_DYNAMIC),
        vae=tiny.vae(4),
        text_encoder=tiny.t5_encoder(),
        tokenizer=tiny.t5_tokenizer(),
    )


def hunyuan_image() -> Any:
    """Its guidance is a component of its own, with its scale in the configuration."""
    return diffusers.HunyuanImagePipeline(
        scheduler=_flow(shift=7.0),
        vae=diffusers.AutoencoderKLHunyuanImage(
            in_channels=3,
            out_channels=3,
            latent_channels=4,
            block_out_channels=(32, 32, 32),
            layers_per_block=1,
            spatial_compression_ratio=4,
            sample_size=32,
            scaling_factor=0.75,
        ).eval(),
        text_encoder=parts.qwen_2_5_vl(),
        tokenizer=parts.byte_tokenizer(),
        text_encoder_2=parts.byt5(),
        tokenizer_2=ByT5Tokenizer(),
        transformer=diffusers.HunyuanImageTransformer2DModel(
            in_channels=4,
            out_channels=4,
            num_attention_heads=2,
            attention_head_dim=8,
            num_layers=1,
            num_single_layers=1,
            num_refiner_layers=1,
            text_embed_dim=WIDTH,
            text_embed_2_dim=32,
            rope_axes_dim=(4, 4),
        ).eval(),
        guider=AdaptiveProjectedMixGuidance(),
        ocr_guider=AdaptiveProjectedMixGuidance(),
    )


@dataclass(frozen=True)
class Family:
    """How its users call the pipeline of a family, by its model card, beside prompt, size, steps and generator.

    `negative` is what they add for a negative prompt, None where it takes none. `defaults` are steps and guidance.
    `told` is the total that its scheduler speaks of where that is not `steps`: consistency models have one more time.
    """

    build: Callable[[], Any]
    defaults: tuple[int, float | None]
    call: dict[str, Any] = field(default_factory=dict)
    negative: dict[str, Any] | None = field(default_factory=dict)
    arguments: dict[str, Any] = field(default_factory=dict)
    steps: int = 3
    size: tuple[int, int] = (64, 48)
    told: int | None = None


_OFF = {"guidance_scale": 0.0}
_AS_IT_IS = {"use_resolution_binning": False}

FAMILIES: dict[str, Family] = {
    "stable-diffusion-1.5": Family(tiny.stable_diffusion, (50, 7.5)),
    "latent-consistency": Family(tiny.latent_consistency, (4, 8.5), negative=None),
    "stable-diffusion-xl": Family(sdxl, (50, 5.0)),
    "sdxl-turbo": Family(sdxl_turbo, (4, None), _OFF, negative=None),
    "stable-diffusion-3": Family(tiny.stable_diffusion_3, (28, 7.0)),
    "flux.1-dev": Family(tiny.flux, (28, 3.5), negative={"true_cfg_scale": 4.0}),
    "flux.1-schnell": Family(flux_schnell, (4, None), _OFF, negative=None),
    "flux.2": Family(flux2, (50, 4.0), negative=None),
    "flux.2-klein": Family(flux2_klein, (4, None), _OFF, negative=None),
    "qwen-image": Family(qwen_image, (50, 4.0), {"negative_prompt": " "}),
    "z-image": Family(z_image, (50, 5.0)),
    "z-image-turbo": Family(z_image, (9, None), _OFF, negative=None),
    "sana": Family(sana, (20, 4.5), arguments=_AS_IT_IS, size=(64, 32)),
    "sana-sprint": Family(sana_sprint, (2, 4.5), negative=None, arguments=_AS_IT_IS, steps=2, size=(64, 32), told=3),
    "pixart-sigma": Family(pixart_sigma, (20, 4.5), arguments=_AS_IT_IS),
    "aura-flow": Family(aura_flow, (50, 3.5)),
    "lumina-2": Family(lumina2, (30, 4.0)),
    "cogview-4": Family(cogview4, (50, 5.0)),
    "hidream": Family(hidream, (50, 5.0), size=(64, 64)),
    "hunyuan-dit": Family(hunyuan_dit, (50, 5.0), arguments=_AS_IT_IS),
    "chroma": Family(chroma, (35, 5.0)),
    "ovis-image": Family(ovis_image, (50, 5.0)),
    "ernie-image": Family(ernie_image, (50, 4.0)),
    "bria": Family(bria, (30, 5.0)),
    "hunyuan-image": Family(hunyuan_image, (50, None)),
}
