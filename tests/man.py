"""Writes the man pages from the help of the commands, the settings and the table of errors.

python -m tests.man            rewrite them
python -m tests.man --check    say which are out of date, exit 1 if any is

A page has macros and requests that every `man` knows. Only ASCII is in it, and no date, so
that it changes where the program does.
"""

import re
import sys
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from tests.cli.contract import exit_codes
from todo_cli import __version__
from todo_cli.cli.app import commands
from todo_cli.cli.parser import ALIASES
from todo_cli.config import SETTINGS

ROOT = Path(__file__).parents[1]
PAGES = ROOT / "specs" / "002-command-line" / "man"
PROGRAM = "todo"
EXAMPLES = "Examples:"
KEPT = "\b\n"
"""Begins a paragraph whose lines are kept."""
TERM = re.compile(r"[\w|=:-]+|[^\w|=:-]+")
"""A word of what is said of an option, or what is between two words."""
LITERAL = re.compile(r"`([^`]+)`")
LONG = 12
"""A word of more characters may be broken where BREAKS are."""
BREAKS = re.compile(r"(?<=[/|,=&?@_:])(?=[^/|,=&?@_:\\])")
ESCAPES = {
    "\\": r"\e",
    "-": r"\-",
    "'": r"\(aq",
    "`": r"\(ga",
    '"': r"\(dq",
    "^": r"\(ha",
    "~": r"\(ti",
}
"""What roff or a terminal would show in another way: so it can be searched and copied."""
MORE_VARIABLES = {
    "TZ": "the time zone that decides which day it is",
    "VISUAL": "the editor of `todo edit` and of `todo add` without words",
    "EDITOR": "the same, where `VISUAL` is not set; by default `vi`",
    "DATABASE_URL": "the store, where it is meant for PostgreSQL and no setting names one",
    "NO_COLOR": "no colours",
}
"""What else is read, besides the variables that PostgreSQL's own programs read."""
FILES = {
    "~/.config/todo/config.toml": "settings, in the folder of `XDG_CONFIG_HOME` if set",
    "~/.local/share/todo/todo.db": "the embedded file, in the folder of `XDG_DATA_HOME` if set",
    "~/.local/state/todo": "texts that an editor left and that could not be stored, in that of `XDG_STATE_HOME`",
}


@dataclass(frozen=True, slots=True)
class Subject:
    """What a page is about: the words of a command, and what Typer knows of it."""

    words: tuple[str, ...]
    command: Any
    context: Any

    @property
    def name(self) -> str:
        """The name of the page."""
        return "-".join((PROGRAM, *self.words))

    @property
    def called(self) -> str:
        """What people type."""
        return " ".join((PROGRAM, *self.words))

    @property
    def inner(self) -> dict[str, Any]:
        """The commands of a group that its help names."""
        every = getattr(self.command, "commands", {})
        return {
            name: command
            for name, command in every.items()
            if not command.hidden
        }

    @property
    def paragraphs(self) -> list[str]:
        """The paragraphs of the help."""
        return re.split(r"\n{2,}", self.command.help.strip())

    @property
    def does(self) -> str:
        """What it does, in a sentence without its period."""
        first = " ".join(self.paragraphs[0].split())
        return re.split(r"\.(?:\s|$)", first)[0]


def subjects() -> Iterator[Subject]:
    """Every command and group, as the help has them."""
    root = commands()
    settings: dict[str, Any] = root.context_settings
    context = typer.Context(root, info_name=PROGRAM, **settings)
    whole = Subject((), root, context)
    yield whole
    for name, command in whole.inner.items():
        outer = Subject(
            (name,),
            command,
            typer.Context(command, parent=context, info_name=name),
        )
        yield outer
        for word, inner in outer.inner.items():
            made = typer.Context(inner, parent=outer.context, info_name=word)
            yield Subject((name, word), inner, made)


def pages() -> dict[str, str]:
    """The text of every page, by the name of its file."""
    every = list(subjects())
    return {f"{each.name}.1": page(each, every) for each in every}


