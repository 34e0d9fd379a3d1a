"""Modulation and rotary embedding in one pass over memory each, in Triton.

Products and sums are PyTorch's own, in float32, and are rounded to the tensors' number format wherever its chain of
operations writes a tensor. `enable_fp_fusion=False` keeps the compiler from making one rounding of a product and a sum.

Numbers in bfloat16 may come as their bits in integers (`by_integers`): they are then rounded by arithmetic of integers,
to nearest, ties to even (IEEE 754, 4.3.1), for devices whose own rounding is another one or that have none, as Triton's
interpreter, which cuts off. What of all this runs in the interpreter on a processor, tests hold to PyTorch's bytes.
"""

# Tested in tests/engine/test_kernels.py.

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
import triton
import triton.language as tl

_ROWS, _COLUMNS = 8, 512
_HEADS = 8


@triton.jit
def _wide(x):  # type: ignore[no-untyped-def]
    """In float32; integers are the bits of bfloat16."""
    if x.dtype == tl.int16:
        return (x.to(tl.int32) << 16).to(tl.float32, bitcast=True)
    else:  # noqa: RET505 - Triton compiles one of the two
        return x.to(tl.float32)


@triton.jit  # type: ignore[untyped-decorator]
def _narrow(x, stored: tl.constexpr):  # type: ignore[no-untyped-def]
    """As it is stored; the first number that is none stands for all of them."""
    if stored == tl.int16:
        bits = x.to(tl.int32, bitcast=True)
        rounded = bits + 0x7FFF + ((bits >> 16) & 1)
        return (tl.where(x == x, rounded, 0x7FC00000) >> 16).to(tl.int16)
    else:  # noqa: RET505
        return x.to(stored)


@triton.jit  # type: ignore[untyped-decorator]
def _modulate(  # type: ignore[no-untyped-def]
    out, normed, scale, shift, positions, width, scale_step, shift_step, ROWS: tl.constexpr, COLUMNS: tl.constexpr
):
    """A program has a block of columns of some positions of one picture."""
    batch = tl.program_id(2).to(tl.int64)
    column = tl.program_id(1) * COLUMNS + tl.arange(0, COLUMNS)
    stored: tl.constexpr = out.dtype.element_ty
    factor = _wide(tl.load(scale + batch * scale_step + column, mask=column < width))
    factor = _wide(_narrow(1.0 + factor, stored))
    added = _wide(tl.load(shift + batch * shift_step + column, mask=column < width))
    for row in tl.static_range(ROWS):
        position = tl.program_id(0) * ROWS + row
        inside = (column < width) & (position < positions)
        at = (batch * positions + position) * width + column
        product = _narrow(_wide(tl.load(normed + at, mask=inside)) * factor, stored)
        tl.store(out + at, _narrow(_wide(product) + added, stored), mask=inside)


