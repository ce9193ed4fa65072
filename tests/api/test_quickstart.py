"""The quickstart's part on the API does what it says."""

import re

import pytest

from tests.api.served import serving
from tests.conftest import Seal
from tests.support.machine import needs
from tests.support.program import Process, Surroundings
from tests.test_docs import QUICKSTART, Shell, Step, assert_shows, shell

__all__ = ["shell"]

PORT = ":8000"


API = "## The REST API\n"
TOKENS = "## Tokens and TLS\n"


def blocks(kind: str, heading: str = API) -> list[str]:
    """The blocks of one kind below a heading."""
    _, _, part = QUICKSTART.read_text(encoding="utf-8").partition(heading)
    part, _, _ = part.partition("\n## ")
    return re.findall(
        rf"^```{kind}\n(.*?)^```$", part, re.MULTILINE | re.DOTALL
    )


def steps(heading: str = API) -> list[Step]:
    """The commands, in their order."""
    parts = [
        part
        for block in blocks("shell-session", heading)
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]
    ]
    return [Step(*part.split("\n", 1)) for part in parts]


@pytest.fixture
def own_process(shell: Shell, seal: Seal) -> Process:
    """The program in the surroundings of that shell."""
    return Process(
        Surroundings(
            seal.home, seal.cwd, shell.environment.get("TODO_DATABASE_URL")
        )
    )


@needs("curl")
@pytest.mark.nothing_made
def test_quickstart_of_the_api_does_what_it_says(
    shell: Shell, own_process: Process
) -> None:
    assert blocks("sh") == ["todo serve\n"]

    with serving(own_process) as served:
        assert_shows(shell, moved(steps(), served.port))


def moved(page: list[Step], port: int) -> list[Step]:
    """The same commands to another port."""
    return [
        Step(step.command.replace(PORT, f":{port}"), step.output)
        for step in page
    ]


@needs("curl")
@needs("openssl")
@pytest.mark.nothing_made
@pytest.mark.spec("003/FR-056")
def test_quickstart_of_tokens_does_what_it_says(
    shell: Shell, own_process: Process
) -> None:
    [block] = blocks("sh", TOKENS)
    certificate, serve = block.splitlines()
    assert shell.run(certificate)[0] == 0

    with serving(own_process, *serve.split()[2:]) as served:
        assert_shows(shell, moved(steps(TOKENS), served.port))


def test_quickstart_of_the_api_shows_every_route_two_users_and_the_warning() -> (
    None
):
    commands = "\n".join(step.command for step in steps())
    # A sentence may go over several lines.
    text = " ".join(QUICKSTART.read_text(encoding="utf-8").split())

    assert (
        len(re.findall(r"curl -s (-X PUT |-X DELETE )?http", commands))
        == commands.count("curl ")
        >= 7
    )
    assert [
        part
        for part in ("-X PUT", "-X DELETE", " -d ", "/api/bob/", "/api/eve/")
        if part not in commands
    ] == []
    assert "whoever reaches the port can name any user" in text
