"""The contract is what the application serves, and the application keeps it."""

import subprocess
import sys
from html.parser import HTMLParser

import httpx
import pytest
import yaml
from starlette.types import Message

from tests.api import contract
from todo_cli import __version__
from todo_cli.api import docs_page


@pytest.mark.spec("001/FR-116")
def test_contract_is_what_the_application_says_of_itself(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert (contract.main(["--check"]), capsys.readouterr().err) == (0, "")
    written = yaml.safe_load(contract.CONTRACT.read_text(encoding="utf-8"))
    assert written == contract.served()


@pytest.mark.spec("001/FR-116")
def test_contract_is_the_same_where_python_removes_docstrings() -> None:
    """Where the words were missing, /docs was INTERNAL."""
    ran = subprocess.run(
        [sys.executable, "-OO", "-m", "tests.api.contract", "--check"],
        cwd=contract.ROOT,
        capture_output=True,
        check=False,
    )

    assert (ran.returncode, ran.stderr) == (0, b"")


@pytest.mark.spec("001/FR-116")
async def test_contract_is_what_the_application_serves(
    client_embedded: httpx.AsyncClient,
) -> None:
    response = await client_embedded.get("/openapi.json")

    assert response.json() == contract.served()


class Reader(HTMLParser):
    """Collects what a page loads, and what runs or is drawn within it."""

    def __init__(self) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.inline: list[str] = []

    def handle_starttag(
        self, tag: str, attrs: list[tuple[str, str | None]]
    ) -> None:
        named = dict(attrs)
        source = named.get("src") or named.get("href")
        if source is not None:
            self.loaded.append(source)
        if tag in ("script", "style") and source is None:
            self.inline.append(tag)
        if "style" in named or any(name.startswith("on") for name in named):
            self.inline.append(tag)


@pytest.mark.spec("001/FR-110", "001/FR-140")
async def test_docs_load_only_what_the_server_has(
    client_embedded: httpx.AsyncClient,
) -> None:
    response = await client_embedded.get("/docs")

    reader = Reader()
    reader.feed(response.text)
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert f"todo {__version__}" in response.text
    assert reader.inline == []
    types = {"css": "text/css", "js": "text/javascript", "png": "image/png"}
    types["json"] = "application/json"
    for address in reader.loaded:
        assert address.startswith("/"), address
        loaded = await client_embedded.get(address)
        assert loaded.status_code == 200
        ending = address.rpartition(".")[2]
        assert loaded.headers["content-type"].startswith(types[ending])
    assert "/docs/start.js" in reader.loaded
    start = await client_embedded.get("/docs/start.js")
    assert "validatorUrl: null" in start.text
    assert 'url: "/"' in start.text


@pytest.mark.spec("001/FR-140")
async def test_docs_allow_no_other_source_and_nothing_inline(
    client_embedded: httpx.AsyncClient,
) -> None:
    response = await client_embedded.get("/docs")

    policy = {}
    for part in response.headers["content-security-policy"].split("; "):
        name, _, values = part.partition(" ")
        policy[name] = values.split()
    assert policy.pop("default-src") == ["'none'"]
    assert policy.pop("img-src") == ["'self'", "data:"]
    for name in ("script-src", "style-src", "connect-src"):
        assert policy.pop(name) == ["'self'"]
    assert all(values == ["'none'"] for values in policy.values())
    assert "frame-ancestors" in policy


async def test_file_of_the_page_is_sent_as_its_client_reads_it() -> None:
    async def receive() -> Message:
        raise AssertionError("there is no body")

    for route in docs_page.routes():
        sent: list[Message] = []

        async def send(message: Message, sent: list[Message] = sent) -> None:
            sent.append(message)

        scope = {
            "type": "http",
            "method": "GET",
            "path": route.path,
            "query_string": b"",
            "headers": [],
            "server": ("127.0.0.1", 8000),
        }
        await route.handle(scope, receive, send)

        start, *pieces = sent
        lengths = [len(each["body"]) for each in pieces]
        assert max(lengths) <= docs_page.PIECE, route.path
        assert dict(start["headers"])[b"content-length"] == b"%d" % sum(
            lengths
        )
        more = [each.get("more_body", False) for each in pieces]
        assert more == [True] * (len(pieces) - 1) + [False]
