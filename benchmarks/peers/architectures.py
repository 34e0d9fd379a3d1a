"""The architectures that are measured: every size as published, weights random, so that nothing need be downloaded.

Tokenizers alone are small: they know letters and no words, which changes nothing of what a picture costs, since every
prompt is padded to the same length.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import diffusers
import torch
from diffusers import AutoencoderKL, DDIMScheduler, EulerDiscreteScheduler, FlowMatchEulerDiscreteScheduler
from safetensors.torch import load_file, save_file
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection, T5Config, T5EncoderModel

from benchmarks.checkpoints import tiny


@dataclass(frozen=True)
class Architecture:
    """`build` makes the pipeline; `dtype` is what its weights are saved in, `side` what it draws in pixels."""

    title: str
    build: Callable[[], Any]
    side: int
    dtype: torch.dtype = torch.bfloat16


def stable_diffusion_1_5() -> Any:
    return diffusers.StableDiffusionPipeline(
        vae=_vae(4, scaling_factor=0.18215),
        text_encoder=CLIPTextModel(_clip_l()),
        tokenizer=tiny.clip_tokenizer(),
        unet=diffusers.UNet2DConditionModel(sample_size=64, cross_attention_dim=768, attention_head_dim=8),
        scheduler=DDIMScheduler(clip_sample=False, steps_offset=1),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


def stable_diffusion_xl() -> Any:
    return diffusers.StableDiffusionXLPipeline(
        vae=_vae(4, scaling_factor=0.13025),
        text_encoder=CLIPTextModel(_clip_l()),
        text_encoder_2=CLIPTextModelWithProjection(_clip_g()),
        tokenizer=tiny.clip_tokenizer(),
        tokenizer_2=tiny.clip_tokenizer(),
        unet=diffusers.UNet2DConditionModel(
            sample_size=128,
            block_out_channels=(320, 640, 1280),
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
            up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
            transformer_layers_per_block=(1, 2, 10),
            cross_attention_dim=2048,
            attention_head_dim=(5, 10, 20),
            use_linear_projection=True,
            addition_embed_type="text_time",
            addition_time_embed_dim=256,
            projection_class_embeddings_input_dim=2816,
        ),
        scheduler=EulerDiscreteScheduler(timestep_spacing="leading", steps_offset=1),
        add_watermarker=False,
    )


def stable_diffusion_3_5_large() -> Any:
    return diffusers.StableDiffusion3Pipeline(
        transformer=diffusers.SD3Transformer2DModel(
            sample_size=128,
            patch_size=2,
            in_channels=16,
            num_layers=38,
            attention_head_dim=64,
            num_attention_heads=38,
            joint_attention_dim=4096,
            caption_projection_dim=2432,
            pooled_projection_dim=2048,
            out_channels=16,
            pos_embed_max_size=192,
            qk_norm="rms_norm",
        ),
        scheduler=FlowMatchEulerDiscreteScheduler(shift=3.0),
        vae=_vae(16, scaling_factor=1.5305, shift_factor=0.0609),
        text_encoder=CLIPTextModelWithProjection(_clip_l()),
        tokenizer=tiny.clip_tokenizer(),
        text_encoder_2=CLIPTextModelWithProjection(_clip_g()),
        tokenizer_2=tiny.clip_tokenizer(),
        text_encoder_3=_t5_xxl(),
        tokenizer_3=tiny.t5_tokenizer(),
    )


def flux_1_dev() -> Any:
    return diffusers.FluxPipeline(
        transformer=diffusers.FluxTransformer2DModel(
            patch_size=1,
            in_channels=64,
            num_layers=19,
            num_single_layers=38,
            attention_head_dim=128,
            num_attention_heads=24,
            joint_attention_dim=4096,
            pooled_projection_dim=768,
            guidance_embeds=True,
        ),
        scheduler=FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True, shift=3.0),
        vae=_vae(16, scaling_factor=0.3611, shift_factor=0.1159),
        text_encoder=CLIPTextModel(_clip_l()),
        tokenizer=tiny.clip_tokenizer(),
        text_encoder_2=_t5_xxl(),
        tokenizer_2=tiny.t5_tokenizer(),
    )


# Stable Diffusion 1.5 is saved in float32 as on the hub; the larger ones in two bytes, as most people fetch them.
ARCHITECTURES = {
    "sd15": Architecture("Stable Diffusion 1.5", stable_diffusion_1_5, 512, torch.float32),
    "sdxl": Architecture("Stable Diffusion XL", stable_diffusion_xl, 1024, torch.float16),
    "sd35-large": Architecture("Stable Diffusion 3.5 Large", stable_diffusion_3_5_large, 1024),
    "flux1-dev": Architecture("FLUX.1 dev", flux_1_dev, 1024),
}


def make(name: str, folder: Path, device: str) -> None:
    """Save an architecture's pipeline in diffusers' layout, the same weights every time on one kind of device."""
    wanted = ARCHITECTURES[name]
    torch.manual_seed(0)
    torch.set_default_dtype(wanted.dtype if wanted.dtype != torch.float16 else torch.bfloat16)
    try:
        with torch.device(device):
            pipeline = wanted.build()
    finally:
        torch.set_default_dtype(torch.float32)
    pipeline.to(dtype=wanted.dtype)
    pipeline.save_pretrained(folder)
    _name_as_published(folder / "text_encoder" / "model.safetensors")


def _name_as_published(file: Path) -> None:
    """transformers 5 leaves `text_model.` out of the names in a CLIP encoder's file; published ones have it, and
    stable-diffusion.cpp knows a checkpoint by them.
    """
    tensors = load_file(file)
    if not any(name.startswith("text_model.") for name in tensors):
        save_file({f"text_model.{name}": value for name, value in tensors.items()}, file, {"format": "pt"})


def _vae(latent_channels: int, **scale: float) -> AutoencoderKL:
    return AutoencoderKL(
        block_out_channels=(128, 256, 512, 512),
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        layers_per_block=2,
        latent_channels=latent_channels,
        use_quant_conv=latent_channels == 4,
        use_post_quant_conv=latent_channels == 4,
        **scale,
    )


def _clip_l() -> CLIPTextConfig:
    return CLIPTextConfig(
        hidden_size=768,
        intermediate_size=3072,
        num_hidden_layers=12,
        num_attention_heads=12,
        projection_dim=768,
        vocab_size=49408,
        **_ENDS,
    )


def _clip_g() -> CLIPTextConfig:
    return CLIPTextConfig(
        hidden_size=1280,
        intermediate_size=5120,
        num_hidden_layers=32,
        num_attention_heads=20,
        projection_dim=1280,
        vocab_size=49408,
        hidden_act="gelu",
        **_ENDS,
    )


def _t5_xxl() -> T5EncoderModel:
    config = T5Config(
        vocab_size=32128,
        d_model=4096,
        d_kv=64,
        d_ff=10240,
        num_layers=24,
        num_heads=64,
        feed_forward_proj="gated-gelu",
        decoder_start_token_id=0,
    )
    return T5EncoderModel(config)


_ENDS: dict[str, Any] = {"bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 1}  # as the tokenizer has them
