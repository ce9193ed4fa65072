"""Another role's functions, operators, types and tables never run as us, whatever our
search_path is.

Reference: CVE-2018-1058, and PostgreSQL's manual on schemas and search_path (5.10.6,
«Usage Patterns»).
"""

import asyncio
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from shlex import split
from uuid import uuid4

import pytest

from tests.conftest import Seal
from tests.support.postgres import PostgresCluster
from tests.support.program import Surroundings, Todo
from tests.support.size import size
from tests.support.stores import Clock, Store
from todo_cli.database import ddl, queries
from todo_cli.database.build import sql_of
from todo_cli.database.engine import open_database
from todo_cli.database.run import load
from todo_cli.errors import SchemaMismatch
from todo_cli.service import TaskService
from todo_cli.task import (
    Days,
    Group,
    NewTask,
    Position,
    Sort,
    TaskQuery,
    TaskStatus,
)

TYPES = split("text varchar name int4 int8 bool uuid timestamptz oid char")
OPERATORS = split("= <> < <= > >= + - || ~ !~")
FUNCTIONS = split("""
    aclexplode array_agg bool_and btrim clock_timestamp concat count current_database
    current_schemas current_setting has_database_privilege length lower max min now
    pg_advisory_xact_lock pg_has_role pg_table_is_visible replace to_regclass
    to_regnamespace trim unnest version
""")
SPY = "RAISE EXCEPTION 'a shadow ran'"
PLANT = f"""
DO $plant$
DECLARE
    types text[] := ARRAY{TYPES};
    functions text[] := ARRAY{FUNCTIONS};
    body text := $q$LANGUAGE plpgsql AS $f$ BEGIN {SPY}; END $f$ $q$;
    one text;
    other text;
    each text;
    pair text;
BEGIN
    FOREACH one IN ARRAY types LOOP
        FOREACH other IN ARRAY types LOOP
            pair := format('pg_catalog.%I, pg_catalog.%I', one, other);
            EXECUTE format('CREATE FUNCTION {{place}}.%I(%s) RETURNS pg_catalog.bool %s',
                pair, pair, body);
            FOREACH each IN ARRAY ARRAY{OPERATORS} LOOP
                EXECUTE format('CREATE OPERATOR {{place}}.%s (FUNCTION = {{place}}.%I, '
                    'LEFTARG = pg_catalog.%I, RIGHTARG = pg_catalog.%I)',
                    each, pair, one, other);
            END LOOP;
            FOREACH each IN ARRAY functions LOOP
                EXECUTE format('CREATE FUNCTION {{place}}.%I(%s) RETURNS pg_catalog.text %s',
                    each, pair, body);
            END LOOP;
        END LOOP;
        FOREACH each IN ARRAY functions LOOP
            EXECUTE format('CREATE FUNCTION {{place}}.%I(pg_catalog.%I) '
                'RETURNS pg_catalog.text %s', each, one, body);
        END LOOP;
    END LOOP;
    FOREACH each IN ARRAY functions LOOP
        EXECUTE format('CREATE FUNCTION {{place}}.%I() RETURNS pg_catalog.text %s',
            each, body);
    END LOOP;
END $plant$;
CREATE FUNCTION {{place}}.refuse(pg_catalog.text) RETURNS pg_catalog.bool
    LANGUAGE plpgsql AS $f$ BEGIN {SPY}; END $f$;
CREATE DOMAIN {{place}}.text AS pg_catalog.text
    CHECK ({{place}}.refuse(VALUE::pg_catalog.text));
CREATE DOMAIN {{place}}.uuid AS pg_catalog.uuid
    CHECK ({{place}}.refuse(VALUE::pg_catalog.text));
CREATE TABLE {{place}}.alembic_version (version_num pg_catalog.int4);
CREATE TABLE {{place}}.pg_roles (rolname pg_catalog.int4);
CREATE TABLE {{place}}.pg_namespace (oid pg_catalog.int4);
CREATE TABLE {{place}}.task (id pg_catalog.int4);
"""
ID = "5d0c1b8e-7c1f-4c0a-9f57-3f1f1c1a2b3c"
COMMANDS = [
    split(line.replace("ID", ID))
    for line in """
        doctor
        list
        db upgrade --sql
        add First -d notes
        add Second
        add -
        add Twice --id ID
        add Twice --id ID
        list
        list --status all --limit 2
        list --status done
        show 1
        show ID
        update 1 --title Better -d ''
        update 1 --status done
        done 2
        done 1-3 ID
        done 2 --undo
        delete 2
        delete 1 3-4 --yes
        db upgrade
        db upgrade --sql
        db policy ada
        db import source.db
        db backup backup.db
        doctor
    """.strip().splitlines()
]
PASSWORD = "a secret of the tests"


