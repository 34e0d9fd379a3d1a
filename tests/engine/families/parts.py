"""Tokenizers, text encoders and decoders of the real classes, tiny and random, made on the spot."""

from __future__ import annotations

from typing import Any

from diffusers import AutoencoderDC, AutoencoderKL, AutoencoderKLFlux2, AutoencoderKLQwenImage
from tokenizers import pre_tokenizers
from transformers import (
    BertConfig,
    BertModel,
    BertTokenizer,
    Gemma2Config,
    Gemma2Model,
    GemmaTokenizer,
    GlmConfig,
    GlmModel,
    LlamaConfig,
    LlamaForCausalLM,
    Mistral3Config,
    Mistral3ForConditionalGeneration,
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
    Qwen2Tokenizer,
    Qwen3Config,
    T5Config,
    T5EncoderModel,
    UMT5EncoderModel,
)

from tests.engine.tiny import LETTERS

WIDTH = 16
_CHAT = "{% for m in messages %}{{ m['role'] }}: {{ m['content'] }}\n{% endfor %}"
# The same for messages whose content is a list of typed parts.
TYPED_CHAT = "{% for m in messages %}{{ m['role'] }}: {{ m['content'][0]['text'] }}\n{% endfor %}"
_ATTENTION = {"hidden_size": WIDTH, "intermediate_size": 24, "num_attention_heads": 2, "num_key_value_heads": 1}


def byte_tokenizer(template: str = _CHAT) -> Qwen2Tokenizer:
    """Every byte a token; with a chat template, as newer pipelines ask for one."""
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: i for i, token in enumerate(["<|endoftext|>", *letters])}
    return Qwen2Tokenizer(vocab=vocabulary, merges=[], model_max_length=512, chat_template=template)


def gemma_tokenizer() -> GemmaTokenizer:
    tokens = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>", "▁", *LETTERS]
    return GemmaTokenizer(vocab={token: i for i, token in enumerate(tokens)}, merges=[], padding_side="right")


def bert_tokenizer() -> BertTokenizer:
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *LETTERS, *(f"##{letter}" for letter in LETTERS)]
    return BertTokenizer(vocab={token: i for i, token in enumerate(tokens)}, model_max_length=77)


def gemma(layers: int = 2) -> Gemma2Model:
    return Gemma2Model(Gemma2Config(vocab_size=64, num_hidden_layers=layers, head_dim=8, **_ATTENTION)).eval()


def qwen3(kind: Any, layers: int = 2) -> Any:
    return kind(Qwen3Config(vocab_size=300, num_hidden_layers=layers, head_dim=8, **_ATTENTION)).eval()


def qwen_2_5_vl() -> Qwen2_5_VLForConditionalGeneration:
    rope = {"mrope_section": [1, 1, 2], "rope_type": "default", "rope_theta": 1e6}
    text = {"vocab_size": 300, "num_hidden_layers": 2, "rope_parameters": rope, **_ATTENTION}
    vision = {"depth": 1, "hidden_size": 8, "intermediate_size": 8, "num_heads": 2, "out_hidden_size": WIDTH}
    return Qwen2_5_VLForConditionalGeneration(Qwen2_5_VLConfig(text_config=text, vision_config=vision)).eval()


def mistral3(layers: int) -> Mistral3ForConditionalGeneration:
    text = {"model_type": "mistral", "vocab_size": 300, "num_hidden_layers": layers, "head_dim": 8, **_ATTENTION}
    vision = {"model_type": "pixtral", "hidden_size": 8, "intermediate_size": 8, "num_attention_heads": 2}
    vision |= {"num_hidden_layers": 1, "head_dim": 4, "image_size": 16, "patch_size": 8}
    return Mistral3ForConditionalGeneration(Mistral3Config(text_config=text, vision_config=vision)).eval()


def llama(layers: int = 2) -> LlamaForCausalLM:
    return LlamaForCausalLM(LlamaConfig(vocab_size=300, num_hidden_layers=layers, **_ATTENTION)).eval()


def glm() -> GlmModel:
    return GlmModel(GlmConfig(vocab_size=300, num_hidden_layers=2, head_dim=8, pad_token_id=0, **_ATTENTION)).eval()


def bert() -> BertModel:
    sizes = {"hidden_size": WIDTH, "intermediate_size": 24, "num_attention_heads": 2}
    return BertModel(BertConfig(vocab_size=64, num_hidden_layers=1, **sizes)).eval()


def umt5() -> UMT5EncoderModel:
    return UMT5EncoderModel(UMT5EncoderModel.config_class(**_UMT5)).eval()


def byt5() -> T5EncoderModel:
    """For text in letters, as HunyuanImage writes it: a token a byte."""
    return T5EncoderModel(T5Config(**(_UMT5 | {"vocab_size": 400}))).eval()


_UMT5: dict[str, Any] = {"vocab_size": 160, "d_model": 32, "d_kv": 8, "d_ff": 37, "num_layers": 1, "num_heads": 4}


def vae_without_scale(latent_channels: int) -> AutoencoderKL:
    """A picture is as large as its latents, for families that draw a fixed number of latents whatever is asked for."""
    blocks: dict[str, Any] = {"down_block_types": ("DownEncoderBlock2D",), "up_block_types": ("UpDecoderBlock2D",)}
    return AutoencoderKL(
        block_out_channels=(8,), latent_channels=latent_channels, norm_num_groups=4, shift_factor=0.06, **blocks
    ).eval()


def vae_flux2() -> AutoencoderKLFlux2:
    return AutoencoderKLFlux2(
        block_out_channels=(8, 8, 8, 8), layers_per_block=1, latent_channels=4, norm_num_groups=4
    ).eval()


def vae_qwen() -> AutoencoderKLQwenImage:
    return AutoencoderKLQwenImage(
        base_dim=4, z_dim=4, num_res_blocks=1, latents_mean=[0.0] * 4, latents_std=[1.0] * 4
    ).eval()


def vae_dc() -> AutoencoderDC:
    """Sana's: 32 pixels a latent in the real one, 8 here."""
    return AutoencoderDC(
        latent_channels=4,
        attention_head_dim=2,
        encoder_block_types=("ResBlock", "ResBlock", "ResBlock", "EfficientViTBlock"),
        decoder_block_types=("ResBlock", "ResBlock", "ResBlock", "EfficientViTBlock"),
        encoder_block_out_channels=(8, 8, 8, 8),
        decoder_block_out_channels=(8, 8, 8, 8),
        encoder_layers_per_block=(1, 1, 1, 1),
        decoder_layers_per_block=(1, 1, 1, 1),
        encoder_qkv_multiscales=((), (), (), (5,)),
        decoder_qkv_multiscales=((), (), (), (5,)),
        scaling_factor=0.41407,
    ).eval()
