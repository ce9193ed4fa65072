"""What `todo doctor` reports about an embedded file and its disk.

Whoever may write to the folder of a file can replace it, or put a log beside it
that SQLite then writes into the file. So the rights of both matter. SQLite
itself hides why the system refuses something; a full or read-only disk is the
usual reason.
"""

import json
import os
import re
import stat
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any, Final

from todo_cli import disk, rules
from todo_cli.database import failures
from todo_cli.database.rows import NAMES
from todo_cli.database.run import Connection, Row, Statement
from todo_cli.errors import InvalidInput

if TYPE_CHECKING:
    from todo_cli.database.facts import Facts

_FEW_BYTES: Final = 20 * 1024**2
"""Less free room than this is worth a warning.

A log can grow to some megabytes before SQLite empties it.
"""
_FEW_INODES: Final = 100
"""The same for files: SQLite makes two beside the file."""
_CHECKED_UP_TO: Final = 16 * 1024**2
"""The largest file, in bytes, of which every page and index is checked.

That takes less than a second; SQLite's own program can check a larger one.
"""
_USED_BY_OTHERS: Final = 0o066
"""The rights of group and others to read and to write."""
_OF_VALUES: Final = ("CHECK constraint failed", "NULL value in")
"""How SQLite's check begins what it says about values, and not about damage."""
_HEADING: Final = "*** in database "
"""How its list of damaged pages begins."""
_LARGEST: Final = 2**31 - 1
"""The highest number that PostgreSQL's column can hold."""
_KINDS: Final = re.compile(
    "textintegertexttext(text|null)integertexttext(text|null)"
    "(text|null){4}textinteger(text|null)"
)
"""The types of all columns of a task, in SQLite's words."""

# Before SQLite opens the file


def add_of_disk(facts: "Facts", path: Path) -> None:
    """Add rights, files beside the file, and the room on its disk.

    SQLite makes files beside an open file, so this comes before.
    """
    # SQLite follows symlinks, and keeps its files beside the real one.
    path = disk.real(path)
    _add_beside(facts, path)
    _add_file(facts, path)
    _add_folder(facts, path.parent)
    _add_room(facts, path.parent)
    _add_rights(facts, path)


def _add_beside(facts: "Facts", path: Path) -> None:
    """Add the names of SQLite's files beside the file.

    They are there while a program has the file open, and after it was killed:
    SQLite puts them right by itself when it opens the file. A log that is not
    of this file is an error, which `sidecars.py` raises.
    """
    found = []
    for beside in disk.sidecars(path):
        # Not `exists`, which raises an error for a folder without rights.
        if os.path.lexists(beside):
            found.append(beside.name)
    facts.add("files_beside", found)


def _add_file(facts: "Facts", path: Path) -> None:
    """Add mode and owner of the file."""

    def take(found: os.stat_result) -> None:
        """Add what the system says."""
        mode = disk.rights(found.st_mode)
        facts.add("file_mode", mode, _warn_of_others(path, found))
        owner = disk.owner_of(found.st_uid)
        facts.add("file_owner", owner)
        facts.add("file_bytes", found.st_size)
        warning = None
        trouble = disk.look_at_names(path)
        if trouble is not None:
            warning = f"{trouble.refusal.words}: {trouble.refusal.hint}"
        facts.add("file_names", found.st_nlink, warning)

    names = ("file_mode", "file_owner", "file_bytes", "file_names")
    _ask(facts, names, os.stat, path, take)


def _warn_of_others(path: Path, found: os.stat_result) -> str | None:
    """Say how to keep others out of the file."""
    # Never advise to change the rights of a device such as /dev/null.
    if not stat.S_ISREG(found.st_mode) or not found.st_mode & _USED_BY_OTHERS:
        return None
    who = _who(found, _USED_BY_OTHERS)
    command = f"chmod 600 {quote(str(path))}"
    return f"{who} can read or write the tasks: `{command}`"


