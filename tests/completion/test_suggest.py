"""What can follow the words of a line; and how bash and fish quote."""

import shlex
import string
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from todo_cli.completion import bash, fish
from todo_cli.completion.answer import _visible
from todo_cli.completion.store import Store
from todo_cli.completion.suggest import FILES, suggest
from todo_cli.completion.table import Table
from todo_cli.output.text import visible

BREAKS = " \t\n\"'@><=;|&(:"


class Fixed(Store):
    """A store with fixed tasks; it notes what was asked."""

    def __init__(self) -> None:
        super().__init__({})
        self.asked: list[tuple[str, ...]] = []

    def tasks(
        self, scope: str, digits: str, most: int
    ) -> list[tuple[int, str]]:
        self.asked.append((scope, digits))
        found = [(number, f"Task {number}") for number in (3, 12, 1, 30, 31)]
        return [each for each in found if str(each[0]).startswith(digits)]

    def names(self, kind: str, begin: str, most: int) -> list[str]:
        self.asked.append((kind, begin))
        return ["home", "home.garage", "work"]


def after(line: str) -> list[str]:
    """What can follow a line, whose last word is the one at the cursor."""
    return [value for value, _ in found_after(line, Fixed())]


def found_after(line: str, store: Store) -> Sequence[tuple[str, str]]:
    """The same with meanings, from this store."""
    *words, typed = [word.replace("_", " ") for word in line.split(" ")]
    return suggest(words, typed, store).pairs


COMMANDS = ("", "--json ", "--user bob ", "--user=bob ", "-u bob --debug ")


@pytest.mark.spec("002/FR-400")
@pytest.mark.parametrize("before", COMMANDS)
def test_a_command_follows_options_of_all(before: str) -> None:
    assert after(f"{before}re") == ["restore", "redo"]
    assert "help" in after(before)


@pytest.mark.spec("002/FR-400")
@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("db ", ["upgrade", "policy", "import", "backup"]),
        ("db b", ["backup"]),
        ("warm o", ["on", "off"]),
        ("help d", ["done", "delete", "doctor", "db"]),
        ("help db u", ["upgrade"]),
        ("help done ", []),
        ("completion ", ["bash", "zsh", "fish"]),
        ("ls --sta", ["--status"]),
        ("list --status ", ["open", "waiting", "done", "all", "trash"]),
        ("list --status=w", ["--status=waiting"]),
        ("update 3 --status ", ["open", "done"]),
        ("list -p ", ["high", "medium", "low", "none"]),
        ("add -p ", ["high", "medium", "low"]),
        ("list --no", ["--no-tag"]),
        ("connect --no", ["--no-import"]),
        ("list --sort p", ["priority", "project"]),
        ("export --format t", ["todotxt", "taskwarrior"]),
        ("import --format to", ["todotxt", "todoist"]),
        ("list --project ho", ["home", "home.garage"]),
        ("list -P n", ["none"]),
        ("add -P n", []),
        ("list --tag=w", ["--tag=work"]),
        ("list --due tod", ["today"]),
        ("list --due mon..f", ["mon..fri"]),
        ("list --due ..eo", ["..eow", "..eom", "..eoy"]),
        ("list --due frid", ["friday"]),
        ("list --due o", ["overdue"]),
        ("list --due no", ["none"]),
        ("export --due=no", ["--due=none"]),
        ("list --due mon..no", []),
        ("list --since y", ["yesterday"]),
        ("list --since -1", ["-1w", "-1m", "-1y"]),
        ("update 3 --due no", ["none"]),
        ("add --due no", []),
        ("add Buy m", []),
        ("add -- -", []),
        ("nonsense ", []),
        ("nonsense x ", []),
        ("db nonsense ", []),
        ("show 3 ", []),
        ("undo ", []),
        ("note 3 1", []),
        ("--user ", []),
        ("list --user b", []),
        ("list --nonsense ", []),
        ("list --json=", []),
        ("doctor ", []),
    ],
)
def test_words_that_can_follow(line: str, expected: list[str]) -> None:
    assert after(line) == expected


