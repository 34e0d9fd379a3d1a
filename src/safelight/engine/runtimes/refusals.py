"""What excludes a runtime of a model, said before anything is loaded."""

# Tested in tests/engine/test_openvino.py.

from __future__ import annotations

from collections.abc import Iterator

from safelight.contract.errors import ModelLoadError
from safelight.contract.models.options import ModelOptions
from safelight.engine.runtimes.eight_bits import INT8
from safelight.engine.runtimes.openvino import openvino_version

_FORMATS = ("float32", "bfloat16")


def check_runtime(options: ModelOptions, device: str, dtype: str, *, loras: bool, quantized: bool) -> None:
    """Refuse what OpenVINO cannot compute as PyTorch does. `loras`: requests may name some; `quantized`: the checkpoint
    comes so.

    Raises:
        ModelLoadError: saying what to leave out, to change or to install.
    """
    if options.runtime == "pytorch":
        if options.fixed_sizes:
            raise ModelLoadError('`fixed_sizes` is for `runtime = "openvino"`: add that, or leave it out.')
        return
    reason = next(_excluded(options, device, dtype, loras=loras, quantized=quantized), None)
    if reason is not None:
        raise ModelLoadError(f'`runtime = "openvino"` {reason}')


def _excluded(options: ModelOptions, device: str, dtype: str, *, loras: bool, quantized: bool) -> Iterator[str]:
    if openvino_version() is None:
        yield "needs the library openvino, which is not installed: `pip install -c constraints.txt '.[openvino]'`."
    if device != "cpu":
        yield f'is for processors, and this model is to be drawn on {device}: set `device = "cpu"`, or leave it out.'
    if dtype not in _FORMATS:
        yield f'computes in float32 or bfloat16: set the model\'s `dtype` to one of them in place of "{dtype}".'
    for name, used in (
        ("compile", options.compile),
        ("attention", options.attention is not None),
        ("cache", options.cache is not None),
        ("controlnets", bool(options.controlnets)),
    ):
        if used:
            yield f"and `{name}` exclude each other, since that changes how PyTorch computes: leave one of them out."
    if options.loras or loras:
        yield "and LoRAs exclude each other, since its weights are fixed: merge them into the checkpoint."
    gguf = options.transformer is not None and options.transformer.endswith(".gguf")
    if quantized or gguf:
        yield "takes plain weights and no quantized ones: take a checkpoint in float32 or bfloat16, or leave it out."
    if options.quantization not in ((), (INT8,)):
        yield 'rounds weights by `quantization = "int8"` alone: say that, or leave `quantization` out.'
