"""Where small things lie on a layer."""

from random import Random

from safelight.postcard.render.ground.relief import Band
from safelight.postcard.render.stage import Stage


def scatter(stage: Stage, band: Band, rng: Random, count: int) -> list[tuple[float, float, float]]:
    """Places on the band's body, denser far away, each with the size things have there (1 at the lower edge). Of
    ``count`` over the whole ground those are given that the next layer leaves to be seen.
    """
    frame, places = stage.frame, []
    for _ in range(count):
        x = frame.width * rng.uniform(-0.01, 1.01)
        top = band.crest(x)
        y = top + (frame.height + 10 - top) * (0.03 + 0.97 * rng.random() ** 1.5)
        depth = (y - frame.horizon) / max(frame.height - frame.horizon, 1)
        if y <= stage.floor:
            places.append((x, y, frame.near(min(max(depth, 0.05), 1.0))))
    return places
