"""Whoever waits for a file while its place is away is told to ask again."""

from __future__ import annotations

import pytest

from safelight.adapters.fake.memory_files import MemoryFiles
from safelight.contract.errors import FilesUnavailable
from safelight.service.keeping.files_away import told_to_ask_again
from safelight.service.ports.stores.files import FilesAway


async def test_a_place_that_is_away_is_an_answer_with_what_that_means_and_without_its_address() -> None:
    files = MemoryFiles()
    files.error = FilesAway("s3://bucket/prefix refuses the connection.")
    with pytest.raises(FilesUnavailable) as caught, told_to_ask_again("The picture is kept: ask again in a moment."):
        await files.get("ab/job_1.png")
    assert (caught.value.code, caught.value.headers["retry-after"]) == ("storage_unavailable", "5")
    assert caught.value.message.endswith("does not answer now. The picture is kept: ask again in a moment.")
    assert "bucket" not in caught.value.message


async def test_any_other_fault_of_a_file_stays_what_it_is() -> None:
    files = MemoryFiles()
    files.error = OSError("The file is damaged.")
    with pytest.raises(OSError, match="damaged"), told_to_ask_again("Ask again."):
        await files.get("ab/job_1.png")
