"""`safelight ps` with a cluster: its line, its hosts, where models are, and who holds which jobs."""

# Tested in tests/cli/test_cluster_shown.py.

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import msgspec

from safelight.adapters.sql.held import Holding
from safelight.bootstrap.engines.cluster import Seen, check_ray, leases, look_at_cluster
from safelight.cli.terminal import print_table, seconds_in_words
from safelight.protocol.cluster.placing import HostStanding, LineStanding
from safelight.settings import Settings

_OF_A_HOST = ("host", "kind", "has", "on the device", "heard", "fingerprint")
_FINGERPRINT_LETTERS = 12


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """What there is to show of a cluster."""

    seen: Seen
    leases: Sequence[Holding]


def look(settings: Settings) -> Shown:
    """Ask the cluster and the database.

    Raises:
        ConfigurationError: this machine is no node of the cluster.
        SafelightError: the line or the database does not answer.
    """
    check_ray()
    return Shown(seen=asyncio.run(look_at_cluster()), leases=asyncio.run(leases(settings)))


def print_shown(shown: Shown) -> None:
    """For a person."""
    line = shown.seen.line
    print(line_in_words(line))
    for kind in shown.seen.hosts.kinds:
        told = f": {kind.message}" if kind.message and kind.status != "HEALTHY" else ""
        print(f"{kind.kind}: {kind.running} of {kind.wanted} hosts run{told}")
    print()
    print_table(_OF_A_HOST, [host_in_words(host) for host in line.hosts])
    print()
    print_table(
        ("api process", "address", "jobs", "lease"),
        [
            (each.process, each.address or "-", str(each.jobs), lease_in_words(each.seconds_left))
            for each in shown.leases
        ],
    )


def line_in_words(line: LineStanding) -> str:
    """Who waits, and for how long."""
    waiting = f"{line.waiting} wait"
    if line.waiting:
        waiting += f" ({seconds_in_words(line.waiting_seconds)} of work, the oldest for {line.oldest_seconds:.0f} s)"
    return (
        f"The line of {len(line.apis)} api process{'' if len(line.apis) == 1 else 'es'}: {waiting}, {line.drawing} are "
        f"drawn, {line.placed} were placed in {seconds_in_words(line.age_seconds)}."
    )


def host_in_words(host: HostStanding) -> tuple[str, ...]:
    """A line of the table."""
    has = f"{host.taken} of {host.room}" + (", draining" if host.draining else "")
    prints = ", ".join(each[:_FINGERPRINT_LETTERS] for each in host.fingerprints)
    on_device = ", ".join(host.on_device)
    return (host.host, host.kind, has, on_device or "-", f"{host.silent_seconds:.0f} s ago", prints or "-")


def lease_in_words(seconds: float) -> str:
    """How long it lasts."""
    return f"{seconds:.0f} s" if seconds >= 0 else f"ended {-seconds:.0f} s ago"
