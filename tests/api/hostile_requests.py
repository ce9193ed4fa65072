"""Requests that are wrong in any part, each made from a seed and a number alone.

The parts are templates: a mark such as `<n>` becomes another text each time.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Final

TASK: Final = b"5d0c1b8e-7c1f-4c0a-9f57-3f1f1c1a2b3c"
LIST: Final = b"/api/ada/tasks"
JSON: Final = b"application/json"
CHUNKED: Final = b"Transfer-Encoding: chunked"
SIZES: Final = (1, 3, 10, 19, 20, 21, 300, 4_299, 4_301, 9_000)
"""Python reads no number of more than 4,300 digits."""


def _digits(random: Random) -> bytes:
    return random.choice([b"0", b"1", b"9"]) * random.choice(SIZES)


def _noise(random: Random) -> bytes:
    odd, signs = (
        b"\x00\r\n\t \x0b\x0c\x1b\x7f\x80\xa0\xff",
        b";=\"\\,*'%&?#/:@()<>[]{}",
    )
    kind = random.choice([bytes(range(256)), odd, signs, b"0123456789", b"az"])
    return bytes(random.choices(kind, k=random.choice([0, 1, 2, 5, 40])))


def _percents(random: Random) -> bytes:
    return b"".join(b"%%%02x" % byte for byte in random.randbytes(20))


def _long(random: Random) -> bytes:
    return b"x" * random.choice([256, 9_000, 12_000, 20_000, 60_000])


def _letters(random: Random) -> bytes:
    return bytes(random.choices(b"AWbyz019-_=+/", k=random.randrange(60)))


def _brackets(random: Random) -> bytes:
    deep = random.choice([10, 400, 900, 1_100, 5_000, 30_000])
    start, end = random.choice(
        [(b"[", b"]"), (b'{"a":', b"}"), (b'[{"a":', b"")]
    )
    return start * deep + random.choice([b"1", b""]) + end * deep


MARKS: Final[Mapping[bytes, Callable[[Random], bytes]]] = {
    b"<n>": _digits,
    b"<?>": _noise,
    b"<%>": _percents,
    b"<long>": _long,
    b"<a>": _letters,
    b"<deep>": _brackets,
    b"<list>": lambda random: LIST,
    b"<task>": lambda random: TASK,
}

METHODS: Final = (
    rb"HEAD OPTIONS PATCH TRACE CONNECT QUERY get <long> G%00T <?>".split()
)
TARGETS: Final = rb"""* / // /.. /api/../health /docs /openapi.json /health?x=1
    http://[ HTTP://evil.example/ http://127.0.0.1<list> <list>#x <list>/ <list><%>
    <list><?> <list>/<%> <list>/1 <list>/<n> <list>/{<task>} <list>/<task>/ /<long>
    /api/ada%2Ftasks /api/%61da/tasks /API/ada/tasks /api/%00/tasks /api/%2e%2e/tasks
    /api/%FF/tasks /api/%ed%a0%80/tasks /api/%/tasks /api/%zz/tasks /api/<long>/tasks
    <list>?limit=-1 <list>?limit=1e3 <list>?limit=%D9%A1 <list>?limit=1_0 <list>?limit=
    <list>?limit=<n> <list>?limit=1&limit=x <list>?cursor=<a> <list>?cursor=WyIy<a>
    <list>?cursor=<?> <list>?status=done <list>?status=DONE <list>?status=%ed%a0%80
    <list>/<task>/restore <list>/<task>/history <list>/<task>/history?cursor=<a>
    <list>/<n>/history /api/ada/history?limit=<n> /api/ada/history?cursor=<a>
    /api/ada/history?<?> /api/ada/undo /api/ada/redo /api/<%>/undo
    <list>?status=<?> <list>?status=trash <list>?x[]=1 <list>?% <list>?=&=& <list>?<?> <list>?<long>
    """.split()
VERSIONS: Final = (
    b"HTTP/1.0 HTTP/0.9 HTTP/2.0 HTTP/9.9 http/1.1 HTTP/1 <?>".split()
)
HEADERS: Final = b"""Host:|Host: evil.example|Host: [::1|Host : x|Host: user@127.0.0.1
|Host: <?>|Content-Type:|Content-Type: text/plain|Content-Type: <?>
|Content-Type: application/json; x*<n>=y|Content-Type: application/json; x*<n>*=''%ff
|Content-Type: application/json; charset*<n>=utf-8|Content-Type: application/json<?>
|Content-Type: application/json; charset*0*=<n>''utf-8|Content-Type: <long>
|Content-Type: application/json; charset=<?>|Content-Type: application/json; x="<?>
|Content-Type: multipart/form-data; boundary=<?>|Content-Type: application/x+json
|Accept: application/json; q*<n>=1|Cookie: a=<n>|Range: bytes=<n>-|Range: bytes=-
|Expect: 100-continue|Expect: x|Connection: close|Connection: <?>|Upgrade: h2c
|Connection: upgrade\r\nUpgrade: websocket|Content-Encoding: gzip|Forwarded: <?>
|X-HTTP-Method-Override: DELETE|Max-Forwards: 0|If-Match: <?>|TE: <?>|Trailer: <?>
|If-Match: *|If-Match: "1"|If-Match: "<n>"|If-Match: "<?>", W/"<n>"|If-None-Match: <?>
|If-None-Match: *|If-None-Match: "<n>", "1"|If-None-Match: W/"<?>"|If-Match: "<long>"
|x|:|: x|a b: c|a: b\r\n c: d|\xc3\xa9: x|<?>: <?>|<long>: y|x: <long>|a: <?>|"""
FRAMINGS: Final = b"""Content-Length: -1|Content-Length: +5|Content-Length: 5, 5
|Content-Length: 0x5|Content-Length: 1.0|Content-Length:|Content-Length: <n>
|Content-Length: 0|Content-Length: 1|Content-Length: 100|Content-Length: 65536
|Content-Length: 20000000|Content-Length: 5\r\nContent-Length: 0
|Transfer-Encoding: gzip|Transfer-Encoding: identity|Transfer-Encoding: chunked, x
|Transfer-Encoding: gzip, chunked|Transfer-Encoding: xchunked|Transfer-Encoding: <?>
|Transfer-Encoding: chunked|Content-Length: 0\r\nTransfer-Encoding: chunked
|Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked|X: no length"""
CHUNKS: Final = [
    b"x\r\n",
    b"-1\r\n",
    b"f" * 21 + b"\r\n",
    b"\r\n",
    b"1\r\nab\r\n",
    b"<?>",
]
ENDS: Final = [
    b"0\r\n\r\n",
    b"0\r\nX: y\r\n\r\n",
    b"0\r\nContent-Length: 5\r\n\r\n",
    b"",
]
FIELDS: Final = rb"""title description id completed due_on wait_until priority project tags
    version operation x \ud800 \u0000 titl\u0065""".split()
VALUES: Final = rb"""<n> -<n> <n>.<n> 1e<n> 1e-<n> 1e999 -0 NaN Infinity null true 01 {}
    <?> <deep> "<n>" "<?>" "<long>" "<task>" "{<task>}" "\ud800" "\udc00\ud800" "\u0000"
    "2026-<n>-24" "high" "a.<?>" ["a","<?>"] ["<long>"] [<n>] [[]]
    "\x" "\u12" """.split()
BYTES: Final = [b'"\xff"', b'"\xed\xa0\x80"', b'"\xc0\x80"', b'"\n"']
BODIES: Final = [
    *(b'{"title": "x", "%b": %b}', b'{"%b": %b}', b'[{"%b": %b}]'),
    *(b'{"title": "y", "%b": %b, "title": "x"}', b'\xef\xbb\xbf{"%b": %b}'),
]


@dataclass(slots=True)
class Request:
    """A request in its parts."""

    method: bytes
    target: bytes
    body: bytes = b""
    version: bytes = b"HTTP/1.1"
    headers: list[bytes] = field(default_factory=list)
    framing: bytes | None = None
    """The headers that say where the body ends; None: the right one."""

    def raw(self) -> bytes:
        """Its bytes."""
        framing = self.framing or b"Content-Length: %d" % len(self.body)
        first = b" ".join([self.method, self.target, self.version])
        return b"\r\n".join([first, *self.headers, framing, b"", self.body])


@dataclass(slots=True)
class Case:
    """What one client does."""

    pieces: list[bytes]
    """What it sends, one after the other."""
    leaves: bool
    """Goes when it has sent everything, without reading."""
    resets: bool
    """Goes by a reset."""


def make(seed: int, number: int, port: int) -> Case:
    """The case with this number."""
    random = Random(f"{seed} {number}")
    requests = [
        _request(random, port) for _ in range(random.choice([1, 1, 1, 2, 3]))
    ]
    raw = b"".join(request.raw() for request in requests)
    if random.random() < 0.2:
        raw = _spoiled(random, raw)
    is_cut = random.random() < 0.15
    if is_cut:
        raw = raw[: random.randrange(len(raw) + 1)]
    count = min(len(raw), random.choice([0, 0, 1, 4]))
    cuts = sorted(random.sample(range(len(raw) + 1), count))
    edges = zip([0, *cuts], [*cuts, len(raw)], strict=True)
    return Case(
        pieces=[raw[start:end] for start, end in edges],
        leaves=is_cut and random.random() < 0.5,
        resets=random.random() < 0.1,
    )


def _request(random: Random, port: int) -> Request:
    """A request that is right but for up to three of its parts."""
    one = LIST + b"/" + TASK
    request = random.choice(
        [
            Request(b"GET", LIST),
            Request(b"GET", one),
            Request(b"POST", LIST, b'{"title": "x", "id": "%b"}' % TASK),
            Request(b"PUT", one, b'{"completed": true}'),
            Request(b"DELETE", one),
            Request(b"POST", one + b"/restore", b"{}"),
            Request(b"POST", b"/api/ada/undo", b'{"operation": 3}'),
            Request(b"POST", b"/api/ada/redo", b"{}"),
        ]
    )
    request.headers = [b"Host: 127.0.0.1:%d" % port, b"Content-Type: " + JSON]
    for change in random.choices(CHANGES, k=random.choice([0, 1, 1, 1, 2, 3])):
        change(random, request)
    return request


def _filled(random: Random, template: bytes) -> bytes:
    """A template with another text for each of its marks."""

    def fill(mark: re.Match[bytes]) -> bytes:
        return MARKS[mark[0]](random)

    return re.sub(b"|".join(map(re.escape, MARKS)), fill, template)


def _line(random: Random, lines: bytes) -> bytes:
    return _filled(random, random.choice(re.split(rb"\n?\|", lines)))


def _spoiled(random: Random, raw: bytes) -> bytes:
    """The same with some bytes changed, lost, doubled or put in."""
    spoiled = bytearray(raw)
    for _ in range(random.choice([1, 1, 2, 8])):
        start = random.randrange(len(spoiled) + 1)
        end = start + random.choice([0, 1, 1, 4])
        twice = bytes(spoiled[start:end]) * 2
        spoiled[start:end] = random.choice(
            [_noise(random), twice, b"", b"\r\n"]
        )
    return bytes(spoiled)


def _change_first_line(random: Random, request: Request) -> None:
    part = random.choice(["method", "target", "target", "target", "version"])
    parts = {"method": METHODS, "target": TARGETS, "version": VERSIONS}
    setattr(request, part, _filled(random, random.choice(parts[part])))


def _change_headers(random: Random, request: Request) -> None:
    """Put one in, in the place of up to two others."""
    start = random.randrange(len(request.headers) + 1)
    end = start + random.choice([0, 0, 1, 2])
    request.headers[start:end] = [_line(random, HEADERS)] * random.choice(
        [1, 1, 1, 2]
    )


def _change_framing(random: Random, request: Request) -> None:
    """Lie about where the body ends."""
    request.framing = _line(random, FRAMINGS)


def _change_chunks(random: Random, request: Request) -> None:
    """Send the body in chunks, most of them right; also where there should be none."""
    body = request.body or b"x"
    middle = random.randrange(len(body))
    more = random.choice([b"", b"", b";x=y", b";<?>"])
    parts = [
        b"%x%b\r\n%b\r\n" % (len(part), _filled(random, more), part)
        for part in (body[:middle], body[middle:])
        if part
    ]
    if random.random() < 0.4:
        chunk = _filled(random, random.choice(CHUNKS))
        parts.insert(random.randrange(len(parts) + 1), chunk)
    request.body = b"".join([*parts, random.choice(ENDS)])
    request.framing = CHUNKED


def _change_body(random: Random, request: Request) -> None:
    """Send another body, with a value of its own for one of the fields."""
    value = _filled(random, random.choice(VALUES + BYTES))
    request.body = random.choice(BODIES) % (
        random.choice([*FIELDS, b""]),
        value,
    )
    if random.random() < 0.15:
        wide = request.body.decode("latin-1").encode("utf-16")
        request.body = random.choice([value, b"", wide])


CHANGES: Final[list[Callable[[Random, Request], None]]] = [
    *(
        _change_first_line,
        _change_first_line,
        _change_headers,
        _change_headers,
    ),
    *(_change_framing, _change_chunks, _change_body, _change_body),
]
