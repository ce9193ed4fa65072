"""What a secret in a connection string looks like, as pure functions."""

import pytest

from todo_cli import redact

SECRET = "CANARY"
ADDRESSES = [
    f"postgresql://ada:{SECRET}@db.example/shop",
    f"POSTGRES://{SECRET}",
    f"postgresql//ada;{SECRET}@db.example",
    f"postgresql;//{SECRET}",
    f"postgres:{SECRET}",
    f"mysql://ada:{SECRET}@db.example",
    f"ada:{SECRET}@db.example:5432",
    f"//ada:{SECRET}@db.example",
    f"see:\nada {SECRET}@db.example",
    f"host=db.example password={SECRET}",
    f"dbname=shop {SECRET}",
    f"PGPASSWORD={SECRET}",
    f"x?passwrod={SECRET}",
    f"pwd = {SECRET}",
    f"psql {SECRET}",
    f"postgresql%3A%2F%2Fada%3A{SECRET}%40h",
    f"postgresql:\\/\\/ada:{SECRET}@h",
    f"ada\uff1a{SECRET}\uff20h",
    f"post\u200bgres://{SECRET}",
    f"{SECRET}@ep-x.neon.tech",
]
TEXTS = [
    *(
        "3",
        "5-7",
        "3,5-7",
        "Buy milk",
        "ada",
        "ada@example.com",
        "@ada",
        "10:30",
        "a:b",
        "--frob",
        "x=1",
        "C:/x",
    ),
    *(
        "/srv/a@b/todo.db",
        "./todo.db",
        "~/x.db",
        "postgres.db",
        "/var/lib/postgresql/todo.db",
        "/a//b",
        "",
    ),
    *(
        "caf\u00e9",
        "\u0645\u06cc\u200c\u062e",
        "100%",
        "a/b?",
        "https",
        "user",
        "the password",
    ),
]


def test_looks_like_address_knows_every_spelling() -> None:
    assert [
        text for text in ADDRESSES if not redact.looks_like_address(text)
    ] == []
    assert {redact.shown(text) for text in ADDRESSES} == {"***"}


def test_looks_like_address_leaves_words_and_paths_alone() -> None:
    assert [text for text in TEXTS if redact.looks_like_address(text)] == []
    assert [redact.without_logins(text) for text in TEXTS] == TEXTS


def test_shown_quotes_the_beginning_of_a_word_and_never_a_cut_login() -> None:
    assert redact.shown("milk") == "milk"
    assert redact.shown("x" * 60) == "x" * 60
    assert redact.shown("x" * 61) == "x" * 57 + "..."
    assert redact.shown("x" * 55 + f"://ada:{SECRET}@h") == "***"
    assert redact.shown(f"{SECRET}@host") == "***"


@pytest.mark.parametrize("word", ["{}", "--{}", "--limit={}", "3,{}"])
def test_without_words_hides_what_a_message_quotes(word: str) -> None:
    for address in ADDRESSES:
        typed = word.format(address)
        quoted = [
            "No such command",
            typed,
            repr(typed),
            typed.partition("=")[2],
        ]

        message = redact.without_words(" and ".join(quoted), ["list", typed])

        assert SECRET not in message
        assert message.startswith("No such command")


def test_without_words_leaves_other_words_alone() -> None:
    message = "No such command 'lis'. Did you mean 'list'?"

    assert redact.without_words(message, ["lis", "", "--limit=3"]) == message


SAFE = {
    f"no time at postgresql://ada:{SECRET}@h/db": "no time at ***@h/db",
    f"`postgresql://ada:{SECRET}@h/db`": "`***@h/db`",
    f"/srv/ada:{SECRET}@h: denied": "***@h: denied",
    f"host=h password={SECRET} x": "host=h password=*** x",
    f"x?sslmode=a&password={SECRET}&b=c": "x?sslmode=a&password=***&b=c",
    f"password='{SECRET} {SECRET}' x": "password=*** x",
    "use `postgresql://user:password@host/database`, or": (
        "use `postgresql://user:password@host/database`, or"
    ),
}


def test_without_logins_takes_logins_out_of_a_text() -> None:
    assert {text: redact.without_logins(text) for text in SAFE} == SAFE


def test_without_secrets_takes_out_every_form_of_a_known_password() -> None:
    urls = ["postgresql://ada:p%40ss%2Fw%20%C3%A9@h/db"]

    for form in (
        "p@ss/w \u00e9",
        "p%40ss%2Fw%20%C3%A9",
        "p%40ss/w%20%C3%A9",
        "other",
    ):
        text = redact.without_secrets(f"boom {form} boom", urls, ["other"])
        assert text == "boom *** boom"
    assert redact.without_secrets("boom", urls, [""]) == "boom"


PIECES = [
    *(
        "a",
        ":",
        "/",
        "@",
        "=",
        "postg",
        "pas",
        "host",
        "user ",
        "pw=",
        "ab:",
        "x@",
    ),
    *("'", "%3A"),
]


@pytest.mark.parametrize("piece", PIECES)
def test_words_as_long_as_a_command_line_take_no_long_time(piece: str) -> None:
    """A pattern that goes back and forth would take hours here; there is no limit but
    that of the whole run.
    """
    word = piece * (120_000 // len(piece))

    assert len(redact.shown(word)) <= 60
    assert redact.without_logins(f"No such command '{word}'").startswith(
        "No such command "
    )
    assert redact.without_words(
        f"No such command '{word}'", [word]
    ).startswith("No such command ")
