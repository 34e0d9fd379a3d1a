"""The rows of the table: what draws, with whose interpreter, and how its weights are held."""

from __future__ import annotations

from dataclasses import dataclass

README = "diffusers, as in its README"


@dataclass(frozen=True)
class Row:
    """``module`` and ``make`` draw. ``peer`` is the option that names the interpreter of what is not in ours, and
    ``needed`` the module that it must have.
    """

    module: str
    make: str
    peer: str = ""
    needed: str = ""
    weights: int = 2
    """Bytes of a weight while it draws, whatever it was saved in."""
    packed: bool = False
    """Made for processors alone."""
    compiled: bool = False


def _openvino(make: str, weights: int) -> Row:
    return Row("with_openvino", make, "openvino", "openvino_genai", weights)


def _cpp(make: str, weights: int) -> Row:
    return Row("with_stable_diffusion_cpp", make, "stable_diffusion_cpp", "stable_diffusion_cpp", weights)


ROWS = {
    README: Row("with_diffusers", "as_in_the_readme", weights=4),
    "diffusers, its fastest format and channels-last": Row("with_diffusers", "at_its_best"),
    "diffusers, the same compiled": Row("with_diffusers", "compiled", compiled=True),
    "Safelight, nothing set": Row("with_safelight", "nothing_set"),
    "Safelight, float32": Row("with_safelight", "in_float32", weights=4),
    "Safelight, float32-packed": Row("with_safelight", "packed", weights=4, packed=True),
    "Safelight, `compile = true`": Row("with_safelight", "compiled", compiled=True),
    "Safelight, openvino float32": Row("with_safelight", "openvino_float32", needed="openvino", weights=8, packed=True),
    "Safelight, openvino half precision": Row(
        "with_safelight", "openvino_half", needed="openvino", weights=4, packed=True
    ),
    "Safelight, openvino int8": Row("with_safelight", "openvino_int8", needed="openvino", weights=4, packed=True),
    **{
        f"Safelight, openvino {name}, size fixed": Row(
            "with_safelight",
            f"openvino_{make}_fixed",
            needed="openvino",
            weights=8 if name == "float32" else 4,
            packed=True,
        )
        for name, make in (("float32", "float32"), ("half precision", "half"), ("int8", "int8"))
    },
    "OpenVINO GenAI, float32": _openvino("float32", 4),
    "OpenVINO GenAI, half precision": _openvino("half", 2),
    "OpenVINO GenAI, int8": _openvino("int8", 1),
    "OpenVINO GenAI, half precision, size fixed": _openvino("half_reshaped", 2),
    "OpenVINO GenAI, int8, size fixed": _openvino("int8_reshaped", 1),
    "stable-diffusion.cpp, float32": _cpp("float32", 4),
    "stable-diffusion.cpp, half precision": _cpp("half", 2),
    "stable-diffusion.cpp, q8_0": _cpp("q8_0", 1),
}
OPENVINO_WEIGHTS = {"float32": "fp32", "half": "fp16", "half_reshaped": "fp16", "int8": "int8", "int8_reshaped": "int8"}
"""What its converter calls the weights of a row."""
