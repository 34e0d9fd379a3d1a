"""What a held-out prompt is labelled with: exactly what it says, and nothing that it leaves open.

A label that names several words accepts any of them, because the prompt does ("a boat" may be a sailboat or a
rowing boat). Words are those of the scene vocabulary (`safelight.postcard.scenes.vocabulary`); a test holds them to it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

ASPECTS = {
    "16:9": 1344 / 768,
    "1:1": 1.0,
    "21:9": 1536 / 640,
    "2:3": 832 / 1216,
    "3:2": 1216 / 832,
    "4:5": 896 / 1088,
    "5:4": 1088 / 896,
    "9:16": 768 / 1344,
    "9:21": 640 / 1536,
}
"""Width over height of the nine sizes of the service, by their names."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """One kind of thing that a prompt asks for.

    `kinds` are the acceptable kinds; `number` is None where the prompt names none ("a" counts as one, "some" as none);
    `colours` is empty where it names none. `place` is "left", "right", "centre", "near" or "far", of the picture; or
    "left", "right", "above", "beside" as seen from another wanted thing, whose kinds are in `anchor`.
    """

    kinds: tuple[str, ...]
    number: int | None = None
    colours: tuple[str, ...] = ()
    place: str | None = None
    anchor: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt and what a picture of it must show. Empty labels are not judged."""

    text: str
    aspect: str = "1:1"
    setting: tuple[str, ...] = ()
    light: tuple[str, ...] = ()
    weather: tuple[str, ...] = ()
    sky: tuple[str, ...] = ()
    season: tuple[str, ...] = ()
    palette: tuple[str, ...] = ()
    style: tuple[str, ...] = ()
    things: tuple[Wanted, ...] = ()


@dataclass(frozen=True, slots=True)
class Negative:
    """A prompt with a negative prompt, and what must then be missing: kinds of things, weathers, lights …"""

    text: str
    negative: str
    absent: tuple[str, ...]
    aspect: str = "1:1"


def words(value: str | Sequence[str] | None) -> tuple[str, ...]:
    """One word, several, or none, as a tuple."""
    if value is None:
        return ()
    return (value,) if isinstance(value, str) else tuple(value)


def a(*kinds: str, colour: str | Sequence[str] | None = None, place: str | None = None, of: str = "") -> Wanted:
    """Exactly one thing of these kinds."""
    return Wanted(kinds, 1, words(colour), place, tuple(of.split("|")) if of else ())


def some(
    *kinds: str, n: int | None = None, colour: str | Sequence[str] | None = None, place: str | None = None, of: str = ""
) -> Wanted:
    """Things of these kinds, `n` of them, or any number if the prompt does not say."""
    return Wanted(kinds, n, words(colour), place, tuple(of.split("|")) if of else ())


def prompt(
    text: str,
    aspect: str,
    *things: Wanted,
    setting: str | Sequence[str] | None = None,
    light: str | Sequence[str] | None = None,
    weather: str | Sequence[str] | None = None,
    sky: str | Sequence[str] | None = None,
    season: str | Sequence[str] | None = None,
    palette: str | Sequence[str] | None = None,
    style: str | Sequence[str] | None = None,
) -> Prompt:
    """A `Prompt` from labels written short."""
    return Prompt(
        text,
        aspect,
        words(setting),
        words(light),
        words(weather),
        words(sky),
        words(season),
        words(palette),
        words(style),
        things,
    )
