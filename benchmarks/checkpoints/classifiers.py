"""Tiny classifiers of images that really load, with random weights and a head that is biased to one label."""

from __future__ import annotations

from pathlib import Path

import torch
from diffusers.pipelines.stable_diffusion.safety_checker import StableDiffusionSafetyChecker
from transformers import CLIPConfig, CLIPImageProcessor, ViTConfig, ViTForImageClassification, ViTImageProcessor

_SMALL = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
_SIDE = 16


def vit(folder: Path, bias: dict[str, float], *, many: bool = False, by_brightness: float = 0.0) -> Path:
    """A ViT as those of the hub are saved, that answers its bias whatever the picture shows.

    With `by_brightness` the last label's logit also rises by that with the mean of the picture (from -1 to 1).
    """
    torch.manual_seed(0)
    config = ViTConfig(
        image_size=_SIDE,
        patch_size=8,
        id2label=dict(enumerate(bias)),
        label2id={n: i for i, n in enumerate(bias)},
        **_SMALL,
    )
    if many:
        config.problem_type = "multi_label_classification"
    model = ViTForImageClassification(config)
    with torch.no_grad():
        model.classifier.weight.zero_()
        model.classifier.bias.copy_(torch.tensor([*bias.values()]))
        if by_brightness:
            _follow_brightness(model, by_brightness)
    model.save_pretrained(folder)
    ViTImageProcessor(size={"height": _SIDE, "width": _SIDE}).save_pretrained(folder)
    return folder


def _follow_brightness(model: ViTForImageClassification, slope: float) -> None:
    """The first token is the mean over the picture's pixels of the sign of what they are, and the head reads it.

    Attention is uniform (queries of zero), what it hands on is the patches' first number, and all else is zero.
    """
    for name, weight in model.vit.named_parameters():
        weight.zero_()
        if "layernorm" in name and name.endswith("weight"):
            weight.fill_(1.0)
    patches = model.vit.embeddings.patch_embeddings.projection
    patches.weight[0].fill_(1.0 / patches.weight[0].numel())
    patches.weight[1].fill_(-1.0 / patches.weight[0].numel())
    for name, weight in model.vit.named_parameters():
        if name.endswith(
            ("attention.attention.value.weight", "attention.output.dense.weight", "v_proj.weight", "o_proj.weight")
        ):
            weight.copy_(torch.eye(weight.shape[0]))
    model.classifier.weight[-1, 0] = slope


def safety_checker(folder: Path, *, refuses: bool, processor: Path | None = None) -> Path:
    """Stable Diffusion's checker, whose thresholds are below or above whatever a cosine can be.

    `processor`: where what prepares its pictures is saved; None: nowhere.
    """
    torch.manual_seed(0)
    vision = {**_SMALL, "image_size": _SIDE, "patch_size": 8, "projection_dim": 8}
    words = {**_SMALL, "vocab_size": 32, "projection_dim": 8}
    checker = StableDiffusionSafetyChecker(CLIPConfig(text_config=words, vision_config=vision, projection_dim=8))
    with torch.no_grad():
        checker.concept_embeds_weights.fill_(-2.0 if refuses else 2.0)
        checker.special_care_embeds_weights.fill_(2.0)
    checker.save_pretrained(folder)
    if processor is not None:
        size = {"size": {"shortest_edge": _SIDE}, "crop_size": {"height": _SIDE, "width": _SIDE}}
        CLIPImageProcessor(**size).save_pretrained(processor)
    return folder
