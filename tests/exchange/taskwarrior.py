"""The real Taskwarrior, with tasks of its own in a folder of the test.

`python -m tests.exchange.taskwarrior` records what `task export` says of COMMANDS, for
machines without it.
"""

import json
import os
import subprocess
import tempfile
from pathlib import Path
from typing import Any, Final

RECORDED: Final = Path(__file__).parent / "recorded"
EXPORT: Final = RECORDED / "taskwarrior-2.6.2.json"
ZONE: Final = "Europe/Berlin"

SETTINGS: Final = """\
confirmation=off
hooks=off
verbose=nothing
recurrence.limit=2
uda.estimate.type=duration
uda.reviewed.type=date
uda.points.type=numeric
uda.ticket.type=string
uda.priority.values=H,M,L,X,
"""

# All days are so late that no task expires, and no more instances are made.
COMMANDS: Final = (
    "add 'Renew passport' project:home.papers +errand +home priority:H due:2090-12-24 entry:2026-01-02T09:30:00",
    "1 annotate 'called, ring back Monday'",
    "1 annotate 'needs a \"photo\" / 35x45'",
    "add 'Call Zoë ☕ 😀 about the café' due:2090-07-01T15:30 wait:2090-06-20 scheduled:2090-06-22T08:00 until:2091-02-01",
    "add 'Buy paint' depends:1,2 priority:M wait:2090-03-04T05:06:07",
    "add 'Pay rent' recur:yearly due:2090-01-01 until:2095-01-01 project:Home",
    "list",
    "add 'Estimate it' estimate:3h reviewed:2026-11-20 points:3.5 ticket:ABC-1 priority:X",
    "add 'Write the report' project:'Big house' priority:L",
    "rc.verbose=nothing +LATEST start",
    "add 'To delete' +gone entry:2026-02-03T04:05:06",
    "'To delete' delete",
    "log 'Sweep the yard' project:garden entry:2026-03-01T10:00:00 end:2026-03-02T18:00:00",
    "add 'To finish' due:2090-03-25",
    "'To finish' done",
    "add 'By lunch' due:2090-10-29T12:00",
)
"""Run in this order; the second `list` makes the instances of what recurs."""


class Taskwarrior:
    """Tasks in a folder, and the program `task` that keeps them."""

    def __init__(self, folder: Path, zone: str = ZONE) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        settings = folder / "taskrc"
        settings.write_text(SETTINGS)
        self._environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "TASKRC": str(settings),
            "TASKDATA": str(folder / "data"),
            "LC_ALL": "C.UTF-8",
            "TZ": zone,
        }
        (folder / "data").mkdir()

    def run(self, *words: str, given: bytes = b"") -> bytes:
        """Run a command; it must succeed."""
        done = subprocess.run(
            ["task", *words],
            input=given,
            env=self._environment,
            capture_output=True,
            check=False,
        )
        assert done.returncode == 0, (words, done.stdout, done.stderr)
        return done.stdout

    def shell(self, line: str) -> None:
        """Run a command as people type it."""
        subprocess.run(
            f"task {line}",
            shell=True,
            env=self._environment,
            capture_output=True,
            check=True,
        )

    def take(self, data: bytes) -> None:
        """Import a file."""
        self.run("import", "-", given=data)

    def export(self, *words: str) -> bytes:
        """Export all tasks."""
        return self.run(*words, "export")


def stable(data: bytes) -> list[dict[str, Any]]:
    """Tasks without what is another one in each run, by title and due day."""
    tasks = json.loads(data)
    names: dict[str, str] = {}
    for task in tasks:
        title = f"{task['description']} {task.get('due')} {task['status']}"
        names[task["uuid"]] = title
    for task in tasks:
        del task["urgency"], task["id"]
        task["uuid"] = names[task["uuid"]]
        if "parent" in task:
            task["parent"] = names[task["parent"]]
        if "depends" in task:
            task["depends"] = sorted(names[other] for other in task["depends"])
        for name in ("entry", "modified", "end", "start"):
            if name in task:
                task[name] = "a time"
        for annotation in task.get("annotations", []):
            del annotation["entry"]
    return sorted(tasks, key=lambda task: str(task["uuid"]))


def record() -> bytes:
    """Run all commands, and return what the export says."""
    with tempfile.TemporaryDirectory() as folder:
        lab = Taskwarrior(Path(folder, "tasks"))
        for command in COMMANDS:
            lab.shell(command)
        return lab.export()


if __name__ == "__main__":
    EXPORT.write_bytes(record())
