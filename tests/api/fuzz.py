"""Sends Schemathesis at a real `todo serve`, with all of its checks, examples,
coverage, fuzzing and stateful walks.

python -m tests.api.fuzz sqlite [--cases 10000] [--seed 1]
python -m tests.api.fuzz postgresql [--cases 10000] [--seed 1]

Texts hold NUL and, by `fuzz_hooks.py`, lone surrogates. Runs follow each other with new
seeds until so many cases were sent; the first that finds something ends it, with what
it found.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.api.contract import CONTRACT, ROOT
from tests.api.served import Served, serving
from tests.support.postgres import open_cluster
from tests.support.program import Process, Surroundings

CONFIG = """\
hooks = "tests.api.fuzz_hooks"
[generation]
allow-x00 = true
database = "none"
[checks]
enabled = true
# That a task is missing, or has another version, is not in its schema. What else may be
# refused although it fits, `fuzz_hooks.py` says rule by rule.
[checks.positive_data_acceptance]
expected-statuses = [200, 201, 304, 404, 409, 412]
# A deleted task is in the trash, where GET sees it.
[checks.use_after_free]
enabled = false
"""
PHASES = "examples,coverage,fuzzing,stateful"
COUNT = re.compile(r"(\d+) generated, (\d+) passed")


def attack(
    served: Served, folder: Path, *, examples: int, seed: int, phases: str
) -> tuple[int, str]:
    """One run against a server: how many cases passed, and what was found, if anything."""
    config = folder / "schemathesis.toml"
    config.write_text(CONFIG, encoding="utf-8")
    program = "import sys, schemathesis.cli as c; sys.exit(c.schemathesis())"
    first = [sys.executable, "-c", program, "--config-file", str(config)]
    run = ["run", str(CONTRACT), "--url", served.url, "--no-color"]
    size = ["--max-examples", f"{examples}", "--seed", f"{seed}"]
    size += ["--phases", phases]
    ran = subprocess.run(
        [*first, *run, *size, "--continue-on-failure"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    counted = COUNT.search(ran.stdout)
    sent, passed = (int(counted[1]), int(counted[2])) if counted else (0, 0)
    bugs = [
        line
        for line in served.lines
        if line.startswith("bug:") or re.search(r" 50\d [\d.]+ ms$", line)
    ]
    if ran.returncode != 0 or sent != passed or sent == 0 or bugs:
        words = [
            *bugs[:20],
            ran.stdout,
            ran.stderr,
            f"it ended with {ran.returncode}",
        ]
        return passed, "\n".join(words)
    return passed, ""


@contextmanager
def process_on(kind: str, folder: Path) -> Iterator[Process]:
    """The program on an empty store."""
    if kind == "sqlite":
        yield Process(
            Surroundings(folder, folder, f"sqlite:///{folder / 'store.db'}")
        )
        return
    cluster = open_cluster()
    try:
        yield Process(
            Surroundings(
                folder, folder, cluster.url(cluster.create_database())
            )
        )
    finally:
        cluster.close()


def main(arguments: Sequence[str]) -> int:
    """Attack until so many cases have passed; 1 where something was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.api.fuzz")
    parser.add_argument("kind", choices=["sqlite", "postgresql"])
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args(arguments)
    total = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with (
            process_on(asked.kind, folder) as process,
            serving(process) as served,
        ):
            seed = asked.seed
            while total < asked.cases:
                passed, found = attack(
                    served, folder, examples=300, seed=seed, phases=PHASES
                )
                total += passed
                if found:
                    sys.stdout.write(
                        f"{asked.kind}: seed {seed} found something after {total} cases\n{found}\n"
                    )
                    return 1
                seed += 1
    sys.stdout.write(
        f"{asked.kind}: {total} cases, seeds {asked.seed} to {seed - 1}, nothing found\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
