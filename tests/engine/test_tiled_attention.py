"""Attention in tiles is PyTorch's to the rounding of bfloat16, laid out as that is, and the same with any threads."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch.nn import functional

from safelight.engine.machine.device import cpu_bfloat16
from safelight.engine.tuning import attention
from safelight.engine.tuning.attention import attend_in_tiles, can_attend_in_tiles, scaled_dot_product_attention

plain = attention._plain


@pytest.fixture(autouse=True)
def without_gradients() -> Iterator[None]:
    with torch.no_grad():
        yield


def heads(batch: int, count: int, tokens: int, width: int, seed: int = 0) -> torch.Tensor:
    """As models have them: heads lie beside one another in each token."""
    made = torch.randn(batch, tokens, count * width, generator=torch.Generator().manual_seed(seed))
    return made.to(torch.bfloat16).view(batch, tokens, count, width).transpose(1, 2)


@pytest.mark.parametrize(
    ("batch", "count", "tokens", "others", "width"),
    [(2, 8, 64, 64, 40), (1, 3, 300, 77, 64), (2, 5, 257, 257, 16), (1, 1, 520, 4000, 512), (2, 2, 1024, 1024, 40)],
)
def test_it_gives_what_pytorch_gives(batch: int, count: int, tokens: int, others: int, width: int) -> None:
    query = 3 * heads(batch, count, tokens, width)
    key, value = heads(batch, count, others, width, 1), heads(batch, count, others, width, 2)
    for scale in (None, 0.3):
        found = scaled_dot_product_attention(query, key, value, scale=scale)
        by_pytorch = plain(query, key, value, scale=scale)
        assert (found.shape, found.dtype) == (by_pytorch.shape, by_pytorch.dtype)
        joined = found.transpose(1, 2).reshape(batch, tokens, -1)
        assert joined.data_ptr() == found.data_ptr()  # nothing is copied on the way to the next layer
        truth = plain(query.double(), key.double(), value.double(), scale=scale)
        away = [float((each.double() - truth).norm() / truth.norm()) for each in (found, by_pytorch)]
        # Scores that were rounded to bfloat16 would be five times as far away.
        assert away[0] < 1.5 * away[1] < 0.006


def test_an_item_of_a_batch_has_the_bytes_that_it_has_alone_and_with_any_threads() -> None:
    query, key, value = (heads(3, 4, 300, 40, seed) for seed in range(3))
    together = scaled_dot_product_attention(query, key, value)
    threads = torch.get_num_threads()
    try:
        for count in (1, 2, 3):
            torch.set_num_threads(count)
            assert torch.equal(scaled_dot_product_attention(query, key, value), together)
    finally:
        torch.set_num_threads(threads)
    assert torch.equal(scaled_dot_product_attention(query[1:2], key[1:2], value[1:2]), together[1:2])


def test_what_is_something_else_is_pytorchs_own() -> None:
    query, key, value = (heads(1, 2, 128, 32, seed) for seed in range(3))
    mask = torch.ones(128, 128, dtype=torch.bool).tril()
    masked = scaled_dot_product_attention(query, key, value, attn_mask=mask)
    assert torch.equal(masked, plain(query, key, value, attn_mask=mask))
    causal = scaled_dot_product_attention(query, key, value, is_causal=True)
    assert torch.equal(causal, plain(query, key, value, is_causal=True))
    few = (query[:, :, :16], key[:, :, :16], value[:, :, :16])
    single = (query.float(), key.float(), value.float())
    for q, k, v in (few, single):
        assert torch.equal(scaled_dot_product_attention(q, k, v), plain(q, k, v))
    # A factor in float32 is read as bfloat16 within the tiles alone.
    a, b = torch.rand(64, 64, 64), torch.rand(64, 64, 64)
    before = torch.bmm(a, b)
    scaled_dot_product_attention(query, key, value)
    assert torch.equal(torch.bmm(a, b), before)


@pytest.mark.filterwarnings("ignore:.*torch.jit.trace.* is deprecated:DeprecationWarning")
def test_who_writes_operations_down_sees_one() -> None:
    query, key, value = (heads(1, 2, 128, 32, seed) for seed in range(3))
    trace: Any = torch.jit.trace
    graph = trace(scaled_dot_product_attention, (query, key, value), check_trace=False).graph
    assert "scaled_dot_product_attention" in str(graph)
    assert "bmm" not in str(graph)


def test_models_attend_so_where_the_processor_multiplies_bfloat16_but_has_no_matrix_units(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(functional, "scaled_dot_product_attention", plain)
    attend_in_tiles()
    expected = scaled_dot_product_attention if can_attend_in_tiles() else plain
    assert functional.scaled_dot_product_attention is expected
    assert can_attend_in_tiles() == (torch.ops.mkldnn._is_mkldnn_bf16_supported() and "amx_bf16" not in cpu_bfloat16())
