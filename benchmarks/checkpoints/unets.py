"""Families that denoise with a U-Net, tiny."""

from __future__ import annotations

from typing import Any

import diffusers
import torch
from diffusers import EulerDiscreteScheduler
from diffusers.pipelines.deprecated.wuerstchen import PaellaVQModel
from transformers import (
    CLIPImageProcessorPil,
    CLIPTextModel,
    CLIPTextModelWithProjection,
    CLIPVisionConfig,
    CLIPVisionModelWithProjection,
)

from benchmarks.checkpoints import parts, tiny
from benchmarks.checkpoints.parts import WIDTH


def _sdxl_unet(**fields: Any) -> diffusers.UNet2DConditionModel:
    return diffusers.UNet2DConditionModel(
        sample_size=16,
        block_out_channels=(8, 16),
        layers_per_block=1,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        attention_head_dim=(1, 2),
        use_linear_projection=True,
        addition_embed_type="text_time",
        addition_time_embed_dim=8,
        transformer_layers_per_block=(1, 1),
        norm_num_groups=4,
        **fields,
    ).eval()


def sdxl(scheduler: Any = None) -> Any:
    clip = tiny.clip_config()
    return diffusers.StableDiffusionXLPipeline(
        vae=tiny.vae(4, force_upcast=True),
        text_encoder=CLIPTextModel(clip).eval(),
        text_encoder_2=CLIPTextModelWithProjection(clip).eval(),
        tokenizer=tiny.clip_tokenizer(),
        tokenizer_2=tiny.clip_tokenizer(),
        unet=_sdxl_unet(cross_attention_dim=64, projection_class_embeddings_input_dim=6 * 8 + 32),
        scheduler=scheduler or EulerDiscreteScheduler(timestep_spacing="leading", steps_offset=1),
        add_watermarker=False,
    )


def sdxl_turbo() -> Any:
    return sdxl(diffusers.EulerAncestralDiscreteScheduler(timestep_spacing="trailing"))


def kolors() -> Any:
    """SDXL's U-Net behind a language model."""
    return diffusers.KolorsPipeline(
        vae=tiny.vae(4),
        text_encoder=parts.chatglm(),
        tokenizer=parts.chatglm_tokenizer(),
        unet=_sdxl_unet(
            cross_attention_dim=32,
            projection_class_embeddings_input_dim=6 * 8 + WIDTH,
            encoder_hid_dim=WIDTH,
            encoder_hid_dim_type="text_proj",
        ),
        scheduler=EulerDiscreteScheduler(timestep_spacing="leading", steps_offset=1),
    )


def _pixels_unet(**fields: Any) -> diffusers.UNet2DConditionModel:
    """Of the kind that DeepFloyd IF and Kandinsky 2 have: it predicts a variance beside the noise."""
    return diffusers.UNet2DConditionModel(
        block_out_channels=(8, 16),
        layers_per_block=1,
        down_block_types=("ResnetDownsampleBlock2D", "SimpleCrossAttnDownBlock2D"),
        mid_block_type="UNetMidBlock2DSimpleCrossAttn",
        up_block_types=("SimpleCrossAttnUpBlock2D", "ResnetUpsampleBlock2D"),
        cross_attention_dim=32,
        encoder_hid_dim=32,
        attention_head_dim=8,
        resnet_time_scale_shift="scale_shift",
        norm_num_groups=4,
        **fields,
    ).eval()


def deepfloyd_if() -> Any:
    """Its first stage, which draws pixels: there is no decoder."""
    return diffusers.IFPipeline(
        tokenizer=tiny.t5_tokenizer(),
        text_encoder=tiny.t5_encoder(),
        unet=_pixels_unet(
            sample_size=64,
            in_channels=3,
            out_channels=6,
            addition_embed_type="text",
            addition_embed_type_num_heads=2,
            cross_attention_norm="group_norm",
            act_fn="gelu",
        ),
        scheduler=diffusers.DDPMScheduler(
            beta_schedule="squaredcos_cap_v2",
            thresholding=True,
            dynamic_thresholding_ratio=0.95,
            variance_type="learned_range",
        ),
        safety_checker=None,
        feature_extractor=None,
        watermarker=None,
        requires_safety_checker=False,
    )


