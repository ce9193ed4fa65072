"""The words of `todo connect`: what it found, wrote and copied."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from shlex import quote
from typing import TYPE_CHECKING, Any, Final

from todo_cli.output import views, words
from todo_cli.output.views import Sheet, ViewContext

if TYPE_CHECKING:
    from todo_cli.database.transfer import Imported

_NAMED_UP_TO: Final = 5
"""How many lists a line names at most."""


@dataclass(frozen=True, slots=True)
class Use:
    """Which store commands use from now on."""

    place: str
    """Where it is; "" if the setting cannot be used."""
    source: str
    """The setting that chooses it."""


@dataclass(frozen=True, slots=True)
class Connected:
    """What `todo connect` has done."""

    place: str
    login: str | None
    """The role on the server."""
    is_new: bool
    """Whether the tables were made now."""
    tasks: Mapping[str, int]
    """How many tasks each user had before, by name."""
    user: str
    config_file: str
    version: str = ""
    """That of the tables."""
    is_older: bool = False
    """Whether they have to be upgraded before they can be used."""
    replaced: str | None = None
    """The store that the config file named before, if it was another one."""
    imported: "Imported | None" = None
    left: int = 0
    """How many tasks of the embedded file did not come along."""
    embedded_file: str = ""
    lacks_tasks: bool = False
    """Whether the embedded file has none, although they were to come along."""
    rival: Use | None = None
    """The store that commands use instead, by a setting that wins."""
    filled_by: Sequence[str] = ()
    """The variables that filled what the connection string leaves out."""
    is_exposed: bool = False
    """Whether data leaves this machine without TLS."""
    only_user: str | None = None
    """The only user whose tasks the role may keep."""


@dataclass(frozen=True, slots=True)
class Disconnected:
    """What `todo connect --off` has done."""

    config_file: str | None
    """None without a home folder."""
    left: str | None
    """The store that the config file named; None if it named none."""
    use: Use
    is_embedded: bool
    """Whether commands use the embedded file from now on."""
    user: str
    is_user_saved: bool = False
    """Whether the user is in the config file now."""
    owners: Sequence[str] = field(default=())
    """Whose tasks are in the embedded file."""


def connected(result: Connected, context: ViewContext) -> Sheet:
    """Say what was found, what is set now, and which tasks came along.

    `data` has all of it, and the warnings.
    """
    lines = [_found(result), _set(result)]
    imported = None
    if result.lacks_tasks:
        lines.append(
            f"No tasks to bring along: {result.embedded_file} has none"
        )
    brief = list(lines)
    message = ". ".join(lines)
    if result.imported is not None:
        # It is about the list that is yours from now on.
        mine = replace(context, user=result.user, is_new_store=False)
        copied = views.imported(result.imported, mine)
        imported = copied.data
        lines += copied.lines
        brief += copied.brief
        message += f". {copied.message}"
    warnings = _warnings(result)
    data = _data(result) | {"imported": imported, "warnings": warnings}
    return Sheet(data, message, lines, brief, warnings=warnings)


def _data(result: Connected) -> dict[str, Any]:
    """Return what programs get, but for the import and the warnings."""
    lists = []
    for user, count in result.tasks.items():
        lists.append({"user": user, "tasks": count})
    return {
        "place": result.place,
        "login": result.login,
        "schema": result.version,
        "created": result.is_new,
        "user": result.user,
        "lists": lists,
        "config_file": result.config_file,
        "replaced": result.replaced,
        "left": result.left,
    }


def lists_of(tasks: Mapping[str, int]) -> str:
    """Name lists, as in `12 tasks of ada and 1 task of bob`."""
    named = []
    for user, count in list(tasks.items())[:_NAMED_UP_TO]:
        named.append(f"{words.amount(count, 'task')} of {user}")
    more = len(tasks) - _NAMED_UP_TO
    if more > 0:
        named.append(words.amount(more, "more list"))
    *first, last = named
    if not first:
        return last
    return f"{', '.join(first)} and {last}"


def _found(result: Connected) -> str:
    """Say where the store is and what it had."""
    line = f"Connected to {result.place}"
    if result.login is not None:
        line += f" with the role {result.login}"
    if result.is_new:
        return f"{line}; its tables are new"
    if not result.tasks:
        return f"{line}, which has no tasks yet"
    return f"{line}, which has {lists_of(result.tasks)}"


def _set(result: Connected) -> str:
    """Say what is in the config file now."""
    whose = f"you are {result.user}"
    if result.user not in result.tasks:
        whose += ", a new list"
    line = f"Saved in {result.config_file}; {whose}"
    if result.replaced is not None:
        line += f". It replaces {result.replaced}"
    return line


def _warnings(result: Connected) -> list[str]:
    """Say what the reader may not expect, and what to do about it."""
    found = []
    rival = result.rival
    if rival is not None:
        found.append(
            f"{rival.source} wins over the config file, so commands use "
            f"{rival.place or 'it'}: unset it"
        )
    if result.filled_by:
        names = ", ".join(result.filled_by)
        found.append(
            f"{names} filled what the connection string leaves out, and is "
            "not saved: every command needs it"
        )
    if result.is_exposed:
        found.append(
            "`sslmode=disable` sends tasks and password over the network as "
            "they are: leave it out"
        )
    if result.only_user not in (None, result.user):
        found.append(
            f"this role may only keep the tasks of {result.only_user}: "
            f"`todo connect --user {quote(str(result.only_user))}`"
        )
    if result.is_older:
        found.append(
            f"the tables are of an older version ({result.version}): "
            "`todo db upgrade`"
        )
    if result.left > 0:
        found.append(_left(result))
    return found


def _left(result: Connected) -> str:
    """Say how the tasks of the embedded file can come along later."""
    whose = quote(result.user)
    path = quote(result.embedded_file)
    return (
        f"{words.amount(result.left, 'task')} stayed in the embedded file: "
        f"`todo db import {path} --as {whose} --renumber`"
    )


def disconnected(result: Disconnected, context: ViewContext) -> Sheet:
    """Say where commands go now, and how tasks can be brought along."""
    first = "No config file names a store"
    if result.left is not None:
        first = f"Disconnected from {result.left}, where the tasks stay"
    elif not result.is_user_saved:
        first += "; nothing was changed"
    lines = [first, _used(result.use)]
    if result.is_user_saved:
        lines.append(f"You are {result.user} from now on")
    if result.owners and result.user not in result.owners:
        lines.append(_whose(result))
    data = {
        "config_file": result.config_file,
        "left": result.left,
        "place": result.use.place or None,
        "chosen_by": result.use.source,
        "user": result.user or None,
    }
    return Sheet(data, ". ".join(lines), lines, hint=_way_back(result))


def _way_back(result: Disconnected) -> str:
    """Say how tasks of the server get into the embedded file."""
    if result.left is None or not result.is_embedded:
        return ""
    importing = "todo db import FILE"
    # The same tasks can be there under this name.
    if len(result.owners) == 1 and result.user not in result.owners:
        importing += f" --as {quote(result.owners[0])}"
    return (
        "to bring them here: `todo connect`, `todo db backup FILE`, "
        f"`todo connect --off`, `{importing} --renumber`"
    )


def _whose(result: Disconnected) -> str:
    """Say whose tasks are in the embedded file, and how they are used."""
    owners = result.owners
    line = f"It has tasks of {', '.join(owners[:_NAMED_UP_TO])}"
    if result.user:
        line += f"; you are {result.user}"
    return (
        f"{line}: `todo connect --off --user {quote(owners[0])}` changes that"
    )


def _used(use: Use) -> str:
    """Say which store commands use now."""
    if not use.place:
        return f"Commands now read {use.source}, which cannot be used"
    line = f"Commands now use {use.place}"
    if use.source.endswith("DATABASE_URL"):
        line += f", because {use.source} is set"
    return line
