"""Random commands and calls by three users, on both stores and in the model.

Each store gives the answer of the model, and holds the same tasks afterwards.
"""

import tempfile
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from itertools import count
from pathlib import Path
from typing import Any, Final, cast
from uuid import UUID, uuid5

from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule

from tests.cli.expect import EXITS
from tests.lockstep.model import (
    Model,
    field_lines,
    footer,
    operation_values,
    row,
    said_of,
    values,
)
from tests.lockstep.tokens import DAY, TokenRules
from tests.lockstep.under_test import Rows, StoreUnderTest
from tests.support.chain import State, broken_links
from tests.support.program import Ran
from tests.support.stores import Clock, Store
from todo_cli.errors import (
    Code,
    ConfirmationRequired,
    InvalidInput,
    NotFound,
    TodoError,
    Usage,
)
from todo_cli.service import TaskService
from todo_cli.stats import stats_values
from todo_cli.task import (
    Added,
    Days,
    Group,
    NewTask,
    Operation,
    Reference,
    Sort,
    Task,
    TaskChange,
    TaskQuery,
    TaskStatus,
    Undone,
)
from todo_cli.task import Command as Verb

Outcome = (
    Code | list[Task] | list[Added] | Undone | list[Operation] | dict[str, Any]
)
"""The result of a command or a call: the code of an error, or an answer."""

LARGEST: Final = 10**19 - 1
"""The largest number of an operation that can be typed."""
ALREADY: Final = {
    "Done": "Already done",
    "Reopened": "Already open",
    "Restored": "Already restored",
    "Updated": "Already set",
}
"""What a command says of a task that was so before."""
SPACE: Final = UUID("a1f4b6c2-3f0e-4c55-9f0a-6d1a4be20c11")
GIVEN: Final = [uuid5(SPACE, f"given {place}") for place in range(5)]
"""The few ids that callers give, so that they meet each other's and their own."""

PEOPLE: Final = ("ada", "bob", "چراغ \U0001f4a1")
USERS = st.sampled_from(PEOPLE)
IDS = st.none() | st.sampled_from(GIVEN)
SECONDS = st.sampled_from([0.0, 0.000001, 1.0, 86_400.0])

KEPT = st.characters(
    exclude_categories=("Cs", "Cc", "Zl", "Zp"),
    exclude_characters="\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069",
)
TITLES = st.sampled_from(
    ["a", "b", "Buy milk", "[/] :smile: \\x1b", "x" * 200]
) | st.text(KEPT, max_size=20).map(lambda text: f"x{text}x")
BAD_TITLES = st.sampled_from(
    [
        "",
        " ",
        "\u200b\u200d",
        "a\x1bb",
        "a\nb",
        "a\u202eb",
        "a\udcffb",
        "x" * 201,
    ]
)
DESCRIPTIONS = st.sampled_from(["", "x", "y\n", "a\r\nb\r\n"]) | st.text(
    KEPT | st.sampled_from("\n\t\\"), max_size=20
).map(lambda text: f"x{text}")
LINES = st.lists(
    TITLES.map(str.encode)
    | st.sampled_from([b"", b"  \t"])
    | st.sampled_from([b"a", b"b\r", b" c "]),
    max_size=4,
)
BAD_LINES = st.sampled_from([b"a\x1bb", b"\xff", b"x" * 201])

NUMBERS = st.integers(1, 6)
PLACES = st.tuples(
    st.sampled_from(["mine", "mine", "anybody's"]), st.integers(0, 99)
)
SINGLES = PLACES | NUMBERS | PLACES | st.sampled_from(GIVEN)
RANGES = st.tuples(NUMBERS, st.integers(1, 4)).map(
    lambda pair: range(pair[0], pair[0] + pair[1])
)
REFERENCES = st.lists(SINGLES | RANGES, min_size=1, max_size=3)
BAD_OPTIONS = st.sampled_from(
    [
        (["--limit", "0"], InvalidInput),
        (["--limit", "2147483648"], InvalidInput),
        (["--limit", "x"], Usage),
        (["--status", "x"], Usage),
    ]
)
BY_REFERENCE = st.sampled_from(
    [
        ["show"],
        ["update", "--title", "x"],
        ["done"],
        ["done", "1"],
        ["delete", "--yes"],
        ["restore"],
        ["purge", "--yes"],
    ]
)
START: Final = Clock().now
DAYS = st.integers(-2, 4).map(lambda days: (START + timedelta(days)).date())
TAGS = st.sampled_from(["a", "ä", "A", "b", "\U0001f600", "x%"])
PROJECTS = st.sampled_from(["home", "home.a", "Home", "homework", "höme.b"])
PRIORITIES = st.sampled_from(["high", "medium", "low"])
SOME_TAGS = st.lists(TAGS, max_size=3)
FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "due_on": st.none() | DAYS,
        "wait_until": st.none() | DAYS,
        "priority": st.none() | PRIORITIES,
        "project": st.none() | PROJECTS,
    },
)
FLAGS: Final = {
    "due_on": "--due",
    "wait_until": "--wait",
    "priority": "-p",
    "project": "-P",
}
CHANGES = st.fixed_dictionaries(
    {},
    optional={
        "title": TITLES,
        "description": st.none() | DESCRIPTIONS,
        "completed": st.booleans(),
        "due_on": st.none() | DAYS,
        "wait_until": st.none() | DAYS,
        "priority": st.none() | PRIORITIES,
        "project": st.none() | PROJECTS,
        "tags": SOME_TAGS,
        "add_tags": SOME_TAGS,
        "remove_tags": SOME_TAGS,
        "note": DESCRIPTIONS,
    },
)
WORDS = st.sampled_from(
    ["a", "MILK", "ä", "x", "%", "home", "y m", "\U0001f600"]
)
DAY_RANGES = st.builds(
    Days, st.none() | DAYS, st.none() | DAYS, st.booleans()
).map(lambda days: days if days.has_day else Days(has_day=False))
MOMENTS = DAYS.map(lambda day: datetime.combine(day, time.min, UTC))
FILTERS = st.fixed_dictionaries(
    {},
    optional={
        "words": st.lists(WORDS, min_size=1, max_size=2).map(tuple),
        "due": DAY_RANGES,
        "priorities": st.frozensets(st.none() | PRIORITIES, min_size=1),
        "project": st.just("") | PROJECTS,
        "tags": st.lists(TAGS, min_size=1, max_size=2, unique=True).map(tuple),
        "no_tags": st.lists(TAGS, min_size=1, max_size=2, unique=True).map(
            tuple
        ),
        "since": MOMENTS,
        "before": MOMENTS,
    },
)
ARRANGED = st.fixed_dictionaries(
    {
        "status": st.sampled_from(TaskStatus),
        "sort": st.none() | st.sampled_from(Sort),
        "is_reversed": st.booleans(),
        "group": st.none() | st.sampled_from(Group),
        "limit": st.none() | st.integers(1, 5),
    }
)
QUERIES = st.builds(
    lambda how, filters, most: TaskQuery(
        **how, **dict(list(filters.items())[:most])
    ),
    ARRANGED,
    FILTERS,
    st.integers(0, 2),
)
OPERATIONS = (
    st.none() | st.none() | st.integers(0, 99) | st.sampled_from([-1, 10**20])
)
"""An operation to undo: none, one of those that there are, or one that is not."""
TRIALS = st.sampled_from([False, False, False, True])
VERSIONS = st.none() | st.none() | st.integers(-1, 1)
"""A version to ask for: none, or how far it is from that of the task."""
BAD_REFERENCES = st.sampled_from(
    [
        "",
        "0",
        "01",
        "-1",
        "+1",
        "1_0",
        "٣",
        "5-2",
        "1-1001",
        "12345678901234567890",
        "#",
        "##1",
        "#milk",
    ]
)


