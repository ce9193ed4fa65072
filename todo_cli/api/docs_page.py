"""/docs: the contract in a browser, to read and to try out.

The page is Swagger UI, whose files come from a package and are served here: a
script from another host could read every user's tasks. The policy allows no
other source, and no script or style within the page.
"""

from collections.abc import Mapping
from functools import cache
from html import escape
from importlib import resources
from typing import Any, Final

from fastapi import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from todo_cli import __version__
from todo_cli.api.answers import DOCS

PIECE: Final = 64 * 1024
"""How many bytes of a file are sent before its client has to read on."""
_PACKAGE: Final = "fastapi_swagger.resources"
_POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        # The arrows and signs of Swagger UI are in its style sheet.
        "img-src 'self' data:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
)
_HEADERS: Final[Mapping[str, str]] = {"Content-Security-Policy": _POLICY}

_PAGE: Final = f"""\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>todo {escape(__version__)}: REST API</title>
<link rel="stylesheet" href="{DOCS}/swagger-ui.css">
<link rel="icon" href="{DOCS}/icon.png">
<body>
<header class="swagger-ui wrapper"><p>todo {escape(__version__)}, for programs:
<a href="/openapi.json">/openapi.json</a> (OpenAPI 3.1)</p></header>
<main id="contract"><noscript>This page needs JavaScript; the contract is at
/openapi.json.</noscript></main>
<script src="{DOCS}/swagger-ui-bundle.js"></script>
<script src="{DOCS}/start.js"></script>
</body>
</html>
"""
# Requests go to this server, whatever its port. Without the validator of Swagger
# UI, which would ask another host.
_START: Final = """\
fetch("/openapi.json").then(answer => answer.json()).then(contract => {
  contract.servers = [{url: "/", description: "this server"}];
  SwaggerUIBundle({
    spec: contract,
    dom_id: "#contract",
    deepLinking: true,
    tryItOutEnabled: true,
    validatorUrl: null,
  });
});
"""

_FILES: Final[Mapping[str, tuple[str, str]]] = {
    "swagger-ui.css": ("swagger-ui.css", "text/css"),
    "swagger-ui-bundle.js": ("swagger-ui-bundle.js", "text/javascript"),
    "icon.png": ("favicon-32x32.png", "image/png"),
}
"""The files of the package, by our names: theirs, and their types."""


class _InPieces(Response):
    """An answer of which little is in memory while its client does not read it.

    Swagger UI is 1.7 MB, and whoever has no token may ask for it, too.
    """

    async def __call__(
        self, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Send it piece by piece; `send` waits for the client."""
        await send(
            {
                "type": "http.response.start",
                "status": self.status_code,
                "headers": self.raw_headers,
            }
        )
        body = bytes(self.body)
        for end in range(PIECE, len(body) + PIECE, PIECE):
            await send(
                {
                    "type": "http.response.body",
                    "body": body[end - PIECE : end],
                    "more_body": end < len(body),
                }
            )


@cache
def _file(name: str) -> bytes:
    """Read a file of the package, once."""
    content: bytes = resources.files(_PACKAGE).joinpath(name).read_bytes()
    return content


async def page(_request: Request) -> Response:
    """Show the contract."""
    return Response(_PAGE, headers=_HEADERS, media_type="text/html")


async def start(_request: Request) -> Response:
    """Send the script that starts Swagger UI."""
    return Response(_START, media_type="text/javascript")


async def file(request: Request) -> Response:
    """Send a file of Swagger UI."""
    name = request.url.path.rpartition("/")[2]
    theirs, kind = _FILES[name]
    return _InPieces(_file(theirs), headers=_HEADERS, media_type=kind)


def routes() -> list[Any]:
    """Return the routes of the page and its files."""
    found = [Route(DOCS, page), Route(f"{DOCS}/start.js", start)]
    for name in _FILES:
        found.append(Route(f"{DOCS}/{name}", file))
    return found
