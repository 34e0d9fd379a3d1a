"""How well a pipeline draws what it is asked: labels read off the scenes of prompts that no caption resembles.

Also how often a negative prompt is obeyed, how much seeds differ, and how long each stage takes.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from training.postcard.judge import diversity, negative_hit, score
from training.postcard.prompts import HELD_OUT, NEGATIVE
from training.postcard.prompts.labels import ASPECTS

from safelight.postcard import text
from safelight.postcard.pipeline import PostcardPipeline
from safelight.postcard.scenes.scene import Scene


@dataclass(frozen=True)
class Sampling:
    """How scenes are sampled."""

    steps: int = 8
    guidance_scale: float = 2.5
    seeds: int = 2


def scenes(
    pipeline: PostcardPipeline,
    prompts: Sequence[str],
    aspects: Sequence[str],
    sampling: Sampling,
    negatives: Sequence[str] | None = None,
) -> list[list[Scene]]:
    """Scenes of every prompt, one for each seed 1, 2, …: prompts x seeds."""
    found: list[list[Scene]] = [[] for _ in prompts]
    for aspect in dict.fromkeys(aspects):
        chosen = [i for i, a in enumerate(aspects) if a == aspect]
        said = _read(pipeline, [prompts[i] for i in chosen])
        if negatives:
            away_from = _read(pipeline, [negatives[i] for i in chosen])
            said |= {f"negative_{name}": each for name, each in away_from.items()}
        for seed in range(1, sampling.seeds + 1):
            # A generator for each prompt, so that a prompt's scene depends on no other prompt.
            latents = pipeline(
                **said,
                width=round(1024 * ASPECTS[aspect] ** 0.5),
                height=round(1024 / ASPECTS[aspect] ** 0.5),
                num_inference_steps=sampling.steps,
                guidance_scale=sampling.guidance_scale,
                generator=[torch.Generator().manual_seed(seed) for _ in chosen],
                output_type="latent",
            ).images
            for i, scene in zip(chosen, pipeline.decoder.scenes(latents), strict=True):
                found[i].append(scene)
    return found


@torch.no_grad()
def _read(pipeline: PostcardPipeline, prompts: list[str]) -> dict[str, Any]:
    """Prompts as the pipeline takes them for every seed, read by the text encoder once."""
    states, mask = pipeline.encode_prompt(prompts)
    return {"prompt_embeds": states, "prompt_embeds_mask": mask}


def table(pipeline: PostcardPipeline, sampling: Sampling) -> tuple[dict[str, tuple[int, int]], list[str]]:
    """Hits and questions for each category over the held-out prompts and seeds, and a line for each miss."""
    total: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    misses = []
    drawn = scenes(pipeline, [p.text for p in HELD_OUT], [p.aspect for p in HELD_OUT], sampling)
    for prompt, each in zip(HELD_OUT, drawn, strict=True):
        for seed, scene in enumerate(each, 1):
            for category, (hits, asked) in score(scene, prompt).hits.items():
                total[category][0] += hits
                total[category][1] += asked
                if hits < asked:
                    misses.append(f"{category} {hits}/{asked} seed {seed}: {prompt.text}")
    return {category: (hits, asked) for category, (hits, asked) in sorted(total.items())}, misses


def negatives(pipeline: PostcardPipeline, sampling: Sampling) -> tuple[tuple[int, int], tuple[int, int]]:
    """How often what the negative prompt names is absent, of all: with the negative prompt, and without it."""
    texts, aspects = [n.text for n in NEGATIVE], [n.aspect for n in NEGATIVE]
    both = []
    for negative in ([n.negative for n in NEGATIVE], None):
        drawn = scenes(pipeline, texts, aspects, sampling, negative)
        hits = [negative_hit(scene, n) for n, each in zip(NEGATIVE, drawn, strict=True) for scene in each]
        both.append((sum(hits), len(hits)))
    return both[0], both[1]


def seed_diversity(pipeline: PostcardPipeline, sampling: Sampling, prompts: int = 20, seeds: int = 6) -> float:
    """Mean over prompts of how much scenes of different seeds differ (`judge.diversity`)."""
    several = Sampling(sampling.steps, sampling.guidance_scale, seeds)
    chosen = HELD_OUT[:: max(len(HELD_OUT) // prompts, 1)][:prompts]
    drawn = scenes(pipeline, [p.text for p in chosen], [p.aspect for p in chosen], several)
    return float(sum(map(diversity, drawn)) / len(drawn))


@torch.no_grad()
def stage_times(pipeline: PostcardPipeline, sampling: Sampling, size: int = 1024) -> dict[str, float]:
    """Processor seconds of each stage of a picture (size x size), the least of five: other work does not reach them."""
    prompt = "A serene mountain landscape at sunset with vibrant colors"
    times: dict[str, list[float]] = defaultdict(list)

    def clock(stage: str, call: Any) -> Any:
        began = time.process_time()
        result = call()
        times[stage].append(time.process_time() - began)
        return result

    for seed in range(5):
        states, mask = clock("text", lambda: text.encode(pipeline.tokenizer, pipeline.text_encoder, prompt, "cpu"))
        generator = torch.Generator().manual_seed(seed)
        latents = clock(
            "denoising",
            lambda states=states, mask=mask, generator=generator: (
                pipeline(
                    prompt_embeds=states,
                    prompt_embeds_mask=mask,
                    num_inference_steps=sampling.steps,
                    guidance_scale=sampling.guidance_scale,
                    generator=generator,
                    output_type="latent",
                ).images
            ),
        )
        clock("drawing", lambda latents=latents: pipeline.decoder.decode(latents, size, size, vector=True))
        clock("drawing and rasterising", lambda latents=latents: pipeline.decoder.decode(latents, size, size))
    return {stage: min(each) for stage, each in times.items()}


def evaluate(pipeline: PostcardPipeline, sampling: Sampling, draw: bool = True) -> dict[str, Any]:
    """Everything as one dictionary, fit for JSON."""
    pipeline.set_progress_bar_config(disable=True)
    categories, misses = table(pipeline, sampling)
    with_negative, without = negatives(pipeline, sampling)
    return {
        "sampling": asdict(sampling),
        "categories": {
            name: {"hits": h, "asked": a, "share": round(h / max(a, 1), 4)} for name, (h, a) in categories.items()
        },
        "negative": {"absent with": with_negative, "absent without": without},
        "diversity": round(seed_diversity(pipeline, sampling), 4),
        "seconds": {k: round(v, 4) for k, v in stage_times(pipeline, sampling).items()} if draw else {},
        "misses": misses,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="a saved pipeline")
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--guidance-scale", type=float, default=2.0)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--out", type=Path, help="write the figures there as JSON")
    parser.add_argument("--misses", action="store_true", help="print every label that was missed")
    arguments = parser.parse_args()
    pipeline = PostcardPipeline.from_pretrained(arguments.folder, dtype=torch.float32)
    found = evaluate(pipeline, Sampling(arguments.steps, arguments.guidance_scale, arguments.seeds))
    if arguments.out:
        arguments.out.write_text(json.dumps(found, indent=1, ensure_ascii=False))
    misses = found.pop("misses")
    print(json.dumps(found, indent=1))
    if arguments.misses:
        print("\n".join(misses))


if __name__ == "__main__":
    main()
