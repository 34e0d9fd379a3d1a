"""Scenes from the prior and captions of them, written as shards by several processes."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
from tqdm import tqdm
from training.postcard.captions import sample_pair
from training.postcard.data import save_array, shard_path

from safelight.postcard.codec import SceneCodec, schema_layout


def sample_shard(folder: Path, seed: int, index: int, size: int) -> None:
    """Sample scenes and captions of one shard; sample i depends on (seed, index, i) alone."""
    if (folder / "captions.json").exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    codec = SceneCodec(schema_layout(), {})
    values, aspects, captions = [], [], []
    for i in range(size):
        scene, caption, aspect = sample_pair(random.Random(f"{seed}/{index}/{i}"))
        values.append(codec.to_values(scene))
        aspects.append(aspect)
        captions.append(caption)
    save_array(folder / "values.npy", np.stack(values))
    save_array(folder / "aspects.npy", np.array(aspects, dtype=np.float32))
    partial = folder / "captions.partial"
    partial.write_text(json.dumps(captions, ensure_ascii=False), encoding="utf-8")
    partial.rename(folder / "captions.json")


def sample_shards(folder: Path, seed: int, indices: Sequence[int], size: int, processes: int) -> None:
    """Sample several shards, each in a process of its own."""
    with ProcessPoolExecutor(processes) as pool:
        jobs = [pool.submit(sample_shard, shard_path(folder, i), seed, i, size) for i in indices]
        for job in tqdm(jobs, desc="sample", unit="shard"):
            job.result()
