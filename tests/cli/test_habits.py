"""What people type by habit, from Taskwarrior, todo.txt, gh and git, and the command
line that the hint names instead.
"""

import io
import re
import shlex
from collections.abc import Callable, Iterator

import pytest

from tests.cli.expect import assert_refused
from tests.conftest import Seal
from tests.support.program import Todo
from todo_cli.cli import draft, habits, main
from todo_cli.cli.app import commands
from todo_cli.cli.env import Env
from todo_cli.errors import TodoError

Hint = Callable[..., str]

LOG = """\
ls                              = todo ls
rm 1                            = todo rm 1
del 1                           > todo delete 1
do 3                            > todo done 3
3 done                          > todo done 3
3                               > todo show 3
done milk                       > `todo list milk` shows the number
help                            = todo help
help add                        = todo help add
undo                            = todo undo
search milk                     > todo list milk
find two words                  > todo list two words
modify 3 due:tomorrow           > todo update 3 --due tomorrow
close 3                         > todo done 3
reopen 3                        > todo done 3 --undo
config                          > todo doctor
export                          = todo export
today                           > todo list --due today
whoami                          > todo doctor
list --all                      > todo list --status all
list -a                         > todo list --status all
list -n 5                       > todo list --limit 5
-V                              > todo --version
update 1 Buy oat milk           > todo update 1 --title 'Buy oat milk'
done all                        > `todo list` shows the numbers; `1-20` means all from 1 to 20
done -1                         > todo done 1
"""
"""The habit log of a first hour. After `=` the words are a command of ours, and after
`>` is the hint.
"""

TASKWARRIOR = """\
1 2 done                        > todo done 1 2
1,2 done                        > todo done 1,2
3 '#5-7' Remove                 > todo delete 3 '#5-7'
3 modify due:fri +home          > todo update 3 --due fri --add-tag home
3 modify due:                   > todo update 3 --due none
3 mod -home +work               > todo mod 3 --remove-tag home --add-tag work
3 mod depends:2                 > todo mod --help
3 mod recur:weekly due:fri      > todo mod --help
3 export                        > todo show 3 --json
3 undo                          > todo history 3
+OVERDUE                        > todo list --due overdue
+TODAY list                     > todo list --due today
+today list                     > todo list --tag today
due.by:fri                      > todo list --due ..fri
due.before:fri list             > `todo list --due ..fri` includes that day
due.after:                      > todo --help
limit:5 list                    > todo list --limit 5
context none                    > todo list
3 mod /plumer/plumber/          > todo mod 3 --replace plumer=plumber
3 mod Buy oat milk              > todo mod 3 --title 'Buy oat milk'
modify 3 pri:H project:home     > todo update 3 --priority H --project home
3 annotate called, ring back    > todo note 3 called, ring back
3 info                          > todo show 3
3 rm                            > todo rm 3
+home list                      > todo list --tag home
+home done                      > todo list --tag home
due:tomorrow                    > todo list --due tomorrow
project:home.kitchen            > todo list --project home.kitchen
status:completed all            > todo list --status all --status done
end:yesterday completed         > todo list --status done --on yesterday
+home 3                         > todo list 3 --tag home
next                            > todo list
ready                           > todo list
projects                        > todo list --group project
tags                            > todo list
count                           > todo list
summary                         > todo stats
burndown.daily                  > todo stats
report                          > todo stats
waiting                         > todo list --status waiting
overdue                         > todo list --due overdue
all                             > todo list --status all
completed                       > todo list --status done
newest                          > todo list --sort newest
ids                             > todo list --json
calendar                        > todo list --group due
yesterday                       > todo list --status done --on yesterday
log                             > todo history
list --sort priority-           > todo list --sort priority --reverse
list --sort entry               > todo list --sort newest
"""

TODO_TXT = """\
pri 3 A                         > todo update 3 --priority high
pri 3                           > todo update --help
depri 3                         > todo update 3 --priority none
append 3 and bread              > todo note 3 and bread
archive 3                       > todo done 3
lsp A                           > todo list --priority high
lsp milk                        > todo list milk --sort priority
archive                         > todo list --status done
listall milk                    > todo list milk --status all
listpri                         > todo list --sort priority
lsprj                           > todo list --group project
lsc @home                       > todo list --tag home
replace 3 Buy oat milk          > todo update 3 --title 'Buy oat milk'
dp 3                            > todo update 3 --priority none
x 3                             > todo done 3
add x -p A                      > todo add x -p high
todo list                       > todo list
shorthelp                       > todo help
mv 1 home                       > todo update 1 --project home
"""

