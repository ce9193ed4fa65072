"""Lists with boxes in Markdown, both ways."""

from collections import Counter
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.exchange.support import (
    ADA,
    STORES,
    Endless,
    examples,
    faults_of,
    kept_of,
    read_all,
    source_of,
    tasks_of,
    write_all,
)
from tests.support.size import size
from todo_cli.errors import InvalidInput
from todo_cli.exchange import markdown_file
from todo_cli.exchange.formats import recognise
from todo_cli.exchange.source import LONGEST
from todo_cli.task import Task


def _one(text: str) -> Task:
    """The only task of a file."""
    [task] = tasks_of("markdown", text.encode())
    return task


def _shown(text: str) -> list[tuple[str, str | None, str | None]]:
    """Title, project and description of each task."""
    return [
        (task.title, task.project, task.description)
        for task in tasks_of("markdown", text.encode())
    ]


@pytest.mark.spec("002/FR-284")
@pytest.mark.parametrize(
    ("line", "is_done"),
    [
        ("- [ ] Buy milk", False),
        ("* [x] Buy milk", True),
        ("+ [X] Buy milk", True),
        ("1. [ ] Buy milk", False),
        ("27) [x] Buy milk", True),
        ("  -   [ ]  Buy milk  ", False),
        ("\t- [ ]\tBuy milk", False),
        ("- [ ] Buy milk\r", False),
    ],
)
def test_every_kind_of_box_is_a_task(line: str, is_done: bool) -> None:
    task = _one(f"{line}\n")
    assert (task.title, task.completed) == ("Buy milk", is_done)


