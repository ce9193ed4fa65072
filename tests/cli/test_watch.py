"""`todo list --watch`: what it shows, when it asks, and what becomes of the terminal."""

import asyncio
import io
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import termios
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import on_both_stores
from tests.cli.tampering import locked
from tests.cli.test_secret import SHELL
from tests.conftest import Seal
from tests.faults.watching import screen_of, watch
from tests.faults.workspace import Workspace
from tests.service.backdoor import run_sql
from tests.support.cutter import Cutter
from tests.support.forked import ForkServer
from tests.support.postgres import PostgresServer
from tests.support.program import (
    Child,
    Process,
    PtyProcess,
    Surroundings,
    Terminal,
    Todo,
    command,
    process_environment,
)
from tests.support.site import wait_until
from tests.support.stores import Clock, Store
from todo_cli.cli import watching
from todo_cli.cli.commands.lists import List
from todo_cli.cli.context import RunContext
from todo_cli.cli.env import Env
from todo_cli.cli.parser import typed_again
from todo_cli.cli.screen import _interrupting
from todo_cli.cli.watching import (
    Printing,
    Shown,
    Trouble,
    Watch,
    interval,
    written,
)
from todo_cli.config import Settings
from todo_cli.database.engine import open_database
from todo_cli.database.url import PostgresTarget
from todo_cli.errors import (
    AuthFailed,
    ConfigInvalid,
    DatabaseBusy,
    DatabaseUnavailable,
    Forbidden,
    Internal,
    InvalidInput,
    IoFailed,
    SchemaMismatch,
    TimedOut,
    TlsFailed,
    TodoError,
)
from todo_cli.service import TaskService
from todo_cli.task import NewTask

EVERY_S = 0.02
TAKE, GIVE_BACK = "\x1b[?1049h", "\x1b[?1049l"


# The command line


@pytest.mark.spec("002/FR-436")
@pytest.mark.parametrize(
    ("words", "seconds"),
    [("1s", 1), ("5s", 5), (" 30S", 30), ("2m", 120), ("1h", 3_600)],
)
def test_an_interval_has_a_unit(words: str, seconds: float) -> None:
    assert watching.read_interval(words) == seconds


@pytest.mark.spec("002/FR-436")
def test_an_interval_is_written_as_it_is_typed() -> None:
    for words in ("5s", "90s", "2m", "1h", "0.05s"):
        number = float(words[:-1])
        seconds = number * {"s": 1, "m": 60, "h": 3_600}[words[-1]]
        assert written(seconds) == words
    assert written(7_200) == "2h"


@pytest.mark.spec("002/FR-436")
@pytest.mark.parametrize(
    "words", ["", "5", "s", "5 s", "-5s", "1.5s", "5d", "fast", "5s5s", "5s"]
)
def test_what_is_no_interval_is_refused_with_examples(
    todo: Todo, words: str
) -> None:
    words = words.replace("5s5s", "٥s")
    if words == "5s":
        ran = todo("list", "--every", words, "--json")
        assert ran.error["code"] == "USAGE"
        assert "`--every` needs `--watch`" in ran.error["message"]
        return
    error = todo("list", "--watch", f"--every={words}", "--json").error
    assert error["code"] == "INVALID_INPUT"
    assert "5s, 30s or 2m" in error["message"]
    for beyond in ("0s", "61m", "2h", "99999h"):
        error = todo("list", "--watch", "--every", beyond, "--json").error
        assert error["message"] == "every: must be from 1s to 1h"


@pytest.mark.spec("002/FR-435")
def test_it_needs_a_terminal_and_no_json(todo: Todo) -> None:
    for given in (
        {"terminal": False},
        {"terminal": False, "env": {"TODO_FORCE_TTY": "1"}},
        {"terminal": True, "env": {"TODO_OUTPUT": "json"}},
    ):
        ran = todo("list", "--watch", **given)
        assert ran.status == 2
        assert "--watch" in ran.out + ran.err
    assert todo("ls", "--json", "--watch", terminal=True).error["code"] == (
        "USAGE"
    )


