"""`--auth`: who gets in, who is told what, and what is remembered of a token."""

import asyncio
import os
import warnings
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address, ip_network
from uuid import UUID, uuid4

import httpx
import pytest

from tests.api.provider import PROVIDER, signed
from tests.api.support import (
    HOST,
    TASKS,
    Log,
    add,
    context_for,
    data,
    error,
    opened,
)
from tests.api.tokens import bearing, challenge_of, make_token, revoke_token
from tests.support.size import on_both_if_long
from tests.support.stores import Clock, Store
from todo_cli.api.addresses import (
    client_of,
    means_us,
    read_host,
    read_network,
)
from todo_cli.api.auth import (
    MOST_WAITING,
    Access,
    Gate,
    Refused,
    without_secrets,
)
from todo_cli.api.holders import KEPT_S, Cache, Holder
from todo_cli.api.jwts import Jwts
from todo_cli.api.keys import Keys
from todo_cli.api.wrongs import MOST_WRONG, WITHIN_S, Wrongs
from todo_cli.errors import DatabaseBusy, InvalidInput
from todo_cli.token_text import Token, hash_of, make_text
from todo_cli.tokens import Bearer, Verdict

NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)


@dataclass(slots=True)
class Seconds:
    """A clock that stands still."""

    now_s: float = 1_000.0

    def __call__(self) -> float:
        return self.now_s


@dataclass(slots=True)
class Keeper:
    """Knows some tokens, and counts who asks."""

    tokens: dict[str, Token] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    used: list[UUID] = field(default_factory=list)
    at_once: int = 0
    most_at_once: int = 0

    async def look_up(self, text: str) -> Bearer:
        self.asked.append(text)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        await asyncio.sleep(0)
        self.at_once -= 1
        token = self.tokens.get(text)
        if token is None:
            return Bearer(Verdict.UNKNOWN)
        return Bearer(Verdict(token.state(NOON).value), token)

    async def note_use(self, token: Token) -> None:
        self.used.append(token.id)
        raise DatabaseBusy("locked")

    def issue(self, user: str = "ada") -> str:
        """Make a token that this keeper knows."""
        text = make_text()
        self.tokens[text] = Token(
            uuid4(), user, "laptop", False, NOON, None, None, None
        )
        return text


@pytest.fixture
def seconds() -> Seconds:
    """The clock of the cache and of the limit."""
    return Seconds()


@pytest.fixture
def access(seconds: Seconds) -> Access:
    """What decides who gets in."""
    return Access(clock_s=seconds)


