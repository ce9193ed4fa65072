"""The contract as one page for people: plain HTML, no script, nothing loaded from anywhere."""

import json
from collections.abc import Iterator
from html import escape
from http import HTTPStatus
from typing import Any, Final

from fastapi import Request
from starlette.responses import HTMLResponse

_STYLE: Final = """\
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}
pre{background:#8881;padding:.5rem;overflow:auto}h2{margin-top:2.5rem;border-top:1px solid #8884}
:root{color-scheme:light dark}"""
_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
}
"""A viewer from a content network would be somebody else's program beside everybody's tasks."""


async def page(request: Request) -> HTMLResponse:
    """Show the contract."""
    document = request.app.openapi()
    body = "\n".join(_lines(document))
    html = (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(document["info"]["title"])}</title>'
        f"<style>{_STYLE}</style>{body}</html>"
    )
    return HTMLResponse(html, headers=_HEADERS)


def _lines(document: Any) -> Iterator[str]:
    info = document["info"]
    yield f"<h1>{escape(info['title'])} {escape(info['version'])}</h1>"
    yield from (f"<p>{_words(part)}</p>" for part in info["description"].split("\n\n"))
    yield '<p>For programs: <a href="/openapi.json">/openapi.json</a> (OpenAPI 3.1)</p>'
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield f"<h2><code>{method.upper()} {escape(path)}</code></h2>"
            yield f"<p><strong>{_words(operation['summary'])}</strong> {_words(operation['description'])}</p>"
            yield from _parameters(operation)
            if "requestBody" in operation:
                yield from _examples(document, operation["requestBody"])
            for status, response in operation["responses"].items():
                yield f"<p><code>{status} {HTTPStatus(int(status)).phrase}</code>: {_words(response['description'])}</p>"
                yield from _examples(document, response)


def _parameters(operation: Any) -> Iterator[str]:
    for parameter in operation.get("parameters", []):
        yield f"<p><code>{escape(parameter['name'])}</code> ({parameter['in']}): {_words(parameter['description'])}</p>"


def _examples(document: Any, body: Any) -> Iterator[str]:
    """The examples of a body; those of failures are the same for every route."""
    for content in body.get("content", {}).values():
        for name in content["examples"]:
            value = document["components"]["examples"][name]["value"]
            yield f"<pre>{escape(json.dumps(value, ensure_ascii=False))}</pre>"


def _words(text: str) -> str:
    """Text of the contract, what stands in backquotes as code."""
    parts = escape(text).split("`")
    return "".join(
        f"<code>{part}</code>" if position % 2 else part
        for position, part in enumerate(parts)
    )