GH_AND_GIT = """\
issue create --title Bug --body x --label ui > todo add Bug --description x --tag ui
issue list --state closed       > todo list --status done
issue list -l home -L 5         > todo list --tag home -L 5
issue create -t Bug -b x        > todo add Bug --description x
issue close 3                   > todo done 3
issue view 3                    > todo show 3
issue comment 3 fixed it        > todo note 3 fixed it
gh issue reopen 3               > todo done 3 --undo
git log -5                      > todo history --limit 5
log -n 5                        > todo history --limit 5
diff                            > todo history
blame 3                         > todo history 3
diff HEAD                       > todo history
revert 3                        > todo undo 3
reset                           > todo undo
add -m 'Buy milk'               > todo add 'Buy milk'
add --title Buy                 > todo add Buy
status                          > todo doctor
commit -m x                     > todo --help
stash                           > todo --help
list --json --limit=x           > todo list --help
list --state open               > todo list --status open
list --search milk              > todo list milk
list --format json              > todo list --json
list -o json                    > todo list --json
list milk --format csv          > todo export - milk --format csv
rm -rf 1                        > todo rm 1
delete --force 1                > todo delete 1
delete --permanent 1            > todo purge 1
delete 1 --undo                 > todo restore 1
"""

WORDS = """\
undelete 1                      > todo restore 1
trash                           > todo list --status trash
trash 1                         > todo delete 1
empty                           > todo purge --trash
upgrade                         > todo db upgrade
backup x.db                     > todo db backup x.db
backup                          > todo db backup --help
users                           > todo doctor
switch bob                      > todo list --user bob
version                         > todo --version
-v                              > todo --version
-a                              > todo list --status all
--all                           > todo list --status all
-n 5                            > todo list --limit 5
--limit=5                       > todo list --limit 5
-?                              > todo help
man add                         > todo help add
help search                     > todo help list
help issue create               > todo help add
help frobnicate                 > todo --help
help lst                        > todo help list
LIST                            > todo list
lsit                            > todo list
dne 1                           > todo done 1
ready 3                         > todo list 3
week                            > todo list --due ..eow
due                             > todo list --due any
due today                       > todo list --due today
due 3 fri                       > todo update 3 --due fri
due 3 4                         > todo list --help
snooze 3                        > todo update 3 --wait tomorrow
wait 3 fri                      > todo update 3 --wait fri
tag 3 home                      > todo update 3 --add-tag home
untag 3 home                    > todo update 3 --remove-tag home
project home                    > todo list --project home
rename 3 Buy oat milk           > todo update 3 --title 'Buy oat milk'
check 3                         > todo done 3
check                           > todo doctor
web                             > todo serve
init                            > todo db upgrade
restore all                     > `todo list --status trash` shows the numbers; `1-20` means all from 1 to 20
restore milk                    > `todo list milk --status trash` shows the number
done milk --undo                > `todo list milk --status done` shows the number
show 1 2                        > todo show 1
show milk                       > `todo list milk` shows the number
history 1 2                     > todo history 1
undo last                       > todo undo
undo 1 2                        > todo undo 1
undo -1                         > todo undo
update milk --due fri           > `todo list milk` shows the number
serve 9000                      > todo serve --port 9000
serve -p 9000                   > todo serve --port 9000
db                              = todo db
db migrate                      > todo db upgrade
db list                         > todo list
db status                       > todo doctor
db export                       > todo export
db export x.db                  > todo db backup x.db
db reset                        > todo db --help
db frobnicate                   > todo db --help
db upgrade --fast               > todo db upgrade --help
warm                            = todo warm
warm start                      > todo warm on
warm stop                       > todo warm off
warm list                       > todo warm status
warm of                         > todo warm off
warm --on                       > todo warm on
warm on now                     > todo warm on --help
warm -u bob stop                > todo -u bob warm off
warm frobnicate                 > todo warm --help
help warm start                 > todo help warm on
daemon                          > todo warm on
daemon stop                     > todo warm off
daemon status                   > todo warm status
prewarm                         > todo warm on
frobnicate                      > todo --help
3 frobnicate                    > todo --help
''                              > todo --help
-q list                         > todo list
-q                              > put `--` before text that begins with `-`; see todo --help
--config x.toml list            > TODO_CONFIG=x.toml todo list
--no-color list                 > NO_COLOR=1 todo list
list --database x.db            > TODO_DATABASE_URL=x.db todo list
list --no-color                 > NO_COLOR=1 todo list
list --color=never              > NO_COLOR=1 todo list
list --color never              > NO_COLOR=1 todo list
list --version                  > todo --version
list --undo                     > `--undo` is an option of `todo done`; see todo list --help
show 1 --limit 3                > `--limit` is an option of `todo list` and `todo history`; see todo show --help
add x --dry-run                 > put `--` before text that begins with `-`; see todo add --help
-u 'bob x' trash                > todo -u 'bob x' list --status trash
db -u bob log                   > todo -u bob history
log --user bob                  > todo history --user bob
-u bob help serch               > todo -u bob help list
serch milk                      > todo list milk
complte 3                       > todo done 3
fnd milk                        > todo --help
exit                            > todo help
udas                            > todo --help
"""