@dataclass(frozen=True, slots=True)
class Command:
    """A command and what the model says of it."""

    user: str
    words: Sequence[str]
    answer: Callable[[], Outcome]
    as_json: bool
    verb: str = ""
    draw: Callable[[Task], str] | None = None
    """How a command that only reads prints a task."""
    is_one: bool = False
    """Whether the answer in JSON is one object."""
    names: Sequence[str] = ()
    """The fields of which a command that changes them says the new values."""
    stdin: bytes = b""
    terminal: bool = False
    is_trial: bool = False

    @property
    def arguments(self) -> list[str]:
        """The words with the options of every command."""
        words = [*self.words]
        if self.is_trial:
            words.insert(1, "--dry-run")
        return ["--json", *words] if self.as_json else words

    def printed(
        self,
        parts: Sequence[Any],
        before: Mapping[UUID, Task],
        *,
        is_new_store: bool,
    ) -> str:
        """What it prints of an answer; `before` has the tasks as they were."""
        lines = [self._line(part, before) for part in parts]
        if lines and self.verb == "Added":
            added = [
                part
                for part in parts
                if isinstance(part, Added) and part.is_new
            ]
            if is_new_store:
                lines[0] += " (new list in PLACE)"
            elif any(part.task.number == 1 for part in added):
                lines[0] += f" (new list for {self.user})"
        return "".join(f"{line}\n" for line in lines)

    def _line(self, part: Task | Added, before: Mapping[UUID, Task]) -> str:
        task = task_of(part)
        if self.draw is not None:
            return self.draw(task)
        verb = self.verb
        if isinstance(part, Added) and not part.is_new:
            verb = "Already there as"
        elif before.get(task.id) == task:
            verb = ALREADY.get(verb, verb)
        said = said_of(task, self.names)
        return f"{verb} {task.number}: {task.title}{said}"


@dataclass(frozen=True, slots=True)
class Mark:
    """What a user had after an operation."""

    operation: int
    states: Mapping[UUID, State]


START_OF_ALL: Final = Mark(0, {})


