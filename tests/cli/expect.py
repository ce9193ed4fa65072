"""What every answer must look like, so that a test says only what is special to it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

from tests.support.program import Ran

ID = "0b2f6d7e-5a44-4f7c-9d4e-1f3f6f0f8a11"
"""An id that a caller gives."""

EXITS = {
    "INTERNAL": 1,
    "USAGE": 2,
    "INVALID_INPUT": 2,
    "CONFIRMATION_REQUIRED": 2,
    "NOT_FOUND": 3,
    "AUTH_FAILED": 4,
    "FORBIDDEN": 4,
    "CONFLICT": 5,
    "DATABASE_UNAVAILABLE": 6,
    "DATABASE_BUSY": 6,
    "TIMEOUT": 6,
    "OUTCOME_UNKNOWN": 7,
    "CONFIG": 8,
    "TLS_FAILED": 8,
    "SCHEMA": 8,
    "IO_ERROR": 9,
    "CANCELLED": 10,
}


class Program(Protocol):
    """A way to run `todo`: in this process or in one of its own."""

    def __call__(
        self,
        *arguments: str,
        user: str | None = "ada",
        stdin: bytes = b"",
        env: Mapping[str, str | None] | None = None,
    ) -> Ran:
        """Run one command to its end."""


def assert_words(ran: Ran, *, status: int, names: Sequence[str] = ()) -> None:
    """A failure in words: nothing on stdout, at most `error: ...` and `hint: ...` on
    stderr, with these names in it.
    """
    assert (ran.status, ran.out) == (status, ""), ran
    assert ran.err.endswith("\n"), ran
    first, *others = ran.err.removesuffix("\n").split("\n")
    assert first.startswith("error: "), ran
    assert first != "error: ", ran
    assert [line[:6] for line in others] in ([], ["hint: "]), ran
    assert [name for name in names if name not in ran.err] == [], ran


def assert_document(
    ran: Ran, *, code: str, names: Sequence[str] = ()
) -> dict[str, Any]:
    """A failure as a document: one envelope with this code, silent stderr, and these
    names in it.
    """
    error: dict[str, Any] = ran.error
    assert list(ran.json) == ["success", "error"], ran
    assert (error["code"], ran.status) == (code, EXITS[code]), ran
    assert set(error) <= {"code", "message", "hint", "details"}, ran
    assert [type(error["message"]), type(error.get("hint", ""))] == [
        str,
        str,
    ], ran
    assert error["message"], ran
    assert all(
        set(detail) == {"field", "message"}
        for detail in error.get("details", [])
    ), ran
    said = "\n".join(
        [
            error["message"],
            error.get("hint", ""),
            *(str(detail) for detail in error.get("details", [])),
        ]
    )
    assert [name for name in names if name not in said] == [], ran
    return error


def assert_refused(
    run: Program,
    *arguments: str,
    code: str,
    names: Sequence[str] = (),
    user: str | None = "ada",
    stdin: bytes = b"",
    env: Mapping[str, str | None] | None = None,
) -> dict[str, Any]:
    """Run a command without and with JSON: both fail with this code and name these
    things. Return the `error`.

    `doctor` says so on stdout, too: its verdict comes first.
    """
    ran = run(*arguments, user=user, stdin=stdin, env=env)
    if "doctor" in arguments and code != "USAGE":
        assert ran.out.startswith("Not usable: "), ran
        ran = replace(ran, out="")
    assert_words(ran, status=EXITS[code], names=names)
    return assert_document(
        run("--json", *arguments, user=user, stdin=stdin, env=env),
        code=code,
        names=names,
    )


def add(run: Program, *titles: str, user: str = "ada") -> None:
    """Add one task after the other, in one command."""
    ran = run(
        "add", "-", "--json", user=user, stdin="\n".join(titles).encode()
    )
    assert len(ran.data) == len(titles)


def tasks_of(run: Program, user: str = "ada") -> list[dict[str, Any]]:
    """Every task of a user, newest first."""
    data: list[dict[str, Any]] = run(
        "list", "--status", "all", "--json", user=user
    ).data
    return data


def titles_of(run: Program, user: str = "ada") -> list[str]:
    """The titles of a user in the order of their numbers."""
    return [
        task["title"]
        for task in sorted(
            tasks_of(run, user), key=lambda task: int(task["number"])
        )
    ]
