"""The ways in which a model draws from pictures: which of its pipelines is called, and what that one takes."""

# Tested in tests/engine/families/test_families.py.

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from safelight.contract.models.traits import EditTraits
from safelight.engine.pipeline.edits.picture_arguments import PictureArguments
from safelight.engine.pipeline.edits.twins import beside


@dataclass(frozen=True)
class Way:
    """One of a model's pipelines, or its class while nothing is loaded. `parameters` are its keyword arguments with
    their defaults, `takes` says which of them are pictures, of which there may be `most`. `all_anew`: it needs a mask
    and was given none, so everything is drawn anew."""

    pipeline: Any
    parameters: dict[str, Any]
    takes: PictureArguments
    most: int
    all_anew: bool = False


@dataclass(frozen=True)
class Ways:
    """How a model draws from pictures, and from pictures with a mask; None where it does not. `words`: it draws from
    words alone too."""

    pictures: Way | None
    masked: Way | None
    words: bool = True

    @property
    def classes(self) -> list[type]:
        """Of the pipelines that draw from pictures."""
        return [type(way.pipeline) if not isinstance(way.pipeline, type) else way.pipeline for way in self._all()]

    def over(self, pipeline: Any) -> Ways:
        """The same ways with pipelines over the components of this one, which is the one for what is of its class."""
        made: dict[type, Any] = {type(pipeline): pipeline}

        def loaded(way: Way | None) -> Way | None:
            if way is None:
                return None
            if way.pipeline not in made:
                made[way.pipeline] = beside(pipeline, way.pipeline)
            return replace(way, pipeline=made[way.pipeline])

        return replace(self, pictures=loaded(self.pictures), masked=loaded(self.masked))

    def _all(self) -> list[Way]:
        return [way for way in (self.pictures, self.masked) if way is not None]

    def of(self, *, masked: bool) -> Way | None:
        return self.masked if masked else self.pictures

    @property
    def traits(self) -> EditTraits | None:
        """What it takes of pictures, for callers."""
        ways = self._all()
        if not ways:
            return None
        return EditTraits(
            maximum=ways[0].most,
            maximum_with_mask=None if self.masked is None or self.masked.most == ways[0].most else self.masked.most,
            mask=self.masked is not None,
            strength=all(way.takes.strength for way in ways),
            scene=all(way.takes.scene for way in ways),
        )


WORDS_ALONE = Ways(None, None)
