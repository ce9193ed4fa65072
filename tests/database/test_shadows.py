"""Another role's functions, operators, types and tables never run as us, whatever our
search_path is.

Reference: CVE-2018-1058, and PostgreSQL's manual on schemas and search_path (5.10.6,
«Usage Patterns»).
"""

import asyncio
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from tests.conftest import Seal
from tests.support.postgres import PostgresCluster
from tests.support.program import Surroundings, Todo
from tests.support.stores import Clock, Store
from todo_cli.database import ddl, queries
from todo_cli.database.build import sql_of
from todo_cli.database.engine import open_database
from todo_cli.database.run import load
from todo_cli.errors import SchemaMismatch
from todo_cli.service import TaskService
from todo_cli.task import NewTask, Position, TaskQuery, TaskStatus

TYPES = [
    "text",
    "varchar",
    "name",
    "int4",
    "int8",
    "bool",
    "uuid",
    "timestamptz",
    "oid",
    '"char"',
]
OPERATORS = ["=", "<>", "<", "<=", ">", ">=", "+", "-", "||", "~", "!~"]
FUNCTIONS = [
    *[
        "aclexplode",
        "array_agg",
        "bool_and",
        "btrim",
        "clock_timestamp",
        "concat",
        "count",
        "current_database",
    ],
    *[
        "current_schemas",
        "current_setting",
        "has_database_privilege",
        "length",
        "lower",
        "max",
        "min",
        "now",
    ],
    *[
        "pg_advisory_xact_lock",
        "pg_has_role",
        "pg_table_is_visible",
        "replace",
        "to_regclass",
        "to_regnamespace",
    ],
    *["trim", "unnest", "version"],
]
SPY = "RAISE EXCEPTION 'a shadow ran'"
PLANT = """
DO $plant$
DECLARE
    types text[] := ARRAY[{types}];
    one text;
    other text;
    name text;
BEGIN
    FOREACH one IN ARRAY types LOOP
        FOREACH other IN ARRAY types LOOP
            name := format('%s and %s', replace(one, '"', ''), replace(other, '"', ''));
            EXECUTE format('CREATE FUNCTION {place}.%I(pg_catalog.%s, pg_catalog.%s) RETURNS pg_catalog.bool '
                'LANGUAGE plpgsql AS $f$ BEGIN {spy}; END $f$', name, one, other);
            EXECUTE (SELECT string_agg(format('CREATE OPERATOR {place}.%s (FUNCTION = {place}.%I, '
                'LEFTARG = pg_catalog.%s, RIGHTARG = pg_catalog.%s)', o, name, one, other), ';')
                FROM unnest(ARRAY[{operators}]) o);
            EXECUTE (SELECT string_agg(format('CREATE FUNCTION {place}.%I(pg_catalog.%s, pg_catalog.%s) '
                'RETURNS pg_catalog.text LANGUAGE plpgsql AS $f$ BEGIN {spy}; END $f$', f, one, other), ';')
                FROM unnest(ARRAY[{functions}]) f);
        END LOOP;
        EXECUTE (SELECT string_agg(format('CREATE FUNCTION {place}.%I(pg_catalog.%s) '
            'RETURNS pg_catalog.text LANGUAGE plpgsql AS $f$ BEGIN {spy}; END $f$', f, one), ';')
            FROM unnest(ARRAY[{functions}]) f);
    END LOOP;
    EXECUTE (SELECT string_agg(format('CREATE FUNCTION {place}.%I() RETURNS pg_catalog.text LANGUAGE plpgsql AS '
        '$f$ BEGIN {spy}; END $f$', f), ';') FROM unnest(ARRAY[{functions}]) f);
END $plant$;
CREATE FUNCTION {place}.refuse(pg_catalog.text) RETURNS pg_catalog.bool LANGUAGE plpgsql AS $f$ BEGIN {spy}; END $f$;
CREATE DOMAIN {place}.text AS pg_catalog.text CHECK ({place}.refuse(VALUE::pg_catalog.text));
CREATE DOMAIN {place}.uuid AS pg_catalog.uuid CHECK ({place}.refuse(VALUE::pg_catalog.text));
CREATE TABLE {place}.alembic_version (version_num pg_catalog.int4);
CREATE TABLE {place}.pg_roles (rolname pg_catalog.int4);
CREATE TABLE {place}.pg_namespace (oid pg_catalog.int4);
CREATE TABLE {place}.task (id pg_catalog.int4);
"""
COMMANDS: Sequence[Sequence[str]] = [
    ["doctor"],
    ["list"],
    ["db", "upgrade", "--sql"],
    ["add", "First", "-d", "notes"],
    ["add", "Second"],
    ["add", "-"],
    ["add", "Twice", "--id", "5d0c1b8e-7c1f-4c0a-9f57-3f1f1c1a2b3c"],
    ["add", "Twice", "--id", "5d0c1b8e-7c1f-4c0a-9f57-3f1f1c1a2b3c"],
    ["list"],
    ["list", "--status", "all", "--limit", "2"],
    ["list", "--status", "done"],
    ["show", "1"],
    ["show", "5d0c1b8e-7c1f-4c0a-9f57-3f1f1c1a2b3c"],
    ["update", "1", "--title", "Better", "-d", ""],
    ["update", "1", "--status", "done"],
    ["done", "2"],
    ["done", "1-3", "5d0c1b8e-7c1f-4c0a-9f57-3f1f1c1a2b3c"],
    ["done", "2", "--undo"],
    ["delete", "2"],
    ["delete", "1", "3-4", "--yes"],
    ["db", "upgrade"],
    ["db", "upgrade", "--sql"],
    ["db", "policy", "ada"],
    ["db", "import", "source.db"],
    ["doctor"],
]
PASSWORD = "a secret of the tests"


