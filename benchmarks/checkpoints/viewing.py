"""Families whose text encoder looks at the pictures too, through a processor of transformers, tiny."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import diffusers
from diffusers.pipelines.joyimage import image_processor as joy_sizes
from transformers import (
    CLIPTextModel,
    Qwen2_5_VLForConditionalGeneration,
    Qwen2VLImageProcessorPil,
    Qwen2VLProcessor,
    Qwen3VLForConditionalGeneration,
    Qwen3VLProcessor,
)

from benchmarks.checkpoints import llm, parts, tiny
from benchmarks.checkpoints.parts import WIDTH
from safelight.engine.checkpoint.processors import without_videos

# So that a picture is at most 16 tokens, whatever size a pipeline makes of it.
_FEW_PIXELS = {"shortest_edge": 4 * 28 * 28, "longest_edge": 16 * 28 * 28}


def _processor(kind: Any, patch: int) -> Any:
    """As checkpoints have it but for videos: that part can be made only where torchvision is installed."""
    names = {"image_token": "<|image_pad|>", "video_token": "<|video_pad|>"}
    names |= {"vision_start_token": "<|vision_start|>", "vision_end_token": "<|vision_end|>"}
    tokenizer = parts.byte_tokenizer(parts.TYPED_CHAT, extra_special_tokens=names)
    reader = Qwen2VLImageProcessorPil(size=_FEW_PIXELS, patch_size=patch, merge_size=2, temporal_patch_size=2)

    class Saved(without_videos(kind)):  # type: ignore[misc]
        """Its folder says that there is a part for videos, as those of checkpoints do."""

        def save_pretrained(self, folder: str, **options: Any) -> None:
            super().save_pretrained(folder, **options)
            videos = {"video_processor_type": kind.__name__.replace("Processor", "VideoProcessor")}
            (Path(folder) / "video_preprocessor_config.json").write_text(json.dumps(videos))

    Saved.__name__, Saved.__module__ = kind.__name__, kind.__module__
    return Saved(reader, tokenizer, chat_template=parts.TYPED_CHAT)


def qwen2_vl_processor() -> Any:
    return _processor(Qwen2VLProcessor, 14)


def qwen3_vl_processor() -> Any:
    return _processor(Qwen3VLProcessor, 16)


def _told_apart(encoder: Any, processor: Any) -> Any:
    """The same encoder, told which tokens stand for pictures."""
    tokens = ("image_token", "video_token", "vision_start_token", "vision_end_token")
    for name in tokens:
        setattr(encoder.config, f"{name}_id", getattr(processor.tokenizer, f"{name}_id"))
    return encoder


def qwen_2_5_vl(processor: Any) -> Qwen2_5_VLForConditionalGeneration:
    return _told_apart(parts.qwen_2_5_vl(), processor)


def qwen3_vl(processor: Any, layers: int = 2) -> Qwen3VLForConditionalGeneration:
    return _told_apart(parts.qwen3_vl(layers), processor)


def _qwen_image_edit(kind: Any) -> Any:
    processor, pipeline = qwen2_vl_processor(), llm.qwen_image()
    own = {"tokenizer": processor.tokenizer, "text_encoder": qwen_2_5_vl(processor), "processor": processor}
    return kind(**{**pipeline.components, **own})


def qwen_image_edit() -> Any:
    return _qwen_image_edit(diffusers.QwenImageEditPipeline)


def qwen_image_edit_plus() -> Any:
    return _qwen_image_edit(diffusers.QwenImageEditPlusPipeline)


def qwen_image_layered() -> Any:
    return _qwen_image_edit(diffusers.QwenImageLayeredPipeline)


def longcat_image_edit() -> Any:
    processor, pipeline = qwen2_vl_processor(), llm.longcat_image()
    own = {"tokenizer": processor.tokenizer, "text_encoder": qwen_2_5_vl(processor), "text_processor": processor}
    return diffusers.LongCatImageEditPipeline(**{**pipeline.components, **own})


def joy_image_edit() -> Any:
    processor = qwen3_vl_processor()
    return diffusers.JoyImageEditPipeline(
        scheduler=parts.flow(shift=4.0),
        vae=parts.vae_wan(),
        text_encoder=qwen3_vl(processor),
        tokenizer=processor.tokenizer,
        transformer=diffusers.JoyImageEditTransformer3DModel(**_JOY).eval(),
        processor=processor,
    )


def joy_image_edit_plus() -> Any:
    processor = qwen3_vl_processor()
    return diffusers.JoyImageEditPlusPipeline(
        scheduler=parts.flow(shift=4.0),
        vae=parts.vae_wan(),
        text_encoder=qwen3_vl(processor),
        tokenizer=processor.tokenizer,
        transformer=diffusers.JoyImageEditPlusTransformer3DModel(**_JOY).eval(),
        processor=processor,
    )


_JOY: dict[str, Any] = {"in_channels": 4, "hidden_size": 48, "num_attention_heads": 2, "text_dim": WIDTH}
_JOY |= {"num_layers": 1, "rope_dim_list": [4, 10, 10]}


def kandinsky_5_from_pictures() -> Any:
    processor, pipeline = qwen2_vl_processor(), llm.kandinsky_5()
    transformer = {name: value for name, value in pipeline.transformer.config.items() if not name.startswith("_")}
    return diffusers.Kandinsky5I2IPipeline(
        transformer=diffusers.Kandinsky5Transformer3DModel(**(transformer | {"visual_cond": True})).eval(),
        vae=parts.vae_by_eight(),
        text_encoder=qwen_2_5_vl(processor),
        tokenizer=processor,
        text_encoder_2=CLIPTextModel(tiny.clip_config()).eval(),
        tokenizer_2=tiny.clip_tokenizer(),
        scheduler=pipeline.scheduler,
    )


def bria_fibo_edit() -> Any:
    return diffusers.BriaFiboEditPipeline(**llm.bria_fibo().components)


def qwen_image_2_1() -> Any:
    processor = qwen3_vl_processor()
    return diffusers.QwenImage21Pipeline(
        scheduler=parts.flow(**parts.DYNAMIC),
        vae=diffusers.AutoencoderKLQwenImage21(
            base_dim=4,
            decoder_base_dim=4,
            z_dim=4,
            num_res_blocks=1,
            latents_mean=[0.0] * 4,
            latents_std=[1.0] * 4,
        ).eval(),
        text_encoder=qwen3_vl(processor),
        processor=processor,
        transformer=diffusers.QwenImage21Transformer2DModel(
            in_channels=4,
            out_channels=4,
            num_layers=1,
            attention_head_dim=16,
            num_attention_heads=2,
            context_in_dim=WIDTH,
            axes_dims_rope=(4, 6, 6),
        ).eval(),
    )


def at_64_pixels(pipeline: Any) -> None:
    """Pictures that a pipeline reads are about a megapixel whatever they were; here they are 64x64."""
    module = sys.modules[type(pipeline).__module__]
    dimensions = getattr(module, "calculate_dimensions", None)
    if dimensions is not None and not hasattr(dimensions, "whole"):

        def small(area: int, ratio: float) -> Any:
            return dimensions(64 * 64, ratio)

        small.whole = dimensions  # type: ignore[attr-defined]
        module.calculate_dimensions = small  # type: ignore[attr-defined]
    joy_sizes.BUCKETS[1024] = [(64, 64), (48, 64), (64, 48)]