@pytest.fixture
async def auth_client(
    store: Store, clock: Clock, log: Log, access: Access
) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the application with `--auth`, first on SQLite."""
    context = context_for(store.target, clock, log, access=access)
    async with opened(context) as client:
        yield client


on_sqlite = pytest.mark.parametrize("store", ["sqlite"], indirect=True)


@on_both_if_long
@pytest.mark.spec("003/FR-050")
@pytest.mark.spec("003/FR-051")
async def test_every_request_needs_a_token_but_those_for_the_contract(
    auth_client: httpx.AsyncClient, store: Store, clock: Clock
) -> None:
    text = await make_token(store, clock)

    for path in (TASKS, "/api/me", "/health", "/api/me/tasks", "/nowhere"):
        response = await auth_client.get(path)
        error(response, 401, "UNAUTHORIZED")
        assert challenge_of(response) == ""
        assert response.headers["connection"] == "close"
    for path in ("/docs", "/openapi.json"):
        assert (await auth_client.get(path)).status_code == 200
    error(await auth_client.post("/docs", json={}), 401, "UNAUTHORIZED")

    auth_client.headers.update(bearing(text))
    added = await add(auth_client)
    assert data(await auth_client.get("/api/me/tasks")) == [added]
    assert (await auth_client.get("/health")).status_code == 200
    error(await auth_client.get("/nowhere"), 404, "NOT_FOUND")
    error(await auth_client.get("/api/ada/nowhere"), 404, "NOT_FOUND")


@on_sqlite
@pytest.mark.spec("003/FR-051")
@pytest.mark.spec("003/FR-052")
async def test_what_is_sent_instead_of_a_token(
    auth_client: httpx.AsyncClient, store: Store, clock: Clock
) -> None:
    text = await make_token(store, clock)

    async def ask(*lines: str | bytes) -> tuple[int, str]:
        headers = [(b"Authorization", each) for each in lines]
        encoded = [
            (name, each if isinstance(each, bytes) else each.encode())
            for name, each in headers
        ]
        response = await auth_client.get(TASKS, headers=encoded)
        if response.status_code == 200:
            return 200, ""
        assert text not in response.text
        return response.status_code, challenge_of(response)

    for line in (
        f"Bearer {text}",
        f"bearer {text}",
        f"BEARER   {text} ",
    ):
        assert await ask(line) == (200, ""), line
    for line in ("", "Bearer", "Bearer ", "Basic YWRhOng=", text, "Bearer\t"):
        assert await ask(line) == (401, ""), line
    for word in (
        f"Bearer {text[:-1]}",
        f"Bearer {text}x",
        f"Bearer {text} {text}",
        f"Bearer {text[:20]} {text[20:]}",
        f"Bearer {text.upper()}",
        "Bearer ä".encode(),
        b"Bearer \xff\xfe",
        "Bearer " + 60_000 * "x",
        f"Bearer {make_text()}",
    ):
        assert await ask(word) == (401, "invalid_token"), word
    assert await ask(f"Bearer {text}", "Basic x") == (400, "invalid_request")
    assert await ask(f"Bearer {text}", f"Bearer {text}") == (
        400,
        "invalid_request",
    )


@on_both_if_long
@pytest.mark.spec("003/FR-053")
async def test_other_users_are_all_the_same_to_a_token(
    auth_client: httpx.AsyncClient, store: Store, clock: Clock
) -> None:
    adas = await make_token(store, clock)
    bobs = await make_token(store, clock, user="bob")
    theirs = await auth_client.post(
        "/api/bob/tasks", json={"title": "secret"}, headers=bearing(bobs)
    )
    id = data(theirs, 201)["id"]

    answers = set()
    for user in ("bob", "nobody", "ADA", "ada%20x", "%00", "..%00", "%20"):
        for end in ("tasks", f"tasks/{id}", "history", "nowhere"):
            response = await auth_client.get(
                f"/api/{user}/{end}", headers=bearing(adas)
            )
            error(response, 403, "FORBIDDEN")
            headers = dict(response.headers)
            answers.add((response.text, str(headers)))
    assert len(answers) == 1
    found = []
    for each in (id, str(uuid4())):
        response = await auth_client.get(
            f"/api/me/tasks/{each}", headers=bearing(adas)
        )
        error(response, 404, "NOT_FOUND")
        found.append(response.text.replace(each, "ID"))
    assert found[0] == found[1]


@on_sqlite
@pytest.mark.spec("003/FR-054")
@pytest.mark.spec("003/FR-055")
async def test_token_that_only_reads_changes_nothing(
    auth_client: httpx.AsyncClient, store: Store, clock: Clock
) -> None:
    text = await make_token(store, clock, "phone", read_only=True)
    auth_client.headers.update(bearing(text))

    assert data(await auth_client.get(TASKS)) == []
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        for path in (TASKS, f"/api/me/tasks/{uuid4()}", "/api/me/undo"):
            response = await auth_client.request(method, path, json={})
            error(response, 403, "FORBIDDEN")
            assert challenge_of(response) == "insufficient_scope"
    me = data(await auth_client.get("/api/me"))
    assert me == {
        "user_id": "ada",
        "id": me["id"],
        "name": "phone",
        "read_only": True,
        "expires_at": None,
    }
    assert data(await auth_client.get(TASKS)) == []


async def test_without_auth_nobody_is_known(
    client_embedded: httpx.AsyncClient,
) -> None:
    error(await client_embedded.get("/api/me"), 404, "NOT_FOUND")
    added = await add(client_embedded, user="me")
    assert added["user_id"] == "me"


@on_both_if_long
@pytest.mark.spec("003/FR-056")
async def test_revoked_and_expired_tokens_open_nothing(
    auth_client: httpx.AsyncClient,
    store: Store,
    clock: Clock,
    seconds: Seconds,
) -> None:
    revoked = await make_token(store, clock, "a")
    expiring = await make_token(store, clock, "b", lifetime=timedelta(hours=1))

    async def status(text: str) -> int:
        response = await auth_client.get(TASKS, headers=bearing(text))
        return response.status_code

    assert [await status(revoked), await status(expiring)] == [200, 200]
    await revoke_token(store, clock, "a")
    seconds.now_s += KEPT_S
    assert KEPT_S <= 5
    clock.tick(3_600)
    for text in (revoked, expiring):
        response = await auth_client.get(TASKS, headers=bearing(text))
        error(response, 401, "UNAUTHORIZED")
        assert challenge_of(response) == "invalid_token"


@on_sqlite
@pytest.mark.spec("003/FR-057")
async def test_valid_token_is_served_where_wrong_ones_are_too_many(
    auth_client: httpx.AsyncClient,
    store: Store,
    clock: Clock,
    seconds: Seconds,
) -> None:
    text = await make_token(store, clock)

    async def wrong() -> httpx.Response:
        return await auth_client.get(TASKS, headers=bearing("x"))

    for _ in range(MOST_WRONG):
        error(await wrong(), 401, "UNAUTHORIZED")
        seconds.now_s += 1
    for _ in range(3):
        response = await wrong()
        error(response, 429, "RATE_LIMITED")
        assert "www-authenticate" not in response.headers
        assert response.headers["connection"] == "close"
    wait_s = int(response.headers["retry-after"])
    assert wait_s == WITHIN_S - MOST_WRONG

    response = await auth_client.get(TASKS, headers=bearing(text))
    assert response.status_code == 200
    error(await auth_client.get(TASKS), 401, "UNAUTHORIZED")
    seconds.now_s += wait_s
    error(await wrong(), 401, "UNAUTHORIZED")
    error(await wrong(), 429, "RATE_LIMITED")


@on_sqlite
@pytest.mark.spec("003/FR-058")
async def test_log_names_the_address_and_the_token_and_never_its_text(
    auth_client: httpx.AsyncClient, store: Store, clock: Clock, log: Log
) -> None:
    text = await make_token(store, clock)
    id = data(await auth_client.get("/api/me", headers=bearing(text)))["id"]
    await auth_client.get("/api/me", headers=bearing(make_text()))
    await auth_client.get(f"/{text}?access_token={text}")
    await auth_client.get("/docs?eyJhbGciOiJI.eyJzdWIi.c2ln&a=1")
    escaped = text.replace("_", "%5F")
    await auth_client.get(f"/docs?token={escaped}")
    await auth_client.get("/docs?" + 400 * "x" + escaped)

    lines = [line.rpartition(" 0.")[0] for line in log.lines]
    assert text not in "".join(log.lines)
    assert text[9:] not in "".join(log.lines)
    found = [line.rsplit(" ", 3)[0] for line in log.lines]
    assert lines != []
    assert found == [
        f"127.0.0.1 {id} GET /api/me",
        "127.0.0.1 - GET /api/me",
        "127.0.0.1 - GET /***?access_token=***",
        "127.0.0.1 - GET /docs?***&a=1",
        "127.0.0.1 - ***",
        "127.0.0.1 - ***",
    ]


async def decided(
    access: Access, *headers: tuple[str, str], address: str = "203.0.113.7"
) -> str:
    """Whom a request comes from, or the status of the refusal."""
    scope = {
        "client": (address, 1),
        "headers": [
            (name.lower().encode(), value.encode()) for name, value in headers
        ],
    }
    try:
        holder = await access.holder(scope, NOON)
    except Refused as refused:
        return str(refused.answer.status_code)
    return holder.user


def authorized(text: str) -> tuple[str, str]:
    """The header with a token."""
    return "Authorization", f"Bearer {text}"


@pytest.mark.spec("003/FR-056")
async def test_store_is_asked_once_in_a_while_and_never_for_what_is_no_token(
    access: Access, seconds: Seconds
) -> None:
    keeper = Keeper()
    valid, unknown = keeper.issue(), make_text()
    async with access.open(keeper):
        for text in (valid[:-1] + "!", valid[:-6] + "000000", "x", "a.b.c"):
            assert await decided(access, authorized(text)) == "401"
        assert keeper.asked == []
        for _ in range(3):
            assert await decided(access, authorized(valid)) == "ada"
            assert await decided(access, authorized(unknown)) == "401"
        assert keeper.asked == [valid, unknown]
        seconds.now_s += KEPT_S
        both = [decided(access, authorized(valid)) for _ in range(9)]
        leaving = asyncio.create_task(both[0])
        others = [asyncio.create_task(each) for each in both[1:]]
        await asyncio.sleep(0)
        leaving.cancel()
        assert set(await asyncio.gather(*others)) == {"ada"}
        assert keeper.asked == [valid, unknown, valid]
        seconds.now_s += KEPT_S
        del keeper.tokens[valid]
        assert await decided(access, authorized(valid)) == "401"
    assert len(keeper.used) == 2, "a store that is busy keeps nobody out"


@pytest.mark.spec("003/FR-056")
async def test_answer_that_comes_too_late_is_asked_for_again(
    access: Access, seconds: Seconds
) -> None:
    """It was true when it left the store, however long that is ago."""

    class Held(Keeper):
        """Knows what was, and says it late."""

        async def look_up(self, text: str) -> Bearer:
            bearer = await Keeper.look_up(self, text)
            if len(self.asked) == 1:
                del self.tokens[text]
                await asyncio.sleep(0)
                seconds.now_s += KEPT_S
            return bearer

    keeper = Held()
    text = keeper.issue()
    async with access.open(keeper):
        both = [decided(access, authorized(text)) for _ in range(2)]
        assert await asyncio.gather(*both) == ["401", "401"]
    assert keeper.asked == [text, text]


@pytest.mark.spec("003/FR-053")
async def test_name_that_a_route_would_trim_is_nobody(access: Access) -> None:
    keeper = Keeper()
    async with access.open(keeper):
        for user in ("\u00a0ada", "ada\u3000", "a/b", "..", ""):
            text = keeper.issue(user)
            assert await decided(access, authorized(text)) == "401", user
    assert keeper.used == []


@pytest.mark.spec("003/FR-057")
async def test_limit_is_for_each_address_as_the_proxy_tells_it(
    seconds: Seconds,
) -> None:
    access = Access(clock_s=seconds, proxies=[ip_network("10.0.0.0/8")])
    keeper = Keeper()
    valid = keeper.issue()

    async def ask(sender: str, address: str = "10.1.2.3") -> str:
        forwarded = ("X-Forwarded-For", sender)
        return await decided(
            access, authorized("x"), forwarded, address=address
        )

    async with access.open(keeper):
        for turn in range(MOST_WRONG):
            assert await ask(f"{turn}.1.1.1, 203.0.113.7, 10.9.9.9") == "401"
        assert await ask("203.0.113.7") == "429"
        assert await ask("203.0.113.8") == "401"
        # What anybody else writes there does not count.
        assert await ask("198.51.100.1", "203.0.113.7") == "429"
        assert await ask("203.0.113.7", "198.51.100.1") == "401"
        # Looked up one after the other, so that the store stays free.
        texts = [make_text() for _ in range(20)]
        asked = [decided(access, authorized(text)) for text in [*texts, valid]]
        found = await asyncio.gather(*asked)
    assert found == [*20 * ["429"], "ada"]
    assert keeper.most_at_once == 2


@pytest.mark.spec("003/FR-057")
async def test_guesses_that_wait_are_bounded_and_a_token_in_use_passes_them(
    access: Access, seconds: Seconds
) -> None:
    keeper = Keeper()
    valid = keeper.issue()
    async with access.open(keeper):
        assert await decided(access, authorized(valid)) == "ada"
        for _ in range(MOST_WRONG):
            assert await decided(access, authorized("x")) == "401"
        seconds.now_s += KEPT_S
        texts = [make_text() for _ in range(9 * MOST_WAITING)]
        asked = [decided(access, authorized(text)) for text in [*texts, valid]]
        found = await asyncio.gather(*asked)
        assert found == [*len(texts) * ["429"], "ada"]
        assert keeper.most_at_once == 3
        # Those that were refused have not been asked about, and none waits.
        assert len(keeper.asked) == 1 + MOST_WAITING + 1
        assert await decided(access, authorized(keeper.issue())) == "ada"
        # One that is revoked is a guess from then on.
        del keeper.tokens[valid]
        seconds.now_s += KEPT_S
        asked = [decided(access, authorized(text)) for text in texts]
        assert await decided(access, authorized(valid)) == "429"
        seconds.now_s += KEPT_S
        found = await asyncio.gather(
            *asked, decided(access, authorized(valid))
        )
        assert found == [*len(asked) * ["429"], "429"]


@pytest.mark.spec("003/FR-057")
def test_wrong_tokens_are_counted_in_bounded_memory() -> None:
    wrongs = Wrongs(most=2, within_s=60)
    one, neighbour = ip_address("2001:db8::1"), ip_address("2001:db8::2")
    assert [wrongs.add(one, now_s) for now_s in (1.0, 2.0)] == [0, 0]

    assert wrongs.wait_s(neighbour, 2.5) == wrongs.add(one, 2.5) == 59
    assert wrongs.wait_s(ip_address("2001:db8:0:1::1"), 2.5) == 0
    assert wrongs.wait_s(None, 2.5) == 0
    assert [wrongs.wait_s(one, now_s) for now_s in (60.9, 61.0)] == [1, 0]
    assert [wrongs.add(one, now_s) for now_s in (61.0, 61.0)] == [0, 1]
    few = Wrongs(most=1, most_addresses=16)
    for number in range(1_000):
        few.add(ip_address(number), 3.0)
    waiting = [few.wait_s(ip_address(each), 3.0) > 0 for each in range(1_000)]
    assert waiting[-1]
    assert 2 <= sum(waiting) <= 16


@pytest.mark.spec("003/FR-057")
def test_wrong_tokens_of_all_workers_are_counted_together() -> None:
    wrongs = Wrongs(is_shared=True)
    address = ip_address("192.0.2.1")
    workers = []
    for _ in range(4):
        with warnings.catch_warnings():
            # Newer Pythons warn of threads, which this process does not need.
            warnings.simplefilter("ignore")
            pid = os.fork()
        if pid == 0:
            waits = [wrongs.add(address, 1.0) for _ in range(50)]
            os._exit(waits.count(0))
        workers.append(pid)

    statuses = [os.waitpid(pid, 0)[1] for pid in workers]
    counted = [os.waitstatus_to_exitcode(status) for status in statuses]
    assert sum(counted) == MOST_WRONG
    assert wrongs.wait_s(address, 1.0) == WITHIN_S


@pytest.mark.spec("003/FR-056")
def test_cache_is_bounded_and_wrong_tokens_do_not_push_valid_ones_out() -> (
    None
):
    seconds = Seconds()
    cache = Cache(seconds, most=3)
    holder = Holder("ada", expires_at=NOON)
    cache.put(b"valid", holder, seconds.now_s)
    for number in range(10):
        cache.put(bytes([number]), None, seconds.now_s)

    assert len(cache) == 4
    before = NOON - timedelta(seconds=1)
    known = cache.get(b"valid", before)
    assert known is not None
    assert known.holder is holder
    assert cache.get(b"valid", NOON) is None
    assert cache.get(bytes([9]), NOON) is not None
    seconds.now_s += KEPT_S
    assert cache.get(bytes([9]), NOON) is None


@pytest.mark.spec("003/FR-059")
async def test_client_behind_a_proxy_must_come_through_it(
    sqlite_store: Store, clock: Clock, log: Log
) -> None:
    text = await make_token(sqlite_store, clock)
    for address, status in (
        ("10.1.2.3", 200),
        ("127.0.0.1", 200),
        ("::ffff:10.1.2.3", 200),
        ("203.0.113.7", 403),
    ):
        access = Access(proxies=[ip_network("10.0.0.0/8")], only_proxies=True)
        context = context_for(sqlite_store.target, clock, log, access=access)
        async with opened(context, address=address) as client:
            response = await client.get(
                TASKS,
                headers={
                    **bearing(text),
                    "X-Forwarded-For": "[2001:db8::1]:9",
                },
            )
        assert response.status_code == status, address
    assert [line.split()[0] for line in log.lines] == [
        "2001:db8::1",
        "127.0.0.1",
        "2001:db8::1",
        "203.0.113.7",
    ]


@pytest.mark.spec("003/FR-060")
def test_names_of_this_server_come_with_any_port() -> None:
    hosts, names = frozenset({HOST}), frozenset({"todo.example.org", "[::2]"})

    for host in (HOST, "todo.example.org", "todo.example.org:8443", "[::2]:1"):
        assert means_us(host, hosts, names), host
    for host in (
        "",
        "127.0.0.1",
        "127.0.0.1:80",
        "x.todo.example.org",
        "todo.example.org.evil.example",
        "todo.example.org:x",
        "todo.example.org:8443:1",
        "todo.example.org/",
    ):
        assert not means_us(host, hosts, names), host
    assert read_host("Todo.Example.ORG") == "todo.example.org"
    for text in ("*", "*.example.org", "", "a b", "https://x", "x:y"):
        with pytest.raises(InvalidInput):
            read_host(text)
    for text in (
        "",
        "proxy",
        "10.0.0.1/8",
        "10.0.0.0/33",
        "0.0.0.0/0",
        "::/0",
    ):
        with pytest.raises(InvalidInput):
            read_network(text)


def test_log_hides_what_may_be_a_token() -> None:
    text = make_text()
    assert hash_of(text) is not None
    assert (
        without_secrets("/api/ada/tasks?limit=5") == "/api/ada/tasks?limit=5"
    )
    assert text[9:] not in without_secrets(f"/?a={text}")
    assert text[9:] not in without_secrets(f"/?a=%74odo_pat_{text[9:]}")
    jwt = signed(now=NOON)
    payload = jwt.index(".") + 1
    for secret, at in ((text, 9), (text, 10), (text, 40), (jwt, payload + 3)):
        for escape in ("%", "%25"):
            sign = f"{escape}{ord(secret[at]):02X}"
            target = f"/?a={secret[:at]}{sign}{secret[at + 1 :]}&b=1"
            shown = without_secrets(target)
            assert secret[-8:] not in shown, target


class Down:
    """A store that does not answer."""

    async def look_up(self, text: str) -> Bearer:
        raise DatabaseBusy("/srv/secret/todo.db is busy", hint="/srv/secret")

    async def note_use(self, token: Token) -> None:
        raise AssertionError("nobody was found")


@pytest.mark.spec("003/FR-056")
@pytest.mark.spec("003/FR-069")
async def test_nobody_gets_in_while_nobody_can_say_who_it_is(
    seconds: Seconds, caplog: pytest.LogCaptureFixture
) -> None:
    def fetch() -> bytes:
        raise ConnectionRefusedError

    async def refuse(*_: object) -> None:
        raise AssertionError("it got in")

    keys = Keys(fetch, clock_s=seconds)
    access = Access(clock_s=seconds, identity=Jwts(PROVIDER, keys))
    gate = Gate(refuse, access, lambda: NOON)
    transport = httpx.ASGITransport(gate)
    async with (
        access.open(Down()),
        httpx.AsyncClient(
            transport=transport, base_url=f"http://{HOST}"
        ) as client,
    ):
        for text in (make_text(), signed(now=NOON)):
            for _ in range(2):
                response = await client.get(TASKS, headers=bearing(text))
                assert response.status_code == 503
                assert response.headers["retry-after"] == "1"
                # A stranger does not learn where the store is; the log does.
                assert "secret" not in response.text
    assert "looked up: /srv/secret/todo.db is busy" in caplog.text
    late = await client_status(gate, make_text())
    assert late == 503, "the store is closed"


async def client_status(gate: Gate, text: str) -> int:
    """The status of a request with a token."""
    transport = httpx.ASGITransport(gate)
    async with httpx.AsyncClient(
        transport=transport, base_url=f"http://{HOST}"
    ) as client:
        return (await client.get(TASKS, headers=bearing(text))).status_code


@pytest.mark.spec("003/FR-059")
def test_last_address_that_is_no_proxy_is_the_clients() -> None:
    proxies = [ip_network("10.0.0.0/8")]

    def client(
        *lines: str, peer: tuple[str, int] | None = ("10.0.0.1", 1)
    ) -> str:
        headers = [(b"x-forwarded-for", line.encode()) for line in lines]
        scope = {"client": peer, "headers": headers}
        return str(client_of(scope, proxies))

    assert client() == "10.0.0.1"
    assert client("192.0.2.1") == "192.0.2.1"
    assert client("192.0.2.1, 192.0.2.2 , 10.9.9.9") == "192.0.2.2"
    assert client("192.0.2.1", "192.0.2.2") == "192.0.2.2"
    assert client("192.0.2.7:443") == "192.0.2.7"
    assert client("[2001:db8::7]:443") == "2001:db8::7"
    assert client("fe80::1%eth0") == "fe80::1"
    assert client("10.1.1.1, 10.2.2.2") == "10.1.1.1"
    for odd in ("", "unknown", "192.0.2.1, x", "999.1.1.1", "[::1", "\x00"):
        assert client(odd) == "10.0.0.1", odd
    assert client(",".join(9_999 * ["10.1.1.1"])) == "10.1.1.1"
    assert client("192.0.2.1", peer=("192.0.2.9", 1)) == "192.0.2.9"
    assert client("192.0.2.1", peer=None) == "None"
