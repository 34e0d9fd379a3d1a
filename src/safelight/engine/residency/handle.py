"""Who owns a model's memory."""

# Tested in tests/engine/test_models.py.

from __future__ import annotations

import gc

import torch

from safelight.engine.machine.cpu.allocator import give_back
from safelight.engine.pipeline.model import LoadedModel


class Handle:
    """The one owner of a loaded model. Everybody else holds the handle, and borrows `model` for as long as a call takes
    (a run: until it has ended). So a list, an event or a log that still names the model keeps none of its memory.
    """

    def __init__(self, model: LoadedModel) -> None:
        self._model: LoadedModel | None = model

    @property
    def model(self) -> LoadedModel:
        """The model; there must be one still."""
        if self._model is None:
            raise RuntimeError("This model was released; nobody may draw with it.")
        return self._model

    def release(self) -> None:
        """Let the model go and give its memory back."""
        self._model = None
        give_room()


def give_room() -> None:
    """Give back what is left of models that went: pipelines are cycles, and PyTorch keeps a device's memory."""
    gc.collect()
    give_back()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
