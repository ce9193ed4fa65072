"""From the embedded file to Neon by `todo connect`, and a second machine after it."""

import signal
from functools import partial
from urllib.parse import quote

import pytest

from tests.cli.machines import Machine
from tests.support.certificates import Certificate
from tests.support.neon import NeonFront
from tests.support.program import (
    LIMIT_S,
    Child,
    Process,
    PtyProcess,
    Surroundings,
)
from tests.support.site import CONSOLE, HOST, Site, wait_until

PROMPT = "Connection string (it is not shown): "


def machine_of(site: Site, login: str, secret: str) -> Machine:
    """A machine of somebody, with ten tasks in its embedded file."""
    home = site.home / login
    home.mkdir()
    machine = Machine(home, login, site.clock, [secret])
    lines = "".join(f"{login} {number}\n" for number in range(1, 11))
    assert machine("add", "-", stdin=lines.encode()).status == 0
    return machine


def tasks_of(machine: Machine) -> list[tuple[int, str, str]]:
    """The numbers, titles and owners of all tasks, by number."""
    found = machine("list", "--status", "all", "--json").data
    return sorted(
        (each["number"], each["title"], each["user_id"]) for each in found
    )


@pytest.mark.spec("002/FR-303")
def test_two_machines_bring_ten_tasks_each_with_one_command_each(
    blank_site: Site, front: NeonFront
) -> None:
    url = blank_site.url(HOST, front.port, CONSOLE).encode()
    secret = blank_site.server.password
    ada = machine_of(blank_site, "ada", secret)
    bob = machine_of(blank_site, "bob", secret)

    first = ada("connect", typed=[(PROMPT, url + b"\r"), ("[Y/n] ", b"\r")])
    second = bob(
        "connect",
        typed=[
            (PROMPT, b"\x1b[200~" + url + b"\x1b[201~\r"),
            # The list of ada is offered, and so are the tasks.
            ("[ada]: ", b"\r"),
            ("along as ada's? [Y/n] ", b"\r"),
        ],
    )

    assert (first.status, second.status) == (0, 0), (first, second)
    wanted = [(number, f"ada {number}", "ada") for number in range(1, 11)]
    wanted += [
        (number + 10, f"bob {number}", "ada") for number in range(1, 11)
    ]
    assert tasks_of(ada) == wanted
    assert tasks_of(bob) == wanted
    assert "Imported 10 tasks" in first.out
    assert "Renumbered 1 -> 11" in second.out
    assert "Renumbered 10 -> 20" in second.out
    assert ada("add", "next", "--json").data["number"] == 21


@pytest.mark.spec("002/FR-303")
def test_scripts_do_the_same(blank_site: Site, front: NeonFront) -> None:
    url = blank_site.url(HOST, front.port, CONSOLE).encode()
    secret = blank_site.server.password
    ada = machine_of(blank_site, "ada", secret)
    bob = machine_of(blank_site, "bob", secret)

    first = ada("connect", "--import", "--json", stdin=url)
    second = bob("connect", "--import", "--json", "--user", "ada", stdin=url)

    assert first.data["imported"]["added"] == 10
    assert second.data["imported"]["added"] == 10
    assert len(second.data["imported"]["renumbered"]) == 10
    assert second.data["lists"] == [{"user": "ada", "tasks": 10}]
    numbers = [number for number, _, _ in tasks_of(bob)]
    assert numbers == list(range(1, 21))


@pytest.mark.spec("002/FR-293")
@pytest.mark.spec("002/FR-304")
@pytest.mark.parametrize(
    ("state", "status"),
    [
        ("self-signed", 8),
        ("wrong password", 4),
        ("disabled", 8),
        ("echoed", None),
        ("silent", 6),
    ],
)
@pytest.mark.parametrize("style", [[], ["--json"], ["--debug"]])
def test_a_failure_saves_nothing_and_shows_no_secret(
    site: Site,
    front: NeonFront,
    impostors: dict[str, dict[str, Certificate]],
    state: str,
    status: int | None,
    style: list[str],
) -> None:
    secret = "CaNaRy@/#:"
    encoded = quote(secret, safe="")
    url = site.url(HOST, front.port, CONSOLE, password=secret)
    if state == "self-signed":
        front.certificate = impostors[HOST]["self-signed"]
    if state == "disabled":
        front.refuse("Control plane request failed: endpoint is disabled")
    if state == "echoed":
        front.refuse(f"invalid password {secret} ({encoded}) for {url}")
    front.is_silent = state == "silent"
    limit_s = "0.3" if front.is_silent else "15"
    ada = Machine(site.home, "ada", site.clock, [secret, encoded, "CaNaRy"])

    ran = ada(
        *style, "connect", stdin=url.encode(), env={"TODO_TIMEOUT": limit_s}
    )

    assert ran.status not in (0, 1), ran
    if status is not None:
        assert ran.status == status, ran
    assert not ada.config.parent.exists()


@pytest.mark.spec("002/FR-293")
@pytest.mark.spec("002/FR-304")
def test_a_person_who_gives_up_has_changed_nothing(
    site: Site, front: NeonFront
) -> None:
    front.is_silent = True
    url = site.url(HOST, front.port, CONSOLE)
    person = PtyProcess(Surroundings(site.home, site.cwd, None), site.launch)

    with person.start("connect", user=None) as terminal:
        terminal.wait_for(PROMPT)
        terminal.type(url.encode() + b"\r")
        terminal.wait_for("...")  # the spinner
        terminal.type(b"\x03")
        ran = terminal.finish()

    assert ran.status == -signal.SIGINT
    assert site.server.password not in ran.out
    assert not (site.home / ".config").exists()


@pytest.mark.spec("002/FR-304")
@pytest.mark.parametrize("how", ["SIGINT", "SIGKILL"])
def test_an_interruption_between_the_steps_leaves_a_whole_file(
    blank_site: Site, front: NeonFront, how: str
) -> None:
    """At each turn to the server, first to last; and then it is repeated."""
    url = blank_site.url(HOST, front.port, CONSOLE)
    secret = blank_site.server.password
    ada = machine_of(blank_site, "ada", secret)
    old = "# mine\ntimeout = 20\n"
    surroundings = Surroundings(ada.home, ada.home, None)
    process = Process(surroundings, blank_site.launch)
    seen = set()
    for turn in (3, 8, 10, 12, 16, 25):
        ada.write(old)
        start = partial(process.start, "connect", "--import", user=None)
        child = start(env={"LOGNAME": "ada"})
        interrupt(child, url, front, front.turns + turn, how)
        text = ada.config.read_text()
        assert text in (old, f'{old}database_url = "{url}"\nuser = "ada"\n')
        seen.add(text)
    blank_site.rest()

    ran = ada("connect", "--import", "--json", stdin=url.encode())
    assert ran.status == 0, ran
    assert len(tasks_of(ada)) == 10
    assert len(seen) == 2


def interrupt(
    child: Child, url: str, front: NeonFront, turn: int, how: str
) -> None:
    """Give a command its input, and a signal at a turn to the server."""
    assert child.stdin is not None
    child.stdin.write(url.encode())
    child.stdin.close()
    child.stdin = None
    wait_until(lambda: front.turns >= turn or child.poll() is not None)
    child.send_signal(getattr(signal, how))
    child.communicate(timeout=LIMIT_S)
