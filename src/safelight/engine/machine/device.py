"""What the machine has: cores that this process may use, memory, matrix units, accelerators."""

from __future__ import annotations

import os
import platform
import re
from pathlib import Path

from safelight.contract.errors import ConfigurationError

_CGROUP = Path("/sys/fs/cgroup")
_PROC = Path("/proc")
_reference = 0


def usable_cores(cgroup: Path = _CGROUP, proc: Path = _PROC) -> int:
    """Cores by CPU affinity and cgroup quota (v2 `cpu.max`, v1 `cpu.cfs_quota_us`), rounded down, at least 1."""
    try:
        cores = len(os.sched_getaffinity(0))
    except AttributeError:  # macOS and Windows have no affinity
        cores = os.cpu_count() or 1
    for quota in (_quota_v2(cgroup, proc), _quota_v1(cgroup)):
        if quota is not None:
            cores = min(cores, int(quota))
    return max(1, cores)


def _quota_v2(cgroup: Path, proc: Path) -> float | None:
    """The smallest quota on the way from the root to this process's group."""
    text = _read(proc / "self" / "cgroup") or "0::/"
    group = next((line[3:] for line in text.splitlines() if line.startswith("0::")), "/").strip("/")
    folder, quotas = cgroup, []
    for part in ("", *group.split("/")):
        folder = folder / part
        quota, _, period = (_read(folder / "cpu.max") or "max").partition(" ")
        if quota.isdigit() and period.strip().isdigit():
            quotas.append(int(quota) / int(period))
    return min(quotas, default=None)


def _quota_v1(cgroup: Path) -> float | None:
    quota = _read(cgroup / "cpu" / "cpu.cfs_quota_us")
    period = _read(cgroup / "cpu" / "cpu.cfs_period_us")
    if quota is None or period is None or int(quota) <= 0:
        return None
    return int(quota) / int(period)


def usable_memory(cgroup: Path = _CGROUP) -> int | None:
    """Bytes of memory that this process may use: what is installed, or the cgroup's limit."""
    try:
        installed = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError):
        return None
    limits = [_read(cgroup / "memory.max"), _read(cgroup / "memory" / "memory.limit_in_bytes")]
    return min([installed, *(int(limit) for limit in limits if limit is not None and limit.isdigit())])


def _read(path: Path) -> str | None:
    try:
        return path.read_text().strip()
    except OSError:
        return None


def processor_name() -> str:
    """What the processor calls itself."""
    for line in (_read(_PROC / "cpuinfo") or "").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def choose_device(wanted: str, number: int = 0) -> str:
    """`"auto"` to the best device there is: CUDA, then MPS, then the CPU; any other name is checked.

    `number` is which worker asks: with `"auto"` and `"cuda"` each takes the next of several CUDA devices, anew after
    the last. A name with an index is that device for every worker.

    Raises:
        ConfigurationError: that device is not here.
    """
    available = accelerators()
    spread = available if wanted == "auto" else [name for name in available if name.startswith("cuda")]
    if wanted in ("auto", "cuda") and spread:
        return spread[number % len(spread)]
    if wanted == "auto":
        return "cpu"
    if wanted not in ("cpu", *available):
        raise ConfigurationError(f"There is no device {wanted!r} here. Devices: {', '.join(['cpu', *available])}.")
    return wanted


def use_device(device: str) -> None:
    """Make that device the calling thread's own: what names none (a stream, the state of a generator) means it.

    Of cuDNN's convolutions those whose sums have one order alone are used: it may choose others, whose bytes differ
    from call to call (pytorch.org/docs/stable/notes/randomness.html, "CUDA convolution determinism"). And float32 means
    float32: PyTorch would let cuDNN round what it convolves to the 10 bits of TensorFloat-32, in decoders that are kept
    in float32 because fewer bits overflow as well (pytorch.org/docs/stable/notes/cuda.html, "TensorFloat-32").
    """
    import torch

    if device.startswith("cuda"):
        torch.cuda.set_device(device)
        torch.backends.cudnn.deterministic = True
        torch.backends.cudnn.allow_tf32 = False  # as it is for products of matrices already


def default_dtype(device: str) -> str:
    """What `"auto"` means on a device: bfloat16 where its arithmetic is in hardware, else float32.

    Not float16 anywhere: many checkpoints overflow in it. CPUs have bfloat16 with AMX, AVX512-BF16, or Arm's BF16; how
    much faster that is on Arm was not measured.
    """
    return "bfloat16" if has_bfloat16(device) else "float32"


def before_import(threads: int, workers: int = 1) -> None:
    """What PyTorch reads once, when it is imported. `threads` 0 means the usable cores; so many `workers` have as many
    each, from the start.

    Where that is more than there are cores, threads that wait sleep at once: workers are each other's busy neighbours,
    beside which a step that spins takes three times as long (68 to 120 ms, and 24 to 34 without).
    """
    cores = usable_cores()
    os.environ["OMP_NUM_THREADS"] = str(threads or cores)
    os.environ.setdefault("GOMP_SPINCOUNT", str(_spins() if (threads or cores) * workers <= cores else 0))


def prepare(threads: int) -> None:
    """Make PyTorch ready in this process; call in the engine's thread, before it starts another.

    `threads` 0 means the usable cores. Denormals are flushed: they appear as latents fade and cost up to 100 times the
    arithmetic's time. Flags of that kind are per thread and handed down to the threads started after.
    """
    global _reference
    before_import(threads)
    import torch

    _reference = threads or usable_cores()
    torch.set_num_threads(_reference)
    torch.set_flush_denormal(True)
    torch.set_grad_enabled(False)


def reference_threads() -> int:
    """The number of threads whose bytes are this process's; others may compute with fewer where those are the same."""
    import torch

    return _reference or torch.get_num_threads()


def _spins() -> int:
    """How often a thread that waits for the others looks again before it sleeps: for about 0.15 ms.

    Longer, and whatever else runs on the cores waits too; shorter, and every operation waits for a thread to wake. A
    Postcard picture on two cores of a Xeon, alone and beside a busy client: 392 and 318 ms with 1,000 looks, 297 and
    432 with 3,000, 295 and 678 with 10,000, 270 and 1242 with 300,000 (GNU's own). A look takes 140 cycles on Intel's
    processors since Skylake, some 40 on others.
    """
    return 3_000 if "Intel" in processor_name() else 10_000


def versions() -> dict[str, str]:
    """The packages that drawing depends on, and Python."""
    from importlib.metadata import PackageNotFoundError, version

    found = {"python": platform.python_version()}
    for name in ("torch", "diffusers", "transformers", "safetensors", "pillow", "isal", "pyvips-binary"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "missing"
    return found


def cpu_bfloat16(proc: Path = _PROC) -> tuple[str, ...]:
    """Which of the CPU's units for bfloat16 there are, as Linux names them: `bf16` is Arm's."""
    line = re.search(r"^(?:flags|Features)\s*:(.*)$", _read(proc / "cpuinfo") or "", re.MULTILINE)
    flags = line[1].split() if line else []
    return tuple(name for name in ("avx512_bf16", "amx_bf16", "bf16") if name in flags)


def has_bfloat16(device: str) -> bool:
    """Whether the arithmetic of bfloat16 is in that device's hardware."""
    import torch

    if device.startswith("cuda"):
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return device == "cpu" and bool(cpu_bfloat16())


def accelerators() -> list[str]:
    """What there is beside the CPU, best first, as `torch.device` names it."""
    import torch

    found = [f"cuda:{index}" for index in range(torch.cuda.device_count())]
    return found + (["mps"] if torch.backends.mps.is_available() else [])
