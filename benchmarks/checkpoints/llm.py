"""Families that denoise with a transformer and read the prompt through a language model, tiny."""

from __future__ import annotations

from typing import Any

import diffusers
import torch
from diffusers import AdaptiveProjectedMixGuidance, DPMSolverMultistepScheduler
from transformers import ByT5Tokenizer, CLIPTextModel, CLIPTextModelWithProjection, Qwen3ForCausalLM, Qwen3Model

from benchmarks.checkpoints import parts, tiny
from benchmarks.checkpoints.parts import WIDTH


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
        scheduler=parts.flow(**parts.DYNAMIC),
        vae=parts.vae_flux2(),
        text_encoder=parts.mistral3(31),
        tokenizer=parts.byte_tokenizer(parts.TYPED_CHAT),
        transformer=_flux2_transformer(3),
    )


def flux2_klein() -> Any:
    return diffusers.Flux2KleinPipeline(
        scheduler=parts.flow(**parts.DYNAMIC),
        vae=parts.vae_flux2(),
        text_encoder=parts.qwen3(Qwen3ForCausalLM, 28),
        tokenizer=parts.byte_tokenizer(),
        transformer=_flux2_transformer(3),
        is_distilled=True,
    )


def qwen_image() -> Any:
    return diffusers.QwenImagePipeline(
        scheduler=parts.flow(shift_terminal=0.02, **parts.DYNAMIC),
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
        scheduler=parts.flow(shift=6.0),
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
        scheduler=parts.flow(base_shift=0.25, max_shift=0.75, use_dynamic_shifting=True, time_shift_type="linear"),
    )


