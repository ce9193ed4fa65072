"""/docs: the contract as one page of plain HTML, without scripts, that loads
nothing.
"""

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
"""A viewer from a CDN would be a program of somebody else beside everybody's
tasks.
"""


async def page(request: Request) -> HTMLResponse:
    """Show the contract."""
    document = request.app.openapi()
    html = [
        '<!doctype html><html lang="en"><meta charset="utf-8">',
        f"<title>{escape(document['info']['title'])}</title><style>{_STYLE}</style>",
        *_lines(document),
        "</html>",
    ]
    return HTMLResponse("\n".join(html), headers=_HEADERS)


def _lines(document: Any) -> Iterator[str]:
    info = document["info"]
    yield f"<h1>{escape(info['title'])} {escape(info['version'])}</h1>"
    for text in info["description"].split("\n\n"):
        yield _paragraph(text)
    yield '<p>For programs: <a href="/openapi.json">/openapi.json</a> (OpenAPI 3.1)</p>'
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            yield f"<h2><code>{method.upper()} {escape(path)}</code></h2>"
            yield from _operation(
                operation, document["components"]["examples"]
            )


def _operation(operation: Any, examples: Any) -> Iterator[str]:
    yield _paragraph(f"{operation['summary']}. {operation['description']}")
    for each in operation.get("parameters", []):
        yield _paragraph(
            f"`{each['name']}` ({each['in']}): {each['description']}"
        )
    yield from _examples(operation.get("requestBody", {}), examples)
    for status, response in operation["responses"].items():
        phrase = HTTPStatus(int(status)).phrase
        yield _paragraph(f"`{status} {phrase}`: {response['description']}")
        yield from _examples(response, examples)


def _examples(body: Any, examples: Any) -> Iterator[str]:
    """Show the examples of a body; a failure has none of its own."""
    for content in body.get("content", {}).values():
        for name in content["examples"]:
            text = json.dumps(examples[name]["value"], ensure_ascii=False)
            yield f"<pre>{escape(text)}</pre>"


def _paragraph(text: str) -> str:
    """Write a paragraph, with text in backquotes as code."""
    words = re.sub("`([^`]*)`", r"<code>\1</code>", escape(text))
    return f"<p>{words}</p>"
