"""From a training run to the folder that ships: half precision, safetensors, diffusers' layout, and the model card."""

from __future__ import annotations

import json
from pathlib import Path

import torch

from safelight.postcard.pipeline import PostcardPipeline


def export(pipeline: PostcardPipeline, folder: Path) -> None:
    """Write a pipeline with its networks in half precision; they are computed in single precision again when loaded."""
    networks = {"transformer": pipeline.transformer, "text_encoder": pipeline.text_encoder}
    for network in networks.values():
        network.to(torch.float16)
    try:
        pipeline.save_pretrained(folder, safe_serialization=True)
    finally:
        for network in networks.values():
            network.to(torch.float32)
    for path in folder.rglob("*.safetensors"):
        path.chmod(0o644)
    _forget_origin(folder / "tokenizer" / "tokenizer_config.json")


def _forget_origin(path: Path) -> None:
    """Drop what transformers notes about where a tokenizer was loaded from: it is no part of the model."""
    config = json.loads(path.read_text())
    for name in ("is_local", "local_files_only"):
        config.pop(name, None)
    path.write_text(json.dumps(config, indent=2) + "\n")
