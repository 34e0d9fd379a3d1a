from __future__ import annotations

from typing import Any

import numpy as np
import torch
from transformers.modeling_outputs import BaseModelOutputWithPooling

from safelight.engine.pipeline.model import LoadedModel
from safelight.engine.pipeline.stand_ins.calls import Call
from safelight.engine.runs.embeddings import EmbeddingCache
from tests.engine.drawing import Drawing, alone, job, pixels


def call(ids: torch.Tensor, name: str = "text_encoder", **kwargs: Any) -> Call:
    return Call(name, torch.nn.Identity().eval(), "__call__", "encode_prompt", (ids,), kwargs)


def test_a_prompt_that_was_encoded_is_not_encoded_again_and_gives_the_same_picture(flux: LoadedModel) -> None:
    encoded = 0

    def count(module: torch.nn.Module, inputs: Any) -> None:
        nonlocal encoded
        encoded += 1

    one, two = flux.pipeline.text_encoder, flux.pipeline.text_encoder_2
    cache = EmbeddingCache()
    with (
        one.register_forward_pre_hook(count),
        two.register_forward_pre_hook(count),
        Drawing(flux, embeddings=cache) as drawing,
    ):
        first, again, other = drawing.draw(job(flux, "a"), job(flux, "b", seed=8), job(flux, "c", prompt="a dog"))
    assert encoded == 4  # two encoders, two prompts
    assert cache.hits == 2
    assert np.array_equal(pixels(first), alone(flux, job(flux)))
    assert np.array_equal(pixels(again), alone(flux, job(flux, seed=8)))
    assert np.array_equal(pixels(other), alone(flux, job(flux, prompt="a dog")))


def test_whoever_writes_to_a_result_writes_to_a_copy() -> None:
    cache = EmbeddingCache()
    key = cache.key("model", call(torch.tensor([1, 2])))
    assert key is not None
    result = BaseModelOutputWithPooling(
        last_hidden_state=torch.ones(1, 2, 3),
        pooler_output=torch.ones(1, 3),
        hidden_states=(torch.ones(1, 2, 3), torch.ones(1, 2, 3)),
    )
    cache.put(key, result)
    result.last_hidden_state.mul_(0)
    first = cache.get(key)
    first.hidden_states[1].mul_(0)
    second = cache.get(key)
    assert isinstance(second, BaseModelOutputWithPooling)
    assert torch.equal(second[0], torch.ones(1, 2, 3))
    assert torch.equal(second.hidden_states[1], torch.ones(1, 2, 3))
    assert second.attentions is None


def test_the_key_tells_apart_all_that_a_result_depends_on() -> None:
    cache = EmbeddingCache()
    ids = torch.tensor([[1, 2, 3, 4]])
    keys = [
        cache.key("model", call(ids)),
        cache.key("other model", call(ids)),
        cache.key("model", call(ids, name="text_encoder_2")),
        cache.key("model", call(torch.tensor([[1, 2, 3, 5]]))),
        cache.key("model", call(ids.reshape(2, 2))),
        cache.key("model", call(ids.to(torch.int32))),
        cache.key("model", call(ids, output_hidden_states=True)),
        cache.key("model", call(ids, output_hidden_states=1)),
        cache.key("model", call(ids, attention_mask=torch.ones(1, 4))),
        cache.key("model", call(ids, scale=torch.tensor(1.0))),
        cache.key("model", call(ids, scale=torch.tensor(2.0))),
    ]
    assert None not in keys
    assert len(set(keys)) == len(keys)
    assert cache.key("model", call(ids.clone())) == keys[0]


def test_only_plain_calls_of_text_encoders_in_evaluation_are_kept() -> None:
    cache, ids = EmbeddingCache(), torch.tensor([1])
    training = Call("text_encoder", torch.nn.Identity().train(), "__call__", "encode_prompt", (ids,), {})
    sampling = Call("text_encoder", torch.nn.Identity().eval(), "generate", "encode_prompt", (ids,), {})
    unknown = call(ids, past=object())
    assert [cache.key("model", each) for each in (training, sampling, unknown)] == [None] * 3
    assert cache.key("model", call(ids, name="transformer")) is None


def test_what_cannot_be_copied_exactly_is_not_kept() -> None:
    cache = EmbeddingCache()
    for number, result in enumerate([torch.ones(4, 4).T[:2], {"cache": object()}, (torch.ones(2), object())]):
        cache.put(bytes([number]), result)
    assert len(cache) == 0
    assert cache.size == 0


def test_the_least_recently_used_makes_room() -> None:
    cache = EmbeddingCache(capacity=3 * 400)
    for name in (b"a", b"b", b"c"):
        cache.put(name, torch.zeros(100))
    assert cache.get(b"a") is not None
    cache.put(b"d", torch.zeros(100))
    assert cache.get(b"b") is None
    assert [cache.get(name) is not None for name in (b"a", b"c", b"d")] == [True] * 3
    assert cache.size == 3 * 400
    cache.put(b"too large", torch.zeros(301))
    assert len(cache) == 3
