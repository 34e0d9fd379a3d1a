"""The shipped pipeline, loaded once."""

from collections.abc import Iterator

import pytest
import torch

from safelight.postcard.pipeline import PostcardPipeline
from tests.postcard.weights import WEIGHTS


@pytest.fixture(scope="session")
def postcard() -> Iterator[PostcardPipeline]:
    """Postcard as it ships, in single precision, without a progress bar.

    One thread: its layers are small, and two threads that wait for each other on busy cores take ten times as long.
    """
    pipeline: PostcardPipeline = PostcardPipeline.from_pretrained(WEIGHTS, dtype=torch.float32)
    pipeline.set_progress_bar_config(disable=True)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield pipeline
    torch.set_num_threads(threads)