@triton.jit  # type: ignore[untyped-decorator]
def _turn_interleaved(  # type: ignore[no-untyped-def]
    out, x, cos, sin, heads, width, out_batch, out_position, out_head, x_batch, x_position, x_head, cos_position,
    sin_position, HEADS: tl.constexpr, WIDTH: tl.constexpr
):  # fmt: skip
    """A program has some heads of one position; the two of a pair lie side by side.

    A difference rounds as the sum with what is negative does, which PyTorch's chain has (IEEE 754, 6.3, zeros too).
    """
    batch, position = tl.program_id(2).to(tl.int64), tl.program_id(0).to(tl.int64)
    head = tl.program_id(1) * HEADS + tl.arange(0, HEADS)[:, None]
    column = tl.arange(0, WIDTH)
    inside = (head < heads) & (column < width)[None, :]
    at = x + batch * x_batch + position * x_position + head * x_head + column[None, :]
    pairs = tl.reshape(tl.load(at, mask=inside), (HEADS, WIDTH // 2, 2))
    real, imaginary = tl.split(pairs)
    c = tl.load(cos + position * cos_position + column, mask=column < width)
    s = tl.load(sin + position * sin_position + column, mask=column < width)
    cos_real, cos_imaginary = tl.split(tl.reshape(c, (WIDTH // 2, 2)))
    sin_real, sin_imaginary = tl.split(tl.reshape(s, (WIDTH // 2, 2)))
    real, imaginary = _wide(real), _wide(imaginary)
    stored: tl.constexpr = out.dtype.element_ty
    to_real = _narrow(real * cos_real[None, :] - imaginary * sin_real[None, :], stored)
    to_imaginary = _narrow(imaginary * cos_imaginary[None, :] + real * sin_imaginary[None, :], stored)
    at = out + batch * out_batch + position * out_position + head * out_head + column[None, :]
    tl.store(at, tl.reshape(tl.join(to_real, to_imaginary), (HEADS, WIDTH)), mask=inside)


@triton.jit  # type: ignore[untyped-decorator]
def _turn_halves(  # type: ignore[no-untyped-def]
    out, x, cos, sin, heads, width, out_batch, out_position, out_head, x_batch, x_position, x_head, cos_position,
    sin_position, HEADS: tl.constexpr, WIDTH: tl.constexpr
):  # fmt: skip
    """The same where the two of a pair lie half a head apart."""
    batch, position = tl.program_id(2).to(tl.int64), tl.program_id(0).to(tl.int64)
    head = tl.program_id(1) * HEADS + tl.arange(0, HEADS)[:, None]
    pair, half = tl.arange(0, WIDTH // 2)[None, :], width // 2
    inside = (head < heads) & (pair < half)
    at = x + batch * x_batch + position * x_position + head * x_head + pair
    real, imaginary = _wide(tl.load(at, mask=inside)), _wide(tl.load(at + half, mask=inside))
    c, s = cos + position * cos_position + pair, sin + position * sin_position + pair
    known = pair < half
    stored: tl.constexpr = out.dtype.element_ty
    to_real = real * tl.load(c, mask=known) - imaginary * tl.load(s, mask=known)
    to_imaginary = imaginary * tl.load(c + half, mask=known) + real * tl.load(s + half, mask=known)
    at = out + batch * out_batch + position * out_position + head * out_head + pair
    tl.store(at, _narrow(to_real, stored), mask=inside)
    tl.store(at + half, _narrow(to_imaginary, stored), mask=inside)


def modulated(
    normed: torch.Tensor, scale: torch.Tensor, shift: torch.Tensor, *, by_integers: bool = False
) -> torch.Tensor:
    """``normed * (1 + scale) + shift`` of [batch, positions, width] and twice [batch, width], all of one number format.

    Raises:
        NotImplementedError: a layout that the kernel does not know.
    """
    check_modulation(normed, scale, shift)
    batch, positions, width = normed.shape
    out = torch.empty_like(normed)
    grid = (triton.cdiv(positions, _ROWS), triton.cdiv(width, _COLUMNS), batch)
    steps = (scale.stride(0), shift.stride(0))
    constants = {"ROWS": _ROWS, "COLUMNS": _COLUMNS, "num_warps": 2, "enable_fp_fusion": False}
    with _on(normed):
        _modulate[grid](*_stored((out, normed, scale, shift), by_integers), positions, width, *steps, **constants)
    return out


def check_modulation(x: torch.Tensor, scale: torch.Tensor, shift: torch.Tensor) -> None:
    """Of the layouts that kernels know.

    Raises:
        NotImplementedError: it is another.
    """
    if not x.is_contiguous() or scale.stride(-1) != 1 or shift.stride(-1) != 1:
        raise NotImplementedError("a layout with gaps")
    if any(each.shape != (x.shape[0], x.shape[2]) for each in (scale, shift)):
        raise NotImplementedError("a scale that is not of one batch and width")


def turned(
    x: torch.Tensor,
    tables: tuple[torch.Tensor, torch.Tensor],
    *,
    interleaved: bool,
    sequence_dim: int,
    by_integers: bool = False,
) -> torch.Tensor:
    """Queries or keys, [batch, heads, positions, width] or positions before heads (`sequence_dim` 1), turned by
    cosines and sines, [positions, width] in float32. Pairs lie side by side (`interleaved`), or half a head apart.

    Raises:
        NotImplementedError: a layout or tables that the kernels do not know.
    """
    out = torch.empty_like(x)
    ours, theirs = (each if sequence_dim == 1 else each.transpose(1, 2) for each in (out, x))
    _check_tables(theirs, tables)
    batch, positions, heads, width = theirs.shape
    block = min(_HEADS, triton.next_power_of_2(heads))
    grid = (positions, triton.cdiv(heads, block), batch)
    steps = (*ours.stride()[:3], *theirs.stride()[:3], *(table.stride(0) for table in tables))
    # Of a head of 128 in bfloat16 each thread loads 16 bytes.
    constants = {"HEADS": block, "WIDTH": triton.next_power_of_2(width), "num_warps": 4 if interleaved else 2}
    kernel = _turn_interleaved if interleaved else _turn_halves
    with _on(x):
        stored = _stored((ours, theirs), by_integers)
        kernel[grid](*stored, *tables, heads, width, *steps, **constants, enable_fp_fusion=False)
    return out


def _check_tables(x: torch.Tensor, tables: tuple[torch.Tensor, torch.Tensor]) -> None:
    if x.stride(-1) != 1 or any(table.ndim != 2 or table.stride(-1) != 1 for table in tables):
        raise NotImplementedError("a layout with gaps")
    if any(table.dtype is not torch.float32 or table.device != x.device for table in tables):
        raise NotImplementedError("tables that are not in float32 beside what they turn")
    if any(table.shape != (x.shape[1], x.shape[3]) for table in tables):
        raise NotImplementedError("tables of other sizes")


def _stored(tensors: tuple[torch.Tensor, ...], by_integers: bool) -> tuple[torch.Tensor, ...]:
    if not by_integers:
        return tensors
    if any(each.dtype is not torch.bfloat16 for each in tensors):
        raise NotImplementedError("rounded by integers: bfloat16 alone")
    return tuple(each.view(torch.int16) for each in tensors)


def _on(tensor: torch.Tensor) -> AbstractContextManager[Any]:
    """Triton launches on the thread's current device, wherever tensors lie."""
    return torch.cuda.device(tensor.device) if tensor.is_cuda else nullcontext()
