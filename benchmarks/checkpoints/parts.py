"""Tokenizers, text encoders and decoders of the real classes, tiny and random, made on the spot."""

from __future__ import annotations

from tempfile import NamedTemporaryFile
from typing import Any

import torch
from diffusers import (
    AutoencoderDC,
    AutoencoderKL,
    AutoencoderKLFlux2,
    AutoencoderKLQwenImage,
    AutoencoderKLWan,
    FlowMatchEulerDiscreteScheduler,
    VQModel,
)
from tokenizers import pre_tokenizers
from transformers import (
    BertConfig,
    BertModel,
    BertTokenizer,
    Gemma2Config,
    Gemma2Model,
    GemmaTokenizer,
    GlmConfig,
    GlmImageConfig,
    GlmImageForConditionalGeneration,
    GlmImageImageProcessorPil,
    GlmImageProcessor,
    GlmModel,
    LlamaConfig,
    LlamaForCausalLM,
    Mistral3Config,
    Mistral3ForConditionalGeneration,
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
    Qwen2Tokenizer,
    Qwen3Config,
    Qwen3VLConfig,
    Qwen3VLForConditionalGeneration,
    SmolLM3Config,
    SmolLM3ForCausalLM,
    T5Config,
    T5EncoderModel,
    T5GemmaConfig,
    UMT5EncoderModel,
)
from transformers.models.t5gemma.modeling_t5gemma import T5GemmaEncoder

from benchmarks.checkpoints.tiny import LETTERS

WIDTH = 16
_CHAT = "{% for m in messages %}{{ m['role'] }}: {{ m['content'] }}\n{% endfor %}"
# The same for messages whose content is a list of typed parts.
TYPED_CHAT = "{% for m in messages %}{{ m['role'] }}: {{ m['content'][0]['text'] }}\n{% endfor %}"
# And for those that may be pictures.
_SEEING_CHAT = (
    "{% for m in messages %}{{ m['role'] }}: {% for part in m['content'] %}"
    "{{ '<|image|>' if part['type'] == 'image' else part['text'] }}{% endfor %}\n{% endfor %}"
)
_ATTENTION = {"hidden_size": WIDTH, "intermediate_size": 24, "num_attention_heads": 2, "num_key_value_heads": 1}

# Of schedulers that shift by the size of the picture.
DYNAMIC = {"use_dynamic_shifting": True, "base_shift": 0.5, "max_shift": 1.15}


def flow(**fields: Any) -> FlowMatchEulerDiscreteScheduler:
    return FlowMatchEulerDiscreteScheduler(**fields)


def byte_tokenizer(template: str = _CHAT, **tokens: Any) -> Qwen2Tokenizer:
    """Every byte a token; with a chat template, as newer pipelines ask for one."""
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: i for i, token in enumerate(["<|endoftext|>", *letters])}
    return Qwen2Tokenizer(vocab=vocabulary, merges=[], model_max_length=512, chat_template=template, **tokens)


def gemma_tokenizer(**fields: Any) -> GemmaTokenizer:
    """Every text begins with a token of its own, so none is empty."""
    tokens = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>", "▁", *LETTERS]
    return GemmaTokenizer(
        vocab={token: i for i, token in enumerate(tokens)},
        merges=[],
        padding_side="right",
        add_bos_token=True,
        **fields,
    )


def chatglm_tokenizer() -> Any:
    import sentencepiece
    from diffusers.pipelines.kolors import ChatGLMTokenizer

    file = NamedTemporaryFile(suffix=".model")  # noqa: SIM115 - the tokenizer copies it when it is saved
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter([" ".join(LETTERS)]),
        model_writer=file,
        vocab_size=len(LETTERS) + 4,
        model_type="char",
        minloglevel=2,
    )
    file.flush()
    tokenizer = ChatGLMTokenizer(file.name)
    tokenizer.vocabulary = file  # not deleted before the tokenizer
    return tokenizer


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


def qwen3_vl(layers: int = 2) -> Qwen3VLForConditionalGeneration:
    rope = {"mrope_section": [1, 1, 2], "rope_type": "default", "rope_theta": 1e6}
    text = {"vocab_size": 300, "num_hidden_layers": layers, "head_dim": 8, "rope_parameters": rope, **_ATTENTION}
    vision: dict[str, Any] = {
        "depth": 1,
        "hidden_size": 8,
        "intermediate_size": 8,
        "num_heads": 2,
        "out_hidden_size": WIDTH,
    }
    vision |= {"deepstack_visual_indexes": [0], "num_position_embeddings": 16}
    return Qwen3VLForConditionalGeneration(Qwen3VLConfig(text_config=text, vision_config=vision)).eval()


