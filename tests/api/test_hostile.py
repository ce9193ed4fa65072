"""Whatever bytes come, nothing is a bug, and the server goes on answering."""

import pytest

from tests.api import hostile
from tests.api.served import Served
from tests.support.size import size

CASES = size(200, 400)


@pytest.mark.spec("001/FR-116")
def test_nothing_is_found_by_some_hundred_hostile_requests(
    light: Served,
) -> None:
    findings = hostile.attack(light, range(CASES), seed=1)

    assert findings.found == []
    assert set(findings.statuses) >= {200, 400, 404, 405, 422}


HEAD = b"HTTP/1.1 %d Whatever\r\ncontent-length: %d\r\ncontent-type: application/json\r\n\r\n"


def test_findings_are_seen() -> None:
    success, failure = b'{"success": true}\n', b'{"success": false}\n'
    right = [
        b"",
        HEAD % (200, 18) + success,
        b"HTTP/1.1 100 Continue\r\n\r\n" + HEAD % (404, 19) + failure,
        HEAD % (405, 19) + HEAD % (404, 19) + failure,  # the first to a HEAD
        HEAD % (200, 18) + b'{"succ',
    ]
    wrong = [
        HEAD % (500, 19) + failure,
        HEAD % (200, 19) + failure,
        HEAD % (404, 4) + b"null",
        HEAD % (404, 0) + b"ab",
        b"ab",
    ]
    for received in right + wrong:
        answers = list(hostile.read_answers(received))
        assert any(what for _, what in answers) is (received in wrong), (
            received
        )
    for line, is_usual in {
        "GET /api/ada/tasks 200 1.0 ms": True,
        "POST /api/ada/tasks - 1.0 ms": True,
        "- - 400 0.0 ms": True,
        "warning: Invalid HTTP request received.": False,
        "GET /api/ada/tasks 500 1.0 ms": False,
        "bug: ValueError in x.py:1": False,
        "warning: Unsupported upgrade request.": False,
    }.items():
        assert hostile.is_usual(line) is is_usual
