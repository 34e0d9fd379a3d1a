#!/usr/bin/env bash
# Everything that only a GPU can show, in eight minutes and without a network. Run from a checkout:
#
#     scripts/gpu_check.sh FOLDER [options of python -m benchmarks.gpu]
#
# FOLDER holds the wheels that scripts/gpu_bundle.sh made; - takes what the interpreter already has. PYTHON chooses it.
set -euo pipefail
wheels=${1:?the folder of wheels, or -}
shift
[[ $wheels == - ]] || wheels=$(cd "$wheels" && pwd)
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}
if [[ $wheels != - ]]; then
    site=$(mktemp -d)
    trap 'rm -rf "$site"' EXIT
    "$python" -c 'import numpy, torch' || { echo "PyTorch and NumPy must be there already."; exit 2; }
    # Beside what is installed, not into it: nothing of the machine changes.
    "$python" -m pip install --quiet --disable-pip-version-check --no-index --no-deps --target "$site" "$wheels"/*.whl
    export PYTHONPATH="$PWD/src:$PWD:$site${PYTHONPATH:+:$PYTHONPATH}"
else
    export PYTHONPATH="$PWD/src:$PWD${PYTHONPATH:+:$PYTHONPATH}"
fi
export HF_HUB_OFFLINE=1 PYTHONDONTWRITEBYTECODE=1
"$python" -m benchmarks.gpu "$@"
