"""`todo token`: create, list and revoke."""

import json
import os
import re

import pytest

from tests.cli.expect import assert_refused
from tests.cli.tampering import path_of
from tests.conftest import Seal
from tests.support.machine import needs
from tests.support.program import Process, Todo, finished
from tests.support.stores import Store
from todo_cli.token_text import hash_of

TEXT = re.compile("todo_pat_[0-9A-Za-z]{49}")
KEYS = [
    *("id", "name", "read_only", "created_at", "expires_at"),
    *("last_used_on", "revoked_at"),
]
pytestmark = pytest.mark.parametrize("store", ["sqlite"], indirect=True)


# create


@pytest.mark.spec("003/FR-020")
@pytest.mark.parametrize("terminal", [False, True])
def test_the_token_alone_is_on_standard_output(
    todo: Todo, terminal: bool
) -> None:
    ran = todo("token", "create", "ci", terminal=terminal)

    assert ran.status == 0
    text = ran.out.strip()
    assert hash_of(text) is not None
    assert len(ran.out.splitlines()) == 1
    assert ran.err.startswith(
        "Created the token ci for ada: read and write, expires 2 Apr 2026"
    )
    assert ("it is not shown again" in ran.err) == terminal
    assert "todo_pat_" not in ran.err


@pytest.mark.spec("003/FR-020")
def test_a_document_has_the_token_once(todo: Todo) -> None:
    ran = todo("token", "create", "ci", "--read-only", "--json")

    data = ran.data
    assert list(data) == ["id", "name", "token", *KEYS[2:]]
    assert hash_of(data["token"]) is not None
    assert ran.out.count(data["token"]) == 1
    assert (data["name"], data["read_only"]) == ("ci", True)
    assert data["expires_at"] == "2026-04-02T03:04:05.000000Z"
    assert (data["last_used_on"], data["revoked_at"]) == (None, None)


@pytest.mark.spec("003/FR-021")
@pytest.mark.parametrize(
    ("age", "end"),
    [
        ("1d", "2026-01-03T03:04:05.000000Z"),
        ("2W", "2026-01-16T03:04:05.000000Z"),
        (" 1m ", "2026-02-02T03:04:05.000000Z"),
        ("1y", "2027-01-02T03:04:05.000000Z"),
        ("Never", None),
    ],
)
def test_a_token_expires_when_it_should(
    todo: Todo, age: str, end: str | None
) -> None:
    made = todo("token", "create", "ci", "--expires", age, "--json").data

    assert made["expires_at"] == end


@pytest.mark.spec("003/FR-003", "003/FR-011", "003/FR-021")
@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        (["create", "ci", "--expires", "0d"], "expires"),
        (["create", "ci", "--expires", "soon"], "expires"),
        (["create", "ci", "--expires", "-1d"], "expires"),
        (["create", "ci", "--expires", ""], "expires"),
        (["create", "ci", "--expires", "9999y"], "expires"),
        (["create", "ci", "--expires", "2026-12-24"], "expires"),
        (["create", "ci", "--expires", f"{'9' * 5_000}d"], "expires"),
        (["create", ""], "name"),
        (["create", "a\tb"], "name"),
        (["create", "x" * 101], "name"),
        (["create", "\udcff"], "name"),
        (["create", f"todo_pat_{'S' * 49}"], "name"),
        (["revoke", f"todo_pat_{'S' * 49}"], "name"),
        (["revoke", f"TODO_PAT_{'S' * 9}"], "name"),
        (["revoke", ""], "name"),
    ],
)
def test_wrong_arguments_are_refused_and_no_token_is_quoted(
    todo: Todo, arguments: list[str], field: str
) -> None:
    error = assert_refused(todo, "token", *arguments, code="INVALID_INPUT")

    assert error["details"][0]["field"] == field
    assert error["message"].endswith("; nothing was changed")
    assert "SSSS" not in json.dumps(error)
    assert todo("token", "list", "--all", "--json").data == []


@pytest.mark.spec("003/FR-003")
@pytest.mark.parametrize(
    "arguments",
    [
        ["{}"],
        ["token", "{}"],
        ["token", "list", "{}"],
        ["token", "create", "a", "{}"],
        ["token", "create", "a", "--token={}"],
        ["show", "{}"],
        ["list", "--project", "{}", "--sort", "{}"],
        ["--user", "a/{}", "list"],
        ["import", "{}"],
    ],
    ids=" ".join,
)
def test_a_token_in_the_wrong_place_is_not_quoted(
    todo: Todo, arguments: list[str]
) -> None:
    token = f"todo_pat_{'S' * 49}"
    words = [word.format(token) for word in arguments]

    for more in ([], ["--json"], ["--debug"]):
        ran = todo(*more, *words)
        assert ran.status != 0
        assert "SSSS" not in ran.out + ran.err


