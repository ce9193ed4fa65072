"""The issues of a repository, as `gh issue list --json ...` prints them."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.exchange.support import (
    depths,
    examples,
    faults_of,
    kept_of,
    read_all,
    tasks_of,
)
from tests.support.size import size
from todo_cli.exchange import github_file
from todo_cli.exchange.formats import recognise
from todo_cli.rules import DESCRIPTION_LENGTH
from todo_cli.task import Task

URL = "https://github.com/ada/todo/issues/12"
ISSUE = {
    "body": "It fails.\r\n\r\n- [ ] a box",
    "closedAt": None,
    "createdAt": "2026-01-02T03:04:05Z",
    "labels": [{"id": "LA_1", "name": "bug", "description": "", "color": "f"}],
    "number": 12,
    "state": "OPEN",
    "title": "Crash at start",
    "url": URL,
}
"""An issue with the members that the manual names, as `gh` 2.60 orders them."""


def _file(*issues: Any) -> bytes:
    """The file that has these issues."""
    return json.dumps(issues).encode()


def _one(**members: Any) -> Task:
    """The task of the issue, with other members."""
    [task] = tasks_of("github", _file(ISSUE | members))
    return task


def _text(**members: Any) -> str:
    """What is in the description besides the body and the URL."""
    description = _one(**members).description
    assert description is not None
    return description.removeprefix(
        "It fails.\n\n- [ ] a box\n\n"
    ).removesuffix(f"\nurl: {URL}")


@pytest.mark.spec("002/FR-289")
def test_every_member_that_has_a_field() -> None:
    task = _one(updatedAt="2026-01-03T00:00:00Z")
    assert task.title == "Crash at start"
    assert task.description == f"It fails.\n\n- [ ] a box\n\nurl: {URL}"
    assert task.created_at == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert task.updated_at == datetime(2026, 1, 3, tzinfo=UTC)
    assert not task.completed
    assert task.tags == ["bug"]
    assert kept_of(read_all("github", _file(ISSUE))) == {"URL": 1}


@pytest.mark.spec("002/FR-289")
@pytest.mark.parametrize(
    ("members", "is_done", "kept"),
    [
        ({"state": "OPEN"}, False, ""),
        ({"state": "closed"}, True, ""),
        ({"state": "MERGED"}, True, "state: MERGED"),
        ({"state": "ODD"}, False, "state: ODD"),
        ({"state": None}, False, ""),
        ({"state": None, "closed": True}, True, ""),
        ({"state": ["CLOSED"]}, False, "state: CLOSED"),
    ],
)
def test_a_closed_issue_is_done(
    members: dict[str, Any], is_done: bool, kept: str
) -> None:
    task = _one(closedAt="2026-02-03T00:00:00Z", **members)
    assert task.completed == is_done
    assert kept in (task.description or "")
    if is_done:
        assert task.completed_at == datetime(2026, 2, 3, tzinfo=UTC)
    else:
        assert "closedAt: 2026-02-03T00:00:00Z" in (task.description or "")


def test_a_time_that_is_none_is_text() -> None:
    task = _one(state="CLOSED", closedAt="0001-01-01T00:00:00Z", createdAt=5)
    assert task.completed
    assert "closedAt: 0001-01-01T00:00:00Z" in (task.description or "")
    assert "createdAt: 5" in (task.description or "")


@pytest.mark.spec("002/FR-289")
def test_labels_are_tags_or_text() -> None:
    names = ["ok", "good first issue", "none", "ok", "a,b"]
    labels = [{"name": name} for name in names] + ["plain", {"color": "f"}]
    assert _one(labels=labels).tags == ["ok", "plain"]
    assert _text(labels=labels).split("\nurl")[0].split("\n") == [
        "label: good first issue",
        "label: none",
        "label: a,b",
        'label: {"color": "f"}',
    ]
    many = [{"name": f"l{number}"} for number in range(52)]
    assert len(_one(labels=many).tags) == 50
    assert "label: l50\nlabel: l51" in (_one(labels=many).description or "")


@pytest.mark.spec("002/FR-289")
@pytest.mark.parametrize(
    ("members", "text"),
    [
        ({"assignees": [{"id": "U", "login": "ada"}, {"login": "bob"}]}, None),
        ({"author": {"login": "ada", "name": "Ada", "is_bot": False}}, None),
        ({"milestone": None}, ""),
        ({"isPinned": True}, "isPinned: true"),
        ({"stateReason": ""}, ""),
        ({"reactionGroups": [], "projectItems": {}}, ""),
        ({"other": {"name": "x", "deep": {"a": [1]}}}, None),
        ({"id": "I_1"}, ""),
    ],
)
def test_other_members_are_text(
    members: dict[str, Any], text: str | None
) -> None:
    expected = {
        "assignees": "assignees: ada\nassignees: bob",
        "author": "author: ada",
        "other": 'other: x\nother.deep: {"a": [1]}',
    }
    [name] = list(members)[:1]
    wanted = expected[name] if text is None else text
    task = _one(**members)
    parts = (task.description or "").split(f"url: {URL}")
    assert parts[1].strip() == wanted


def test_a_milestone_is_text_with_all_that_it_has() -> None:
    milestone = {
        "number": 1,
        "title": "v1",
        "description": "",
        "dueOn": "2026",
    }
    task = _one(milestone=milestone)
    assert task.description is not None
    assert task.description.endswith(
        "milestone: v1\nmilestone.number: 1\nmilestone.dueOn: 2026"
    )


@pytest.mark.spec("002/FR-289")
def test_comments_follow_the_body() -> None:
    comments = [
        {
            "author": {"login": "bob"},
            "body": "me too",
            "createdAt": "2026-01-05T00:00:00Z",
        },
        {"author": None, "body": None},
        "odd",
    ]
    task = _one(comments=comments)
    assert task.description is not None
    assert "a box\n\n2026-01-05 bob: me too\n\nodd\n\nurl:" in task.description
    [candidate] = read_all("github", _file(ISSUE | {"comments": comments}))
    assert candidate.kept == {"URL": 1, "comment": 3}


@pytest.mark.spec("002/FR-289")
def test_a_body_that_is_too_long_is_cut_and_names_the_rest() -> None:
    body = "word " * 3_000
    [candidate] = read_all("github", _file(ISSUE | {"body": body}))
    assert candidate.task is not None, candidate.fault
    description = candidate.task.description
    assert description is not None
    assert len(description) == DESCRIPTION_LENGTH
    end = f"\n… the rest is at {URL}\n\nurl: {URL}"
    assert description.endswith(end)
    assert body.startswith(description.removesuffix(end))
    assert candidate.kept == {"URL": 1, "shortened text": 1}
    fitting = "x" * (DESCRIPTION_LENGTH - len(f"\n\nurl: {URL}"))
    [candidate] = read_all("github", _file(ISSUE | {"body": fitting}))
    assert candidate.kept == {"URL": 1}


def test_what_cannot_be_cut_is_a_fault() -> None:
    """There is no place where the rest can be found, or no room for it."""
    body = "x" * 10_001
    without = {name: ISSUE[name] for name in ISSUE if name != "url"}
    labels = [{"name": "l" * 300} for _ in range(40)]
    data = _file(
        without | {"body": body}, ISSUE | {"labels": labels} | {"body": body}
    )
    first, second = faults_of("github", data)
    assert first.startswith("index 0: description: has 10,")
    assert second.startswith("index 1: description: has ")


@pytest.mark.spec("002/FR-289")
def test_the_id_is_made_of_the_url() -> None:
    assert _one(title="Other", state="CLOSED").id == _one().id
    assert _one(url=URL + "3").id != _one().id
    without = {name: ISSUE[name] for name in ISSUE if name != "url"}
    [task] = tasks_of("github", _file(without))
    [other] = tasks_of("github", _file(without | {"number": 13}))
    assert task.id != other.id
    assert (task.description or "").endswith("number: 12")


@pytest.mark.parametrize(
    ("issue", "fault"),
    [
        (5, "must be an object"),
        ([], "must be an object"),
        ({}, "title: must not be empty"),
        (ISSUE | {"title": None}, "title: must not be empty"),
        (ISSUE | {"title": 5}, "title: must be text"),
        (ISSUE | {"body": ["x"]}, "body: must be text"),
        (ISSUE | {"labels": "bug"}, "labels: must be an array"),
        (ISSUE | {"comments": {"a": 1}}, "comments: must be an array"),
        (ISSUE | {"title": "a\x00"}, "title: must not contain the character"),
        (ISSUE | {"body": "\u202e"}, "description: must not contain the char"),
        (ISSUE | {"url": "\x1b"}, "description: must not contain the char"),
        (ISSUE | {"title": "\ud800"}, "title: must not contain the character"),
    ],
)
def test_a_bad_issue_is_a_fault_with_its_index(issue: Any, fault: str) -> None:
    [said] = faults_of("github", _file(ISSUE, issue, ISSUE))
    assert said.startswith(f"index 1: {fault}")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        _file(ISSUE)[:-1],
        b"[NaN]",
        b'[{"title": "a", "x": ' + b"[" * 100_000,
        b'[{"title": "a", "x": 1e400}]',
        b'[{"title": "a", "title": "b"}]',
    ],
)
def test_what_is_no_json_is_a_fault(data: bytes) -> None:
    assert faults_of("github", data)


@pytest.mark.parametrize(
    "member", ["x", "labels", "comments", "state", "closedAt", "number"]
)
def test_what_can_be_read_and_not_written_again_is_a_fault(
    member: str,
) -> None:
    """Parser and writer of Python go down to different depths."""
    for depth in depths():
        deep = "[" * depth + "1" + "]" * depth
        text = f'[{{"title": "a", "{member}": {deep}}}]'
        [candidate] = read_all("github", text.encode())
        is_faulty = candidate.fault is not None
        assert (candidate.task is None) == is_faulty
    assert is_faulty


def test_a_long_title_is_kept_as_a_whole() -> None:
    title = "word " * 60
    task = _one(title=title)
    assert len(task.title) < 201
    assert title.strip() in (task.description or "")


@pytest.mark.parametrize(
    ("head", "is_github"),
    [
        (_file(ISSUE).decode(), True),
        (json.dumps([ISSUE], indent=2), True),
        ('[{"number":1,"state":"OPEN"', True),
        ('[{"title":"x","updatedAt":"2026', True),
        ('[{"body":"long', True),
        ('[{"id": "6f", "title": "{\\"createdAt\\": 1}"}]', False),
        ('[{"id":1,"description":"x","status":"pending"', False),
        (json.dumps(ISSUE), True),
        ('{"title":"x","updatedAt":"2026', True),
        ('{"body":"long', True),
        ('{"body": 1}', False),
        ("[]", False),
    ],
)
def test_issues_are_recognised(head: str, is_github: bool) -> None:
    assert github_file.looks_like(head) == is_github


@pytest.mark.spec("002/FR-289")
def test_an_issue_a_line_is_the_same_as_in_an_array() -> None:
    """What `gh issue list --json ... --jq '.[]'` prints."""
    other = ISSUE | {"url": f"{URL}3", "state": "CLOSED"}
    lines = f"{json.dumps(ISSUE)}\n\n{json.dumps(other)}\n"

    assert recognise("-", lines).name == "github"
    assert recognise("issues.ndjson", lines).name == "github"
    assert tasks_of("github", lines.encode()) == tasks_of(
        "github", _file(ISSUE, other)
    )
    assert faults_of("github", f"{lines}{{\n5\n{lines}".encode()) == [
        "line 4: is not valid JSON: Expecting property name enclosed in "
        "double quotes (column 2)",
        "line 5: must be an object",
    ]


_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from(["milk", "a b"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["login", "name", "title", "id", "x", "body"]),
            inner,
            max_size=3,
        )
    ),
    max_leaves=6,
)


@examples(size(100, 200))
@given(
    st.dictionaries(
        st.sampled_from([*ISSUE, "comments", "milestone", "assignees", "x"]),
        _VALUES,
    )
)
def test_any_issue_is_a_task_or_a_fault(issue: dict[str, Any]) -> None:
    [candidate] = read_all("github", _file(issue))
    assert (candidate.task is None) == (candidate.fault is not None)
