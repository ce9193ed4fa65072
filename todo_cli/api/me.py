"""What `GET /api/me` answers: whose token a request has."""

from typing import Final

from todo_cli.api.holders import Holder
from todo_cli.output.views import Sheet
from todo_cli.task import json_value

_KEYS: Final = ("id", "name", "read_only", "expires_at")


def view(holder: Holder) -> Sheet:
    """Show who holds a token, and what it opens."""
    values = {"user_id": holder.user}
    for key in _KEYS:
        values[key] = json_value(getattr(holder, key))
    scope = "reads and changes"
    if holder.read_only:
        scope = "reads"
    return Sheet(values, f"This token {scope} the tasks of {holder.user}")
