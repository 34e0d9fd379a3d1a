"""schemathesis against a server process: what the OpenAPI document promises holds, with a key and without.

Its checks: no answer of 500 or above, none with a status, header, media type or body that is not documented, what the
document allows is accepted, what it forbids is refused, and no route that names a key answers without one.
"""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Iterator
from ipaddress import IPv6Address
from itertools import count
from typing import Any

import httpx
import jsonschema_rs
import pytest
import schemathesis
from hypothesis import Phase, settings
from schemathesis.config import SchemathesisConfig
from schemathesis.generation import GenerationMode
from schemathesis.generation.hypothesis import canonical_form_cache, canonical_strategy_cache
from schemathesis.specs.openapi.checks import positive_data_acceptance

from safelight.adapters.fake.engine import FakeEngine
from safelight.api.app import ROUTES
from safelight.api.openapi.document import openapi_document
from safelight.bootstrap.engines.catalogue import catalogue
from safelight.contract.errors import InvalidRequest
from safelight.contract.requests.parsing import parse_image_request
from safelight.settings import Settings
from tests.clients.process import KEY, Served, serving

# Which collects its tests; switched off elsewhere (pyproject.toml).
pytest_plugins = ["schemathesis.pytest.plugin"]

IMAGES = "POST /v1/images/generations"
EDITS = "POST /v1/images/edits"
CHAT = "POST /v1/chat/completions"
EMBEDDINGS = "POST /v1/embeddings"
FILES = "POST /v1/files"
REWRITES = "POST /v1/images/rewrites"
BATCHES = "POST /v1/batches"
CHECKS = "POST /v1/content_provenance_checks"
# Watching all jobs ends when the caller leaves; tests/api/test_job_events.py reads it.
ENDLESS = "/v1/jobs/events"
WITH_A_BODY = ["POST", "PUT", "PATCH"]

# Only defaults, whatever is configured where the tests run; described as the server's fake engine describes them.
OFFERED = catalogue(Settings.model_construct(), FakeEngine(["postcard"]))
DOCUMENT = openapi_document(OFFERED, ROUTES)
ASKED_FOR = jsonschema_rs.Draft202012Validator(DOCUMENT | {"$ref": "#/components/schemas/ImageRequest"})


def digestible() -> dict[str, Any]:
    """The document without the rules that tie parameters of open models together: with them, schemathesis declares the
    schema beyond it, as with one name more: `safety_identifier` is to it what `user` is, and one more object:
    `loras`. What those rules refuse is judged by the whole document below.
    """
    document = copy.deepcopy(DOCUMENT)
    schemas = document["components"]["schemas"]
    requests = ("ImageRequest", "ImageEditRequest", "ImageEditForm")
    for variant in (each for name in requests for each in schemas[name]["anyOf"]):
        del variant["allOf"][2:]
        usual = variant["allOf"][0]["else"]
        for name in ("safety_identifier", "loras"):
            if name in variant["properties"]:
                usual["propertyNames"]["enum"].remove(name)
                usual["properties"].pop(name, None)
                del variant["properties"][name]
    return document


CALLERS = map(IPv6Address, count(int(IPv6Address("2001:db8::")), 1 << 64))  # a network each: RFC 3849's are nobody's

# Derandomised: the same requests every time. Those written by rule, 325 for a route at most, come beside these, and one
# that is made up takes as long as six of them. A route without a body has few parameters: of 50 made up for it no more
# kinds of answers came than of 10. Without a key those by rule are enough: a route that needs one refuses all of them,
# and those that need none are asked with one too.
EXAMPLES_OF_BODIES = settings(max_examples=50, derandomize=True, deadline=None, database=None)
EXAMPLES_OF_OTHERS = settings(max_examples=15, derandomize=True, deadline=None, database=None)
EXAMPLES_WITHOUT = settings(phases=(Phase.explicit,), derandomize=True, deadline=None, database=None)


# From fixtures, so that requests are made up when the test runs, each operation a subtest. To make up those of all
# operations takes five seconds, which else every process of a run would spend while it collects its tests.
@pytest.fixture
def keyed(request: pytest.FixtureRequest) -> Any:
    _as_schemathesis_knows_it(request)
    config = SchemathesisConfig.from_dict({"auth": {"openapi": {"key": {"bearer": KEY}}}})
    return schemathesis.openapi.from_dict(digestible(), config=config)