@dataclass(frozen=True, slots=True)
class Site:
    """A database in which mallory may create objects where victim's names are looked up."""

    server: PostgresCluster
    database: str
    victim: str
    mallory: str
    seal: Seal
    clock: Clock

    def run(self, sql: str, role: str | None = None) -> None:
        """Run SQL as the administrator or in another role."""
        if role is not None:
            sql = f"SET ROLE {role}; {sql}; RESET ROLE"
        self.server.run_sql(self.database, sql)

    def url(self, role: str | None = None) -> str:
        """The connection string of a role, or of the administrator."""
        if role is None:
            return self.server.url(self.database)
        return self.server.url(self.database, user=role, password=PASSWORD)

    def todo(self, role: str | None = None, *, url: str = "") -> Todo:
        """The program, logged in as victim or as the administrator."""
        place = Surroundings(
            self.seal.home, self.seal.cwd, url or self.url(role)
        )
        return Todo(place, self.clock)

    def make_source(self) -> None:
        """Make the file that `db import` reads."""
        source = self.todo(url=str(self.seal.cwd / "source.db"))
        assert source("add", "from a file", user="bob").status == 0

    def is_spied_on(self) -> bool:
        """Whether a function of mallory's ran as somebody else."""
        [[found]] = self.server.fetch(
            self.database, "SELECT is_called FROM public.loot"
        )
        return bool(found)


@pytest.fixture
def site(
    own_postgres: PostgresCluster, seal: Seal, clock: Clock
) -> Iterator[Site]:
    """A new database, a role that works in it, and a role that is up to something."""
    name, tag = own_postgres.create_database(), uuid4().hex[:8]
    site = Site(
        own_postgres, name, f"victim_{tag}", f"mallory_{tag}", seal, clock
    )
    site.run(
        f"CREATE ROLE {site.victim} LOGIN PASSWORD '{PASSWORD}';"
        f"CREATE ROLE {site.mallory};"
        f"GRANT CREATE ON DATABASE {name} TO {site.victim}, {site.mallory};"
        f"GRANT CREATE ON SCHEMA public TO PUBLIC"
    )
    yield site
    own_postgres.drop_database(name)
    own_postgres.run_sql(
        "postgres", f"DROP ROLE {site.victim}, {site.mallory}"
    )


PATHS: dict[str, Callable[[Site], tuple[str, str]]] = {
    "public": lambda site: ("public", '"$user", public'),
    "a schema of the role's name": lambda site: (
        site.victim,
        '"$user", public',
    ),
    "before pg_catalog": lambda site: ("public", "public, pg_catalog"),
}


@pytest.mark.spec("001/FR-043")
@pytest.mark.parametrize("path", PATHS)
def test_no_shadow_runs(site: Site, path: str) -> None:
    place, search_path = PATHS[path](site)
    if place != "public":
        site.run(
            f"CREATE SCHEMA {place}; GRANT ALL ON SCHEMA {place} TO PUBLIC"
        )
    site.run(PLANT.format(place=place), site.mallory)
    site.run(f"ALTER ROLE {site.victim} SET search_path = {search_path}")
    site.make_source()
    run = site.todo(site.victim)

    for command in COMMANDS:
        ran = run(*command, stdin=b"one\ntwo\n")
        assert (ran.status, ran.err) == (0, ""), command
    [open_schemas] = re.findall(r"others_may_create_in\t(.*)", ran.out)
    assert place in open_schemas.split(", ")
    tasks = run("list", "--json", "--status", "all").data
    assert [task["title"] for task in tasks] == ["Twice"]