OPTIONS = """\
add x --tags a,b                > todo add x --tag a --tag b
add x --tags +a,@b              > todo add x --tag a --tag b
add x --priority=1              > todo add x --priority high
add x --prio high               > todo add x --priority high
add x --date fri                > todo add x --due fri
add x --deu fri                 > todo add x --due fri
add x --desc more               > todo add x --description more
add x --note more               > todo add x --description more
add x --add-tag home            > todo add x --tag home
add x --wait-until -3d          > todo add x --wait -3d
add x --wait-until=-3d          > todo add x --wait -3d
add fix the -m flag             > put `--` before text that begins with `-`; see todo add --help
add it is -5 degrees            > put `--` before text that begins with `-`; see todo add --help
add --tags a -- -x              > todo add --tag a -- -x
update 1 --tag x                > todo update 1 --add-tag x
update 1 --name x               > todo update 1 --title x
update 1 --no-due               > todo update 1 --due none
update 1 --done                 > todo update 1 --status done
update 1 --status closed        > todo update 1 --status done
update 3 /a/b/ @x -f            > todo update 3 --replace a=b --add-tag x
update 1 --all                  > put `--` before text that begins with `-`; see todo update --help
list --stat done                > todo list --status done
list --lmit 5                   > todo list --limit 5
list --statsu pending           > todo list --status open
list --sort -due                > todo list --sort due --reverse
list --order title:desc         > todo list --sort title --reverse
list --sort ''                  > todo list --help
list --order                    > put `--` before text that begins with `-`; see todo list --help
list --group proj               > todo list --group project
list -l                         > todo list
list -5                         > todo list --limit 5
list +home --order due          > todo list --sort due --tag home
list --tag                      > todo list --help
list --reverse=1                > todo list --help
list -L=3                       > put `--` before text that begins with `-`; a value follows after a space: `-L VALUE`; see todo list --help
export -o x.csv milk            > todo export x.csv milk
list milk -due fri              > todo list milk --due fri
list -all                       > todo list --status all
list -p high,low                > todo list -p high -p low
add milk -due fri               > todo add milk --due fri
update 3 -title New             > todo update 3 --title New
update 3 -phome                 > put `--` before text that begins with `-`; a value follows after a space: `-p VALUE`; see todo update --help
done --all                      > `todo list` shows the numbers; `1-20` means all from 1 to 20
restore -a                      > `todo list --status trash` shows the numbers; `1-20` means all from 1 to 20
tag home                        > todo list --tag home
tag 3 +home                     > todo update 3 --add-tag home
tag 3                           > todo list --help
due 3 +3d                       > todo update 3 --due +3d
3 due:fri +home                 > todo update 3 --due fri --add-tag home
3 pri:H                         > todo update 3 --priority H
completed 3                     > todo done 3
last                            > todo list --sort newest
sort title                      > todo list --sort title
purge trash                     > todo purge --trash
empty trash                     > todo purge --trash
purge deleted                   > `todo list --status trash` shows the number
'Buy milk'                      > todo add 'Buy milk'
'  '                            > todo --help
done 1..3                       > todo done 1-3
show 3.                         > todo show 3
done last                       > `todo list --sort newest --limit 1` shows the number
done overdue                    > `todo list --due overdue` shows the number
delete +home                    > `todo list --tag home` shows the number
restore milk                    > `todo list milk --status trash` shows the number
note milk and bread             > `todo list milk` shows the number
doctor --fix                    > todo doctor --help
export --csv                    > todo export --format csv
import --format=todo.txt x      > todo import x --format todotxt
history --all                   > todo history --limit 1000
history -5                      > todo history --limit 5
undo --list                     > todo history
purge --all                     > todo purge --trash
done 1 --yes                    > todo done 1
"""

