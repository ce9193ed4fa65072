"""Draws README's picture of a terminal: real output of the program, at a fixed time.

python -m tests.picture            draw it
python -m tests.picture --check    say whether it shows what the program prints, exit 1 if not
"""

import io
import re
import shlex
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text

from todo_cli.cli.env import Env
from todo_cli.cli.main import main as todo

ROOT = Path(__file__).parents[1]
PICTURE = ROOT / "specs" / "002-command-line" / "terminal.svg"
COLUMNS = 80
NOW = datetime(2026, 1, 2, 15, 4, 5, tzinfo=UTC)

BEFORE = (
    (
        timedelta(days=16),
        "todo add Renew the passport --due 2025-12-31 -p high",
    ),
    (timedelta(days=3), "todo add Ask Grace about the compiler -P work"),
    (
        timedelta(hours=2),
        "todo add Book the night train to Lyon -P travel.lyon -t call --due mon"
        " --id 6f9619ff-8b86-4d01-b42d-00cf4fc964ff"
        " -d 'A window seat, if there is one left: https://example.com/trains'",
    ),
    (timedelta(hours=1), "todo add Plan the summer --wait 2026-03-01"),
)
"""What was typed before the picture begins, and how long ago."""
SHOWN = (
    "todo add Buy milk --due today -P home -t errand",
    "todo done 2",
    "todo list",
    "todo list --due ..sun --sort priority",
    "todo show 3",
    "todo show 9",
)

PAPER = TerminalTheme(
    background=(24, 26, 31),
    foreground=(220, 223, 228),
    normal=[
        (24, 26, 31),
        (224, 108, 117),
        (152, 195, 121),
        (229, 192, 123),
        (97, 175, 239),
        (198, 120, 221),
        (86, 182, 194),
        (220, 223, 228),
    ],
)
"""Colours of a dark terminal, which brings its own background to a light page."""

TEMPLATE = """\
<svg viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg" \
role="img" aria-label="todo in a terminal">
<style>
.{unique_id}-matrix {{ font-size: {char_height}px; \
font-family: Menlo, Consolas, "DejaVu Sans Mono", monospace }}
.{unique_id}-title {{ font-size: 16px; font-weight: bold; font-family: sans-serif }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal">\
<rect width="{terminal_width}" height="{terminal_height}"/></clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""
"""Rich's own, without the font that it would fetch from the network."""


def draw() -> str:
    """Run the commands in a store of their own and draw what a terminal shows."""
    console = Console(
        record=True,
        file=io.StringIO(),
        width=COLUMNS,
        force_terminal=True,
        color_system="truecolor",
    )
    with tempfile.TemporaryDirectory() as folder:
        for ago, command in BEFORE:
            _run(command, Path(folder), NOW - ago)
        for command in SHOWN:
            console.print(Text.assemble(("$ ", "green"), (command, "bold")))
            console.print(
                Text.from_ansi(_run(command, Path(folder), NOW).rstrip("\n"))
            )
    svg = console.export_svg(
        title="todo", theme=PAPER, code_format=TEMPLATE, unique_id="todo"
    )
    svg = re.sub(
        r"<text [^>]*>\n</text>", "\n", svg
    )  # the ends of lines, drawn outside of the picture
    return "".join(
        f"{line.strip()}\n" for line in svg.splitlines() if line.strip()
    )


def shown(svg: str) -> list[str]:
    """The words of a picture, line by line from the top: what it says, however Rich lays it out."""
    lines: dict[float, list[str]] = {}
    for y, text in re.findall(
        r'<text class="todo-r\d+"[^>]* y="([\d.]+)"[^>]*>([^<]*)</text>', svg
    ):
        lines.setdefault(float(y), []).extend(unescape(text).split())
    return [" ".join(lines[y]) for y in sorted(lines)]


def _run(command: str, folder: Path, now: datetime) -> str:
    """What one command shows on a terminal."""
    out = io.BytesIO()
    todo(
        shlex.split(command)[1:],
        Env(
            variables={"TERM": "xterm-256color", "TZ": "UTC"},
            cwd=folder,
            home=folder,
            login="ada",
            stdin=io.BytesIO(),
            stdout=out,
            stderr=out,
            stdin_is_terminal=True,
            stdout_is_terminal=True,
            stderr_is_terminal=True,
            columns=COLUMNS,
            now=lambda: now,
        ),
    )
    return out.getvalue().decode()


def main(arguments: Sequence[str]) -> int:
    """Draw the picture, or only say whether it is up to date."""
    if arguments not in ([], ["--check"]):
        sys.stderr.write(__doc__ or "")
        return 2
    fresh = draw()
    if not arguments:
        PICTURE.write_text(fresh, encoding="utf-8")
        return 0
    is_old = not PICTURE.exists() or shown(
        PICTURE.read_text(encoding="utf-8")
    ) != shown(fresh)
    if is_old:
        sys.stderr.write(
            f"{PICTURE.relative_to(ROOT)} is out of date: run `python -m tests.picture`\n"
        )
    return int(is_old)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
