"""Blueprint: white lines on blue, with the draughtsman's grid, frame and measures."""

from safelight.postcard.render.paper.canvas import Line, num, rect
from safelight.postcard.render.paper.colour import Rgb, luma, ramp, rgb
from safelight.postcard.render.paper.look import Look
from safelight.postcard.render.stage import Stage
from safelight.postcard.render.techniques.medium import Medium


def _blue(c: Rgb) -> Rgb:
    return ramp((rgb("#0a2a66"), rgb("#103878"), rgb("#17468c"), rgb("#2158a4"), rgb("#3a74c0")), luma(c))


def _measured(stage: Stage) -> None:
    """The draughtsman's grid, the frame with its title block, dimension lines at the things."""
    frame, canvas = stage.frame, stage.canvas
    lines = "".join(f"M{num(x)} 0V{num(frame.height)}" for x in range(0, int(frame.width), 40))
    lines += "".join(f"M0 {num(y)}H{num(frame.width)}" for y in range(0, int(frame.height), 40))
    canvas.body.append(
        f'<path class="grid" d="{lines}" fill="none" stroke="#bcd3f5" stroke-opacity="0.2" stroke-width="1.2"/>'
    )
    edge = rect(22, 22, frame.width - 44, frame.height - 44) + rect(30, 30, frame.width - 60, frame.height - 60)
    box = rect(frame.width - 300, frame.height - 118, 270, 88)
    marks = (
        f"M{num(frame.width - 300)} {num(frame.height - 74)}h270M{num(frame.width - 190)} {num(frame.height - 74)}v44"
    )
    canvas.body.append(f'<path class="frame" d="{edge}{box}{marks}" fill="none" stroke="#e4eefc" stroke-width="2"/>')
    measures = "".join(_dimension(*extent) for extent in stage.boxes[:4])
    if measures:
        canvas.body.append(f'<path class="dimensions" d="{measures}" fill="none" stroke="#ffd98a" stroke-width="1.8"/>')


def _dimension(left: float, top: float, right: float, foot: float) -> str:
    """Dimension lines above and beside a thing, with the ticks that end them."""
    y, x, t = top - 16, right + 16, 7.0

    def tick(px: float, py: float) -> str:
        return f"M{num(px - t)} {num(py + t)}l{num(2 * t)} {num(-2 * t)}"

    across = f"M{num(left)} {num(y)}H{num(right)}" + tick(left, y) + tick(right, y)
    return across + f"M{num(x)} {num(top)}V{num(foot)}" + tick(x, top) + tick(x, foot)


STYLE = Medium(Look(_blue, Line(1.5, rgb("#f2f7ff"))), finish=_measured)
