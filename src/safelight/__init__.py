"""Safelight: a self-hosted image generation service.

The floors, from the ground up: `contract`, then `engine` and `postcard` (pixels) beside `service` and `adapters`
(use cases and the outside), `api` (HTTP) and `cli` on top; `bootstrap` is where concrete classes meet.
"""

__version__ = "0.1.0"
