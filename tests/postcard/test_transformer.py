"""The denoiser's short ways are those of the formulas, and it is asked for no more than it must be."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from safelight.postcard.blocks import HIDDEN, WHOLE, Attention, rms_normed
from safelight.postcard.pipeline import PostcardPipeline
from safelight.postcard.transformer import PostcardTransformer

HEADS = 4


def by_the_formula(attention: Attention, x: Tensor, context: Tensor) -> Tensor:
    """Attention as the papers have it, without a bias."""
    q, k, v = (
        layer(of).unflatten(-1, (HEADS, -1)).transpose(1, 2)
        for layer, of in ((attention.to_q, x), (attention.to_k, context), (attention.to_v, context))
    )
    found = F.scaled_dot_product_attention(attention.norm_q(q), attention.norm_k(k), v)
    return attention.to_out(found.transpose(1, 2).flatten(2))  # type: ignore[no-any-return]


@pytest.mark.parametrize("shape", [(7, 32), (2, 5, 24)])
def test_a_norm_is_that_of_pytorch(shape: tuple[int, ...]) -> None:
    norm = nn.RMSNorm(shape[-1], eps=1e-6)
    nn.init.uniform_(norm.weight, 0.5, 2.0)
    x = torch.randn(shape) * 3
    x[0] = 0.0
    assert torch.allclose(rms_normed(x, norm), norm(x), atol=1e-6)


@pytest.mark.parametrize("batch", [1, 3])
def test_hidden_keys_change_nothing(batch: int) -> None:
    torch.manual_seed(3)
    attention = Attention(32, HEADS)
    for norm in (attention.norm_q, attention.norm_k):
        nn.init.uniform_(norm.weight, 0.5, 2.0)
    x, context = torch.randn(batch, 15, 32), torch.randn(batch, 11, 32)
    padded = torch.cat((context, torch.randn(batch, WHOLE - 11, 32) * 9), dim=1)
    bias = torch.zeros(1, 1, WHOLE)
    bias[..., 11:] = HIDDEN
    with torch.no_grad():
        assert torch.allclose(attention(x, padded, bias), by_the_formula(attention, x, context), atol=1e-5)


@pytest.mark.parametrize("tokens", [1, WHOLE, WHOLE + 1])
def test_a_prompt_of_any_length_is_read_as_far_as_its_mask_goes(postcard: PostcardPipeline, tokens: int) -> None:
    """What stands behind the mask changes nothing, and a prompt without a mask is read to its end."""
    net: PostcardTransformer = postcard.transformer
    torch.manual_seed(4)
    noisy, time, aspect = torch.randn(2, net.layout.slots, net.layout.width), torch.tensor([0.7, 0.2]), torch.ones(2)
    states = torch.randn(2, tokens, 384) * 0.1
    longer = F.pad(states, (0, 0, 0, 3), value=5.0)
    mask = F.pad(torch.ones(2, tokens, dtype=torch.long), (0, 3))
    with torch.no_grad():
        plain, masked = (
            net(noisy, time, *prompt, aspect_ratio=aspect, return_dict=False)[0]
            for prompt in ((states, None), (longer, mask))
        )
        alone = net(noisy[1:], time[1:], states[1:], None, aspect[1:], return_dict=False)[0]
    assert torch.allclose(plain, masked, atol=1e-4)
    assert torch.allclose(plain[1:], alone, atol=1e-4)
    assert not torch.allclose(plain[:1], plain[1:], atol=1e-2)


def test_gradients_are_found_through_all_of_it(postcard: PostcardPipeline) -> None:
    net = PostcardTransformer.from_config(postcard.transformer.config)
    with torch.enable_grad():
        states = torch.randn(2, 9, 384)
        noisy = torch.randn(2, net.layout.slots, net.layout.width)
        found = net(noisy, torch.tensor([0.4, 0.9]), states, guidance=torch.ones(2), return_dict=False)[0]
        found.square().mean().backward()
    assert all(math.isfinite(float(p.grad.abs().sum())) for p in net.parameters() if p.grad is not None)
    assert all(p.grad is not None for p in net.parameters())


def test_how_large_its_numbers_are_is_asked_once_a_picture(
    postcard: PostcardPipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    """diffusers walks through all modules to answer."""

    def asked(steps: int) -> int:
        times, dtype = list[int](), PostcardTransformer.dtype

        def counted(self: PostcardTransformer) -> torch.dtype:
            times.append(1)
            found: torch.dtype = dtype.fget(self)
            return found

        with monkeypatch.context() as patched:
            patched.setattr(PostcardTransformer, "dtype", property(counted))
            postcard("a fox", num_inference_steps=steps, output_type="latent")
        return len(times)

    assert asked(1) == asked(6)
