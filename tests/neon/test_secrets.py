"""A password in the connection string is shown to nobody, whatever happens."""

import io
import logging
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

import asyncpg
import pytest

from tests.api.served import serving
from tests.api.support import context_for
from tests.neon.pauses import Pauses
from tests.support.certificates import Certificate
from tests.support.neon import NeonFront
from tests.support.postgres import ALONE
from tests.support.program import LIMIT_S, Process, Todo
from tests.support.site import CONSOLE, HOST, Site, wait_until
from tests.support.size import share, size
from tests.support.turns import Fault
from todo_cli import config
from todo_cli.api.app import create_app
from todo_cli.cli.context import RunContext
from todo_cli.cli.env import Env
from todo_cli.database.connection import Dialer
from todo_cli.database.engine import open_database
from todo_cli.service import TaskService

ROLE = "canary_owner"
PLAIN = "CaNaRyPlain"
ODD = "CaNaRy@/#?% é:&=+'\"ODDITY"
LOGIN = "postgresql://{role}:{encoded}@{place}?" + CONSOLE
PARAMETER = "postgresql://{role}@{place}?password={encoded}&" + CONSOLE
FORMS = [
    pytest.param((LOGIN, PLAIN), id="plain"),
    pytest.param((LOGIN, ODD), id="encoded"),
    pytest.param((PARAMETER, ODD), id="parameter"),
]
COMMANDS = [
    ["add", "Buy milk"],
    ["add", "-"],
    ["list"],
    ["show", "1"],
    ["update", "1", "--title", "Buy oat milk"],
    ["done", "1"],
    ["delete", "1"],
    ["doctor"],
    ["db", "upgrade"],
    ["db", "upgrade", "--sql"],
    ["db", "policy"],
    ["db", "import", "nowhere.db"],
    ["db", "backup", "backup.db"],
    ["--help"],
    ["add", "--help"],
    ["--version"],
    ["nonsense"],
    ["list", "--limit", "x"],
]
FEW = [["add", "Buy milk"], ["doctor"]]


@pytest.fixture(params=FORMS)
def form(request: pytest.FixtureRequest) -> tuple[str, str]:
    """How a password stands in a connection string, and which."""
    form: tuple[str, str] = request.param
    return form


@pytest.fixture
def password(form: tuple[str, str], site: Site) -> Iterator[str]:
    """The password of a role that may do everything."""
    secret = form[1]
    literal = secret.replace("'", "''")
    site.server.run_sql(
        site.database,
        f"CREATE ROLE {ROLE} LOGIN SUPERUSER PASSWORD '{literal}'",
    )
    yield secret
    site.server.run_sql(
        site.database, f"DROP OWNED BY {ROLE}; DROP ROLE {ROLE}"
    )


@pytest.fixture
def url(
    form: tuple[str, str], site: Site, front: NeonFront, password: str
) -> str:
    """A connection string with the password in it."""
    place = f"{HOST}:{front.port}/{site.database}"
    return form[0].format(
        role=ROLE, encoded=quote(password, safe=""), place=place
    )


def leaks(text: str) -> list[str]:
    """The lines that hold a piece of a password, in any form."""
    pieces = (
        "canary",
        "oddity",
        quote(ODD, safe="").lower(),
        ODD.lower()[-8:],
    )
    return [
        line
        for line in text.splitlines()
        if any(piece in line.lower().replace(ROLE, "") for piece in pieces)
    ]


STYLES: list[tuple[list[str], bool]] = [
    ([], True),
    (["--json"], False),
    (["--debug"], False),
]
"""Words on a terminal, and JSON and --debug in a pipe."""


