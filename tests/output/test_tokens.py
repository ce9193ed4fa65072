"""The words of `todo token`: for people, for a pipe and for programs."""

from dataclasses import replace
from datetime import date, timedelta
from uuid import UUID

import pytest

from tests.output.values import NOW, drawn
from todo_cli.output import envelope, plain, tokens
from todo_cli.output.views import ViewContext
from todo_cli.token_text import Token, make_text
from todo_cli.tokens import NewToken, RevokedToken

DAY = timedelta(days=1)
CONTEXT = ViewContext("ada", "the store", False, NOW)
CI = Token(
    id=UUID(int=1),
    user_id="ada",
    name="ci",
    read_only=True,
    created_at=NOW - 3 * DAY,
    expires_at=NOW + 87 * DAY,
    last_used_on=date(2026, 1, 1),
    revoked_at=None,
)
EVER = replace(
    CI,
    id=UUID(int=2),
    name="a laptop of mine",
    read_only=False,
    expires_at=None,
    last_used_on=None,
)
OVER = replace(CI, name="over", expires_at=NOW - 2 * DAY)
GONE = replace(CI, name="gone", expires_at=None, revoked_at=NOW - DAY)
EVERY = [CI, EVER, OVER, GONE]


@pytest.mark.spec("003/FR-024")
def test_a_terminal_shows_a_table_that_fits_it() -> None:
    sheet = tokens.listed(EVERY, CONTEXT)

    assert drawn(sheet, 86) == (
        "Token             Access          Created     Ends                Last used\n"
        "ci                read only       3 days ago  Mon 30 Mar          yesterday\n"
        "a laptop of mine  read and write  3 days ago  never               never\n"
        "over              read only       3 days ago  expired 2 days ago  yesterday\n"
        "gone              read only       3 days ago  revoked 1 day ago   yesterday\n"
        "4 tokens, 1 expired, 1 revoked\n"
    )
    for width in (20, 40, 80, 130):
        lines = drawn(sheet, width).splitlines()
        assert max(map(len, lines)) <= width, width
        for token in EVERY:
            # A long name goes on below.
            assert token.name.split()[0] in "\n".join(lines)
    assert str(UUID(int=2)) in drawn(sheet, 130)
    assert "expired 2 days ago" in drawn(sheet, 40)


@pytest.mark.spec("003/FR-024")
def test_a_pipe_gets_every_value_and_none_of_them_is_empty() -> None:
    lines = plain.render(tokens.listed([EVER, GONE], CONTEXT)).splitlines()

    begin = "2025-12-30T03:04:05.000000Z"
    assert [line.split("\t") for line in lines] == [
        [EVER.name, str(EVER.id), "read-write", begin, "-", "-", "-"],
        [
            *("gone", str(GONE.id), "read", begin, "-", "2026-01-01"),
            "2026-01-01T03:04:05.000000Z",
        ],
    ]


def test_no_tokens_name_the_command_that_makes_one() -> None:
    sheet = tokens.listed([], replace(CONTEXT, by_flag=True))

    assert (sheet.data, sheet.message, plain.render(sheet)) == (
        [],
        "0 tokens",
        "",
    )
    assert drawn(sheet, 80) == (
        "No tokens for ada; `todo --user ada token create NAME` makes one\n"
    )


def test_the_last_use_is_never_in_the_future() -> None:
    # A day of UTC, which has begun there and not here yet.
    context = replace(CONTEXT, variables={"TZ": "America/Los_Angeles"})
    used = replace(CI, last_used_on=NOW.date())

    assert "today" in drawn(tokens.listed([used], context), 100)


@pytest.mark.spec("003/FR-003", "003/FR-020", "003/FR-023")
def test_a_new_token_is_on_standard_output_and_in_no_message() -> None:
    text = make_text()

    sheet = tokens.created(NewToken(EVER, text), CONTEXT)

    assert plain.render(sheet) == drawn(sheet, 80) == f"{text}\n"
    assert (
        sheet.aside
        == sheet.message
        == (
            "Created the token a laptop of mine for ada: read and write, never expires"
        )
    )
    assert sheet.if_lost.endswith("`todo token revoke 'a laptop of mine'`")
    for words in (sheet.message, sheet.aside, sheet.hint, sheet.if_lost):
        assert text not in words
    assert envelope.success(sheet.data, sheet.message).count(text) == 1
    assert list(sheet.data)[:3] == ["id", "name", "token"]


def test_a_new_token_in_a_new_store_says_where_that_is() -> None:
    context = replace(CONTEXT, is_new_store=True)

    sheet = tokens.created(NewToken(CI, make_text()), context)

    assert sheet.message == (
        "Created the token ci for ada: read only, expires 30 Mar 2026, "
        "03:04 UTC (new store in the store)"
    )


@pytest.mark.spec("003/FR-025")
@pytest.mark.parametrize(
    ("is_new", "is_trial", "line"),
    [
        (True, False, "Revoked the token ci"),
        (False, False, "Already revoked: the token ci"),
        (True, True, "Would revoke the token ci"),
        (
            False,
            True,
            "Would change nothing: already revoked: the token ci",
        ),
    ],
)
def test_a_revoked_token_is_named(
    is_new: bool, is_trial: bool, line: str
) -> None:
    context = replace(CONTEXT, is_trial=is_trial)

    sheet = tokens.revoked(RevokedToken(CI, is_new), context)

    assert (sheet.message, list(sheet.lines)) == (line, [line])
    assert "token" not in sheet.data
    assert sheet.data["id"] == str(CI.id)
