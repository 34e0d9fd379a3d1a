"""An untrained Postcard: frozen text encoder, code tables made from the names of things, fresh transformer."""

from __future__ import annotations

from pathlib import Path

import torch
from diffusers import FlowMatchEulerDiscreteScheduler
from safetensors.torch import load_file
from torch import Tensor
from transformers import BertModel, BertTokenizerFast

from safelight.postcard import text
from safelight.postcard.codec import (
    orthogonal_codes,
    presence_codes,
    projected_codes,
    schema_layout,
)
from safelight.postcard.decoder import SceneDecoder
from safelight.postcard.layout import PRESENCE, Layout, table_name
from safelight.postcard.pipeline import PostcardPipeline
from safelight.postcard.things import THINGS
from safelight.postcard.transformer import PostcardTransformer

SHIFT = 2.0
"""Timestep shift of sampling and training (arXiv 2403.03206): what a scene shows is decided at high noise."""


def load_text(folder: Path) -> tuple[BertTokenizerFast, BertModel]:
    """Tokenizer and text encoder of a weights folder, the encoder in single precision."""
    encoder = BertModel.from_pretrained(folder / "text_encoder", dtype=torch.float32).eval().requires_grad_(False)
    return BertTokenizerFast.from_pretrained(folder / "tokenizer"), encoder


@torch.no_grad()
def name_embedding(tokenizer: BertTokenizerFast, encoder: BertModel, names: tuple[str, ...]) -> Tensor:
    """Mean over names of the encoder's mean-pooled, normalised sentence vectors: (384,)."""
    vectors = []
    for name in names:
        states, mask = text.encode(tokenizer, encoder, name, "cpu")
        pooled = (states[0] * mask[0, :, None]).sum(0) / mask.sum()
        vectors.append(pooled / pooled.norm())
    return torch.stack(vectors).mean(0)


def code_tables(layout: Layout, tokenizer: BertTokenizerFast, encoder: BertModel) -> dict[str, Tensor]:
    """Code vectors of every category of the layout: `table_name` -> (names, width)."""
    tables = {}
    for kind in layout.kinds:
        for f in kind.fields:
            if not f.is_category:
                continue
            if f.name == PRESENCE:
                table = presence_codes()
            elif f.width == len(f.names):
                table = orthogonal_codes(f.width)
            else:
                known = [THINGS[n].names if kind.name == "thing" else (n.replace("_", " "),) for n in f.names]
                table = projected_codes(torch.stack([name_embedding(tokenizer, encoder, n) for n in known]), f.width)
            tables[table_name(kind, f)] = table
    return tables


def exported_tables(folder: Path, layout: Layout) -> dict[str, Tensor]:
    """Code vectors of an exported pipeline, read instead of made. Raises ValueError for another layout."""
    if SceneDecoder.load_config(folder / "decoder")["layout"] != layout.to_config():
        raise ValueError(f"{folder} was trained on another vocabulary than the present one: it cannot be a start")
    return load_file(folder / "decoder" / "diffusion_pytorch_model.safetensors")


def fresh_pipeline(
    text_folder: Path, seed: int, width: int, num_layers: int, num_text_layers: int, start: Path | None = None
) -> PostcardPipeline:
    """All components, the transformer untrained. `start`: an exported pipeline whose code vectors are taken over."""
    tokenizer, encoder = load_text(text_folder)
    layout = schema_layout()
    tables = exported_tables(start, layout) if start else code_tables(layout, tokenizer, encoder)
    torch.manual_seed(seed)
    transformer = PostcardTransformer(
        layout=layout.to_config(),
        width=width,
        num_layers=num_layers,
        num_text_layers=num_text_layers,
        num_attention_heads=max(width // 32, 1),
        feed_forward_width=4 * width,
    )
    decoder = SceneDecoder(layout=layout.to_config())
    transformer.load_codes(tables)
    decoder.load_codes(tables)
    scheduler = FlowMatchEulerDiscreteScheduler(shift=SHIFT)
    return PostcardPipeline(tokenizer, encoder, transformer, scheduler, decoder)
