"""/docs: the contract as one HTML page that runs and loads nothing."""

import json
import re
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
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
}
"""Forbid all scripts: one from a CDN could read every user's tasks."""


async def page(request: Request) -> HTMLResponse:
    """Show the contract as HTML."""
    document = request.app.openapi()
    html = "\n".join(_lines(document))
    return HTMLResponse(html, headers=_HEADERS)


def _lines(document: Any) -> Iterator[str]:
    """Write the whole page, in lines of HTML."""
    info = document["info"]
    title = escape(info["title"])
    version = escape(info["version"])
    yield '<!doctype html><html lang="en"><meta charset="utf-8">'
    yield f"<title>{title}</title><style>{_STYLE}</style>"
    yield f"<h1>{title} {version}</h1>"
    for text in info["description"].split("\n\n"):
        yield _paragraph(text)
    yield '<p>For programs: <a href="/openapi.json">/openapi.json</a> (OpenAPI 3.1)</p>'
    examples = document["components"]["examples"]
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            yield f"<h2><code>{method.upper()} {escape(path)}</code></h2>"
            yield from _operation(operation, examples)
    yield "</html>"


def _operation(operation: Any, examples: Any) -> Iterator[str]:
    """Describe an operation: its words, parameters, body and answers."""
    summary = operation["summary"]
    description = operation.get("description", "")
    yield _paragraph(f"{summary}. {description}")
    for parameter in operation.get("parameters", []):
        name = parameter["name"]
        place = parameter["in"]
        description = parameter["description"]
        yield _paragraph(f"`{name}` ({place}): {description}")
    body = operation.get("requestBody", {})
    yield from _examples(body, examples)
    for status, response in operation["responses"].items():
        phrase = HTTPStatus(int(status)).phrase
        description = response["description"]
        yield _paragraph(f"`{status} {phrase}`: {description}")
        # A failure refers to one shared answer, and has no examples here.
        yield from _examples(response, examples)


def _examples(body: Any, examples: Any) -> Iterator[str]:
    """Show the examples of a body, which refers to them by name."""
    for content in body.get("content", {}).values():
        for name in content["examples"]:
            value = examples[name]["value"]
            text = json.dumps(value, ensure_ascii=False)
            yield f"<pre>{escape(text)}</pre>"


def _paragraph(text: str) -> str:
    """Write a paragraph, with text in backquotes as code.

    All other text is escaped, so it cannot become markup.
    """
    words = re.sub("`([^`]*)`", r"<code>\1</code>", escape(text))
    return f"<p>{words}</p>"
