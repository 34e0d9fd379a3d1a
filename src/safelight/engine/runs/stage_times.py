"""Where a run's seconds go."""

from __future__ import annotations

from dataclasses import dataclass, field

from safelight.contract.messages import Timings
from safelight.scheduling.policy import Stage


@dataclass
class StageTimes:
    """Where a run's seconds went. One turn is a component's call and what the pipeline does until the next one."""

    encode_prompt: float = 0.0
    denoise: float = 0.0
    decode: float = 0.0
    steps: list[float] = field(default_factory=list)
    _since_step: float = 0.0

    def turn(self, stage: Stage, seconds: float, *, stepped: bool) -> None:
        """Note a turn; `stepped` when the scheduler took a step in it."""
        setattr(self, stage, getattr(self, stage) + seconds)
        if stage == "denoise":
            self._since_step += seconds
        if stepped:
            self.steps.append(self._since_step)
            self._since_step = 0.0

    def timings(self, total: float, image_encode: float) -> Timings:
        """`total` is seconds from the job's arrival to its picture, the file's encoding left out."""
        active = self.encode_prompt + self.denoise + self.decode
        return Timings(
            wait=max(0.0, total - active),
            encode_prompt=self.encode_prompt,
            denoise=self.denoise,
            decode=self.decode,
            image_encode=image_encode,
            steps=tuple(self.steps),
        )
