"""Training: flow matching with x-prediction on cached samples, resumable at every checkpoint, deterministic by seed.

Hidden matrices are trained by Muon (Jordan 2024; "Muon is scalable for LLM training", arXiv 2502.16982), which needs
fewer samples than AdamW, everything else by AdamW. Every random number of a step is drawn from (seed, step), so that a
resumed run does what an uninterrupted one would have done.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from tqdm import tqdm
from training.postcard.data import Batch, Samples
from training.postcard.loss import scene_loss
from training.postcard.ranks import average_gradients, rank, ranks

from safelight.postcard.codec import SceneCodec
from safelight.postcard.transformer import PostcardTransformer

TRAINING_SHIFT = 3.0
"""Shift of the times in training, above the sampler's 2: what the prompt decides is learned where noise is high."""


@dataclass(frozen=True)
class Plan:
    """How long and how fast. `cooldown`: the share of steps at the end over which the rate falls to nothing.

    `batch_size`: samples of a step, of all processes together. `compiled`: fuse the denoiser's operations first, which
    takes minutes and a C++ compiler, and then trains 1.7 times as fast on a CPU.
    """

    steps: int
    batch_size: int = 128
    learning_rate: float = 2e-3
    warmup: int = 200
    cooldown: float = 0.5
    ema: float = 0.998
    dropped_captions: float = 0.1
    seed: int = 0
    checkpoint_every: int = 500
    device: str = "cpu"
    compiled: bool = False