def said(
    run: Todo,
    *commands: list[str],
    timeout: str = "4",
    styles: Sequence[tuple[list[str], bool]] = STYLES,
) -> str:
    """Everything that these commands print in these styles."""
    rans = [
        run(
            *style,
            *command,
            terminal=terminal,
            stdin=b"one\n",
            env={"TODO_TIMEOUT": timeout},
        )
        for command in commands
        for style, terminal in styles
    ]
    texts = [ran.out + ran.err for ran in rans]
    assert all(texts)
    return "\n".join(texts)


def test_no_command_shows_a_password(
    site: Site, url: str, form: tuple[str, str]
) -> None:
    """In the suite each form of the password meets each command in another style."""
    site.fill("first")
    turn = [each.values[0] for each in FORMS].index(form)
    run = site.todo(url)

    text = "\n".join(
        said(run, command, styles=share(STYLES, place + turn, len(STYLES)))
        for place, command in enumerate(COMMANDS)
    )

    assert "Buy oat milk" in text
    assert "***" in text  # doctor says that there is one
    assert leaks(text) == []


@pytest.mark.parametrize("form", FORMS[1:2], indirect=True)
@pytest.mark.parametrize(
    "state", ["wrong", "missing", "impostor", "disabled", "echoed", "quota"]
)
def test_no_failure_to_connect_shows_a_password(
    site: Site,
    front: NeonFront,
    url: str,
    password: str,
    impostors: dict[str, dict[str, Certificate]],
    state: str,
) -> None:
    if state == "wrong":
        site.server.run_sql(
            site.database, f"ALTER ROLE {ROLE} PASSWORD 'another one'"
        )
    if state == "missing":
        url = url.replace(site.database, "nowhere")
    if state == "impostor":
        front.certificate = impostors[HOST]["self-signed"]
    if state == "disabled":
        front.refuse("Control plane request failed: endpoint is disabled")
    if state == "quota":
        front.refuse("exceeded the compute time quota")
    if state == "echoed":  # a server that sends back what it was told
        front.refuse(
            f"invalid password {password} ({quote(password, safe='')}) for {url}"
        )

    text = said(site.todo(url), *FEW)

    assert "error: " in text
    assert leaks(text) == []


@pytest.mark.parametrize("form", FORMS[1:2], indirect=True)
@pytest.mark.parametrize("state", ["silent", "refused", "waking", "unknown"])
def test_no_failure_of_the_network_shows_a_password(
    site: Site, front: NeonFront, url: str, state: str, pauses: Pauses
) -> None:
    if state == "silent":
        front.is_silent = True
    if state == "refused":
        url = url.replace(f":{front.port}/", ":1/")
    if state == "waking":
        front.refuse("Couldn't connect to compute node")
    if state == "unknown":
        url = url.replace(HOST, "no-such-host.invalid")

    text = said(site.todo(url), ["list"], timeout="0.5")

    assert "error: " in text
    assert leaks(text) == []


@pytest.mark.parametrize("form", FORMS[1:], indirect=True)
@pytest.mark.parametrize(
    "change", ["rotten", "port", "mode", "scheme", "no scheme", "quoted"]
)
def test_no_unreadable_string_shows_a_password(
    site: Site, url: str, change: str
) -> None:
    broken = {
        "rotten": url.replace("CaNaRy", "CaNaRy@").replace("%40", "@"),
        "port": url.replace(f"@{HOST}:", f"@{HOST}:x"),
        "mode": url.replace("sslmode=require", "sslmode=maybe"),
        "scheme": url.replace("postgresql://", "mysql://"),
        "no scheme": url.replace("postgresql://", ""),
        "quoted": f"'{url}",
    }[change]

    text = said(site.todo(broken), *FEW)

    assert "error: " in text
    assert leaks(text) == []


@pytest.mark.parametrize("form", FORMS[1:2], indirect=True)
def test_no_lost_answer_shows_a_password(
    site: Site, front: NeonFront, url: str
) -> None:
    front.faults.append(Fault("before", request=2, connection=None))

    text = said(site.todo(url), ["add", "Buy milk"], ["list"])

    assert "hint: todo add --id" in text
    assert leaks(text) == []


