"""`python -P -m safelight.engine.machine.gpu_count` prints how many GPUs the driver of CUDA shows, without torch.

`cuDeviceGetCount` counts those that CUDA_VISIBLE_DEVICES leaves (CUDA Driver API, "Device Management").
"""

from __future__ import annotations

import ctypes


def gpu_count() -> int:
    """0 where the driver is not installed, or has no GPU."""
    try:
        driver = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return 0
    count = ctypes.c_int(0)
    if driver.cuInit(0) != 0 or driver.cuDeviceGetCount(ctypes.byref(count)) != 0:
        return 0
    return count.value


if __name__ == "__main__":
    print(gpu_count())