@pytest.mark.parametrize(
    "line",
    [
        "- Buy milk",
        "[ ] Buy milk",
        "- [] Buy milk",
        "- [-] Buy milk",
        "-[ ] Buy milk",
        "- [ ]Buy milk",
        "- [x](https://example.org)",
        "> - [ ] Buy milk",
        r"- \[ ] Buy milk",
        "# - [ ] Buy milk",
    ],
)
def test_what_is_no_box_is_no_task(line: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        tasks_of("markdown", f"{line}\n".encode())
    assert caught.value.message == "tasks.file has no task"
    assert caught.value.hint is not None
    assert "- [ ]" in caught.value.hint


@pytest.mark.spec("002/FR-284")
def test_indented_lines_are_the_description() -> None:
    text = "- [ ] A\n  one\n\n      code\n  \n  - bullet\n\n\n- [ ] B\n\ttab\n"
    assert _shown(text) == [
        ("A", None, "one\n\n    code\n\n- bullet"),
        ("B", None, "tab"),
    ]


@pytest.mark.spec("002/FR-284")
def test_a_box_below_another_is_a_task_that_names_it() -> None:
    text = (
        "- [ ] A\n  - [x] B\n    of B\n    1. [ ] C\n       of C\n  of A\n"
        "- [ ] D\n"
    )
    assert _shown(text) == [
        ("A", None, "of A"),
        ("B", None, "of B\n\npart of: A"),
        ("C", None, "of C\n\npart of: B"),
        ("D", None, None),
    ]
    assert kept_of(read_all("markdown", text.encode())) == {"parent": 2}


@pytest.mark.spec("002/FR-284")
def test_the_nearest_heading_is_the_project() -> None:
    text = "# All\n## Home ##\n- [ ] A\n### a..b\n- [ ] B\n#\n- [ ] C\n"
    assert _shown(text) == [
        ("A", "Home", "All"),
        ("B", None, "heading: a..b"),
        ("C", None, None),
    ]
    kept = kept_of(read_all("markdown", text.encode()))
    assert kept == {"line": 1, "heading": 1}


UNDERLINED = [
    ("Home\n====\n- [ ] A\n", "Home", None),
    ("# B\nHome\n--- \n- [ ] A\n", "Home", "B"),
    ("Home\n   =\n\ntext\n- [ ] A\n", "Home", "text"),
    ("My\n  home\n-\n- [ ] A\n", "My home", None),
    ("C# #\n==\n- [ ] A\n", "C# #", None),
    ("a..b\n--\n- [ ] A\n", None, "heading: a..b"),
    # An underline needs a paragraph above it, and no blanks in it.
    ("Home\n\n----\n- [ ] A\n", None, "Home"),
    ("Home\n    ----\n- [ ] A\n", None, "Home"),
    ("Home\n- - -\n- [ ] A\n", None, "Home"),
    ("Home\n***\n- [ ] A\n", None, "Home"),
    ("----\n- [ ] A\n", None, None),
    # What else stands above it is no paragraph.
    ("- Home\n----\n- [ ] A\n", None, "- Home"),
    ("- Home\nlazy\n----\n- [ ] A\n", None, "- Home\nlazy"),
    ("1.\nlazy\n----\n- [ ] A\n", None, "1.\nlazy"),
    ("- Home\n\n  more\n----\n- [ ] A\n", None, "- Home\n  more"),
    ("text\n1. Home\n----\n- [ ] A\n", None, "text\n1. Home"),
    ("> Home\n----\n- [ ] A\n", None, "> Home"),
    ("| Home |\n----\n- [ ] A\n", None, "| Home |"),
    ("<!-- Home -->\n----\n- [ ] A\n", None, "<!-- Home -->"),
    ("    Home\n----\n- [ ] A\n", None, "    Home"),
    ("```\nHome\n----\n```\n- [ ] A\n", None, "```\nHome\n```"),
    # Properties of a file, as Obsidian has them.
    ("---\nup: Home\n---\n- [ ] A\n", None, "up: Home"),
    ("---\na: b\n\nc: d\n---\nHome\n---\n- [ ] A\n", "Home", "a: b\nc: d"),
    ("---\nup: Home\n- [ ] A\nlazy\n---\n", None, "up: Home\nlazy"),
    ("\n---\nHome\n---\n- [ ] A\n", "Home", None),
]


@pytest.mark.spec("002/FR-284")
@pytest.mark.parametrize(("text", "project", "description"), UNDERLINED)
def test_a_heading_can_be_underlined(
    text: str, project: str | None, description: str | None
) -> None:
    """As CommonMark has it (notesnook-importer#239: structure gets lost)."""
    assert _shown(text) == [("A", project, description)]


def test_an_underlined_heading_ends_the_one_before() -> None:
    text = "# A\n- [ ] a\n  b\nB\n===\n- [ ] c\nC\n---\nD\n---\n"
    assert _shown(text) == [("a", "A", "b"), ("c", "B", "C\nD")]


@pytest.mark.parametrize(
    ("line", "project"),
    [
        ("# C#", "C#"),
        ("# C ##  ", "C"),
        ("## # ##", "#"),
        ("# #", None),
        ("   ###### a # b", "a # b"),
    ],
)
def test_signs_at_the_end_of_a_heading(line: str, project: str | None) -> None:
    assert _one(f"{line}\n- [ ] A\n").project == project


@pytest.mark.parametrize(
    "line",
    [
        "# a" + " " * 1_000_000 + "b",
        "`" * 1_000_000 + "x`",
        "- " + "\\" * 1_000_000 + "x",
        "#" * 1_000_000,
        "- " * 500_000,
        "a\n" * 50_000,
    ],
)
def test_a_line_takes_time_in_proportion_to_its_length(line: str) -> None:
    """Otherwise it would take hours, and the run would end."""
    with pytest.raises(InvalidInput, match="has no task"):
        tasks_of("markdown", f"{line}\n".encode())


@pytest.mark.spec("002/FR-284")
def test_a_heading_without_a_task_goes_to_the_task_before() -> None:
    assert _shown("# A\n- [ ] a\n# B\n# C\n") == [("a", "A", "B\nC")]


@pytest.mark.spec("002/FR-284")
def test_lines_outside_go_to_the_task_before_or_to_the_first_one() -> None:
    text = (
        "---\nintro\n\n- bullet\n  - [ ] A\nlazy\n***\n"
        "- [ ] B\n```\n- [ ] code\n# no heading\n```\nend\n"
    )
    assert _shown(text) == [
        ("A", None, "intro\n- bullet\nlazy"),
        ("B", None, "```\n- [ ] code\n# no heading\n```\nend"),
    ]
    assert kept_of(read_all("markdown", text.encode())) == {"line": 8}


@pytest.mark.spec("002/FR-284")
def test_a_fence_below_a_box_ends_with_it() -> None:
    text = (
        "- [ ] A\n  ~~~ sh\n  - [ ] a\n  ~~~~\n  - [ ] B\n    ```\n    # b\n"
        "- [ ] C\n  ```x```\n  - [ ] D\n"
    )
    assert _shown(text) == [
        ("A", None, "~~~ sh\n- [ ] a\n~~~~"),
        ("B", None, "```\n# b\n\npart of: A"),
        ("C", None, "```x```"),
        ("D", None, "part of: C"),
    ]


@pytest.mark.spec("002/FR-284")
def test_fields_are_read_directly_below_a_box() -> None:
    task = _one(
        "# Garden\n- [ ] A\n  due: 2026-12-24\n  wait: 2026-12-01\n"
        "  priority: high\n  project: home.kitchen\n  tags: b, a\n  \n"
        "  due: 2026-12-25\n"
    )
    assert task.due_on == date(2026, 12, 24)
    assert task.wait_until == date(2026, 12, 1)
    assert task.priority == "high"
    assert task.project == "home.kitchen"
    assert task.tags == ["a", "b"]
    assert task.description == "due: 2026-12-25\n\nheading: Garden"


@pytest.mark.parametrize(
    "line",
    [
        "due: 24.12.2026",
        "due: 0000-01-01",
        "due: 10000-01-01",
        "wait: none",
        "priority:  ",
        "priority: urgent",
        "project: a..b",
        "tags: a b",
        "tags: ,",
        "due:2026-12-24",
        "Note: this",
    ],
)
def test_what_is_no_field_is_description(line: str) -> None:
    assert _one(f"- [ ] A\n  {line}\n").description == line


def test_the_second_of_a_field_is_description() -> None:
    text = "- [ ] A\n  priority: low\n  priority: high\n  wait: 2026-01-01\n"
    task = _one(text)
    assert (task.priority, task.wait_until) == ("low", None)
    assert task.description == "priority: high\nwait: 2026-01-01"


def test_a_long_title_is_kept_as_a_whole() -> None:
    title = "word " * 60 + "end"
    task = _one(f"- [ ] {title}\n  note\n")
    assert task.title.endswith(" word…")
    assert task.description == f"note\n\n{title}"


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("- [ ] \u200b", "title: must contain at least one visible character"),
        (
            "- [ ] a\x1bb",
            "title: must not contain the character U+001B (position 2)",
        ),
        (
            "- [ ] A\n  a\u202eb",
            "description: must not contain the character U+202E (position 2)",
        ),
    ],
)
def test_a_bad_box_is_a_fault_with_its_line(line: str, fault: str) -> None:
    text = f"- [ ] Good\n{line}\n- [ ] Good\n"
    assert faults_of("markdown", text.encode()) == [f"line 2: {fault}"]