@pytest.mark.spec("002/FR-437")
def test_the_status_has_the_command_as_it_can_be_typed() -> None:
    plain = List(watch=True, every=5)
    asked = List(
        words=["-x", "buy milk"],
        status="done",
        due=["..fri"],
        tags=["a", "b"],
        reverse=True,
        limit=20,
    )

    assert typed_again(plain, besides=("watch", "every")) == []
    assert typed_again(asked, besides=("watch", "every")) == [
        *("--status", "done", "--due", "..fri", "--tag", "a", "--tag", "b"),
        *("--reverse", "--limit", "20", "--", "-x", "buy milk"),
    ]


# The loop


@dataclass
class Frames:
    """Keeps what is shown, in the place of a terminal."""

    has_ended: bool = False
    seen: list[Shown] = field(default_factory=list)
    wake: Callable[[], None] = lambda: None

    @contextmanager
    def taken(self, wake: Callable[[], None]) -> Iterator[None]:
        """See `Face`."""
        self.wake = wake
        yield

    async def show(self, shown: Shown) -> None:
        """See `Face`."""
        self.seen.append(replace(shown))

    async def until(self, is_right: Callable[[Shown], bool]) -> Shown:
        """Wait until something is shown."""
        async with asyncio.timeout(30):
            while not is_right(self.seen[-1]):
                await asyncio.sleep(EVERY_S / 4)
        return self.seen[-1]

    async def end(self, watch: "asyncio.Task[None]") -> None:
        """End it, as `q` does."""
        self.has_ended = True
        self.wake()
        await watch


@pytest.fixture
async def context(store: Store, clock: Clock) -> AsyncIterator[RunContext]:
    """What the command has to work with, on a store that is there."""
    streams = (io.BytesIO(), io.BytesIO(), io.BytesIO())
    env = Env({}, None, None, "ada", *streams, now=clock)
    async with open_database(store.target) as database:
        tasks = TaskService(database, "ada", clock)
        settings = Settings("ada", "", store.target, "", 15, None, None)
        yield RunContext(tasks, database, settings, env, as_json=False)


async def begun(
    context: RunContext, options: List | None = None, every_s: float = EVERY_S
) -> "tuple[Frames, asyncio.Task[None]]":
    """Begin to watch, and wait for the first frame."""
    options = options or List()
    page = await options.find(context)
    shown = Shown(page, await context.tasks.latest())
    frames = Frames()
    watch = Watch(options.find, context, shown, every_s)
    task = asyncio.create_task(watch.go_on(frames))
    while not frames.seen:
        await asyncio.sleep(0)
    return frames, task


def titles(shown: Shown) -> list[str]:
    """The titles of the tasks."""
    return [task.title for task in shown.page.tasks]


@pytest.mark.spec("002/FR-435")
@on_both_stores
async def test_a_change_of_another_program_is_shown_and_nothing_else_read(
    context: RunContext, store: Store, clock: Clock
) -> None:
    found = []
    options = List()

    async def find(context: RunContext) -> Any:
        found.append(1)
        return await options.find(context)

    shown = Shown(await find(context), await context.tasks.latest())
    frames = Frames()
    task = asyncio.create_task(
        Watch(find, context, shown, EVERY_S).go_on(frames)
    )
    async with open_database(store.target) as database:
        other = TaskService(database, "ada", clock)
        await asyncio.sleep(3 * EVERY_S)
        assert found == [1]
        await other.add(NewTask("a"))
        await frames.until(lambda shown: titles(shown) == ["a"])
        await other.complete([1])
        await frames.until(lambda shown: titles(shown) == [])
        await other.undo()
        await frames.until(lambda shown: titles(shown) == ["a"])
    assert len(found) == 4
    count = len(frames.seen)
    await asyncio.sleep(3 * EVERY_S)
    assert len(frames.seen) == count
    await frames.end(task)


