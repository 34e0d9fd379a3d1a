"""What the api process and a worker say to each other: typed and versioned structs.

The struct's tag says which message it is. The worker opens with `Hello`. Every `Draw` ends in one of `Finished`,
`Failed`, `Cancelled`, every `Embed` in one of `Embedded`, `Failed`, `Cancelled`; or either with the worker itself.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from safelight.contract.models.costs import CostPoint
from safelight.contract.models.options import ModelOptions
from safelight.contract.models.traits import Traits
from safelight.contract.requests.order import Order
from safelight.contract.requests.prompt_cut import PromptCut
from safelight.contract.requests.sentences import EmbedOrder
from safelight.protocol.times import StageAge, Timings, Work

PROTOCOL_VERSION = 13

Tier = Literal["exact", "throughput"]
"""Whether the same request with the same seed gives the same bytes, or may differ in the last bits of a batch."""

Dtype = Literal["auto", "float32", "float32-packed", "bfloat16", "float16"]
"""A number format of weights. `float32-packed`: float32 whose weights lie as oneDNN multiplies them, on a processor."""

RefusalCode = Literal[
    "content_policy_violation",
    "unsupported_operation",
    "unknown_parameter",
    "missing_required_parameter",
    "invalid_value",
    "invalid_image",
]
"""Why an order is refused for what it asks for: the code of an answer with status 400."""
FailureCode = Literal["internal_error", RefusalCode]
"""Why a picture cannot be had: something is wrong on our side, or the order is refused."""


class Message(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Whatever crosses the socket."""


# From the api process to a worker


class LoraSpec(msgspec.Struct, frozen=True, kw_only=True):
    """A LoRA that requests may name, and its `.safetensors` file. How much it counts is said with each picture."""

    name: str
    file: str


class ModelSpec(msgspec.Struct, frozen=True, kw_only=True):
    """A model that a worker shall load.

    `source` is `"postcard"`, a folder in diffusers' layout, a `.safetensors` file, or `org/name` (`@revision` after it
    where one is meant) in the hub's cache on this machine, at `commit` if that is known. Nothing is fetched. `loras`
    are those that the operator has for it; an order's option `loras` says which count for it, and how much.
    """

    source: str
    dtype: Dtype = "auto"
    options: ModelOptions = ModelOptions()
    commit: str | None = None
    pinned: bool = False
    loras: tuple[LoraSpec, ...] = ()


class EncoderSpec(msgspec.Struct, frozen=True, kw_only=True):
    """A sentence encoder that a worker shall have: the bundled one, a folder, or `org/name` as in `ModelSpec`. It is
    loaded by the first text that comes for it."""

    source: str
    commit: str | None = None


class Configure(Message, frozen=True):
    """The first message: what to load and how to run. `threads` 0 means the cores that the process may use;
    with `try_threads` fewer are tried when a model is loaded, and used where they are faster and change no byte.

    `memory_bytes` bounds what all models together may take; 0 means four fifths of the device's. `host_memory_bytes`
    bounds what those that are put away may keep in the host's memory; None means a share of what is free there, by the
    number of `workers` on the machine, of which this is one by its `number` from 0. `warm_up_seconds` bounds what
    measuring a model after loading may take; `measured` is the folder where it is kept.
    """

    models: tuple[ModelSpec, ...]
    device: str = "auto"
    threads: int = 0
    try_threads: bool = False
    max_runs: int = 8
    merge: bool = False
    cuda_graphs: bool = False
    memory_bytes: int = 0
    host_memory_bytes: int | None = None
    workers: int = 1
    number: int = 0
    warm_up_seconds: float = 0.0
    measured: str | None = None
    encoders: tuple[EncoderSpec, ...] = ()


class Draw(Message, frozen=True):
    order: Order


class Embed(Message, frozen=True):
    order: EmbedOrder


class Cancel(Message, frozen=True):
    """Stop that job at its next step; unknown ids are ignored (it may just have ended)."""

    job_id: str


class Watch(Message, frozen=True):
    """Send previews of that job after its steps, at most `longest` pixels a side; 0: no more. Unknown ids: ignored."""

    job_id: str
    longest: int


class ShareCores(Message, frozen=True):
    """So many workers draw on this machine now, that one included: its cores are theirs to share."""

    busy: int


