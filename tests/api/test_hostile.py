"""Whatever bytes come, nothing is a bug, and the server goes on answering."""

import pytest

from tests.api import hostile, hostile_requests
from tests.api.served import serving
from tests.support.program import Process

CASES = 400


@pytest.mark.spec("001/FR-116")
def test_nothing_is_found_by_some_hundred_hostile_requests(process: Process) -> None:
    with serving(process) as served:
        findings = hostile.attack(served, range(CASES), seed=1)

    assert findings.found == []
    assert set(findings.statuses) >= {200, 400, 404, 405, 422}


def test_case_is_the_same_whenever_it_is_made() -> None:
    assert [hostile_requests.make(3, number, 80) for number in range(50)] == [
        hostile_requests.make(3, number, 80) for number in range(50)
    ]


HEAD = b"HTTP/1.1 %d Whatever\r\ncontent-length: %d\r\ncontent-type: application/json\r\n\r\n"


@pytest.mark.parametrize(
    ("received", "statuses", "is_right"),
    [
        (b"", [], True),
        (HEAD % (200, 18) + b'{"success": true}\n', [200], True),
        (HEAD % (404, 19) + b'{"success": false}\n', [404], True),
        (
            b"HTTP/1.1 100 Continue\r\n\r\n"
            + HEAD % (404, 19)
            + b'{"success": false}\n',
            [100, 404],
            True,
        ),
        (
            HEAD % (405, 19) + HEAD % (404, 19) + b'{"success": false}\n',
            [405, 404],
            True,
        ),
        (HEAD % (200, 18) + b'{"succ', [200], True),
        (HEAD % (500, 19) + b'{"success": false}\n', [500], False),
        (HEAD % (200, 19) + b'{"success": false}\n', [200], False),
        (HEAD % (404, 4) + b"null", [404], False),
        (HEAD % (404, 2) + b"ab", [404], False),
        (HEAD % (404, 0) + b"ab", [404, 0], False),
        (b"ab", [0], False),
    ],
)
def test_answers_are_told_apart(
    received: bytes, statuses: list[int], is_right: bool
) -> None:
    answers = list(hostile.read_answers(received))

    assert [status for status, _ in answers] == statuses
    assert all(what == "" for _, what in answers) is is_right


@pytest.mark.parametrize(
    ("line", "is_usual"),
    [
        ("GET /api/ada/tasks 200 1.0 ms", True),
        ("POST /api/ada/tasks - 1.0 ms", True),
        ("warning: Invalid HTTP request received.", True),
        ("GET /api/ada/tasks 500 1.0 ms", False),
        ("bug: ValueError in x.py:1", False),
        ("error: Fatal error: protocol.data_received() call failed.", False),
        ("warning: Unsupported upgrade request.", False),
    ],
)
def test_unusual_lines_of_the_log_are_seen(line: str, is_usual: bool) -> None:
    assert hostile.is_usual(line) is is_usual