@pytest.mark.spec("002/FR-435")
@pytest.mark.parametrize("every_s", [EVERY_S, 3_600])
async def test_another_day_is_read_anew_however_seldom_it_asks(
    context: RunContext,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
    every_s: float,
) -> None:
    monkeypatch.setattr(watching, "_DRAWN_EVERY_S", EVERY_S)
    await context.tasks.add(NewTask("a", wait_until=clock.now.date()))
    clock.tick(-86_400)
    frames, task = await begun(context, every_s=every_s)
    assert titles(frames.seen[-1]) == []

    clock.tick(86_400)

    await frames.until(lambda shown: titles(shown) == ["a"])
    await frames.end(task)


@pytest.mark.spec("002/FR-437")
async def test_a_window_of_another_size_is_drawn_from_what_is_known(
    context: RunContext,
) -> None:
    frames, task = await begun(context)
    frames.wake()
    frames.wake()
    while len(frames.seen) < 2:
        await asyncio.sleep(0)

    assert frames.seen[0].page is frames.seen[1].page
    await frames.end(task)


@pytest.mark.spec("002/FR-435")
@pytest.mark.nothing_made
async def test_a_store_that_is_made_later_is_noticed(
    context: RunContext, store: Store, clock: Clock
) -> None:
    frames, task = await begun(context)
    assert not store.target.path.exists()  # type: ignore[union-attr]
    async with open_database(store.target) as database:
        await TaskService(database, "ada", clock).add(NewTask("a"))

    shown = await frames.until(lambda shown: titles(shown) == ["a"])
    assert shown.trouble is None
    await frames.end(task)


@pytest.mark.spec("002/FR-438")
async def test_a_file_that_is_removed_and_replaced_is_waited_for(
    context: RunContext, store: Store, clock: Clock, tmp_path: Path
) -> None:
    await context.tasks.add(NewTask("a"))
    frames, task = await begun(context)
    path = store.target.path  # type: ignore[union-attr]
    other = Store("sqlite", f"sqlite:///{tmp_path}/other.db")
    async with open_database(other.target) as database:
        await TaskService(database, "ada", clock).add(NewTask("b"))
    began = clock.now
    path.unlink()
    for beside in ("-wal", "-shm"):
        Path(f"{path}{beside}").unlink(missing_ok=True)

    shown = await frames.until(lambda shown: shown.trouble is not None)
    assert titles(shown) == ["a"]
    assert shown.trouble is not None
    assert shown.trouble.since == began
    assert shown.trouble.reason == f"{path} is not there any more"
    clock.tick(60)
    await asyncio.sleep(3 * EVERY_S)
    assert frames.seen[-1].trouble == shown.trouble
    # It has an operation of the same number.
    shutil.move(tmp_path / "other.db", path)
    shown = await frames.until(lambda shown: titles(shown) == ["b"])
    await frames.until(lambda shown: shown.trouble is None)
    await frames.end(task)


@pytest.mark.spec("002/FR-438")
async def test_a_locked_file_is_waited_for_and_said_to_be_silent(
    context: RunContext, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "_SILENT_S", EVERY_S)
    await context.tasks.add(NewTask("a"))
    frames, task = await begun(context)
    # Readers of a log wait for nobody, so it has none.
    await context.database.close()
    await run_sql(store, "PRAGMA journal_mode = DELETE")
    with locked(store):
        shown = await frames.until(lambda shown: shown.trouble is not None)
        assert shown.trouble is not None
        assert shown.trouble.reason == ""
    await frames.until(lambda shown: shown.trouble is None)
    await frames.end(task)


