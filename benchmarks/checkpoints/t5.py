"""Families that denoise with a transformer and read the prompt through T5, CLIP or BERT, tiny."""

from __future__ import annotations

from typing import Any

import diffusers
from diffusers import DPMSolverMultistepScheduler
from transformers import CLIPTextModelWithProjection, Qwen3Model

from benchmarks.checkpoints import parts, tiny
from benchmarks.checkpoints.parts import WIDTH


def flux_schnell() -> Any:
    pipeline = tiny.flux()
    fields = dict(pipeline.transformer.config) | {"guidance_embeds": False}
    pipeline.register_modules(transformer=diffusers.FluxTransformer2DModel.from_config(fields).eval())
    pipeline.register_modules(scheduler=parts.flow(shift=1.0))
    return pipeline


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
        scheduler=parts.flow(shift=1.73),
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
        scheduler=diffusers.DDPMScheduler(  # as Hunyuan-DiT is published
            beta_start=0.00085,
            beta_end=0.018,
            beta_schedule="scaled_linear",
            clip_sample=False,
            prediction_type="v_prediction",
        ),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
        text_encoder_2=tiny.t5_encoder(),
        tokenizer_2=tiny.t5_tokenizer(),
    )


def chroma() -> Any:
    return diffusers.ChromaPipeline(
        scheduler=parts.flow(**parts.DYNAMIC),
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
        scheduler=parts.flow(**parts.DYNAMIC),
        vae=tiny.vae(4),
        text_encoder=tiny.t5_encoder(),
        tokenizer=tiny.t5_tokenizer(),
    )


def prx() -> Any:
    return diffusers.PRXPipeline(
        transformer=_prx_transformer(in_channels=4, patch_size=2),
        scheduler=parts.flow(shift=3.0),
        text_encoder=parts.t5gemma(),
        tokenizer=parts.gemma_tokenizer(model_max_length=64),
        vae=tiny.vae(4),
        default_sample_size=256,
    )


def prx_pixel() -> Any:
    """It draws pixels: there is no decoder."""
    return diffusers.PRXPixelPipeline(
        transformer=_prx_transformer(in_channels=3, patch_size=16),
        scheduler=parts.flow(shift=3.0),
        text_encoder=parts.qwen3(Qwen3Model),
        tokenizer=parts.byte_tokenizer(),
        prompt_max_tokens=32,
    )


def _prx_transformer(**fields: Any) -> diffusers.PRXTransformer2DModel:
    return diffusers.PRXTransformer2DModel(
        context_in_dim=WIDTH, hidden_size=16, num_heads=2, depth=1, axes_dim=[4, 4], **fields
    ).eval()


def cogview_3_plus() -> Any:
    return diffusers.CogView3PlusPipeline(
        tokenizer=tiny.t5_tokenizer(),
        text_encoder=tiny.t5_encoder(),
        vae=tiny.vae(4),
        transformer=diffusers.CogView3PlusTransformer2DModel(
            in_channels=4,
            out_channels=4,
            num_layers=1,
            attention_head_dim=8,
            num_attention_heads=2,
            text_embed_dim=32,
            time_embed_dim=8,
            condition_dim=4,
            pos_embed_max_size=32,
            sample_size=16,
        ).eval(),
        scheduler=diffusers.CogVideoXDDIMScheduler(),
    )


def amused() -> Any:
    """A masked transformer: it fills in the tokens of a picture, the surest first."""
    clip = tiny.clip_config()
    return diffusers.AmusedPipeline(
        vqvae=diffusers.VQModel(
            block_out_channels=(8, 8, 8, 8),
            down_block_types=("DownEncoderBlock2D",) * 4,
            up_block_types=("UpDecoderBlock2D",) * 4,
            latent_channels=8,
            norm_num_groups=4,
            num_vq_embeddings=16,
            mid_block_add_attention=False,
            lookup_from_codebook=True,
        ).eval(),
        tokenizer=tiny.clip_tokenizer(),
        text_encoder=CLIPTextModelWithProjection(clip).eval(),
        transformer=diffusers.UVit2DModel(
            hidden_size=16,
            cond_embed_dim=32,
            micro_cond_encode_dim=2,
            micro_cond_embed_dim=10,
            encoder_hidden_size=32,
            vocab_size=24,
            codebook_size=16,
            in_channels=16,
            block_out_channels=16,
            num_res_blocks=1,
            block_num_heads=2,
            num_hidden_layers=1,
            num_attention_heads=2,
            intermediate_size=24,
            sample_size=16,
        ).eval(),
        scheduler=diffusers.AmusedScheduler(mask_token_id=23),
    )


def cosmos_predict_2() -> Any:
    return diffusers.Cosmos2TextToImagePipeline(
        text_encoder=tiny.t5_encoder(),
        tokenizer=tiny.t5_tokenizer(),
        transformer=diffusers.CosmosTransformer3DModel(
            in_channels=4,
            out_channels=4,
            num_attention_heads=2,
            attention_head_dim=16,
            num_layers=1,
            mlp_ratio=2,
            text_embed_dim=32,
            adaln_lora_dim=4,
            max_size=(4, 32, 32),
        ).eval(),
        vae=parts.vae_wan(),
        scheduler=parts.flow(use_karras_sigmas=True),
    )


def wan() -> Any:
    """For videos; of one frame it is a picture."""
    return diffusers.WanPipeline(
        tokenizer=tiny.t5_tokenizer(),
        text_encoder=tiny.t5_encoder(),
        transformer=diffusers.WanTransformer3DModel(
            in_channels=4,
            out_channels=4,
            num_attention_heads=2,
            attention_head_dim=12,
            text_dim=32,
            freq_dim=16,
            ffn_dim=32,
            num_layers=1,
            rope_max_seq_len=32,
        ).eval(),
        vae=parts.vae_wan(),
        scheduler=diffusers.UniPCMultistepScheduler(prediction_type="flow_prediction", use_flow_sigmas=True),
    )
