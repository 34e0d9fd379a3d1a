"""In the place of Python for the recipe's test: what `run.sh` has it do, and then what the variable `AGAIN` says, in
two processes that train together. PyTorch and the recipe's libraries, five seconds of a processor, are imported once.

    AGAIN="-m training.postcard.recipe train …" python -m tests.training.one_import -m training.postcard.recipe …
"""

# Tested in tests/training/test_postcard_recipe.py.

from __future__ import annotations

import gc
import os
import runpy
import shlex
import sys

from benchmarks.server import free_port


def begun(words: list[str], **variables: str) -> int:
    """The number of a process that does what `python` does with those words."""
    if pid := os.fork():
        return pid
    os.environ.update(variables)
    option, module, *arguments = words
    assert option == "-m"
    del sys.modules[module]
    sys.argv[1:] = arguments
    runpy.run_module(module, run_name="__main__", alter_sys=True)
    sys.exit()


def end(*processes: int) -> None:
    """Wait for all of them. One that failed has said why."""
    statuses = [os.waitpid(process, 0)[1] for process in processes]
    if any(statuses):
        sys.exit("a process of the recipe failed")


def import_recipe() -> None:
    """Before what is forked; it starts no thread. Left to itself, each process would go through all of that once more
    when it ends, and have a copy of it made meanwhile: three seconds each.
    """
    gc.disable()
    import training.postcard.recipe  # noqa: F401

    gc.freeze()
    gc.enable()


def main() -> None:
    import_recipe()
    end(begun(sys.argv[1:]))
    again = shlex.split(os.environ["AGAIN"])
    meeting = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port())}
    end(*(begun(again, RANK=rank, **meeting) for rank in ("0", "1")))


if __name__ == "__main__":
    main()