class Lockstep(TokenRules):
    """Both stores and the model; every step asks all three."""

    def __init__(
        self, postgresql: str, tally: "Counter[tuple[str, str]]"
    ) -> None:
        super().__init__()
        self.tally = tally
        self.stack = ExitStack()
        folder = Path(self.stack.enter_context(tempfile.TemporaryDirectory()))
        self.clock = Clock()
        self.model = Model(self.clock)
        sqlite = Store("sqlite", f"sqlite:///{folder / 'store.db'}")
        self.stores = [
            self.stack.enter_context(StoreUnderTest(store, folder, self.model))
            for store in (sqlite, Store("postgresql", postgresql))
        ]
        self.previous: Rows = {}
        self.new_ids = (uuid5(SPACE, f"fresh {place}") for place in count())
        """Ids of the model for tasks that the program gives ids of its own."""
        self.numbers: dict[tuple[str, int], str] = {}
        self.marks: dict[str, Mark] = {}
        self.users: set[str] = set()
        """Whose history the last step may have changed."""

    def teardown(self) -> None:
        """Close both stores."""
        self.stack.close()

    @initialize(users=st.sampled_from([PEOPLE, PEOPLE, PEOPLE[:1], ()]))
    def begin(self, users: Sequence[str]) -> None:
        """Give some users four tasks; without any user the stores do not exist yet."""
        for user in users:
            self.add_lines(
                user, [b"a", b"b", b"c", b"d"], None, None, False, b"", 0.0
            )
        for user in users[:1]:
            self.make_token(user, "ci", False, ("1d", DAY), 0.0)

    # Commands

    @rule(
        user=USERS,
        title=TITLES,
        description=st.none() | DESCRIPTIONS,
        fields=FIELDS,
        tags=SOME_TAGS,
        id=IDS,
        as_json=st.booleans(),
        seconds=SECONDS,
    )
    def add(
        self,
        user: str,
        title: str,
        description: str | None,
        fields: dict[str, Any],
        tags: list[str],
        id: UUID | None,
        as_json: bool,
        seconds: float,
    ) -> None:
        options = given({"-d": description, "--id": id})
        typed = [*typed_fields(fields), *repeated("-t", tags)]
        new = NewTask(
            title=title,
            description=description,
            id=id or next(self.new_ids),
            tags=tags,
            **fields,
        )
        options += typed
        # What is said of these in words has tests of its own.
        as_json = as_json or bool(typed) or self.is_in_trash(id)
        self.ask(
            Command(
                user,
                ["add", *options, "--", *title.split(" ")],
                lambda: self.model.add_all(user, [new]),
                as_json,
                verb="Added",
                is_one=True,
            ),
            seconds=seconds,
            is_repeatable=id is not None,
        )

    @rule(user=USERS, title=BAD_TITLES, id=IDS, as_json=st.booleans())
    def refuse_title(
        self, user: str, title: str, id: UUID | None, as_json: bool
    ) -> None:
        words = ["add", *given({"--id": id}), "--", title]
        self.ask(Command(user, words, refusal(InvalidInput), as_json))

    @rule(
        user=USERS,
        lines=LINES,
        bad=st.none() | BAD_LINES,
        id=IDS,
        as_json=st.booleans(),
        mark=st.sampled_from([b"", b"\xef\xbb\xbf"]),
        seconds=SECONDS,
    )
    def add_lines(
        self,
        user: str,
        lines: list[bytes],
        bad: bytes | None,
        id: UUID | None,
        as_json: bool,
        mark: bytes,
        seconds: float,
    ) -> None:
        key = id or next(self.new_ids)
        as_json = as_json or any(
            self.is_in_trash(uuid5(key, str(place))) for place in range(1, 6)
        )
        news = [
            NewTask(title=title, id=uuid5(key, str(number)))
            for number, line in enumerate(lines, start=1)
            if (title := line.decode().strip())
        ]

        def answer() -> Outcome:
            if bad is not None:
                raise InvalidInput("a bad line")
            return self.model.add_all(user, news)

        sent = lines if bad is None else [*lines, bad]
        self.ask(
            Command(
                user,
                ["add", *given({"--id": id}), "-"],
                answer,
                as_json,
                verb="Added",
                stdin=mark + b"\n".join(sent),
            ),
            seconds=seconds,
            is_repeatable=id is not None,
        )

    @rule(user=USERS, query=QUERIES, as_json=st.booleans())
    @precondition(lambda self: bool(self.model.last))
    def list_(self, user: str, query: TaskQuery, as_json: bool) -> None:
        if query.sort in (Sort.WAIT, Sort.DELETED):
            query = replace(query, sort=None)
        if query.since and query.before and query.before <= query.since:
            query = replace(query, before=None)
        whole = self.model.listed(user, replace(query, limit=None))
        today = self.model.today
        ran = self.ask(
            Command(
                user,
                ["list", *typed_query(query)],
                lambda: whole[: query.limit],
                as_json,
                draw=lambda task: row(task, today),
            )
        )
        if as_json and query.status is not TaskStatus.TRASH:
            message = footer(self.model.counts(user))
            if query.limit is not None:
                shown = min(len(whole), query.limit)
                message = f"{shown} of {len(whole)}"
            assert ran.json["message"].endswith(message)

    @rule(user=USERS, status=st.sampled_from(TaskStatus))
    @precondition(lambda self: not self.model.last)
    def list_nothing(self, user: str, status: TaskStatus) -> None:
        self.ask(Command(user, ["list", "--status", status], list, False))

    @rule(user=USERS, bad=BAD_OPTIONS, as_json=st.booleans())
    def refuse_options(
        self, user: str, bad: tuple[list[str], type[TodoError]], as_json: bool
    ) -> None:
        options, kind = bad
        self.ask(Command(user, ["list", *options], refusal(kind), as_json))

    @rule(
        user=USERS, single=SINGLES, as_json=st.booleans(), shout=st.booleans()
    )
    def show(self, user: str, single: Any, as_json: bool, shout: bool) -> None:
        reference = self.resolve(user, single)
        word = str(reference).upper() if shout else str(reference)
        self.ask(
            Command(
                user,
                ["show", word],
                lambda: self.model.find(user, [reference], with_trash=True),
                as_json,
                draw=field_lines,
                is_one=True,
            )
        )

    @rule(
        user=USERS,
        named=REFERENCES,
        title=st.none() | st.none() | TITLES | BAD_TITLES,
        description=st.none() | DESCRIPTIONS,
        by_stdin=st.booleans(),
        status=st.sampled_from([None, TaskStatus.OPEN, TaskStatus.DONE]),
        fields=FIELDS,
        added=SOME_TAGS,
        removed=SOME_TAGS,
        as_json=st.booleans(),
        seconds=SECONDS,
    )
    def update(
        self,
        user: str,
        named: Sequence[Any],
        title: str | None,
        description: str | None,
        by_stdin: bool,
        status: TaskStatus | None,
        fields: dict[str, Any],
        added: list[str],
        removed: list[str],
        as_json: bool,
        seconds: float,
    ) -> None:
        references = self.resolve_all(
            user, named[: 1 if title is not None else None]
        )
        if title is not None and isinstance(references[0], range):
            references = [references[0].start]
        typed = "-" if by_stdin and description is not None else description
        options = given({"--title": title, "-d": typed, "--status": status})
        more = [
            *typed_fields(fields),
            *repeated("--add-tag", added),
            *repeated("--remove-tag", removed),
        ]
        wanted: dict[str, Any] = dict(fields)
        wanted |= {"add_tags": added} if added else {}
        wanted |= {"remove_tags": removed} if removed else {}
        names = []
        if title is not None:
            wanted["title"] = title
        if description is not None:
            text = description.replace("\r\n", "\n")
            wanted["description"] = (
                text.removesuffix("\n") if by_stdin else text
            ) or None
            names.append("description")
        if status is not None:
            wanted["completed"] = status == TaskStatus.DONE
            names.append("completed")

        def answer() -> Outcome:
            if not wanted:
                raise Usage("nothing is named")
            changes = TaskChange(**wanted).named
            return self.model.update(user, references, changes)

        self.ask(
            Command(
                user,
                [
                    "update",
                    *typed_references(references, commas=False),
                    *options,
                    *more,
                ],
                answer,
                as_json or bool(more),
                verb="Updated",
                is_one=names_one(references),
                names=names,
                stdin=(description or "").encode(),
            ),
            seconds=seconds,
            is_repeatable=True,
        )

    @rule(
        user=USERS,
        single=SINGLES,
        text=TITLES | BAD_TITLES.filter(bool),
        as_json=st.booleans(),
        seconds=SECONDS,
    )
    def note(
        self, user: str, single: Any, text: str, as_json: bool, seconds: float
    ) -> None:
        reference = self.resolve(user, single)

        def answer() -> Outcome:
            return self.model.update(
                user,
                [reference],
                TaskChange(note=text).named,
                command=Verb.NOTE,
            )

        self.ask(
            Command(
                user,
                ["note", "--", str(reference), *text.split(" ")],
                answer,
                as_json,
                verb="Noted",
                is_one=True,
            ),
            seconds=seconds,
        )

    @rule(
        user=USERS,
        named=REFERENCES,
        commas=st.booleans(),
        undo=st.booleans(),
        as_json=st.booleans(),
        seconds=SECONDS,
    )
    def done(
        self,
        user: str,
        named: Sequence[Any],
        commas: bool,
        undo: bool,
        as_json: bool,
        seconds: float,
    ) -> None:
        references = self.resolve_all(user, named)
        options = ["--undo"] if undo else []
        self.ask(
            Command(
                user,
                [
                    "done",
                    *typed_references(references, commas=commas),
                    *options,
                ],
                lambda: self.model.complete(user, references, undo=undo),
                as_json,
                verb="Reopened" if undo else "Done",
                is_one=names_one(references),
            ),
            seconds=seconds,
            is_repeatable=True,
        )

    @rule(
        user=USERS,
        named=REFERENCES,
        commas=st.booleans(),
        yes=st.booleans(),
        as_json=st.booleans(),
        seconds=SECONDS,
    )
    def delete(
        self,
        user: str,
        named: Sequence[Any],
        commas: bool,
        yes: bool,
        as_json: bool,
        seconds: float,
    ) -> None:
        references = self.resolve_all(user, named)
        options = ["--yes"] if yes else []
        self.ask(
            Command(
                user,
                [
                    "delete",
                    *typed_references(references, commas=commas),
                    *options,
                ],
                lambda: self.model.delete(user, references),
                as_json,
                verb="Deleted",
                is_one=names_one(references),
            ),
            seconds=seconds,
        )

    @rule(
        user=USERS,
        named=REFERENCES,
        commas=st.booleans(),
        as_json=st.booleans(),
        seconds=SECONDS,
    )
    def restore(
        self,
        user: str,
        named: Sequence[Any],
        commas: bool,
        as_json: bool,
        seconds: float,
    ) -> None:
        references = self.resolve_all(user, named)
        self.ask(
            Command(
                user,
                ["restore", *typed_references(references, commas=commas)],
                lambda: self.model.restore(user, references),
                as_json=True,
                is_one=names_one(references),
            ),
            seconds=seconds,
            is_repeatable=True,
        )

    @rule(user=USERS, named=REFERENCES, is_sure=st.booleans(), is_trial=TRIALS)
    @precondition(lambda self: len(self.model.tasks) > 4)
    def purge(
        self, user: str, named: Sequence[Any], is_sure: bool, is_trial: bool
    ) -> None:
        references = self.resolve_all(user, named)
        options = ["--yes"] if is_sure else []

        def answer() -> Outcome:
            self.model.find(user, references, with_trash=True)
            if not is_sure and not is_trial:
                raise ConfirmationRequired("nobody to ask")
            return self.model.purge(user, references)

        words = typed_references(references, commas=False)
        self.ask(
            Command(
                user,
                ["purge", *words, *options],
                answer,
                as_json=True,
                is_one=names_one(references),
                is_trial=is_trial,
            )
        )

    @rule(user=USERS, days=st.sampled_from([None, 1]))
    def purge_trash(self, user: str, days: int | None) -> None:
        options = [] if days is None else ["--older-than", f"{days}d"]

        def answer() -> Outcome:
            ids = [
                task.id
                for task in self.model.trash(
                    user, None if days is None else timedelta(days=days)
                )
            ]
            return self.model.purge(user, ids)

        self.ask(
            Command(
                user,
                ["purge", "--trash", *options, "--yes"],
                answer,
                as_json=True,
            )
        )

    @rule(user=USERS, drawn=OPERATIONS, is_trial=TRIALS, seconds=SECONDS)
    @precondition(lambda self: bool(self.model.last))
    def undo(
        self, user: str, drawn: int | None, is_trial: bool, seconds: float
    ) -> None:
        number = self.operation(user, drawn)

        def answer() -> Outcome:
            if number is not None and not 1 <= number <= LARGEST:
                raise InvalidInput("no number of an operation")
            return self.model.undo(user, number)

        self.ask(
            Command(
                user,
                ["undo"] if number is None else ["undo", "--", str(number)],
                answer,
                as_json=True,
                is_trial=is_trial,
            ),
            seconds=seconds,
        )

    @rule(user=USERS, is_trial=TRIALS, seconds=SECONDS)
    @precondition(lambda self: bool(self.model.last))
    def redo(self, user: str, is_trial: bool, seconds: float) -> None:
        self.ask(
            Command(
                user,
                ["redo"],
                lambda: self.model.redo(user),
                as_json=True,
                is_trial=is_trial,
            ),
            seconds=seconds,
        )

    @rule(
        user=USERS,
        single=st.none() | SINGLES,
        limit=st.none() | st.integers(1, 5),
    )
    @precondition(lambda self: bool(self.model.last))
    def history(self, user: str, single: Any, limit: int | None) -> None:
        reference = self.resolve_one(user, single)
        options = given({"--limit": limit})
        words = [] if reference is None else [str(reference)]

        self.ask(
            Command(
                user,
                ["history", *words, *options],
                lambda: self.told(user, reference, limit=limit or 50),
                as_json=True,
            )
        )

    @rule(user=USERS)
    def stats(self, user: str) -> None:
        self.ask(
            Command(
                user,
                ["stats"],
                lambda: self.model.stats(user),
                as_json=True,
            )
        )

    @rule(
        user=USERS,
        single=SINGLES,
        verb=st.sampled_from(["update", "done", "delete"]),
        distance=st.integers(-1, 1),
        is_trial=TRIALS,
    )
    def change_one_version(
        self,
        user: str,
        single: Any,
        verb: str,
        distance: int,
        is_trial: bool,
    ) -> None:
        reference = self.resolve(user, single)
        version = self.version(user, reference, distance)

        def answer() -> Outcome:
            if verb == "delete":
                return self.model.delete(user, [reference], if_version=version)
            changes: dict[str, Any] = {"priority": "low"}
            if verb == "done":
                changes = {"completed": True}
            return self.model.update(
                user,
                [reference],
                changes,
                if_version=version,
                command=Verb(verb),
            )

        options = ["-p", "low"] if verb == "update" else []
        words = [verb, str(reference), "--if-version", str(version), *options]
        self.ask(
            Command(
                user,
                words,
                answer,
                as_json=True,
                is_one=True,
                is_trial=is_trial,
            )
        )

    @rule(
        user=USERS,
        words=BY_REFERENCE,
        bad=BAD_REFERENCES,
        as_json=st.booleans(),
    )
    def refuse_reference(
        self, user: str, words: Sequence[str], bad: str, as_json: bool
    ) -> None:
        self.ask(
            Command(user, [*words, "--", bad], refusal(InvalidInput), as_json)
        )

    @rule(
        user=USERS,
        word=st.sampled_from(["1-2", "1,2", "3-3"]),
        as_json=st.booleans(),
    )
    def refuse_several(self, user: str, word: str, as_json: bool) -> None:
        for words in (["show", word], ["note", word, "x"]):
            self.ask(Command(user, words, refusal(InvalidInput), as_json))
        if word != "3-3":
            words = ["update", word, "--title", "x"]
            self.ask(Command(user, words, refusal(Usage), as_json))

    # The service, on a connection that stays open

    @rule(
        user=USERS,
        titles=st.lists(TITLES, max_size=3),
        ids=st.lists(
            st.sampled_from(GIVEN), min_size=3, max_size=3, unique=True
        ),
        fields=FIELDS,
        tags=SOME_TAGS,
        seconds=SECONDS,
        is_done=st.booleans(),
    )
    def service_adds(
        self,
        user: str,
        titles: Sequence[str],
        ids: Sequence[UUID],
        fields: dict[str, Any],
        tags: list[str],
        seconds: float,
        is_done: bool,
    ) -> None:
        self.clock.tick(seconds)
        pairs = zip(titles, ids, strict=False)
        fields = {**fields, "completed": is_done}
        news = [
            NewTask(title=title, id=id, tags=tags, **fields)
            for title, id in pairs
        ]

        async def add(
            tasks: TaskService, _: StoreUnderTest
        ) -> Sequence[Added]:
            if len(news) == 1:
                return [await tasks.add(news[0])]
            return await tasks.add_all(news)

        name = "add" if len(news) == 1 else "add_all"
        self.call(name, user, add, lambda: self.model.add_all(user, news))

    @rule(
        user=USERS,
        status=st.sampled_from(TaskStatus),
        sort=st.sampled_from(Sort),
        limit=st.none() | st.integers(1, 5),
    )
    def service_lists_page_by_page(
        self, user: str, status: TaskStatus, sort: Sort, limit: int | None
    ) -> None:
        query = TaskQuery(status, limit=limit, sort=sort)

        async def walk(
            tasks: TaskService, _: StoreUnderTest
        ) -> Sequence[Task]:
            page = await tasks.list(query)
            found = [*page.tasks]
            while page.next is not None:
                page = await tasks.list(replace(query, after=page.next))
                assert 1 <= len(page.tasks) <= (limit or 0)
                found += page.tasks
            return found

        whole = replace(query, limit=None)
        self.call("list", user, walk, lambda: self.model.listed(user, whole))

    @rule(user=USERS, query=QUERIES)
    def service_lists(self, user: str, query: TaskQuery) -> None:
        whole = self.model.listed(user, replace(query, limit=None))

        async def find(
            tasks: TaskService, _: StoreUnderTest
        ) -> Sequence[Task]:
            page = await tasks.list(query)
            if query.limit is None or not page.tasks:
                counts = replace(page.counts, found=None)
                assert counts == self.model.counts(user)
            if query.limit is not None:
                assert (page.counts.found or 0) == len(whole)
            assert (page.next is None) == (len(page.tasks) == len(whole))
            return page.tasks

        self.call("list", user, find, lambda: whole[: query.limit])

    @rule(user=USERS, named=REFERENCES, with_trash=st.booleans())
    def service_finds(
        self, user: str, named: Sequence[Any], with_trash: bool
    ) -> None:
        references = self.resolve_all(user, named)
        self.call(
            "find",
            user,
            lambda tasks, store: tasks.find(
                store.local_all(references), is_live=not with_trash
            ),
            lambda: self.model.find(user, references, with_trash=with_trash),
        )

    @rule(
        user=USERS,
        named=REFERENCES,
        changes=CHANGES,
        distance=VERSIONS,
        is_trial=TRIALS,
        seconds=SECONDS,
    )
    def service_updates(
        self,
        user: str,
        named: Sequence[Any],
        changes: dict[str, Any],
        distance: int | None,
        is_trial: bool,
        seconds: float,
    ) -> None:
        self.clock.tick(seconds)
        references = self.resolve_all(user, named)
        version = self.version_of(user, references, distance)
        try:
            wanted = TaskChange(**changes)
        except InvalidInput:
            # Such as a tag that is both to be added and to be removed.
            wanted = TaskChange(title=changes.get("title", "x"))

        def answer() -> Outcome:
            if not wanted.named:
                raise InvalidInput("nothing is named")
            return self.model.update(
                user, references, wanted.named, if_version=version
            )

        self.call(
            "update",
            user,
            lambda tasks, store: tasks.update(
                store.local_all(references), wanted, if_version=version
            ),
            answer,
            is_trial=is_trial,
        )

    @rule(
        user=USERS,
        named=REFERENCES,
        undo=st.booleans(),
        distance=VERSIONS,
        is_trial=TRIALS,
        seconds=SECONDS,
    )
    def service_completes(
        self,
        user: str,
        named: Sequence[Any],
        undo: bool,
        distance: int | None,
        is_trial: bool,
        seconds: float,
    ) -> None:
        self.clock.tick(seconds)
        references = self.resolve_all(user, named)
        version = self.version_of(user, references, distance)
        self.call(
            "complete",
            user,
            lambda tasks, store: tasks.complete(
                store.local_all(references), undo=undo, if_version=version
            ),
            lambda: self.model.complete(
                user, references, undo=undo, if_version=version
            ),
            is_trial=is_trial,
        )

    @rule(
        user=USERS,
        named=REFERENCES,
        distance=VERSIONS,
        is_trial=TRIALS,
        seconds=SECONDS,
    )
    def service_deletes(
        self,
        user: str,
        named: Sequence[Any],
        distance: int | None,
        is_trial: bool,
        seconds: float,
    ) -> None:
        self.clock.tick(seconds)
        references = self.resolve_all(user, named)
        version = self.version_of(user, references, distance)
        self.call(
            "delete",
            user,
            lambda tasks, store: tasks.delete(
                store.local_all(references), if_version=version
            ),
            lambda: self.model.delete(user, references, if_version=version),
            is_trial=is_trial,
        )

    @rule(user=USERS, named=REFERENCES, is_trial=TRIALS, seconds=SECONDS)
    def service_restores(
        self, user: str, named: Sequence[Any], is_trial: bool, seconds: float
    ) -> None:
        self.clock.tick(seconds)
        references = self.resolve_all(user, named)
        self.call(
            "restore",
            user,
            lambda tasks, store: tasks.restore(store.local_all(references)),
            lambda: self.model.restore(user, references),
            is_trial=is_trial,
        )

    @rule(user=USERS, named=REFERENCES, is_trial=TRIALS)
    @precondition(lambda self: len(self.model.tasks) > 4)
    def service_purges(
        self, user: str, named: Sequence[Any], is_trial: bool
    ) -> None:
        references = self.resolve_all(user, named)
        self.call(
            "purge",
            user,
            lambda tasks, store: tasks.purge(store.local_all(references)),
            lambda: self.model.purge(user, references),
            is_trial=is_trial,
        )

    @rule(user=USERS, age=st.sampled_from([None, 0.0, 1.0, 86_400.0]))
    def service_looks_into_the_trash(
        self, user: str, age: float | None
    ) -> None:
        older_than = None if age is None else timedelta(seconds=age)
        self.call(
            "trash",
            user,
            lambda tasks, _: tasks.trash(older_than),
            lambda: self.model.trash(user, older_than),
        )

    @rule(user=USERS, drawn=OPERATIONS, is_trial=TRIALS, seconds=SECONDS)
    def service_undoes(
        self, user: str, drawn: int | None, is_trial: bool, seconds: float
    ) -> None:
        self.clock.tick(seconds)
        number = self.operation(user, drawn)
        self.call(
            "undo",
            user,
            lambda tasks, _: tasks.undo(number),
            lambda: self.model.undo(user, number),
            is_trial=is_trial,
        )

    @rule(user=USERS, is_trial=TRIALS, seconds=SECONDS)
    def service_redoes(
        self, user: str, is_trial: bool, seconds: float
    ) -> None:
        self.clock.tick(seconds)
        self.call(
            "redo",
            user,
            lambda tasks, _: tasks.redo(),
            lambda: self.model.redo(user),
            is_trial=is_trial,
        )

    @rule(
        user=USERS,
        single=st.none() | SINGLES,
        limit=st.none() | st.integers(1, 5),
        before=st.none() | st.integers(1, 12),
    )
    def service_tells(
        self, user: str, single: Any, limit: int | None, before: int | None
    ) -> None:
        reference = self.resolve_one(user, single)
        if before is not None and not self.is_known(user, reference):
            # It is a position in a page that was read.
            before = None

        async def tell(
            tasks: TaskService, store: StoreUnderTest
        ) -> Sequence[Operation]:
            local = None if reference is None else store.local(reference)
            page = await tasks.history(local, limit=limit, before=before)
            found = [*page.operations]
            while page.next is not None:
                assert 1 <= len(page.operations) <= (limit or 0)
                page = await tasks.history(
                    local, limit=limit, before=page.next
                )
                found += page.operations
            return found

        self.call(
            "history",
            user,
            tell,
            lambda: self.told(user, reference, limit=None, before=before),
        )

    @rule(user=USERS)
    def service_counts(self, user: str) -> None:
        async def count(tasks: TaskService, _: StoreUnderTest) -> Any:
            return stats_values(await tasks.stats())

        self.call("stats", user, count, lambda: self.model.stats(user))

    # There and back

    @rule(user=USERS)
    def mark(self, user: str) -> None:
        """Remember what is stored now."""
        number = len(self.model.past(user).operations)
        self.marks[user] = Mark(number, dict(self.model.states(user)))

    @rule(user=USERS, is_whole=st.booleans())
    def go_back(self, user: str, is_whole: bool) -> None:
        """Undo everything since the mark, or ever: all is as it was, field by field.

        Not where an older operation was undone since, or one cannot be undone.
        """
        mark = self.marks.pop(user, START_OF_ALL)
        if is_whole:
            mark = START_OF_ALL
        roots = self.model.past(user).roots_after(mark.operation)
        is_straight = all(number > mark.operation for number in roots)
        while self.is_to_undo(user, mark):
            self.clock.tick(1.0)
            answer = self.call(
                "undo",
                user,
                lambda tasks, _: tasks.undo(),
                lambda: self.model.undo(user),
            )
            if not isinstance(answer, Undone):
                return
            self.both_stores_hold_what_the_model_holds()
            self.no_number_is_given_twice_and_updated_at_never_changes_alone()
        if not is_straight:
            return
        self.tally["back", ""] += 1
        for id, state in self.model.states(user).items():
            if id in mark.states:
                assert state == mark.states[id]
            else:
                assert state["deleted_at"] is not None

    def is_to_undo(self, user: str, mark: Mark) -> bool:
        """Whether the next undo is of an operation after a mark."""
        try:
            undone = self.model.past(user).to_undo(None)
        except NotFound:
            return False
        return undone.operation > mark.operation

    # What is true after every step

    @invariant()
    def both_stores_hold_what_the_model_holds(self) -> None:
        expected = {
            str(id): values(task) for id, task in self.model.tasks.items()
        }
        pasts = self.model.pasts
        numbers = {
            user: (last, len(self.model.past(user).operations))
            for user, last in self.model.last.items()
        }
        operations = [
            {"user_id": user}
            | {
                "number" if name == "operation" else name: value
                for name, value in operation_values(each).items()
                if name != "tasks"
            }
            for user in sorted(pasts)  # by code point
            for each in pasts[user].operations
        ]
        for store in self.stores:
            assert store.rows() == expected, store.kind
            assert store.last_numbers() == numbers, store.kind
            assert store.has_every_tag(), store.kind
            assert store.operations() == operations, store.kind

    @invariant()
    def both_stores_tell_what_was_done(self) -> None:
        for user in self.users:
            expected = self.model.history(user, limit=None)
            for store in self.stores:
                told = store.call(user, tell_all)
                assert told == expected, store.kind
            assert broken_links(self.model.of(user), expected) == []
        self.users.clear()

    @invariant()
    def no_number_is_given_twice_and_updated_at_never_changes_alone(
        self,
    ) -> None:
        rows = self.stores[0].rows()
        for id, now in rows.items():
            assert (
                self.numbers.setdefault((now["user_id"], now["number"]), id)
                == id
            )
            was = self.previous.get(id, now)
            differing = {name for name in now if now[name] != was[name]}
            stamps = {"updated_at", "version"}
            assert ("updated_at" in differing) <= bool(differing - stamps)
            assert ("version" in differing) == bool(differing - stamps)
            assert now["version"] - was["version"] in (0, 1)
        self.previous = rows

    # Asking all three

    def ask(
        self,
        command: Command,
        *,
        seconds: float = 0.0,
        is_repeatable: bool = False,
    ) -> Ran:
        """Let time pass and run a command, and once more where that changes nothing."""
        self.clock.tick(seconds)
        ran = self._run(command)
        if is_repeatable:
            rows = [store.rows() for store in self.stores]
            self.clock.tick(seconds)
            self._run(command)
            assert [store.rows() for store in self.stores] == rows
        return ran

    def _run(self, command: Command) -> Ran:
        """Run a command on both stores; compare them with each other and the model."""
        is_new_store = not self.model.last
        # What was changed in this very moment counts as changed by the command.
        before = {
            id: task
            for id, task in self.model.tasks.items()
            if task.updated_at < self.clock.now
        }
        expected = self.expected(
            command.user, command.answer, is_trial=command.is_trial
        )
        status = EXITS[expected.name] if isinstance(expected, Code) else 0
        self.tally[command.words[0], str(status)] += 1
        rans = [
            store.run(
                *command.arguments,
                user=command.user,
                stdin=command.stdin,
                terminal=command.terminal,
            )
            for store in self.stores
        ]
        assert [ran.status for ran in rans] == [status] * 2, (rans, expected)
        assert rans[0].out == rans[1].out
        if not command.terminal:  # there, one store may say that it waits
            assert rans[0].err == rans[1].err
        ran = rans[0]
        if isinstance(expected, Code):
            if command.as_json:
                assert ran.error["code"] == expected.name
            else:
                assert ran.out == ""
                assert ran.err.startswith("error: ") or command.terminal
        elif command.as_json:
            data = as_data(expected, is_one=command.is_one)
            # The next one may get its number; one that was there has its own.
            known = len(self.model.past(command.user).operations)
            is_new = (
                isinstance(expected, Undone) and expected.operation > known
            )
            if is_new and command.is_trial:
                data["operation"] = None
            assert ran.data == data
            assert ran.json.get("dry_run", False) == command.is_trial
        else:
            assert isinstance(expected, list)
            assert ran.out == command.printed(
                expected, before, is_new_store=is_new_store
            )
        return ran

    def call(
        self,
        name: str,
        user: str,
        method: Callable[[TaskService, StoreUnderTest], Awaitable[Any]],
        answer: Callable[[], Outcome],
        *,
        is_trial: bool = False,
    ) -> Outcome:
        """Call the service on both stores and compare them with the model."""
        expected = self.expected(user, answer, is_trial=is_trial)
        found = [
            store.call(user, method, is_trial=is_trial)
            for store in self.stores
        ]
        code = expected.name if isinstance(expected, Code) else ""
        self.tally[f"service.{name}", code] += 1
        assert found == [expected, expected], (expected, *found)
        return expected

    def expected(
        self, user: str, answer: Callable[[], Outcome], *, is_trial: bool
    ) -> Outcome:
        """What the model answers; a trial changes nothing in it."""
        self.users.add(user)
        if not is_trial:
            return outcome(answer)
        with self.model.as_trial():
            return outcome(answer)

    def is_in_trash(self, id: UUID | None) -> bool:
        """Whether an id is of a task in the trash."""
        task = None if id is None else self.model.tasks.get(id)
        return task is not None and task.deleted_at is not None

    def operation(self, user: str, drawn: int | None) -> int | None:
        """The number of an operation as drawn."""
        if drawn is None or not 0 <= drawn <= 99:
            return drawn
        return drawn % (len(self.model.past(user).operations) + 2)

    def version(self, user: str, reference: Reference, distance: int) -> int:
        """A version that is so far from that of a task."""
        versions = [
            task.version
            for task in self.model.of(user)
            if reference in (task.id, task.number)
        ]
        [version] = versions or [1]
        return max(1, version + distance)

    def version_of(
        self,
        user: str,
        references: Sequence[Reference],
        distance: int | None,
    ) -> int | None:
        """The version to ask for, if there is one task to ask it of."""
        if distance is None or not names_one(references):
            return None
        return self.version(user, references[0], distance)

    def is_known(self, user: str, reference: int | UUID | None) -> bool:
        """Whether a user has such a task, or had one; or none is asked for."""
        known: set[int | UUID | None] = {None}
        for task in self.model.of(user):
            known |= {task.id, task.number}
        for (owner, number), id in self.model.purged.items():
            if owner == user:
                known |= {id, number}
        return reference in known

    def told(
        self, user: str, reference: int | UUID | None, **how: int | None
    ) -> list[Operation]:
        """What the model tells of everything, or of a task."""
        if not self.is_known(user, reference):
            raise NotFound("never had it")
        return self.model.history(user, reference, **how)

    def resolve(self, user: str, drawn: Any) -> Reference:
        """A reference as drawn; a pair is the id of the user's own task, or of any."""
        if not isinstance(drawn, tuple):
            return cast(Reference, drawn)
        whose, place = drawn
        tasks = self.model.tasks.values()
        ids = [
            task.id
            for task in tasks
            if whose != "mine" or task.user_id == user
        ]
        ids = ids or GIVEN
        return ids[int(place) % len(ids)]

    def resolve_one(self, user: str, drawn: Any) -> int | UUID | None:
        """The reference to one task as drawn, if there is one."""
        reference = None if drawn is None else self.resolve(user, drawn)
        assert not isinstance(reference, range)
        return reference

    def resolve_all(self, user: str, drawn: Sequence[Any]) -> list[Reference]:
        """Several references as drawn."""
        return [self.resolve(user, each) for each in drawn]


