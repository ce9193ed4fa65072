"""How many round trips a command costs, counted where Neon's proxy stands:
deterministic, whatever the machine does.
"""

import pytest

from tests.support.neon import NeonFront
from tests.support.site import CONSOLE, HOST, Site
from tests.support.turns import TurnProxy

COMMANDS = [
    pytest.param(["add", "Buy milk"], id="add"),
    pytest.param(["list"], id="list"),
    pytest.param(["show", "1"], id="show"),
    pytest.param(["update", "1", "--title", "Buy oat milk"], id="update"),
    pytest.param(["done", "1"], id="done"),
    pytest.param(["delete", "1"], id="delete"),
    pytest.param(["restore", "2"], id="restore"),
    pytest.param(["undo"], id="undo"),
    pytest.param(["redo"], id="redo"),
    pytest.param(["history"], id="history"),
    pytest.param(["stats"], id="stats"),
    pytest.param(["token", "list"], id="token list"),
    pytest.param(["token", "revoke", "old"], id="token revoke"),
    pytest.param(["note", "1", "two litres"], id="note"),
    pytest.param(
        ["add", "Buy milk", "-t", "food", "-t", "shop", "--due", "fri"],
        id="add with tags",
    ),
    pytest.param(
        ["update", "1", "2", "--add-tag", "food", "--remove-tag", "shop"],
        id="update tags",
    ),
    pytest.param(
        [
            *("list", "--due", "..+7d", "--tag", "a", "--no-tag", "b"),
            *("-p", "high", "-P", "home", "--since", "mon", "-L", "20"),
        ],
        id="list with filters",
    ),
]
VARIANTS = [
    pytest.param(
        ["add", "Buy milk", "--id", "0b6a4c0e-9a3b-4a3f-8a55-6d2f1c7b9e01"],
        id="add with an id",
    ),
    pytest.param(
        ["add", "Buy milk", "-d", "two litres"], id="add with a description"
    ),
    pytest.param(["list", "--status", "all", "--limit", "2"], id="list some"),
    pytest.param(
        ["update", "1", "--status", "done", "-d", ""],
        id="update several fields",
    ),
    pytest.param(
        [
            *("update", "1-3", "--due", "2026-12-24", "--wait", "tomorrow"),
            *("-p", "high", "-P", "home.kitchen", "-d", "2 l"),
        ],
        id="update several tasks",
    ),
    pytest.param(
        ["list", "milk", "-p", "none", "-P", "none", "--due", "none"],
        id="list words",
    ),
    pytest.param(
        ["list", "--sort", "project", "--group", "due", "--reverse", "-L1"],
        id="list in an order",
    ),
    pytest.param(
        ["list", "--tag", "a", "--tag", "b", "--status", "waiting"],
        id="list by tags",
    ),
    pytest.param(["done", "3", "1-2"], id="done several"),
    pytest.param(["done", "1", "--undo"], id="done, undone"),
    pytest.param(["delete", "1", "2"], id="delete several"),
    pytest.param(["restore", "1-3"], id="restore several"),
    pytest.param(["undo", "2"], id="undo one"),
    pytest.param(["history", "2", "--limit", "1"], id="history of one"),
    pytest.param(["done", "1", "--if-version", "1"], id="done in a version"),
    pytest.param(["token", "list", "--all"], id="token list, all"),
    pytest.param(
        ["show", "7a2b0000-0000-4000-8000-000000000000"], id="show nothing"
    ),
]

BEFORE = {
    "token": [["token", "create", "old"]],
    "restore": [["delete", "2"]],
    "history": [["delete", "2"]],
    "undo": [["delete", "2"], ["done", "1"]],
    "redo": [["delete", "2"], ["undo"]],
}
"""What was done before, by the verb of a command."""


def prepare(site: Site, command: list[str]) -> None:
    """Do past every proxy what is done before a command."""
    run = site.todo(site.url("127.0.0.1", site.server.port))
    for words in BEFORE.get(command[0], []):
        assert run(*words).status == 0