@pytest.mark.spec("002/FR-284")
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("- [ ]\n* [x] \n# P\n- [ ] A\n", [("A", None, 2)]),
        (
            "- [ ] A\n- [ ] \xa0\n- [ ] B\n1. [X]",
            [("A", None, 1), ("B", None, 1)],
        ),
        ("- [ ] A\n  one\n  - [ ]\n  two\n", [("A", "one\ntwo", 1)]),
        ("- [ ] A\n- [ ]\n  two\n", [("A", "  two", 1)]),
        ("- [ ]\n  - [ ] A\n", [("A", None, 1)]),
        ("- [ ] A\n  ```\n  - [ ]\n  ```\n", [("A", "```\n- [ ]\n```", 0)]),
    ],
)
def test_a_box_without_a_title_is_left_out_and_counted(
    text: str, expected: list[tuple[str, str | None, int]]
) -> None:
    """Editors make the next box of a list; nobody has filled it in yet."""
    found = []
    for each in read_all("markdown", text.encode()):
        assert each.task is not None
        left_out = each.left_out.get("empty item", 0)
        found.append((each.task.title, each.task.description, left_out))

    assert found == expected


@pytest.mark.parametrize(
    ("begin", "line"),
    [(b"- [ ] A\n", b"  - [ ] %b\n"), (b"", b"%b\n")],
)
def test_too_much_for_one_box_is_refused_in_little_memory(
    begin: bytes, line: bytes
) -> None:
    stream = Endless(begin, line % (b"below " * 20), 10 * LONGEST)
    drafts = markdown_file.read(source_of(stream), ADA, {})
    with pytest.raises(InvalidInput, match="more than 4,194,304") as caught:
        list(drafts)
    assert caught.value.message.startswith("line ")
    assert stream.given < 2 * LONGEST


@pytest.mark.spec("002/FR-284")
def test_a_repeat_makes_the_same_ids_also_when_ticked_off() -> None:
    text = "# P\n- [ ] A\n  due: 2026-12-24\n  note\n- [ ] A\n- [ ] A\n"
    first = tasks_of("markdown", text.encode())
    again = tasks_of("markdown", text.replace("[ ]", "[x]").encode())
    assert [task.id for task in first] == [task.id for task in again]
    assert len({task.id for task in first}) == 3
    for change in (("# P", "# Q"), ("12-24", "12-25"), ("note", "other")):
        other = tasks_of("markdown", text.replace(*change).encode())
        assert other[0].id != first[0].id


@pytest.mark.parametrize(
    ("head", "is_markdown"),
    [
        ("- [ ] a", True),
        ("# Title\n\nText, with a comma\n* [x] a\n", True),
        ("(A) call\n", False),
        ('title,notes\na,"b\n- [ ] c\n"\n', False),
        ('"quoted"\n', False),
    ],
)
def test_markdown_is_recognised_by_a_box(head: str, is_markdown: bool) -> None:
    assert markdown_file.looks_like(head) == is_markdown
    assert recognise("notes.md", head).name == "markdown"


