"""The engine's loop: receive, choose, run, emit."""
