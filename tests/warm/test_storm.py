"""A small storm: see `storm.py`."""

import pytest

from tests.support.size import size
from tests.warm import storm


@pytest.mark.spec("002/FR-363", "002/FR-364")
def test_every_write_is_stored_once_while_the_parent_is_killed() -> None:
    found = storm.run(size(24, 1000), size(6, 16), size(2, 20))

    assert found.said == []
    assert len(found.ended) == size(24, 1000) + 1
