"""Three users at both stores: any commands and calls have the answers of the model, and
leave what it leaves.
"""

import tempfile
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from typing import Any, Final, cast
from uuid import UUID, uuid5

from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from tests.cli.expect import EXITS
from tests.lockstep.model import Model, fields, row, values
from tests.lockstep.side import Rows, Side
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
    NewTask,
    Reference,
    Task,
    TaskChange,
    TaskQuery,
    TaskStatus,
)

Outcome = Code | list[Task] | list[Added]
"""What a command or a call comes to: a code, or tasks."""

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
    ["", " ", "\u200b\u200d", "a\x1bb", "a\nb", "a\u202eb", "a\udcffb", "x" * 201]
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
PLACES = st.tuples(st.sampled_from(["mine", "mine", "anybody's"]), st.integers(0, 99))
SINGLES = PLACES | NUMBERS | PLACES | st.sampled_from(GIVEN)
RANGES = st.tuples(NUMBERS, st.integers(1, 4)).map(
    lambda pair: range(pair[0], pair[0] + pair[1])
)
REFERENCES = st.lists(SINGLES | RANGES, min_size=1, max_size=3)
BAD_REFERENCES = st.sampled_from(
    ["", "0", "01", "-1", "+1", "1_0", " 1", "٣", "5-2", "1-1001", "1,,2", "1234567890"]
)


