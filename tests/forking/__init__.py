"""Processes of `safelight` that tests start, forked from one that has imported it: the half second that each would
import for is spent once.

A test starts a command as ever, by `subprocess`. Where that is `python -P -m safelight …`, `starting.py` asks a
template (`template.py`, one for each of pytest's processes, started when it is first needed) to fork. What comes of it
is a process as any other: a child of the one that asked, with its own number, arguments, environment, working
directory, streams, signals and status. Only the modules are there before it begins, and are not executed again.

Started as ever, by `exec`, is what could differ: whoever passes a limit, a mask, another user or a program to be run
in between; whose environment has another value for what was read while the template imported, or for what the
interpreter, its loader or its libraries read when they start; and what asks for that, by `anew`.
"""
