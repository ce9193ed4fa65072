"""At a terminal: the table, its footer, colours and the spinner."""

import re
import socket
import threading
from contextlib import ExitStack
from urllib.parse import urlsplit

import pytest
from rich.cells import cell_len

from tests.cli.conftest import on_both_stores
from tests.cli.expect import add
from tests.cli.tampering import locked, place_of, set_last_number
from tests.conftest import Seal
from tests.support.forked import ForkServer
from tests.support.program import (
    LIMIT_S,
    Process,
    PtyProcess,
    Ran,
    Surroundings,
    Todo,
)
from tests.support.stores import Clock, Store

SGR = re.compile("\x1b\\[([0-9;]*)m")
XTERM = {"TERM": "xterm-256color"}
TITLES = [
    "Buy two litres of the good milk and bread",
    "買い物に行く",
    "👩‍👩‍👧 family day",
]


def plain(ran: Ran) -> str:
    """What a person sees: the output without its colours, which are its only escapes."""
    text = SGR.sub("", ran.out)
    assert (ran.status, ran.err) == (0, "")
    assert "\x1b" not in text
    return text


def colours(ran: Ran) -> list[str]:
    """The escapes of a run that choose a colour, not just a weight."""
    codes = [
        code for found in SGR.findall(ran.out) for code in found.split(";")
    ]
    return [
        code
        for code in codes
        if re.fullmatch(r"3[0-8]|4[0-8]|9[0-7]|10[0-7]", code)
    ]


def packed(text: str) -> str:
    """A text without blanks and line ends, as wrapping changes no other character."""
    return "".join(text.split())


def row(text: str, number: int) -> str:
    """The line of a table that holds a number."""
    return next(
        line
        for line in text.splitlines()
        if re.search(rf"(?<!\d){number}(?!\d)", line)
    )


@pytest.mark.spec("002/FR-050")
def test_table_holds_numbers_titles_dates_and_counts(
    todo: Todo, clock: Clock
) -> None:
    add(todo, "Buy milk", "Call Bob", "Pay rent")
    todo("done", "2")
    clock.tick(2 * 60 * 60)

    text = plain(todo("list", terminal=True, env=XTERM))

    assert [
        line
        for line in (row(text, 3), row(text, 1))
        if "2 hours ago" not in line
    ] == []
    assert ("Pay rent" in row(text, 3), "Buy milk" in row(text, 1)) == (
        True,
        True,
    )
    assert "Call Bob" not in text
    assert "2 open, 1 done" in text.splitlines()[-1]


@pytest.mark.spec("002/FR-050")
def test_table_has_the_number_first_and_says_how_long_ago(
    todo: Todo, clock: Clock
) -> None:
    add(todo, "Buy milk")
    clock.tick(3 * 60 * 60)
    add(todo, "Call Bob")

    text = plain(todo("list", terminal=True, env=XTERM))

    assert re.match(r"\W*2\b.*Call Bob.*now", row(text, 2))
    assert re.match(r"\W*1\b.*Buy milk.*3 hours ago", row(text, 1))
    assert text.index("Call Bob") < text.index("Buy milk")


@pytest.mark.spec("002/FR-050")
def test_table_survives_a_task_from_the_future(
    todo: Todo, clock: Clock
) -> None:
    add(todo, "Buy milk")
    clock.tick(-3600)

    text = plain(todo("list", terminal=True, env=XTERM))

    assert "Buy milk" in row(text, 1)
    assert "-" not in row(text, 1)


@pytest.mark.spec("002/FR-011", "002/FR-012", "002/FR-050")
def test_table_counts_in_its_footer(todo: Todo) -> None:
    todo("add", "-", stdin=b"task\n" * 1003)
    todo("done", "1-1000")
    todo("done", "1001")

    whole = plain(todo("list", terminal=True, env=XTERM))
    some = plain(todo("list", "--limit", "1", terminal=True, env=XTERM))

    assert "2 open, more than 1,000 done" in whole
    assert "1 of 2" in some


