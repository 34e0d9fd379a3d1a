"""Processes of `safelight` that tests start, forked from one that has imported it: the half second that each would
import for, or four where it is PyTorch and diffusers, is spent once.

A test starts a command as ever, by `subprocess`. Where that is `python -P -m safelight …`, or what our own code starts
in a test to draw or to look at a checkpoint, `starting.py` asks a template (`template.py`, two for each of pytest's
processes, each started when it is first needed) to fork. What comes of it is a process as any other: a child of the
one that asked, with its own number, arguments, environment, working directory, streams, signals and status. Only the
modules are there before it begins, and are not executed again.

Started as ever, by `exec`, is what could differ: whoever passes a limit, a mask, another user or a program to be run
in between; whose environment has another value for what was read while the template imported, or for what the
interpreter, its loader or its libraries read when they start; what draws with a model that needs other modules
(`engine.py`); what a server starts; and what asks for that, by `anew`.
"""
