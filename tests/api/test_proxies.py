"""`todo serve --auth` behind a real nginx and a real Caddy, set up as the quickstart says."""

import json
import ssl
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import httpx
import pytest

from tests.api.served import Served, serving
from tests.api.support import TASKS, data, error
from tests.api.test_quickstart import blocks
from tests.api.tokens import bearing
from tests.support.certificates import Authority
from tests.support.machine import needs, own_address
from tests.support.program import LIMIT_S, Process
from tests.support.proxies import TlsProxy
from todo_cli.api.wrongs import MOST_WRONG
from todo_cli.token_text import make_text

pytestmark = needs("127.0.0.2")

PAGE = "## Behind a proxy\n"
NAME = "todo.example.org"
CLIENT, OTHER, THIRD = "127.0.0.2", "127.0.0.3", "127.0.0.4"
"""Clients; the proxy and the server are 127.0.0.1."""
HERE: Mapping[str, Mapping[str, str]] = {
    "nginx": {
        "listen 443 ssl": "listen 127.0.0.1:{port} ssl",
        "/etc/ssl/certs/todo.example.org.pem": "{pem}",
        "/etc/ssl/private/todo.example.org.key": "{pem}",
    },
    "caddy": {
        "todo.example.org {": "https://todo.example.org:{port} {{\n    tls {pem} {pem}",
    },
}
"""What is other here than on the page: ports and certificates."""
APPENDING = {
    "X-Forwarded-For $remote_addr": "X-Forwarded-For $proxy_add_x_forwarded_for"
}
"""How many pages tell people to set nginx up."""
FORGED = {
    "X-Forwarded-For": "198.51.100.7",
    "X-Forwarded-Host": "elsewhere.example",
    "X-Forwarded-Proto": "http",
    "X-Real-IP": "198.51.100.7",
    "Forwarded": "for=198.51.100.7;host=elsewhere.example;proto=http",
}
KEPT = (
    *("etag", "link", "location", "content-type", "content-length"),
    *("www-authenticate", "cache-control", "x-content-type-options"),
)


@dataclass(frozen=True, slots=True)
class Road:
    """A server, the proxy before it, and a token for it."""

    served: Served
    proxy: TlsProxy
    trust: ssl.SSLContext
    token: str

    def through(self, address: str = CLIENT) -> httpx.Client:
        """A client that comes through the proxy, from an address."""
        return self._client(f"https://{NAME}:{self.proxy.port}", address)

    def straight(self, address: str = CLIENT) -> httpx.Client:
        """A client that comes past it."""
        return self._client(self.served.url, address)

    def _client(self, url: str, address: str) -> httpx.Client:
        transport = httpx.HTTPTransport(
            verify=self.trust, local_address=address
        )
        return httpx.Client(
            base_url=url,
            headers=bearing(self.token),
            transport=transport,
            timeout=LIMIT_S,
        )

    def sender(self, turn: int) -> str:
        """The address in the log for the request that has this number."""
        line = self.served.wait_for(rf"^(\S+) .*/api/me\?turn={turn} ")
        return line[1]


@pytest.fixture(
    params=[
        pytest.param("nginx", marks=needs("nginx")),
        pytest.param("caddy", marks=needs("caddy")),
    ]
)
def program(request: pytest.FixtureRequest) -> str:
    """The proxy's program."""
    name: str = request.param
    return name


@pytest.fixture
def more() -> Mapping[str, str]:
    """What else is other here than on the page."""
    return {}


@pytest.fixture
def road(
    program: str,
    more: Mapping[str, str],
    sqlite_process: Process,
    authority: Authority,
    local_hosts: Callable[..., None],
) -> Iterator[Road]:
    """A server behind a proxy, both as the quickstart says."""
    local_hosts(NAME)
    [command] = blocks("sh", PAGE)
    [site] = blocks(program, PAGE)
    made = sqlite_process("token", "create", "laptop", "--json")
    pem = authority.issue(NAME).file.read_bytes()
    trust = ssl.create_default_context(cafile=str(authority.file))
    with serving(sqlite_process, *command.split()[2:]) as served:
        here = {"127.0.0.1:8000": f"127.0.0.1:{served.port}"}
        here |= {**HERE[program], **more}
        with TlsProxy(program, site, here, pem) as proxy:
            yield Road(served, proxy, trust, made.data["token"])


