"""What a request for embeddings may say of the answer's numbers, and of what is to be ignored."""

from __future__ import annotations

from typing import Any

import pytest

from safelight.contract.errors import InvalidRequest
from safelight.contract.requests.sentences import parse_embedding_request

BODY: dict[str, Any] = {"model": "sentences", "input": "a boat"}


@pytest.mark.parametrize(("came", "dimensions"), [(8, 8), (8.0, 8), (None, None)])
def test_dimensions_are_any_json_number_with_a_whole_value(came: object, dimensions: int | None) -> None:
    assert parse_embedding_request(BODY | {"dimensions": came}).dimensions == dimensions


@pytest.mark.parametrize("name", ["dimensions", "allow_ignored_params"])
def test_another_type_is_refused_by_its_name(name: str) -> None:
    with pytest.raises(InvalidRequest, match=r"got 1\.5") as caught:
        parse_embedding_request(BODY | {name: 1.5})
    assert (caught.value.code, caught.value.param) == ("invalid_value", name)
