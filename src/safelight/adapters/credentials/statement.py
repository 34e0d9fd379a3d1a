"""The statement as a C2PA manifest, and read from one. Neither imports the library."""

# Tested in tests/adapters/credentials/test_signer.py.

from __future__ import annotations

import hashlib
from typing import Any

from safelight import __version__
from safelight.contract.picture_files.provenance import DIGITAL_SOURCE_TYPE
from safelight.service.ports.credentials import Statement

# Where a picture was drawn from others: https://cv.iptc.org/newscodes/digitalsourcetype/
COMPOSITE = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
GENERATED = (DIGITAL_SOURCE_TYPE, COMPOSITE)
ABOUT = "org.safelight.picture"
"""The label of our own assertion."""
_ACTIONS = ("c2pa.actions.v2", "c2pa.actions")


def manifest(content: bytes, statement: Statement) -> dict[str, Any]:
    """What the library's `Builder` takes."""
    action = {
        "action": "c2pa.created",
        "when": statement.drawn_at,
        "digitalSourceType": COMPOSITE if statement.from_pictures else DIGITAL_SOURCE_TYPE,
        "softwareAgent": {"name": "Safelight", "version": __version__},
    }
    about = {
        "model": statement.model,
        "fingerprint": statement.fingerprint,
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    if statement.prompt is not None:
        about["prompt"] = statement.prompt
    return {
        "claim_generator_info": [{"name": "Safelight", "version": __version__}],
        "assertions": [
            {"label": "c2pa.actions.v2", "data": {"actions": [action]}},
            {"label": ABOUT, "data": about},
        ],
    }


def creation(active: dict[str, Any]) -> dict[str, Any]:
    """The action that made the picture, or the last that says where it is from; empty without one."""
    actions = [action for data in _of(active, *_ACTIONS) for action in _list(data.get("actions"))]
    sourced = [action for action in actions if isinstance(action, dict) and action.get("digitalSourceType")]
    return sourced[-1] if sourced else {}


def about(active: dict[str, Any]) -> dict[str, Any]:
    """Our own assertion, empty where there is none."""
    return next(_of(active, ABOUT), {})


def _of(active: dict[str, Any], *labels: str) -> Any:
    for assertion in _list(active.get("assertions")):
        if isinstance(assertion, dict) and assertion.get("label") in labels:
            data = assertion.get("data")
            if isinstance(data, dict):
                yield data


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []
