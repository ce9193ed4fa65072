"""The storm of `storm.py`."""

import pytest

from tests.support.size import in_long_runs
from tests.warm import storm


@in_long_runs
@pytest.mark.spec("002/FR-363", "002/FR-364")
def test_every_write_is_stored_once_while_the_parent_is_killed() -> None:
    found = storm.run(1000, 16, 20)

    assert found.said == []
    assert len(found.ended) == 1001