@pytest.mark.spec("002/FR-400")
def test_an_option_comes_once_unless_it_may_be_repeated() -> None:
    used = "list --json --status all -t a --tag=b -p high --reverse -"
    left = after(used)

    assert {"--tag", "--priority", "--no-tag", "--help"} <= {*left}
    assert not {"--json", "--status", "--reverse"} & {*left}
    assert "--dry-run" in after("--json done 3 -")
    assert "--version" in after("-")
    assert "--version" not in after("list -")


@pytest.mark.spec("002/FR-400")
@pytest.mark.parametrize(
    "line",
    [
        "import ",
        "export --format json ta",
        "edit 3 --form ",
        "add --form=x",
        "db import ",
        "db backup --force b",
    ],
)
def test_files_are_left_to_the_shell(line: str) -> None:
    *words, typed = line.split(" ")

    assert suggest(words, typed, Fixed()).kind == FILES


@pytest.mark.spec("002/FR-402")
@pytest.mark.parametrize(
    ("line", "expected", "asked"),
    [
        ("done ", ["3", "12", "1", "30", "31"], ("open", "")),
        ("done --undo ", ["3", "12", "1", "30", "31"], ("done", "")),
        ("restore 3", ["3", "30", "31"], ("trash", "3")),
        ("purge 12", ["12"], ("any", "12")),
        ("rm ", ["3", "12", "1", "30", "31"], ("live", "")),
        ("show #1", ["#12", "#1"], ("live", "1")),
        ("done 3,", ["3,12", "3,1", "3,30", "3,31"], ("open", "")),
        ("done 3,_#1", ["3, #12", "3, #1"], ("open", "1")),
        ("done 3,12,3", ["3,12,30", "3,12,31"], ("open", "3")),
        ("done 30 31,12 ", ["3", "1"], ("open", "")),
        ("done 1-12 ", ["30", "31"], ("open", "")),
        ("done -- 3", ["3", "30", "31"], ("open", "3")),
        ("--json -u bob done 3", ["3", "30", "31"], ("open", "3")),
        ("update --title 3 ", ["3", "12", "1", "30", "31"], ("live", "")),
    ],
)
def test_tasks_that_can_be_meant(
    line: str, expected: list[str], asked: tuple[str, str]
) -> None:
    store = Fixed()

    found = found_after(line, store)

    assert [value for value, _ in found] == expected
    assert store.asked == [asked]
    assert all(title.startswith("Task ") for _, title in found)


@pytest.mark.spec("002/FR-402")
@pytest.mark.parametrize(
    "line", ["done x", "done 3-", "done 03", "done ٣", "show 3,", "show 3 "]
)
def test_no_task_is_suggested_where_no_number_can_follow(line: str) -> None:
    assert after(line) == []


@pytest.mark.spec("002/FR-400", "002/FR-402")
@pytest.mark.parametrize(
    ("line", "user"),
    [
        ("done ", None),
        ("-u bob done ", "bob"),
        ("done -u bob --user=eve ", "eve"),
        ("done --user --json eve ", "eve"),
        ("add -- -u bob ", None),
    ],
)
def test_the_user_is_that_of_the_line(line: str, user: str | None) -> None:
    store = Fixed()

    found_after(line, store)

    assert store.user == user


def test_every_alias_is_a_command_of_the_table() -> None:
    table = Table()

    for alias, name in (("ls", "list"), ("mod", "update"), ("rm", "delete")):
        command = table.command(alias)
        assert command is not None
        assert command.name == name


# How bash quotes