def smollm3() -> SmolLM3ForCausalLM:
    """With room for the one token that Bria FIBO names by its number, the beginning of a text that is empty."""
    return SmolLM3ForCausalLM(
        SmolLM3Config(vocab_size=128_001, num_hidden_layers=2, pad_token_id=0, **_ATTENTION)
    ).eval()


def chatglm() -> Any:
    # Here, since it compiles as it is imported, in a way that PyTorch is about to drop.
    from diffusers.pipelines.kolors import ChatGLMModel
    from diffusers.pipelines.kolors.text_encoder import ChatGLMConfig

    sizes = {"hidden_size": WIDTH, "ffn_hidden_size": 24, "kv_channels": 8, "num_attention_heads": 2, "num_layers": 2}
    model = ChatGLMModel(
        ChatGLMConfig(padded_vocab_size=64, seq_length=256, multi_query_attention=True, original_rope=True, **sizes)
    ).eval()
    for weights in model.parameters():  # its own constructor leaves them as the memory was
        torch.nn.init.normal_(weights, std=0.2)
    return model


def t5gemma() -> T5GemmaEncoder:
    """The encoder's half of it, with the configuration of the whole, as PRX's checkpoints are saved."""
    stack = {"vocab_size": 64, "num_hidden_layers": 1, "head_dim": 8, **_ATTENTION}
    config = T5GemmaConfig(encoder=stack, decoder=stack, is_encoder_decoder=False, vocab_size=64)
    encoder = T5GemmaEncoder(config.encoder).eval()
    encoder.config = config
    return encoder


def glm_image() -> GlmImageForConditionalGeneration:
    rope = {"mrope_section": [1, 1, 2], "rope_type": "default", "rope_theta": 1e4, "partial_rotary_factor": 1.0}
    text = {"vocab_size": 300, "num_hidden_layers": 1, "vision_vocab_size": 24, "rope_parameters": rope, **_ATTENTION}
    text |= {"pad_token_id": 0, "eos_token_id": None, "max_position_embeddings": 512}
    vision = {"depth": 1, "hidden_size": WIDTH, "num_heads": 2, "image_size": 32, "patch_size": 8}
    vq = {"embed_dim": 16, "num_embeddings": 16, "latent_channels": 16}
    return GlmImageForConditionalGeneration(
        GlmImageConfig(text_config=text, vision_config=vision | {"intermediate_size": 16}, vq_config=vq)
    ).eval()


def glm_image_processor() -> GlmImageProcessor:
    names = {"image_token": "<|image|>", "grid_bos_token": "<sop>", "grid_eos_token": "<eop>"}
    tokenizer = byte_tokenizer(_SEEING_CHAT, bos_token="<|dit_token|>", extra_special_tokens=names)
    seer = GlmImageImageProcessorPil(patch_size=8, merge_size=1, temporal_patch_size=1)
    return GlmImageProcessor(image_processor=seer, tokenizer=tokenizer, chat_template=_SEEING_CHAT)


def reading_processor() -> GlmImageProcessor:
    """One for words and pictures that is asked to read words alone; most of its kind need torchvision."""
    names = {"image_token": "<|image|>", "grid_bos_token": "<sop>", "grid_eos_token": "<eop>"}
    tokenizer = byte_tokenizer(_CHAT, extra_special_tokens=names)
    return GlmImageProcessor(image_processor=GlmImageImageProcessorPil(), tokenizer=tokenizer, chat_template=_CHAT)


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


def vae_by_eight() -> AutoencoderKL:
    """For a family that takes it for granted that eight pixels are a latent."""
    blocks: dict[str, Any] = {"down_block_types": ("DownEncoderBlock2D",) * 4}
    blocks |= {"up_block_types": ("UpDecoderBlock2D",) * 4, "block_out_channels": (8, 8, 8, 8)}
    return AutoencoderKL(latent_channels=4, norm_num_groups=4, layers_per_block=1, **blocks).eval()


def movq() -> VQModel:
    """Kandinsky's: it decodes with its latents as a condition."""
    return VQModel(
        block_out_channels=(32, 32, 32, 32),
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        latent_channels=4,
        norm_num_groups=8,
        norm_type="spatial",
        num_vq_embeddings=12,
        vq_embed_dim=4,
    ).eval()


def vae_wan(**fields: Any) -> AutoencoderKLWan:
    return AutoencoderKLWan(
        base_dim=4, z_dim=4, num_res_blocks=1, latents_mean=[0.0] * 4, latents_std=[1.0] * 4, **fields
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
