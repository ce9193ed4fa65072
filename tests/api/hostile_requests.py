"""Requests that are wrong in any part, each made from a seed and a number alone."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Final

TASK: Final = b"5d0c1b8e-7c1f-4c0a-9f57-3f1f1c1a2b3c"
LIST: Final = b"/api/ada/tasks"
JSON: Final = b"application/json"
CHUNKED: Final = b"Transfer-Encoding: chunked"

METHODS: Final = b"HEAD OPTIONS PATCH TRACE CONNECT QUERY PRI get Post".split()
USERS: Final = rb"%00 a%2Fb %2e%2e %FF %ed%a0%80 % %zz".split()
WHOLE_TARGETS: Final = b"* / // /.. /api/../health /docs /openapi.json /health /health?x=1 http://[ HTTP://evil.example/".split()
LIMITS: Final = b"-1 1e3 %D9%A1 %C2%B2 1_0 +1 %00 NaN 1&limit=x".split()
STATUSES: Final = b"done DONE open&status=done %ed%a0%80 %EF%BC%8A".split()
NAMES: Final = b"""Accept Accept-Encoding Accept-Language Authorization Cookie Range If-Range If-Match If-None-Match
    If-Modified-Since Origin Referer Sec-Fetch-Site Access-Control-Request-Method Forwarded X-Forwarded-For Via TE
    X-Forwarded-Host X-Forwarded-Proto X-HTTP-Method-Override Content-Encoding Content-Disposition Content-Range
    Trailer Date Max-Forwards Keep-Alive""".split()
HEADERS: Final = b"""Expect: 100-continue|Expect: x|Connection: close|Connection: keep-alive|Max-Forwards: 0
|Range: bytes=-|Content-Encoding: gzip|X-HTTP-Method-Override: DELETE|Upgrade: h2c
|Connection: upgrade\r\nUpgrade: websocket|Connection: upgrade\r\nUpgrade: h2c
||:|: x|x|a b: c|a\x00: c|\xc3\xa9: x|a: b\n c: d|a: b\r\n folded| first: x|a:\rb
""".replace(b"\n|", b"|").split(b"|")
LENGTHS: Final = [b"-1", b"+5", b"5 5", b"5, 5", b"0x5", b"\xd9\xa1", b"1.0", b""]
CODINGS: Final = [
    b"gzip",
    b"identity",
    b"gzip, chunked",
    b"chunked, x",
    b"xchunked",
    b"",
    b"\x0bchunked",
]
CHARSETS: Final = [
    b"=",
    b"*=utf-8''utf-8",
    b"*0=utf;charset*1=-8",
    b"=\xff",
    b'="',
    b"*=x'",
    b"*=\xff'\xff'%ff",
    b"=utf-16",
    b"",
]
KINDS: Final = [
    b"",
    b"/",
    b"*/*",
    b"application",
    b"a/b/c",
    b"text/plain",
    JSON + b";" * 9_000,
    JSON + b'; x="' + b"\\" * 9_000,
]
ENDS_OF_CHUNKS: Final = [
    b"0\r\n\r\n",
    b"0\r\n\r\n",
    b"0\r\nX: y\r\n\r\n",
    b"0\r\nContent-Length: 5\r\n\r\n",
    b"0\r\n",
    b"",
]
BAD_CHUNKS: Final = [
    b"x\r\n",
    b"-1\r\n",
    b"f" * 21 + b"\r\n",
    b"ffffffff\r\n",
    b"\r\n",
    b"1\r\nab\r\n",
]
FIELDS: Final = rb"title description id completed x \ud800 \u0000 titl\u0065".split()
TEXTS: Final = [
    rb"\ud800",
    rb"\udc00\ud800",
    rb"\u0000",
    b"\xff",
    b"\xed\xa0\x80",
    b"\xc0\x80",
    rb"\x",
    rb"\u12",
    b"\n",
]
MORE_TEXTS: Final = [
    b"x" * 60_000,
    b"\xf3\xa0\x81\x81",
    b"e\xcc\x81" * 90,
    TASK,
    b"{" + TASK + b"}",
    b"urn:uuid:" + TASK,
]
VALUES: Final = b"1e999 -0 NaN Infinity -Infinity null true 01 +1 [] {} {}{}".split()


@dataclass(slots=True)
class Request:
    """A request in its parts."""

    method: bytes
    target: bytes
    headers: list[bytes]
    body: bytes = b""
    version: bytes = b"HTTP/1.1"
    framing: list[bytes] | None = None
    """The headers that say where the body ends; None: the right ones."""

    def raw(self) -> bytes:
        """Its bytes."""
        length = [b"Content-Length: %d" % len(self.body)] if self.body else []
        framing = length if self.framing is None else self.framing
        first = b" ".join([self.method, self.target, self.version])
        return b"\r\n".join([first, *self.headers, *framing, b"", self.body])


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
    raw = b"".join(
        _request(random, port).raw() for _ in range(random.choice([1, 1, 1, 1, 2, 3]))
    )
    if random.random() < 0.2:
        raw = _spoiled(random, raw)
    is_cut = random.random() < 0.15
    if is_cut:
        raw = raw[: random.randrange(len(raw) + 1)]
    cuts = sorted(
        random.sample(range(len(raw) + 1), min(len(raw), random.choice([0, 0, 1, 4])))
    )
    pieces = [
        raw[start:end] for start, end in zip([0, *cuts], [*cuts, len(raw)], strict=True)
    ]
    return Case(
        pieces, leaves=is_cut and random.random() < 0.5, resets=random.random() < 0.1
    )


def _request(random: Random, port: int) -> Request:
    """A request that is right but for up to three of its parts."""
    headers = [b"Host: 127.0.0.1:%d" % port, b"Content-Type: " + JSON]
    one = LIST + b"/" + TASK
    request = random.choice(
        [
            Request(b"GET", LIST, headers),
            Request(b"GET", one, headers),
            Request(b"POST", LIST, headers, b'{"title": "x", "id": "%b"}' % TASK),
            Request(b"PUT", one, headers, b'{"completed": true}'),
            Request(b"DELETE", one, headers),
        ]
    )
    for change in random.sample(CHANGES, random.choice([0, 1, 1, 1, 2, 3])):
        change(random, request)
    return request


def _spoiled(random: Random, raw: bytes) -> bytes:
    """The same with some bytes changed, lost, doubled or put in."""
    spoiled = bytearray(raw)
    for _ in range(random.choice([1, 1, 2, 8])):
        start = random.randrange(len(spoiled) + 1)
        end = start + random.choice([0, 1, 1, 4])
        spoiled[start:end] = random.choice(
            [_noise(random), bytes(spoiled[start:end]) * 2, b"", b"\r\n"]
        )
    return bytes(spoiled)


def _digits(random: Random) -> bytes:
    """A number of any length; Python reads at most 4,300 digits at once."""
    return random.choice([b"0", b"1", b"9"]) * random.choice(
        [1, 3, 10, 19, 20, 21, 300, 4_299, 4_301, 4_500, 9_000]
    )


def _noise(random: Random) -> bytes:
    """A few bytes of any kind."""
    odd, signs = b"\x00\r\n\t \x0b\x0c\x1b\x7f\x80\xa0\xff", b";=\"\\,*'%&?#/:@()<>[]{}"
    kind = random.choice([bytes(range(256)), odd, signs, b"0123456789", b"az"])
    return bytes(random.choices(kind, k=random.choice([0, 1, 2, 5, 40])))


def _value(random: Random) -> bytes:
    """Something in the place of a header's value."""
    return random.choice([_noise, _digits])(random).replace(b"\n", b"") * random.choice(
        [1, 1, 1, 50]
    )


