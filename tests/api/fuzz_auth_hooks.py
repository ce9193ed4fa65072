"""What Schemathesis does not know of `todo serve --auth`: whose path a token opens, and
that an address may send only some wrong tokens.
"""

from typing import Any, Final
from zlib import crc32

import schemathesis
from schemathesis.core.parameters import ParameterLocation
from schemathesis.openapi.checks import RejectedPositiveData

from tests.api import fuzz_hooks

__all__ = ["fuzz_hooks"]

USER: Final = "ada"
"""Whose token it has."""
NAMES: Final = (USER, "me")
"""What that user is called in a path."""
PLACE: Final = "user_id"


@schemathesis.hook
def before_call(
    context: schemathesis.HookContext, case: Any, kwargs: dict[str, Any]
) -> None:
    """Have five of six paths be the user's own, the same whenever the path is the same;
    and each request come from another address, as a proxy says it.
    """
    is_wrong = case.meta.is_negative_at
    # What is wrong by intention would be taken for right after a change.
    if not is_wrong(ParameterLocation.HEADER):
        number = crc32(case.id.encode())
        address = ".".join(f"{byte}" for byte in number.to_bytes(4))
        case.headers["X-Forwarded-For"] = address
    user = case.path_parameters.get(PLACE)
    if user is None or is_wrong(ParameterLocation.PATH):
        return
    turn = crc32(str(user).encode(errors="surrogatepass"))
    if turn % fuzz_hooks.EVERY:
        case.path_parameters[PLACE] = NAMES[turn % len(NAMES)]


@schemathesis.hook
def filter_failure(
    context: schemathesis.HookContext, failure: Any, case: Any, response: Any
) -> bool:
    """Pass over that the path of somebody else is refused, whatever else is sent."""
    if not isinstance(failure, RejectedPositiveData):
        return True
    return response.status_code != 403 or is_own(case.path_parameters)


def is_own(parameters: dict[str, Any]) -> bool:
    """Whether a path is the user's own, or of no user."""
    return str(parameters.get(PLACE, USER)).strip() in NAMES