@pytest.mark.spec("002/FR-403")
@pytest.mark.parametrize(
    ("line", "words", "word"),
    [
        ("todo d", ["todo"], "d"),
        ("todo done ", ["todo", "done"], ""),
        ('todo  a\\ b \'c d\'"e\\"f\\g" x', ["todo", "a b", 'c de"f\\g'], "x"),
        ("todo '' \"", ["todo", ""], ""),
        ("todo 'a\\", ["todo"], "a\\"),
        ("todo $(x) `y", ["todo", "$(x)"], "`y"),
        ("todo a\\", ["todo"], "a"),
        ("todo list 2>/dev/null --st", ["todo", "list"], "--st"),
        ("todo a>> b c2>&1 '<' \\>", ["todo", "a", "c2", "<"], ">"),
        ("todo <(cat a) x", ["todo", "(cat", "a)"], "x"),
    ],
)
def test_a_line_of_bash_is_read_as_bash_reads_it(
    line: str, words: list[str], word: str
) -> None:
    typed = bash.Typed(line, BREAKS)

    assert (typed.words, typed.word) == (words, word)


@pytest.mark.spec("002/FR-400")
@pytest.mark.parametrize(
    ("line", "is_file"),
    [
        ("todo list >", True),
        ("todo list >> ", True),
        ("todo list 2>'a b", True),
        ("todo list>|a", True),
        ("todo add - <a", True),
        ("todo list >a ", False),
        ("todo list '>", False),
        ("todo list \\>", False),
        ("todo import <(", False),
    ],
)
def test_what_bash_redirects_to_is_a_file(line: str, is_file: bool) -> None:
    assert bash.Typed(line, BREAKS).is_file is is_file


@pytest.mark.spec("002/FR-403")
@pytest.mark.parametrize(
    ("typed", "text", "expected"),
    [
        ("", "a b", "a\\ b"),
        ("a", "a:b c", "a:b\\ c"),
        ("a:", "a:b c", "b\\ c"),
        ("--tag=a:", "--tag=a:b", "b"),
        ("a\\:", "a:b c", "a:b\\ c"),
        ("'a", "a'b c", "a'\\''b c"),
        ('"a', 'a"b $c', 'a\\"b \\$c'),
        ('x"a', "xa b", "a b"),
        ('"a"', "ab c", "ab\\ c"),
        ('--tag="a"', "--tag=ab", "ab"),
        ("@", "@a(b)", "a\\(b\\)"),
        ('"', "a!b", None),
        ("", "~a!#é", "\\~a\\!\\#é"),
    ],
)
def test_a_suggestion_lacks_what_readline_leaves(
    typed: str, text: str, expected: str | None
) -> None:
    line = bash.Typed(f"todo {typed}", BREAKS)

    assert line.inserted(text) == expected


TEXTS = st.text(st.characters(blacklist_categories=("Cs", "Cc")), min_size=1)


@given(TEXTS)
@pytest.mark.spec("002/FR-403")
def test_what_is_quoted_for_bash_is_one_word(text: str) -> None:
    assert shlex.split(bash.quoted(text)) == [text]
    again = bash.Typed(f"todo {bash.quoted(text)} ", BREAKS)
    assert again.words == ["todo", text]


@given(st.text(string.printable))
@pytest.mark.spec("002/FR-405")
def test_any_line_can_be_read(line: str) -> None:
    typed = bash.Typed(line, BREAKS)

    assert typed.word.startswith(typed.before)
    fish.unquoted(line)


@pytest.mark.spec("002/FR-403")
@pytest.mark.parametrize(
    ("typed", "word"),
    [
        ("ab", "ab"),
        ("a\\ b", "a b"),
        ("'a b", "a b"),
        ("'a\\'b\\n'", "a'b\\n"),
        ('"a\\"\\$b', 'a"$b'),
        ("\\#3", "#3"),
    ],
)
def test_a_word_of_fish_is_read_as_fish_reads_it(
    typed: str, word: str
) -> None:
    assert fish.unquoted(typed) == word


@pytest.mark.spec("002/FR-402")
def test_titles_are_escaped_as_everywhere() -> None:
    for code in (*range(0x3000), *range(0xD700, 0xE100), 0x1F389, 0x10FFFF):
        text = f"a{chr(code)}b"
        assert _visible(text) == visible(text), hex(code)
