"""The program that tries generated clients, without a generator.

A model of the contract in plain Python reads the answers as a strict client would.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import jsonschema
import pytest

from tests.api import clients, contract
from tests.api.served import Served
from tests.api.support import TASKS


@pytest.fixture
def new(light: Served) -> Iterator[str]:
    """A later version of the server."""
    with clients.later(light.host, light.port) as address:
        yield address


@pytest.mark.spec("001/FR-143", "001/FR-130")
def test_a_later_version_fits_the_contract_with_new_keys_and_codes(
    new: str,
) -> None:
    served = contract.served()
    address = new + TASKS
    added = httpx.post(address, json={"title": "x", "tags": ["a"]})
    answers = {
        "TaskEnvelope": [added, httpx.get(f"{address}/1")],
        "TaskListEnvelope": [httpx.get(address)],
        "HistoryEnvelope": [httpx.get(f"{address}/1/history")],
        "FailureEnvelope": [
            httpx.get(f"{address}/9"),
            httpx.post(address, json={"title": ""}),
        ],
    }

    for name, found in answers.items():
        schema = {"$ref": f"#/components/schemas/{name}", **served}
        for answer in found:
            document = answer.json()
            assert document["later"]
            jsonschema.validate(document, schema)
    assert answers["FailureEnvelope"][0].json()["error"]["code"] == "BRAND_NEW"


@pytest.mark.spec("001/FR-143")
def test_a_generated_client_does_the_job_also_of_a_later_version(
    light: Served, new: str, tmp_path: Path
) -> None:
    """`python -m tests.api.clients` tries the others, whose generators need packages
    that do not go with ours.
    """
    [client] = [
        each
        for each in clients.CLIENTS
        if each.name == "datamodel_code_generator"
    ]
    programs = Path(sys.executable).parent

    job = clients.make_python(client, tmp_path, programs)

    clients.run([*job, light.url, "NOT_FOUND"], tmp_path)
    clients.run([*job, new, clients.NEW_CODE], tmp_path)


def test_a_client_that_cannot_be_made_is_left_out_and_named(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    client = clients.Client("other", [], ["x"], ["no-such-program"])
    monkeypatch.setattr(clients, "CLIENTS", [client])

    assert clients.main(["--keep", str(tmp_path)]) == 0
    assert capsys.readouterr().out == (
        "other: left out: no-such-program is not on this machine\n"
    )


def test_a_client_that_fails_is_named_with_what_it_wrote(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail(client: clients.Client, folder: Path) -> None:
        clients.run([sys.executable, "-c", "exit('not my day')"], folder)

    monkeypatch.setattr(clients, "try_out", fail)

    name = clients.CLIENTS[0].name
    assert clients.main([name, "--keep", str(tmp_path)]) == 1
    out = capsys.readouterr().out
    assert out.startswith(f"{name}: FAILED\n")
    assert "not my day" in out
