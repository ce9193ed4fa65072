"""`todo list --watch` over a line that is cut again and again.

    python -m tests.faults.watching [--minutes 10] [--every 5s] [--cut 30]

Adds tasks meanwhile. In the end the screen is right, there was one connection at a
time, and the store was asked at most once in each interval, but for a question whose
answer was lost.
"""

import argparse
import os
import re
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from tests.faults.workspace import Workspace, open_workspace
from tests.support.cutter import Asked, Cutter
from tests.support.program import let_signals_through

QUESTION: Final = b"FROM todo.operation"
LIST: Final = b"FROM todo.task"
ROW: Final = re.compile(r"\x1b\[(\d+);1H\x1b\[2K([^\x1b\r\n]*)")
ALL: Final = "\x1b[H\x1b[2J"


@dataclass(frozen=True, slots=True)
class Seen:
    """What was seen of a watch."""

    screen: list[str]
    status: int
    cuts: int
    added: int
    most_at_once: int
    questions: list[Asked]
    lists: int

    def faults(self, every_s: float) -> list[object]:
        """What is wrong; a question on a new line may be one whose answer was lost."""
        faults: list[object] = []
        pairs = zip(self.questions, self.questions[1:], strict=False)
        for before, after in pairs:
            pause_s = after.at_s - before.at_s
            if before.line == after.line and pause_s < 0.9 * every_s:
                faults.append(f"asked again after {pause_s:.2f} s")
        # The first one, and one for each task that was added, at most.
        if not 2 <= self.lists <= self.added + self.cuts + 1:
            faults.append(f"{self.lists} lists")
        if (self.status, self.most_at_once) != (0, 1):
            faults.append((self.status, self.most_at_once))
        shown = "\n".join(self.screen)
        counts = f"{self.added + 1} open, 0 done"
        if counts not in shown or "No answer" in shown:
            faults.append(self.screen)
        return faults


def screen_of(output: str) -> list[str]:
    """What a terminal of 24 lines shows after the output of a watch."""
    _, _, drawn = output.rpartition(ALL)
    lines = [""] * 24
    for row, text in ROW.findall(re.sub(r"\x1b\[[\d;]*m", "", drawn)):
        lines[int(row) - 1] = text.rstrip()
    return lines


def watch(
    workspace: Workspace,
    *,
    every_s: int,
    cut_s: float,
    add_s: float,
    for_s: float,
) -> Seen:
    """Watch a list for some seconds, while its line is cut and tasks are added."""
    server = workspace.server
    assert server is not None
    with Cutter(server.host, server.port) as proxy:
        url = workspace.store.url.replace(
            f":{server.port}/", f":{proxy.port}/"
        )
        started = workspace.at(url).terminal.start(
            "list", "--watch", "--every", f"{every_s}s"
        )
        with started as terminal:
            terminal.wait_for("q quits")
            cuts = added = 0
            began = time.monotonic()
            while (passed_s := time.monotonic() - began) < for_s:
                if passed_s >= (cuts + 1) * cut_s:
                    proxy.cut()
                    cuts += 1
                if passed_s >= (added + 1) * add_s:
                    added += 1
                    workspace.process("add", f"task {added}")
                terminal.look()
                time.sleep(0.02)
            added += 1
            workspace.process("add", f"task {added}")
            terminal.wait_for(f"task {added}")
            # Its last question, so that what was said of the line is gone.
            time.sleep(every_s)
            terminal.look()
            output = terminal.seen
            terminal.type(b"q")
            status = terminal.finish().status
        asked = list(proxy.asked)
    return Seen(
        screen_of(output),
        status,
        cuts,
        added,
        proxy.most_at_once,
        [each for each in asked if QUESTION in each.sql],
        sum(LIST in each.sql for each in asked),
    )


def main(arguments: Sequence[str]) -> int:
    """Watch for some minutes; 1 if something is wrong in the end."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.faults.watching",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--every", type=int, default=5, help="seconds")
    parser.add_argument("--cut", type=float, default=30, help="seconds")
    asked = parser.parse_args(arguments)
    let_signals_through()
    with open_workspace("postgresql") as workspace:
        workspace.process("add", "task 0")
        seen = watch(
            workspace,
            every_s=asked.every,
            cut_s=asked.cut,
            add_s=2.1 * asked.cut,
            for_s=60 * asked.minutes,
        )
    faults = seen.faults(asked.every)
    sys.stdout.write(
        f"{seen.cuts} cuts, {len(seen.questions)} questions, {seen.lists} lists, "
        f"{seen.added + 1} tasks, {seen.most_at_once} connection at a time; {faults=}\n"
    )
    return int(bool(faults))


if __name__ == "__main__":
    os.environ.pop("TODO_DATABASE_URL", None)
    sys.exit(main(sys.argv[1:]))
