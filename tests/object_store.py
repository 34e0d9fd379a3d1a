"""An object store that speaks S3 over HTTP, for tests: moto's server, one for a run of pytest."""

from __future__ import annotations

import logging
import secrets
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any


@dataclass(frozen=True)
class Bucket:
    """An empty bucket, and the variables by which it is reached."""

    name: str
    port: int

    @property
    def url(self) -> str:
        """What the setting `files` says."""
        return f"s3://{self.name}/pictures"

    def variables(self, port: int | None = None) -> dict[str, str]:
        """AWS's usual variables; by a relay where its port is given."""
        return {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port or self.port}",
            "AWS_ACCESS_KEY_ID": "tests",
            "AWS_SECRET_ACCESS_KEY": "tests",
            "AWS_REGION": "eu-central-1",
        }


@dataclass(frozen=True)
class Store:
    """The running server."""

    port: int

    def bucket(self) -> Bucket:
        """A new bucket."""
        bucket = Bucket(f"safelight-{secrets.token_hex(6)}", self.port)
        self.ask("PUT", bucket)
        return bucket

    def remove(self, bucket: Bucket) -> None:
        """Delete an empty bucket."""
        self.ask("DELETE", bucket)

    def lose(self, bucket: Bucket) -> None:
        """Have the bucket be gone, with all that is in it, until it is found again."""
        self._buckets()[f"lost {bucket.name}"] = self._buckets().pop(bucket.name)

    def find(self, bucket: Bucket) -> None:
        """Have a bucket that was lost be there again."""
        self._buckets()[bucket.name] = self._buckets().pop(f"lost {bucket.name}")

    def age(self, bucket: Bucket, seconds: float) -> None:
        """Have what is in it be written so much earlier."""
        for key in self._buckets()[bucket.name].keys.values():
            key.last_modified -= timedelta(seconds=seconds)

    def names(self, bucket: Bucket) -> set[str]:
        """What is in it."""
        return set(self._buckets()[bucket.name].keys)

    def _buckets(self) -> dict[str, Any]:
        from moto.s3.models import s3_backends

        buckets: dict[str, Any] = s3_backends["123456789012"]["aws"].buckets
        return buckets

    def ask(self, method: str, bucket: Bucket) -> None:
        address = f"http://127.0.0.1:{self.port}/{bucket.name}"
        body = b"" if method == "DELETE" else _EUROPE
        urllib.request.urlopen(urllib.request.Request(address, body, method=method), timeout=300).close()


_EUROPE = (
    b'<CreateBucketConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
    b"<LocationConstraint>eu-central-1</LocationConstraint></CreateBucketConfiguration>"
)


@contextmanager
def running() -> Iterator[Store]:
    """A server on a free port until the block ends. What it keeps is in memory."""
    from moto.server import ThreadedMotoServer  # takes two seconds to import

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        yield Store(server.get_host_and_port()[1])
    finally:
        server.stop()
