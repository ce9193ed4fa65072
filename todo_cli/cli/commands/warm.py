"""The commands of `todo warm`: on, off and status."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final

from todo_cli.cli.command import Command
from todo_cli.errors import IoFailed
from todo_cli.output import warmth

if TYPE_CHECKING:
    from todo_cli.cli.env import Env
    from todo_cli.output.views import Sheet

_AGAIN: Final = "`todo warm on` again, or `todo warm status`"


@dataclass(frozen=True, kw_only=True)
class On(Command[None]):
    """Keep two processes ready from now on; each runs one command and ends.

    What a command prints and does is the same, it is only sooner there. They
    end after 30 minutes without a command, and when you log out.

    \b
    Examples:
      todo warm on
    """

    needs_own_process: ClassVar[bool] = True

    def alone(self, env: "Env") -> "Sheet":
        """Start what keeps them ready, unless that runs already.

        Raises:
            IoFailed: it cannot be started.
        """
        from todo_cli.warm import control

        started = control.start()
        found = control.status()
        if found is None:
            raise IoFailed("It ended again at once", hint=_AGAIN)
        return warmth.started(found, env.now(), is_new=started.is_new)


@dataclass(frozen=True, kw_only=True)
class Off(Command[None]):
    """End the processes that are ready; a command that one runs is finished.

    \b
    Examples:
      todo warm off
    """

    needs_own_process: ClassVar[bool] = True

    def alone(self, env: "Env") -> "Sheet":
        """End what keeps them ready, if that runs."""
        from todo_cli.warm import control

        return warmth.stopped(was_on=control.stop())


@dataclass(frozen=True, kw_only=True)
class Show(Command[None]):
    """Show how many processes are ready, and how many commands they ran.

    A command that they cannot run as you would see it runs as usual, cold,
    and is counted with the reason.

    \b
    Examples:
      todo warm status
      todo warm status --json | jq .data.warm
    """

    needs_own_process: ClassVar[bool] = True

    def alone(self, env: "Env") -> "Sheet":
        """Ask what keeps them ready."""
        from todo_cli.warm import control

        return warmth.status(control.status(), env.now())
