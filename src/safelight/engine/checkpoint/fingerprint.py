"""A short name for everything that the bytes of a picture depend on beside its job.

Two workers with the same fingerprint draw the same bytes. So whatever might change the last bit of a float is in it,
the processor and the number of threads included: a sum split in three is not the same sum split in two.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch

from safelight import __version__
from safelight.contract.checkpoints.split_weights import blocks_of, size_of
from safelight.engine.machine.device import processor_name, reference_threads, versions
from safelight.engine.output.encode import encoder_settings
from safelight.engine.tuning import attention, packed_layers, packing

_HEX_DIGITS = 16
_LOADED = (".safetensors", ".json", ".txt", ".model")
_SHA256 = re.compile(r"[0-9a-f]{64}")


def fingerprint(
    files: Iterable[Path], *, pipeline_class: type, defaults: dict[str, Any], dtype: str, device: str
) -> str:
    """16 hexadecimal digits over weights, code, settings and machine. `defaults` are what a job may leave open."""
    facts = {
        "files": files_digest(files),
        "pipeline": f"{pipeline_class.__module__}.{pipeline_class.__qualname__}",
        "defaults": defaults,
        "dtype": dtype,
        "machine": _device_facts(device),
        "versions": versions() | {"safelight": __version__},
        "encoder": encoder_settings(),
    }
    if not pipeline_class.__module__.startswith("diffusers."):
        facts["code"] = files_digest(_code_beside(pipeline_class))
    if device == "cpu" and dtype in ("bfloat16", "float32-packed"):  # what computes is ours: the same holds for it
        facts["layers"] = files_digest(Path(inspect.getfile(module)) for module in (packing, packed_layers, attention))
    text = json.dumps(facts, sort_keys=True, default=repr)
    return hashlib.sha256(text.encode()).hexdigest()[:_HEX_DIGITS]


def _code_beside(pipeline_class: type) -> Iterable[Path]:
    """Code and drawings of a pipeline of our own: the version alone would miss a change between two releases."""
    home = Path(inspect.getfile(pipeline_class)).parent
    for path in home.rglob("*"):
        if path.is_file() and path.suffix not in (*_LOADED, ".pyc"):
            yield path


def files_digest(paths: Iterable[Path]) -> str:
    """SHA-256 over files, their names and order included; of split weights, over the whole ones. Some 1.5 GB/s.

    A large file in the hub's cache is a link to one that is named by its SHA-256, which was checked when it came.
    """
    digest = hashlib.sha256()
    for path in sorted(paths):
        digest.update(f"{path.name}:{size_of(path)}:".encode())
        if path.is_symlink() and _SHA256.fullmatch(path.resolve().name):
            digest.update(path.resolve().name.encode())
            continue
        for block in blocks_of(path):
            digest.update(block)
    return digest.hexdigest()


def _device_facts(device: str) -> dict[str, Any]:
    if device.startswith("cuda"):
        properties = torch.cuda.get_device_properties(device)
        capability = [properties.major, properties.minor]
        exact = {"tf32": torch.backends.cudnn.allow_tf32}
        return {"kind": "cuda", "name": properties.name, "capability": capability, "cuda": torch.version.cuda} | exact
    return {
        "kind": device,
        "processor": processor_name(),
        "instruction_set": torch.backends.cpu.get_cpu_capability(),
        "threads": reference_threads(),
        "mkl": os.environ.get("MKL_CBWR", ""),
    }