@pytest.mark.parametrize(
    "style", [[], ["--json"], ["--debug"], ["--json", "--debug"]], ids=" ".join
)
def test_no_traceback_of_a_bug_shows_a_password(
    site: Site,
    url: str,
    password: str,
    monkeypatch: pytest.MonkeyPatch,
    style: list[str],
) -> None:
    async def fail(*_: object) -> None:
        forms = (
            url,
            password,
            quote(password, safe=""),
            quote(password),
            repr(password),
        )
        raise RuntimeError("a bug that knows too much: " + " ".join(forms))

    monkeypatch.setattr("todo_cli.database.tasks.TaskRepository.page", fail)

    ran = site.todo(url)(*style, "list")

    assert ran.status == 1
    assert (
        "Traceback" in ran.err,
        "a bug that knows too much" in ran.err,
    ) == (
        "--debug" in style,
        "--debug" in style,
    )
    assert leaks(ran.out + ran.err) == []


def test_a_traceback_redacts_what_the_config_file_holds(
    site: Site, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object) -> None:
        raise RuntimeError(f"a bug that knows too much: {url}")

    monkeypatch.setattr("todo_cli.database.tasks.TaskRepository.page", fail)
    config = site.cwd / "config.toml"
    config.touch(mode=0o600)
    config.write_text(f"database_url = '''{url}'''\n")

    ran = site.todo(url)(
        "list",
        "--debug",
        env={"TODO_DATABASE_URL": None, "TODO_CONFIG": str(config)},
    )

    assert (ran.status, "Traceback" in ran.err) == (1, True)
    assert leaks(ran.out + ran.err) == []


