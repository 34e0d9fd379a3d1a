"""The fixed list of prompts that people might write, labelled before anything was trained; `evaluate` measures on it.

They use words and orders that the caption grammar does not produce: `HELD_OUT_WORDS` must never occur in a training
caption (tested). Nothing here is ever trained on.
"""

from training.postcard.prompts.labels import ASPECTS, Negative, Prompt, Wanted
from training.postcard.prompts.negatives import NEGATIVES as NEGATIVE
from training.postcard.prompts.objects import OBJECTS
from training.postcard.prompts.scenery import DOCUMENTED, PROTOTYPE, SCENERY

HELD_OUT: tuple[Prompt, ...] = SCENERY + OBJECTS
"""150 prompts."""

_WORDS = """
kitten puppy spaceship twilight crimson sahara archipelago aquarelle drizzle moonlit blizzard mug gulls sundown woods
grove pond alps wonderland october graphite triangulated pixelated cyberpunk hovering hiker camping savanna sunken
medieval alpine seaside tokyo provence cutout isometric saturated rainforest enchanted
"""

HELD_OUT_WORDS: frozenset[str] = frozenset(_WORDS.split())
"""Words of the held-out prompts that no caption may use: the frozen text encoder has to know them."""

__all__ = [
    "ASPECTS",
    "DOCUMENTED",
    "HELD_OUT",
    "HELD_OUT_WORDS",
    "NEGATIVE",
    "PROTOTYPE",
    "Negative",
    "Prompt",
    "Wanted",
]
