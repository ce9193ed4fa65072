"""libpq's file of passwords: which line counts, and what is passed over."""

import os
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.support.postgres import PostgresCluster
from todo_cli.database.engine import open_database
from todo_cli.database.pgpass import closing_hint, find_password
from todo_cli.database.url import PostgresTarget, parse_url

TARGET = PostgresTarget((("db.example", 5432),), "ada", database="shop")

LINES = {
    "db.example:5432:shop:ada:secret": "secret",
    "*:*:*:*:secret": "secret",
    "db.example:*:shop:ada:se:cr:et": "se:cr:et",
    r"*:*:*:*:se\:cr\\et": r"se:cr\et",
    "*:*:*:*: blank ": " blank ",
    "*:*:*:*:": "",
    "# a comment\r\n\r\nshort\n*:*:*:*:secret\r\n": "secret",
    "#*:*:*:*:wrong\n*:*:*:*:secret": "secret",
    "other:*:*:*:wrong\n*:1:*:*:wrong\n*:*:other:*:wrong\n*:*:*:bob:wrong": None,
    "*:*:*:*:first\n*:*:*:*:second": "first",
    "": None,
    "\0": None,
}


def kept(tmp_path: Path, content: bytes, mode: int = 0o600) -> PostgresTarget:
    """The target with a file of passwords."""
    file = tmp_path / "pgpass"
    file.write_bytes(content)
    file.chmod(mode)
    return replace(TARGET, password_file=file)


@pytest.mark.spec("002/FR-186")
def test_the_first_line_that_fits_has_the_password(tmp_path: Path) -> None:
    for content, password in LINES.items():
        assert find_password(kept(tmp_path, content.encode())) == password


@pytest.mark.spec("002/FR-186")
def test_names_are_compared_without_their_backslashes(tmp_path: Path) -> None:
    target = kept(tmp_path, rb"fe80\:\:1:*:a\\b:a\:b:secret")
    odd = replace(target, hosts=(("fe80::1", 1),), database="a\\b", user="a:b")

    assert find_password(odd) == "secret"


def test_a_socket_is_localhost_and_a_missing_name_is_the_role(
    tmp_path: Path,
) -> None:
    for content in (b"localhost:*:ada:*:x", b"/run:*:ada:*:x"):
        target = kept(tmp_path, content)
        socket = replace(target, hosts=(("/run", 5432),), database=None)
        assert find_password(socket) == "x"
        assert find_password(target) is None
    nobody = replace(kept(tmp_path, b"*:*:*:*:x"), user=None, database=None)
    assert find_password(nobody) == "x"


@pytest.mark.spec("002/FR-186")
def test_localhost_means_a_socket_of_ones_own_for_want_of_its_path(
    tmp_path: Path,
) -> None:
    """jackc/pgconn#73: the line of the path was passed over for `localhost`."""
    lines = {
        b"localhost:*:*:*:tcp\n/own:*:*:*:right": "right",
        b"localhost:*:*:*:tcp\n*:*:*:*:right": "right",
        b"localhost:*:*:*:right\n/other:*:*:*:wrong": "right",
        b"localhost:1:*:*:wrong\nlocalhost:*:*:*:right": "right",
    }
    for content, password in lines.items():
        target = kept(tmp_path, content)
        socket = replace(target, hosts=(("/own", 5432),))
        assert find_password(socket) == password
    # As libpq does in its own folder: the first line that fits.
    target = kept(tmp_path, b"localhost:*:*:*:first\n*:*:*:*:second")
    for folder in ("/run/postgresql", "/var/run/postgresql", "/tmp"):
        usual = replace(target, hosts=((folder, 5432),))
        assert find_password(usual) == "first"


@pytest.mark.spec("002/FR-186")
def test_bytes_that_are_not_utf_8_spoil_only_their_line(
    tmp_path: Path,
) -> None:
    content = b"other:*:*:*:gr\xfc\xdfe\n*:*:*:*:secret"

    assert find_password(kept(tmp_path, content)) == "secret"


@pytest.mark.spec("002/FR-186")
def test_a_file_that_cannot_be_used_is_passed_over(tmp_path: Path) -> None:
    content = b"*:*:*:*:secret"
    for mode in (0o640, 0o604, 0o644, 0o620, 0o602):
        assert find_password(kept(tmp_path, content, mode)) is None
    assert find_password(TARGET) is None
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe, 0o600)
    unreadable = tmp_path / "pgpass" / "x"
    for path in (
        *(tmp_path, tmp_path / "none", Path("/dev/zero")),
        *(pipe, unreadable),
    ):
        assert find_password(replace(TARGET, password_file=path)) is None


@pytest.mark.spec("002/FR-186")
def test_a_file_that_others_can_use_says_so(tmp_path: Path) -> None:
    """libpq warns of it: the password is refused for no visible reason."""
    is_open = kept(tmp_path, b"*:*:*:*:secret", mode=0o644)
    file = is_open.password_file
    hint = closing_hint(is_open)
    assert (
        hint
        == f"`{file}` is ignored, because others can use it: chmod 600 {file}"
    )

    private = kept(tmp_path, b"*:*:*:*:secret")
    missing = replace(TARGET, password_file=tmp_path / "nowhere")
    device = replace(TARGET, password_file=Path("/dev/null"))
    other = replace(is_open, password="given")
    for target in (private, missing, device, other, TARGET):
        assert closing_hint(target) is None


@pytest.mark.spec("002/FR-186")
@pytest.mark.parametrize("role", ["a:b", "a@b", "a/b", "a%b", "a\\b", "a b"])
async def test_a_role_with_an_odd_name_logs_in(
    own_postgres: PostgresCluster, place: str, tmp_path: Path, role: str
) -> None:
    own_postgres.run_sql(place, f"CREATE ROLE \"{role}\" LOGIN PASSWORD 'pw'")
    try:
        file = tmp_path / "pgpass"
        escaped = role.replace("\\", "\\\\").replace(":", "\\:")
        file.write_text(f"*:*:{place}:{escaped}:pw\n")
        file.chmod(0o600)
        _, _, server = own_postgres.url(place).rpartition("@")
        url = f"postgresql://{quote(role, safe='')}@{server}?passfile={file}"

        async with open_database(parse_url(url, cwd=tmp_path)) as database:
            await database.ping()
    finally:
        own_postgres.run_sql(place, f'DROP ROLE "{role}"')