def literals(names: Sequence[str]) -> str:
    """Names as a list of SQL literals."""
    return ", ".join(f"'{name}'" for name in names)


@dataclass(frozen=True, slots=True)
class Ground:
    """A database in which mallory may create objects where victim's names are looked up."""

    server: PostgresCluster
    database: str
    victim: str
    mallory: str
    seal: Seal
    clock: Clock

    def run(self, sql: str, role: str | None = None) -> None:
        """Run SQL as the administrator or in another role."""
        self.server.run_sql(
            self.database,
            sql if role is None else f"SET ROLE {role}; {sql}; RESET ROLE",
        )

    def todo(self, role: str | None = None) -> Todo:
        """The program, logged in as victim or as the administrator."""
        url = (
            self.server.url(self.database, user=role, password=PASSWORD)
            if role
            else self.server.url(self.database)
        )
        return Todo(Surroundings(self.seal.home, self.seal.cwd, url), self.clock)

    def plant(self, place: str, role: str) -> None:
        """Put a shadow of everything into a schema."""
        sql = PLANT.format(
            place=place,
            types=literals(TYPES),
            operators=literals(OPERATORS),
            functions=literals(FUNCTIONS),
            spy=SPY.replace("'", "''"),
        )
        self.run(
            sql.replace(
                f"BEGIN {SPY.replace(chr(39), chr(39) * 2)}; END $f$;\n",
                f"BEGIN {SPY}; END $f$;\n",
            ),
            role,
        )


@pytest.fixture
def ground(own_postgres: PostgresCluster, seal: Seal, clock: Clock) -> Iterator[Ground]:
    """A new database, a role that works in it, and a role that is up to something."""
    name, tag = own_postgres.create_database(), uuid4().hex[:8]
    ground = Ground(own_postgres, name, f"victim_{tag}", f"mallory_{tag}", seal, clock)
    ground.run(
        f"CREATE ROLE {ground.victim} LOGIN PASSWORD '{PASSWORD}'; CREATE ROLE {ground.mallory};"
        f"GRANT CREATE ON DATABASE {name} TO {ground.victim}, {ground.mallory};"
        f"GRANT CREATE ON SCHEMA public TO PUBLIC"
    )
    yield ground
    own_postgres.drop_database(name)
    own_postgres.run_sql(
        "postgres", f"DROP ROLE {ground.victim}; DROP ROLE {ground.mallory}"
    )


PATHS: dict[str, Callable[[Ground], tuple[str, str]]] = {
    "public": lambda ground: ("public", '"$user", public'),
    "a schema of the role's name": lambda ground: (ground.victim, '"$user", public'),
    "before pg_catalog": lambda ground: ("public", "public, pg_catalog"),
}