@pytest.fixture
def anonymous(request: pytest.FixtureRequest) -> Any:
    _as_schemathesis_knows_it(request)
    return schemathesis.openapi.from_dict(digestible())


def _as_schemathesis_knows_it(request: pytest.FixtureRequest) -> None:
    """schemathesis 4.32 reads a test's name by an attribute that pytest 9.2 has no longer."""
    request.node._nodeid = request.node.nodeid


@pytest.fixture(scope="module", autouse=True)
def _every_schema_made_canonical_once() -> Iterator[None]:
    """schemathesis remembers 128, and throws away what it asks for again: a fifth of this file's time."""
    caches = (canonical_form_cache, canonical_strategy_cache)
    before = [cache._maxsize for cache in caches]
    for cache in caches:
        cache._maxsize = 10_000
    yield
    for cache, size in zip(caches, before, strict=True):
        cache._maxsize = size
        cache.clear()


def _from_somewhere_else(case: schemathesis.Case[Any]) -> None:
    """The server slows down a caller who tries wrong keys, as schemathesis does: one waits a second for each answer.

    It believes a proxy on this machine who the callers are, so every request is somebody else's.
    """
    case.headers["X-Forwarded-For"] = str(next(CALLERS))


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("documented")) as served:
        yield served


@pytest.fixture(scope="module")
def answers() -> Iterator[Counter[tuple[str, GenerationMode, int]]]:
    """Counts answers by operation, whether the document allows the request, and status.

    At the end it makes sure that the examples were worth their time: pictures were drawn and nonsense was refused.
    """
    answers: Counter[tuple[str, GenerationMode, int]] = Counter()
    yield answers
    if any(operation == IMAGES for operation, _, _ in answers):
        drawn = sum(answers[IMAGES, GenerationMode.POSITIVE, status] for status in (200, 202))
        assert drawn >= 20
        assert answers[IMAGES, GenerationMode.NEGATIVE, 400] >= 100


def test_the_server_gives_out_this_document_and_it_has_every_route(served: Served) -> None:
    answer = httpx.get(f"{served.url}/openapi.json", timeout=300)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    assert answer.json() == DOCUMENT
    documented = {(path, method.upper()) for path, item in DOCUMENT["paths"].items() for method in item}
    promised = {(route.path, route.method) for route in ROUTES if route.operation}
    assert promised == {pair for pair in documented if pair[1] != "PARAMETERS"}


@schemathesis.pytest.from_fixture("keyed").include(method=WITH_A_BODY).parametrize()
@EXAMPLES_OF_BODIES
def test_with_a_key_every_answer_to_a_body_is_as_documented(
    case: schemathesis.Case[Any], served: Served, answers: Counter[tuple[str, GenerationMode, int]]
) -> None:
    ask_with_a_key(case, served, answers)


@schemathesis.pytest.from_fixture("keyed").exclude(method=WITH_A_BODY).exclude(path=ENDLESS).parametrize()
@EXAMPLES_OF_OTHERS
def test_with_a_key_every_other_answer_is_as_documented(
    case: schemathesis.Case[Any], served: Served, answers: Counter[tuple[str, GenerationMode, int]]
) -> None:
    ask_with_a_key(case, served, answers)


def ask_with_a_key(
    case: schemathesis.Case[Any], served: Served, answers: Counter[tuple[str, GenerationMode, int]]
) -> None:
    _from_somewhere_else(case)
    response = case.call(base_url=served.url)
    if case.meta is not None:
        answers[case.operation.label, case.meta.generation.mode, response.status_code] += 1
    prefer = "" if case.headers is None else str(case.headers.get("Prefer", ""))
    refused = case.operation.label == IMAGES and _is_refused(case.body, prefer)
    # What a schema allows as a picture, or a file to check, is none: which bytes are a PNG it cannot say.
    # This server knows no upstream, so it has no model that chats; and which model embeds, the schema does not say.
    # Nor does it say which models have their prompts rewritten, which files there are, or that an empty one is none.
    unsure = refused or case.operation.label in (EDITS, CHAT, EMBEDDINGS, CHECKS, FILES, BATCHES, REWRITES)
    case.validate_response(response, excluded_checks=[positive_data_acceptance] if unsure else [])
    assert not refused or response.status_code >= 400