def _add_folder(facts: "Facts", folder: Path) -> None:
    """Add mode and owner of the folder."""

    def take(found: os.stat_result) -> None:
        """Add what the system says."""
        warning = None
        if found.st_mode & disk.WRITTEN_BY_OTHERS:
            advice = _close(folder, found)
            who = _who(found, disk.WRITTEN_BY_OTHERS)
            warning = f"{who} can replace the file or its log: {advice}"
        mode = disk.rights(found.st_mode)
        facts.add("folder_mode", mode, warning)
        owner = disk.owner_of(found.st_uid)
        facts.add("folder_owner", owner)

    names = ("folder_mode", "folder_owner")
    _ask(facts, names, os.stat, folder, take)


def _who(found: os.stat_result, rights: int) -> str:
    """Say who else has any of these rights."""
    if found.st_mode & rights & stat.S_IRWXO:
        return "others"
    # A group may share a store on purpose.
    group = disk.group_of(found.st_gid)
    return f"unless you share it on purpose, the group {group}"


def _close(folder: Path, found: os.stat_result) -> str:
    """Say how to keep others out of a folder."""
    is_ours = found.st_uid == os.geteuid()
    # A folder such as /tmp is for all, and stays as it is.
    if is_ours and not found.st_mode & stat.S_ISVTX:
        return f"`chmod go-w {quote(str(folder))}`"
    return "move it to a folder of your own"


def _ask(
    facts: "Facts",
    names: Sequence[str],
    call: Callable[[Path], Any],
    path: Path,
    take: Callable[[Any], None],
) -> None:
    """Ask the system about a path; `take` adds the values with these names.

    If it does not answer, note that for each name. A file that is not there is
    no reason for a warning.
    """
    try:
        found = call(path)
    except FileNotFoundError:
        for name in names:
            facts.add(name, None)
    except OSError as error:
        facts.add_unreadable(names, error)
    else:
        take(found)


def _add_room(facts: "Facts", folder: Path) -> None:
    """Add the free room of the disk, also where the folder comes only later."""
    # Unlike `Path.exists`, this never raises an error.
    while not os.path.exists(folder):
        folder = folder.parent
    take = partial(add_disk, facts)
    names = ("disk_free_bytes", "disk_free_inodes", "disk_read_only")
    _ask(facts, names, os.statvfs, folder, take)


def _add_rights(facts: "Facts", path: Path) -> None:
    """Add whether this account may write to the file and its folder.

    SQLite makes files beside it, so it needs both.
    """

    def take(trouble: disk.Trouble | None) -> None:
        """Add what is in the way."""
        warning = None
        if trouble is not None:
            warning = f"{trouble.refusal.words}: {trouble.refusal.hint}"
        facts.add("file_writable", trouble is None, warning)

    _ask(facts, ["file_writable"], disk.look_at_rights, path, take)


def add_disk(facts: "Facts", found: os.statvfs_result) -> None:
    """Add what the system says about a disk."""
    room = disk.room_of(found)
    warning = None
    if room.lacks(_FEW_BYTES):
        warning = "the disk is nearly full: make room"
    facts.add("disk_free_bytes", room.free_bytes, warning)
    inodes = room.free_inodes
    warning = None
    if inodes is not None and inodes < _FEW_INODES:
        warning = "the disk has room for hardly any more files: delete some"
    facts.add("disk_free_inodes", inodes, warning)
    warning = None
    if room.is_read_only:
        warning = (
            "tasks cannot be changed: mount it for writing, or name another "
            "file in TODO_DATABASE_URL"
        )
    facts.add("disk_read_only", room.is_read_only, warning)


# Of the open file