@pytest.mark.spec("001/FR-043")
@pytest.mark.parametrize("path", PATHS)
def test_no_shadow_runs(ground: Ground, path: str) -> None:
    place, search_path = PATHS[path](ground)
    if place != "public":
        ground.run(
            f"CREATE SCHEMA {place}; GRANT CREATE, USAGE ON SCHEMA {place} TO PUBLIC"
        )
    ground.plant(place, ground.mallory)
    ground.run(f"ALTER ROLE {ground.victim} SET search_path = {search_path}")
    source = Todo(
        Surroundings(
            ground.seal.home, ground.seal.cwd, str(ground.seal.cwd / "source.db")
        ),
        ground.clock,
    )
    assert source("add", "from a file", user="bob").status == 0
    run = ground.todo(ground.victim)

    ran = {tuple(command): run(*command, stdin=b"one\ntwo\n") for command in COMMANDS}

    assert {
        command: one for command, one in ran.items() if one.status != 0 or one.err
    } == {}
    assert place in re.findall(r"others_may_create_in\t(.*)", ran[("doctor",)].out)[
        0
    ].split(", ")
    assert [
        task["title"] for task in run("list", "--json", "--status", "all").data
    ] == ["Twice"]


def test_the_shadows_would_run(ground: Ground) -> None:
    ground.plant("public", ground.mallory)

    for sql in (
        "SELECT 'a'::text = 'b'::varchar",
        "SELECT to_regclass('a'::varchar)",
        "SELECT max(1, 2)",
    ):
        with pytest.raises(Exception, match="a shadow ran"):
            ground.run(sql)


def test_every_function_and_operator_is_qualified() -> None:
    statements = load("postgresql")
    place = Position(datetime(2026, 1, 2, tzinfo=UTC), 3)
    texts = [
        *(statements[name].sql for name in statements.names),
        *(statements.page(TaskQuery(status, 5, place)).sql for status in TaskStatus),
        *(statements.page(TaskQuery(status)).sql for status in TaskStatus),
        *ddl.lock(ddl.dialect_of("postgresql")),
    ]

    for text in texts:
        plain = re.sub(
            r"'[^']*'|OPERATOR\(pg_catalog\.[^)]+\)|SET (LOCAL )?\w+ =", "", text
        )
        assert re.findall(r"(?<![:.\w])[<>=+~|!-]+", plain) == [], text
        called = set(re.findall(r"(?<!\.)\b([a-z_]+)\(", plain)) - {"coalesce"}
        assert called == set(), text


def test_what_is_syntax_is_not_qualified() -> None:
    task = queries.TASK.c

    text = sql_of(task.description.is_(None) & task.completed, "postgresql")

    assert text == "todo.task.description IS NULL AND todo.task.completed"


# A schema of somebody else

TRAPS = {
    "trigger": """
        CREATE TRIGGER trap BEFORE INSERT ON todo.task FOR EACH ROW EXECUTE FUNCTION public.trap();
        CREATE TRIGGER trap BEFORE INSERT OR UPDATE OR DELETE ON todo.counter EXECUTE FUNCTION public.trap();
        CREATE TRIGGER trap_all BEFORE INSERT OR UPDATE OR DELETE ON todo.task EXECUTE FUNCTION public.trap();
    """,
    "view": """
        DROP TABLE todo.task;
        CREATE VIEW todo.task AS SELECT public.stolen()::pg_catalog.uuid AS id, 1 AS number, 'ada'::text AS user_id,
            'a'::text AS title, 'a'::text AS description, false AS completed, now() AS created_at, now() AS updated_at,
            now() AS completed_at;
    """,
    "default": "ALTER TABLE todo.task ADD COLUMN more text DEFAULT public.stolen();",
    "immutable default": """
        ALTER TABLE todo.task ADD COLUMN more text DEFAULT public.planned('d');
        ALTER TABLE todo.counter ADD COLUMN more text DEFAULT public.planned('d');
    """,
    "immutable index": """
        CREATE INDEX trap ON todo.task (title) WHERE public.planned('i') = 'i';
        CREATE INDEX trap_too ON todo.counter (last) WHERE public.planned('i') = 'i';
    """,
    "immutable view": """
        DROP TABLE todo.task;
        CREATE VIEW todo.task AS SELECT '5d0c1b8e-7c1f-4c0a-9f57-3f1f1c1a2b3c'::uuid AS id, 1 AS number,
            'ada'::text AS user_id, public.planned('v') AS title, 'a'::text AS description, false AS completed,
            now() AS created_at, now() AS updated_at, now() AS completed_at;
    """,
    "policy": """
        ALTER TABLE todo.task ENABLE ROW LEVEL SECURITY; ALTER TABLE todo.task FORCE ROW LEVEL SECURITY;
        CREATE POLICY trap ON todo.task USING (public.planned('p') = 'p') WITH CHECK (public.planned('p') = 'p');
    """,
    "version": "CREATE TRIGGER trap BEFORE INSERT ON todo.alembic_version EXECUTE FUNCTION public.trap();",
    "nothing but the schema": "DROP TABLE todo.task; DROP TABLE todo.counter; DROP TABLE todo.alembic_version;",
}
TRAP = f"""
CREATE FUNCTION public.stolen() RETURNS pg_catalog.text LANGUAGE plpgsql VOLATILE AS $f$ BEGIN {SPY}; END $f$;
CREATE FUNCTION public.trap() RETURNS trigger LANGUAGE plpgsql AS $f$ BEGIN {SPY}; END $f$;
CREATE FUNCTION public.planned(word pg_catalog.text) RETURNS pg_catalog.text LANGUAGE plpgsql IMMUTABLE AS $f$ BEGIN
    IF current_user NOT LIKE 'mallory%' THEN PERFORM pg_catalog.nextval('public.loot'); END IF;
    RETURN word;
END $f$;
"""


