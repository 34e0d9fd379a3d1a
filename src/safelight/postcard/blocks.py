"""What the denoiser is made of: attention, feed-forward nets, and the blocks that read the prompt and the slots."""

# Tested in tests/postcard/test_transformer.py.

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

WHOLE = 16
"""Keys are a multiple of this: what a vector of AVX-512 holds, and twice what one of AVX2 does."""
HIDDEN = -1e4
"""What hides a key: a softmax gives it nothing."""


def sinusoid(x: Tensor, size: int) -> Tensor:
    """Sines and cosines of x (batch,) at frequencies from 1 to 1000 radians for each unit of x: (batch, size)."""
    frequencies = torch.exp(torch.linspace(0.0, math.log(1000.0), size // 2, device=x.device, dtype=torch.float32))
    angles = x.float()[:, None] * frequencies[None]
    return torch.cat([angles.cos(), angles.sin()], dim=-1)


def rms_normed(x: Tensor, norm: nn.RMSNorm) -> Tensor:
    """What `norm` makes of x (..., size), in half of the time that PyTorch takes for so little on a CPU."""
    size = x.shape[-1]
    squares = x.square().sum(dim=-1, keepdim=True)
    return x * ((squares + size * (norm.eps or 0.0)).rsqrt() * (norm.weight * math.sqrt(size)))


class Attention(nn.Module):
    """Multi-head attention with RMS-normed queries and keys (arXiv 2302.05442).

    Two matrix products and a softmax instead of `scaled_dot_product_attention`: at sequences this short that trains
    three times as fast on a CPU, where the fused kernel's backward takes half of the step. A softmax over 15 keys takes
    ten times what one over 16 does there, so whoever calls gives a multiple of `WHOLE` keys, some hidden by the bias.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.to_q = nn.Linear(width, width, bias=False)
        self.to_k = nn.Linear(width, width, bias=False)
        self.to_v = nn.Linear(width, width, bias=False)
        self.to_out = nn.Linear(width, width, bias=False)
        self.norm_q = nn.RMSNorm(width // heads, eps=1e-6)
        self.norm_k = nn.RMSNorm(width // heads, eps=1e-6)

    def forward(self, x: Tensor, context: Tensor, bias: Tensor) -> Tensor:
        """x (B, N, C) attends to context (B, M, C); bias (B * heads or 1, 1, M) is added to the logits."""
        return self.attend(x, *self.read(context), bias)

    def read(self, context: Tensor) -> tuple[Tensor, Tensor]:
        """Keys (B * heads, C / heads, M) and values (B * heads, M, C / heads) of a context (B, M, C)."""
        k = rms_normed(self._by_head(self.to_k(context)), self.norm_k)
        return k.transpose(1, 2), self._by_head(self.to_v(context))

    def attend(self, x: Tensor, k: Tensor, v: Tensor, bias: Tensor) -> Tensor:
        """x (B, N, C) attends to what `read` made of a context."""
        batch, length, width = x.shape
        q = rms_normed(self._by_head(self.to_q(x)), self.norm_q)
        logits = torch.baddbmm(bias, q, k, alpha=(width // self.heads) ** -0.5)
        out = torch.bmm(logits.softmax(dim=-1).to(v.dtype), v)
        out = out.view(batch, self.heads, length, -1).transpose(1, 2)
        return self.to_out(out.reshape(batch, length, width))  # type: ignore[no-any-return]

    def _by_head(self, x: Tensor) -> Tensor:
        """x (B, N, C) as (B * heads, N, C / heads)."""
        batch, length, _ = x.shape
        return x.view(batch, length, self.heads, -1).transpose(1, 2).reshape(batch * self.heads, length, -1)


class FeedForward(nn.Module):
    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.up = nn.Linear(width, hidden, bias=False)
        self.down = nn.Linear(hidden, width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.down(F.gelu(self.up(x), approximate="tanh"))  # type: ignore[no-any-return]


class TextBlock(nn.Module):
    """A plain pre-norm layer over the prompt's tokens: it binds numbers and colours to the things they belong to."""

    def __init__(self, width: int, heads: int, hidden: int) -> None:
        super().__init__()
        self.norm_attention = nn.RMSNorm(width, eps=1e-6)
        self.attention = Attention(width, heads)
        self.norm_feed_forward = nn.RMSNorm(width, eps=1e-6)
        self.feed_forward = FeedForward(width, hidden)

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:
        h = self.norm_attention(x)
        x = x + self.attention(h, h, bias)
        return x + self.feed_forward(self.norm_feed_forward(x))  # type: ignore[no-any-return]


class SlotBlock(nn.Module):
    """Slots look at each other, then at the prompt, then think; every branch is scaled, shifted and gated by time."""

    def __init__(self, width: int, heads: int, hidden: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width, elementwise_affine=False, eps=1e-6)
        self.norm_cross = nn.RMSNorm(width, eps=1e-6)
        self.self_attention = Attention(width, heads)
        self.cross_attention = Attention(width, heads)
        self.feed_forward = FeedForward(width, hidden)
        self.modulation = nn.Parameter(torch.zeros(6, width))

    def forward(
        self, x: Tensor, memory: tuple[Tensor, Tensor], hidden: Tensor, bias: Tensor, modulation: Sequence[Tensor]
    ) -> Tensor:
        """x (B, S, C). memory: what `cross_attention.read` made of the text, with its `bias`. hidden: the bias of the
        slots. modulation: scale, shift and gate of both branches, each (B, 1, C).
        """
        scale_1, shift_1, gate_1, scale_2, shift_2, gate_2 = modulation
        h = torch.addcmul(shift_1, self.norm(x), scale_1)
        x = torch.addcmul(x, gate_1, self.self_attention(h, h, hidden))
        x = x + self.cross_attention.attend(rms_normed(x, self.norm_cross), *memory, bias)
        h = torch.addcmul(shift_2, self.norm(x), scale_2)
        return torch.addcmul(x, gate_2, self.feed_forward(h))
