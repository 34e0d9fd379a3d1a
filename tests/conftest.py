"""What holds for every test."""

from __future__ import annotations

import signal

# A shell starts what it puts in the background with SIGINT ignored, and processes hand that down to those they start:
# Ctrl-C, which some tests send, would not arrive.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
