"""Other pipelines of families that are there too, tiny: guided by perturbed attention, and from pictures alone."""

from __future__ import annotations

from typing import Any

import diffusers
from diffusers.pipelines.kandinsky.text_encoder import MCLIPConfig, MultilingualCLIP
from diffusers.pipelines.stable_diffusion.stable_unclip_image_normalizer import StableUnCLIPImageNormalizer
from transformers import DPTConfig, DPTForDepthEstimation, DPTImageProcessorPil, XLMRobertaTokenizer

from benchmarks.checkpoints import tiny, unets
from benchmarks.checkpoints.seeing import PLAIN, as_, plain_unet, with_config


def stable_diffusion_pag() -> Any:
    return as_(diffusers.StableDiffusionPAGPipeline, tiny.stable_diffusion(), **PLAIN)


def sdxl_pag() -> Any:
    return as_(diffusers.StableDiffusionXLPAGPipeline, unets.sdxl(), add_watermarker=False)


def stable_diffusion_3_pag() -> Any:
    return as_(diffusers.StableDiffusion3PAGPipeline, tiny.stable_diffusion_3(), pag_applied_layers="blocks.1")


def sdxl_instruct_pix2pix() -> Any:
    pipeline = unets.sdxl()
    unet = with_config(pipeline.unet, in_channels=8)
    return as_(diffusers.StableDiffusionXLInstructPix2PixPipeline, pipeline, unet=unet, add_watermarker=False)


def _of_stable_diffusion() -> dict[str, Any]:
    parts = tiny.stable_diffusion().components
    return {name: parts[name] for name in ("vae", "text_encoder", "tokenizer", "scheduler")}


def stable_diffusion_depth() -> Any:
    """Its U-Net takes the latents and how far everything is, which a model of its own tells."""
    config = DPTConfig(
        hidden_size=16,
        num_hidden_layers=4,
        num_attention_heads=2,
        intermediate_size=16,
        image_size=32,
        patch_size=16,
        backbone_out_indices=[0, 1, 2, 3],
        neck_hidden_sizes=[8, 8, 8, 8],
        fusion_hidden_size=8,
        is_hybrid=False,
    )
    return diffusers.StableDiffusionDepth2ImgPipeline(
        **_of_stable_diffusion(),
        unet=plain_unet(5),
        depth_estimator=DPTForDepthEstimation(config).eval(),
        feature_extractor=DPTImageProcessorPil(size={"height": 32, "width": 32}),
    )


def stable_unclip() -> Any:
    """Stable Diffusion 2.1 unCLIP's: it draws what CLIP sees in a picture."""
    pipeline = unets.kandinsky_2_2()
    embedded = {"class_embed_type": "projection", "projection_class_embeddings_input_dim": 64}
    return diffusers.StableUnCLIPImg2ImgPipeline(
        **_of_stable_diffusion(),
        unet=with_config(tiny.unet(), **embedded),
        feature_extractor=pipeline.prior_image_processor,
        image_encoder=pipeline.prior_image_encoder,
        image_normalizer=StableUnCLIPImageNormalizer(embedding_dim=32),
        image_noising_scheduler=diffusers.DDPMScheduler(beta_schedule="squaredcos_cap_v2"),
    )


def kandinsky_2_2_inpainting() -> Any:
    pipeline = unets.kandinsky_2_2()
    unet = with_config(pipeline.unet, in_channels=9)
    return as_(diffusers.KandinskyV22InpaintCombinedPipeline, pipeline, unet=unet)


def _kandinsky_2_1(kind: Any, channels: int) -> Any:
    """As Kandinsky 2.2, but that a text encoder of many languages tells the U-Net the prompt, too."""
    words = [("<s>", 0.0), ("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁", -2.0)]
    vocabulary = [*words, *((letter, -3.0) for letter in tiny.LETTERS), ("<mask>", 0.0)]
    config = MCLIPConfig(
        numDims=32,
        transformerDimensions=32,
        hidden_size=32,
        intermediate_size=37,
        num_attention_heads=4,
        num_hidden_layers=1,
        vocab_size=64,
        max_position_embeddings=128,
    )
    projected = {"addition_embed_type": "text_image", "encoder_hid_dim_type": "text_image_proj"}
    pipeline = unets.kandinsky_2_2()
    return as_(
        kind,
        pipeline,
        text_encoder=MultilingualCLIP(config).eval(),
        tokenizer=XLMRobertaTokenizer(vocab=vocabulary, model_max_length=77),
        unet=with_config(pipeline.unet, in_channels=channels, **projected),
        scheduler=diffusers.DDIMScheduler(clip_sample=False),
    )


def kandinsky_2_1() -> Any:
    return _kandinsky_2_1(diffusers.KandinskyCombinedPipeline, 4)


def kandinsky_2_1_inpainting() -> Any:
    return _kandinsky_2_1(diffusers.KandinskyInpaintCombinedPipeline, 9)


def deepfloyd_if_larger() -> Any:
    """DeepFloyd IF's second stage, which makes a picture larger."""
    pipeline = unets.deepfloyd_if()
    unet = with_config(pipeline.unet, in_channels=6, class_embed_type="timestep")
    return diffusers.IFSuperResolutionPipeline(
        tokenizer=pipeline.tokenizer,
        text_encoder=pipeline.text_encoder,
        unet=unet,
        scheduler=pipeline.scheduler,
        image_noising_scheduler=diffusers.DDPMScheduler(),
        watermarker=None,
        **PLAIN,
    )