def _change_method(random: Random, request: Request) -> None:
    odd = [
        b"X" * 300,
        b"X" * 12_000,
        b"X" * 20_000,
        b"",
        b"G\x00T",
        b"G\xc9T",
        b"GET GET",
        _noise(random),
    ]
    request.method = random.choice(METHODS + odd)


def _change_target(random: Random, request: Request) -> None:
    path = request.target
    percents = b"".join(
        b"%%%02x" % byte for byte in random.randbytes(random.randrange(1, 60))
    )
    host = request.headers[0].partition(b": ")[2] if request.headers else b""
    targets = [
        [
            *WHOLE_TARGETS,
            b"",
            b"http://" + host + path,
            host,
            path + b"#x",
            path.upper(),
            b"/" + b"x" * 12_000,
        ],
        [path.replace(b"ada", user) for user in [*USERS, b"\xc3\xa9", b"x" * 256]],
        [
            path.replace(b"/tasks", b"%2Ftasks"),
            path.replace(b"a", b"%61"),
            path + b"/",
            path + percents,
            path + _noise(random),
        ],
        [
            LIST + b"/" + task
            for task in (
                b"1",
                _digits(random),
                b"{%b}" % TASK,
                percents,
                TASK.upper(),
                TASK.replace(b"-", b""),
            )
        ],
        [path + b"?" + _query(random)],
        [LIST + b"?" + _query(random)],
    ]
    request.target = random.choice(random.choice(targets))


