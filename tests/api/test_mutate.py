"""Right requests of which some bytes are changed: no bug, and one line for each."""

import pytest

from tests.api import mutate
from tests.api.served import Served
from tests.support.size import size

CASES = size(120, 400)


@pytest.mark.spec("001/FR-114", "001/FR-116")
def test_nothing_is_found_by_some_hundred_changed_requests(
    light: Served,
) -> None:
    findings = mutate.attack(light, range(CASES), seed=1)

    assert findings.found == []
    assert set(findings.statuses) >= {200, 201, 400, 403, 404, 405, 422}


def test_case_depends_on_its_number_alone() -> None:
    cases = [mutate.make(1, number, 8000) for number in range(100)]

    assert cases == [mutate.make(1, number, 8000) for number in range(100)]
    assert {each.hangs_up for each in cases} == {True, False}
    assert {len(each.pieces) for each in cases} >= {1, 2, 4, 13}