@pytest.mark.spec("002/FR-438")
@pytest.mark.parametrize("store", ["postgresql"], indirect=True)
async def test_a_server_that_is_cut_and_down_is_waited_for(
    context: RunContext, store: Store, postgres: PostgresServer, clock: Clock
) -> None:
    with Cutter(postgres.host, postgres.port) as proxy:
        url = store.url.replace(f":{postgres.port}/", f":{proxy.port}/")
        far = Store("postgresql", url)
        async with open_database(far.target) as database:
            tasks = TaskService(database, "ada", clock)
            there = replace(
                context,
                tasks=tasks,
                database=database,
                settings=replace(context.settings, target=far.target),
            )
            frames, task = await begun(there)
            # Cut alone is not even noticed.
            proxy.cut()
            await context.tasks.add(NewTask("a"))
            await frames.until(lambda shown: titles(shown) == ["a"])
            proxy.is_closed = True
            database.connections._dial._connect.keywords["timeout_s"] = 0.2  # type: ignore[union-attr]
            proxy.cut()
            shown = await frames.until(lambda shown: shown.trouble is not None)
            assert titles(shown) == ["a"]
            await context.tasks.add(NewTask("b"))
            proxy.is_closed = False
            await frames.until(
                lambda shown: (
                    shown.trouble is None
                    and sorted(titles(shown)) == ["a", "b"]
                )
            )
            await frames.end(task)
    assert proxy.most_at_once == 1


@pytest.mark.spec("002/FR-438")
async def test_what_never_gets_better_ends_it(
    context: RunContext, clock: Clock
) -> None:
    frames, task = await begun(context)

    async def fail() -> None:
        raise SchemaMismatch("The tables are newer")

    context.tasks.latest = fail  # type: ignore[method-assign]
    with pytest.raises(SchemaMismatch):
        await task
    assert frames.seen[-1].trouble is None

    # A range of days that runs backwards from tomorrow on.
    del context.tasks.latest
    _, task = await begun(context, List(due=["today..2026-01-02"]))
    clock.tick(86_400)
    with pytest.raises(TodoError, match="is after"):
        await task


@pytest.mark.spec("002/FR-439")
def test_neon_is_said_to_be_kept_awake(context: RunContext) -> None:
    neon = PostgresTarget(hosts=(("ep-x.eu-central-1.aws.neon.tech", 5432),))
    other = PostgresTarget(hosts=(("db.example", 5432),))
    for target, every_s, said in (
        (neon, 5, "Watching keeps the Neon database awake"),
        (neon, 600, "Watching wakes the Neon database every 10m"),
        (other, 5, ""),
        (context.settings.target, 5, ""),
    ):
        there = replace(
            context, settings=replace(context.settings, target=target)
        )
        assert watching._note(there, every_s) == said


@pytest.mark.spec("002/FR-436")
@on_both_stores
async def test_a_file_is_asked_more_often_than_a_server(
    context: RunContext, store: Store
) -> None:
    assert interval(context, None) == (2 if store.kind == "sqlite" else 5)
    assert interval(context, 30) == 30


@pytest.mark.spec("002/FR-439")
async def test_a_note_is_shown_for_a_while(
    context: RunContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "_NOTE_S", 2 * EVERY_S)
    page = await List().find(context)
    frames = Frames()
    shown = Shown(page, await context.tasks.latest(), note="Neon")
    watch = Watch(List().find, context, shown, EVERY_S)
    task = asyncio.create_task(watch.go_on(frames))
    while not frames.seen:
        await asyncio.sleep(0)
    assert frames.seen[0].note == "Neon"
    await asyncio.sleep(3 * EVERY_S)
    frames.wake()
    await frames.until(lambda shown: not shown.note)
    await frames.end(task)


@pytest.mark.spec("002/FR-438")
@pytest.mark.parametrize(
    ("kind", "is_over"),
    [
        (DatabaseUnavailable, True),
        (DatabaseBusy, True),
        (TimedOut, True),
        (IoFailed, True),
        (AuthFailed, False),
        (Forbidden, False),
        (ConfigInvalid, False),
        (TlsFailed, False),
        (SchemaMismatch, False),
        (InvalidInput, False),
        (Internal, False),
    ],
)
async def test_only_what_may_be_over_soon_is_waited_for(
    context: RunContext, kind: type[TodoError], is_over: bool
) -> None:
    shown = Shown(await List().find(context), None)
    watch = Watch(List().find, context, shown, EVERY_S)

    assert watch._can_pass(kind("x")) is is_over
    # Of a file that was written over, nothing more is read.
    context.database.keeper.overwritten = IoFailed("x")
    assert not watch._can_pass(kind("x"))
    # Else it would not be closed.
    context.database.keeper.overwritten = None


