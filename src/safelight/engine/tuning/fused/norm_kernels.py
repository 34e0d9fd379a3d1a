"""A layer norm and the modulation after it in one kernel, its sums in the order of PyTorch's own (Triton).

PyTorch normalises a row by 128 threads (aten/src/ATen/native/cuda/layer_norm_kernel.cu). Each takes four numbers that
lie together, then four that lie 512 further on, by Welford's rule, one after the other; then states of two threads are
put together, half a warp apart, a quarter, and so on, and those of the four warps in the same way. Triton reduces in
that order too. Which products and sums PyTorch's compiler makes one rounding of is not written anywhere: of a sum of
two products it is the `left` one or the other, and both are tried. Where neither is right, the kernel is refused.
"""

# Tested in tests/engine/test_kernels.py.

from __future__ import annotations

import torch
import triton
import triton.language as tl

from safelight.engine.tuning.fused.kernels import _narrow, _on, _stored, _wide, check_modulation

_THREADS, _TOGETHER, _COLUMNS = 128, 4, 512


@triton.jit
def _met(x, mean, squares, count):  # type: ignore[no-untyped-def]
    """One more number for each thread."""
    off, more = x - mean, count + 1.0
    after = tl.fma(off, tl.div_rn(1.0, more), mean)
    return after, tl.fma(off, x - after, squares), more


@triton.jit
def _put_together(mean, squares, count, mean_2, squares_2, count_2):  # type: ignore[no-untyped-def]
    """States of two threads, the first one's own."""
    off, total = mean - mean_2, count + count_2
    share = tl.div_rn(1.0, tl.where(total > 0, total, 1.0))
    own, other = count * share, count_2 * share
    both = tl.fma(other, mean_2, own * mean)
    return both, tl.fma(off * off * count_2, own, squares_2 + squares), total


@triton.jit
def _put_together_right(mean, squares, count, mean_2, squares_2, count_2):  # type: ignore[no-untyped-def]
    """The same, the other of two products rounded before they are added."""
    off, total = mean - mean_2, count + count_2
    share = tl.div_rn(1.0, tl.where(total > 0, total, 1.0))
    own, other = count * share, count_2 * share
    both = tl.fma(own, mean, other * mean_2)
    return both, tl.fma(off * off * count_2, own, squares_2 + squares), total


@triton.jit
def _met_four(four, mean, squares, count):  # type: ignore[no-untyped-def]
    """Four more for each thread, [threads, 4], in their order."""
    even, odd = tl.split(tl.reshape(four, (four.shape[0], 2, 2)))
    first, third = tl.split(even)
    second, fourth = tl.split(odd)
    mean, squares, count = _met(first, mean, squares, count)
    mean, squares, count = _met(second, mean, squares, count)
    mean, squares, count = _met(third, mean, squares, count)
    return _met(fourth, mean, squares, count)


@triton.jit  # type: ignore[untyped-decorator]
def _moments(row, width, THREADS: tl.constexpr, LEFT: tl.constexpr):  # type: ignore[no-untyped-def]
    """The mean of a row, and the sum of squares of what is off it."""
    lane = tl.arange(0, THREADS)
    mean, squares = tl.zeros((THREADS,), tl.float32), tl.zeros((THREADS,), tl.float32)
    count = tl.zeros((THREADS,), tl.float32)
    for start in range(0, width, THREADS * 4):
        at = start + lane[:, None] * 4 + tl.arange(0, 4)[None, :]
        four = _wide(tl.load(row + at, mask=at < width))
        mean_4, squares_4, count_4 = _met_four(four, mean, squares, count)
        here = start + lane * 4 < width
        mean, squares = tl.where(here, mean_4, mean), tl.where(here, squares_4, squares)
        count = tl.where(here, count_4, count)
    # Triton puts a warp's threads together half of it apart, then a quarter, and the warps in the same way.
    if LEFT:
        mean_all, squares_all, _ = tl.reduce((mean, squares, count), 0, _put_together)
    else:
        mean_all, squares_all, _ = tl.reduce((mean, squares, count), 0, _put_together_right)
    return mean_all, squares_all


@triton.jit  # type: ignore[untyped-decorator]
def _norm_and_modulate(  # type: ignore[no-untyped-def]
    out, x, scale, shift, positions, width, scale_step, shift_step, eps, THREADS: tl.constexpr, COLUMNS: tl.constexpr,
    LEFT: tl.constexpr
):  # fmt: skip
    """A program has a row: one position of one picture."""
    batch = tl.program_id(1).to(tl.int64)
    row = (batch * positions + tl.program_id(0)) * width
    middle, squares = _moments(x + row, width, THREADS, LEFT)
    spread = tl.rsqrt(tl.div_rn(squares, width.to(tl.float32)) + eps)
    stored: tl.constexpr = out.dtype.element_ty
    for start in range(0, width, COLUMNS):
        column = start + tl.arange(0, COLUMNS)
        inside = column < width
        normed = _wide(_narrow(spread * (_wide(tl.load(x + row + column, mask=inside)) - middle), stored))
        factor = _wide(tl.load(scale + batch * scale_step + column, mask=inside))
        product = _narrow(normed * _wide(_narrow(1.0 + factor, stored)), stored)
        added = _wide(tl.load(shift + batch * shift_step + column, mask=inside))
        tl.store(out + row + column, _narrow(_wide(product) + added, stored), mask=inside)


def normed_and_modulated(
    x: torch.Tensor,
    scale: torch.Tensor,
    shift: torch.Tensor,
    eps: float,
    *,
    left: bool = True,
    by_integers: bool = False,
) -> torch.Tensor:
    """``layer_norm(x) * (1 + scale) + shift`` of [batch, positions, width] and twice [batch, width], all of one number
    format; the norm has no weights. `left`: which of two products is not rounded before it is added.

    Raises:
        NotImplementedError: a layout that the kernel does not know, or a width that PyTorch sums in another order.
    """
    check_modulation(x, scale, shift)
    batch, positions, width = x.shape
    if width % _TOGETHER or width >= 2**24 or x.data_ptr() % (_TOGETHER * x.element_size()):
        raise NotImplementedError("a width or a place that PyTorch takes one number at a time of")
    out = torch.empty_like(x)
    sizes = (positions, width, scale.stride(0), shift.stride(0), eps)
    constants = {"THREADS": _THREADS, "COLUMNS": _COLUMNS, "LEFT": left, "num_warps": 4, "enable_fp_fusion": False}
    with _on(x):
        _norm_and_modulate[positions, batch](*_stored((out, x, scale, shift), by_integers), *sizes, **constants)
    return out
