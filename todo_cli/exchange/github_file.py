"""The issues of a repository, as `gh issue list --json ...` prints them.

It is an array, or with `--jq '.[]'` an issue a line, and which members an issue
has is up to `--json`. An issue that is closed is done. A label that can be a tag
is one; all other members that have a value are kept as text, as `name: value`.
Of people only the login is kept, and of a comment its day, author and text.

Nobody can shorten a stranger's issue, so the body is cut where it is too long,
and names the URL of the rest. The id is made of the URL: a repeat adds
nothing, also when the issue has changed.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from todo_cli import rules
from todo_cli.exchange import json_text
from todo_cli.exchange.draft import Draft, Setting
from todo_cli.exchange.source import Source

_BEGINNING: Final = re.compile(r'\s*(?:\[\s*)?\{\s*"')
"""An object, or an array whose first element is one."""
_BODY_FIRST: Final = re.compile(r'\s*(?:\[\s*)?\{\s*"body"\s*:\s*"')
"""The usual first member: `gh` sorts them. A body can fill the whole head."""
_MEMBER: Final = re.compile(
    r'[{,]\s*"(?:createdAt|closedAt|updatedAt|stateReason)"\s*:'
    r'|[{,]\s*"state"\s*:\s*"(?:OPEN|CLOSED|MERGED)"'
)
"""What an issue has, and no task of another format."""
_STATES: Final = {
    "OPEN": False,
    "CLOSED": True,
    # A pull request: `gh pr list` prints the same members.
    "MERGED": True,
}
"""Whether an issue in this state is done."""
_SILENT_STATES: Final = ("OPEN", "CLOSED")
"""States that a task has, too; others are kept as text."""
_TIMES: Final = {
    "createdAt": "created_at",
    "updatedAt": "updated_at",
}
"""The times that every issue has, and the fields that hold them."""
_NAMES: Final = ("login", "title", "name")
"""Members that name an object: a person, a milestone, a label."""
_KINDS: Final = {
    "url": "URL",
    "assignees": "assignee",
    "author": "author",
}
"""How the answer of an import counts what was kept; else `attribute`."""
_NOTHING: Final[tuple[Any, ...]] = (None, "", [], {})
"""Values that say nothing."""
_USED: Final = (
    "title",
    "body",
    "labels",
    "state",
    "closed",
    "closedAt",
    "comments",
    "number",
    # Of GitHub's machines, as `url` is of people.
    "id",
    *_TIMES,
)
"""Members that are read one by one; the others are kept as text."""

_DAY_LENGTH: Final = len("2026-12-24")
"""How much of the time of a comment is kept."""

Issue = Mapping[str, Any]
"""An object as the file has it."""


def looks_like(head: str) -> bool:
    """Whether a file that begins so has issues."""
    if _BODY_FIRST.match(head):
        return True
    return bool(_BEGINNING.match(head) and _MEMBER.search(head))


def read(
    source: Source, setting: Setting, columns: Mapping[str, str]
) -> Iterator[Draft]:
    """Read issues, in the order of the file.

    A bad one is a draft with a fault. In an array the parser cannot go on after
    what is no JSON, so that is the last one.
    """
    for element in json_text.records(source):
        if element.fault is not None:
            yield Draft.broken(element.place, element.fault)
            continue
        try:
            yield _draft(element)
        except json_text.NotJson as error:
            yield Draft.broken(element.place, str(error))


def _draft(element: json_text.Element) -> Draft:
    """Make a draft of an issue.

    Raises:
        NotJson: a member is nested too deeply to be written again.
    """
    issue = element.value
    fault = _fault_of(issue)
    if fault is not None:
        return Draft.broken(element.place, fault)
    draft = Draft(element.place)
    # Without a URL only the whole text tells two issues apart.
    draft.key = _url_of(issue) or element.text
    draft.title(issue.get("title") or "")
    _read_state(draft, issue)
    for member, name in _TIMES.items():
        _offer_time(draft, name, member, issue.get(member))
    _read_labels(draft, issue)
    for member, value in issue.items():
        if member not in _USED:
            _keep(draft, member, value)
    _keep_number(draft, issue)
    _describe(draft, issue)
    return draft


def _fault_of(issue: Any) -> str | None:
    """Say what is not as `gh` writes it; None if nothing is."""
    if not isinstance(issue, dict):
        return "must be an object"
    for member in ("title", "body"):
        if not isinstance(issue.get(member) or "", str):
            return f"{member}: must be text"
    for member in ("labels", "comments"):
        if not isinstance(issue.get(member) or [], list):
            return f"{member}: must be an array"
    return None


def _url_of(issue: Issue) -> str:
    """Return the URL; empty if `--json` did not ask for it."""
    url = issue.get("url")
    return url if isinstance(url, str) else ""


def _read_state(draft: Draft, issue: Issue) -> None:
    """Read whether it is closed, and since when.

    Without a state, the member `closed` says it; without that one it is open.
    """
    is_closed = bool(issue.get("closed"))
    state = issue.get("state")
    if state is not None:
        word = json_text.written(state).upper()
        is_closed = _STATES.get(word, is_closed)
        if word not in _SILENT_STATES:
            _keep(draft, "state", state)
    draft.values["completed"] = is_closed
    closed_at = issue.get("closedAt")
    if is_closed:
        _offer_time(draft, "completed_at", "closedAt", closed_at)
    else:
        # It was reopened since.
        _keep(draft, "closedAt", closed_at)


def _offer_time(draft: Draft, name: str, member: str, time: Any) -> None:
    """Set a time, or keep what is none."""
    if time is None:
        return
    line = f"{member}: {json_text.written(time)}"
    draft.offer(name, time, "attribute", line)


def _read_labels(draft: Draft, issue: Issue) -> None:
    """Make the labels tags; one with a blank cannot be one, and is kept."""
    for label in issue.get("labels") or ():
        name = _name_of(label)
        line = f"label: {name}"
        draft.offer_tag(name, "label", line)


def _name_of(value: Any) -> str:
    """Return how an object is called; else the value, as JSON.

    Raises:
        NotJson: it is nested too deeply to be written again.
    """
    if isinstance(value, dict):
        for member in _NAMES:
            name = value.get(member)
            if isinstance(name, str) and name:
                return name
    return json_text.written(value)


def _keep(draft: Draft, name: str, value: Any) -> None:
    """Keep a member as text: a line for each thing that it has."""
    kind = _KINDS.get(name, "attribute")
    values = value if isinstance(value, list) else [value]
    for each in values:
        if each in _NOTHING:
            continue
        text = _name_of(each)
        draft.keep(kind, f"{name}: {text}")
        # Of people the login is enough.
        if isinstance(each, dict) and "login" not in each:
            _keep_parts(draft, name, each, text)


def _keep_parts(draft: Draft, name: str, value: Issue, text: str) -> None:
    """Keep the members of an object besides its name.

    Such as the day on which a milestone is due.
    """
    for member, inner in value.items():
        if member == "id" or inner == text or inner in _NOTHING:
            continue
        shown = json_text.written(inner)
        draft.keep("attribute", f"{name}.{member}: {shown}")


def _keep_number(draft: Draft, issue: Issue) -> None:
    """Keep the number of the issue, unless the URL ends with it."""
    number = issue.get("number")
    if number is None:
        return
    shown = json_text.written(number)
    if not draft.key.endswith(f"/{shown}"):
        draft.keep("number", f"number: {shown}")


def _describe(draft: Draft, issue: Issue) -> None:
    """Make the description: the body, the comments, and as much as fits."""
    parts = [issue.get("body") or ""]
    comments = issue.get("comments") or []
    if comments:
        parts += map(_comment, comments)
        draft.kept["comment"] = len(comments)
    text = "\n\n".join(filter(None, parts))
    text = text.replace("\r\n", "\n")
    draft.values["description"] = text
    _shorten(draft, text, _url_of(issue))


def _shorten(draft: Draft, text: str, url: str) -> None:
    """Cut the text where it is too long, and say where the rest is.

    Without a URL nobody would find the rest. Then a rule refuses the text.
    """
    whole = draft.description() or ""
    surplus = len(whole) - rules.DESCRIPTION_LENGTH
    if surplus <= 0 or not url:
        return
    rest = f"\n… the rest is at {url}"
    length = len(text) - surplus - len(rest)
    # If not even the other lines fit, a rule says so.
    if length >= 0:
        draft.values["description"] = text[:length] + rest
        draft.kept["shortened text"] = 1


def _comment(comment: Any) -> str:
    """Write a comment: its day, who wrote it, and what."""
    if not isinstance(comment, dict):
        return json_text.written(comment)
    time = json_text.written(comment.get("createdAt") or "")
    author = _name_of(comment.get("author") or "")
    head = f"{time[:_DAY_LENGTH]} {author}".strip()
    body = json_text.written(comment.get("body") or "")
    return f"{head}: {body}" if head else body