@pytest.mark.spec("002/FR-285")
def test_a_file_has_a_box_for_each_task(store_of_tasks: list[Task]) -> None:
    assert write_all("markdown", store_of_tasks).decode() == (
        "- [ ] Pay *the* rent\n"
        "  due: 2026-12-24\n"
        "  wait: 2026-12-20\n"
        "  priority: high\n"
        "  project: home.bank\n"
        "  tags: bank, monthly\n"
        "\n"
        "  project: never\n"
        "\n"
        "  - \\[ ] no box\n"
        "- [x] Done\n"
    )


@pytest.fixture
def store_of_tasks() -> list[Task]:
    """An open task that has everything, and a done one that has nothing."""
    from uuid import UUID

    now = ADA.now
    return [
        Task(
            id=UUID(int=1),
            number=1,
            user_id="ada",
            title="Pay *the* rent",
            description="project: never\n\n- [ ] no box",
            completed=False,
            created_at=now,
            updated_at=now,
            completed_at=None,
            due_on=date(2026, 12, 24),
            wait_until=date(2026, 12, 20),
            priority="high",
            project="home.bank",
            tags=["bank", "monthly"],
        ),
        Task(
            id=UUID(int=2),
            number=2,
            user_id="ada",
            title="Done",
            description=None,
            completed=True,
            created_at=now,
            updated_at=now,
            completed_at=now,
            deleted_at=now,
        ),
    ]


def test_text_that_no_store_holds_is_written_as_an_escape(
    store_of_tasks: list[Task],
) -> None:
    [task, _] = store_of_tasks
    task.title = "a\ud800"
    data = write_all("markdown", [task])
    assert data.startswith(b"- [ ] a\\ud800\n")


def _description(task: Task) -> str:
    """A description as Markdown can hold it."""
    lines = (task.description or "").split("\n")
    return "\n".join(
        line if line.strip(" \t") else "" for line in lines
    ).strip("\n")


@pytest.mark.spec("002/FR-285")
@examples(size(50, 100))
@given(STORES)
def test_all_that_markdown_can_hold_comes_back(tasks: list[Task]) -> None:
    writer = markdown_file.Writer(ADA)
    data = writer.begin() + writer.write(tasks) + writer.end()
    if not tasks:
        assert data == b""
        return
    found = tasks_of("markdown", data)
    assert len(found) == len(tasks)
    for before, after in zip(tasks, found, strict=True):
        assert after.title == before.title
        assert after.completed == before.completed
        assert (after.description or "") == _description(before)
        assert after.due_on == before.due_on
        assert after.wait_until == before.wait_until
        assert after.priority == before.priority
        assert after.project == before.project
        assert after.tags == before.tags
    assert writer.kept == Counter(
        kind
        for task in tasks
        for kind, time in (
            ("creation time", task.created_at),
            ("completion time", task.completed_at),
            ("deletion time", task.deleted_at),
        )
        if time
    )


_WORDS = st.sampled_from(
    ["milk", "[ ]", "- [ ]", "due:", "2026-12-24", "#", "a..b", "`x`", "\\[x]"]
)
_LINES = st.builds(
    "{}{}{}".format,
    st.sampled_from(["", " ", "  ", "    ", "\t"]),
    st.sampled_from(
        ["- [ ] t ", "1. [x] u ", "- ", "# ", "## ", "```", "~~~", "\\", ""]
    ),
    st.lists(_WORDS, max_size=4).map(" ".join),
)


def _words(text: str) -> Counter[str]:
    """The words, without those that only Markdown gives a meaning."""
    for sign in "`~#\\[]-":
        text = text.replace(sign, " ")
    words = Counter(text.split())
    for word in ("due:", "heading:", "part", "of:", "x", "1."):
        del words[word]
    return words


@examples(size(100, 200))
@given(st.lists(_LINES, max_size=12))
def test_no_word_of_a_file_is_lost(lines: list[str]) -> None:
    text = "- [ ] first\n" + "\n".join(lines)
    found = Counter[str]()
    for candidate in read_all("markdown", text.encode()):
        task = candidate.task
        if task is None:
            # A box without a title: nothing is imported.
            assert "title" in str(candidate.fault)
            return
        parts = [task.title, task.description, task.project, task.due_on]
        found += _words(" ".join(str(part) for part in parts if part))
    assert not _words(text) - found


def test_a_readme_of_this_project_has_no_task() -> None:
    """Its samples are between fences, or have no box."""
    readme = Path(__file__).parents[2] / "README.md"
    with pytest.raises(InvalidInput, match="has no task"):
        tasks_of("markdown", readme.read_bytes())