@pytest.mark.spec("002/FR-051")
@pytest.mark.parametrize("columns", [200, 49, 20])
def test_table_fits_and_loses_no_row_and_no_letter(
    todo: Todo, columns: int
) -> None:
    add(todo, *TITLES)

    text = plain(todo("list", terminal=True, columns=columns, env=XTERM))

    assert [
        line for line in text.splitlines() if cell_len(line) > columns
    ] == []
    for number, title in enumerate(TITLES, start=1):
        assert re.search(rf"(?m)^\W*{number}\b", text)
        assert [
            word for word in title.split() if packed(word) not in packed(text)
        ] == ([])


@pytest.mark.spec("002/FR-051")
@pytest.mark.parametrize("columns", [80, 20])
def test_table_never_cuts_a_number(
    todo: Todo, store: Store, columns: int
) -> None:
    add(todo, "first")
    set_last_number(store, "ada", 999_999_998)
    add(todo, "the highest of all the numbers there are")

    text = plain(todo("list", terminal=True, columns=columns, env=XTERM))

    assert re.search(r"(?m)^\W*999999999\b", text)
    assert re.search(r"(?m)^\W*1\b", text)


@pytest.fixture
def organised(todo: Todo) -> Todo:
    """The program on a store with tasks that have all that a task can have."""
    fields = ("-P", "home.kitchen", "-t", "errand", "-p", "h")
    todo("add", "Buy milk and bread", "--due", "-1d", "-d", "2 l", *fields)
    todo("add", "Rest", "--wait", "+3d")
    todo("add", "Call Bob")
    todo("done", "3")
    return todo


SHOWN: dict[int, list[str]] = {
    110: [
        *("#", "Status", "Task", "Project", "Tags", "Waits until", "Due"),
        *("Pri", "When"),
    ],
    80: ["#", "Status", "", "Task", "Project", "Waits until", "Due"],
    50: ["#", "Status", "", "Task", "Due"],
    40: ["#", "", "Task", "Due"],
    30: ["#", "", "Task"],
    20: ["#", "", "Task"],
}
"""The columns at each width; one without a name has marks."""
LEGENDS = {
    110: "(* has notes)",
    80: "(* has notes, H high)",
    50: "(* has notes, H high)",
    40: "(* has notes, x done, w waiting, H high)",
    30: "(* has notes, x done, w waiting, ! overdue, H high)",
    20: "(* has notes, x done, w waiting, ! overdue, H high)",
}
"""What the footer says about the marks."""


@pytest.mark.spec("002/FR-051", "002/FR-210", "002/FR-335")
@pytest.mark.parametrize("columns", SHOWN)
def test_table_drops_columns_but_leaves_marks(
    organised: Todo, columns: int
) -> None:
    options = ("--status", "all", "--sort", "oldest")
    ran = organised(
        "list", *options, terminal=True, columns=columns, env=XTERM
    )

    text = plain(ran)
    names = re.sub(r" {4,}", "   ", text.splitlines()[0])
    wanted = [name for name in SHOWN[columns] if name]
    assert re.split(r" {2,}", names) == wanted
    marks = {110: "", 80: "H", 50: "H", 40: "", 30: "!H", 20: "!H"}[columns]
    assert marks in row(text, 1)
    assert ("x" in row(text, 3)) is (columns <= 40)
    # No blank: the footer is broken at 20 columns.
    end = packed("1 open, 1 overdue, 1 waiting, 1 done" + LEGENDS[columns])
    assert packed(text).endswith(end)


@pytest.mark.spec("002/FR-214")
def test_table_in_groups_has_headings_at_a_terminal_alone(
    organised: Todo,
) -> None:
    options = ("list", "--status", "all", "--group", "project")

    lines = plain(organised(*options, terminal=True, env=XTERM)).splitlines()
    piped = organised(*options).out

    assert lines[2] == "Project home.kitchen"
    assert lines[4:6] == ["", "No project"]
    assert [line.split("\t")[0] for line in piped.splitlines()] == [
        "1",
        "3",
        "2",
    ]


