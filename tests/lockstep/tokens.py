"""Tokens in the walk: made, listed, revoked and found, on both stores and in a model."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine as Machine
from hypothesis.stateful import precondition, rule

from tests.lockstep.model import Model, written
from tests.lockstep.under_test import StoreUnderTest
from tests.support.program import Ran
from tests.support.stores import Clock

DAY: Final = timedelta(days=1)
NAMES: Final = st.sampled_from(["ci", "ci", "laptop", "[/] \U0001f4a1"])
LIFETIMES: Final = st.sampled_from(
    [("1d", DAY), ("2W", 14 * DAY), ("never", None)]
)
SECONDS: Final = st.sampled_from([0.0, 1.0, 86_400.0])
KEYS: Final = ("name", "read_only", "created_at", "expires_at")


@dataclass
class Held:
    """A token, which has another id and another text on each store."""

    user: str
    name: str
    read_only: bool
    created_at: datetime
    expires_at: datetime | None
    ids: Sequence[str]
    texts: Sequence[str]
    last_used_on: date | None = None
    revoked_at: datetime | None = None

    def values(self, place: int) -> dict[str, Any]:
        """What the store at a place says of it."""
        values = {key: written(getattr(self, key)) for key in KEYS}
        last = ("last_used_on", "revoked_at")
        ends = {key: written(getattr(self, key)) for key in last}
        return {"id": self.ids[place]} | values | ends

    def verdict(self, now: datetime) -> str:
        """What a server makes of it."""
        if self.revoked_at is not None:
            return "revoked"
        is_over = self.expires_at is not None and self.expires_at <= now
        return "expired" if is_over else "valid"


class TokenRules(Machine):
    """What can be done with tokens, once there is a store."""

    model: Model
    clock: Clock
    stores: list[StoreUnderTest]
    tally: "Counter[tuple[str, str]]"

    def __init__(self) -> None:
        super().__init__()
        self.tokens: list[Held] = []

    def kept(self, user: str, name: str) -> list[Held]:
        """The tokens of a user that are not revoked and have this name."""
        return [
            each
            for each in self.tokens
            if (each.user, each.name, each.revoked_at) == (user, name, None)
        ]

    def run(self, user: str, status: int, *words: str) -> list[Ran]:
        """Run a command of `todo token` on both stores, with this outcome."""
        self.tally[f"token {words[0]}", str(status)] += 1
        rans = [
            store.run("token", *words, "--json", user=user)
            for store in self.stores
        ]
        assert [ran.status for ran in rans] == [status] * 2, rans
        return rans

    @precondition(lambda self: self.model.last)
    @rule(
        user=st.sampled_from(["ada", "bob"]),
        name=NAMES,
        read_only=st.booleans(),
        lifetime=LIFETIMES,
        seconds=SECONDS,
    )
    def make_token(
        self,
        user: str,
        name: str,
        read_only: bool,
        lifetime: tuple[str, timedelta | None],
        seconds: float,
    ) -> None:
        now = self.clock.tick(seconds)
        typed, length = lifetime
        words = ["create", name, "--expires", typed]
        words += ["--read-only"] * read_only
        if self.kept(user, name):
            for ran in self.run(user, 5, *words):
                assert ran.error["code"] == "CONFLICT"
            return
        made = [ran.data for ran in self.run(user, 0, *words)]
        held = Held(
            user,
            name,
            read_only,
            now,
            now + length if length else None,
            [each["id"] for each in made],
            [each["token"] for each in made],
        )
        self.tokens.append(held)
        for place, each in enumerate(made):
            text = each.pop("token")
            assert each == held.values(place)
            assert text == held.texts[place]

    @precondition(lambda self: self.model.last)
    @rule(user=st.sampled_from(["ada", "bob"]), is_all=st.booleans())
    def list_tokens(self, user: str, is_all: bool) -> None:
        rans = self.run(user, 0, "list", *["--all"] * is_all)
        for place, ran in enumerate(rans):
            expected = [
                each.values(place)
                for each in self.tokens
                if each.user == user and (is_all or each.revoked_at is None)
            ]
            expected.sort(key=lambda values: values["id"])
            expected.sort(
                key=lambda values: values["created_at"], reverse=True
            )
            assert ran.data == expected

    @precondition(lambda self: self.model.last)
    @rule(
        user=st.sampled_from(["ada", "bob"]),
        name=NAMES,
        by_id=st.booleans(),
        is_trial=st.booleans(),
        seconds=SECONDS,
    )
    def revoke_token(
        self,
        user: str,
        name: str,
        by_id: bool,
        is_trial: bool,
        seconds: float,
    ) -> None:
        # Of two that are revoked at one moment an id decides, on each store another.
        now = self.clock.tick(seconds + 0.000_001)
        held = self.meant(user, name)
        status = 0 if held else 3
        self.tally["token revoke", str(status)] += 1
        was = held.revoked_at if held else None
        if held and was is None:
            held.revoked_at = now
        for place, store in enumerate(self.stores):
            key = held.ids[place] if held and by_id else name
            words = ["token", "revoke", key, *["--dry-run"] * is_trial]
            ran = store.run(*words, "--json", user=user)
            assert ran.status == status, ran
            if held:
                assert ran.data == held.values(place)
        if held and is_trial:
            held.revoked_at = was

    def meant(self, user: str, name: str) -> Held | None:
        """The token that a name means; of several that are revoked, the last one."""
        for each in self.kept(user, name):
            return each
        revoked = [
            each
            for each in self.tokens
            if (each.user, each.name) == (user, name)
        ]
        revoked.sort(key=lambda each: each.revoked_at or each.created_at)
        return revoked[-1] if revoked else None

    @precondition(lambda self: self.tokens)
    @rule(drawn=st.integers(0, 99), is_used=st.booleans(), seconds=SECONDS)
    def find_token(self, drawn: int, is_used: bool, seconds: float) -> None:
        now = self.clock.tick(seconds)
        held = self.tokens[drawn % len(self.tokens)]
        verdict = held.verdict(now)
        self.tally["door", verdict] += 1
        user = held.user if verdict == "valid" else None
        for store, text in zip(self.stores, held.texts, strict=True):
            assert store.look_up(text, is_used=is_used) == (verdict, user)
        if is_used and user:
            held.last_used_on = now.date()
