"""`todo warm on`, `off` and `status`, and what `todo doctor` says of it."""

import os
import socket
import stat
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.conftest import Seal
from tests.support.program import Process, Surroundings, Todo
from tests.support.warm import processes_of, wait_until
from todo_cli.warm import wire

KEYS = [
    "ready",
    "busy",
    "place",
    "since",
    "warm",
    "cold",
    "pid",
    "version",
    "memory_bytes",
]
"""What is null while it is off."""


@pytest.fixture
def runtime(seal: Seal, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where the socket is; nothing is left running."""
    folder = seal.home.parent / "run"
    folder.mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))
    yield folder
    from todo_cli.warm import control

    control.stop()
    wait_until(lambda: not processes_of(folder), "processes are left")


@pytest.fixture
def own(seal: Seal) -> Process:
    """The program as a process of its own, on the embedded file."""
    return Process(Surroundings(seal.home, seal.cwd, None))


@pytest.mark.spec("002/FR-374", "002/FR-375", "002/FR-376", "002/FR-378")
def test_on_keeps_processes_ready_until_off(
    todo_embedded: Todo, own: Process, runtime: Path
) -> None:
    todo = todo_embedded
    nothing = dict.fromkeys(KEYS)
    off = {"on": False, "changed": False, **nothing}
    assert todo("warm", "off", "--json").data == off
    assert todo("warm", "status", "--json").data == off
    assert todo("doctor", "--json").data["warm"] == "off"

    on = own("warm", "on", "--json").data
    assert (on["on"], on["changed"], on["ready"]) == (True, True, 2)
    assert [on["busy"], on["place"], on["warm"]] == [0, None, 0]
    again = todo("warm", "on", "--json").data
    assert (again["changed"], again["pid"]) == (False, on["pid"])
    assert todo("warm", "on").out.startswith("Already warm: 2 processes")

    # Its own commands are none of those that it counts.
    assert own("add", "Buy milk").out.startswith("Added 1: Buy milk")
    for before in ([], ["--json"], ["-u", "bob"]):
        assert own(*before, "warm", "status").status == 0
    used = todo("warm", "status", "--json").data
    assert (used["warm"], used["cold"]) == (1, {})
    assert own("edit", "1", env={"EDITOR": "cat"}).status == 0
    used = todo("warm", "status", "--json").data
    assert (used["warm"], used["cold"]) == (1, {"terminal": 1})
    assert 0 < used["memory_bytes"] < 120 * 1024 * 1024
    assert "warm\ton, 1 command ran warm, 1 cold\n" in todo("doctor").out

    left = todo("warm", "off", "--json").data
    assert left == off | {"changed": True}
    wait_until(lambda: not processes_of(runtime), "processes are left")
    assert not (runtime / "todo" / "warm.sock").exists()
    assert todo("warm", "off").out == "Already off\n"


@pytest.mark.spec("002/FR-377")
def test_wrong_settings_are_no_reason_against_it(
    todo_embedded: Todo, runtime: Path
) -> None:
    config = todo_embedded.surroundings.home / "config.toml"
    config.write_text("broken")
    wrong = {
        "TODO_CONFIG": str(config),
        "TODO_DATABASE_URL": "nonsense://",
        "TODO_TIMEOUT": "soon",
    }

    for words in ("on", "status", "off"):
        ran = todo_embedded("warm", words, user="\x1b", env=wrong)
        assert (ran.status, ran.err) == (0, "")


@pytest.mark.spec("002/FR-374", "002/FR-378")
def test_a_folder_that_is_not_ours_alone_is_refused_and_named(
    todo_embedded: Todo, runtime: Path
) -> None:
    folder = runtime / "todo"
    folder.mkdir(mode=0o755)
    for words in ("on", "off", "status"):
        error = todo_embedded("warm", words, "--json").error
        assert error["code"] == "IO_ERROR"
        assert error["message"] == f"{folder} is open to other users"

        assert error["hint"] == f"`chmod go-rwx {folder}`"

    found = todo_embedded("doctor", "--json").data
    assert found["warm"] == f"off: {folder} is open to other users"
    assert found["warnings"] == []
    # Still, every other command works.
    assert todo_embedded("list").status == 0
    folder.chmod(0o700)


@pytest.mark.spec("002/FR-374")
def test_on_says_why_it_cannot(todo_embedded: Todo, seal: Seal) -> None:
    absent = seal.home.parent / "absent"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(absent))
        error = todo_embedded("warm", "on", "--json").error

    assert error["code"] == "IO_ERROR"
    assert error["message"] == f"{absent}/todo: no such file or directory"


@pytest.mark.spec("002/FR-374")
def test_what_it_makes_is_closed_to_others(
    todo_embedded: Todo, runtime: Path
) -> None:
    umask = os.umask(0)
    try:
        assert todo_embedded("warm", "on").status == 0
    finally:
        os.umask(umask)

    modes = {}
    for path in (runtime / "todo", *(runtime / "todo").iterdir()):
        modes[path.name] = stat.S_IMODE(path.stat().st_mode)
    assert modes == {"todo": 0o700, "warm.sock": 0o600, "warm.lock": 0o600}


@pytest.mark.spec("002/FR-374")
def test_a_folder_with_a_long_name_is_refused_at_once(
    todo_embedded: Todo, runtime: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = runtime / ("x" * 90)
    folder.mkdir(mode=0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))
    error = todo_embedded("warm", "on", "--json").error

    assert error["code"] == "IO_ERROR"
    assert error["message"].endswith("is too long a path for a socket")
    assert todo_embedded("warm", "status", "--json").data["on"] is False


@pytest.mark.spec("002/FR-374")
@pytest.mark.parametrize(
    ("command", "name", "words"),
    [
        ("on", "warm.lock", "invalid argument"),
        ("off", "warm.sock", "is a directory"),
        ("on", "python", "no such file or directory"),
    ],
)
def test_what_is_in_its_way_is_named(
    todo_embedded: Todo,
    runtime: Path,
    monkeypatch: pytest.MonkeyPatch,
    command: str,
    name: str,
    words: str,
) -> None:
    folder = runtime / "todo"
    folder.mkdir(mode=0o700)
    place = folder / name
    with monkeypatch.context() as patch:
        if name == "python":
            patch.setattr(sys, "executable", str(place))
        elif name == "warm.lock":
            os.mkfifo(place)
        else:
            place.mkdir()
        error = todo_embedded("warm", command, "--json").error

    assert error["code"] == "IO_ERROR"
    assert error["message"] == f"{place}: {words}"
    if name == "warm.sock":
        place.rmdir()


@pytest.mark.spec("002/FR-375", "002/FR-378")
@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        wire.pack(wire.STATE),
        wire.pack(wire.STATE, b"{"),
        wire.pack(wire.STATE, b"[]"),
        wire.pack(wire.STATE, b'{"pid": 1, "version": "9"}'),
    ],
    ids=["nothing", "http", "no state", "no json", "list", "other version"],
)
def test_what_is_no_parent_is_none(
    todo_embedded: Todo, runtime: Path, answer: bytes
) -> None:
    folder = runtime / "todo"
    folder.mkdir(mode=0o700)
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(str(folder / "warm.sock"))
        door.listen()

        def answer_once() -> None:
            line, _ = door.accept()
            # It may hang up before it has read all.
            with line, suppress(OSError):
                line.sendall(wire.pack(wire.HELLO) + answer)
                line.shutdown(socket.SHUT_WR)
                while line.recv(4096):
                    pass

        thread = threading.Thread(target=answer_once)
        thread.start()
        found = todo_embedded("warm", "status", "--json")
        thread.join()

    assert found.data["on"] is False