@pytest.mark.spec("002/FR-212")
def test_table_has_links(todo: Todo) -> None:
    url = "https://example.com/" + "a" * 40
    add(todo, f"Write {url}")

    ran = todo("list", terminal=True, columns=70, env=XTERM)

    assert f"\x1b]8;id=todo-1;{url}\x1b\\{url}\x1b]8;;\x1b\\" in ran.out
    for env in ({"TERM": "dumb"}, XTERM | {"TODO_ACCESSIBLE": "1"}):
        lines = todo("list", terminal=True, columns=70, env=env).out
        assert "\x1b" not in lines
        assert url in lines


@pytest.mark.spec("002/FR-053", "002/FR-213")
def test_empty_list_names_its_filters(organised: Todo) -> None:
    ran = organised(
        *("list", "zebra", "--project", "work", "--due", "overdue"),
        terminal=True,
        columns=400,
        env=XTERM,
    )

    assert plain(ran).startswith("No open tasks for ada in ")
    assert ran.out.endswith(
        ' with "zebra", a due day before today, project work'
        " (1 open, 1 overdue, 1 waiting, 1 done)\n"
    )
    found = organised("list", "milk", terminal=True, env=XTERM)
    assert plain(found).endswith(
        "1 found; 1 open, 1 overdue, 1 waiting, 1 done  (* has notes)\n"
    )


@pytest.mark.spec("002/FR-051")
@pytest.mark.parametrize("columns", [0, 1, 5, 10])
def test_table_keeps_every_row_however_narrow(
    todo: Todo, pty_process: PtyProcess, columns: int
) -> None:
    add(todo, "ab", "cd", "ef")

    text = plain(pty_process("list", columns=columns))

    assert [number for number in (1, 2, 3) if str(number) not in text] == []
    assert [
        title for title in ("ab", "cd", "ef") if title not in packed(text)
    ] == []


@pytest.mark.spec("002/FR-051")
def test_table_of_many_tasks_loses_none(todo: Todo) -> None:
    titles = [f"task{number}" for number in range(1, 501)]
    add(todo, *titles)

    text = plain(todo("list", terminal=True, columns=20, env=XTERM))

    assert [title for title in titles if title not in text] == []


@pytest.mark.spec("002/FR-052")
def test_table_has_colour_where_it_is_wanted(todo: Todo) -> None:
    todo("add", "one", "--due", "yesterday")

    def table(**env: str) -> Ran:
        return todo("list", "--status", "all", terminal=True, env=env)

    usual = table(**XTERM)

    assert SGR.search(usual.out)
    assert SGR.search(table(FORCE_COLOR="1").out)
    assert table(**XTERM, NO_COLOR="") == usual
    for value in ("1", "0", "anything"):
        without = table(**XTERM, NO_COLOR=value)
        assert colours(without) == []
        assert plain(without) == plain(usual)


@pytest.mark.spec("002/FR-052")
def test_output_has_no_escape_on_a_dumb_terminal(todo: Todo) -> None:
    add(todo, "one")
    dumb = {"TERM": "dumb"}

    for command in (["list"], ["show", "1"], ["done", "1"], ["--help"]):
        ran = todo(*command, terminal=True, env=dumb)
        assert (ran.status, ran.err, "\x1b" in ran.out) == (0, "", False)
    assert todo("show", "99", terminal=True, env=dumb) == todo("show", "99")


@pytest.mark.spec("002/FR-052", "002/FR-054")
def test_lines_off_a_terminal_keep_their_shape_where_colour_is_forced(
    todo: Todo,
) -> None:
    add(todo, "one")

    forced = todo("list", env={"FORCE_COLOR": "1"})

    assert SGR.sub("", forced.out) == todo("list").out


PLAIN = """\
Number  Status  Task      When
     2  open    Call Bob  just now
     1  done    Buy milk  just now
1 open, 1 done
"""


@pytest.fixture
def two(todo: Todo) -> Todo:
    """The program on a store with an open and a done task."""
    add(todo, "Buy milk", "Call Bob")
    todo("done", "1")
    return todo


def lines_of(ran: Ran) -> str:
    """The output of a list without the blanks at the ends of its lines."""
    assert (ran.status, ran.err) == (0, "")
    return "".join(f"{line.rstrip()}\n" for line in ran.out.splitlines())


