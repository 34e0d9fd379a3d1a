"""Processes that tests start, forked from one that has imported what they need: half a second for `safelight`, four for
PyTorch and diffusers, six for one of pytest's own processes, are spent once.

A test starts a command as ever, by `subprocess`. Where that is `python -P -m safelight …`, or what our own code starts
to draw or to look at a checkpoint (`asked.py`), `starting.py` asks a template (`template.py`, two for each of pytest's
processes, each started when it is first needed, by `template_client.py`) to fork. What comes of it is a process as any
other: a child of the one that asked, with its own number, arguments, environment, working directory, streams, signals
and status. Only the modules are there before it begins, and are not executed again.

What draws has the bundled model as well, which the template loads before it first forks such a process: a copy of it,
in memory that is shared until somebody writes there. Another model is loaded as ever, and so is that one when it is
wanted again.

A command that draws starts what imports PyTorch as a child of its own. It begins anew, with nothing imported, but has a
child beside it from which that is forked. xdist's processes are forked where tests of the engine or the API are among
those that are asked for (`engine_suite.py`, `suite.py`).

Started as ever, by `exec`, is what could differ: whoever passes a limit, a mask, another user or a program to be run
in between; whose environment has another value for what was read while the template imported, or for what the
interpreter, its loader or its libraries read when they start; what draws with a model that needs other modules
(`engine.py`); what a server starts by its event loop; and what asks for that, by `anew`.
"""