def test_the_shadows_would_run(site: Site) -> None:
    site.run(PLANT.format(place="public"), site.mallory)

    for sql in (
        "SELECT 'a'::text = 'b'::varchar",
        "SELECT to_regclass('a'::varchar)",
        "SELECT max(1, 2)",
        "SELECT now('a'::name)",
        "SELECT 'a'::\"char\" ~ 'a'::\"char\"",
    ):
        with pytest.raises(Exception, match="a shadow ran"):
            site.run(sql)


NOON = datetime(2026, 1, 2, tzinfo=UTC)
DAY = NOON.date()
FILTERED = TaskQuery(
    words=("a", "b"),
    due=Days(DAY, DAY),
    priorities=frozenset({"high", None}),
    project="a",
    tags=("a",),
    no_tags=("b",),
    since=NOON,
    before=NOON,
)
QUERIES = [
    *map(TaskQuery, TaskStatus),
    *(
        replace(FILTERED, status=status, limit=5, sort=sort, group=group)
        for status in TaskStatus
        for sort in Sort
        for group in (None, *Group)
    ),
    TaskQuery(TaskStatus.ALL, limit=5, after=Position(NOON, 3)),
    TaskQuery(due=Days(has_day=False), priorities=frozenset({None})),
    TaskQuery(project="", priorities=frozenset({"low"})),
]
"""Lists in which every condition and every order occurs."""


def test_every_function_and_operator_is_qualified() -> None:
    statements = load("postgresql")
    texts = [
        *(statements[name].sql for name in statements.names),
        *(statements.listed(query).sql for query in QUERIES),
        *(
            statements.change([field], naming, held, is_live=is_live).sql
            for field in queries.CHANGES
            for naming in ("number", "id", "many")
            for held in ([], ["titles", "version"])
            for is_live in (True, False)
        ),
        *ddl.lock(ddl.dialect_of("postgresql")),
    ]

    for text in texts:
        qualified = r"RECURSIVE \w+\(|'[^']*'|OPERATOR\(pg_catalog\.[^)]+\)|SET (LOCAL )?\w+ =|, operations ="
        plain = re.sub(qualified, "", text)
        assert re.findall(r"(?<![:.\w])[<>=+~|!@#&?%^-]+", plain) == [], text
        called = set(re.findall(r"(?<!\.)\b([a-z_]+)\(", plain)) - {"coalesce"}
        assert called == set(), text


def test_what_is_syntax_is_not_qualified() -> None:
    task = queries.TASK.c

    text = sql_of(task.description.is_(None) & task.completed, "postgresql")

    assert text == "todo.task.description IS NULL AND todo.task.is_done"


# A schema of somebody else

EVERY = "BEFORE INSERT OR UPDATE OR DELETE ON"
VIEW = """
    DROP TABLE todo.tag, todo.task;
    CREATE VIEW todo.task AS SELECT {id}::pg_catalog.uuid AS id, 1 AS number,
        'ada'::text AS user_id, {title} AS title, 'a'::text AS description,
        false AS is_done, now() AS created_at, now() AS updated_at,
        now() AS completed_at;
"""
TRAPS = {
    "trigger": f"""
        CREATE TRIGGER trap BEFORE INSERT ON todo.task FOR EACH ROW
            EXECUTE FUNCTION public.trap();
        CREATE TRIGGER trap {EVERY} todo.counter EXECUTE FUNCTION public.trap();
        CREATE TRIGGER trap_all {EVERY} todo.task EXECUTE FUNCTION public.trap();
    """,
    "view": VIEW.format(id="public.stolen()", title="'a'::text"),
    "default": "ALTER TABLE todo.task ADD COLUMN more text DEFAULT public.stolen();",
    "immutable default": """
        ALTER TABLE todo.task ADD COLUMN more text DEFAULT public.planned('d');
        ALTER TABLE todo.counter ADD COLUMN more text DEFAULT public.planned('d');
    """,
    "immutable index": """
        CREATE INDEX trap ON todo.task (title) WHERE public.planned('i') = 'i';
        CREATE INDEX trap_too ON todo.counter (last) WHERE public.planned('i') = 'i';
    """,
    "immutable view": VIEW.format(id=f"'{ID}'", title="public.planned('v')"),
    "policy": """
        ALTER TABLE todo.task ENABLE ROW LEVEL SECURITY;
        ALTER TABLE todo.task FORCE ROW LEVEL SECURITY;
        CREATE POLICY trap ON todo.task USING (public.planned('p') = 'p')
            WITH CHECK (public.planned('p') = 'p');
    """,
    "version": """
        CREATE TRIGGER trap BEFORE INSERT ON todo.alembic_version
            EXECUTE FUNCTION public.trap();
    """,
    "nothing but the schema": """
        DROP TABLE todo.tag, todo.task, todo.counter, todo.alembic_version;
    """,
}
TRAP = f"""
CREATE FUNCTION public.stolen() RETURNS pg_catalog.text LANGUAGE plpgsql VOLATILE
    AS $f$ BEGIN {SPY}; END $f$;
CREATE FUNCTION public.trap() RETURNS trigger LANGUAGE plpgsql
    AS $f$ BEGIN {SPY}; END $f$;
CREATE FUNCTION public.planned(word pg_catalog.text) RETURNS pg_catalog.text
    LANGUAGE plpgsql IMMUTABLE AS $f$ BEGIN
    IF current_user NOT LIKE 'mallory%' THEN
        PERFORM pg_catalog.nextval('public.loot');
    END IF;
    RETURN word;
END $f$;
"""
OPEN_TO_ALL = """
    GRANT USAGE ON SCHEMA todo TO PUBLIC;
    GRANT ALL ON ALL TABLES IN SCHEMA todo TO PUBLIC
"""


