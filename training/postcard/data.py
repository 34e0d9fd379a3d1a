"""Samples on disk: shards of scenes, captions and the captions' token states, made once and read by memory map.

A shard is a folder with `values.npy` (samples, slots, fields), `aspects.npy` (samples,), `captions.json`, and, once
encoded, `states.npy` (word pieces of all captions, 384, half precision) and `ends.npy` (where each caption's end). A
finished file is moved into place, so a run that was cut off goes on with the first file that is missing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import BertModel, BertTokenizerFast

from safelight.postcard import text

ENCODE_BATCH = 64


def save_array(path: Path, array: NDArray[Any]) -> None:
    """Write beside, then move into place."""
    partial = path.with_suffix(".partial.npy")
    np.save(partial, array)
    partial.rename(path)


def shard_path(folder: Path, index: int) -> Path:
    return folder / f"shard-{index:04d}"


@torch.no_grad()
def encode_shard(folder: Path, tokenizer: BertTokenizerFast, encoder: BertModel, device: str) -> None:
    """Add the captions' token states to a shard, each read as the pipeline reads it, in batches of like length."""
    if (folder / "ends.npy").exists():
        return
    captions = json.loads((folder / "captions.json").read_text(encoding="utf-8"))
    rows = [text.windows(tokenizer, caption)[0] for caption in captions]
    ends = np.cumsum([len(row) for row in rows])
    states = np.empty((ends[-1], encoder.config.hidden_size), dtype=np.float16)
    order = sorted(range(len(rows)), key=lambda i: len(rows[i]))
    for start in range(0, len(order), ENCODE_BATCH):
        batch = order[start : start + ENCODE_BATCH]
        ids, mask = text.padded([rows[i] for i in batch], tokenizer.pad_token_id)
        with torch.autocast(device, torch.bfloat16):
            out = encoder(input_ids=ids.to(device), attention_mask=mask.to(device))[0].float().cpu().numpy()
        for i, state in zip(batch, out, strict=True):
            states[ends[i] - len(rows[i]) : ends[i]] = state[: len(rows[i])]
    save_array(folder / "states.npy", states)
    save_array(folder / "ends.npy", ends)


@dataclass(frozen=True)
class Batch:
    """values (B, slots, fields), aspects (B,), states (B, longest, 384), mask (B, longest)."""

    values: Tensor
    aspects: Tensor
    states: Tensor
    mask: Tensor

    def to(self, device: str) -> Batch:
        return Batch(*(x.to(device) for x in (self.values, self.aspects, self.states, self.mask)))


class Samples:
    """All shards of a folder as one set, with the states of the empty prompt for captions that are dropped."""

    def __init__(self, folders: Sequence[Path], empty: Tensor) -> None:
        if not folders:
            raise ValueError("no shards: sample and encode some first")
        self.empty = empty.to(torch.float16)
        self._values = [np.load(f / "values.npy") for f in folders]
        self._aspects = [np.load(f / "aspects.npy") for f in folders]
        self._states = [np.load(f / "states.npy", mmap_mode="r") for f in folders]
        self._ends = [np.load(f / "ends.npy") for f in folders]
        self.index = np.array([(s, i) for s, v in enumerate(self._values) for i in range(len(v))])
        self.lengths = np.concatenate([np.diff(ends, prepend=0) for ends in self._ends])
        for folder, values, ends in zip(folders, self._values, self._ends, strict=True):
            if len(values) != len(ends):
                raise ValueError(
                    f"{folder} holds {len(values)} scenes but {len(ends)} captions: delete it and sample again"
                )

    def __len__(self) -> int:
        return len(self.index)

    def batches(self, size: int, seed: int, epoch: int) -> Iterator[NDArray[np.int64]]:
        """One epoch's batches of sample numbers, captions of like length together, ordered by seed and epoch."""
        rng = np.random.default_rng((seed, epoch))
        order = rng.permutation(len(self))
        chunk = size * 32
        made = []
        for start in range(0, len(order), chunk):
            part = order[start : start + chunk]
            part = part[np.argsort(self.lengths[part], kind="stable")]
            made += [part[i : i + size] for i in range(0, len(part) - size + 1, size)]
        for i in rng.permutation(len(made)):
            yield made[i]

    def batch(self, numbers: NDArray[np.int64], dropped: NDArray[np.bool_]) -> Batch:
        """Gather samples; those `dropped` get the empty prompt."""
        states = []
        for n, drop in zip(numbers, dropped, strict=True):
            s, i = self.index[n]
            end = self._ends[s][i]
            states.append(self.empty if drop else torch.from_numpy(self._states[s][end - self.lengths[n] : end].copy()))
        mask = torch.nn.utils.rnn.pad_sequence([torch.ones(len(x)) for x in states], batch_first=True)
        where = self.index[numbers]
        return Batch(
            torch.from_numpy(np.stack([self._values[s][i] for s, i in where])),
            torch.from_numpy(np.array([self._aspects[s][i] for s, i in where])),
            torch.nn.utils.rnn.pad_sequence(states, batch_first=True).float(),
            mask,
        )
