"""The ways in which pictures are asked for over HTTP: what a declaration is offered in."""

# Tested in tests/contract/test_edit_request.py.

from __future__ import annotations

from typing import Literal

Call = Literal["generate", "edit", "edit by form"]
"""`POST /v1/images/generations`, and `POST /v1/images/edits` as JSON or as multipart/form-data (CONTRACT 8)."""

ALL: tuple[Call, ...] = ("generate", "edit", "edit by form")
EDITS: tuple[Call, ...] = ("edit", "edit by form")
EDIT_PATH = "/v1/images/edits"
GENERATE_PATH = "/v1/images/generations"
