"""What is to be said to api processes, by process, until somebody takes it along."""

# Tested in tests/service/line/test_policy.py.

from __future__ import annotations

from collections.abc import Mapping, Sequence

from safelight.protocol.cluster.placing import FromLine, Hosts, TellAll


class Outboxes:
    """Of each api process that listens. What is said of jobs to one that does not, or has yet to tell all, is lost: it
    tells all, and is answered then."""

    def __init__(self) -> None:
        self._said: dict[str, list[FromLine]] = {}
        self._to_tell_all: set[str] = set()

    def open(self, api: str, hosts: Hosts) -> None:
        """A process listens from now on, and knows nothing yet."""
        self._said[api] = []
        self.ask_for_all(api)
        self._said[api].append(hosts)

    def ask_for_all(self, api: str) -> None:
        """A process is to tell all, if it listens."""
        if api in self._said:
            self._said[api].append(TellAll())
            self._to_tell_all.add(api)

    def has_told_all(self, api: str) -> None:
        """A process has."""
        self._to_tell_all.discard(api)

    def close(self, api: str) -> None:
        """A process listens no longer."""
        self._said.pop(api, None)
        self._to_tell_all.discard(api)

    def say(self, api: str, message: FromLine) -> None:
        """Something is said to one process, of a job of its."""
        if api in self._said and api not in self._to_tell_all:
            self._said[api].append(message)

    def say_to_all(self, message: FromLine) -> None:
        """Something is said to everybody who listens."""
        for said in self._said.values():
            said.append(message)

    def take(self) -> Mapping[str, Sequence[FromLine]]:
        """What was said since this was asked last, in order."""
        taken = {api: said for api, said in self._said.items() if said}
        for api in taken:
            self._said[api] = []
        return taken