@pytest.mark.spec("002/FR-441", "002/FR-438")
async def test_plain_lines_say_once_what_is_wrong_and_when_it_is_over(
    context: RunContext, clock: Clock
) -> None:
    await context.tasks.add(NewTask("a"))
    shown = Shown(await List().find(context), None, note="A note")
    out = context.env.stdout
    assert isinstance(out, io.BytesIO)
    face = Printing(context)

    await face.show(shown)
    assert out.getvalue().endswith(b"1 open, 0 done\nA note\n")
    await face.show(shown)
    length = len(out.getvalue())
    for reason in ("\x1b[31mpostgresql://a:secret@b/c", "another"):
        shown.trouble = Trouble(clock.now, reason)
        await face.show(shown)
    clock.tick(5)
    shown.trouble = None
    await face.show(shown)
    assert out.getvalue()[length:].decode() == (
        "No answer since 03:04:05; trying again\n"
        "Answering again since 03:04:10\n"
    )


@pytest.mark.spec("002/FR-438")
async def test_a_screen_says_why_without_secrets_and_names_odd_tasks(
    context: RunContext, clock: Clock
) -> None:
    page = await List().find(context)
    shown = Shown(replace(page, fault=SchemaMismatch("Task 7 is odd")), None)
    shown.trouble = Trouble(clock.now, "postgresql://a:secret@b/c is down")

    odd, silent = watching._notices(shown, watching._view(context))

    assert odd == "Task 7 is odd"
    assert silent.startswith("No answer since 03:04:05; trying again: ")
    assert "secret" not in silent


@pytest.mark.spec("002/FR-440")
def test_a_second_ctrl_c_is_no_longer_ours() -> None:
    theirs: list[int] = []
    before = signal.signal(
        signal.SIGINT, lambda number, _: theirs.append(number)
    )
    try:
        face = Frames()
        woken: list[int] = []
        end = _interrupting(face, lambda: woken.append(1))
        end(signal.SIGINT, None)
        assert (face.has_ended, theirs, woken) == (True, [], [1])
        end(signal.SIGINT, None)
        assert theirs == [signal.SIGINT]
    finally:
        signal.signal(signal.SIGINT, before)


# In a terminal


def settings_of(terminal: Terminal) -> Sequence[Any]:
    """The modes of a terminal, as they can be compared."""
    return comparable(terminal.modes())


def comparable(modes: list[Any]) -> Sequence[Any]:
    """Modes as they can be compared."""
    return [*modes[:6], list(modes[6])]


@pytest.mark.spec("002/FR-435", "002/FR-437", "002/FR-440")
def test_a_watch_in_a_terminal_from_its_beginning_to_its_end(
    pty_process: PtyProcess, process: Process
) -> None:
    process("add", "Buy milk")
    with pty_process.start("list", "milk", "--watch", "--every", "1s") as it:
        usual = comparable(it.usual)
        it.wait_for("q quits")
        assert not it.modes()[3] & termios.ECHO
        assert screen_of(it.seen)[2].startswith("1  Buy milk")

        # Ctrl-S, an escape sequence, and what is typed by mistake.
        for keys in (b"\x13", b"\x1b[q", b"abc"):
            it.type(keys)
        process("add", "Drink milk")
        it.wait_for("2 open")
        it.resize(40, 10)
        it.wait_for("\x1b[10;1H\x1b[2Ktodo list")
        it.type(b"\x03")
        ran = it.finish()
        assert settings_of(it) == usual

    assert ran.status == 0
    assert ran.out.count(TAKE) == ran.out.count(GIVE_BACK) == 1
    assert ran.out.endswith(GIVE_BACK)
    assert "abc" not in ran.out