class Lockstep(RuleBasedStateMachine):
    """Both stores and the model; every step is asked of all three."""

    def __init__(self, postgresql: str, tally: "Counter[tuple[str, str]]") -> None:
        super().__init__()
        self.tally = tally
        self.stack = ExitStack()
        folder = Path(self.stack.enter_context(tempfile.TemporaryDirectory()))
        self.clock = Clock()
        self.model = Model(self.clock)
        stores = (
            Store("sqlite", f"sqlite:///{folder / 'store.db'}"),
            Store("postgresql", postgresql),
        )
        self.sides = [
            self.stack.enter_context(Side(store, folder, self.model))
            for store in stores
        ]
        self.before: Rows = {}
        self.fresh = (uuid5(SPACE, f"fresh {place}") for place in count())
        """Ids that the model gives to what the program gives ids of its own."""
        self.given: dict[tuple[str, int], str] = {}

    def teardown(self) -> None:
        """Let go of both stores."""
        self.stack.close()

    @initialize(users=st.sampled_from([PEOPLE, PEOPLE, PEOPLE[:1], ()]))
    def begin(self, users: Sequence[str]) -> None:
        """Let some have tasks already; with none there is no store yet."""
        for user in users:
            self.add_lines(user, [b"a", b"b", b"c", b"d"], None, None, False, b"", 0.0)

    # The commands, through the door

    @rule(
        user=USERS,
        title=TITLES,
        description=st.none() | DESCRIPTIONS,
        id=IDS,
        as_json=st.booleans(),
        seconds=SECONDS,
    )
    def add(
        self,
        user: str,
        title: str,
        description: str | None,
        id: UUID | None,
        as_json: bool,
        seconds: float,
    ) -> None:
        more = ([] if description is None else ["-d", description]) + (
            [] if id is None else ["--id", str(id)]
        )
        new = NewTask(title=title, description=description, id=id or next(self.fresh))
        self.ask(
            lambda: self.command(
                user,
                ["add", *more, "--", *title.split(" ")],
                lambda: self.model.add_all(user, [new]),
                as_json=as_json,
                verb="Added",
                one=True,
            ),
            seconds,
            twice=id is not None,
        )

    @rule(user=USERS, title=BAD_TITLES, id=IDS, as_json=st.booleans())
    def add_nothing(
        self, user: str, title: str, id: UUID | None, as_json: bool
    ) -> None:
        words = ["add", *([] if id is None else ["--id", str(id)]), "--", title]
        self.command(user, words, fault(InvalidInput), as_json=as_json)

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
        key = id or next(self.fresh)
        titles = [
            (number, line.decode().strip())
            for number, line in enumerate(lines, start=1)
        ]
        news = [
            NewTask(title=title, id=uuid5(key, str(number)))
            for number, title in titles
            if title
        ]
        self.ask(
            lambda: self.command(
                user,
                ["add", *([] if id is None else ["--id", str(id)]), "-"],
                (lambda: self.model.add_all(user, news))
                if bad is None
                else fault(InvalidInput),
                as_json=as_json,
                verb="Added",
                stdin=mark + b"\n".join([*lines, *([] if bad is None else [bad])]),
            ),
            seconds,
            twice=id is not None,
        )

    @rule(
        user=USERS,
        status=st.sampled_from(TaskStatus),
        limit=st.none() | st.integers(1, 9),
        as_json=st.booleans(),
    )
    def list_(
        self, user: str, status: TaskStatus, limit: int | None, as_json: bool
    ) -> None:
        words = [
            "list",
            "--status",
            status,
            *([] if limit is None else ["--limit", str(limit)]),
        ]
        ran = self.command(
            user,
            words,
            lambda: self.model.of(user, status)[:limit],
            as_json=as_json,
            draw=row,
        )
        if as_json:
            open_count, done_count = self.model.counts(user)
            total = {TaskStatus.OPEN: open_count, TaskStatus.DONE: done_count}.get(
                status, open_count + done_count
            )
            shown = min(total, limit or 0)
            said = (
                f"{open_count} open, {done_count} done"
                if limit is None
                else f"{shown} of {total}"
            )
            assert ran.json["message"] == said

    @rule(
        user=USERS,
        words=st.sampled_from(
            [
                ("--limit", "0"),
                ("--limit", "1234567890"),
                ("--limit", "x"),
                ("--status", "x"),
            ]
        ),
        as_json=st.booleans(),
    )
    def list_nothing(self, user: str, words: tuple[str, str], as_json: bool) -> None:
        kind = Usage if words[1] == "x" else InvalidInput
        self.command(user, ["list", *words], fault(kind), as_json=as_json)

    @rule(user=USERS, single=SINGLES, as_json=st.booleans(), shout=st.booleans())
    def show(self, user: str, single: Any, as_json: bool, shout: bool) -> None:
        reference = self.meant(user, single)
        word = str(reference).upper() if shout else str(reference)
        self.command(
            user,
            ["show", word],
            lambda: self.model.find(user, [reference]),
            as_json=as_json,
            draw=fields,
            one=True,
        )

    @rule(
        user=USERS,
        single=SINGLES,
        title=st.none() | TITLES | BAD_TITLES,
        description=st.none() | DESCRIPTIONS,
        by_stdin=st.booleans(),
        status=st.sampled_from([None, TaskStatus.OPEN, TaskStatus.DONE]),
        as_json=st.booleans(),
        seconds=SECONDS,
    )
    def update(
        self,
        user: str,
        single: Any,
        title: str | None,
        description: str | None,
        by_stdin: bool,
        status: TaskStatus | None,
        as_json: bool,
        seconds: float,
    ) -> None:
        reference = self.meant(user, single)
        typed = "-" if by_stdin and description is not None else description
        given = {"--title": title, "-d": typed, "--status": status}
        options = [
            word
            for name, value in given.items()
            if value is not None
            for word in (name, value)
        ]
        text = (description or "").replace("\r\n", "\n")
        text = text.removesuffix("\n") if by_stdin else text
        named: dict[str, Any] = {
            **({} if title is None else {"title": title}),
            **({} if description is None else {"description": text or None}),
            **({} if status is None else {"completed": status == TaskStatus.DONE}),
        }

        def answer() -> Outcome:
            if not named:
                raise Usage("nothing is named")
            changes = TaskChange(**named).named
            return [self.model.update(user, reference, changes)]

        self.ask(
            lambda: self.command(
                user,
                ["update", str(reference), *options],
                answer,
                as_json=as_json,
                verb="Updated",
                one=True,
                stdin=(description or "").encode(),
            ),
            seconds,
            twice=True,
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
        references = [self.meant(user, each) for each in named]
        self.ask(
            lambda: self.command(
                user,
                [
                    "done",
                    *written(references, commas=commas),
                    *(["--undo"] if undo else []),
                ],
                lambda: self.model.complete(user, references, undo=undo),
                as_json=as_json,
                verb="Reopened" if undo else "Done",
                one=is_one(references),
            ),
            seconds,
            twice=True,
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
        references = [self.meant(user, each) for each in named]

        def answer() -> Outcome:
            if len(self.model.find(user, references)) >= 3 and not yes:
                if says is None or as_json:
                    raise ConfirmationRequired("nobody to ask")
                if says != b"y\n":
                    raise Cancelled("no")
            return self.model.delete(user, references)

        self.command(
            user,
            [
                "delete",
                *written(references, commas=commas),
                *(["--yes"] if yes else []),
            ],
            answer,
            as_json=as_json,
            verb="Deleted",
            one=is_one(references),
            stdin=says or b"",
            terminal=says is not None,
        )

    @rule(
        user=USERS,
        words=st.sampled_from(
            [
                ["show"],
                ["update", "--title", "x"],
                ["done"],
                ["done", "1"],
                ["delete", "--yes"],
            ]
        ),
        bad=BAD_REFERENCES,
        as_json=st.booleans(),
    )
    def name_nothing(
        self, user: str, words: Sequence[str], bad: str, as_json: bool
    ) -> None:
        self.command(user, [*words, "--", bad], fault(InvalidInput), as_json=as_json)

    @rule(
        user=USERS, words=st.sampled_from(["1-2", "1,2", "3-3"]), as_json=st.booleans()
    )
    def name_too_many(self, user: str, words: str, as_json: bool) -> None:
        self.command(user, ["show", words], fault(InvalidInput), as_json=as_json)
        self.command(
            user,
            ["update", words, "--title", "x"],
            fault(InvalidInput),
            as_json=as_json,
        )

    # The service, through connections that it keeps

    @rule(
        user=USERS,
        titles=st.lists(TITLES, max_size=3),
        ids=st.lists(st.sampled_from(GIVEN), min_size=3, max_size=3, unique=True),
        seconds=SECONDS,
    )
    def service_adds(
        self, user: str, titles: Sequence[str], ids: Sequence[UUID], seconds: float
    ) -> None:
        self.clock.tick(seconds)
        news = [
            NewTask(title=title, id=id) for title, id in zip(titles, ids, strict=False)
        ]
        if len(news) == 1:
            self.call(
                "add",
                user,
                lambda tasks, _: in_list(tasks.add(news[0])),
                lambda: self.model.add_all(user, news),
            )
        else:
            self.call(
                "add_all",
                user,
                lambda tasks, _: tasks.add_all(news),
                lambda: self.model.add_all(user, news),
            )

    @rule(
        user=USERS,
        status=st.sampled_from(TaskStatus),
        limit=st.none() | st.integers(1, 5),
    )
    def service_lists_page_by_page(
        self, user: str, status: TaskStatus, limit: int | None
    ) -> None:
        async def walk(tasks: TaskService, _: Side) -> Sequence[Task]:
            page = await tasks.list(TaskQuery(status, limit))
            found = [*page.tasks]
            while page.next is not None:
                page = await tasks.list(TaskQuery(status, limit, after=page.next))
                assert 1 <= len(page.tasks) <= (limit or 0)
                assert (page.open_count, page.done_count) == self.model.counts(user)
                found += page.tasks
            return found

        self.call("list", user, walk, lambda: self.model.of(user, status))

    @rule(user=USERS, named=REFERENCES)
    def service_finds(self, user: str, named: Sequence[Any]) -> None:
        references = [self.meant(user, each) for each in named]
        self.call(
            "find",
            user,
            lambda tasks, side: tasks.find([side.own(each) for each in references]),
            lambda: self.model.find(user, references),
        )

    @rule(
        user=USERS,
        single=SINGLES,
        changes=st.fixed_dictionaries(
            {},
            optional={
                "title": TITLES,
                "description": st.none() | DESCRIPTIONS,
                "completed": st.booleans(),
            },
        ),
        seconds=SECONDS,
    )
    def service_updates(
        self, user: str, single: Any, changes: dict[str, Any], seconds: float
    ) -> None:
        self.clock.tick(seconds)
        reference, wanted = self.meant(user, single), TaskChange(**changes)

        def answer() -> Outcome:
            if not changes:
                raise InvalidInput("nothing is named")
            return [self.model.update(user, reference, wanted.named)]

        self.call(
            "update",
            user,
            lambda tasks, side: in_list(tasks.update(side.own(reference), wanted)),
            answer,
        )

    @rule(user=USERS, named=REFERENCES, undo=st.booleans(), seconds=SECONDS)
    def service_completes(
        self, user: str, named: Sequence[Any], undo: bool, seconds: float
    ) -> None:
        self.clock.tick(seconds)
        references = [self.meant(user, each) for each in named]
        self.call(
            "complete",
            user,
            lambda tasks, side: tasks.complete(
                [side.own(each) for each in references], undo=undo
            ),
            lambda: self.model.complete(user, references, undo=undo),
        )

    @rule(user=USERS, named=REFERENCES)
    @precondition(lambda self: len(self.model.tasks) > 4)
    def service_deletes(self, user: str, named: Sequence[Any]) -> None:
        references = [self.meant(user, each) for each in named]
        self.call(
            "delete",
            user,
            lambda tasks, side: tasks.delete([side.own(each) for each in references]),
            lambda: self.model.delete(user, references),
        )

    # What holds after every step

    @invariant()
    def both_stores_hold_what_the_model_holds(self) -> None:
        expected = {str(id): values(task) for id, task in self.model.tasks.items()}
        for side in self.sides:
            assert side.rows() == expected, side.kind
            assert {
                user: last for user, last in side.last_numbers().items() if last
            } == self.model.last, side.kind

    @invariant()
    def no_number_is_given_twice_and_updated_at_moves_only_with_something_else(
        self,
    ) -> None:
        rows = self.sides[0].rows()
        for id, now in rows.items():
            assert self.given.setdefault((now["user_id"], now["number"]), id) == id
            was = self.before.get(id, now)
            differing = {name for name in now if now[name] != was[name]}
            assert ("updated_at" in differing) <= bool(differing - {"updated_at"})
        self.before = rows

    # Ways to ask

    def command(
        self,
        user: str,
        words: Sequence[str],
        answer: Callable[[], Outcome],
        *,
        as_json: bool,
        verb: str = "",
        draw: Callable[[Task], str] | None = None,
        one: bool = False,
        stdin: bytes = b"",
        terminal: bool = False,
    ) -> Ran:
        """Run a command on both stores and compare them with each other and with the
        model; return what they print.
        """
        is_absent = not self.model.last
        expected = outcome(answer)
        status = EXITS[expected.name] if isinstance(expected, Code) else 0
        words = (["--json"] if as_json else []) + list(words)
        rans = [
            side.run(*words, user=user, stdin=stdin, terminal=terminal)
            for side in self.sides
        ]
        self.tally[words[as_json], str(status)] += 1
        assert [ran.status for ran in rans] == [status] * 2, (rans, expected)
        assert rans[0].out == rans[1].out
        if not terminal:  # where one of them may say that it waits
            assert rans[0].err == rans[1].err
        [ran, _] = rans
        if isinstance(expected, Code):
            if as_json:
                assert ran.error["code"] == expected.name
            else:
                assert (ran.out, ran.err.startswith("error: ") or terminal) == (
                    "",
                    True,
                )
            return ran
        tasks = [part.task if isinstance(part, Added) else part for part in expected]
        if as_json:
            assert ran.data == (
                values(tasks[0]) if one else [values(task) for task in tasks]
            )
            return ran
        lines = (
            [draw(task) for task in tasks]
            if draw
            else [line(verb, part) for part in expected]
        )
        if verb == "Added" and is_absent and lines:
            lines[0] += " (new list in PLACE)"
        elif lines and any(
            isinstance(part, Added) and part.is_new and part.task.number == 1
            for part in expected
        ):
            lines[0] += f" (new list for {user})"
        assert ran.out == "".join(f"{line}\n" for line in lines)
        return ran

    def call(
        self,
        name: str,
        user: str,
        method: Callable[[TaskService, Side], Awaitable[Any]],
        answer: Callable[[], Outcome],
    ) -> None:
        """Call the service on both stores and compare them with the model."""
        expected = outcome(answer)
        found = [side.call(user, method) for side in self.sides]
        self.tally[
            f"service.{name}", expected.name if isinstance(expected, Code) else ""
        ] += 1
        assert found == [expected, expected]

    def ask(self, command: Callable[[], Ran], seconds: float, *, twice: bool) -> None:
        """Let time pass and run a command; `twice` those that are harmless to repeat:
        that changes nothing.
        """
        self.clock.tick(seconds)
        command()
        if twice:
            before = [side.rows() for side in self.sides]
            self.clock.tick(seconds)
            command()
            assert [side.rows() for side in self.sides] == before

    def meant(self, user: str, drawn: Any) -> Reference:
        """A reference as drawn; of a pair it is the id of one of the user's own tasks,
        or of anybody's.
        """
        if not isinstance(drawn, tuple):
            return cast(Reference, drawn)
        whose, place = drawn
        ids = [
            task.id
            for task in self.model.tasks.values()
            if whose != "mine" or task.user_id == user
        ] or GIVEN
        return ids[int(place) % len(ids)]


def outcome(answer: Callable[[], Outcome]) -> Outcome:
    """What the model says; an error is its code."""
    try:
        return answer()
    except TodoError as error:
        return error.code


def fault(kind: type[TodoError]) -> Callable[[], Outcome]:
    """What is wrong whatever is stored."""
    return lambda: kind.code


async def in_list(answer: Awaitable[Any]) -> Sequence[Any]:
    """The one thing that a call gives, as those that give several."""
    return [await answer]


def line(verb: str, part: Task | Added) -> str:
    """What a write says of a task."""
    if isinstance(part, Added):
        return f"{verb if part.is_new else 'Already there as'} {part.task.number}: {part.task.title}"
    return f"{verb} {part.number}: {part.title}"


def written(references: Sequence[Reference], *, commas: bool) -> Sequence[str]:
    """References as people type them; with `commas` numbers and ranges as one word."""
    words = [
        f"{each.start}-{each.stop - 1}" if isinstance(each, range) else str(each)
        for each in references
    ]
    if commas and not any(isinstance(each, UUID) for each in references):
        return [",".join(words)]
    return words


def is_one(references: Sequence[Reference]) -> bool:
    """Whether one object is the answer."""
    return len(references) == 1 and not isinstance(references[0], range)
