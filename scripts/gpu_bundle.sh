#!/usr/bin/env bash
# A folder of wheels for a machine with Python 3.12, a CUDA build of PyTorch 2.11 and NumPy, and no network: what the GPU check
# needs beside them. Safelight itself is not in it, since the check runs from a checkout.
#
#     scripts/gpu_bundle.sh FOLDER
set -euo pipefail
folder=$(mkdir -p "${1:?a folder for the wheels}" && cd "$1" && pwd)
cd "$(dirname "$0")/.."
python=${PYTHON:-.venv/bin/python}
mapfile -t packages < <(grep -v '^#' scripts/gpu_packages.txt)
platforms=()
for glibc in 28 27 24 17; do platforms+=(--platform "manylinux_2_${glibc}_x86_64"); done
# No dependencies: they would bring another PyTorch. gpu_packages.txt is the whole list.
"$python" -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: --dest "$folder" -c constraints.txt \
    --python-version 3.12 --implementation cp --abi cp312 --abi abi3 --abi none \
    "${platforms[@]}" --platform manylinux2014_x86_64 --platform any "${packages[@]}"
size=$(du -sm "$folder" | cut -f1)
echo "$(ls "$folder" | wc -l) wheels, $size MB in $folder"
((size < 50)) || { echo "that is more than 50 MB"; exit 1; }
