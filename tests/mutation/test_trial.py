"""The trials of the mutation run: what they say of a module that is right, wrong, or never done."""

import subprocess
import sys
from pathlib import Path

from tests.support.program import LIMIT_S

ROOT = Path(__file__).parents[2]
TRIALS = """
from pathlib import Path
from tests.mutation.trial import Suite

path, tests = Path("todo_cli/output/plain.py"), "tests/output/test_plain.py"
right = path.read_text()
wrong = right.replace("if task.completed", "if not task.completed")
with Suite(tests) as suite, Suite(tests, limit_s=1) as impatient:
    for text in (right, wrong, "syntax error"):
        print(suite.judge("todo_cli.output.plain", text))
    print(impatient.judge("todo_cli.output.plain", "while True: pass"))
print(path.read_text() == right != wrong)
try:
    Suite(tests, "-k", "no_such_test")
except RuntimeError as error:
    print(error)
"""


def test_trials_tell_what_tests_notice_and_leave_the_file_alone() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", TRIALS],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=3 * LIMIT_S,
        check=False,
    )

    assert (ran.stderr, ran.stdout.splitlines()[:5]) == (
        "",
        ["survived", "killed", "killed", "timeout", "True"],
    )
    assert (
        "without any change these tests do not pass: tests/output/test_plain.py -k no_such_test"
        in ran.stdout
    )