def _query(random: Random) -> bytes:
    letters = b"Aabyz019-_=+/%"
    return random.choice(
        [
            b"limit=" + random.choice([*LIMITS, b"", _digits(random)]),
            b"cursor=" + bytes(random.choices(letters, k=random.randrange(40))),
            b"cursor=A" + bytes(random.choices(letters[:10], k=15)),
            b"cursor=" + _noise(random),
            b"status=" + random.choice([*STATUSES, b"", _noise(random)]),
            b"&".join(
                random.choices(
                    b"limit=1 x = a;b status".split(), k=random.choice([2, 3_000])
                )
            ),
            random.choice(b"x[]=1 % %%% =&=& limit".split()),
            _noise(random),
        ]
    )


def _change_version(random: Random, request: Request) -> None:
    versions = b"HTTP/1.0 HTTP/1.0 HTTP/0.9 HTTP/2.0 HTTP/9.9 http/1.1 HTTP/1".split()
    request.version = random.choice([*versions, b"HTTP/1.1 ", b"", _noise(random)])


def _change_host(random: Random, request: Request) -> None:
    own = request.headers[0]
    odd = [
        b"Host:",
        b"host:" + own[5:] + b"  ",
        b"Host : x",
        own + b".",
        b"Host: [::1",
        b"Host: user@" + own[6:],
    ]
    single = [[line] for line in [*odd, b"Host: " + _value(random)]]
    request.headers[:1] = random.choice(
        [[], [own, own], [own, b"Host: evil.example"], *single]
    )


def _change_content_type(random: Random, request: Request) -> None:
    """What RFC 2231 makes of parameters, and what no RFC knows."""
    number = _digits(random)
    parts = b"; ".join(b"x*%d*=%%e9" % part for part in random.sample(range(200), 150))
    kinds = [
        [
            JSON + b"; x*" + number + end
            for end in (b"=y", b"*=y", b"*=utf-8''%ff", b"=", b"")
        ],
        [
            JSON + b"; charset" + end
            for end in [
                *CHARSETS,
                b"*0*=" + number + b"''utf-8",
                b"*" + number + b"=utf-8",
            ]
        ],
        [
            JSON + b"; " + parts,
            JSON + _noise(random),
            _noise(random),
            b"application/" + b"x+" * 999 + b"json",
        ],
        [
            kind + _value(random)
            for kind in (
                b"multipart/form-data; boundary=",
                b"a/b; charset=",
                JSON + b"; x=",
            )
        ],
        KINDS,
    ]
    single = [b"Content-Type: " + random.choice(random.choice(kinds))]
    double = [
        b"Content-Type: " + JSON,
        random.choice([b"Content-Type: text/plain", b"content-type: " + JSON]),
    ]
    request.headers[1:2] = random.choice([single] * 8 + [double, []])


