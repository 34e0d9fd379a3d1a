"""Attention in bfloat16 on processors that multiply it in hardware, but without matrix units.

PyTorch's own kernel for CPUs (FlashAttention 2, https://arxiv.org/abs/2307.08691) multiplies float32 there, at a fifth
of the rate that products in bfloat16 have. Here tiles of a few megabytes, which a cache holds, go through three
operations of PyTorch: products with sums kept in float32, softmax in float32, products in bfloat16.
"""

# Tested in tests/engine/test_tiled_attention.py.

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.nn import functional

from safelight.engine.machine.device import cpu_bfloat16
from safelight.engine.tuning.packing import can_pack

_FEW = 64
_ROWS = 256
_TILE_BYTES = 4 << 20
"""Scores of a tile. With 2 to 8 MB each size in use took as long, within a tenth; with 32 MB three times that."""

_plain = functional.scaled_dot_product_attention


def attend_in_tiles() -> None:
    """Have all attention of this process computed so where that is faster: models call it by its name in PyTorch."""
    if can_attend_in_tiles():
        functional.scaled_dot_product_attention = scaled_dot_product_attention


def can_attend_in_tiles() -> bool:
    """Whether this processor is of that kind. With AMX PyTorch's kernel multiplies bfloat16."""
    return can_pack() and "amx_bf16" not in cpu_bfloat16()


def scaled_dot_product_attention(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attn_mask: torch.Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> torch.Tensor:
    """As `torch.nn.functional.scaled_dot_product_attention`, which computes whatever is not [batch, heads, tokens,
    width] in bfloat16 on a CPU without a mask, or has few tokens.

    One core of an AMD EPYC, in milliseconds of a processor: 16 heads of 40 numbers and 1024 tokens 35 there and 25
    here, beside 77 tokens 4.2 and 2.5; 40 heads of 64 and 256 tokens 8.3 and 5.1; a head of 512 43 and 18. From the
    result in float32 both are 0.2 % away; with scores in bfloat16 it would be 1 %.
    """
    plain = attn_mask is None and dropout_p == 0.0 and not is_causal and not enable_gqa
    if not plain or _is_watched() or not all(_takes(each) for each in (query, key, value)):
        return _plain(query, key, value, attn_mask, dropout_p, is_causal, scale=scale, enable_gqa=enable_gqa)
    return _tiled(query, key, value, 1 / math.sqrt(query.shape[-1]) if scale is None else scale)


def _takes(tensor: torch.Tensor) -> bool:
    return (
        tensor.dtype is torch.bfloat16 and tensor.device.type == "cpu" and tensor.dim() == 4 and tensor.shape[2] >= _FEW
    )


def _is_watched() -> bool:
    """Whether somebody writes down the operations, for whom one is better than many."""
    return torch.compiler.is_compiling() or torch._C._is_tracing() or torch.is_grad_enabled()


def _tiled(query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, scale: float) -> torch.Tensor:
    batch, heads, tokens, width = query.shape
    queries = query.reshape(batch * heads, tokens, width).float().mul_(scale)
    keys = key.reshape(batch * heads, -1, width).float().transpose(1, 2)
    values = value.reshape(batch * heads, -1, value.shape[-1])
    rows = min(tokens, _ROWS)
    together = max(1, _TILE_BYTES // (4 * keys.shape[-1] * rows))
    # As the kernel lays its result out, so that what follows has nothing to copy.
    by_head = torch.empty(batch, tokens, heads, value.shape[-1], dtype=query.dtype).transpose(1, 2)
    for first in range(0, batch * heads, together):
        some = slice(first, first + together)
        for row in range(0, tokens, rows):
            with _products_in_bfloat16():
                scores = torch.bmm(queries[some, row : row + rows], keys[some])
            found = torch.bmm(torch.softmax(scores, -1).to(query.dtype), values[some])
            for number, each in enumerate(found, first):
                by_head[number // heads, number % heads, row : row + rows] = each
    return by_head


@contextmanager
def _products_in_bfloat16() -> Iterator[None]:
    """Within it products of float32 read their factors as bfloat16, and keep the sums as they are."""
    backend: Any = torch.backends.mkldnn
    setting = backend.matmul
    before = setting.fp32_precision
    setting.fp32_precision = "bf16"
    try:
        yield
    finally:
        setting.fp32_precision = before