def outcome(answer: Callable[[], Outcome]) -> Outcome:
    """What the model answers; an error is its code."""
    try:
        return answer()
    except TodoError as error:
        return error.code


async def tell_all(tasks: TaskService, _: StoreUnderTest) -> Any:
    """The whole history of a user."""
    return await tasks.history(limit=None)


def as_data(answer: Outcome, *, is_one: bool) -> Any:
    """An answer as JSON has it."""
    match answer:
        case dict():
            return answer
        case Undone():
            return {
                "operation": answer.operation,
                "undoes": answer.undoes,
                "tasks": [values(task) for task in answer.tasks],
            }
        case list():
            shown = [
                operation_values(part)
                if isinstance(part, Operation)
                else values(task_of(part))
                for part in answer
            ]
            return shown[0] if is_one else shown
    raise AssertionError(answer)


def refusal(kind: type[TodoError]) -> Callable[[], Outcome]:
    """The answer to input that is bad whatever is stored."""
    return lambda: kind.code


def given(options: Mapping[str, object]) -> list[str]:
    """The options that have a value, as words."""
    pairs = (
        (name, str(value))
        for name, value in options.items()
        if value is not None
    )
    return [word for pair in pairs for word in pair]


def repeated(flag: str, values: Sequence[str]) -> list[str]:
    """An option that is there once for each value, as words."""
    return [word for value in values for word in (flag, value)]


