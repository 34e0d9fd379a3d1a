"""Icebergs."""

from safelight.postcard.render.ground.relief import Band, albedo
from safelight.postcard.render.paper.canvas import poly
from safelight.postcard.render.paper.colour import WHITE, scale
from safelight.postcard.render.stage import Stage


def draw_icebergs(stage: Stage, band: Band) -> None:
    """Blocks of ice that stand in the water, blue in their shade."""
    layer, frame, light, canvas = band.layer, stage.frame, stage.light, stage.canvas
    rng = stage.rng("icebergs", layer.detail)
    tall, ice = max(0.05, layer.height) * frame.rise, albedo(stage, layer)
    for i in range(2 + round(4 * layer.density)):
        x = frame.width * rng.uniform(0.02, 0.98)
        high = tall * rng.uniform(0.35, 1.0)
        wide = high * rng.uniform(0.7, 1.3)
        foot = band.foot + rng.uniform(0, 0.03) * frame.rise
        cap = [
            (x - wide * 0.5, foot - high * 0.6),
            (x - wide * 0.15, foot - high),
            (x + wide * 0.2, foot - high * 0.8),
            (x + wide * 0.55, foot - high * 0.5),
        ]
        mid = (x + wide * 0.05, foot - high * 0.45)
        canvas.path(
            poly([(x - wide * 0.8, foot), *cap, (x + wide * 0.85, foot)]),
            light.land(scale(ice, 0.84), band.distance, -0.5),
        )
        face = [(x - wide * 0.8, foot), cap[0], cap[1], mid, (x - wide * 0.1, foot)]
        other = [(x + wide * 0.85, foot), cap[3], cap[2], mid, (x - wide * 0.1, foot)]
        canvas.path(poly(face if light.side < 0 else other), light.land(WHITE, band.distance, 0.9), outlined=False)
        canvas.path(poly([cap[1], cap[2], mid]), light.land(ice, band.distance, 0.3 if i % 2 else 0.6), outlined=False)