NEW = """\
edit 3 --title New --due fri    > todo update 3 --title New --due fri
edit 3 -t work                  > todo update 3 --add-tag work
edit 3 --label a,b              > todo update 3 --add-tag a --add-tag b
edit 3 New title                > todo update 3 --title 'New title'
edit 3 due:fri                  > todo update 3 --due fri
edit 3 4                        > todo edit 3
issue edit 3 -t New             > todo update 3 --title New
edit milk                       > `todo list milk` shows the number
vi 3                            > todo edit 3
open 3                          > todo edit 3
denotate 3 called               > todo edit 3
prepend 3 now                   > todo edit 3
3 edit                          > todo edit 3
issue edit 3                    > todo edit 3
amend 3                         > todo edit 3
login                           > todo connect
login CANARY                    > todo connect
link                            > todo connect
neon                            > todo connect
gh auth login                   > todo connect
config set database_url CANARY  > todo connect
git push origin                 > todo connect
db login                        > todo connect
--password CANARY list          > todo connect
list --database-url CANARY      > todo connect
logout                          > todo connect --off
"""
"""The same for commands that other branches of the program may lack."""

PAGES = [LOG, TASKWARRIOR, TODO_TXT, GH_AND_GIT, WORDS, OPTIONS]


def rows(page: str) -> Iterator[tuple[str, str, str]]:
    """What is typed, the sign after it, and the answer."""
    for line in page.splitlines():
        found = re.fullmatch(r"(.*?) +([=>]) (.*)", line)
        assert found is not None, line
        yield found[1], found[2], found[3]


ROWS = [row for page in PAGES for row in rows(page)]


@pytest.fixture
def env(seal: Seal) -> Env:
    """An environment without a store."""
    streams = (io.BytesIO(), io.BytesIO(), io.BytesIO())
    return Env({}, seal.cwd, seal.home, "ada", *streams)


@pytest.fixture
def hint(env: Env) -> Hint:
    """The hint of words that are refused; "" of words that are a command."""

    def ask(*words: str) -> str:
        try:
            main.parse(main.split(words), env, as_json=False)
        except TodoError as error:
            return error.hint or "none"
        return ""

    return ask


def commands_in(hint: str) -> list[list[str]]:
    """The command lines of a hint, without `todo` and the variables before it."""
    quoted = re.findall("`((?:todo|[A-Z_]+=).*?)`", hint)
    found = []
    for line in quoted or [hint.rpartition("; see ")[2]]:
        words = shlex.split(line)
        if " is an option of " in hint:
            words.append("--help")
        while words[0] != "todo":
            assert re.match("[A-Z_]+=", words[0]), hint
            del words[0]
        found.append(words[1:])
    return found


@pytest.mark.spec("002/FR-270", "002/FR-202", "002/FR-320", "002/FR-135")
def test_a_habit_is_a_command_or_has_the_hint_that_it_means(
    hint: Hint,
) -> None:
    wrong = []
    for typed, sign, answer in ROWS:
        given = hint(*shlex.split(typed))
        expected = "" if sign == "=" else answer
        if given != expected:
            wrong.append((typed, given, expected))

    assert wrong == []


@pytest.mark.spec("002/FR-270")
def test_hints_of_the_newer_commands(hint: Hint) -> None:
    given = {}
    expected = {}
    for typed, _, answer in rows(NEW):
        words = shlex.split(typed)
        name = "connect" if "connect" in answer else "edit"
        if name in commands().commands:
            expected[typed] = answer
            given[typed] = hint(*words)

    assert given == expected


