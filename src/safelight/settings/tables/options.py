"""The options of one model that are passed through to diffusers, as they are written in `safelight.toml`."""

# Tested in tests/test_settings.py.

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

# Names for what most people want of `quantization`, each for the denoiser. int8 and fp8 keep the weights alone in eight
# bits (torchao); nf4 is QLoRA's four bits (arXiv 2305.14314), which bitsandbytes has for CUDA alone.
QUANTIZATION_PRESETS: dict[str, dict[str, Any]] = {
    "int8": {"backend": "torchao", "options": {"quant_type": "Int8WeightOnlyConfig"}},
    "fp8": {"backend": "torchao", "options": {"quant_type": "Float8WeightOnlyConfig"}},
    "nf4": {"backend": "bitsandbytes_4bit", "options": {"bnb_4bit_quant_type": "nf4"}},
}


# It stands in names of a form's fields, `control[NAME]`.
ControlName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]

PictureSize = Annotated[str, Field(pattern=r"^[1-9][0-9]{1,4}x[1-9][0-9]{1,4}$")]


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class LoraSettings(_Table):
    """One LoRA."""

    file: str = Field(min_length=1, description="A .safetensors file.")
    weight: float = Field(1.0, ge=-10, le=10, description="How much of it.")


class QuantizationSettings(_Table):
    """Weights in fewer bits, by diffusers' own classes."""

    backend: str = Field(min_length=1, description="As diffusers names it: torchao, bitsandbytes_4bit, quanto …")
    components: tuple[str, ...] = Field((), description="Which parts. Absent: the denoiser.")
    options: dict[str, Any] = Field(default_factory=dict, description="The keyword arguments of that class.")


class CacheSettings(_Table):
    """A step cache: steps that are partly taken over from the one before."""

    kind: str = Field(min_length=1, description="diffusers' configuration class less `Config`, like FirstBlockCache.")
    options: dict[str, Any] = Field(default_factory=dict, description="The keyword arguments of that class.")


class OptionSettings(_Table):
    """Everything beyond where a model is and what number format it has. The defaults change nothing."""

    variant: str | None = Field(None, pattern=r"^\w+$", description="Which variant of the weights, like fp16.")
    transformer: str | None = Field(None, description="A .safetensors or .gguf file with the denoiser's weights.")
    config: str | None = Field(
        None, description="For a single-file source: the folder or pulled checkpoint that describes it."
    )
    offload: Literal["none", "model", "group"] = Field(
        "none", description="Keep weights in host memory while an accelerator does not need them: by part or by layer."
    )
    safety_checker: bool = Field(
        True, description="Whether the checkpoint's own safety checker, where it has one, looks at each picture."
    )
    vae_tiling: bool = Field(False, description="Decode in tiles: less memory, and pictures change a little.")
    vae_slicing: bool = Field(False, description="Decode the pictures of a batch one by one.")
    attention: str | None = Field(None, description="diffusers' attention backend, like flash or sage.")
    compile: bool = Field(False, description="Compile the denoiser's repeated blocks with torch.compile.")
    runtime: Literal["pytorch", "openvino"] = Field("pytorch", description="What computes the denoiser on a processor.")
    fixed_sizes: tuple[PictureSize, ...] = Field(
        (),
        max_length=4,
        description="With openvino: sizes for which it compiles the denoiser once more, faster at those alone.",
    )
    quantization: tuple[QuantizationSettings, ...] = Field(
        (), description="Weights in fewer bits: int8, fp8 or nf4, or a table, or a list of tables for different parts."
    )
    cache: CacheSettings | None = Field(None, description="A step cache of diffusers.")
    loras: tuple[LoraSettings, ...] = Field((), description="LoRAs, each a file and a weight.")
    arguments: dict[str, Any] = Field(
        default_factory=dict, description="Keyword arguments that are added to every call of the pipeline."
    )
    controlnets: dict[ControlName, Annotated[str, Field(min_length=1)]] = Field(
        default_factory=dict,
        description="ControlNets that requests may follow, by name: each a folder or a pulled checkpoint.",
    )
    negative_prompt: bool | None = Field(None, description="Whether it takes a negative prompt, where Safelight errs.")
    width: int | None = Field(None, ge=64, le=16384, description="The width that it draws when nobody says.")
    height: int | None = Field(None, ge=64, le=16384, description="The height that it draws when nobody says.")

    @field_validator("quantization", mode="before")
    @classmethod
    def _one_is_a_list_of_one(cls, tables: Any) -> Any:
        if isinstance(tables, str):
            if tables not in QUANTIZATION_PRESETS:
                known = ", ".join(QUANTIZATION_PRESETS)
                raise ValueError(f"the names are {known}; anything else is a table with `backend`")
            tables = QUANTIZATION_PRESETS[tables]
        return [tables] if isinstance(tables, dict) else tables

    @field_validator("fixed_sizes")
    @classmethod
    def _each_once(cls, sizes: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(sizes)) < len(sizes):
            raise ValueError("a size is named twice, and each lays the weights out once more: name it once")
        return sizes

    @field_validator("arguments")
    @classmethod
    def _leave_the_job_its_own(cls, arguments: dict[str, Any]) -> dict[str, Any]:
        taken = {"prompt", "width", "height", "generator", "output_type", "num_images_per_prompt", "return_dict"}
        for name in arguments:
            if name in taken:
                raise ValueError(f"{name} is decided by each request")
        return arguments