def _is_refused(body: Any, prefer: str) -> bool:
    """What the digestible document cannot say: rules between parameters, and that a job is one picture."""
    if not isinstance(body, dict):
        return False
    several = body.get("model") == "postcard" and (body.get("n", 1) not in (1, None) or body.get("stream") is True)
    return not ASKED_FOR.is_valid(body) or ("respond-async" in prefer and several)


@schemathesis.pytest.from_fixture("anonymous").parametrize()
@EXAMPLES_WITHOUT
def test_without_a_key_every_answer_is_as_documented(case: schemathesis.Case[Any], served: Served) -> None:
    _from_somewhere_else(case)
    response = case.call(base_url=served.url)
    assert response.status_code != 200 or not case.operation.definition.raw.get("security")
    case.validate_response(response)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"prompt": None},
        {"prompt": " \t\x1f\x85"},
        {"prompt": "a\0b"},
        {"prompt": "x" * 10_000},
        {"prompt": "x" * 10_001},
        {"negative_prompt": "a\0b"},
        {"size": "1344x768", "aspect_ratio": "16:9"},
        {"size": "1344x768", "aspect_ratio": "1:1"},
        {"size": "1344x768", "aspect_ratio": None},
        {"size": None, "aspect_ratio": "9:21"},
        {"size": "1024x1024", "aspect_ratio": "4:3"},
        {"seed": 5.0},
        {"seed": 5.5},
        {"seed": True},
        {"seed": 2**32},
        {"n": 1, "response_format": "base64", "stream": False, "user": "somebody"},
        {"n": 2},
        {"n": 2, "allow_ignored_params": True},
        {"quality": "hd"},
        {"quality": "hd", "allow_ignored_params": False},
        {"quality": "hd", "allow_ignored_params": True},
        {"quality": "hd", "allow_ignored_params": "true"},
        {"seed": -1, "allow_ignored_params": True},
    ],
)
def test_the_document_allows_what_the_parser_accepts_and_nothing_else(fields: dict[str, Any]) -> None:
    agree({"model": "stable-image-ultra", "prompt": "a boat"} | fields)


@pytest.mark.parametrize(
    "fields",
    [
        {"size": "auto"},
        {"size": "auto", "aspect_ratio": "16:9"},
        {"size": "64x64"},
        {"size": "1040x4096"},
        {"size": "1000x1024"},
        {"size": "48x64"},
        {"size": "4112x64"},
        {"size": "0064x64"},
        {"size": "1024X1024"},
        {"size": "1040x1024", "aspect_ratio": "1:1"},
        {"n": 10},
        {"n": 2.0},
        {"n": 0},
        {"n": 11},
        {"n": True},
        {"stream": True, "partial_images": 3},
        {"stream": True, "partial_images": 4},
        {"stream": False, "partial_images": 1},
        {"partial_images": 1},
        {"partial_images": 0},
        {"output_format": "webp", "output_compression": 0},
        {"output_format": "svg", "output_compression": 50},
        {"output_format": "gif"},
        {"output_compression": 100},
        {"output_compression": 99},
        {"output_compression": 101, "output_format": "jpeg"},
        {"quality": "low"},
        {"quality": "hd"},
        {"quality": "low", "steps": 3},
        {"quality": "auto", "steps": 3},
        {"quality": None, "steps": 3},
        {"steps": 0},
        {"steps": 1.5},
        {"guidance_scale": 2.5},
        {"guidance_scale": 31},
        {"background": "auto", "moderation": "auto"},
        {"background": "transparent"},
        {"background": "transparent", "allow_ignored_params": True},
        {"style": "vivid"},
        {"response_format": "url"},
        {"response_format": "url", "stream": False},
        {"response_format": "url", "stream": None},
        {"response_format": "url", "stream": True},
        {"response_format": "link"},
    ],
)
def test_the_same_holds_for_the_open_contract(fields: dict[str, Any]) -> None:
    agree({"model": "postcard", "prompt": "a boat"} | fields)


def agree(body: dict[str, Any]) -> None:
    try:
        parse_image_request(body, OFFERED)
    except InvalidRequest:
        accepted = False
    else:
        accepted = True
    assert ASKED_FOR.is_valid(body) is accepted