def page(about: Subject, every: Sequence[Subject]) -> str:
    """A whole page."""
    lines = [
        '.\\" Made from the help by `python -m tests.man`; do not edit.',
        f'.TH {quoted(about.name.upper())} 1 "" {quoted(f"{PROGRAM} {__version__}")} {quoted("todo manual")}',
        # Options and paths are not hyphenated, and no blanks are put between them.
        ".nh",
        ".ad l",
        ".SH NAME",
        f"{roff(about.name)} \\- {marked(lowered(about.does))}",
        ".SH SYNOPSIS",
        *synopsis(about),
        ".SH DESCRIPTION",
        *description(about),
        *options(about),
        *inner_commands(about),
        *examples(about),
        *exit_status(about),
        *environment(about),
        ".SH FILES",
    ]
    for path, words in FILES.items():
        lines += tagged(bold(path), words)
    lines += [".SH SEE ALSO", *see_also(about, every)]
    return "".join(f"{line}\n" for line in lines)


# The sections


def synopsis(about: Subject) -> Iterator[str]:
    """How the command is called."""
    parts = [r"[\fIOPTION\fR]..."]
    for each in about.command.get_params(about.context):
        for piece in each.get_usage_pieces(about.context):
            parts.append(term(piece))
    if about.inner:
        parts.append(r"\fICOMMAND\fR ...")
    yield f"{bold(about.called)} {' '.join(parts)}"
    for alias, meant in ALIASES.items():
        if about.words == (meant,):
            yield ".br"
            yield f"{bold(f'{PROGRAM} {alias}')} ..."


def description(about: Subject) -> Iterator[str]:
    """The paragraphs of the help, but for the examples."""
    separator = ""
    for paragraph in about.paragraphs:
        if is_example(paragraph):
            continue
        if separator:
            yield separator
        separator = ".PP"
        if paragraph.startswith(KEPT):
            yield from kept(paragraph.removeprefix(KEPT).splitlines())
        else:
            yield from filled(" ".join(paragraph.split()))
    if about.inner:
        yield ".PP"
        yield from filled(
            f"`{about.called} COMMAND --help` says what the page of a command says."
        )


def options(about: Subject) -> Iterator[str]:
    """The arguments and options, with what the help says of each."""
    yield ".SH OPTIONS"
    for each in about.command.get_params(about.context):
        record = each.get_help_record(about.context)
        if record is not None:
            yield from tagged(term(record[0]), record[1])


def inner_commands(about: Subject) -> Iterator[str]:
    """The commands of a group, each with the page that says more."""
    if not about.inner:
        return
    yield ".SH COMMANDS"
    for name, command in about.inner.items():
        inner = Subject((*about.words, name), command, None)
        yield from tagged(f"{bold(inner.name)}(1)", f"{inner.does}.")


def examples(about: Subject) -> Iterator[str]:
    """The examples of the help, as they are typed."""
    yield ".SH EXAMPLES"
    for paragraph in about.paragraphs:
        if is_example(paragraph):
            _, _, lines = paragraph.partition(EXAMPLES)
            typed = textwrap.dedent(lines.strip("\n")).splitlines()
            yield from kept(typed)


def exit_status(about: Subject) -> Iterator[str]:
    """Every exit status; the page of `todo` has the codes and their meaning."""
    table = exit_codes()
    yield ".SH EXIT STATUS"
    rows: dict[str, list[str]] = {"0": [table["done"]["meaning"]]}
    for each in [*table["errors"], table["signals"]]:
        row = rows.setdefault(str(each["exit"]), [])
        if about.words:
            row.append(f"`{each['code']}`")
        else:
            row.append(f"`{each['code']}`: {each['meaning']}")
    separator = ", " if about.words else "; "
    for status, words in rows.items():
        yield from tagged(bold(status), separator.join(words))
    if about.words:
        yield ".PP"
        yield r"\fBtodo\fR(1) says what each code means."


def environment(about: Subject) -> Iterator[str]:
    """Every variable; the page of `todo` says what each is for."""
    yield ".SH ENVIRONMENT"
    if about.words:
        names = [each.variable for each in SETTINGS]
        named = ", ".join(f"`{name}`" for name in (*names, *MORE_VARIABLES))
        yield from filled(f"{named}.")
        yield r"\fBtodo\fR(1) says what they are for."
        return
    for each in SETTINGS:
        words = [each.words]
        if each.flag:
            words.append(f"also `{each.flag}`")
        if each.key:
            words.append(f"in the config file `{each.key}`")
        default = each.default_words
        if not default:
            is_text = isinstance(each.default, str)
            default = f"`{each.default}`" if is_text else f"{each.default:g}"
        words.append(f"by default {default}")
        yield from tagged(bold(each.variable), "; ".join(words))
    for name, meaning in MORE_VARIABLES.items():
        yield from tagged(bold(name), meaning)