def kandinsky_2_2() -> Any:
    """A prior that makes of the prompt what CLIP would see in the picture, and a U-Net that draws that."""
    clip = tiny.clip_config()
    vision = {"hidden_size": 32, "intermediate_size": 37, "num_attention_heads": 4, "num_hidden_layers": 1}
    prior = diffusers.PriorTransformer(num_attention_heads=2, attention_head_dim=8, embedding_dim=32, num_layers=1)
    torch.nn.init.ones_(prior.clip_std)
    return diffusers.KandinskyV22CombinedPipeline(
        unet=_pixels_unet(
            in_channels=4, out_channels=8, addition_embed_type="image", encoder_hid_dim_type="image_proj"
        ),
        scheduler=diffusers.DDPMScheduler(clip_sample=False, variance_type="learned_range"),
        movq=parts.movq(),
        prior_prior=prior.eval(),
        prior_image_encoder=CLIPVisionModelWithProjection(
            CLIPVisionConfig(image_size=28, patch_size=14, projection_dim=32, **vision)
        ).eval(),
        prior_text_encoder=CLIPTextModelWithProjection(clip).eval(),
        prior_tokenizer=tiny.clip_tokenizer(),
        prior_scheduler=diffusers.UnCLIPScheduler(
            variance_type="fixed_small_log", prediction_type="sample", clip_sample_range=10.0
        ),
        prior_image_processor=CLIPImageProcessorPil(size=28, crop_size=28),
    )


def kandinsky_3() -> Any:
    return diffusers.Kandinsky3Pipeline(
        tokenizer=tiny.t5_tokenizer(),
        text_encoder=tiny.t5_encoder(),
        unet=diffusers.Kandinsky3UNet(
            time_embedding_dim=8,
            groups=2,
            attention_head_dim=4,
            layers_per_block=2,
            block_out_channels=(8, 16),
            cross_attention_dim=8,
            encoder_hid_dim=32,
        ).eval(),
        scheduler=diffusers.DDPMScheduler(beta_schedule="squaredcos_cap_v2"),
        movq=parts.movq(),
    )


def _cascade_unet(**fields: Any) -> diffusers.StableCascadeUNet:
    block = ("SDCascadeResBlock", "SDCascadeTimestepBlock", "SDCascadeAttnBlock")
    return diffusers.StableCascadeUNet(
        timestep_ratio_embedding_dim=8,
        conditioning_dim=16,
        block_out_channels=(16,),
        num_attention_heads=(2,),
        down_num_layers_per_block=(1,),
        up_num_layers_per_block=(1,),
        down_blocks_repeat_mappers=(1,),
        up_blocks_repeat_mappers=(1,),
        block_types_per_layer=(block,),
        clip_text_pooled_in_channels=32,
        dropout=(0.1,),
        self_attn=(True,),
        **fields,
    ).eval()


def stable_cascade() -> Any:
    """A prior that draws very small latents, and a decoder that draws those that the picture is made of."""
    text_encoder = CLIPTextModelWithProjection(tiny.clip_config()).eval()
    return diffusers.StableCascadeCombinedPipeline(
        tokenizer=tiny.clip_tokenizer(),
        text_encoder=text_encoder,
        decoder=_cascade_unet(
            in_channels=4,
            out_channels=4,
            patch_size=2,
            effnet_in_channels=16,
            timestep_conditioning_type=("sca",),
        ),
        scheduler=diffusers.DDPMWuerstchenScheduler(),
        vqgan=PaellaVQModel(bottleneck_blocks=1, num_vq_embeddings=4, embed_dim=8).eval(),
        prior_prior=_cascade_unet(in_channels=16, out_channels=16, clip_text_in_channels=32, clip_image_in_channels=8),
        prior_text_encoder=text_encoder,
        prior_tokenizer=tiny.clip_tokenizer(),
        prior_scheduler=diffusers.DDPMWuerstchenScheduler(),
    )


def dreamlite() -> Any:
    return diffusers.DreamLitePipeline(
        text_encoder=parts.qwen3_vl(),
        tokenizer=parts.byte_tokenizer(),
        processor=parts.byte_tokenizer(),
        vae=diffusers.AutoencoderTiny(
            encoder_block_out_channels=(8, 8, 8, 8),
            decoder_block_out_channels=(8, 8, 8, 8),
            num_encoder_blocks=(1, 1, 1, 1),
            num_decoder_blocks=(1, 1, 1, 1),
        ).eval(),
        unet=diffusers.DreamLiteUNetModel(
            sample_size=16,
            down_block_types=("DreamLiteCrossAttnNoSelfAttnDownBlock2D", "DreamLiteCrossAttnDownBlock2D"),
            up_block_types=("DreamLiteCrossAttnUpBlock2D", "DreamLiteUpBlock2D"),
            block_out_channels=(16, 32),
            layers_per_block=1,
            norm_num_groups=4,
            cross_attention_dim=WIDTH,
            attention_head_dim=8,
        ).eval(),
        scheduler=parts.flow(),
    )
