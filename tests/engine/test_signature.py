"""By which keyword a pipeline is guided."""

from __future__ import annotations

from typing import Any

import pytest

from safelight.engine.pipeline.signature import guidance_parameter


@pytest.mark.parametrize(
    ("parameters", "name"),
    [
        ({"prompt": None, "guidance_scale": 7.5}, "guidance_scale"),
        ({"guidance_scale": 3.5, "true_cfg_scale": 1.0}, "guidance_scale"),  # FLUX: distilled
        ({"guidance_scale": None, "true_cfg_scale": 4.0}, "true_cfg_scale"),  # Qwen-Image
        ({"true_cfg_scale": 4.0}, "true_cfg_scale"),
        ({"guidance_scale": None}, "guidance_scale"),
        ({"prompt": None}, None),
    ],
)
def test_guidance_goes_by_the_keyword_that_is_on(parameters: dict[str, Any], name: str | None) -> None:
    assert guidance_parameter(parameters) == name
