"""`safelight deploy`: the hosts of the settings, sent to a Ray cluster or printed."""

# Tested in tests/cli/test_cluster_start.py.

from __future__ import annotations

import msgspec

from safelight.bootstrap.engines.cluster import check_ray, cluster_of, send_hosts, serve_config
from safelight.cli.terminal import note
from safelight.settings import Settings


def deploy(settings: Settings, *, dry_run: bool, wait_seconds: float) -> None:
    """Have the cluster keep these hosts, or print what would be sent.

    Raises:
        ConfigurationError: there are no hosts in the settings, or this process may not join the cluster.
        SafelightError: they do not run after that time.
    """
    cluster = cluster_of(settings)
    if dry_run:
        print(msgspec.yaml.encode(serve_config(cluster)).decode(), end="")
        return
    check_ray()
    hosts = send_hosts(cluster, wait_seconds, note)
    print(f"{hosts} host{' runs' if hosts == 1 else 's run'}. `safelight ps` shows them.")