@pytest.mark.spec("003/FR-060")
def test_main_job_through_a_proxy(road: Road) -> None:
    with road.through() as client:
        added = client.post("/api/me/tasks", json={"title": "Buy milk"})
        task, place = data(added, 201), added.headers["location"]
        read = client.get(place)
        assert (data(read), read.headers["etag"]) == (task, '"1"')
        head = client.head(place)
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["content-length"] == str(len(read.content))
        for tag in ('"1"', 'W/"1"', '"0", "1"', "*"):
            known = client.get(place, headers={"If-None-Match": tag})
            assert (known.status_code, known.content) == (304, b"")
            assert known.headers["etag"] == '"1"'
        first = {"If-Match": '"1"'}
        done = client.patch(place, json={"completed": True}, headers=first)
        assert data(done)["completed"]
        late = client.put(place, json={"title": "x"}, headers=first)
        error(late, 412, "PRECONDITION_FAILED")
        # Strangers lose their connection to the server, not that to the proxy.
        for _ in range(3):
            refused = client.get(TASKS, headers=bearing(make_text()))
            error(refused, 401, "UNAUTHORIZED")
            assert data(client.get("/api/me"))["user_id"] == "ada"
        assert data(client.delete(place))["deleted_at"]
        assert data(client.post("/api/me/undo", json={}))["undoes"] == 3
        data(client.post("/api/me/tasks", json={"title": "Buy bread"}), 201)
        page = client.get(f"{TASKS}?limit=1&sort=oldest")
        [title] = [each["title"] for each in data(page)]
        rest = data(client.get(page.links["next"]["url"]))
        assert [title, *[each["title"] for each in rest]] == [
            "Buy milk",
            "Buy bread",
        ]
        assert len(data(client.get("/api/me/history"))) == 5
        assert "openapi.json" in client.get("/docs").text


@pytest.mark.spec("003/FR-059")
def test_an_answer_through_a_proxy_is_the_one_of_the_server(
    road: Road,
) -> None:
    with road.through() as through, road.straight() as straight:
        for method, target, body in (
            ("POST", TASKS, b'{"title": "Buy milk"}'),
            ("POST", "/api/bob/tasks", b"x" * 60_000),
            ("POST", "/api/me/undo", b"{}"),
            ("GET", f"{TASKS}?q=buy%20%22milk%22&limit=2", None),
            ("GET", f"{TASKS}?limit=0", None),
            ("GET", "/api/j%C3%B6rg%20x/tasks", None),
            ("GET", "/api/%61da/tasks?limit=1", None),
            ("GET", "/api/ada%2Fb/tasks", None),
            ("GET", "/api/bob/tasks", None),
            ("GET", f"{TASKS}/5000", None),
            ("GET", "//api/ada/tasks", None),
            ("GET", "/nothing", None),
            ("OPTIONS", TASKS, None),
            ("GET", "/docs/swagger-ui-bundle.js", None),
            ("GET", "/openapi.json", None),
            ("GET", "/health", None),
        ):
            answers = [
                client.request(method, target, content=body, headers=more)
                for client in (straight, through)
                for more in ({}, FORGED)
            ]
            first, *others = map(essence, answers)
            assert others == 3 * [first], (method, target)


@pytest.mark.spec("003/FR-059")
def test_large_list_comes_whole_through_a_proxy(
    road: Road, sqlite_process: Process
) -> None:
    text = "é\n" * 3_000
    many = [{"title": f"{turn}", "description": text} for turn in range(1_000)]
    lines = "\n".join(map(json.dumps, many)).encode()
    sqlite_process("import", "-", "--format", "ndjson", stdin=lines)
    target = f"{TASKS}?limit=1000"
    with road.through() as through, road.straight() as straight:
        expected, found = straight.get(target), through.get(target)
        head = through.head(target)

    assert len(data(expected)) == 1_000
    assert essence(found) == essence(expected)
    assert head.headers["content-length"] == str(len(expected.content))
    assert len(expected.content) > 9_000_000


