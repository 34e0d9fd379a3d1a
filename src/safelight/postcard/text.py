"""Prompts of any length as token states.

The text encoder was trained on short texts, so a long prompt is read through windows of 128 word pieces, one after the
other, and the denoiser attends to all their tokens together. Four windows count (504 word pieces, about 380 English
words); what stands behind them is not read.
"""

# Tested in tests/postcard/test_pipeline.py.

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from safelight.postcard.blocks import WHOLE

WINDOW = 128
"""Word pieces in a window, its opening [CLS] and closing [SEP] included."""
MAX_WINDOWS = 4
_CHARACTERS = 8192
"""More characters than four windows can hold in any plain text; cut before tokenising, so that time stays bounded."""


def windows(tokenizer: Any, prompt: str) -> list[list[int]]:
    """Token ids of each window of a prompt, at least one."""
    size = WINDOW - 2
    # The bound is said to the tokenizer, and not kept by slicing: who listens to it is told that the prompt was cut.
    bound: dict[str, Any] = {"truncation": True, "max_length": size * MAX_WINDOWS}
    ids = tokenizer(prompt[:_CHARACTERS], add_special_tokens=False, verbose=False, **bound)["input_ids"]
    pieces = [ids[i : i + size] for i in range(0, len(ids), size)] or [[]]
    return [[tokenizer.cls_token_id, *piece, tokenizer.sep_token_id] for piece in pieces]


def padded(rows: Sequence[Sequence[int]], pad: int) -> tuple[Tensor, Tensor]:
    """Token ids and mask (rows, longest), 1 where there is a token."""
    longest = max(len(row) for row in rows)
    ids = torch.full((len(rows), longest), pad, dtype=torch.long)
    mask = torch.zeros((len(rows), longest), dtype=torch.long)
    for i, row in enumerate(rows):
        ids[i, : len(row)] = torch.tensor(row, dtype=torch.long)
        mask[i, : len(row)] = 1
    return ids, mask


def encode(tokenizer: Any, text_encoder: Any, prompt: str, device: torch.device | str) -> tuple[Tensor, Tensor]:
    """Token states (1, tokens, width) and mask (1, tokens) of one prompt."""
    ids, mask = padded(windows(tokenizer, prompt), tokenizer.pad_token_id)
    states = text_encoder(input_ids=ids.to(device), attention_mask=mask.to(device))[0]
    return states.flatten(0, 1)[None], mask.flatten()[None].to(device)


def stack(items: Sequence[tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
    """States (batch, longest, width) and mask (batch, longest) of several prompts' states and masks."""
    longest = max(states.shape[1] for states, _ in items)
    states = [torch.nn.functional.pad(s, (0, 0, 0, longest - s.shape[1])) for s, _ in items]
    masks = [torch.nn.functional.pad(m, (0, longest - m.shape[1])) for _, m in items]
    return torch.cat(states), torch.cat(masks)


def whole(states: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """The same with nothing behind it, hidden by the mask, up to the next multiple of `WHOLE` tokens."""
    missing = -states.shape[1] % WHOLE
    pad = torch.nn.functional.pad
    return (pad(states, (0, 0, 0, missing)), pad(mask, (0, missing))) if missing else (states, mask)
