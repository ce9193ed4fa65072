"""Sends Schemathesis at a real `todo serve`, with all of its checks, examples,
coverage, fuzzing and stateful walks.

python -m tests.api.fuzz sqlite [--auth] [--cases 10000] [--seed 1]
python -m tests.api.fuzz postgresql [--auth] [--cases 10000] [--seed 1]

With `--auth` the server asks for a token, and its contract says so; most paths are those
of the token's user, and some are not (`fuzz_auth_hooks.py`). Texts hold NUL and, by `fuzz_hooks.py`, lone surrogates. Runs follow each other with new
seeds until so many cases were sent; the first that finds something ends it, with what
it found.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Final

import yaml

from tests.api.contract import CONTRACT, ROOT
from tests.api.served import Served, serving
from tests.support.postgres import open_cluster
from tests.support.program import Process, Surroundings

CONFIG = """\
hooks = "tests.api.{hooks}"
[generation]
allow-x00 = true
database = "none"
[checks]
enabled = true
# That a task is missing, or has another version, is not in its schema. What else may be
# refused although it fits, `fuzz_hooks.py` says rule by rule.
[checks.positive_data_acceptance]
expected-statuses = [200, 201, 304, 404, 409, 412]
# What breaks its schema may also be too long.
[checks.negative_data_rejection]
expected-statuses = [400, 401, 403, 404, 405, 406, 409, 413, 415, 422, 428, 429]
# A deleted task is in the trash, where GET sees it.
[checks.use_after_free]
enabled = false
"""
WITH_TOKEN: Final = """\
[auth.openapi.token]
bearer = "{token}"
[output.sanitization]
enabled = false
"""
AUTH: Final = ("--auth", "--behind-proxy", "127.0.0.1")
PHASES = "examples,coverage,fuzzing,stateful"
COUNT = re.compile(r"(\d+) generated, (\d+) passed")


def prepare(folder: Path, token: str) -> tuple[Path, Path]:
    """Write what a run needs: its settings, and with a token a contract that asks for one."""
    config = folder / "schemathesis.toml"
    if not token:
        config.write_text(CONFIG.format(hooks="fuzz_hooks"), encoding="utf-8")
        return config, CONTRACT
    text = CONFIG.format(hooks="fuzz_auth_hooks")
    config.write_text(text + WITH_TOKEN.format(token=token), encoding="utf-8")
    document = yaml.safe_load(CONTRACT.read_text(encoding="utf-8"))
    # Without a token it is the same, so the published one says that none will do.
    document["security"] = [{"token": []}]
    contract = folder / "contract.json"
    contract.write_text(json.dumps(document), encoding="utf-8")
    return config, contract


def attack(
    served: Served,
    folder: Path,
    *,
    examples: int,
    seed: int,
    phases: str,
    token: str = "",
) -> tuple[int, str]:
    """One run against a server: how many cases passed, and what was found, if anything."""
    config, contract = prepare(folder, token)
    program = "import sys, schemathesis.cli as c; sys.exit(c.schemathesis())"
    first = [sys.executable, "-c", program, "--config-file", str(config)]
    run = ["run", str(contract), "--url", served.url, "--no-color"]
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
    parser.add_argument("--auth", action="store_true")
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args(arguments)
    with (
        tempfile.TemporaryDirectory() as name,
        process_on(asked.kind, Path(name)) as process,
    ):
        token = ""
        if asked.auth:
            made = process("token", "create", "fuzz", "--json")
            token = made.data["token"]
        with serving(process, *(AUTH if asked.auth else ())) as served:
            total, seed, found = go_on(
                partial(attack, served, Path(name), token=token),
                cases=asked.cases,
                seed=asked.seed,
            )
    kind = f"{asked.kind}{', with tokens' if asked.auth else ''}"
    if found:
        sys.stdout.write(
            f"{kind}: seed {seed} found something after {total} cases\n{found}\n"
        )
        return 1
    sys.stdout.write(
        f"{kind}: {total} cases, seeds {asked.seed} to {seed - 1}, nothing found\n"
    )
    return 0


def go_on(
    attack: Callable[..., tuple[int, str]], *, cases: int, seed: int
) -> tuple[int, int, str]:
    """Attack until so many cases have passed, or something is found: how many passed, the
    seed that comes next or has found it, and what it found.
    """
    total = 0
    while total < cases:
        passed, found = attack(examples=300, seed=seed, phases=PHASES)
        total += passed
        if found:
            return total, seed, found
        seed += 1
    return total, seed, ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
