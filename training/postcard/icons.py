"""Builds the renderer's icon asset from the npm package ``@iconify-json/fluent-emoji-flat`` (Fluent Emoji, MIT).

    npm pack @iconify-json/fluent-emoji-flat && tar xzf iconify-json-fluent-emoji-flat-*.tgz
    python -m training.postcard.icons package/icons.json src/safelight/postcard/render/figures/icons.json.gz

For each icon that the catalogue names it keeps the drawing and what the renderer wants to know: the box that its pixels
fill, and how much of it each colour covers (for recolouring). Baked-in ground, water and sky are taken out.
"""

import argparse
import gzip
import io
import json
import re
from pathlib import Path

import numpy as np
import resvg_py
from PIL import Image

from safelight.postcard.scenes.things import THINGS

GRID = 32
SAMPLE = 256

DROP: dict[str, tuple[int, ...]] = {
    "ferry": (1,),
    "flying-saucer": (1,),
    "high-speed-train": (0,),
    "person-rowing-boat": (14, 16),
    "snowboarder": (0, 12),
    "snowman": (9, 10),
    "speedboat": (5,),
    "umbrella-on-ground": (0,),
}
"""Shapes (by their number in the drawing) that are ground, water or sky and no part of the thing."""

_SHAPE = re.compile(r"<(?:path|circle|ellipse|rect)\b[^>]*?/>")
_FILL = re.compile(r'fill="(#[0-9a-fA-F]{3,8})"')


def _draw(body: str) -> np.ndarray:
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" width="{SAMPLE}" height="{SAMPLE}" viewBox="0 0 32 32">{body}</svg>'
    with Image.open(io.BytesIO(bytes(resvg_py.svg_to_bytes(svg_string=svg, skip_system_fonts=True)))) as picture:
        return np.asarray(picture.convert("RGBA"))


def _trimmed(name: str, body: str) -> str:
    dropped = DROP.get(name, ())
    counter = iter(range(10_000))
    return _SHAPE.sub(lambda m: "" if next(counter) in dropped else m.group(0), body)


def _full(code: str) -> str:
    digits = code.lstrip("#").lower()
    return "#" + ("".join(c * 2 for c in digits) if len(digits) == 3 else digits[:6])


def describe(name: str, body: str) -> dict[str, object]:
    """The asset's entry for one icon: drawing, box (x, y, width, height on the 32-grid), share of each colour."""
    body = _FILL.sub(lambda m: f'fill="{_full(m.group(1))}"', _trimmed(name, body))
    pixels = _draw(body)
    rows, columns = np.nonzero(pixels[..., 3] > 40)
    unit = SAMPLE / GRID
    box = [
        columns.min() / unit,
        rows.min() / unit,
        (columns.max() + 1 - columns.min()) / unit,
        (rows.max() + 1 - rows.min()) / unit,
    ]
    solid = pixels[rows, columns, :3]
    shares: dict[str, float] = {}
    for code in sorted(set(_FILL.findall(body))):
        wanted = np.array([int(code[i : i + 2], 16) for i in (1, 3, 5)])
        near = np.abs(solid.astype(int) - wanted).max(axis=1) <= 3
        shares[code] = round(float(near.mean()), 4)
    return {"body": body, "box": [round(float(v), 2) for v in box], "shares": shares}


def build(source: Path, target: Path) -> int:
    """Writes the asset and says how many icons it holds. Raises KeyError for an icon that the package lacks."""
    icons = json.loads(source.read_text(encoding="utf-8"))["icons"]
    wanted = sorted({kind.icon for kind in THINGS.values() if kind.icon})
    entries = {name: describe(name, icons[name]["body"]) for name in wanted}
    text = json.dumps(entries, separators=(",", ":"), sort_keys=True)
    target.write_bytes(gzip.compress(text.encode(), 9, mtime=0))
    return len(entries)


def main() -> None:
    """Command line of the module."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path)
    options = parser.parse_args()
    print(f"{build(options.source, options.target)} icons")


if __name__ == "__main__":
    main()
