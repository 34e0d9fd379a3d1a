"""Weights that are read once in a while: in a file, from which the kernel brings them back, and out of memory."""

# Tested in tests/engine/test_openvino_paging.py.

from __future__ import annotations

import ctypes
import logging
import mmap
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import torch

from safelight.engine.machine.cpu.allocator import give_back

log = logging.getLogger(__name__)

_PAGEOUT = 21  # MADV_PAGEOUT of Linux 5.4: the same number on every architecture that PyTorch runs on
_LEAST_BYTES = 64 * 1024
_ALIGNED = 4096


def lay_in_file(module: torch.nn.Module, folder: Path | None) -> None:
    """Move a module's weights that are in memory alone to a file in that folder, mapped and without a name, so that it
    goes with this process. A checkpoint in the model's own number format is mapped by the library that reads it.

    Where there is no folder, or no room, they stay as they are.
    """
    if folder is None or not sys.platform.startswith("linux"):
        return
    mapped = [*_mapped_files()]
    tensors = [
        tensor for tensor in _large(module) if not any(first <= tensor.data_ptr() < end for first, end in mapped)
    ]
    size = sum(_aligned(tensor.nbytes) for tensor in tensors)
    if not size:
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            for tensor in tensors:
                file.write(_bytes_of(tensor).numpy().data)
                file.seek(_aligned(file.tell()))
            file.truncate(size)
            file.flush()
            place = mmap.mmap(file.fileno(), size, mmap.MAP_PRIVATE, mmap.PROT_READ | mmap.PROT_WRITE)
    except OSError as error:
        log.warning("weights stay in memory beside OpenVINO's: no file could be written (%s)", error.strerror)
        return
    at = 0
    for tensor in tensors:
        numbers = torch.frombuffer(place, dtype=torch.uint8, count=tensor.nbytes, offset=at)
        at += _aligned(tensor.nbytes)
        tensor.data = numbers.view(tensor.dtype).view(tensor.shape)
    give_back()  # what they took in memory, before OpenVINO needs as much


def put_away(module: torch.nn.Module) -> None:
    """Have the kernel take back the pages of a module's weights, as far as it can bring them back from a file (or from
    swap): whoever reads them next waits for the disk. Nothing is lost whatever was written to them. What conversion and
    compiling took and freed goes back as well: several times the weights."""
    give_back()
    if not sys.platform.startswith("linux"):
        return
    madvise = ctypes.CDLL(None).madvise
    for tensor in _large(module):
        first = _aligned(tensor.data_ptr())
        length = (tensor.data_ptr() + tensor.nbytes) // _ALIGNED * _ALIGNED - first
        if length > 0:
            madvise(ctypes.c_void_p(first), ctypes.c_size_t(length), _PAGEOUT)


def _large(module: torch.nn.Module) -> Iterator[torch.Tensor]:
    """Its weights and buffers that are worth a page, as they lie in memory."""
    for tensor in (*module.parameters(), *module.buffers()):
        if tensor.nbytes >= _LEAST_BYTES and tensor.is_contiguous():
            yield tensor


def _bytes_of(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.detach().reshape(-1).view(torch.uint8)


def _aligned(size: int) -> int:
    return -(-size // _ALIGNED) * _ALIGNED


def _mapped_files() -> Iterator[tuple[int, int]]:
    """Where files lie in this process's memory (proc_pid_maps(5))."""
    for line in Path("/proc/self/maps").read_text().splitlines():
        place, _, _, _, inode, *_ = line.split()
        if inode != "0":
            first, _, end = place.partition("-")
            yield int(first, 16), int(end, 16)
