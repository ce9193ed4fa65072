"""The fixtures give what they promise, on both stores and by every way to run the program."""

import signal
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING

from tests.support.program import Process, PtyProcess, Todo
from tests.support.size import in_long_runs
from tests.support.stores import Clock

if TYPE_CHECKING:
    from todo_cli.service import TaskService


async def test_gives_services_of_any_user_on_one_clock(
    service: "Callable[[str], TaskService]", tasks: "TaskService", clock: Clock
) -> None:
    from todo_cli.task import NewTask

    first = await tasks.add(NewTask(title="Buy milk"))
    clock.tick(2)
    second = await service("bob").add(NewTask(title="Buy bread"))

    assert (first.task.user_id, second.task.user_id) == ("ada", "bob")
    assert second.task.created_at - first.task.created_at == timedelta(
        seconds=2
    )


@in_long_runs
def test_runs_the_program_in_four_ways_on_one_store(
    todo: Todo, process: Process, pty_process: PtyProcess
) -> None:
    assert todo("list", "--json").data == []
    todo("add", "one", "--json")
    process("add", "two", "--json", user=None, env={"TODO_USER": "ada"})
    Process(process.surroundings)("add", "three", "--json")
    shown = pty_process("list", columns=100)

    assert shown.status == 0
    assert "one" in shown.out
    assert "two" in shown.out
    assert [task["title"] for task in process("list", "--json").data] == [
        "three",
        "two",
        "one",
    ]


def test_runs_the_program_on_the_embedded_file(todo_embedded: Todo) -> None:
    assert todo_embedded("add", "one", "--json").status == 0
    home = todo_embedded.surroundings.home
    assert (home / ".local" / "share" / "todo" / "todo.db").is_file()


def test_types_at_a_program_in_a_terminal(
    todo: Todo, pty_process: PtyProcess
) -> None:
    todo("add", "-", stdin=b"one\ntwo\nthree\n")
    with pty_process.start("purge", "1-3", columns=60) as terminal:
        terminal.wait_for("?")
        terminal.type(b"n\n")
        assert terminal.finish().status == 10
    with pty_process.start("purge", "1-3") as terminal:
        terminal.wait_for("?")
        terminal.type(
            b"\x03"
        )  # only a controlling terminal turns it into SIGINT
        assert terminal.finish().status == -signal.SIGINT
    assert len(todo("list", "--json").data) == 3
