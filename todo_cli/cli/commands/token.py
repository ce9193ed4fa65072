"""The commands of `todo token`: create, list and revoke."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, ClassVar, Final

import typer

from todo_cli import redact, token_text
from todo_cli.cli.command import Command
from todo_cli.cli.commands.options import AGE, DryRun
from todo_cli.errors import NOTHING_CHANGED, Conflict, InvalidInput
from todo_cli.output import tokens as views
from todo_cli.token_text import Token

if TYPE_CHECKING:
    from datetime import date

    from todo_cli.cli.context import RunContext
    from todo_cli.output.views import Sheet, ViewContext
    from todo_cli.tokens import NewToken, RevokedToken, TokenService

_NEVER: Final = "never"
_LIST: Final = ("token", "list")
"""The command that shows whether a token was stored."""


@dataclass(frozen=True, kw_only=True)
class Create(Command["NewToken"]):
    """Create a token that lets a program use your tasks over REST.

    Standard output gets the token and nothing else. It is never shown again:
    the store keeps only its hash.

    \b
    Examples:
      todo token create laptop
      todo token create ci --read-only --expires 30d
    """

    unchanged: ClassVar[str] = NOTHING_CHANGED

    name: Annotated[
        str,
        typer.Argument(metavar="NAME", help="Your name for the token."),
    ]
    read_only: Annotated[
        bool,
        typer.Option(
            "--read-only", help="Let it read tasks, but change nothing."
        ),
    ] = False
    expires: Annotated[
        str,
        typer.Option(
            "--expires",
            metavar="AGE",
            help="How long it is valid: 30d, 2w, 6m, 1y, or never.",
        ),
    ] = "90d"

    def __post_init__(self) -> None:
        """Check the name, and that the time has the form of one.

        Raises:
            InvalidInput: one of them breaks a rule.
        """
        token_text.clean_name(self.name)
        word = self._lifetime()
        if word != _NEVER and AGE.fullmatch(word) is None:
            shown = redact.shown(self.expires)
            raise _wrong_time(f"`{shown}` is not a time")

    def _lifetime(self) -> str:
        """Return the value of `--expires` in its plain form."""
        return self.expires.strip().lower()

    async def run(self, context: "RunContext") -> "NewToken":
        """Make the token, and store its hash.

        Raises:
            InvalidInput: it would end at once, or after all days.
            Conflict: there is one of this name that is not revoked.
        """
        lifetime = None
        if self._lifetime() != _NEVER:
            lifetime = _time(self._lifetime(), context.today)
        service = _service(context, is_trial=False)
        try:
            return await service.create(
                self.name, read_only=self.read_only, lifetime=lifetime
            )
        except Conflict as error:
            if error.hint is None:
                revoke = context.command("token", "revoke", self.name)
                error.hint = f"choose another name, or `{revoke}`"
            raise

    def view(self, result: "NewToken", context: "ViewContext") -> "Sheet":
        """Show the token, this one time."""
        return views.created(result, context)

    def repeat(self) -> Sequence[str]:
        """List the tokens: one whose text was lost can only be revoked."""
        return _LIST


@dataclass(frozen=True, kw_only=True)
class List(Command[list[Token]]):
    """List your tokens: what each may do, when it expires and when it was used.

    The tokens themselves cannot be shown: the store has only their hashes.

    \b
    Examples:
      todo token list
      todo token list --all
    """

    everything: Annotated[
        bool,
        typer.Option("--all", help="Also show revoked tokens."),
    ] = False

    async def run(self, context: "RunContext") -> list[Token]:
        """Read the tokens, the latest first."""
        service = _service(context, is_trial=False)
        return await service.list(with_revoked=self.everything)

    def view(self, result: list[Token], context: "ViewContext") -> "Sheet":
        """Show a line for each."""
        return views.listed(result, context)


@dataclass(frozen=True, kw_only=True)
class Revoke(Command["RevokedToken"]):
    """Revoke a token, so that it stops working.

    This cannot be undone. The name can then be used for another token.

    \b
    Examples:
      todo token revoke ci
    """

    unchanged: ClassVar[str] = NOTHING_CHANGED

    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME", help="The token's name, or its id (a UUID)."
        ),
    ]
    dry_run: DryRun = False

    def __post_init__(self) -> None:
        """Check what names the token."""
        token_text.read_key(self.name)

    async def run(self, context: "RunContext") -> "RevokedToken":
        """Revoke the token; one that is revoked stays as it is.

        Raises:
            NotFound: there never was such a token.
        """
        service = _service(context, is_trial=self.dry_run)
        return await service.revoke(token_text.read_key(self.name))

    def view(self, result: "RevokedToken", context: "ViewContext") -> "Sheet":
        """Name the token."""
        return views.revoked(result, context)

    def repeat(self) -> Sequence[str]:
        """Revoke it again, which is idempotent."""
        return ["token", "revoke", self.name]


def _service(context: "RunContext", *, is_trial: bool) -> "TokenService":
    """Return the tokens of the user."""
    # Late: it loads the store, which is not needed to parse the line.
    from todo_cli.tokens import TokenService

    return TokenService(
        context.database,
        context.settings.user,
        context.env.now,
        is_trial=is_trial,
    )


def _time(text: str, today: "date") -> timedelta:
    """Read a time: `6m` is as long as the next six months are.

    Raises:
        InvalidInput: it is no day long, or goes beyond all days.
    """
    from todo_cli import days

    try:
        last = days.read_day(f"+{text}", today, last=True)
    except InvalidInput:
        # It has the form of an age, so it can only be too long.
        raise _wrong_time(f"{redact.shown(text)} is too long") from None
    lifetime = last - today
    if lifetime < timedelta(days=1):
        raise _wrong_time("must be at least a day")
    return lifetime


def _wrong_time(fault: str) -> InvalidInput:
    """Return the error for a wrong `--expires`."""
    return InvalidInput.of(
        "expires", f"{fault}; say 30d, 2w, 6m, 1y or {_NEVER}"
    )