def see_also(about: Subject, every: Sequence[Subject]) -> Iterator[str]:
    """The pages around this one."""
    names = [f"{PROGRAM}"] if about.words else []
    for each in every:
        is_inside = each.words[:-1] == about.words and each.words
        is_beside = about.words and panel(each) == panel(about)
        if (is_inside or is_beside) and each.name != about.name:
            names.append(each.name)
    shown = [f"{bold(name)}(1)" for name in dict.fromkeys(names)]
    yield from (f"{each}," for each in shown[:-1])
    yield from shown[-1:]


def panel(about: Subject) -> tuple[Any, ...]:
    """The group of a command, and its panel in the help of that."""
    title = getattr(about.command, "rich_help_panel", None)
    return about.words[:-1], len(about.words), str(title)


def is_example(paragraph: str) -> bool:
    """Whether a paragraph has the examples."""
    return paragraph.startswith(f"{KEPT}{EXAMPLES}")


# What they are made of


def tagged(tag: str, words: str) -> Iterator[str]:
    """A paragraph below a tag."""
    yield ".TP"
    yield tag
    yield from filled(words)


def filled(words: str) -> Iterator[str]:
    """A paragraph that roff breaks into lines as it likes."""
    lines = textwrap.wrap(
        words, 70, break_long_words=False, break_on_hyphens=False
    )
    # A literal of several words can begin on one line and end on the next.
    text = marked("\n".join(lines))
    yield from map(guarded, text.splitlines())


def kept(lines: Sequence[str]) -> Iterator[str]:
    """Lines that stay as they are."""
    yield ".nf"
    for line in lines:
        yield guarded(roff(line))
    yield ".fi"


def term(text: str) -> str:
    """The names of an option in bold, and what it takes in italics."""
    made = ""
    for word in TERM.findall(text):
        if word.startswith("-"):
            made += bold(word)
        elif re.search(r"\w", word):
            made += rf"\fI{breakable(roff(word))}\fR"
        else:
            made += roff(word)
    return made


def marked(text: str) -> str:
    """Text in which what stands between backticks is bold."""
    parts = LITERAL.split(text)
    made = ""
    for place, part in enumerate(parts):
        made += bold(part) if place % 2 else words_of(part)
    return made


def bold(text: str) -> str:
    """A literal."""
    return rf"\fB{words_of(text)}\fR"


def words_of(text: str) -> str:
    """Text whose long words may be broken."""
    return re.sub(r"\S+", lambda word: breakable(roff(word[0])), text)


def breakable(word: str) -> str:
    r"""Allow a break in a long word, which is not seen.

    On a narrow terminal roff would complain of it.
    """
    return BREAKS.sub(r"\\:", word) if len(word) > LONG else word


def roff(text: str) -> str:
    """Escape what roff would read, or show in another way."""
    made = ""
    for character in text:
        if character.isascii():
            made += ESCAPES.get(character, character)
        else:
            made += rf"\[u{ord(character):04X}]"
    return made


def quoted(text: str) -> str:
    """An argument of a macro."""
    return f'"{roff(text)}"'


def guarded(line: str) -> str:
    """A line that is no request, whatever it begins with."""
    return rf"\&{line}" if line.startswith(".") else line


def lowered(sentence: str) -> str:
    """A sentence as it stands after a name."""
    return sentence[:1].lower() + sentence[1:]


def main(arguments: Sequence[str]) -> int:
    """Rewrite the pages, or only say which are out of date."""
    if arguments not in ([], ["--check"]):
        sys.stderr.write(__doc__ or "")
        return 2
    fresh = pages()
    there = {path.name: path for path in PAGES.glob("*")}
    if arguments:
        wrong = there.keys() ^ fresh.keys()
        for name in there.keys() & fresh.keys():
            if there[name].read_text(encoding="ascii") != fresh[name]:
                wrong.add(name)
        for name in sorted(wrong):
            place = (PAGES / name).relative_to(ROOT)
            sys.stderr.write(
                f"{place} is out of date: run `python -m tests.man`\n"
            )
        return int(bool(wrong))
    PAGES.mkdir(exist_ok=True)
    for name in there.keys() - fresh.keys():
        there[name].unlink()
    for name, text in fresh.items():
        (PAGES / name).write_text(text, encoding="ascii")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