def essence(response: httpx.Response) -> object:
    """What of an answer a proxy has nothing to do with."""
    headers = {name: response.headers.get(name) for name in KEPT}
    return response.status_code, headers, response.content


@pytest.mark.spec("003/FR-057")
@pytest.mark.spec("003/FR-058")
@pytest.mark.spec("003/FR-059")
@pytest.mark.spec("003/FR-060")
@pytest.mark.parametrize(
    ("program", "more"),
    [
        pytest.param("nginx", {}, marks=needs("nginx"), id="nginx"),
        pytest.param("nginx", APPENDING, marks=needs("nginx"), id="appending"),
        pytest.param("caddy", {}, marks=needs("caddy"), id="caddy"),
    ],
)
def test_client_is_who_the_proxy_says_and_cannot_claim_another_address(
    road: Road, program: str
) -> None:
    for turn, (connect, address, forged) in enumerate(
        (
            (road.through, CLIENT, {}),
            (road.through, CLIENT, FORGED),
            (road.through, OTHER, {"X-Forwarded-For": f"{CLIENT}, {THIRD}"}),
            (road.straight, CLIENT, {}),
            (road.straight, CLIENT, FORGED),
        )
    ):
        with connect(address) as asking:
            asked = asking.get(f"/api/me?turn={turn}", headers=forged)
            error(asked, 422, "INVALID_INPUT")
        assert road.sender(turn) == address
    wrong = bearing("wrong")
    with road.through() as first, road.through(OTHER) as second:
        for turn in range(MOST_WRONG):
            forged = {"X-Forwarded-For": f"198.51.100.{turn}"}
            error(
                first.get(TASKS, headers=wrong | forged), 401, "UNAUTHORIZED"
            )
        for forged in ({}, FORGED, {"X-Forwarded-For": OTHER}):
            refused = first.get(TASKS, headers=wrong | forged)
            error(refused, 429, "RATE_LIMITED")
            assert int(refused.headers["retry-after"]) > 0
        assert data(first.get("/api/me"))["user_id"] == "ada"
        for forged in ({}, FORGED, {"X-Forwarded-For": CLIENT}):
            refused = second.get(TASKS, headers=wrong | forged)
            error(refused, 401, "UNAUTHORIZED")
        elsewhere = {"Host": "elsewhere.example"}
        refused = first.get("/api/me", headers=elsewhere)
        if program == "nginx":
            error(refused, 403, "FORBIDDEN")
        else:
            assert refused.content == b""
    with road.straight() as client:
        for host, status in (
            (NAME, 200),
            (f"{NAME}:443", 200),
            ("elsewhere.example", 403),
            (f"{NAME}.elsewhere.example", 403),
        ):
            answer = client.get("/api/me", headers={"Host": host})
            assert answer.status_code == status, host


@needs("an address beyond loopback")
@pytest.mark.spec("003/FR-059")
@pytest.mark.spec("003/FR-061")
def test_other_machines_are_refused_unless_they_are_the_proxy(
    sqlite_process: Process,
) -> None:
    address = own_address()
    made = sqlite_process("token", "create", "laptop", "--json")
    headers = bearing(made.data["token"])
    for proxy, status in (("127.0.0.1", 403), (f"{address}", 200)):
        with (
            serving(
                sqlite_process,
                *("--auth", "--host", "0.0.0.0"),
                *("--behind-proxy", proxy, "--allowed-host", f"{address}"),
            ) as served,
            served.client() as client,
        ):
            here = f"http://127.0.0.1:{served.port}/api/me"
            data(client.get(here, headers=headers))
            there = f"http://{address}:{served.port}/api/me"
            for forged in ({}, {"X-Forwarded-For": "127.0.0.1"}):
                asked = client.get(there, headers=headers | forged)
                assert asked.status_code == status, asked.text
            served.wait_for(f"^{address} .*GET /api/me {status}")
