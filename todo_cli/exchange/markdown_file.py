r"""Lists with boxes in Markdown: `- [ ] open` and `- [x] done`.

A box may also begin with `*`, `+` or a number. What is indented below it is
its description. A box below another is a task of its own, which names the
other: `part of: TITLE`. The nearest heading is the project; a heading that
cannot be one, or has no task, is kept as text. A line that belongs to no task
goes into the description of the task before it, or of the first one. What
stands between fences is never a task. A box without a title is none either: it
is the next line of a list that nobody has filled in, and is only counted. A
heading can be underlined, too.

Of our own fields these are lines directly below the box:

    - [ ] Pay the rent
      due: 2026-12-24
      wait: 2026-12-20
      priority: high
      project: home
      tags: bank, monthly

      And then the description.

A description whose first line looks like one of them begins after an empty
line. In `- \[ ]` the backslash says that it is no box: so a description can
contain one. Empty lines at the ends of a description do not come back.

The id is made of the record without the tick in its box: a file that was
ticked off since adds nothing twice.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from todo_cli import rules
from todo_cli.errors import InvalidInput
from todo_cli.exchange.draft import Draft, Setting
from todo_cli.exchange.source import LONGEST, Source
from todo_cli.task import Task

_MARKER: Final = r"(?:[-*+]|[0-9]{1,9}[.)])"
"""What begins an item of a list."""
_BOX: Final = re.compile(
    rf"(?P<before>[ \t]*{_MARKER}[ \t]+)\[(?P<mark>[ xX])\](?:[ \t]+(?P<title>.*))?"
)
"""A box: the mark in it, what is before it, and the title after it."""
_FIRST_BOX: Final = re.compile(rf"^{_BOX.pattern}$", re.MULTILINE)
"""The same in a text of many lines."""
_ESCAPED: Final = re.compile(
    rf"^([ \t]*{_MARKER}[ \t]+\\*)\\(\[[ xX]\](?:[ \t].*)?)$"
)
"""What would be a box without the last of its backslashes."""
_UNESCAPED: Final = re.compile(
    rf"^([ \t]*{_MARKER}[ \t]+)(\\*\[[ xX]\](?:[ \t].*)?)$"
)
"""What is a box, or would be one without its backslashes."""
_HEADING: Final = re.compile(r" {0,3}#{1,6}(?:[ \t]+(?P<text>.*))?")
"""A heading, from `#` to `######`; a `#tag` is none."""
_FENCE: Final = re.compile(r"[ \t]*(?P<fence>`{3,}+(?!.*`)|~{3,})")
"""What begins and ends a block of code; one line can be both."""
_DECORATION: Final = re.compile(r"[-*_= \t]*")
"""A rule between paragraphs, or the line below a heading."""
_UNDERLINE: Final = re.compile(r" {0,3}(?:=+|-+)[ \t]*")
"""What makes a heading of the paragraph above it."""
_NO_PARAGRAPH: Final = re.compile(rf"[ \t]*(?:{_MARKER}(?:[ \t]|$)|[>|<])")
"""How lists, quotes, tables and HTML begin."""
_FRONT: Final = "---"
"""Before and after the properties of a file, in its first lines."""
_BLANKS: Final = " \t"
"""What indents a line; other blanks are text."""
_TAB: Final = 4
"""How many columns a tab has at the beginning of a line."""
_BOX_COST: Final = 256
"""How many characters a box counts for, besides its text: it is an object."""
_EMPTY: Final = "empty item"
"""What a box without a title is called when it is counted."""
_INDENT: Final = "  "
"""As wide as `- `, so that what follows belongs to the box."""


def _read_tags(text: str) -> list[str]:
    """Read tags that are separated by commas."""
    return rules.clean_tags(text.split(","))


_FIELDS: Final[Mapping[str, tuple[str, Callable[[str], Any]]]] = {
    "due": ("due_on", partial(rules.read_day, "due")),
    "wait": ("wait_until", partial(rules.read_day, "wait")),
    "priority": ("priority", rules.clean_priority),
    "project": ("project", rules.clean_project),
    "tags": ("tags", _read_tags),
}
"""The lines below a box that are fields: the field, and what reads it."""


def looks_like(head: str) -> bool:
    """Whether there is a box, and it is not in a cell of a CSV."""
    found = _FIRST_BOX.search(head)
    return found is not None and '"' not in head[: found.start()]


def read(
    source: Source, setting: Setting, columns: Mapping[str, str]
) -> Iterator[Draft]:
    """Read the boxes, in the order of the file.

    Raises:
        InvalidInput: there is none, or one has too much below it.
    """
    reader = _Reader()
    is_empty = True
    for number, line in source.lines():
        for draft in reader.take(number, line):
            is_empty = False
            yield draft
    for draft in reader.end():
        is_empty = False
        yield draft
    # An export of no tasks is an empty file.
    if is_empty and source.done > 0:
        raise InvalidInput(
            f"{source.name} has no task",
            hint="a task in Markdown is a line such as `- [ ] Buy milk`",
            details=[{"field": "file", "message": "has no box with a title"}],
        )


@dataclass(slots=True)
class _Box:
    """A box, and what was found below it so far."""

    draft: Draft
    indent: int
    """How many columns are before it."""
    width: int
    """How many columns are before its text: those of its description."""
    title: str
    """The whole title, however long."""
    heading: str
    """The nearest heading above it; empty if there is none."""
    lines: list[str] = field(default_factory=list)
    """Its description."""
    has_fields: bool = True
    """Whether the next line can still be one of its fields."""


class _Reader:
    """Reads line by line; holds one box of the first level and all below."""

    def __init__(self) -> None:
        self._boxes: list[_Box] = []
        """The boxes whose tasks are not complete, in their order."""
        self._above: list[_Box] = []
        """The last box, and those in which it is; the outermost first."""
        self._outside: list[str] = []
        """Lines before the first box, which will get them."""
        self._empty = 0
        """How many boxes without a title are before the first task."""
        self._heading = ""
        self._has_heading_task = True
        """Whether the heading has a task, or there is no heading."""
        self._paragraph: list[str] = []
        """Lines outside of all tasks that the next one can make a heading."""
        self._can_begin = True
        """Whether the next line can be the first of a paragraph."""
        self._is_front = False
        """Whether the next line is among the properties of the file."""
        self._fence = ""
        """What began the block of code in which the next line is."""
        self._size = 0
        """How many characters are held."""

    def take(self, number: int, line: str) -> Iterator[Draft]:
        """Read a line; yield the tasks that are complete now.

        A task is complete when the next one of its level begins: until then a
        line can belong to it, also below those that are below it.

        Raises:
            InvalidInput: more is held than a record can have.
        """
        self._size += len(line) + 1
        self._leave(line)
        box = None if self._fence else _BOX.fullmatch(line)
        if box is None:
            self._take_text(number, line)
        else:
            self._end_paragraph()
            self._is_front = False
            self._can_begin = True
            if not (box["title"] or "").strip():
                self._pass_over()
                return
            if not self._above:
                yield from self._complete()
                self._size = len(line)
            self._take_box(number, box)
            self._size += _BOX_COST
        if self._size > LONGEST:
            raise InvalidInput.of(
                f"line {number}",
                f"a task with all below it has more than {LONGEST:,} characters",
            )

    def end(self) -> Iterator[Draft]:
        """Yield the last tasks."""
        self._end_paragraph()
        self._end_heading()
        yield from self._complete()

    def _leave(self, line: str) -> None:
        """Leave the boxes that a line is not below, and their fence."""
        if not line.strip(_BLANKS):
            return
        indent = _columns(line)
        while self._above and indent <= self._above[-1].indent:
            self._above.pop()
            self._fence = ""

    def _take_box(self, number: int, box: re.Match[str]) -> None:
        """Begin a task."""
        title = box["title"].strip()
        draft = Draft(f"line {number}")
        draft.values["completed"] = box["mark"] != " "
        draft.title(title)
        if self._above:
            parent = self._above[-1]
            draft.keep("parent", f"part of: {parent.title}")
        self._has_heading_task = True
        indent = _columns(box["before"])
        width = indent + len(box["before"].lstrip(_BLANKS))
        made = _Box(draft, indent, width, title, self._heading)
        self._boxes.append(made)
        self._above.append(made)
        for line in self._outside:
            draft.keep("line", line)
        self._outside.clear()
        if self._empty:
            draft.pass_over(_EMPTY, self._empty)
            self._empty = 0

    def _pass_over(self) -> None:
        """Count a box without a title, with the task before it or the first."""
        if self._boxes:
            self._boxes[-1].draft.pass_over(_EMPTY, 1)
        else:
            self._empty += 1

    def _take_text(self, number: int, line: str) -> None:
        """Read a line that is no box."""
        fence = _FENCE.match(line)
        if fence is not None:
            self._turn_fence(fence["fence"], line)
        if self._above:
            self._describe(self._above[-1], line)
            return
        if self._fence or fence is not None:
            self._end_paragraph()
            self._keep(line)
            self._can_begin = True
        elif self._is_edge(number, line):
            self._is_front = number == 1
            self._can_begin = not self._is_front
        elif not self._take_heading(line):
            self._take_line(line)

    def _is_edge(self, number: int, line: str) -> bool:
        """Whether a line begins or ends the properties of the file."""
        return line.rstrip() == _FRONT and (number == 1 or self._is_front)

    def _take_heading(self, line: str) -> bool:
        """Read a heading, or the line below one; return whether it is one."""
        heading = _HEADING.fullmatch(line)
        if heading is not None:
            self._end_paragraph()
            self._begin_heading(_without_end(heading["text"] or ""))
            return True
        if self._paragraph and _UNDERLINE.fullmatch(line):
            words = map(str.strip, self._paragraph)
            self._begin_heading(" ".join(words))
            self._paragraph.clear()
            return True
        return False

    def _begin_heading(self, heading: str) -> None:
        """Take the place of the heading before.

        An empty one only ends that, and so needs no task.
        """
        self._end_heading()
        self._heading = heading
        self._has_heading_task = not heading
        self._can_begin = True

    def _take_line(self, line: str) -> None:
        """Read a line outside of all tasks: hold it back, or keep it.

        The line below a paragraph says whether it is a heading. What follows
        an item of a list without an empty line, or is indented, belongs to it.
        """
        is_text = _NO_PARAGRAPH.match(line) is None
        is_first = self._can_begin and _columns(line) == 0
        if _DECORATION.fullmatch(line):
            self._end_paragraph()
            self._can_begin = not self._is_front
        elif is_text and (is_first or self._paragraph):
            self._paragraph.append(line)
        else:
            self._end_paragraph()
            self._keep(line)
            self._can_begin = False

    def _end_paragraph(self) -> None:
        """Keep the lines that did not become a heading.

        This comes before a box begins a task, which would get them.
        """
        for line in self._paragraph:
            self._keep(line)
        self._paragraph.clear()

    def _turn_fence(self, fence: str, line: str) -> None:
        """Begin or end what is between fences."""
        if not self._fence:
            self._fence = fence
        elif line.strip() == fence and fence.startswith(self._fence):
            self._fence = ""

    def _end_heading(self) -> None:
        """Keep a heading that became the project of no task."""
        if not self._has_heading_task:
            self._keep(self._heading)

    def _keep(self, line: str) -> None:
        """Keep a line outside of all tasks; those of only dashes say nothing."""
        if _DECORATION.fullmatch(line):
            return
        line = _ESCAPED.sub(r"\1\2", line).rstrip()
        if self._boxes:
            self._boxes[-1].draft.keep("line", line)
        else:
            self._outside.append(line)

    def _describe(self, box: _Box, line: str) -> None:
        """Read a line below a box: a field, or a line of the description.

        The first line that is no field ends the fields; so does one that
        repeats a field.
        """
        text = _without_columns(line, box.width)
        found = _field_of(text) if box.has_fields else None
        if found is not None and found[0] not in box.draft.values:
            name, value = found
            box.draft.values[name] = value
            box.draft.key += f"\n{text}"
            return
        box.has_fields = False
        box.lines.append(_ESCAPED.sub(r"\1\2", text))

    def _complete(self) -> Iterator[Draft]:
        """Yield the tasks that were read so far."""
        for box in self._boxes:
            draft = box.draft
            draft.values["description"] = "\n".join(box.lines).strip("\n")
            _place(draft, box.heading)
            # `key` has its fields already.
            head = f"{box.heading}\n{box.title}{draft.key}"
            draft.key = "\n".join([head, *box.lines, *draft.lines])
            yield draft
        self._boxes.clear()


def _place(draft: Draft, heading: str) -> None:
    """Make the heading the project, if the task names no other one."""
    if not heading or draft.values.get("project") == heading:
        return
    line = f"heading: {heading}"
    if "project" in draft.values:
        draft.keep("heading", line)
    else:
        draft.offer("project", heading, "heading", line)


def _without_end(heading: str) -> str:
    """Take off the signs that a heading may have at its end, as `Home ##`."""
    heading = heading.strip()
    text = heading.rstrip("#")
    if text.rstrip(_BLANKS) == text != "":
        # They belong to the last word, as in `C#`.
        return heading
    return text.strip()


def _columns(line: str) -> int:
    """Count the columns before the text of a line.

    A tab has four, wherever it is: only where blanks come before tabs could
    that be wrong.
    """
    blanks = line[: len(line) - len(line.lstrip(_BLANKS))]
    return len(blanks) + (_TAB - 1) * blanks.count("\t")


def _without_columns(line: str, count: int) -> str:
    """Take the indentation off a line, as far as it has it.

    What it has beyond that belongs to the text, such as that of code.
    """
    if not line.strip(_BLANKS):
        return ""
    start = 0
    while count > 0 and line[start] in _BLANKS:
        count -= _TAB if line[start] == "\t" else 1
        start += 1
    return line[start:]


def _field_of(line: str) -> tuple[str, Any] | None:
    """Read a line such as `due: 2026-12-24`; None if it is no field."""
    word, colon, text = line.partition(": ")
    if not colon or word not in _FIELDS:
        return None
    name, read_value = _FIELDS[word]
    try:
        value = read_value(text.strip())
    except InvalidInput:
        return None
    if not value:
        return None
    return name, value


class Writer:
    """Writes a box for each task, and the rest below it.

    Titles and descriptions are written as they are: they may be Markdown.
    """

    def __init__(self, setting: Setting) -> None:
        self.kept: dict[str, int] = {}
        """What is left out, besides id, number, version and `updated_at`."""

    def begin(self) -> bytes:
        """Return what comes before the first task."""
        return b""

    def write(self, tasks: Sequence[Task]) -> bytes:
        """Return the next tasks."""
        lines: list[str] = []
        for task in tasks:
            self._count(task)
            mark = "x" if task.completed else " "
            lines.append(f"- [{mark}] {task.title}")
            # An editor would take blanks off an empty line.
            lines += [_INDENT + line if line else "" for line in _below(task)]
        text = "".join(f"{line}\n" for line in lines)
        # Other programs can have stored what is no text.
        return text.encode("utf-8", "backslashreplace")

    def end(self) -> bytes:
        """Return what comes after the last task."""
        return b""

    def _count(self, task: Task) -> None:
        """Count the times of a task: there is no place for them."""
        times = {
            "creation time": task.created_at,
            "completion time": task.completed_at,
            "deletion time": task.deleted_at,
        }
        for kind, time in times.items():
            if time is not None:
                self.kept[kind] = self.kept.get(kind, 0) + 1


def _below(task: Task) -> Iterator[str]:
    """Write what comes below a box."""
    if task.due_on:
        yield f"due: {task.due_on}"
    if task.wait_until:
        yield f"wait: {task.wait_until}"
    if task.priority:
        yield f"priority: {task.priority}"
    if task.project:
        yield f"project: {task.project}"
    if task.tags:
        yield f"tags: {', '.join(task.tags)}"
    if not task.description:
        return
    lines = task.description.split("\n")
    if _field_of(lines[0]) is not None:
        yield ""
    for line in lines:
        yield _UNESCAPED.sub(r"\1\\\2", line)