@pytest.mark.spec("003/FR-028")
@pytest.mark.parametrize("command", COMMANDS)
def test_costs_seven_turns_over_direct_tls(
    site: Site, front: NeonFront, neon_url: str, command: list[str]
) -> None:
    site.fill("first", "second")
    prepare(site, command)

    ran = site.process(neon_url)(*command)

    assert (ran.status, ran.err) == (0, "")
    assert (front.turns, front.connections) == (7, 1)
    assert front.requests == ["", "p", "p", "PDH", "PBES"]


@pytest.mark.spec("003/FR-028")
@pytest.mark.parametrize("command", COMMANDS)
def test_costs_six_turns_in_plain_text(
    site: Site, proxy: TurnProxy, plain_url: str, command: list[str]
) -> None:
    site.fill("first", "second")
    prepare(site, command)

    ran = site.process(plain_url)(*command)

    assert (ran.status, ran.err) == (0, "")
    assert (proxy.turns, proxy.connections) == (6, 1)
    assert proxy.requests == ["", "p", "p", "PDH", "PBES"]


@pytest.mark.parametrize("command", VARIANTS)
def test_costs_no_more_for_other_forms(
    site: Site, front: NeonFront, neon_url: str, command: list[str]
) -> None:
    site.fill("first", "second", "third")
    prepare(site, command)

    ran = site.todo(neon_url)(*command)

    assert ran.status == (3 if command[0] == "show" else 0), ran
    assert (front.turns, front.connections) == (7, 1)


def test_replacing_a_text_costs_two_turns_more(
    site: Site, front: NeonFront, neon_url: str
) -> None:
    site.fill("Buy milk", "milk, milk")

    ran = site.todo(neon_url)("update", "1-2", "--replace", "milk=bread")

    assert (ran.status, front.turns, front.connections) == (0, 9, 1)
    assert site.titles() == ["Buy bread", "bread, bread"]


def test_costs_eight_turns_where_tls_is_asked_for(
    site: Site, front: NeonFront
) -> None:
    site.fill("first")

    ran = site.todo(
        site.url(HOST, front.port, f"{CONSOLE}&sslnegotiation=postgres")
    )("list")

    assert (ran.status, front.turns) == (0, 8)


def test_costs_no_more_for_a_long_list(
    site: Site, front: NeonFront, neon_url: str
) -> None:
    site.fill(*(f"task {number}" for number in range(2_500)))

    ran = site.todo(neon_url)("list", "--json")

    assert len(ran.data) == 2_500
    assert (front.turns, front.connections) == (7, 1)


def test_costs_twelve_turns_to_begin(
    blank_site: Site, front: NeonFront
) -> None:
    ran = blank_site.process(blank_site.url(HOST, front.port, CONSOLE))(
        "add", "Buy milk"
    )

    assert (ran.status, ran.err) == (0, "")
    assert ran.out.startswith("Added 1: Buy milk (new list in ")
    assert (front.turns <= 12, front.connections) == (True, 1), front.requests
    assert blank_site.titles() == ["Buy milk"]


def test_costs_no_more_turns_for_a_hundred_lines_than_for_two(
    site: Site, front: NeonFront, neon_url: str
) -> None:
    turns = []
    for lines in (2, 100):
        front.reset()
        ran = site.todo(neon_url)(
            "add",
            "-",
            stdin=b"".join(b"line %d\n" % number for number in range(lines)),
        )
        assert ran.status == 0, ran
        turns.append(front.turns)

    assert turns[0] == turns[1]
    assert len(site.titles()) == 102


@pytest.mark.spec("003/FR-028")
def test_making_a_token_costs_seven_turns(
    site: Site, front: NeonFront, neon_url: str
) -> None:
    site.fill("first")

    ran = site.process(neon_url)("token", "create", "ci")

    assert (ran.status, len(ran.out)) == (0, 59)
    assert (front.turns, front.connections) == (7, 1)
    assert front.requests == ["", "p", "p", "PDH", "PBES"]