@pytest.mark.spec("002/FR-150", "002/FR-052")
def test_plain_lines_have_words_and_no_frames_or_escapes(two: Todo) -> None:
    everything = ["list", "--status", "all"]
    for env in (
        {"TERM": "dumb"},
        {"TERM": "unknown"},
        {"TERM": "xterm-256color", "TODO_ACCESSIBLE": "1"},
        {"TERM": "dumb", "FORCE_COLOR": "1"},
    ):
        ran = two(*everything, terminal=True, env=env)
        assert lines_of(ran) == PLAIN, env
        shown = two("show", "1", terminal=True, env=env)
        assert "\x1b" not in shown.out
    for value in ("", "0", "no"):
        env = XTERM | {"TODO_ACCESSIBLE": value}
        assert "\x1b" in two(*everything, terminal=True, env=env).out


@pytest.mark.spec("002/FR-150", "002/FR-051")
def test_plain_lines_keep_to_a_narrow_terminal(two: Todo) -> None:
    add(two, "word " * 20)
    env = {"TERM": "dumb"}

    for columns in (20, 31, 60):
        ran = two("list", terminal=True, columns=columns, env=env)
        assert max(map(len, ran.out.splitlines())) <= columns


@pytest.mark.spec("002/FR-150")
def test_progress_is_one_plain_line_where_lines_are_to_be_plain(
    two: Todo, seal: Seal
) -> None:
    path = seal.cwd / "store.db"
    ran = two(
        *("db", "import", str(path)),
        terminal=True,
        env={
            "TODO_ACCESSIBLE": "1",
            "TODO_DATABASE_URL": f"sqlite:///{seal.cwd}/new.db",
        },
    )

    assert (ran.status, ran.err) == (0, "Importing...\n")


@pytest.mark.spec("002/FR-152")
def test_table_in_a_pipe_if_that_is_wanted(two: Todo) -> None:
    def listed(value: str, **more: str) -> str:
        env = {**XTERM, "TODO_FORCE_TTY": value, **more}
        return two("list", "--status", "all", env=env).out

    table = listed("1")
    assert "Task" in table.splitlines()[0]
    assert "\x1b" not in table
    for value in ("true", "yes", "-5", "1234567", "nonsense"):
        assert listed(value) == table, value
    for value in ("", "0", "false", "no"):
        assert "\topen\tCall Bob\t" in listed(value), value
    assert "When" not in listed("28")
    assert max(map(len, listed("2").splitlines())) == 19
    assert listed("1", FORCE_COLOR="1") != table
    assert SGR.sub("", listed("1", FORCE_COLOR="1")) == table
    assert two("list", "--json", env={"TODO_FORCE_TTY": "1"}).data


@on_both_stores
@pytest.mark.spec("002/FR-053", "002/FR-066")
@pytest.mark.nothing_made
def test_empty_list_at_a_terminal_names_user_and_store_and_no_password(
    todo: Todo, store: Store
) -> None:
    password = urlsplit(store.url).password

    for options in ([], ["--status", "done"], ["--limit", "5"]):
        for columns in (200, 20):
            ran = todo(
                *("list", *options),
                terminal=True,
                columns=columns,
                env=XTERM,
                user="Ada Lovelace",
            )
            text = packed(plain(ran))
            assert "AdaLovelace" in text
            assert [
                name for name in place_of(store) if packed(name) not in text
            ] == []
            assert str(password) not in ran.out


@pytest.mark.spec("002/FR-050")
@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_table_on_a_terminal_that_knows_few_characters(
    todo: Todo, encoding: str
) -> None:
    add(todo, "café ☕ 買う", "plain")

    ran = todo("list", terminal=True, encoding=encoding, env=XTERM)

    assert "plain" in row(plain(ran), 2)
    assert "caf" in row(plain(ran), 1)


