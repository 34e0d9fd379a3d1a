"""`GET /docs`: the OpenAPI document as a page for people. It is made here, holds no script and loads nothing."""

# Tested in tests/api/test_signposts.py.

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from html import escape
from typing import Any

from safelight.api.exchange.operations import Schema

_STYLE = """
:root { color-scheme: light dark; --line: #8883; --soft: #8881; --accent: light-dark(#a3351f, #ff8a70) }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 0 auto; padding: 1.5rem }
h1 { margin: 0 0 .25rem; font-size: 1.6rem } h2 { margin: 2.5rem 0 .5rem; font-size: 1.15rem; font-weight: 600 }
h2 b { color: var(--accent); display: inline-block; min-width: 4.5rem; font-size: .9rem }
h3 { margin: 1.2rem 0 .3rem; font-size: 1rem }
code { font: .9em ui-monospace, monospace; overflow-wrap: anywhere } a { color: var(--accent) }
nav ul { columns: 2 20rem; padding: 0; list-style: none } nav li { margin: .2rem 0 }
.wide { overflow-x: auto }
table { border-collapse: collapse; width: 100% }
th, td { text-align: left; vertical-align: top; padding: .35rem .6rem .35rem 0; border-bottom: 1px solid var(--line) }
td:first-child { white-space: nowrap }
th { font-weight: 600; white-space: nowrap } .needed { color: var(--accent) } details { margin: .6rem 0 }
summary { cursor: pointer; font-weight: 600 } p { margin: .4rem 0 }
"""
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
HEADERS = {
    # CSP Level 3: one style by its hash, and nothing else at all.
    "content-security-policy": f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-cache",
}


def reference_page(document: Schema) -> str:
    """An OpenAPI document as HTML: a list of its operations, and each with its parameters and answers."""
    info = document["info"]
    operations = list(_operations(document))
    links = "".join(
        f'<li><a href="#{id_}"><code>{method} {escape(path)}</code></a></li>' for id_, method, path, _ in operations
    )
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(info["title"])} API</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head><body>'
        f"<header><h1>{escape(info['title'])} API, version {escape(info['version'])}</h1>"
        f"<p>{escape(info['description'])} This page is drawn from "
        '<a href="openapi.json"><code>openapi.json</code></a>.</p></header>'
        f'<nav aria-label="Operations"><ul>{links}</ul></nav><main>'
        + "".join(_operation(document, *operation) for operation in operations)
        + "</main></body></html>"
    )


def _operations(document: Schema) -> Iterator[tuple[str, str, str, Schema]]:
    """Id, method, path and operation of each, in the document's order."""
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if method != "parameters":
                yield operation["operationId"], method.upper(), path, operation


def _operation(document: Schema, id_: str, method: str, path: str, operation: Schema) -> str:
    key = "<p>Needs a key: <code>Authorization: Bearer sl-…</code></p>" if operation.get("security") else ""
    text = f"<p>{_prose(operation['description'])}</p>" if "description" in operation else ""
    return (
        f'<section id="{id_}"><h2><b>{method}</b> <code>{escape(path)}</code></h2><p>{escape(operation["summary"])}</p>'
        f"{text}{key}{_sent(operation)}{_body(document, operation)}{_answers(operation)}</section>"
    )


def _sent(operation: Schema) -> str:
    rows = [
        (
            _name(p["name"], needed=p.get("required", False)),
            escape(p["in"]),
            _kind(p["schema"]),
            _prose(p.get("description", "")),
        )
        for p in operation.get("parameters", ())
    ]
    return _table("Parameters", ("name", "where", "what is allowed", "what it does"), rows)


def _body(document: Schema, operation: Schema) -> str:
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
    if body is None:
        return ""
    schema = _resolved(document, body)
    return "".join(_fields(document, choice) for choice in schema.get("anyOf", [schema]))


def _fields(document: Schema, schema: Schema) -> str:
    schema = _resolved(document, schema)
    needed = schema.get("required", ())
    rows = [
        (_name(name, needed=name in needed), _kind(field), _prose(field.get("description", "")))
        for name, field in schema.get("properties", {}).items()
    ]
    table = _table("", ("field", "what is allowed", "what it does"), rows)
    return f"<details open><summary>Body{_of(schema)}</summary>{table}</details>" if rows else ""


def _of(schema: Schema) -> str:
    return f", model <code>{escape(schema['title'])}</code>" if "title" in schema else ""


def _answers(operation: Schema) -> str:
    rows = [
        (f"<code>{escape(status)}</code>", _prose(answer["description"]), escape(", ".join(answer.get("content", {}))))
        for status, answer in operation["responses"].items()
    ]
    return _table("Answers", ("status", "when", "media type"), rows)


def _table(title: str, columns: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    if not rows:
        return ""
    head = "".join(f'<th scope="col">{column}</th>' for column in columns)
    cells = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    heading = f"<h3>{title}</h3>" if title else ""
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{cells}</tbody></table>"
    return f'{heading}<div class="wide" tabindex="0">{table}</div>'


def _name(name: str, *, needed: bool) -> str:
    return f"<code>{escape(name)}</code>" + (' <span class="needed">required</span>' if needed else "")


def _prose(text: str) -> str:
    """Text in which `backticks` mean code."""
    return re.sub(r"`([^`]*)`", r"<code>\1</code>", escape(text))


def _kind(schema: Any) -> str:
    """What a value may be, in a few words."""
    words = [_type(schema)]
    words += [f"from {schema['minimum']} to {schema['maximum']}"] if {"minimum", "maximum"} <= set(schema) else []
    words += [f"at most {schema['maxLength']} characters"] if "maxLength" in schema else []
    words += (
        [f"default <code>{escape(json.dumps(schema['default'], ensure_ascii=False))}</code>"]
        if schema.get("default") not in (None, "")
        else []
    )
    return ", ".join(word for word in words if word)


def _type(schema: Any) -> str:
    if "enum" in schema:
        return " ".join(f"<code>{escape(str(value))}</code>" for value in schema["enum"] if value is not None)
    if "anyOf" in schema:
        return " or ".join(filter(None, (_kind(choice) for choice in schema["anyOf"])))
    kind = schema.get("type", "")
    kinds = [kind] if isinstance(kind, str) else [one for one in kind if one != "null"]
    return escape(" or ".join(kinds))


def _resolved(document: Schema, schema: Schema) -> Schema:
    name = str(schema.get("$ref", "")).rpartition("/")[2]
    return document["components"]["schemas"][name] if name else schema