def own_schema(ground: Ground, role: str, trap: str) -> None:
    """Have a role make the schema, before anybody else does."""
    script = ";\n".join(ddl.creation(ddl.dialect_of("postgresql")))
    ground.run(
        "CREATE SEQUENCE public.loot; GRANT ALL ON SEQUENCE public.loot TO PUBLIC"
    )
    ground.run(
        f"{TRAP} {script.replace('SET LOCAL', 'SET')}; RESET search_path; {TRAPS[trap]}",
        role,
    )
    ground.run(
        "GRANT USAGE ON SCHEMA todo TO PUBLIC; GRANT ALL ON ALL TABLES IN SCHEMA todo TO PUBLIC"
    )


@pytest.mark.spec("001/FR-044")
@pytest.mark.parametrize("trap", TRAPS)
@pytest.mark.parametrize("who", ["a superuser", "another role"])
def test_a_strangers_schema_runs_nothing_as_us(
    ground: Ground, trap: str, who: str
) -> None:
    own_schema(ground, ground.mallory, trap)
    run = ground.todo(None if who == "a superuser" else ground.victim)
    source = Todo(
        Surroundings(
            ground.seal.home, ground.seal.cwd, str(ground.seal.cwd / "source.db")
        ),
        ground.clock,
    )
    assert source("add", "from a file", user="bob").status == 0

    for command in COMMANDS:
        if command[:2] == ["db", "policy"]:
            continue
        ran = run(*command, "--json", stdin=b"one\ntwo\n")
        assert (ran.status, ran.error["code"]) == (8, "SCHEMA"), (command, ran)
        assert f"belongs to the role `{ground.mallory}`" in ran.error["message"]
    assert (
        ground.server.fetch(ground.database, "SELECT is_called FROM public.loot")[0][0]
        is False
    )


@pytest.mark.spec("001/FR-044")
def test_doctor_names_whose_the_schema_is(ground: Ground) -> None:
    own_schema(ground, ground.mallory, "trigger")

    ran = ground.todo()("doctor")

    assert f"schema_owner\t{ground.mallory}\n" in ran.out
    assert ran.status == 8


@pytest.mark.spec("001/FR-044")
@pytest.mark.parametrize(
    "owner_of",
    ["the role itself", "a role that it is a member of", "the database", "a superuser"],
)
def test_a_schema_of_whom_we_trust_is_used(ground: Ground, owner_of: str) -> None:
    ground.run(
        f"DROP SCHEMA IF EXISTS todo CASCADE; GRANT CREATE ON SCHEMA public TO {ground.mallory}"
    )
    run = ground.todo(ground.victim)
    if owner_of == "the role itself":
        assert run("db", "upgrade").status == 0
    elif owner_of == "a superuser":
        assert ground.todo()("db", "upgrade").status == 0
    else:
        own_schema(ground, ground.mallory, "version")
        ground.run("DROP TRIGGER trap ON todo.alembic_version")
        if owner_of == "the database":
            ground.run(f"ALTER DATABASE {ground.database} OWNER TO {ground.mallory}")
        else:
            ground.run(f"GRANT {ground.mallory} TO {ground.victim}")
    ground.run(
        "GRANT USAGE ON SCHEMA todo TO PUBLIC; GRANT ALL ON ALL TABLES IN SCHEMA todo TO PUBLIC"
    )

    assert run("add", "Buy milk").status == 0
    assert run("list").status == run("doctor").status == 0
    assert run("done", "1").status == run("delete", "1").status == 0
    if owner_of == "the database":
        ground.run(f"ALTER DATABASE {ground.database} OWNER TO CURRENT_USER")


