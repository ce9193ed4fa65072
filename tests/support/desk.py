"""Editors for tests: scripts that save a text, and what may happen while they run."""

import os
import shlex
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.conftest import Seal


@dataclass(frozen=True, slots=True)
class Desk:
    """Makes editors, and knows where texts are while they run and where they are kept."""

    home: Path
    folder: Path

    def __call__(self, script: str, **env: str) -> dict[str, str]:
        """The environment with a shell script as the editor; `$1` is the file."""
        path = self.folder / "my editor.sh"
        path.write_text(script)
        return {
            "EDITOR": f"sh '{path}'",
            "PATH": os.environ["PATH"],
            "TMPDIR": str(self.temporary),
            **env,
        }

    def writes(self, text: str | bytes, then: str = "") -> dict[str, str]:
        """The environment with an editor that saves this text."""
        new = self.folder / "new.txt"
        new.write_bytes(text if isinstance(text, bytes) else text.encode())
        return self(f'cat {shlex.quote(str(new))} > "$1"; {then}')

    @property
    def temporary(self) -> Path:
        return self.folder / "tmp"

    @property
    def kept(self) -> Path:
        """The one text that is kept."""
        state = self.home / ".local" / "state" / "todo"
        [folder] = state.iterdir()
        [text] = folder.glob("*.txt")
        assert stat.S_IMODE(state.stat().st_mode) == 0o700
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert stat.S_IMODE(text.stat().st_mode) == 0o600
        return text

    @property
    def keeps_nothing(self) -> bool:
        """Whether no text was kept."""
        return not (self.home / ".local" / "state").exists()


@pytest.fixture
def desk(seal: "Seal") -> Iterator[Desk]:
    """Editors for a test; at its end no text is left where they ran."""
    desk = Desk(seal.home, seal.cwd)
    desk.temporary.mkdir()
    yield desk
    assert list(desk.temporary.iterdir()) == []


def meanwhile(
    desk: Desk, text: str, act: Callable[[], object]
) -> dict[str, str]:
    """An editor that saves a text after something else was done meanwhile."""
    opened, go = desk.folder / "opened", desk.folder / "go"
    os.mkfifo(opened)
    os.mkfifo(go)
    new = desk.folder / "new.txt"
    new.write_text(text)

    def wait() -> None:
        opened.read_bytes()
        try:
            act()
        finally:
            go.write_bytes(b"")

    Thread(target=wait, daemon=True).start()
    return desk(f'echo > {opened}; cat {go} > /dev/null; cat {new} > "$1"')
