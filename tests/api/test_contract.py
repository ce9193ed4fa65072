"""The contract is what the application serves, and the application keeps it."""

import subprocess
import sys
from html.parser import HTMLParser

import httpx
import pytest
import yaml

from tests.api import contract


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


@pytest.mark.spec("001/FR-110")
async def test_docs_are_one_page_that_loads_nothing(
    client_embedded: httpx.AsyncClient,
) -> None:
    response = await client_embedded.get("/docs")

    class Reader(HTMLParser):
        def __init__(self) -> None:
            super().__init__()
            self.tags: set[str] = set()
            self.links: list[str | None] = []

        def handle_starttag(
            self, tag: str, attrs: list[tuple[str, str | None]]
        ) -> None:
            self.tags.add(tag)
            self.links += [
                value for name, value in attrs if name in ("href", "src")
            ]

    reader = Reader()
    reader.feed(response.text)
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert response.headers["content-security-policy"].startswith(
        "default-src 'none'"
    )
    assert reader.tags.isdisjoint({"script", "link", "img", "iframe"})
    assert reader.links == ["/openapi.json"]
    for path, methods in contract.served()["paths"].items():
        for method in methods:
            assert f"{method.upper()} {path}" in response.text
