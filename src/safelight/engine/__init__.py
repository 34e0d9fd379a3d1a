"""Pixels: runs, stand-ins, the schedule, the worker's loop, loading, image encoding.

Knows tensors; knows no user, no HTTP, no SQL. Importing this package imports nothing heavy:
torch comes with the modules.
"""

import os

# Read by diffusers and transformers when they are first imported, by whichever module of the engine that is: no look-up
# on the network, and no remarks on optional packages.
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