@pytest.mark.spec("001/FR-044")
def test_a_strangers_table_in_our_own_schema_runs_nothing_as_us(ground: Ground) -> None:
    own_schema(ground, ground.mallory, "trigger")
    ground.run("ALTER SCHEMA todo OWNER TO CURRENT_USER")

    for command in (["list"], ["add", "x"], ["db", "upgrade"]):
        ran = ground.todo()(*command, "--json")
        assert ran.error["code"] == "SCHEMA", ran
        assert f"belongs to the role `{ground.mallory}`" in ran.error["message"]


@pytest.mark.spec("001/FR-044")
def test_a_role_is_not_trusted_because_we_made_it(ground: Ground) -> None:
    """From PostgreSQL 16 on, who makes a role may administer it, and so is a member of a kind."""
    made = f"made_by_{ground.victim}"
    ground.run(f"ALTER ROLE {ground.victim} CREATEROLE")
    ground.run(
        f"CREATE ROLE {made}; GRANT CREATE ON DATABASE {ground.database} TO {made}",
        ground.victim,
    )
    ground.run(
        f"GRANT {made} TO CURRENT_USER WITH ADMIN OPTION; GRANT CREATE ON DATABASE {ground.database} TO {made}"
    )
    try:
        own_schema(ground, made, "trigger")
        assert (
            ground.todo(ground.victim)("add", "x", "--json").error["code"] == "SCHEMA"
        )
    finally:
        ground.run(f"DROP OWNED BY {made} CASCADE; DROP ROLE {made}")


@pytest.mark.spec("001/FR-044")
def test_doctor_warns_of_a_schema_in_which_others_may_create(ground: Ground) -> None:
    ground.run(
        f"REVOKE CREATE ON SCHEMA public FROM PUBLIC; GRANT {ground.mallory} TO {ground.victim}"
    )
    assert ground.todo(ground.victim)("db", "upgrade").status == 0
    assert "others_may_create_in\t-\n" in ground.todo(ground.victim)("doctor").out

    ground.run(f"GRANT CREATE ON SCHEMA todo TO {ground.mallory}")

    assert "others_may_create_in\ttodo\n" in ground.todo(ground.victim)("doctor").out


@pytest.mark.spec("001/FR-044")
async def test_a_schema_that_comes_later_is_looked_at_too(ground: Ground) -> None:
    url = ground.server.url(ground.database, user=ground.victim, password=PASSWORD)
    async with open_database(Store("postgresql", url).target, pool_size=1) as database:
        tasks = TaskService(database, "ada", ground.clock)
        assert (await tasks.list()).tasks == []

        await asyncio.to_thread(own_schema, ground, ground.mallory, "immutable default")

        for call in (
            tasks.list,
            lambda: tasks.add(NewTask(title="x")),
            lambda: tasks.complete([1]),
        ):
            with pytest.raises(SchemaMismatch):
                await call()
    assert (
        ground.server.fetch(ground.database, "SELECT is_called FROM public.loot")[0][0]
        is False
    )


async def test_the_question_travels_with_the_first_request(ground: Ground) -> None:
    """In one packet, so that it costs no round trip."""
    packets: list[bytes] = []
    lines: list[asyncio.Task[None]] = []

    async def pass_on(
        source: asyncio.StreamReader, target: asyncio.StreamWriter, seen: list[bytes]
    ) -> None:
        with suppress(OSError):
            while data := await source.read(65_536):
                seen.append(data)
                target.write(data)
                await target.drain()
        target.close()
        with suppress(OSError):
            await target.wait_closed()

    async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        from_server, to_server = await asyncio.open_connection(
            ground.server.host, ground.server.port
        )
        lines.append(asyncio.create_task(pass_on(reader, to_server, packets)))
        lines.append(asyncio.create_task(pass_on(from_server, writer, [])))

    url = ground.server.url(ground.database)
    async with open_database(Store("postgresql", url).target) as database:
        await database.upgrade()
    async with await asyncio.start_server(relay, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        relayed = Store(
            "postgresql", url.replace(f":{ground.server.port}/", f":{port}/")
        )
        async with open_database(relayed.target) as database:
            await TaskService(database, "ada", ground.clock).add(NewTask(title="x"))
            await TaskService(database, "ada", ground.clock).list()
        await asyncio.gather(*lines)

    asked = [packet for packet in packets if b"nspowner" in packet]
    assert len(asked) == 1
    assert b"INSERT INTO todo.task" in asked[0]
