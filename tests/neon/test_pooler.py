"""Through a real PgBouncer in transaction mode, as every `-pooler` host of Neon's is."""

from collections.abc import Iterator

import asyncpg
import pytest

from tests.cli.expect import assert_document, assert_refused
from tests.support.blocking import wait_for
from tests.support.certificates import Certificate
from tests.support.machine import needs
from tests.support.neon import NeonFront
from tests.support.pgbouncer import PgBouncer
from tests.support.postgres import PostgresCluster
from tests.support.program import LIMIT_S
from tests.support.site import CONSOLE, HOST, POOLER, Site

pytestmark = needs("pgbouncer")

KEPT = [
    pytest.param(0, id="none prepared"),
    pytest.param(1_000, id="1000 prepared", marks=needs("pgbouncer 1.21")),
]
COMMANDS = [
    (["add", "Buy milk"], "Added 1: Buy milk (new list for ada)\n"),
    (["add", "Call Ada", "-d", "at 5"], "Added 2: Call Ada\n"),
    (["list", "--limit", "1"], None),
    (["update", "1", "--title", "Buy oat milk"], "Updated 1: Buy oat milk\n"),
    (["done", "1"], "Done 1: Buy oat milk\n"),
    (["show", "1"], None),
    (["delete", "2"], "Deleted 2: Call Ada\n"),
]
OTHERS = [
    ["add", "-"],
    ["done", "3-4"],
    ["done", "3", "--undo"],
    ["delete", "3", "4"],
    ["show", "99"],
    ["update", "1", "--status", "open"],
    ["list", "--status", "all", "--json"],
    ["doctor"],
    ["db", "upgrade"],
    ["db", "upgrade", "--sql"],
    ["db", "policy"],
    ["db", "import", "source.db"],
    ["db", "backup", "backup.db"],
]
# PgBouncer itself gives each client its application_name back.
STATE = """
SELECT pg_backend_pid() AS backend,
    ARRAY(SELECT name || '=' || setting FROM pg_settings
          WHERE source = 'session' AND name <> 'application_name' ORDER BY 1) AS settings,
    current_setting('search_path') AS search_path,
    (SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'advisory') AS advisory_locks,
    (SELECT count(*) FROM pg_locks
     WHERE pid = pg_backend_pid() AND mode <> 'AccessShareLock' AND locktype = 'relation') AS table_locks,
    (SELECT count(*) FROM pg_class WHERE relpersistence = 't') AS temporary_tables,
    (SELECT count(*) FROM pg_listening_channels()) AS channels,
    (SELECT count(*) FROM pg_prepared_statements) AS prepared_statements,
    (SELECT count(*) FROM pg_cursors WHERE name <> '') AS cursors
"""


@pytest.fixture(scope="module", params=KEPT)
def pooler(
    request: pytest.FixtureRequest, own_postgres: PostgresCluster
) -> Iterator[PgBouncer]:
    """A pooler with a single connection to the server, so that whatever stays on it
    meets the next client.
    """
    with PgBouncer(
        own_postgres, max_prepared_statements=request.param, pool_size=1
    ) as pooler:
        yield pooler


async def _state(url: str) -> tuple[object, ...]:
    connection = await asyncpg.connect(url, statement_cache_size=0)
    try:
        row = await connection.fetchrow(STATE)
        assert row is not None
        return tuple(row)
    finally:
        await connection.close()


def state(pooler: PgBouncer, site: Site) -> tuple[object, ...]:
    """What a client of the pooler finds on the server's connection."""
    return wait_for(_state(pooler.url(site.database)))


def test_all_commands_work_one_process_after_the_other(
    pooler: PgBouncer, site: Site
) -> None:
    run = site.process(pooler.url(site.database))

    for command, said in COMMANDS:
        ran = run(*command)
        assert (ran.status, ran.err) == (0, ""), ran
        assert said is None or ran.out == said


def test_all_commands_work_again_and_again(
    pooler: PgBouncer, site: Site
) -> None:
    run = site.todo(pooler.url(site.database))

    for turn in range(4):
        for command, said in COMMANDS:
            user = f"user{turn}"
            ran = run(*command, user=user)
            assert (ran.status, ran.err) == (0, ""), ran
            assert said is None or ran.out == said.replace("ada", user)


def test_all_commands_work_at_once(pooler: PgBouncer, site: Site) -> None:
    site.fill("first", "second", "third")
    run = site.process(pooler.url(site.database))
    commands = [["add", f"new {number}"] for number in range(3)]
    commands += [
        ["list"],
        ["update", "1", "--title", "First"],
        ["done", "2"],
        ["delete", "3"],
    ]

    running = [run.start(*command) for command in commands]
    ended = [process.communicate(timeout=LIMIT_S) for process in running]

    assert [
        (process.returncode, err)
        for process, (_, err) in zip(running, ended, strict=True)
    ] == [(0, b"")] * 7
    rows = site.fetch(
        "SELECT number, title, is_done FROM todo.task"
        " WHERE deleted_at IS NULL ORDER BY number"
    )
    assert [number for number, _, _ in rows] == [1, 2, 4, 5, 6]
    assert {title for _, title, _ in rows} == {
        "First",
        "second",
        *(f"new {number}" for number in range(3)),
    }