def typed_fields(fields: Mapping[str, Any]) -> list[str]:
    """The options that set fields, as words; None is `none`."""
    return given(
        {
            FLAGS[name]: "none" if value is None else value
            for name, value in fields.items()
        }
    )


def typed_query(query: TaskQuery) -> list[str]:
    """The options that ask for a list, as words."""
    words = given(
        {
            "--status": query.status,
            "--sort": query.sort,
            "--group": query.group,
            "--limit": query.limit,
            "--since": query.since and query.since.date(),
            "--until": query.before
            and query.before.date() - timedelta(days=1),
            "-P": "none" if query.project == "" else query.project,
        }
    )
    words += ["--reverse"] if query.is_reversed else []
    words += repeated("-p", [each or "none" for each in query.priorities])
    words += repeated("-t", query.tags) + repeated("--no-tag", query.no_tags)
    if query.due is not None:
        words += ["--due", typed_days(query.due)]
    return [*words, "--", *query.words]


def typed_days(days: Days) -> str:
    """The days of a filter, as people type them."""
    if not days.has_day:
        return "none"
    if days.first is None and days.last is None:
        return "any"
    return f"{days.first or ''}..{days.last or ''}"


def task_of(part: Task | Added) -> Task:
    """The task of a part of an answer."""
    return part.task if isinstance(part, Added) else part


def typed_references(
    references: Sequence[Reference], *, commas: bool
) -> list[str]:
    """References as people type them; with `commas` numbers and ranges as one word."""
    words = [
        f"{each.start}-{each.stop - 1}"
        if isinstance(each, range)
        else str(each)
        for each in references
    ]
    if commas and not any(isinstance(each, UUID) for each in references):
        return [",".join(words)]
    return words


def names_one(references: Sequence[Reference]) -> bool:
    """Whether the answer is one object, not a list."""
    return len(references) == 1 and not isinstance(references[0], range)
