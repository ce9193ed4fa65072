"""Change the program in every small way and see whether a test notices.

Wants `pip install -e '.[test,mutation]'`. Exit status 1 when fewer than 90 % of a
file's mutants are killed, or when those that survive are not those of survivors.txt,
where each has its reason.
"""

import argparse
import os
import shlex
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import cache
from pathlib import Path

from tests.mutation.mutants import mutants_of
from tests.mutation.trial import Suite, Verdict
from tests.support.postgres import open_server

PACKAGE = Path(__file__).parents[2] / "todo_cli"
SURVIVORS = Path(__file__).with_name("survivors.txt")
GOAL = 0.9
SERVICE = " ".join(
    f"tests/service/test_{part}.py"
    for part in ("add", "change", "find", "list", "absent_store")
)
SCHEMA = "tests/database/test_schema.py tests/test_docs.py"

# For each file the tests that are to notice: the quick ones, and then for what is left
# those that take longer.
TESTS: dict[str, tuple[str, ...]] = {
    "errors.py": (
        "tests/test_errors.py",
        "tests/cli/test_contract.py::test_contracts_are_up_to_date",
    ),
    "rules.py": ("tests/test_rules.py tests/cli/test_references.py",),
    "task.py": (
        "tests/test_task.py -k 'not (both_stores and postgresql)'",
        f"tests/test_task.py {SCHEMA} -k 'both_stores or create_all or by_alembic or data_model'",
        f"{SERVICE} -k 'not postgresql'",
    ),
    "service.py": (
        f"{SERVICE} -k 'not postgresql'",
        "tests/neon/test_lost_answers.py -k 'asked_again or by_a_look or once_more or twice or no_gap or unknown_when'",
        f"{SERVICE} -k postgresql",
    ),
    "output/envelope.py": ("tests/output/test_envelope.py",),
    "output/plain.py": ("tests/output/test_plain.py",),
    "output/terminal.py": ("tests/output/test_terminal.py",),
    "output/text.py": ("tests/output/test_text.py",),
    "output/views.py": ("tests/output/test_views.py", "tests/output"),
    "output/words.py": ("tests/output/test_words.py",),
    "database/url.py": ("tests/database/test_url.py",),
}


def main(arguments: Sequence[str]) -> int:
    """Try the mutants of the files that are named, or of all."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.mutation", description=__doc__
    )
    parser.add_argument(
        "names", nargs="*", metavar="FILE", help=f"of {', '.join(TESTS)}; default all"
    )
    parser.add_argument(
        "--match",
        default="",
        metavar="TEXT",
        help="only the mutants whose name contains this text",
    )
    asked = parser.parse_args(arguments)
    if unknown := set(asked.names) - set(TESTS):
        parser.error(f"no such file: {', '.join(sorted(unknown))}")
    with ExitStack() as stack:
        server = open_server(os.environ.get("TODO_TEST_DATABASE_URL"))
        stack.callback(server.close)
        os.environ["TODO_TEST_DATABASE_URL"] = server.url(
            "postgres"
        )  # one server for all trials
        open_suite = cache(
            lambda tests: stack.enter_context(Suite(*shlex.split(tests)))
        )
        results = [_try(name, asked.match, open_suite) for name in asked.names or TESTS]
    return 0 if all(results) else 1


def _try(name: str, match: str, open_suite: Callable[[str], Suite]) -> bool:
    """Try the mutants of one file; whether all is as it should be."""
    module = ".".join(("todo_cli", *Path(name).with_suffix("").parts))
    expected = {
        line for line in _expected() if line.startswith(f"{name}: ") and match in line
    }
    found: Counter[Verdict] = Counter()
    survived = set()
    began = time.monotonic()
    for mutant in mutants_of(PACKAGE / name):
        label = f"{name}: {mutant.name}"
        if match not in label:
            continue
        verdict = Verdict.SURVIVED
        for tests in TESTS[name]:
            if (
                verdict := open_suite(tests).judge(module, mutant.source)
            ) is not Verdict.SURVIVED:
                break
        found[verdict] += 1
        if verdict is Verdict.SURVIVED:
            survived.add(label)
        if verdict is Verdict.TIMEOUT or (
            verdict is Verdict.SURVIVED and label not in expected
        ):
            _say(f"{verdict}: {label}")
    for label in sorted(expected - survived):
        _say(f"survives no longer: {label}")
    score = 1 - found[Verdict.SURVIVED] / max(1, found.total())
    counts = ", ".join(f"{found[verdict]} {verdict}" for verdict in Verdict)
    _say(
        f"{name}: {found.total()} mutants, {counts}: {score:.1%} ({time.monotonic() - began:.0f} s)"
    )
    return survived == expected and (bool(match) or score >= GOAL)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _expected() -> list[str]:
    """The survivors that have a reason."""
    lines = SURVIVORS.read_text().splitlines()
    return [line for line in lines if line and not line.startswith("#")]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
