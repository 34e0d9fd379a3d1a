"""SHA-256 of some two hundred drawings and pictures of the renderer: kept before a change, compared after it.

    python -m tests.postcard.digests keep FILE        a line each: what, digests of SVG and pixels
    python -m tests.postcard.digests compare FILE     says which differ; exit status 1 if any does

Every scene in its own style at nine sizes, then every style at three sizes, and pictures of several bands.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from benchmarks.scenes import SCENES, SIZES, SUNSET_MOUNTAINS, small, styled

from safelight.postcard.render import rasterise, render_svg
from safelight.postcard.scenes.scene import Scene
from safelight.postcard.scenes.vocabulary import Style
from tests.kept_lines import main

_LARGE = ((1024, 1024), (1536, 640), (1600, 2000))


def cases() -> Iterator[tuple[str, Scene, tuple[int, int]]]:
    """What is drawn: a name, the scene, the size in pixels."""
    for name, scene in SCENES.items():
        for size in SIZES:
            yield name, scene, small(size, 4)
    for style in Style:
        for scene in (SUNSET_MOUNTAINS, SCENES["city night"]):
            for size in ((256, 256), (384, 160), (160, 384)):
                yield f"{style.value} {scene.world.setting.value}", styled(scene, style), size
    for number, style in enumerate(Style):
        yield f"{style.value}, large", styled(SUNSET_MOUNTAINS, style), _LARGE[number % len(_LARGE)]


def lines() -> Iterator[str]:
    """One a case."""
    for name, scene, (width, height) in cases():
        svg = render_svg(scene, width, height)
        pixels = rasterise(svg, width, height).tobytes()
        digests = (hashlib.sha256(data).hexdigest()[:24] for data in (svg.encode(), pixels))
        yield f"{name} {width}x{height}\t" + "\t".join(digests)


if __name__ == "__main__":
    raise SystemExit(main(__doc__, lines))