@pytest.mark.spec("002/FR-440", "002/FR-046")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGQUIT])
def test_a_signal_ends_it_and_the_terminal_is_as_it_was(
    pty_process: PtyProcess, number: int
) -> None:
    with pty_process.start("list", "--watch") as it:
        usual = comparable(it.usual)
        it.wait_for("q quits")
        os.kill(it.process.pid, number)
        ran = it.finish()
        assert settings_of(it) == usual

    assert ran.status == -number
    assert ran.out.endswith(GIVE_BACK)


@pytest.mark.spec("002/FR-440")
def test_an_error_is_shown_where_the_terminal_was(
    pty_process: PtyProcess, store: Store
) -> None:
    path = store.target.path  # type: ignore[union-attr]
    with pty_process.start("list", "--watch", "--every", "1s") as it:
        it.wait_for("q quits")
        other = path.with_name("other.db")
        with closing(sqlite3.connect(other)) as file:
            file.execute("CREATE TABLE notes (text)")
        other.replace(path)
        ran = it.finish()

    assert ran.status == 8
    _, _, after = ran.out.rpartition(GIVE_BACK)
    assert after.startswith("error: ")


@pytest.mark.spec("002/FR-440")
def test_a_terminal_is_given_back_while_it_is_stopped(
    seal: Seal, store: Store
) -> None:
    surroundings = Surroundings(seal.home, seal.cwd, store.url)
    words = [
        *(sys.executable, "-I", "-S", "-c", SHELL),
        *command("list", "--watch"),
    ]

    def start(**streams: Any) -> Child:
        return subprocess.Popen(
            words,
            env=process_environment(
                surroundings, "ada", {"TERM": "xterm-256color"}
            ),
            cwd=surroundings.cwd,
            start_new_session=True,
            **streams,
        )

    with Terminal(start) as it:
        usual = comparable(it.usual)
        it.wait_for("q quits")
        watched = settings_of(it)
        it.type(b"\x1a")
        it.wait_for("stopped True")
        assert settings_of(it) == usual
        assert it.seen.partition("stopped")[0].endswith(GIVE_BACK)
        it.type(b"fg\n")
        wait_until(lambda: settings_of(it) == watched)
        while it.seen.count("q quits") < 2:
            it.look()
        it.type(b"q")
        ran = it.finish()
        assert settings_of(it) == usual
    assert ran.status == 0
    assert ran.out.count(TAKE) == ran.out.count(GIVE_BACK) == 2


@pytest.mark.spec("002/FR-441")
@pytest.mark.parametrize("switch", ["TERM", "TODO_ACCESSIBLE"])
def test_a_plain_terminal_gets_the_list_anew_line_by_line(
    pty_process: PtyProcess, process: Process, switch: str
) -> None:
    value = {"TERM": "dumb", "TODO_ACCESSIBLE": "1"}[switch]
    process("add", "Buy milk")
    with pty_process.start(
        "list", "--watch", "--every", "1s", env={switch: value}
    ) as it:
        it.wait_for("1 open, 0 done\n")
        process("done", "1")
        it.wait_for("No open tasks")
        it.type(b"\x03")
        ran = it.finish()

    assert ran.status == 0
    assert "\x1b" not in ran.out
    assert ran.out.count("Buy milk") == 1
    assert ran.out.index("Buy milk") < ran.out.index("Changed at ")
    assert ran.out.endswith("\n")


@pytest.mark.spec("002/FR-438")
@pytest.mark.parametrize("store", ["postgresql"], indirect=True)
def test_a_line_that_is_cut_again_and_again_leaves_the_right_screen(
    store: Store,
    seal: Seal,
    postgres: PostgresServer,
    fork_server: ForkServer,
) -> None:
    """Ten minutes of it: `python -m tests.faults.watching`."""
    workspace = Workspace(
        store, seal.home, seal.cwd, postgres, fork_server.launch
    )
    workspace.process("add", "task 0")

    seen = watch(workspace, every_s=1, cut_s=0.5, add_s=1.3, for_s=3)

    assert seen.faults(1) == []
    assert seen.cuts >= 4