def hidream() -> Any:
    clip = tiny.clip_config()
    clip.max_position_embeddings = 128
    return diffusers.HiDreamImagePipeline(
        scheduler=parts.flow(shift=3.0),
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


def ovis_image() -> Any:
    return diffusers.OvisImagePipeline(
        scheduler=parts.flow(**parts.DYNAMIC),
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
        scheduler=parts.flow(shift=3.0),
    )


def hunyuan_image() -> Any:
    """Its guidance is a component of its own, with its scale in the configuration."""
    return diffusers.HunyuanImagePipeline(
        scheduler=parts.flow(shift=7.0),
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


def kandinsky_5() -> Any:
    """It draws one of seven sizes, each about a megapixel, whatever is asked for."""
    return diffusers.Kandinsky5T2IPipeline(
        transformer=diffusers.Kandinsky5Transformer3DModel(
            in_visual_dim=4,
            out_visual_dim=4,
            in_text_dim=WIDTH,
            in_text_dim2=32,
            time_dim=16,
            model_dim=12,
            ff_dim=16,
            num_text_blocks=1,
            num_visual_blocks=1,
            axes_dims=(4, 4, 4),
        ).eval(),
        vae=parts.vae_without_scale(4),
        text_encoder=parts.qwen_2_5_vl(),
        tokenizer=parts.byte_tokenizer(),
        text_encoder_2=CLIPTextModel(tiny.clip_config()).eval(),
        tokenizer_2=tiny.clip_tokenizer(),
        scheduler=parts.flow(shift=3.0),
    )


def longcat_image() -> Any:
    return diffusers.LongCatImagePipeline(
        scheduler=parts.flow(**parts.DYNAMIC),
        vae=tiny.vae(16),
        text_encoder=parts.qwen_2_5_vl(),
        tokenizer=parts.byte_tokenizer(),
        text_processor=parts.byte_tokenizer(parts.TYPED_CHAT),
        transformer=diffusers.LongCatImageTransformer2DModel(
            in_channels=64,
            num_layers=1,
            num_single_layers=1,
            attention_head_dim=16,
            num_attention_heads=2,
            joint_attention_dim=WIDTH,
            pooled_projection_dim=WIDTH,
            axes_dims_rope=[4, 4, 8],
        ).eval(),
    )


def krea_2() -> Any:
    return diffusers.Krea2Pipeline(
        scheduler=parts.flow(**parts.DYNAMIC),
        vae=parts.vae_qwen(),
        text_encoder=parts.qwen3_vl().model,
        tokenizer=parts.byte_tokenizer(),
        transformer=diffusers.Krea2Transformer2DModel(
            in_channels=16,
            num_layers=1,
            attention_head_dim=16,
            num_attention_heads=2,
            num_key_value_heads=1,
            intermediate_size=32,
            timestep_embed_dim=16,
            text_hidden_dim=WIDTH,
            num_text_layers=2,
            text_num_attention_heads=2,
            text_num_key_value_heads=1,
            text_intermediate_size=24,
            num_layerwise_text_blocks=1,
            num_refiner_text_blocks=1,
            axes_dims_rope=(4, 6, 6),
        ).eval(),
        text_encoder_select_layers=[1, 2],
    )


def nucleus_image() -> Any:
    transformer = diffusers.NucleusMoEImageTransformer2DModel(
        in_channels=16,
        out_channels=4,
        num_layers=2,
        attention_head_dim=16,
        num_attention_heads=2,
        joint_attention_dim=WIDTH,
        axes_dims_rope=(4, 6, 6),
        moe_intermediate_dim=16,
        num_experts=4,
        dense_moe_strategy="none",
        capacity_factors=2.0,
    ).eval()
    for block in transformer.transformer_blocks:
        for weights in block.img_mlp.experts.parameters():  # its own constructor leaves them as the memory was
            torch.nn.init.normal_(weights, std=0.2)
    return diffusers.NucleusMoEImagePipeline(
        transformer=transformer,
        scheduler=parts.flow(**parts.DYNAMIC),
        vae=parts.vae_qwen(),
        text_encoder=parts.qwen3_vl(8),
        processor=parts.byte_tokenizer(),
    )


def ideogram_4() -> Any:
    """Its guidance is that of a second transformer, which knows no prompt."""
    return diffusers.Ideogram4Pipeline(
        scheduler=parts.flow(),
        vae=parts.vae_flux2(),
        text_encoder=parts.qwen3_vl(36).model,
        tokenizer=parts.byte_tokenizer(parts.TYPED_CHAT),
        transformer=_ideogram_transformer(),
        unconditional_transformer=_ideogram_transformer(),
    )


def _ideogram_transformer() -> diffusers.Ideogram4Transformer2DModel:
    return diffusers.Ideogram4Transformer2DModel(
        in_channels=16,
        num_layers=1,
        attention_head_dim=16,
        num_attention_heads=2,
        intermediate_size=32,
        adaln_dim=16,
        llm_features_dim=13 * WIDTH,
        mrope_section=(4, 2, 2),
    ).eval()


def bria_fibo() -> Any:
    return diffusers.BriaFiboPipeline(
        transformer=diffusers.BriaFiboTransformer2DModel(
            in_channels=4,
            num_layers=1,
            num_single_layers=1,
            attention_head_dim=16,
            num_attention_heads=2,
            joint_attention_dim=2 * WIDTH,
            text_encoder_dim=WIDTH,
            axes_dims_rope=[4, 4, 8],
        ).eval(),
        scheduler=parts.flow(**parts.DYNAMIC),
        vae=parts.vae_wan(patch_size=2, in_channels=12, out_channels=12, scale_factor_spatial=16),
        text_encoder=parts.smollm3(),
        tokenizer=parts.byte_tokenizer(),
    )


def lumina_next() -> Any:
    transformer = diffusers.LuminaNextDiT2DModel(
        sample_size=16,
        hidden_size=16,
        num_layers=1,
        num_attention_heads=2,
        num_kv_heads=1,
        multiple_of=8,
        cross_attention_dim=WIDTH,
    ).eval()
    torch.nn.init.normal_(transformer.pad_token, std=0.2)  # its own constructor leaves it as the memory was
    return diffusers.LuminaPipeline(
        transformer=transformer,
        scheduler=parts.flow(),
        vae=tiny.vae(4),
        text_encoder=parts.gemma(),
        tokenizer=parts.gemma_tokenizer(),
    )


def glm_image() -> Any:
    """A language model that writes a picture's rough tokens, and a transformer that draws after them."""
    return diffusers.GlmImagePipeline(
        tokenizer=ByT5Tokenizer(),
        processor=parts.glm_image_processor(),
        text_encoder=parts.byt5(),
        vision_language_encoder=parts.glm_image(),
        vae=tiny.vae(4, latents_mean=[0.0] * 4, latents_std=[1.0] * 4),
        transformer=diffusers.GlmImageTransformer2DModel(
            in_channels=4,
            out_channels=4,
            num_layers=1,
            attention_head_dim=8,
            num_attention_heads=2,
            text_embed_dim=32,
            time_embed_dim=8,
            condition_dim=4,
            prior_vq_quantizer_codebook_size=24,
        ).eval(),
        scheduler=parts.flow(base_shift=0.25, max_shift=0.75, use_dynamic_shifting=True, time_shift_type="linear"),
    )


def omnigen() -> Any:
    return diffusers.OmniGenPipeline(
        transformer=diffusers.OmniGenTransformer2DModel(
            hidden_size=16,
            num_attention_heads=2,
            num_key_value_heads=2,
            intermediate_size=24,
            num_layers=1,
            pad_token_id=0,
            vocab_size=300,
            rope_scaling={"long_factor": [1.0] * 4, "short_factor": [1.0] * 4, "type": "su"},
            pos_embed_max_size=64,
            time_step_dim=16,
        ).eval(),
        scheduler=parts.flow(),
        vae=tiny.vae(4),
        tokenizer=parts.byte_tokenizer(),
    )


def bria_fibo_2() -> Any:
    return diffusers.BriaFibo2Pipeline(
        transformer=diffusers.BriaFibo2Transformer2DModel(
            in_channels=4,
            dim=32,
            n_layers=6,
            n_refiner_layers=1,
            n_heads=2,
            cap_feat_dim=3 * WIDTH,
            injection_layer_ids=(1, 2, 3, 4, 5),
            perceiver_num_layers=1,
            min_num_gist_tokens=4,
            max_num_gist_tokens=8,
            gist_step=4,
            gist_min_text_len=4,
            gist_max_text_len=64,
            axes_dims=(4, 6, 6),
            axes_lens=(512, 64, 64),
        ).eval(),
        scheduler=parts.flow(**parts.DYNAMIC),
        vae=parts.vae_flux2(),
        text_encoder=parts.qwen3_vl(),
        processor=parts.byte_tokenizer(),
    )


def cosmos_3() -> Any:
    """Its transformer reads the prompt's tokens itself. It was made for videos; of one frame it is a picture."""
    names = {"vision_start_token": "<|vision_start|>"}
    return diffusers.Cosmos3OmniPipeline(
        transformer=diffusers.Cosmos3OmniTransformer(
            vocab_size=300,
            hidden_size=WIDTH,
            intermediate_size=24,
            num_hidden_layers=1,
            num_attention_heads=2,
            num_key_value_heads=1,
            head_dim=16,
            rope_axes_dim=(4, 2, 2),
            latent_channel=4,
            patch_latent_dim=4 * 2 * 2,
        ).eval(),
        text_tokenizer=parts.byte_tokenizer(extra_special_tokens=names),
        vae=parts.vae_wan(in_channels=12, out_channels=12, patch_size=2, scale_factor_spatial=16),
        scheduler=diffusers.UniPCMultistepScheduler(prediction_type="flow_prediction", use_flow_sigmas=True),
        enable_safety_checker=False,
    )