def own_schema(site: Site, role: str, trap: str) -> None:
    """Have a role make the schema, before anybody else does."""
    script = ";\n".join(ddl.creation(ddl.dialect_of("postgresql")))
    script = script.replace("SET LOCAL", "SET")
    loot = "CREATE SEQUENCE public.loot; GRANT ALL ON SEQUENCE public.loot TO PUBLIC"
    site.run(loot)
    site.run(f"{TRAP} {script}; RESET search_path; {TRAPS[trap]}", role)
    site.run(OPEN_TO_ALL)


@pytest.mark.spec("001/FR-044")
@pytest.mark.parametrize("trap", TRAPS)
def test_a_strangers_schema_runs_nothing_as_us(site: Site, trap: str) -> None:
    own_schema(site, site.mallory, trap)
    site.make_source()

    asked = [each for each in COMMANDS if each[:2] != ["db", "policy"]]
    # In the suite each command meets some of the traps.
    step = size(4, 1)
    for role in (None, site.victim):  # as a superuser, and as another role
        run = site.todo(role)
        for command in asked[list(TRAPS).index(trap) % step :: step]:
            ran = run(*command, "--json", stdin=b"one\ntwo\n")
            case = (role, command, ran)
            assert (ran.status, ran.error["code"]) == (8, "SCHEMA"), case
            message = ran.error["message"]
            assert f"belongs to the role `{site.mallory}`" in message, case
    assert not site.is_spied_on()


@pytest.mark.spec("001/FR-044")
def test_doctor_names_whose_the_schema_is(site: Site) -> None:
    own_schema(site, site.mallory, "trigger")

    ran = site.todo()("doctor")

    assert f"schema_owner\t{site.mallory}\n" in ran.out
    assert ran.status == 8


@pytest.mark.spec("001/FR-044")
@pytest.mark.parametrize(
    "owner_of",
    [
        "the role itself",
        "a role that it is a member of",
        "the database",
        "a superuser",
    ],
)
def test_a_schema_of_whom_we_trust_is_used(site: Site, owner_of: str) -> None:
    site.run(f"GRANT CREATE ON SCHEMA public TO {site.mallory}")
    run = site.todo(site.victim)
    if owner_of == "the role itself":
        assert run("db", "upgrade").status == 0
    elif owner_of == "a superuser":
        assert site.todo()("db", "upgrade").status == 0
    else:
        own_schema(site, site.mallory, "version")
        site.run("DROP TRIGGER trap ON todo.alembic_version")
        if owner_of == "the database":
            site.run(f"ALTER DATABASE {site.database} OWNER TO {site.mallory}")
        else:
            site.run(f"GRANT {site.mallory} TO {site.victim}")
    site.run(OPEN_TO_ALL)

    for command in ("add x", "list", "doctor", "done 1", "delete 1"):
        assert run(*command.split()).status == 0, command
    if owner_of == "the database":
        site.run(f"ALTER DATABASE {site.database} OWNER TO CURRENT_USER")


