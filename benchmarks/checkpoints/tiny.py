"""Real pipelines of diffusers, made tiny, with random weights: every class is the real one, a step takes a few ms."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from diffusers import (
    AutoencoderKL,
    DDIMScheduler,
    FlowMatchEulerDiscreteScheduler,
    FluxPipeline,
    FluxTransformer2DModel,
    LatentConsistencyModelPipeline,
    LCMScheduler,
    SD3Transformer2DModel,
    StableDiffusion3Pipeline,
    StableDiffusionPipeline,
    UNet2DConditionModel,
)
from transformers import (
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTextModelWithProjection,
    CLIPTokenizer,
    T5Config,
    T5EncoderModel,
    T5Tokenizer,
)

LETTERS = "abcdefghijklmnopqrstuvwxyz"


def clip_tokenizer() -> CLIPTokenizer:
    """Spells every word out in letters."""
    tokens = ["<|startoftext|>", "<|endoftext|>", *LETTERS, *(f"{letter}</w>" for letter in LETTERS)]
    return CLIPTokenizer(vocab={token: i for i, token in enumerate(tokens)}, merges=[], model_max_length=77)


def t5_tokenizer() -> T5Tokenizer:
    special = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁", -2.0)]
    return T5Tokenizer(vocab=[*special, *((letter, -3.0) for letter in LETTERS)], model_max_length=32)


def clip_config() -> CLIPTextConfig:
    return CLIPTextConfig(
        vocab_size=54,
        hidden_size=32,
        intermediate_size=37,
        num_hidden_layers=2,
        num_attention_heads=4,
        projection_dim=32,
        bos_token_id=0,
        eos_token_id=1,
        pad_token_id=1,
        hidden_act="gelu",
    )


def t5_encoder() -> T5EncoderModel:
    config = T5Config(vocab_size=160, d_model=32, d_kv=8, d_ff=37, num_layers=2, num_heads=4, decoder_start_token_id=0)
    return T5EncoderModel(config).eval()


def vae(latent_channels: int, **changes: Any) -> AutoencoderKL:
    """A picture is eight times the latents' size, as with the real ones."""
    fields: dict[str, Any] = {"shift_factor": 0.06, "scaling_factor": 1.5}
    return AutoencoderKL(
        block_out_channels=(8, 8, 8, 8),
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        latent_channels=latent_channels,
        norm_num_groups=4,
        **(fields | changes),
    ).eval()


def unet(time_cond_proj_dim: int | None = None) -> UNet2DConditionModel:
    return UNet2DConditionModel(
        sample_size=16,
        block_out_channels=(8, 16),
        layers_per_block=1,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=32,
        attention_head_dim=8,
        norm_num_groups=4,
        time_cond_proj_dim=time_cond_proj_dim,
    ).eval()


def stable_diffusion() -> StableDiffusionPipeline:
    """Of the family of SD 1.5: a U-Net and one CLIP encoder."""
    return StableDiffusionPipeline(
        vae=vae(4),
        text_encoder=CLIPTextModel(clip_config()).eval(),
        tokenizer=clip_tokenizer(),
        unet=unet(),
        scheduler=DDIMScheduler(clip_sample=False, steps_offset=1),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


def latent_consistency() -> LatentConsistencyModelPipeline:
    """Distilled to few steps: draws noise at every step, and takes no negative prompt."""
    return LatentConsistencyModelPipeline(
        vae=vae(4),
        text_encoder=CLIPTextModel(clip_config()).eval(),
        tokenizer=clip_tokenizer(),
        unet=unet(time_cond_proj_dim=32),
        scheduler=LCMScheduler(),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


def stable_diffusion_3() -> StableDiffusion3Pipeline:
    """A transformer with three text encoders."""
    return StableDiffusion3Pipeline(
        transformer=SD3Transformer2DModel(
            sample_size=32,
            patch_size=1,
            in_channels=16,
            num_layers=2,
            attention_head_dim=8,
            num_attention_heads=4,
            caption_projection_dim=32,
            joint_attention_dim=32,
            pooled_projection_dim=64,
            out_channels=16,
            pos_embed_max_size=64,
        ).eval(),
        scheduler=FlowMatchEulerDiscreteScheduler(shift=3.0),
        vae=vae(16),
        text_encoder=CLIPTextModelWithProjection(clip_config()).eval(),
        tokenizer=clip_tokenizer(),
        text_encoder_2=CLIPTextModelWithProjection(clip_config()).eval(),
        tokenizer_2=clip_tokenizer(),
        text_encoder_3=t5_encoder(),
        tokenizer_3=t5_tokenizer(),
    )


def flux() -> FluxPipeline:
    """A transformer whose calls are made in a cache context, with its guidance as an input."""
    return FluxPipeline(
        transformer=FluxTransformer2DModel(
            patch_size=1,
            in_channels=16,
            num_layers=1,
            num_single_layers=1,
            attention_head_dim=16,
            num_attention_heads=2,
            joint_attention_dim=32,
            pooled_projection_dim=32,
            axes_dims_rope=(4, 4, 8),
            guidance_embeds=True,
        ).eval(),
        scheduler=FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True),
        vae=vae(4),
        text_encoder=CLIPTextModel(clip_config()).eval(),
        tokenizer=clip_tokenizer(),
        text_encoder_2=t5_encoder(),
        tokenizer_2=t5_tokenizer(),
    )


FAMILIES: dict[str, Callable[[], Any]] = {
    "stable-diffusion": stable_diffusion,
    "stable-diffusion-3": stable_diffusion_3,
    "flux": flux,
    "latent-consistency": latent_consistency,
}


def save(family: str, folder: Path) -> Path:
    """Make that family's tiny pipeline and save it in diffusers' layout; the same weights every time."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        FAMILIES[family]().save_pretrained(folder)
    return folder