@pytest.mark.spec("003/FR-022")
def test_a_name_is_taken_until_its_token_is_revoked(todo: Todo) -> None:
    assert todo("token", "create", "ci").status == 0

    error = assert_refused(todo, "token", "create", "ci", code="CONFLICT")
    assert "todo token revoke ci" in error["hint"]
    named = todo("-u", "bob", "token", "create", "ci", user=None)
    assert named.status == 0
    ran = todo("-u", "bob", "token", "create", "ci", user=None)
    assert "`todo --user bob token revoke ci`" in ran.err


@needs("a full device")
@pytest.mark.spec("003/FR-023")
@pytest.mark.parametrize("as_json", [False, True])
def test_a_token_that_could_not_be_written_can_be_revoked(
    process: Process, todo: Todo, as_json: bool
) -> None:
    more = ["--json"] if as_json else []
    full = os.open("/dev/full", os.O_WRONLY)
    try:
        ran = finished(
            process.start(*more, "token", "create", "ci", stdout=full)
        )
    finally:
        os.close(full)

    assert ran.status == 9
    assert "the change was saved: Created the token ci" in ran.err
    assert "`todo token revoke ci`" in ran.err
    assert TEXT.search(ran.err) is None
    assert todo("token", "revoke", "ci").status == 0


# list


@pytest.mark.spec("003/FR-024")
def test_neither_the_token_nor_its_hash_is_listed(
    todo: Todo, store: Store
) -> None:
    text = todo("token", "create", "ci").out.strip()
    todo("token", "create", "old")
    todo("token", "revoke", "old")

    [listed] = todo("token", "list", "--json").data
    assert list(listed) == KEYS
    every = todo("token", "list", "--all", "--json").data
    assert {each["name"] for each in every} == {"ci", "old"}
    stored = (hash_of(text) or b"").hex()
    for ran in (
        todo("token", "list", "--all"),
        todo("token", "list", "--all", terminal=True, columns=200),
        todo("token", "list", "--all", "--json"),
        todo("doctor"),
        todo("history", "--json"),
        todo("export"),
    ):
        assert ran.status == 0
        assert text not in ran.out + ran.err
        assert stored not in ran.out + ran.err
    assert text.encode() not in path_of(store).read_bytes()


@pytest.mark.spec("003/FR-026")
def test_each_user_has_their_own_tokens(todo: Todo) -> None:
    todo("token", "create", "ci")

    assert todo("token", "list", "--json", user="bob").data == []
    error = assert_refused(
        todo, "token", "revoke", "ci", user="bob", code="NOT_FOUND"
    )
    assert "nothing was changed" in error["message"]
    ran = todo("-u", "bob", "token", "revoke", "ci", user=None)
    assert "`todo --user bob token list`" in ran.err
    assert len(todo("token", "list").out.splitlines()) == 1


# revoke


@pytest.mark.spec("003/FR-025")
def test_a_token_is_revoked_by_name_or_id(todo: Todo) -> None:
    first = todo("token", "create", "ci", "--json").data
    would = todo("token", "revoke", "ci", "--dry-run", "--json")
    assert would.json["dry_run"] is True
    assert len(todo("token", "list", "--json").data) == 1

    revoked = todo("token", "revoke", first["id"].upper(), "--json").data
    assert list(revoked) == KEYS
    assert revoked["revoked_at"] == "2026-01-02T03:04:05.000000Z"
    assert todo("token", "list", "--json").data == []
    assert todo("token", "revoke", "other").status == 3
    assert todo("token", "revoke", first["id"][:-1] + "x").status == 3


@pytest.mark.spec("003/FR-016")
def test_nothing_of_a_token_is_in_the_history(todo: Todo) -> None:
    assert todo("token", "create", "ci").status == 0
    assert todo("token", "revoke", "ci").status == 0

    assert todo("history", "--json").data == []
    assert todo("undo").status == 3
    assert todo("add", "first", "--json").data["number"] == 1


# Backup, import, and other stores


@pytest.mark.spec("003/FR-013")
def test_a_backup_and_an_import_leave_tokens_where_they_are(
    todo: Todo, seal: Seal, store: Store
) -> None:
    assert todo("add", "Buy milk").status == 0
    hidden = hash_of(todo("token", "create", "ci").out.strip()) or b""

    backed = todo("db", "backup", "backup.db")
    assert (backed.status, "token" in backed.out + backed.err) == (0, False)
    assert hidden not in (seal.cwd / "backup.db").read_bytes()
    there = {"TODO_DATABASE_URL": str(seal.cwd / "backup.db")}
    assert todo("token", "list", env=there).out == ""
    other = {"TODO_DATABASE_URL": str(seal.cwd / "other.db")}
    imported = todo("db", "import", str(path_of(store)), env=other)
    assert (imported.status, "token" in imported.out) == (0, False)
    assert todo("token", "list", "--all", env=other).out == ""
    assert len(todo("list", "--json", env=other).data) == 1
