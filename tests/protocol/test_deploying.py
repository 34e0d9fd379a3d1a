"""What a cluster is told comes back from JSON as it was; what is none of it is said so."""

from __future__ import annotations

import json

import pytest

from safelight.contract.errors import ConfigurationError
from safelight.protocol.cluster.deploying import Cluster, Kind, from_arguments, to_arguments
from safelight.protocol.messages import Configure, EncoderSpec, ModelSpec

_KIND = Kind(gpus=0.5, cpus=2, least=1, most=4, queue_target_seconds=20, accelerator_type="L40S")
_CLUSTER = Cluster(
    kinds={"l40s": _KIND, "cpu": Kind(gpus=0, cpus=1, least=2, most=2, queue_target_seconds=5, fake=True)},
    configure=Configure(
        models=(ModelSpec(source="org/name", commit="0" * 40),), encoders=(EncoderSpec(source="sentences"),), threads=2
    ),
    fake_step_seconds=0.05,
    fake_capacity=1,
)


def test_a_cluster_comes_back_from_json_as_it_was() -> None:
    assert from_arguments(json.loads(json.dumps(to_arguments(_CLUSTER)))) == _CLUSTER


@pytest.mark.parametrize("wrong", [{}, to_arguments(_CLUSTER) | {"kinds": {"l40s": {"gpus": "one"}}}])
def test_arguments_of_another_version_are_said_to_be_so(wrong: dict[str, object]) -> None:
    with pytest.raises(ConfigurationError, match=r"`safelight deploy --dry-run` writes them\."):
        from_arguments(wrong)
