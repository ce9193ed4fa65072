"""Write `commands.txt`, the table of commands that completion reads.

Usage: python -m todo_cli.completion.build [--check]

With `--check` nothing is written, and the exit status is 1 if the file is out of
date.

A command begins with `command`, its names and its first sentence, separated by
tabs. A line for each of its arguments and options follows: the flags, or `.`;
the kind of value; `+` if there can be several; and the help.
"""

import sys
from collections.abc import Iterator, Sequence
from typing import Any, Final

from todo_cli.cli.app import commands
from todo_cli.cli.parser import ALIASES
from todo_cli.completion.table import FLAG, PATH, ROOT
from todo_cli.exchange import formats

_SCOPES: Final = {"done": "open", "purge": "any", "restore": "trash"}
"""Which tasks the REF of a command means, if not all outside the trash."""
_KINDS: Final = {
    "--due": "day",
    "--wait": "day",
    "--since": "past",
    "--until": "past",
    "--on": "past",
    "--project": "project",
    "--tag": "tag",
    "--no-tag": "tag",
    "--add-tag": "tag",
    "--remove-tag": "tag",
}
"""The kinds of values of options, by the flag; see `suggest.py`."""
_CLEARS: Final = ("list", "export", "update")
"""The commands whose options also take `none`."""
_OF_HELP: Final = "\t.\tcommand\t+\tCOMMAND"
"""The argument of `help`, which is no command of the parser."""
_FILES: Final = ("FILE", "PATH")


def written() -> str:
    """Return the content that the file should have."""
    root = commands()
    lines = [*_lines(ROOT, root)]
    for name, command in root.commands.items():
        lines += _lines(name, command)
        for part, inner in getattr(
            command,
            "commands",
            {},
        ).items():
            lines += _lines(f"{name} {part}", inner)
    lines += ["command\thelp\tExplain a command", _OF_HELP]
    return "".join(f"{line}\n" for line in lines)


def _lines(
    name: str,
    command: Any,
) -> Iterator[str]:
    """Write a command: its names, its arguments and its options."""
    others = [alias for alias, meant in ALIASES.items() if meant == name]
    names = ",".join([name, *others])
    yield f"command\t{names}\t{_sentence(command.help or '')}"
    parent, settings = _root_of(name), command.context_settings
    context = command.context_class(
        command,
        parent=parent,
        **settings,
    )
    for parameter in command.get_params(context):
        if not getattr(
            parameter,
            "hidden",
            False,
        ):
            yield _line(
                name,
                parameter,
                context,
            )
            yield from _opposite(parameter)


def _root_of(name: str) -> Any:
    """Return the context of `todo`, whose options every command takes."""
    root = commands()
    if name == ROOT:
        return None
    return root.context_class(root, **root.context_settings)


def _sentence(text: str) -> str:
    """Return the first sentence of a help, without its full stop."""
    paragraph, _, _ = text.partition("\n\n")
    sentence, _, _ = " ".join(paragraph.split()).partition(". ")
    return sentence.removesuffix(".")


def _line(
    name: str,
    parameter: Any,
    context: Any,
) -> str:
    """Write an argument or an option of a command."""
    is_many = parameter.nargs == -1 or getattr(
        parameter,
        "multiple",
        False,
    )
    many = "+" if is_many else ""
    if parameter.param_type_name == "argument":
        shown = parameter.metavar
        kind = _kind_of(
            name,
            parameter,
            shown,
        )
        return f"\t.\t{kind}\t{many}\t{shown}"
    kind = FLAG
    if not parameter.is_flag:
        shown = parameter.display_type_rich(context)
        kind = _kind_of(
            name,
            parameter,
            shown,
        )
    # Those of the help come in no order.
    flags = " ".join(sorted(parameter.opts, key=len))
    return f"\t{flags}\t{kind}\t{many}\t{_sentence(parameter.help or '')}"


def _opposite(parameter: Any) -> Iterator[str]:
    """Write the option that says no, such as `--no-import`, if there is one."""
    flags = " ".join(parameter.secondary_opts)
    if flags:
        yield f"\t{flags}\t{FLAG}\t\t{_sentence(parameter.help or '')}"


def _kind_of(
    name: str,
    parameter: Any,
    shown: str,
) -> str:
    """Choose the kind of a value; choices follow an `=`.

    `shown` is what the help shows for it, such as `REF` or `open|done`.
    """
    if shown == "REF":
        return f"ref:{_SCOPES.get(name, 'live')}"
    if shown in _FILES:
        return "file"
    choices = _choices(
        name,
        parameter,
        shown,
    )
    if choices:
        return f"={'|'.join(choices)}"
    return _kind_of_option(name, parameter)


def _choices(
    name: str,
    parameter: Any,
    shown: str,
) -> Sequence[str]:
    """Return the words that an option or an argument takes, if it has some."""
    if "--format" in parameter.opts:
        return formats.READ if name == "import" else formats.WRITTEN
    if "|" not in shown:
        return ()
    choices = shown.split("|")
    if "--priority" in parameter.opts and name in _CLEARS:
        choices.append("none")
    return choices


def _kind_of_option(
    name: str,
    parameter: Any,
) -> str:
    """Choose the kind of an option by its flag; most take any text."""
    kind = "text"
    for flag in parameter.opts:
        kind = _KINDS.get(flag, kind)
    if kind == "day" and parameter.metavar == "DAYS":
        kind = "days"
    if kind in ("day", "days", "project") and name in _CLEARS:
        return f"{kind}:none"
    return kind


def main(arguments: Sequence[str]) -> int:
    """Write the file, or check it with `--check`.

    Returns the exit status: 1 if it is out of date, 2 for wrong arguments.
    """
    is_check = list(arguments) == ["--check"]
    if arguments and not is_check:
        print(__doc__, file=sys.stderr)  # noqa: T201 - a program of its own
        return 2
    content = written()
    if not is_check:
        with open(
            PATH,
            "w",
            encoding="utf-8",
        ) as file:
            file.write(content)
        return 0
    with open(PATH, encoding="utf-8") as file:
        is_current = file.read() == content
    if not is_current:
        print(f"{PATH} is out of date", file=sys.stderr)  # noqa: T201
    return int(not is_current)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
