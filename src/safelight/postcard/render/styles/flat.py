"""Flat: plain colours, as they are."""

from safelight.postcard.render.paper.look import Look
from safelight.postcard.render.techniques.medium import Medium

STYLE = Medium(Look(lambda colour: colour))
