"""Several processes that train one model: each takes its part of every batch, and their gradients are averaged.

Each is started by itself, with its number and how many there are in the environment, as torch.distributed has it:

    WORLD_SIZE=2 RANK=0 MASTER_ADDR=127.0.0.1 MASTER_PORT=29611 python -m training.postcard.recipe train …

On a CPU that is shared with other work, two processes of one thread each are faster than one of two: threads wait for
each other at every operation, processes once a step. Without a WORLD_SIZE there is one process.
"""

from __future__ import annotations

import os

import torch
from torch import distributed, nn


def join() -> None:
    """Meet the other processes, if there are any."""
    if int(os.environ.get("WORLD_SIZE", "1")) > 1 and not distributed.is_initialized():
        distributed.init_process_group("gloo")


def rank() -> int:
    """This process's number, from 0."""
    return distributed.get_rank() if distributed.is_initialized() else 0


def ranks() -> int:
    """How many processes there are."""
    return distributed.get_world_size() if distributed.is_initialized() else 1


@torch.no_grad()
def average_gradients(model: nn.Module) -> None:
    """Every process ends with the mean of all processes' gradients."""
    if ranks() == 1:
        return
    gradients = [p.grad for p in model.parameters() if p.grad is not None]
    flat = torch.cat([g.flatten() for g in gradients])
    distributed.all_reduce(flat)
    flat /= ranks()
    for gradient, mean in zip(gradients, torch.split(flat, [g.numel() for g in gradients]), strict=True):
        gradient.copy_(mean.view_as(gradient))
