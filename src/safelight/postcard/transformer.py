"""The denoiser: a transformer over the slots of a scene that reads the prompt by cross-attention.

It predicts the clean scene (x-prediction) from a noisy one. For a number that is the number itself; for a category it
is the expectation over its code vectors under a softmax, trained by cross-entropy: the score interpolation of
Dieleman et al., "Continuous diffusion for categorical data" (arXiv 2211.15089). Conditioning on time, aspect ratio
and guidance is by one shared adaptive layer norm with a table of offsets for each layer (adaLN-single, PixArt-alpha,
arXiv 2310.00426); guidance as an input follows Meng et al., "On distillation of guided diffusion models" (arXiv
2210.03142).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from diffusers.utils import BaseOutput
from torch import Tensor, nn
from torch.nn import functional as F

from safelight.postcard.blocks import HIDDEN, WHOLE, SlotBlock, TextBlock, sinusoid
from safelight.postcard.layout import PRESENCE, PRESENT, Layout, table_name
from safelight.postcard.reading import Memory, Readings


@dataclass
class PostcardTransformerOutput(BaseOutput):  # type: ignore[misc]
    """`sample`: the predicted clean latents, (batch, slots, width)."""

    sample: Tensor


class PostcardTransformer(ModelMixin, ConfigMixin):  # type: ignore[misc]
    """Noisy slots, time, prompt and aspect ratio in; clean slots out.

    `layout` is `Layout.to_config()`. The code vectors of every category are buffers, so they are saved with the
    weights.
    """

    @register_to_config  # type: ignore[untyped-decorator]
    def __init__(
        self,
        layout: list[dict[str, Any]],
        width: int = 256,
        num_layers: int = 8,
        num_text_layers: int = 2,
        num_attention_heads: int = 8,
        feed_forward_width: int = 1024,
        text_width: int = 384,
        guidance_embeds: bool = False,
    ) -> None:
        super().__init__()
        self.layout = Layout.from_config(layout)
        self._readings = Readings()
        heads, hidden = num_attention_heads, feed_forward_width
        self.text_in = nn.Linear(text_width, width)
        self.text_blocks = nn.ModuleList(TextBlock(width, heads, hidden) for _ in range(num_text_layers))
        self.text_norm = nn.RMSNorm(width, eps=1e-6)
        self.slots_in = nn.ModuleDict({kind.name: nn.Linear(kind.width, width) for kind in self.layout.kinds})
        self.position = nn.Parameter(torch.randn(self.layout.slots, width) * 0.3)
        self.time_in = nn.Linear(128, width)
        self.aspect_in = nn.Linear(32, width)
        self.guidance_in = nn.Linear(64, width) if guidance_embeds else None
        self.conditioning = nn.Linear(width, 6 * width)
        self.blocks = nn.ModuleList(SlotBlock(width, heads, hidden) for _ in range(num_layers))
        self.norm_out = nn.LayerNorm(width, eps=1e-6)
        self.slots_out = nn.ModuleDict({kind.name: nn.Linear(width, kind.outputs) for kind in self.layout.kinds})
        for kind in self.layout.kinds:
            for f in kind.fields:
                if f.is_category:
                    self.register_buffer(table_name(kind, f), torch.zeros(len(f.names), f.width))
        self._initialise()

    def _initialise(self) -> None:
        """Residual branches start at a tenth, so that eight layers begin close to the identity."""
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.trunc_normal_(module.weight, std=module.in_features**-0.5)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
            elif isinstance(module, SlotBlock):
                module.modulation.data[2::3] = 0.1
        for name, p in self.named_parameters():
            if name.endswith("cross_attention.to_out.weight") or name in ("conditioning.weight", "guidance_in.weight"):
                nn.init.zeros_(p)
            elif name.startswith("slots_out.") and name.endswith("weight"):
                nn.init.normal_(p, std=0.02)

    def load_codes(self, tables: dict[str, Tensor]) -> None:
        """Take over the code vectors (names x width each) of a codec."""
        for name, table in tables.items():
            self.get_buffer(name).copy_(table)

    def heads(
        self,
        hidden_states: Tensor,
        timestep: Tensor,
        encoder_hidden_states: Tensor,
        encoder_attention_mask: Tensor | None,
        aspect_ratio: Tensor,
        guidance: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """What each kind of slot is predicted to be, before the softmax: kind -> (batch, count, outputs)."""
        bias, memory = self._read(encoder_hidden_states, encoder_attention_mask)
        conditioning = self._condition(timestep, aspect_ratio, guidance, memory[0][1].dtype)
        x = torch.cat(
            [
                self.slots_in[kind.name](hidden_states[:, kind.first : kind.first + kind.count, : kind.width])
                for kind in self.layout.kinds
            ],
            dim=1,
        )
        x = F.pad(x + self.position, (0, 0, 0, -self.layout.slots % WHOLE))
        hidden = x.new_zeros(1, 1, x.shape[1])
        hidden[..., self.layout.slots :] = HIDDEN
        for block, seen, modulation in zip(self.blocks, memory, self._modulations(conditioning, x.dtype), strict=True):
            x = block(x, seen, hidden, bias, modulation)
        x = self.norm_out(x)
        return {
            kind.name: self.slots_out[kind.name](x[:, kind.first : kind.first + kind.count]).float()
            for kind in self.layout.kinds
        }

    def _read(self, states: Tensor, mask: Tensor | None) -> tuple[Tensor, Memory]:
        """What all layers are to look at: the bias of their logits, keys and values; from the step before, if kept."""
        keeps, weight = self._readings.may_keep(states), self.text_in.weight
        if keeps and (found := self._readings.find(states, mask, weight)) is not None:
            return found
        missing, heads = -states.shape[1] % WHOLE, int(self.config.num_attention_heads)
        seen = states.new_ones(states.shape[:2]) if mask is None else mask.to(states.dtype)
        text = self.text_in(F.pad(states, (0, 0, 0, missing)))
        bias = ((1.0 - F.pad(seen, (0, missing))) * HIDDEN).repeat_interleave(heads, 0)[:, None].to(text.dtype)
        for block in self.text_blocks:
            text = block(text, bias)
        text = self.text_norm(text)
        memory = [cast(SlotBlock, block).cross_attention.read(text) for block in self.blocks]
        if keeps:
            self._readings.keep(states, mask, weight, bias, memory)
        return bias, memory

    def _modulations(self, conditioning: Tensor, dtype: torch.dtype) -> list[tuple[Tensor, ...]]:
        """Of each layer, from a conditioning (B, 6, C): scale (with the one that it adds to), shift and gate, twice."""
        own = torch.stack([cast(SlotBlock, block).modulation for block in self.blocks])
        every = conditioning[:, None] + own
        every[:, :, 0::3] += 1
        return [of_layer.unbind(1) for of_layer in every[:, :, :, None].to(dtype).unbind(1)]

    def _condition(self, timestep: Tensor, aspect_ratio: Tensor, guidance: Tensor | None, dtype: torch.dtype) -> Tensor:
        c = self.time_in(sinusoid(timestep, 128).to(dtype))
        c = c + self.aspect_in(sinusoid(aspect_ratio.float().log(), 32).to(dtype))
        if guidance is not None and self.guidance_in is not None:
            c = c + self.guidance_in(sinusoid(guidance.float() / 10.0, 64).to(dtype))
        return self.conditioning(F.silu(c)).unflatten(-1, (6, -1))  # type: ignore[no-any-return]

    def expectation(self, heads: dict[str, Tensor]) -> Tensor:
        """Clean latents (batch, slots, width) from the outputs of `heads`.

        The fields of a slot that may be absent are predicted as if it were there and then weighted by the chance that
        it is, because an absent slot is zero in all of them.
        """
        rows = []
        for kind in self.layout.kinds:
            parts = []
            present: Tensor | float = 1.0
            each = torch.split(heads[kind.name], [f.outputs for f in kind.fields], dim=-1)
            for f, part in zip(kind.fields, each, strict=True):
                if f.is_category:
                    chances = part.softmax(dim=-1)
                    part = chances @ self._buffers[table_name(kind, f)].float()
                    if f.name == PRESENCE:
                        parts.append(part)
                        present = chances[..., PRESENT : PRESENT + 1]
                        continue
                parts.append(part * present)
            rows.append(F.pad(torch.cat(parts, dim=-1), (0, self.layout.width - kind.width)))
        return torch.cat(rows, dim=1)

    def forward(
        self,
        hidden_states: Tensor,
        timestep: Tensor,
        encoder_hidden_states: Tensor,
        encoder_attention_mask: Tensor | None = None,
        aspect_ratio: Tensor | None = None,
        guidance: Tensor | None = None,
        return_dict: bool = True,
    ) -> PostcardTransformerOutput | tuple[Tensor]:
        """Predict the clean latents.

        hidden_states: (batch, slots, width), noisy. timestep: (batch,), 1 for pure noise to 0 for a clean scene.
        encoder_hidden_states: (batch, tokens, text_width). encoder_attention_mask: (batch, tokens), 1 for text.
        aspect_ratio: (batch,), width over height; square if absent. guidance: (batch,), the scale to imitate.
        """
        if aspect_ratio is None:
            aspect_ratio = torch.ones_like(timestep)
        heads = self.heads(
            hidden_states, timestep, encoder_hidden_states, encoder_attention_mask, aspect_ratio, guidance
        )
        sample = self.expectation(heads).to(hidden_states.dtype)
        return PostcardTransformerOutput(sample=sample) if return_dict else (sample,)