async def add(facts: "Facts", connection: Any, path: Path) -> None:
    """Add what only SQLite can tell, and check the pages of a small file.

    Raises:
        IoFailed: the file is damaged.
    """
    # For the query that looks for tasks that cannot be read.
    [(encoding,)] = await connection.fetch(Statement("PRAGMA encoding"))
    await connection.driver.create_function(
        "todo_is_readable",
        -1,
        partial(is_readable, encoding),
        deterministic=True,
    )

    def take_version(rows: list[Row]) -> None:
        """Add the version; one that is too old was refused before."""
        facts.add("sqlite_version", rows[0][0])

    def take_journal(rows: list[Row]) -> None:
        """Add the mode: `wal`, or `delete` where a file system lacks that."""
        facts.add("journal_mode", rows[0][0])

    ask = partial(facts.ask, connection)
    await ask(["sqlite_version"], "sqlite_version", take_version)
    journal = Statement("PRAGMA journal_mode")
    await ask(["journal_mode"], journal, take_journal)
    await _add_check(facts, connection, path)


async def _add_check(
    facts: "Facts", connection: Connection, path: Path
) -> None:
    """Have SQLite check every page of a small file.

    Raises:
        IoFailed: the file is damaged.
    """

    def take(rows: list[Row]) -> None:
        """Tell damage from values that break a CHECK."""
        # One row has a heading and all that is wrong with pages, line by line.
        lines = "\n".join(text for [text] in rows).splitlines()
        faults = [line for line in lines if _is_damage(line)]
        if faults:
            facts.add("pages", faults[0])
            raise failures.damaged(str(path), faults[0])
        facts.add("pages", "ok")

    # Looked up before; asking again would block the event loop.
    size = facts.values["file_bytes"] or 0
    if size > _CHECKED_UP_TO:
        facts.add("pages", "not checked: the file is large")
        return
    # Twenty lines are enough to tell damage from wrong values.
    check = Statement("PRAGMA integrity_check(20)")
    await facts.ask(connection, ["pages"], check, take)


def _is_damage(line: str) -> bool:
    """Whether a line of SQLite's check is about the file, not about values."""
    return line != "ok" and not line.startswith((_HEADING, *_OF_VALUES))


def is_readable(encoding: str, kinds: str, *values: bytes | None) -> bool:
    """Whether we can read a row of a task, and its values keep our rules.

    SQLite calls this as a function, because SQL cannot tell whether a text is
    UTF-8. Such a text would also fail on its way to Python, so it comes as
    bytes, in the encoding of the file: `UTF-8`, `UTF-16le` or `UTF-16be`.
    `kinds` are the types of all columns, joined; the values are those of all
    columns in their order.
    """
    if _KINDS.fullmatch(kinds) is None:
        return False
    texts: list[str | None] = []
    try:
        for value in values:
            texts.append(None if value is None else value.decode(encoding))
        _read(texts)
    except (ValueError, InvalidInput):
        return False
    return True


def _read(texts: Sequence[Any]) -> None:
    """Check the texts of a row; the user is the one we look for.

    Raises:
        ValueError: a time or the number is out of range.
        InvalidInput: the id or a text breaks a rule.
    """
    task = dict(zip(NAMES, texts, strict=True))
    rules.clean_id(task["id"])
    rules.clean_title(task["title"])
    rules.clean_description(task["description"])
    rules.clean_priority(task["priority"])
    rules.clean_project(task["project"])
    for name in ("number", "version"):
        if not 1 <= int(task[name]) <= _LARGEST:
            raise ValueError
    for name in ("created_at", "updated_at", "completed_at", "deleted_at"):
        time = task[name]
        if time is None:
            continue
        # Python's years end with 9999, and a zone can shift the last of them.
        if not 1900 <= datetime.fromisoformat(time).year <= 9998:
            raise ValueError
    for name in ("due_on", "wait_until"):
        day = task[name]
        if day is not None:
            rules.read_day(name, day)
    _read_tags(task["tags"])


def _read_tags(text: str) -> None:
    """Check the JSON of a task's tags.

    Raises:
        ValueError: it is no list of texts, each once and in order.
        InvalidInput: a tag breaks a rule.
    """
    tags = json.loads(text)
    is_list = isinstance(tags, list)
    if not is_list or not all(isinstance(tag, str) for tag in tags):
        raise ValueError
    if rules.clean_tags(tags) != tags:
        raise ValueError
