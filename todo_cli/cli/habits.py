"""What people type by habit that names no command, and what they mean."""

import re
from collections.abc import Collection, Sequence
from typing import Final

from todo_cli.rules import UUID_TEXT

_MEANT: Final = """\
add: append create insert new
list: find grep query search tasks
list --status done: completed
list --status trash: bin deleted trash
list --status waiting: waiting
list --due overdue: overdue
list --due today: today
show: cat display get info view
update: change modify move mv rename set
note: annotate comment notes
done: close complete do finish mark tick
done --undo: reopen uncomplete undone
delete: del erase remove
restore: recover undelete unremove unrm untrash
purge: destroy wipe
purge --trash: clean clear empty
history: changes journal log operations
undo: revert rollback
doctor: check config diagnose status
serve: api rest server web
db import: import load
db policy: policy
db upgrade: init migrate setup upgrade
--help: commands help man usage
--version: version
"""
"""Commands, and after the colon the words that others use for them."""
_NUMBERS: Final = re.compile("#?[0-9][-0-9,#]*")


def meant(words: Sequence[str], known: Collection[str]) -> list[str]:
    """Return the command that words mean, of which the first is none.

    A number may come first: `3 done` means `done 3`. `known` are the commands.
    The result is empty if there is nothing to say.
    """
    first = words[0].lower()
    if _is_reference(first):
        return _turned(words, known)
    return _command_of(first, known)


def _turned(words: Sequence[str], known: Collection[str]) -> list[str]:
    """Put the tasks after the command; without one show them."""
    tasks: list[str] = []
    for word in words:
        if not _is_reference(word):
            command = _command_of(word.lower(), known)
            return [*command, *tasks] if command else []
        tasks.append(word)
    return ["show", tasks[0]]


def _is_reference(word: str) -> bool:
    """Whether a word names tasks."""
    is_number = _NUMBERS.fullmatch(word) is not None
    return is_number or UUID_TEXT.fullmatch(word) is not None


def _command_of(word: str, known: Collection[str]) -> list[str]:
    """Return the command that a word means, if any."""
    if word in known:
        return [word]
    for line in _MEANT.splitlines():
        command, _, others = line.partition(":")
        if word in others.split():
            return command.split()
    return []
