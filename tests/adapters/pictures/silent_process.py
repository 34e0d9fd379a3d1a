"""Stands where the process that decodes does, says that it is ready, and then nothing."""

from __future__ import annotations

import argparse
import socket

from safelight.adapters.pictures.wire import Ready, send_head

if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--fd", type=int, required=True)
    with socket.socket(fileno=parser.parse_args().fd) as connection:
        send_head(connection, Ready())
        while connection.recv(1 << 16):
            pass