@pytest.mark.spec("002/FR-320")
def test_every_hint_is_a_command_that_is_accepted(hint: Hint) -> None:
    refused = []
    for _, sign, answer in ROWS:
        for words in commands_in(answer if sign == ">" else f"`{answer}`"):
            if hint(*words):
                refused.append(words)

    assert refused == []


def all_habits() -> Iterator[list[str]]:
    """Every word and option of the tables, typed without and with a task."""
    for arguments in ([], ["3", "milk"]):
        for group in ("", "db"):
            for word in habits.commands(group):
                words = word.split("-") if word[0] != "-" else [word]
                yield [*group.split(), *words, *arguments]
        for word in habits.first_options():
            yield [word, *arguments]
    generic = habits.options("")
    for name in commands().commands:
        for word in habits.options(name):
            if word not in generic or name == "list":
                yield [name, "3", word, "milk"]


@pytest.mark.spec("002/FR-320")
def test_whatever_the_tables_say_the_hint_is_accepted(hint: Hint) -> None:
    found: dict[str, list[list[str]]] = {}
    for words in all_habits():
        answer = hint(*words)
        if answer:
            found[answer] = commands_in(answer)
    assert len(found) > 100

    lines = {tuple(words) for lines in found.values() for words in lines}
    assert [words for words in lines if hint(*words)] == []


@pytest.mark.spec("002/FR-270")
def test_no_word_stands_twice_on_a_line() -> None:
    for name in ("_COMMANDS", "_DB_COMMANDS", "_FIRST_OPTIONS", "_OPTIONS"):
        for line in getattr(habits, name).splitlines():
            words = line.partition("<")[2].split()
            assert len(words) == len(set(words)), line


@pytest.mark.spec("002/FR-270")
def test_the_hint_is_shown_with_the_error(
    todo_embedded: Todo, seal: Seal
) -> None:
    error = assert_refused(todo_embedded, "search", "milk", code="USAGE")

    assert error["message"] == "No such command 'search'"
    assert error["hint"] == "todo list milk"
    assert list(seal.home.rglob("*")) == []


@pytest.mark.spec("002/FR-270", "002/FR-066")
@pytest.mark.parametrize(
    "words",
    [
        ["--user", "postgresql://ada:CANARY@db.example/todo", "trash"],
        ["search", "postgresql://ada:CANARY@db.example/todo"],
        ["search", "CANARY@db.example"],
        ["list", "--search", "password=CANARY"],
        ["login", "CANARY"],
        ["--password", "CANARY", "list"],
        ["list", "--password=CANARY"],
        ["list", "--dsn", "CANARY"],
        ["db", "login", "CANARY"],
        ["config", "set", "database_url", "CANARY"],
        ["list", "--frobnicate", "CANARY", "--all"],
    ],
    ids=lambda words: words[0],
)
def test_no_secret_gets_into_the_hint(
    todo_embedded: Todo, words: list[str]
) -> None:
    error = assert_refused(todo_embedded, *words, code="USAGE")

    assert "CANARY" not in str(error)


@pytest.mark.spec("002/FR-320")
def test_a_hint_is_short(hint: Hint) -> None:
    assert hint("search", *["many"] * 10) == "todo list " + " ".join(
        ["many"] * 10
    )
    assert hint("search", *["many"] * 50) == "todo list --help"
    assert hint("search", "long" * 20) == "todo list --help"


@pytest.mark.parametrize(
    ("word", "other", "is_close"),
    [
        ("list", "list", False),
        ("lsit", "list", True),
        ("lst", "list", True),
        ("lisst", "list", True),
        ("last", "list", True),
        ("lost!", "list", False),
        ("tsil", "list", False),
        ("ab", "b", False),
        ("ready", "redo", False),
        ("users", "serve", False),
        ("liste", "list", True),
        ("listit", "list", False),
    ],
)
def test_a_typo_is_one_letter(word: str, other: str, is_close: bool) -> None:
    assert draft.is_near(word, other) is is_close
    assert draft.is_near(other, word) is is_close