@pytest.mark.spec("001/FR-044")
def test_a_strangers_table_in_our_own_schema_runs_nothing_as_us(
    site: Site,
) -> None:
    own_schema(site, site.mallory, "trigger")
    site.run("ALTER SCHEMA todo OWNER TO CURRENT_USER")

    for command in (["list"], ["add", "x"], ["db", "upgrade"]):
        ran = site.todo()(*command, "--json")
        assert ran.error["code"] == "SCHEMA", ran
        assert f"belongs to the role `{site.mallory}`" in ran.error["message"]


@pytest.mark.spec("001/FR-044")
def test_a_role_is_not_trusted_because_we_made_it(site: Site) -> None:
    """From PostgreSQL 16 on, who makes a role may administer it, and so is a member of a kind."""
    made = f"made_by_{site.victim}"
    may_create = f"GRANT CREATE ON DATABASE {site.database} TO {made}"
    site.run(f"ALTER ROLE {site.victim} CREATEROLE")
    site.run(f"CREATE ROLE {made}; {may_create}", site.victim)
    site.run(f"GRANT {made} TO CURRENT_USER WITH ADMIN OPTION; {may_create}")
    try:
        own_schema(site, made, "trigger")
        ran = site.todo(site.victim)("add", "x", "--json")
        assert ran.error["code"] == "SCHEMA"
    finally:
        site.run(f"DROP OWNED BY {made} CASCADE; DROP ROLE {made}")


@pytest.mark.spec("001/FR-044")
def test_doctor_warns_of_a_schema_in_which_others_may_create(
    site: Site,
) -> None:
    site.run("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
    site.run(f"GRANT {site.mallory} TO {site.victim}")
    run = site.todo(site.victim)
    assert run("db", "upgrade").status == 0
    assert "others_may_create_in\t-\n" in run("doctor").out

    site.run(f"GRANT CREATE ON SCHEMA todo TO {site.mallory}")

    assert "others_may_create_in\ttodo\n" in run("doctor").out


@pytest.mark.spec("001/FR-044")
async def test_a_schema_that_comes_later_is_looked_at_too(site: Site) -> None:
    store = Store("postgresql", site.url(site.victim))
    async with open_database(store.target, pool_size=1) as database:
        tasks = TaskService(database, "ada", site.clock)
        assert (await tasks.list()).tasks == []

        await asyncio.to_thread(
            own_schema, site, site.mallory, "immutable default"
        )

        for call in (
            tasks.list,
            lambda: tasks.add(NewTask(title="x")),
            lambda: tasks.complete([1]),
        ):
            with pytest.raises(SchemaMismatch):
                await call()
    assert not site.is_spied_on()


async def test_the_question_travels_with_the_first_request(site: Site) -> None:
    """In one packet, so that it costs no round trip."""
    packets: list[bytes] = []
    lines: list[asyncio.Task[None]] = []

    async def pass_on(
        source: asyncio.StreamReader,
        target: asyncio.StreamWriter,
        seen: list[bytes],
    ) -> None:
        with suppress(OSError):
            while data := await source.read(65_536):
                seen.append(data)
                target.write(data)
                await target.drain()
        target.close()
        with suppress(OSError):
            await target.wait_closed()

    async def relay(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        from_server, to_server = await asyncio.open_connection(
            site.server.host, site.server.port
        )
        lines.append(asyncio.create_task(pass_on(reader, to_server, packets)))
        lines.append(asyncio.create_task(pass_on(from_server, writer, [])))

    url, port = site.url(), site.server.port
    async with open_database(Store("postgresql", url).target) as database:
        await database.upgrade()
    async with await asyncio.start_server(relay, "127.0.0.1", 0) as server:
        relayed = url.replace(
            f":{port}/", f":{server.sockets[0].getsockname()[1]}/"
        )
        async with open_database(
            Store("postgresql", relayed).target
        ) as database:
            tasks = TaskService(database, "ada", site.clock)
            await tasks.add(NewTask(title="x"))
            await tasks.list()
        await asyncio.gather(*lines)

    asked = [packet for packet in packets if b"nspowner" in packet]
    assert len(asked) == 1
    assert b"INSERT INTO todo.task" in asked[0]
