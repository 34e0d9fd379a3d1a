"""What things are called in a Ray cluster."""

# Tested in tests/adapters/ray/line/test_desk.py.

from __future__ import annotations

from safelight.protocol.cluster.hosting import HOSTING_VERSION
from safelight.protocol.cluster.placing import PLACING_VERSION

NAMESPACE = "safelight"
LINE = f"line-{PLACING_VERSION}.{HOSTING_VERSION}"
"""The line's name holds the versions of what is said, so that old and new processes each have a line of their own."""


def host_name(kind: str, replica: str) -> str:
    """A host's name: its kind, which is its deployment's name in Serve, and its replica's id there."""
    return f"{kind}/{replica}"


def kind_and_replica(host: str) -> tuple[str, str]:
    """What `host_name` was given."""
    kind, _, replica = host.rpartition("/")
    return kind, replica