@pytest.mark.spec("002/FR-049", "002/FR-050")
def test_table_in_a_real_terminal(todo: Todo, pty_process: PtyProcess) -> None:
    add(todo, "Buy milk", "Call Bob")

    text = plain(pty_process("list", columns=49))

    assert [
        words
        for words in ("Buy milk", "Call Bob", "2 open, 0 done")
        if words not in text
    ] == []
    assert [line for line in text.splitlines() if cell_len(line) > 49] == []


@pytest.fixture
def server_process(
    seal: Seal, postgres_store: Store, fork_server: ForkServer
) -> Process:
    """The program on PostgreSQL, as a process with pipes."""
    return Process(
        Surroundings(seal.home, seal.cwd, postgres_store.url),
        fork_server.launch,
    )


@pytest.fixture
def server_terminal(server_process: Process) -> PtyProcess:
    """The program on PostgreSQL, in a terminal."""
    return PtyProcess(server_process.surroundings, server_process.launch)


def waiting(store: Store) -> str:
    """What a terminal says while the server of a store does not answer."""
    return f"Waiting for {urlsplit(store.url).hostname}..."


@pytest.mark.spec("002/FR-058")
def test_waiting_for_an_answer_at_a_terminal_is_told(
    server_process: Process, server_terminal: PtyProcess, postgres_store: Store
) -> None:
    add(server_process, "Buy milk")

    with ExitStack() as stack:
        with locked(postgres_store):
            terminal = stack.enter_context(server_terminal.start("done", "1"))
            terminal.wait_for(waiting(postgres_store))
        ran = terminal.finish()

    assert ran.status == 0
    assert "Done 1: Buy milk" in ran.out


@pytest.mark.spec("002/FR-150")
@pytest.mark.parametrize(
    "env", [{"TERM": "dumb"}, {"TODO_ACCESSIBLE": "1"}], ids=str
)
def test_waiting_is_one_plain_line_where_lines_are_to_be_plain(
    server_process: Process,
    server_terminal: PtyProcess,
    postgres_store: Store,
    env: dict[str, str],
) -> None:
    """A spinner drew ten lines a second: heroku/heroku-cli-util#68, cli/cli#10773."""
    add(server_process, "Buy milk")

    with ExitStack() as stack:
        with locked(postgres_store):
            started = server_terminal.start("done", "1", env=env)
            terminal = stack.enter_context(started)
            terminal.wait_for(f"{waiting(postgres_store)}\n")
            threading.Event().wait(0.5)  # of it a spinner would draw five more
        ran = terminal.finish()

    assert ran == Ran(0, f"{waiting(postgres_store)}\nDone 1: Buy milk\n", "")


@pytest.mark.spec("002/FR-058")
def test_waiting_for_a_connection_at_a_terminal_is_told(
    seal: Seal, fork_server: ForkServer
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"postgresql://ada@127.0.0.1:{silent.getsockname()[1]}/db"
        pty_process = PtyProcess(
            Surroundings(seal.home, seal.cwd, url), fork_server.launch
        )

        with pty_process.start(
            "list", env={"TODO_TIMEOUT": "1.2"}
        ) as terminal:
            terminal.wait_for("Waiting for 127.0.0.1...")
            ran = terminal.finish()

    assert ran.status == 6
    assert "error: " in ran.out


@pytest.mark.spec("002/FR-058")
def test_waiting_off_a_terminal_or_with_json_is_silent(
    server_process: Process, server_terminal: PtyProcess, postgres_store: Store
) -> None:
    add(server_process, "Buy milk")

    with ExitStack() as stack:
        with locked(postgres_store):
            words = server_process.start("done", "1")
            document = server_process.start("done", "1", "--json")
            terminal = stack.enter_context(
                server_terminal.start("done", "1", "--json")
            )
            threading.Event().wait(1.2)
        ran = terminal.finish()
        piped = [
            running.communicate(timeout=LIMIT_S)
            for running in (words, document)
        ]

    assert ran.data["completed"] is True
    # One of the three does it, and the others find it done.
    said = (b"Done 1: Buy milk\n", b"Already done 1: Buy milk\n")
    assert piped[0] in [(each, b"") for each in said]
    assert (piped[1][1], b"Waiting" in piped[1][0]) == (b"", False)
