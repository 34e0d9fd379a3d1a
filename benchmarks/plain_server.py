"""What one writes in an afternoon, to measure against: a thread a connection, a lock around the pipeline, Pillow's PNG.

python -m benchmarks.plain_server PORT SOURCE
"""

from __future__ import annotations

import base64
import io
import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import torch

from benchmarks.peers.with_diffusers import tuned
from safelight.engine.checkpoint.files.location import BUNDLED, location_of
from safelight.postcard.pipeline import PostcardPipeline


def load(source: str) -> Any:
    """The bundled model, or a folder with the best that diffusers has for a CPU with matrix units."""
    if source == BUNDLED:
        return PostcardPipeline.from_pretrained(location_of(source).path)
    return tuned(Path(source), "cpu")


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    pipeline: Any
    lock = threading.Lock()

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        width, height = map(int, asked["size"].split("x"))
        steps = {"num_inference_steps": asked["steps"]} if "steps" in asked else {}
        with self.lock, torch.no_grad():
            generator = torch.Generator().manual_seed(asked.get("seed", 0))
            picture = self.pipeline(
                prompt=asked["prompt"], width=width, height=height, generator=generator, **steps
            ).images[0]
        file = io.BytesIO()
        picture.save(file, "PNG")
        text = base64.b64encode(file.getvalue()).decode()
        answer = json.dumps({"created": 0, "data": [{"b64_json": text}]}).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""


def main() -> None:
    Handler.pipeline = load(sys.argv[2])
    Handler.pipeline.set_progress_bar_config(disable=True)
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()


if __name__ == "__main__":
    main()
