"""What a caption claims, as labels of a prompt: so the judge can check that it tells the truth."""

from training.postcard.captions.telling import Mention, Telling
from training.postcard.prompts import Prompt, Wanted

from safelight.postcard.scenes.vocabulary import Colour


def claims(telling: Telling, text: str = "") -> Prompt:
    """The labels of a telling. Every one must be true of the scene it was told of."""
    return Prompt(
        text,
        setting=_word(telling.setting),
        light=_word(telling.light),
        weather=_word(telling.weather),
        sky=telling.sky,
        season=_word(telling.season),
        palette=_word(telling.palette),
        style=_word(telling.style),
        things=tuple(_wanted(m, telling.things) for m in telling.things),
    )


def _word(value: str | None) -> tuple[str, ...]:
    return () if value is None else (value,)


def _wanted(mention: Mention, others: tuple[Mention, ...]) -> Wanted:
    anchor = () if mention.anchor is None else (others[mention.anchor].kind,)
    colours = (mention.colour,) if mention.say_colour and mention.colour is not Colour.NATURAL else ()
    number = mention.number if mention.say_number else None
    return Wanted((mention.kind,), number, colours, mention.place, anchor)