class Optimizers:
    """Muon for the hidden matrices and AdamW for the rest, as one."""

    def __init__(self, model: nn.Module, learning_rate: float) -> None:
        hidden: list[Tensor] = []
        rest: list[Tensor] = []
        for name, p in model.named_parameters():
            if p.requires_grad:
                (hidden if p.ndim == 2 and "blocks." in name and "modulation" not in name else rest).append(p)
        self.base_rate = learning_rate
        self.muon = torch.optim.Muon(hidden, lr=learning_rate, weight_decay=0.05, adjust_lr_fn="match_rms_adamw")
        self.adamw = torch.optim.AdamW(rest, lr=learning_rate, betas=(0.9, 0.98), weight_decay=0.0)

    def step(self, scale: float) -> None:
        """One update at `scale` times the base rate."""
        for optimizer in (self.muon, self.adamw):
            for group in optimizer.param_groups:
                group["lr"] = self.base_rate * scale
            optimizer.step()  # type: ignore[no-untyped-call]
            optimizer.zero_grad(set_to_none=True)

    def state_dict(self) -> dict[str, Any]:
        return {"muon": self.muon.state_dict(), "adamw": self.adamw.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.muon.load_state_dict(state["muon"])
        self.adamw.load_state_dict(state["adamw"])


def rate(plan: Plan, step: int) -> float:
    """Warm up, hold, cool down: the factor on the learning rate at a step."""
    left = (plan.steps - step) / max(plan.cooldown * plan.steps, 1.0)
    return min((step + 1) / plan.warmup, 1.0, max(left, 0.02))


def noised(latents: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Noisy latents and their times (batch,), uniform under a shift (arXiv 2403.03206)."""
    u = torch.rand(latents.shape[0], generator=generator)
    t = (TRAINING_SHIFT * u / (1 + (TRAINING_SHIFT - 1) * u)).to(latents.device)
    noise = torch.randn(latents.shape, generator=generator).to(latents.device)
    return torch.lerp(latents, noise, t[:, None, None]), t


TEXT_BLUR = 0.3
"""Most noise on the prompt's token states, as a share of their size: words near a known one should mean the same."""


def blurred(states: Tensor, generator: torch.Generator) -> Tensor:
    """Token states (batch, tokens, width) with noise, of another strength for each sample."""
    strength = torch.rand(len(states), 1, 1, generator=generator) * TEXT_BLUR
    noise = torch.randn(states.shape, generator=generator) * strength
    return states + noise.to(states) * states.square().mean(-1, keepdim=True).sqrt()


Objective = Callable[[PostcardTransformer, Batch, int, torch.Generator], tuple[Tensor, dict[str, Tensor]]]
"""Loss and its parts for a batch at a step."""


def flow_matching(codec: SceneCodec) -> Objective:
    """Predict the clean scene from a noisy one."""

    def objective(
        model: PostcardTransformer, batch: Batch, step: int, generator: torch.Generator
    ) -> tuple[Tensor, dict[str, Tensor]]:
        noisy, t = noised(codec.to_latents(batch.values), generator)
        heads = model.heads(noisy, t, blurred(batch.states, generator), batch.mask, batch.aspects)
        losses, parts = scene_loss(codec.layout, heads, batch.values)
        return losses.mean(), parts

    return objective


def endless(samples: Samples, plan: Plan, start: int) -> Iterator[Batch]:
    """This process's part of the batches from step `start` on, epoch after epoch."""
    step = 0
    epoch = 0
    while True:
        for numbers in samples.batches(plan.batch_size, plan.seed, epoch):
            if step >= start:
                rng = np.random.default_rng((plan.seed, step, 1))
                dropped = rng.random(len(numbers)) < plan.dropped_captions
                yield samples.batch(numbers[rank() :: ranks()], dropped[rank() :: ranks()])
            step += 1
        epoch += 1


def train(
    model: PostcardTransformer,
    samples: Samples,
    plan: Plan,
    objective: Objective,
    run: Path,
    at_checkpoint: Callable[[int], None] = lambda step: None,
) -> None:
    """Train in place until `plan.steps`, going on from the run folder's last checkpoint; the model ends as its average.

    Writes to `run`: `log.jsonl` (a line every 20 steps) and, at checkpoints, weights, averaged weights and optimizers.
    """
    run.mkdir(parents=True, exist_ok=True)
    model.to(plan.device).train()
    optimizers = Optimizers(model, plan.learning_rate)
    average = {name: p.detach().clone() for name, p in model.named_parameters()}
    first, seconds = resume(run, model, optimizers, average)
    if plan.compiled:
        model.heads = torch.compile(model.heads, dynamic=True)  # type: ignore[method-assign]
    progress = tqdm(initial=first, total=plan.steps, desc=run.name, unit="step", disable=rank() > 0)
    began = time.monotonic()
    for step, batch in zip(range(first, plan.steps), endless(samples, plan, first), strict=False):
        generator = torch.Generator().manual_seed((plan.seed * 1_000_003 + step) * ranks() + rank())
        with torch.autocast(plan.device, torch.bfloat16):
            loss, parts = objective(model, batch.to(plan.device), step, generator)
        loss.backward()  # type: ignore[no-untyped-call]
        average_gradients(model)
        nn.utils.clip_grad_norm_(model.parameters(), 50.0)
        optimizers.step(rate(plan, step))
        with torch.no_grad():
            decay = min(plan.ema, (step + 1) / (step + 20))
            torch._foreach_lerp_(list(average.values()), list(model.parameters()), 1.0 - decay)
        if step % 20 == 0 and rank() == 0:
            line = {"step": step, "loss": loss.item(), **{k: round(v.item(), 4) for k, v in parts.items()}}
            if not math.isfinite(line["loss"]):
                raise FloatingPointError(f"the loss is {line['loss']} at step {step}: lower the learning rate")
            with (run / "log.jsonl").open("a") as log:
                log.write(json.dumps(line) + "\n")
            progress.set_postfix(loss=f"{line['loss']:.3f}", refresh=False)
        progress.update()
        if rank() == 0 and ((step + 1) % plan.checkpoint_every == 0 or step + 1 == plan.steps):
            spent = seconds + time.monotonic() - began
            save(run, model, optimizers, average, step + 1, (step + 1) * plan.batch_size, spent)
            at_checkpoint(step + 1)
    progress.close()
    if plan.compiled:
        del model.heads  # the class's own again
    with torch.no_grad():
        for name, p in model.named_parameters():
            p.copy_(average[name])
    model.eval()


def save(
    run: Path,
    model: nn.Module,
    optimizers: Optimizers,
    average: dict[str, Tensor],
    step: int,
    samples: int,
    seconds: float,
) -> None:
    """Write a checkpoint; `step.json` comes last, so that a cut leaves the one before valid."""
    save_file({n: p.detach().contiguous() for n, p in model.named_parameters()}, run / f"last-{step}.safetensors")
    save_file({n: p.contiguous() for n, p in average.items()}, run / f"ema-{step}.safetensors")
    torch.save(optimizers.state_dict(), run / f"optimizers-{step}.pt")
    (run / "step.partial").write_text(json.dumps({"step": step, "samples": samples, "seconds": seconds}))
    (run / "step.partial").rename(run / "step.json")
    for old in run.glob("*-*.*"):
        if not old.stem.endswith(f"-{step}"):
            old.unlink()


def resume(run: Path, model: nn.Module, optimizers: Optimizers, average: dict[str, Tensor]) -> tuple[int, float]:
    """Load the run's checkpoint, if there is one: the next step, and the seconds spent so far."""
    if not (run / "step.json").exists():
        return 0, 0.0
    state = json.loads((run / "step.json").read_text())
    step = int(state["step"])
    with torch.no_grad():
        for name, p in load_file(run / f"last-{step}.safetensors").items():
            model.get_parameter(name).copy_(p)
        for name, p in load_file(run / f"ema-{step}.safetensors").items():
            average[name].copy_(p)
    optimizers.load_state_dict(torch.load(run / f"optimizers-{step}.pt", weights_only=True))
    return step, float(state["seconds"])


def load_average(run: Path, model: nn.Module) -> int:
    """Put a run's averaged weights into the model; returns the step they are from."""
    step = int(json.loads((run / "step.json").read_text())["step"])
    with torch.no_grad():
        for name, p in load_file(run / f"ema-{step}.safetensors").items():
            model.get_parameter(name).copy_(p)
    return step


def load_exported(folder: Path, model: nn.Module) -> None:
    """Put the weights of an exported pipeline into the model. An input for guidance is left behind if it has none."""
    known = dict(model.named_parameters())
    with torch.no_grad():
        for name, p in load_file(folder / "transformer" / "diffusion_pytorch_model.safetensors").items():
            if name in known:
                known.pop(name).copy_(p)
    if known:
        raise ValueError(f"{folder} lacks {', '.join(known)}: its transformer has another shape than this run's")