class Ping(Message, frozen=True):
    """Answered at once by `Pong`, whatever is being drawn."""

    number: int


Command = Configure | Draw | Embed | Cancel | Watch | ShareCores | Ping


# From a worker to the api process


class Hello(Message, frozen=True):
    pid: int
    version: int = PROTOCOL_VERSION


class ModelDescribed(Message, frozen=True):
    """What that model can do; comes before its weights are loaded."""

    source: str
    traits: Traits


class ModelLoading(Message, frozen=True):
    """That model is loaded, or waits for its turn to be; `seconds` is how long until it is expected to be ready.

    `begun`: from now on it is this one that is loaded, and no other, until it is ready or failed.
    """

    source: str
    seconds: float
    begun: bool = False


class ModelReady(Message, frozen=True):
    """That model can draw. `seconds` is how long loading took, `costs` what was measured then, `bytes` its weights.

    `workers`: how many of them would serve it best on this machine, by what was measured.
    `moved`: it was not loaded, but came back from the host's memory, which took `seconds`.
    """

    source: str
    fingerprint: str
    device: str
    steps: int
    seconds: float
    costs: tuple[CostPoint, ...] = ()
    bytes: int = 0
    moved: bool = False
    workers: int = 1


class ModelResting(Message, frozen=True):
    """That model was put away for the room that others need; the next job for it has it moved back from the host's
    memory (`"host"`), or loaded again (`"none"`). One that is in the host's memory may be dropped from there later."""

    source: str
    where: Literal["host", "none"]


class ModelFailed(Message, frozen=True):
    """That model cannot be loaded; `reason` is for callers too, so it holds no path."""

    source: str
    reason: str


class EncoderReady(Message, frozen=True):
    """That sentence encoder is here, and gives `dimensions` numbers for a text. `bytes` is its weights, 0 until they
    are loaded."""

    source: str
    dimensions: int
    device: str = "cpu"
    bytes: int = 0


class EncoderFailed(Message, frozen=True):
    """That sentence encoder cannot be had; `reason` is for callers too, so it holds no path."""

    source: str
    reason: str


class Started(Message, frozen=True):
    """A model of that `fingerprint` draws the job from now on; empty: whoever says so does not know it."""

    job_id: str
    fingerprint: str = ""


class Stepped(Message, frozen=True):
    """`step` of `steps` is done."""

    job_id: str
    step: int
    steps: int


class Preview(Message, frozen=True):
    """What the picture of that job looks like after a step, as a small JPEG."""

    job_id: str
    step: int
    steps: int
    image: bytes


class Finished(Message, frozen=True):
    """That job's picture, as a file. `cuts` are the prompts of which something was not read, `work` is who drew it
    and when."""

    job_id: str
    image: bytes
    fingerprint: str
    timings: Timings
    tier: Tier = "exact"
    cuts: tuple[PromptCut, ...] = ()
    work: Work | None = None


class Failed(Message, frozen=True):
    """That job cannot be drawn. `retry_helps` false: the same job would fail again. `code` is the one of the answer;
    of a refusal `param` is the request's parameter that it is about."""

    job_id: str
    reason: str
    retry_helps: bool = True
    code: FailureCode = "internal_error"
    param: str | None = None


class Embedded(Message, frozen=True):
    """The texts of that job as vectors of length 1: `vectors` holds their numbers in float32, little endian, text by
    text. `tokens` were read of all texts together, `cut` texts only in part. `seconds` is how long computing took."""

    job_id: str
    vectors: bytes
    tokens: int
    cut: int
    seconds: float


class Cancelled(Message, frozen=True):
    job_id: str


class Pong(Message, frozen=True):
    """`stages` is all that is under way in the worker's threads; `device_bytes` what it holds of an accelerator's
    memory, `device_percent` how much of the last moments that computed, whoever had it do so; None: nobody says."""

    number: int
    stages: tuple[StageAge, ...] = ()
    device_bytes: int = 0
    device_percent: int | None = None


End = Finished | Embedded | Failed | Cancelled
"""How a job ends; each does so once."""
JobEvent = Started | Stepped | Preview | End
ModelEvent = ModelDescribed | ModelLoading | ModelReady | ModelResting | ModelFailed
Event = Hello | ModelEvent | EncoderReady | EncoderFailed | JobEvent | Pong
