"""The command completion."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

import typer

from todo_cli import disk
from todo_cli.cli.command import Command
from todo_cli.cli.parser import one_of
from todo_cli.completion import scripts
from todo_cli.errors import IoFailed
from todo_cli.output import views

if TYPE_CHECKING:
    from todo_cli.cli.env import Env
    from todo_cli.output.views import Sheet

Shell = Literal["bash", "zsh", "fish"]


@dataclass(frozen=True, kw_only=True)
class Completion(Command[None]):
    """Print the script that makes Tab complete commands, options and tasks.

    To turn it on, add the line for your shell to its startup file, and open a
    new terminal. For zsh it must be the last line.

    \b
    ~/.bashrc:                   eval "$(todo completion bash)"
    ~/.zshrc:                    eval "$(todo completion zsh)"
    ~/.config/fish/config.fish:  todo completion fish | source

    Tasks, projects and tags come from the embedded file. From a server they come
    only while `todo warm` has a connection ready: Tab never connects.

    \b
    Examples:
      todo completion bash
      todo completion zsh > ~/.zfunc/_todo
    """

    obeys_output: ClassVar[bool] = False

    shell: Annotated[
        Shell,
        typer.Argument(
            metavar="bash|zsh|fish",
            callback=one_of(Shell),
            help="Your shell.",
        ),
    ]

    def alone(self, env: "Env") -> "Sheet":
        """Read the script.

        Raises:
            IoFailed: it cannot be read.
        """
        try:
            script = scripts.read(self.shell)
        except OSError as error:
            reason = disk.explain(error).words
            message = f"The script for {self.shell} cannot be read: {reason}"
            raise IoFailed(message, hint="install todo again") from error
        return views.completion(self.shell, script)
