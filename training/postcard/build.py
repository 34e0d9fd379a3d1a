"""An untrained Postcard: frozen text encoder, code tables made from the names of things, fresh transformer."""

from __future__ import annotations

import functools
from collections.abc import Sequence
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
from safelight.postcard.scenes.things import THINGS
from safelight.postcard.transformer import PostcardTransformer

SHIFT = 2.0
"""Timestep shift of sampling and training (arXiv 2403.03206): what a scene shows is decided at high noise."""

_NAMES_AT_ONCE = 128


def load_text(folder: Path) -> tuple[BertTokenizerFast, BertModel]:
    """Tokenizer and text encoder of a weights folder, the encoder in single precision."""
    encoder = BertModel.from_pretrained(folder / "text_encoder", dtype=torch.float32).eval().requires_grad_(False)
    return BertTokenizerFast.from_pretrained(folder / "tokenizer"), encoder


@torch.no_grad()
def name_embeddings(tokenizer: BertTokenizerFast, encoder: BertModel, known: Sequence[tuple[str, ...]]) -> Tensor:
    """For each thing the mean, over its names, of the encoder's mean-pooled, normalised sentence vectors: (n, 384)."""
    names = [name for each in known for name in each]
    vectors = []
    for start in range(0, len(names), _NAMES_AT_ONCE):
        rows = [text.windows(tokenizer, name)[0] for name in names[start : start + _NAMES_AT_ONCE]]
        ids, mask = text.padded(rows, tokenizer.pad_token_id)
        states = encoder(input_ids=ids, attention_mask=mask)[0]
        pooled = (states * mask[:, :, None]).sum(1) / mask.sum(1, keepdim=True)
        vectors.append(pooled / pooled.norm(dim=1, keepdim=True))
    of_each = torch.split(torch.cat(vectors), [len(each) for each in known])
    return torch.stack([each.mean(0) for each in of_each])


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
                table = projected_codes(name_embeddings(tokenizer, encoder, known), f.width)
            tables[table_name(kind, f)] = table
    return tables


def exported_tables(folder: Path, layout: Layout) -> dict[str, Tensor]:
    """Code vectors of an exported pipeline, read instead of made. Raises ValueError for another layout."""
    if SceneDecoder.load_config(folder / "decoder")["layout"] != layout.to_config():
        raise ValueError(f"{folder} was trained on another vocabulary than the present one: it cannot be a start")
    return load_file(folder / "decoder" / "diffusion_pytorch_model.safetensors")


@functools.cache
def _made_tables(text_folder: Path) -> dict[str, Tensor]:
    """Those of the schema's layout: three of the recipe's steps want them, and to make them takes seconds."""
    return code_tables(schema_layout(), *load_text(text_folder))


def fresh_pipeline(
    text_folder: Path, seed: int, width: int, num_layers: int, num_text_layers: int, start: Path | None = None
) -> PostcardPipeline:
    """All components, the transformer untrained. `start`: an exported pipeline whose code vectors are taken over."""
    tokenizer, encoder = load_text(text_folder)
    layout = schema_layout()
    tables = exported_tables(start, layout) if start else _made_tables(text_folder)
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