def _change_framing(random: Random, request: Request) -> None:
    """Lies about where the body ends."""
    size = len(request.body)
    request.framing = random.choice(
        [[b"Content-Length: " + text] for text in [*LENGTHS, _digits(random)]]
        + [
            [b"Content-Length: %d" % (size + more)]
            for more in (-size, -1, 1, 100, 65_536, 20_000_000)
        ]
        + [
            [b"Content-Length: %d" % size, b"Content-Length: %d" % other]
            for other in (size, 0)
        ]
        + [
            [CHUNKED],
            [CHUNKED, CHUNKED],
            [CHUNKED, b"Content-Length: %d" % size],
            [b"Content-Length: 0", CHUNKED],
            [],
        ]
        + [[b"Transfer-Encoding: " + text] for text in CODINGS]
    )


def _change_chunks(random: Random, request: Request) -> None:
    """A body in chunks, most of them sound; also where there should be none."""
    body = request.body or b"x"
    middle = random.randrange(len(body) + 1)
    parts = []
    for part in filter(None, (body[:middle], body[middle:])):
        parts.append(
            b"%x%b\r\n%b\r\n"
            % (
                len(part),
                random.choice([b"", b"", b";x=y", b";" + _noise(random)]),
                part,
            )
        )
    parts.append(random.choice(ENDS_OF_CHUNKS))
    if random.random() < 0.4:
        parts.insert(
            random.randrange(len(parts) + 1),
            random.choice([*BAD_CHUNKS, _noise(random)]),
        )
    request.body, request.framing = b"".join(parts), [CHUNKED]


def _add_header(random: Random, request: Request) -> None:
    """One more: one that somebody acts on, or one that is none."""
    number = _digits(random)
    lines = [
        [random.choice(NAMES) + b": " + _value(random)],
        HEADERS,
        [
            b"Accept: " + JSON + b"; q*" + number + b"=1",
            b"Cookie: a=" + number,
            b"Cookie: " + b"; ".join([b"a=b"] * 500),
        ],
        [
            b"Range: bytes=" + number + b"-",
            b"Connection: " + _value(random),
            _noise(random) + b": " + _value(random),
        ],
        [b"x" * 9_000 + b": y", b"x: " + b"y" * 17_000, b"\r\n".join([b"a: b"] * 900)],
    ]
    request.headers.insert(
        random.randrange(len(request.headers) + 1), random.choice(random.choice(lines))
    )


def _change_body(random: Random, request: Request) -> None:
    """Another body, with a value of its own for one of the fields."""
    number, deep = _digits(random), random.choice([10, 400, 900, 1_100, 5_000, 30_000])
    values = [
        [
            number,
            b"-" + number,
            number + b"." + number,
            b"1e" + number,
            b"1e-" + number,
            b"",
            _noise(random),
            *VALUES,
        ],
        [
            b"[" * deep + b"]" * deep,
            b'{"a":' * deep + b"1" + b"}" * deep,
            b'[{"a":' * deep,
            b"[" * deep,
        ],
        [b'"%b"' % text for text in [*TEXTS, *MORE_TEXTS, number, _noise(random)]],
    ]
    found = random.choice(random.choice(values))
    wrapped = [
        b'{"title": "x", "%b": %b}',
        b'{"%b": %b}',
        b'[{"%b": %b}]',
        b'{"title": "y", "%b": %b, "title": "x"}',
    ]
    request.body = random.choice(wrapped) % (random.choice([*FIELDS, b""]), found)
    if random.random() < 0.15:
        wide = request.body.decode("latin-1").encode("utf-16")
        request.body = random.choice([found, b"", b"\xef\xbb\xbf" + request.body, wide])


CHANGES: Final[Sequence[Callable[[Random, Request], None]]] = [
    *(
        _change_method,
        _change_target,
        _change_target,
        _change_version,
        _change_host,
        _change_framing,
        _change_chunks,
    ),
    *(
        _change_content_type,
        _change_content_type,
        _add_header,
        _add_header,
        _change_body,
        _change_body,
    ),
]
