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
from hypothesis.stateful import RuleBasedStateMachine as Machine
from hypothesis.stateful import initialize, invariant, precondition, rule

from tests.cli.expect import EXITS
from tests.lockstep.model import (
    Model,
    field_lines,
    footer,
    row,
    said_of,
    values,
)
from tests.lockstep.under_test import Rows, StoreUnderTest
from tests.support.program import Ran
from tests.support.stores import Clock, Store
from todo_cli.errors import (
    Cancelled,
    Code,
    ConfirmationRequired,
    InvalidInput,
    TodoError,
    Usage,
)
from todo_cli.service import TaskService
from todo_cli.task import (
    Added,
    Days,
    Group,
    NewTask,
    Reference,
    Sort,
    Task,
    TaskChange,
    TaskQuery,
    TaskStatus,
)

Outcome = Code | list[Task] | list[Added]
"""The result of a command or a call: the code of an error, or tasks."""

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
        (["--limit", "1234567890"], InvalidInput),
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

    @property
    def arguments(self) -> list[str]:
        """The words with the options of every command."""
        return ["--json", *self.words] if self.as_json else [*self.words]

    def printed(
        self, parts: Sequence[Task] | Sequence[Added], *, is_new_store: bool
    ) -> str:
        """What it prints of an answer."""
        lines = [self._line(part) for part in parts]
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

    def _line(self, part: Task | Added) -> str:
        task = task_of(part)
        if self.draw is not None:
            return self.draw(task)
        verb = self.verb
        if isinstance(part, Added) and not part.is_new:
            verb = "Already there as"
        said = said_of(task, self.names)
        return f"{verb} {task.number}: {task.title}{said}"


class Lockstep(Machine):
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
        # What is said of days and names in words has tests of its own.
        as_json = as_json or bool(typed)
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
        if query.sort is Sort.WAIT:
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
        if as_json:
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
                lambda: self.model.find(user, [reference]),
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
        references = self.resolve_all(user, named[: 1 if title else None])
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
            changes = TaskChange(note=text).named
            return self.model.update(user, [reference], changes)

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
        says=st.sampled_from([None, b"y\n", b"n\n", b""]),
        as_json=st.booleans(),
    )
    def delete(
        self,
        user: str,
        named: Sequence[Any],
        commas: bool,
        yes: bool,
        says: bytes | None,
        as_json: bool,
    ) -> None:
        references = self.resolve_all(user, named)
        options = ["--yes"] if yes else []

        def answer() -> Outcome:
            if len(self.model.find(user, references)) >= 3 and not yes:
                if says is None or as_json:
                    raise ConfirmationRequired("nobody to ask")
                if says != b"y\n":
                    raise Cancelled("no")
            return self.model.delete(user, references)

        self.ask(
            Command(
                user,
                [
                    "delete",
                    *typed_references(references, commas=commas),
                    *options,
                ],
                answer,
                as_json,
                verb="Deleted",
                is_one=names_one(references),
                stdin=says or b"",
                terminal=says is not None,
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
    )
    def service_adds(
        self,
        user: str,
        titles: Sequence[str],
        ids: Sequence[UUID],
        fields: dict[str, Any],
        tags: list[str],
        seconds: float,
    ) -> None:
        self.clock.tick(seconds)
        pairs = zip(titles, ids, strict=False)
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
        limit=st.none() | st.integers(1, 5),
    )
    def service_lists_page_by_page(
        self, user: str, status: TaskStatus, limit: int | None
    ) -> None:
        query = TaskQuery(status, limit=limit, sort=Sort.NEWEST)

        async def walk(
            tasks: TaskService, _: StoreUnderTest
        ) -> Sequence[Task]:
            page = await tasks.list(query)
            found = [*page.tasks]
            while page.next is not None:
                page = await tasks.list(replace(query, after=page.next))
                assert 1 <= len(page.tasks) <= (limit or 0)
                assert page.counts == self.model.counts(user)
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
            counts = replace(page.counts, found=None)
            assert counts == self.model.counts(user)
            assert page.counts.found in (None, len(whole))
            assert (page.next is None) == (len(page.tasks) == len(whole))
            return page.tasks

        self.call("list", user, find, lambda: whole[: query.limit])

    @rule(user=USERS, named=REFERENCES)
    def service_finds(self, user: str, named: Sequence[Any]) -> None:
        references = self.resolve_all(user, named)
        self.call(
            "find",
            user,
            lambda tasks, store: tasks.find(store.local_all(references)),
            lambda: self.model.find(user, references),
        )

    @rule(user=USERS, named=REFERENCES, changes=CHANGES, seconds=SECONDS)
    def service_updates(
        self,
        user: str,
        named: Sequence[Any],
        changes: dict[str, Any],
        seconds: float,
    ) -> None:
        self.clock.tick(seconds)
        references = self.resolve_all(user, named)
        try:
            wanted = TaskChange(**changes)
        except InvalidInput:
            # Such as a tag that is both to be added and to be removed.
            wanted = TaskChange(title=changes.get("title", "x"))

        def answer() -> Outcome:
            if not wanted.named:
                raise InvalidInput("nothing is named")
            return self.model.update(user, references, wanted.named)

        self.call(
            "update",
            user,
            lambda tasks, store: tasks.update(
                store.local_all(references), wanted
            ),
            answer,
        )

    @rule(user=USERS, named=REFERENCES, undo=st.booleans(), seconds=SECONDS)
    def service_completes(
        self, user: str, named: Sequence[Any], undo: bool, seconds: float
    ) -> None:
        self.clock.tick(seconds)
        references = self.resolve_all(user, named)
        self.call(
            "complete",
            user,
            lambda tasks, store: tasks.complete(
                store.local_all(references), undo=undo
            ),
            lambda: self.model.complete(user, references, undo=undo),
        )

    @rule(user=USERS, named=REFERENCES)
    @precondition(lambda self: len(self.model.tasks) > 4)
    def service_deletes(self, user: str, named: Sequence[Any]) -> None:
        references = self.resolve_all(user, named)
        self.call(
            "delete",
            user,
            lambda tasks, store: tasks.delete(store.local_all(references)),
            lambda: self.model.delete(user, references),
        )

    # What is true after every step

    @invariant()
    def both_stores_hold_what_the_model_holds(self) -> None:
        expected = {
            str(id): values(task) for id, task in self.model.tasks.items()
        }
        for store in self.stores:
            assert store.rows() == expected, store.kind
            assert store.last_numbers() == self.model.last, store.kind
            assert store.has_every_tag(), store.kind

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
        expected = outcome(command.answer)
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
            shown = [values(task_of(part)) for part in expected]
            assert ran.data == (shown[0] if command.is_one else shown)
        else:
            assert ran.out == command.printed(
                expected, is_new_store=is_new_store
            )
        return ran

    def call(
        self,
        name: str,
        user: str,
        method: Callable[[TaskService, StoreUnderTest], Awaitable[Any]],
        answer: Callable[[], Outcome],
    ) -> None:
        """Call the service on both stores and compare them with the model."""
        expected = outcome(answer)
        found = [store.call(user, method) for store in self.stores]
        code = expected.name if isinstance(expected, Code) else ""
        self.tally[f"service.{name}", code] += 1
        assert found == [expected, expected]

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

    def resolve_all(self, user: str, drawn: Sequence[Any]) -> list[Reference]:
        """Several references as drawn."""
        return [self.resolve(user, each) for each in drawn]


def outcome(answer: Callable[[], Outcome]) -> Outcome:
    """What the model answers; an error is its code."""
    try:
        return answer()
    except TodoError as error:
        return error.code


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
