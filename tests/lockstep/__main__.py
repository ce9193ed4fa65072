"""Ask both stores and the model the same random commands and calls, and count them.

python -m tests.lockstep [--runs 1000] [--steps 50] [--seed 1]
"""

import argparse
import sys
import time
from collections import Counter
from collections.abc import Sequence
from typing import Any

from hypothesis import HealthCheck, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.lockstep.machine import Lockstep
from tests.support.postgres import open_cluster


def walk(
    postgresql: str, how: settings, *, chance: int | None = None
) -> "Counter[tuple[str, str]]":
    """Run the machine; count commands by exit status and calls by error code."""
    tally: Counter[tuple[str, str]] = Counter()

    def start() -> Lockstep:
        return Lockstep(postgresql, tally)

    factory: Any = start if chance is None else seed(chance)(start)
    run_state_machine_as_test(factory, settings=how)
    return tally


def limits(runs: int, steps: int) -> settings:
    """How long to walk."""
    return settings(
        max_examples=runs,
        stateful_step_count=steps,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )


def main(arguments: Sequence[str]) -> int:
    """Walk; a difference ends it with the steps that lead there."""
    parser = argparse.ArgumentParser(prog="python -m tests.lockstep")
    parser.add_argument("--runs", type=int, default=1_000)
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args(arguments)
    began = time.monotonic()
    cluster = open_cluster()
    try:
        tally = walk(
            cluster.url(cluster.create_database()),
            limits(asked.runs, asked.steps),
            chance=asked.seed,
        )
    finally:
        cluster.close()
    for (what, result), times in sorted(tally.items()):
        sys.stdout.write(f"{times:7,}  {what} {result}\n")
    asked_for, took_s = sum(tally.values()), time.monotonic() - began
    sys.stdout.write(
        f"{asked_for:,} calls in {took_s:,.0f} s, no difference\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
