"""Asking a running server for a picture, as any client would."""

# Tested in tests/cli/test_generate.py.

from __future__ import annotations

import base64
import binascii
import json
import re
from typing import Any

import httpx

from safelight.adapters.home.state_folder import read_key, served_url
from safelight.cli.drawing.drawn import Drawn
from safelight.contract.errors import ConfigurationError, SafelightError
from safelight.contract.parameters.calls import EDIT_PATH, GENERATE_PATH
from safelight.contract.requests.prompt_cut import HEADER as CUT_HEADER
from safelight.contract.requests.prompt_cut import read_cut_header
from safelight.contract.values.pictures import PictureFile
from safelight.settings import Settings

# Statuses where asking differently helps; with any other the server could not do what was rightly asked.
_OUR_MISTAKE = frozenset({400, 401, 403, 404, 405, 413, 415, 422})


def ask(settings: Settings, fields: dict[str, Any], *, url: str, key: str | None, timeout: float) -> tuple[Drawn, ...]:
    """One `POST /v1/images/generations`, or `/v1/images/edits` where there are pictures among the fields.

    Raises:
        ConfigurationError: the address, the key or the request is wrong.
        SafelightError: the server cannot be reached, is busy or failed.
    """
    base = _base(url)
    token = key or (read_key(settings.home) if base == served_url(settings.home) else None)
    if token is None:
        raise ConfigurationError("A server wants a key. Give it with --key, or in DIFFUSION_KEY.")
    try:
        answer = httpx.post(
            **_body(base, fields),
            headers={"authorization": f"Bearer {token}"},
            timeout=httpx.Timeout(timeout, connect=min(timeout, 10.0)),
        )
    except (httpx.InvalidURL, httpx.UnsupportedProtocol, UnicodeEncodeError):
        raise ConfigurationError("The URL or the key holds characters that cannot be sent.") from None
    except httpx.ConnectError:
        raise SafelightError(f"No server answers at {base}. Is it running? `safelight serve` starts one.") from None
    except httpx.TimeoutException:
        raise SafelightError(f"{base} did not answer within {timeout:g} s. --timeout allows more.") from None
    except httpx.HTTPError as error:
        raise SafelightError(f"The connection to {base} broke: {error}") from None
    if answer.status_code != 200:
        raise _refusal(base, answer)
    return _drawn(base, answer, str(fields["output_format"]))


def _body(base: str, fields: dict[str, Any]) -> dict[str, Any]:
    """Address and body: JSON, or with pictures a form."""
    pictures = [("image", file) for file in fields.get("image", ())]
    pictures += [("mask", fields["mask"])] if "mask" in fields else []
    control = fields.get("control", {})
    if not pictures:
        sent = {"control": {name: {"image_url": _address(file)} for name, file in control.items()}} if control else {}
        return {"url": f"{base}{GENERATE_PATH}", "json": fields | sent}
    pictures += [(f"control[{name}]", file) for name, file in control.items()]
    others = {name: value for name, value in fields.items() if name not in ("image", "mask", "control")}
    texts = {name: value if isinstance(value, str) else json.dumps(value) for name, value in others.items()}
    files = [(name, (name, file.open())) for name, file in pictures]
    return {"url": f"{base}{EDIT_PATH}", "data": texts, "files": files}


def _address(file: PictureFile) -> str:
    """A picture as the address that holds it; its kind is told by its content."""
    return "data:image/png;base64," + base64.b64encode(file.open().read()).decode()


def _base(url: str) -> str:
    if not re.match(r"https?://[^/]", url):
        raise ConfigurationError(f"--url takes an address like http://127.0.0.1:8484; got {url!r}.")
    return url.rstrip("/").removesuffix("/v1")


def _refusal(base: str, answer: httpx.Response) -> SafelightError:
    try:
        message = str(answer.json()["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return ConfigurationError(f"{base} answered {answer.status_code}, and not as an images API does.")
    if answer.status_code in _OUR_MISTAKE:
        return ConfigurationError(message)
    again = answer.headers.get("retry-after")
    return SafelightError(f"{message} Ask again in {again} s." if again else message)


def _drawn(base: str, answer: httpx.Response, output_format: str) -> tuple[Drawn, ...]:
    try:
        images = [base64.b64decode(item["b64_json"], validate=True) for item in answer.json()["data"]]
    except (ValueError, KeyError, TypeError, binascii.Error):
        images = []
    if not images:
        raise SafelightError(f"{base} answered 200, but with no picture in it.")
    return tuple(
        Drawn(
            image=image,
            output_format=output_format,
            seed=seed,
            drawn_by=answer.headers.get("x-safelight-model"),
            fingerprint=answer.headers.get("x-safelight-fingerprint"),
            cuts=read_cut_header(answer.headers.get(CUT_HEADER, "")),
        )
        for image, seed in zip(images, _seeds(answer, len(images)), strict=True)
    )


def _seeds(answer: httpx.Response, count: int) -> list[int | None]:
    """The seeds of all pictures; unknown where the server does not say them."""
    said = answer.headers.get("x-safelight-seeds", answer.headers.get("x-safelight-seed", "")).split(",")
    seeds = [int(seed) for seed in said if seed.strip().isdecimal()]
    return list(seeds) if len(seeds) == count else [None] * count
