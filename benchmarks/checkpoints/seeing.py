"""Families that take pictures by themselves, or work from them alone, tiny."""

from __future__ import annotations

from typing import Any

import diffusers
import torch
from transformers import Qwen3Model, Siglip2ImageProcessorPil, Siglip2VisionConfig, Siglip2VisionModel

from benchmarks.checkpoints import llm, parts, tiny, unets
from benchmarks.checkpoints.parts import WIDTH

PLAIN = {"safety_checker": None, "feature_extractor": None, "requires_safety_checker": False}


def as_(kind: Any, pipeline: Any, **others: Any) -> Any:
    """Another pipeline of the same parts, some of them replaced."""
    return kind(**{**{name: part for name, part in pipeline.components.items() if part is not None}, **others})


def flux_kontext() -> Any:
    return as_(diffusers.FluxKontextPipeline, tiny.flux())


def flux2_klein_kv() -> Any:
    return as_(diffusers.Flux2KleinKVPipeline, llm.flux2_klein())


def dreamlite_mobile() -> Any:
    return as_(diffusers.DreamLiteMobilePipeline, unets.dreamlite())


def z_image_omni() -> Any:
    vision = Siglip2VisionConfig(
        hidden_size=WIDTH,
        intermediate_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_patches=16,
        patch_size=8,
    )
    return diffusers.ZImageOmniPipeline(
        scheduler=parts.flow(shift=3.0),
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
            siglip_feat_dim=WIDTH,
            axes_dims=[4, 6, 6],
            axes_lens=[1024, 64, 64],
        ).eval(),
        siglip=Siglip2VisionModel(vision).eval(),
        siglip_processor=Siglip2ImageProcessorPil(patch_size=8, max_num_patches=16),
    )


def with_config(part: Any, **changes: Any) -> Any:
    """A part as another one is, but for some of its configuration."""
    config = {name: value for name, value in part.config.items() if not name.startswith("_")}
    with torch.device("cpu"):
        return type(part)(**{**config, **changes}).eval()


def plain_unet(channels: int) -> Any:
    return with_config(tiny.unet(), in_channels=channels)


def inpainting() -> Any:
    """Stable Diffusion's, whose U-Net has nine channels, under the class for inpainting."""
    return as_(diffusers.StableDiffusionInpaintPipeline, tiny.stable_diffusion(), unet=plain_unet(9), **PLAIN)


def instruct_pix2pix() -> Any:
    return as_(diffusers.StableDiffusionInstructPix2PixPipeline, tiny.stable_diffusion(), unet=plain_unet(8), **PLAIN)


def refiner() -> Any:
    """SDXL's, which has the second of its text encoders alone."""
    pipeline = unets.sdxl()
    config = pipeline.unet.config
    ids = config["projection_class_embeddings_input_dim"] - config["addition_time_embed_dim"]
    unet = with_config(pipeline.unet, cross_attention_dim=32, projection_class_embeddings_input_dim=ids)
    left_out = {"text_encoder": None, "tokenizer": None, "requires_aesthetics_score": True}
    return as_(diffusers.StableDiffusionXLImg2ImgPipeline, pipeline, unet=unet, **left_out)


def hunyuan_image_refiner() -> Any:
    """Its transformer takes the picture's latents beside the noise, two of its decoder's frames in each."""
    return diffusers.HunyuanImageRefinerPipeline(
        scheduler=parts.flow(shift=4.0),
        vae=diffusers.AutoencoderKLHunyuanImageRefiner(
            in_channels=3,
            out_channels=3,
            latent_channels=4,
            block_out_channels=(8, 8, 8),
            layers_per_block=1,
            spatial_compression_ratio=4,
            temporal_compression_ratio=4,
        ).eval(),
        text_encoder=parts.qwen_2_5_vl(),
        tokenizer=parts.byte_tokenizer(),
        transformer=diffusers.HunyuanImageTransformer2DModel(
            in_channels=16,
            out_channels=8,
            num_attention_heads=2,
            attention_head_dim=8,
            num_layers=1,
            num_single_layers=1,
            num_refiner_layers=1,
            text_embed_dim=WIDTH,
            rope_axes_dim=(2, 2, 4),
            patch_size=(1, 1, 1),
            guidance_embeds=True,
        ).eval(),
    )


def flux_fill() -> Any:
    """Its transformer takes the latents, those of the picture without what is drawn anew, and the mask by pixels."""
    pipeline = tiny.flux()
    transformer = with_config(pipeline.transformer, in_channels=16 + 16 + 256, out_channels=16)
    taken = ("scheduler", "vae", "text_encoder", "tokenizer", "text_encoder_2", "tokenizer_2")
    return diffusers.FluxFillPipeline(**{name: pipeline.components[name] for name in taken}, transformer=transformer)


def visual_cloze() -> Any:
    """It fills one place of a grid of pictures, as FLUX.1 Fill fills a mask."""
    parts_of_it = {name: part for name, part in flux_fill().components.items() if part is not None}
    return diffusers.VisualClozePipeline(**parts_of_it)