@pytest.mark.parametrize("form", FORMS[1:2], indirect=True)
def test_debug_shows_where_an_unexpected_answer_came_from(
    site: Site, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the driver says unexpectedly is a bug of ours as well."""

    async def fail(*_: object, **__: object) -> None:
        raise asyncpg.InterfaceError(f"it knows too much: {url}")

    monkeypatch.setattr("asyncpg.Connection.fetch", fail)

    ran = site.todo(url)("add", "Buy milk", "--debug")

    assert ran.status == 1
    assert "Traceback" in ran.err
    assert leaks(ran.out + ran.err) == []


@pytest.mark.parametrize("form", FORMS[1:2], indirect=True)
def test_a_config_file_that_others_can_read_shows_nothing(
    site: Site, url: str
) -> None:
    config = site.cwd / "config.toml"
    config.write_text(f"database_url = '''{url}'''\n")
    config.chmod(0o644)
    run = site.todo(url)

    for style in ([], ["--json"], ["--debug"]):
        ran = run(
            *style,
            "list",
            env={"TODO_DATABASE_URL": None, "TODO_CONFIG": str(config)},
        )
        assert ran.status == 8
        assert leaks(ran.out + ran.err) == []


def command_lines() -> Iterator[str]:
    """The command lines of all processes: what `ps` shows, from where it has it."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):  # it has ended
            yield path.read_bytes().decode(errors="replace").replace("\0", " ")


def test_no_command_line_shows_a_password(
    site: Site, front: NeonFront, url: str, tmp_path: Path
) -> None:
    front.cold_start_s = 600
    running = Process(site.process(url).surroundings).start("list")
    try:
        wait_until(lambda: bool(front.startups) or running.poll() is not None)
        shown = list(command_lines())
        assert any("todo_cli list" in line for line in shown)
        assert (
            leaks("\n".join(line for line in shown if "pytest" not in line))
            == []
        )  # which shows names of tests
    finally:
        running.kill()
        out, err = running.communicate(timeout=LIMIT_S)
    assert leaks((out + err).decode()) == []


@pytest.mark.parametrize("form", FORMS[1:2], indirect=True)
def test_no_log_of_the_server_shows_a_password(site: Site, url: str) -> None:
    assert site.todo(url)("add", "Buy milk").status == 0

    rows = site.fetch("SELECT application_name || query FROM pg_stat_activity")

    assert (
        leaks("\n".join(str(row) for row in rows).replace("CREATE ROLE", ""))
        == []
    )


async def test_no_value_of_ours_shows_a_password(
    site: Site, url: str, password: str
) -> None:
    file = config.Config(site.cwd / "config.toml", {"database_url": url})
    variables = {"TODO_DATABASE_URL": url, "PGPASSWORD": password}
    settings = config.load(
        variables, file, user="ada", login=None, cwd=site.cwd, home=site.home
    )
    env = Env(
        variables,
        site.cwd,
        site.home,
        "ada",
        io.BytesIO(),
        io.BytesIO(),
        io.BytesIO(),
    )
    served = context_for(settings.target, site.clock, print)
    dialer = Dialer(settings.target, timeout_s=4)  # type: ignore[arg-type]  # a server's
    async with open_database(settings.target) as database:
        tasks = TaskService(database, "ada", site.clock)
        await tasks.list()
        connections = database.connections
        connection = await dialer()
        values = (
            *(
                settings,
                settings.target,
                file,
                env,
                served,
                dialer,
                database,
                tasks,
                connections,
                database.keeper,
            ),
            *(
                connection,
                create_app(served),
                RunContext(tasks, database, settings, env, as_json=False),
            ),
        )
        connection.terminate()

    assert [
        value for value in values if leaks(f"{value!r} {value} {[value]}")
    ] == []


@pytest.mark.parametrize("form", FORMS[1:2], indirect=True)
def test_no_library_logs_a_password(
    site: Site,
    front: NeonFront,
    url: str,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PYTHONASYNCIODEBUG", "1")
    caplog.set_level(logging.DEBUG)

    text = said(site.todo(url), *FEW)
    front.refuse("Control plane request failed: endpoint is disabled")
    text += said(site.todo(url), *FEW)

    assert {record.name.partition(".")[0] for record in caplog.records} >= {
        "asyncio"
    }
    assert (
        leaks(
            text
            + caplog.text
            + "\n".join(repr(vars(record)) for record in caplog.records)
        )
        == []
    )


@pytest.mark.parametrize("form", FORMS[1:2], indirect=True)
@pytest.mark.parametrize("command", FEW[: size(1, 2)], ids=" ".join)
def test_no_warning_of_a_process_in_development_mode_shows_a_password(
    site: Site, front: NeonFront, url: str, command: list[str]
) -> None:
    process, how = (
        Process(site.process(url).surroundings),
        {"PYTHONDEVMODE": "1"},
    )

    fine = process(*command, "--debug", env=how)
    front.refuse("Control plane request failed: endpoint is disabled")
    refused = process(*command, "--debug", env=how)

    assert (fine.status, refused.status) == (0, 8)
    assert leaks(fine.out + fine.err + refused.out + refused.err) == []


@pytest.mark.parametrize("form", FORMS[1:2], indirect=True)
def test_no_answer_and_no_log_of_the_api_shows_a_password(
    site: Site, front: NeonFront, url: str, password: str
) -> None:
    with serving(site.process(url)) as served, served.client() as client:
        paths = (
            "/health",
            "/docs",
            "/openapi.json",
            "/api/ada/tasks",
            "/api/ada/tasks/1",
        )
        text = "".join(client.get(path).text for path in paths)
        front.refuse(f"invalid password {password} for {url}")
        site.server.run_sql(site.database, ALONE)
        asked = [
            client.get("/health"),
            client.get("/api/ada/tasks"),
            client.post("/api/ada/tasks", json={"title": "x"}),
        ]
        text += "".join(answer.text for answer in asked)
        served.end()

    assert [answer.status_code >= 500 for answer in asked] == [True] * 3
    assert leaks(text + "\n".join(served.lines)) == []
