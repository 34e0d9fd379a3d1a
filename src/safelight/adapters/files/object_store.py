"""Everything that is an object store's alone: how it is opened, how long it may take, and what its errors mean."""

# Tested in tests/adapters/files/test_object_store.py.

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import TYPE_CHECKING

from obstore.exceptions import BaseError
from obstore.store import ObjectStore, from_url

from safelight.service.ports.stores.files import FilesAway

if TYPE_CHECKING:
    from obstore.store import ClientConfig, RetryConfig

# Somebody waits for what is read, and is told within 5 s that it cannot be had.
READ_SECONDS = 4.0
# A picture of 20 MB over a line of 10 Mbit/s takes 16 s. Whoever writes tries again, so longer helps nobody.
WRITE_SECONDS = 30.0
# Nothing tells how far a write is. What takes longer than this is slow if the store answers something else meanwhile.
LOOK_SECONDS = 1.0
# A page of a list has 1,000 names; nobody waits for it.
LIST_SECONDS = 30.0

_CLIENT: ClientConfig = {"connect_timeout": timedelta(seconds=2), "timeout": timedelta(seconds=WRITE_SECONDS)}
# A lost connection or a single 503 is nothing that anybody needs to hear of. What lasts longer is told.
_RETRY: RetryConfig = {
    "max_retries": 3,
    "retry_timeout": timedelta(seconds=3),
    "backoff": {"init_backoff": timedelta(milliseconds=100), "max_backoff": timedelta(seconds=1), "base": 2},
}
# The names by which the store knows its endpoint, as AWS's own tools do; the first that is set counts.
_ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT")
_STATUS = re.compile(r"status code: (\d{3})")
# Where AWS's machines are asked for credentials when no variable gives any.
_METADATA_SERVICE = "169.254.169.254"
# A missing bucket is a 404 like a missing file. Only the body tells them apart, which an answer to HEAD does not have.
_NO_BUCKET = "<Code>NoSuchBucket</Code>"


def connect(url: str) -> ObjectStore:
    """The store of a URL like `s3://bucket/prefix`. Credentials and endpoint come from the platform's usual variables;
    nothing is connected yet.

    Raises:
        BaseError, ValueError: it names no store.
    """
    endpoint = next((os.environ[name] for name in _ENDPOINTS if os.environ.get(name)), "")
    # An endpoint that is written with http:// is meant so, as in a private network; AWS_ALLOW_HTTP is then not needed.
    client = _CLIENT | {"allow_http": True} if endpoint.startswith("http://") else _CLIENT
    return from_url(url, client_options=client, retry_config=_RETRY)


@contextmanager
def told(where: str, seconds: float) -> Iterator[None]:
    """Turns what an object store raises into `FilesAway`, in words. A missing file stays a FileNotFoundError.

    Raises:
        FilesAway: the store did not answer within these seconds, or refused.
        FileNotFoundError: there is no such file.
    """
    try:
        yield
    except TimeoutError:
        raise FilesAway(f"{where} did not answer within {seconds:g} s") from None
    except (FileNotFoundError, BaseError) as error:
        said = str(error)
        if _NO_BUCKET in said:
            raise FilesAway(f"{where}: there is no such bucket") from None
        if isinstance(error, FileNotFoundError):
            raise
        raise FilesAway(f"{where}: {_in_words(said)}") from error


async def while_it_answers(writing: Awaitable[object], ask: Callable[[], Awaitable[object]]) -> None:
    """Wait for a write as long as the store answers what it is asked meanwhile, whatever it says to that.

    Raises:
        TimeoutError: it answered nothing for `READ_SECONDS`.
    """
    written, answering = asyncio.ensure_future(writing), asyncio.ensure_future(_answers(ask))
    try:
        await asyncio.wait((written, answering), return_when=asyncio.FIRST_COMPLETED)
        if not written.done():
            answering.result()
        written.result()
    finally:
        for task in (written, answering):
            task.cancel()
        await asyncio.gather(written, answering, return_exceptions=True)


async def _answers(ask: Callable[[], Awaitable[object]]) -> None:
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        with suppress(FileNotFoundError, BaseError):
            async with asyncio.timeout(READ_SECONDS - LOOK_SECONDS):
                await ask()


def _in_words(said: str) -> str:
    """The first line of what the store says, which names the request; the rest repeats it as a structure. The addresses
    in it are the operator's own, and are logged, never answered.
    """
    line = said.partition("\n")[0]
    if _METADATA_SERVICE in line:
        return f"there are no credentials; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY. {line}"
    status = _STATUS.search(line)
    if status is not None and status[1] in ("401", "403"):
        return f"access was denied ({status[1]}): look at the credentials and at what they allow. {line}"
    return line
