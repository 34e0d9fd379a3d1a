"""How long a worker may be in a stage before it is taken for stuck."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from safelight.protocol.times import BusyStage, StageAge


@dataclass(frozen=True)
class Patience:
    """Seconds: `unmeasured` where nothing is known of it, else so many `times` what is expected, at least `least`.

    `doing` completes the sentence that a person reads.
    """

    doing: str
    unmeasured: float
    times: float = 20.0
    least: float = 60.0

    def allows(self, expected_seconds: float) -> float:
        return max(self.least, self.times * expected_seconds) if expected_seconds else self.unmeasured


# Beside other programs on the same cores turns took up to six times what was measured, never twenty; and no turn is
# short enough to be given less than a minute. Of a model that was never measured a call may be one long turn: a VAE
# that is not tiled decodes in one piece, and so does a denoiser's step.
# Loading is expected by what it took the last time, or at 250 MB/s: sixty times that is a network's disk with 4 MB/s.
# A picture of 4096x4096 becomes a file in seconds. Small files (what was measured) are written in no time, unless their
# disk hangs. Moves between a device and the host's memory are expected at 1 GB/s.
PATIENCE: Mapping[BusyStage, Patience] = {
    "import": Patience("importing its libraries", 900.0),
    "command": Patience("taking in what it was told", 900.0),
    "load": Patience("loading a model", 900.0, times=60.0, least=900.0),
    "move": Patience("moving a model", 600.0, times=60.0, least=600.0),
    "warm_up": Patience("drawing a model's first pictures", 1800.0, least=1800.0),
    "turn": Patience("in one turn", 900.0),
    "encode_file": Patience("making a picture's file", 600.0),
    "preview": Patience("making a preview", 600.0),
    "keep": Patience("writing down what it measured", 600.0),
}


@dataclass(frozen=True)
class Trouble:
    """Why a worker is of no use any more. `loading`: it is stuck in bringing a model, and in nothing that it draws."""

    reason: str
    loading: bool = False


def overdue(stages: Iterable[StageAge]) -> Trouble | None:
    """Why a worker that is in those stages is taken for stuck; None while it is not."""
    for stage in stages:
        patience = PATIENCE[stage.stage]
        allowed = patience.allows(stage.expected_seconds)
        if stage.seconds > allowed:
            taken = f"it has been {patience.doing} for {stage.seconds:.0f} s"
            reason = f"{taken}, and {allowed:.0f} s are far too long for that"
            return Trouble(reason, loading=stage.stage in ("load", "warm_up"))
    return None