@pytest.mark.spec("002/FR-435")
def test_a_watch_leaves_the_servers_connection_to_others(
    pooler: PgBouncer, site: Site
) -> None:
    url = pooler.url(site.database)
    before = state(pooler, site)
    watching = site.terminal(url).start("list", "--watch", "--every", "1s")
    with watching as terminal:
        terminal.wait_for("q quits")
        for number in (1, 2):
            assert site.process(url)("add", f"task {number}").status == 0
            terminal.wait_for(f"{number} open")
        assert state(pooler, site) == before
        terminal.type(b"q")
        ran = terminal.finish()

    assert ran.status == 0
    assert "No answer" not in ran.out


def test_nothing_stays_on_the_servers_connection(
    pooler: PgBouncer, site: Site
) -> None:
    site.todo("source.db")("add", "-", stdin=b"one\ntwo\n", user="bob")
    run = site.todo(pooler.url(site.database))
    before = state(pooler, site)

    for command, _ in COMMANDS:
        assert run(*command).status == 0
        assert state(pooler, site) == before, command
    for command in OTHERS:
        assert run(*command, stdin=b"three\nfour\n").status == (
            3 if "99" in command else 0
        ), command
        assert state(pooler, site) == before, command


def test_nothing_stays_after_a_failure_or_a_cut(
    pooler: PgBouncer, site: Site
) -> None:
    site.fill("first")
    run = site.process(pooler.url(site.database))
    before = state(pooler, site)
    fast = site.todo(pooler.url(site.database))

    assert (
        fast(
            "add",
            "Buy milk",
            "--id",
            "5f0c3c5e-6d5e-4a57-9d5a-0d8e6f0a7b11",
            user="bob",
        ).status
        == 0
    )
    assert (
        fast(
            "add", "Buy milk", "--id", "5f0c3c5e-6d5e-4a57-9d5a-0d8e6f0a7b11"
        ).status
        == 5
    )
    waiting = run.start("add", "-")
    assert waiting.stdin is not None
    waiting.stdin.write(b"never ")
    waiting.kill()
    waiting.communicate(timeout=LIMIT_S)

    assert state(pooler, site) == before
    assert site.titles() == ["first", "Buy milk"]


def test_makes_its_tables_through_the_pooler(
    pooler: PgBouncer, blank_site: Site
) -> None:
    before = state(pooler, blank_site)

    ran = blank_site.todo(pooler.url(blank_site.database))("add", "Buy milk")

    assert ran.out.startswith("Added 1: Buy milk (new list in ")
    assert state(pooler, blank_site) == before


def test_makes_its_tables_once_when_many_begin_at_once(
    pooler: PgBouncer, blank_site: Site
) -> None:
    run = blank_site.process(pooler.url(blank_site.database))

    running = [run.start("add", f"task {number}") for number in range(3)]
    ended = [process.communicate(timeout=LIMIT_S) for process in running]

    assert [
        (process.returncode, err)
        for process, (_, err) in zip(running, ended, strict=True)
    ] == [(0, b"")] * 3
    assert sorted(blank_site.titles()) == [
        f"task {number}" for number in range(3)
    ]


def test_costs_seven_turns_as_neon_has_it(
    pooler: PgBouncer, site: Site, certificate: Certificate
) -> None:
    with NeonFront(pooler.host, pooler.port, certificate) as front:
        run = site.todo(
            site.url(POOLER, front.port, f"{CONSOLE}&pgbouncer=true")
        )
        for command, _ in COMMANDS:
            front.reset()
            assert run(*command).status == 0
            assert (front.turns, front.connections) == (7, 1), command
        assert run("doctor", "--json").data["is_pooler"] is True
        assert (
            site.todo(site.url(HOST, front.port, CONSOLE))(
                "doctor", "--json"
            ).data["is_pooler"]
            is False
        )


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"password": "wrong"}, "AUTH_FAILED"),
        ({"user": "stranger"}, "AUTH_FAILED"),
        ({"database": "nowhere"}, "CONFIG"),
    ],
)
def test_knows_what_the_pooler_refuses(
    pooler: PgBouncer, site: Site, change: dict[str, str], code: str
) -> None:
    ran = site.todo(site.url(pooler.host, pooler.port, **change))(
        "list", "--json"
    )

    assert_document(ran, code=code, names=[pooler.host])


def test_knows_a_parameter_that_the_pooler_refuses(
    pooler: PgBouncer, site: Site
) -> None:
    run = site.todo(
        site.url(pooler.host, pooler.port, "options=-c%20geqo%3Doff")
    )

    assert_refused(run, "list", code="CONFIG", names=["options"])
