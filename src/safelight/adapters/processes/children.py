"""How this package's own programs are started as processes of their own: by which command, and with what environment.

A child runs code of the installed packages and no other: with `python -m` Python looks for modules in the working
directory first, where a file called `torch.py` may lie. `-P` keeps it from that, and the variable does the same for
what the child starts itself, such as the compilers of torch.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping

# The same bytes from every worker: no order by a hash seed, no sums that depend on where memory happens to lie. MKL's
# "AUTO" promises that for one processor and number of threads, both of which are in the fingerprint; "COMPATIBLE", the
# same on all processors, leaves AVX512 and AMX unused: a step of Postcard took 19 ms instead of 11.
# NumPy's library starts its threads when it is imported, and a process with threads cannot be forked.
_DEFAULTS = {"PYTHONHASHSEED": "0", "MKL_CBWR": "AUTO", "HF_HUB_OFFLINE": "1", "OPENBLAS_NUM_THREADS": "1"}
_ALWAYS = {"PYTHONSAFEPATH": "1"}

# What is handed on: docs/operations.md says it too. Everything else is left out, since it may be a secret (a key of
# ours, a token of the hub, the password of a database or a bucket), and code that draws has no use for it.
_NAMES = frozenset(
    """
    PATH HOME USER LOGNAME LANG LANGUAGE TZ TMPDIR TEMP TMP VIRTUAL_ENV CONDA_PREFIX CC CXX
    LD_LIBRARY_PATH LD_PRELOAD DYLD_LIBRARY_PATH DYLD_FALLBACK_LIBRARY_PATH GLIBC_TUNABLES
    SSL_CERT_FILE SSL_CERT_DIR REQUESTS_CA_BUNDLE CURL_CA_BUNDLE
    HTTP_PROXY HTTPS_PROXY ALL_PROXY NO_PROXY FTP_PROXY
    """.split()  # noqa: SIM905 - a list of words reads better so
)
_BEGINNINGS = """
    LC_ XDG_ PYTHON TORCH PYTORCH_ ATEN_ CUDA CUBLAS CUDNN_ NVIDIA_ NCCL_ HIP_ HSA_ ROCM ROCR_ MIOPEN_ AMD_ GPU_ ONEAPI_
    ZE_ SYCL_ TRITON_ INDUCTOR_ OMP_ GOMP_ KMP_ MKL_ DNNL_ ONEDNN_ OPENBLAS_ BLIS_ NUMEXPR_ MALLOC_
    HF_ TRANSFORMERS_ DIFFUSERS_ TOKENIZERS_ SAFETENSORS_ ACCELERATE_ BNB_ BITSANDBYTES_
"""
_PREFIXES = tuple(_BEGINNINGS.split())
_SECRET = re.compile(r"TOKEN(?!IZERS)|SECRET|PASSWORD|CREDENTIAL|(?:^|_)(?:API_?)?KEY(?:$|_)")


def python_module(module: str, *arguments: str) -> tuple[str, ...]:
    """The command that runs a module of this package by the Python that runs us."""
    return (sys.executable, "-P", "-m", module, *arguments)


def child_environment(variables: Mapping[str, str] = os.environ) -> dict[str, str]:
    """What a child that draws gets of the environment: what torch, its devices, the hub's libraries and the locale
    need, and no secret. An empty part of `PYTHONPATH` stands for the working directory, and is left out.
    """
    handed_on = {name: value for name, value in variables.items() if _is_handed_on(name.upper())}
    path = [part for part in handed_on.pop("PYTHONPATH", "").split(os.pathsep) if part]
    return _DEFAULTS | handed_on | ({"PYTHONPATH": os.pathsep.join(path)} if path else {}) | _ALWAYS


def _is_handed_on(name: str) -> bool:
    return (name in _NAMES or name.startswith(_PREFIXES)) and not _SECRET.search(name)
