"""A trial: chosen tests, in a forked process, on a module with another text; the file
itself is left alone.
"""

import gc
import importlib
import importlib.abc
import importlib.machinery
import json
import os
import select
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from enum import StrEnum
from tempfile import TemporaryDirectory
from types import CodeType, ModuleType
from typing import Any, NoReturn

import pytest
from hypothesis import Phase, settings

# Imported once, before forking, so that a trial pays for the program and its tests alone.
HEAVY = (
    "aiosqlite",
    "alembic.command",
    "jsonschema",
    "pytest_asyncio.plugin",
    "rich.progress",
    "rich.table",
    "sqlalchemy.dialects.postgresql.asyncpg",
    "sqlalchemy.dialects.sqlite.aiosqlite",
    "sqlmodel",
    "tests.conftest",
    "typer",
    "xdist.plugin",
)
PLUGINS = (
    "pytest_asyncio.plugin",
    "xdist.plugin",
    "no:cacheprovider",
)  # looking for more takes half of a trial
OPTIONS = (
    "-q",
    "--assert=plain",
    "--tb=no",
    "-o",
    "addopts=",
    *(f"-p{name}" for name in PLUGINS),
)


class Verdict(StrEnum):
    """What became of a mutant."""

    KILLED = "killed"
    TIMEOUT = "timeout"
    SURVIVED = "survived"


class Suite:
    """Tests that pass on the program as it is, so that a failure is due to the change;
    use it in a `with`.
    """

    def __init__(self, *arguments: str, limit_s: float | None = None) -> None:
        self._folder = TemporaryDirectory(prefix="todo-mutation-")
        self._arguments = [
            *OPTIONS,
            f"--basetemp={self._folder.name}/tests",
            *arguments,
        ]
        self._order: dict[str, float] = {}
        self._limit_s = 600.0
        began = time.monotonic()
        answer = self._run({})
        if answer is None or answer["status"] != 0:
            self._folder.cleanup()
            raise RuntimeError(
                f"without any change these tests do not pass: {' '.join(arguments)}: {answer}"
            )
        self._limit_s = limit_s or 20 + 10 * (time.monotonic() - began)
        self._order = answer["durations"]

    def __enter__(self) -> "Suite":
        return self

    def __exit__(self, *_: object) -> None:
        self._folder.cleanup()

    def judge(self, module: str, source: str) -> Verdict:
        """Run the tests with another text of a module: first those that failed before,
        then the fast ones.
        """
        answer = self._run({module: source})
        if answer is None:
            return Verdict.TIMEOUT
        if answer["status"] == 0:
            return Verdict.SURVIVED
        if answer["failed"] is not None:
            self._order[answer["failed"]] = -time.monotonic()
        return Verdict.KILLED

    def _run(self, sources: Mapping[str, str]) -> dict[str, Any] | None:
        """What the tests said in a process of their own; None when it took too long."""
        for name in HEAVY:
            importlib.import_module(name)
        gc.freeze()
        readable, writable = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(readable)
            _be_child(_Reporter(writable, self._order), self._arguments, sources)
        os.close(writable)
        with open(readable, "rb") as stream:
            text = _read(stream.fileno(), time.monotonic() + self._limit_s)
        with suppress(ProcessLookupError):
            os.killpg(
                child, signal.SIGKILL
            )  # also what the tests may have left running
        os.waitpid(child, 0)
        if text is None:
            return None
        return json.loads(text) if text else {"status": None, "failed": None}


class _Reporter:
    """A plugin: sorts the tests, answers at the first failure or the end, and leaves
    without tidying up.
    """

    def __init__(self, descriptor: int, order: Mapping[str, float]) -> None:
        self._descriptor = descriptor
        self._order = order
        self._durations: dict[str, float] = {}

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items.sort(key=lambda item: self._order.get(item.nodeid, 0.0))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._durations[report.nodeid] = (
            self._durations.get(report.nodeid, 0.0) + report.duration
        )
        if report.failed:
            self.leave(1, report.nodeid)

    def pytest_sessionfinish(self, exitstatus: int) -> None:
        self.leave(int(exitstatus), None)

    def leave(self, status: int, failed: str | None) -> NoReturn:
        answer = json.dumps(
            {
                "status": status,
                "failed": failed,
                "durations": self._durations if status == 0 else {},
            }
        )
        with open(self._descriptor, "w") as stream:
            stream.write(answer)
        os._exit(0)


def _be_child(
    reporter: _Reporter, arguments: Sequence[str], sources: Mapping[str, str]
) -> NoReturn:
    """Run the tests in this process."""
    try:
        os.setsid()
        nowhere = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(nowhere, descriptor)
        os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
        sys.meta_path.insert(0, _Changed(sources))
        settings.register_profile(
            "trial",
            phases=[Phase.explicit, Phase.generate],
            database=None,
            derandomize=True,
        )
        settings.load_profile("trial")
        reporter.leave(int(pytest.main(list(arguments), plugins=[reporter])), None)
    finally:
        os._exit(70)


def _read(descriptor: int, deadline: float) -> bytes | None:
    """All that comes until the other end is closed; None if that takes too long."""
    parts: list[bytes] = []
    while select.select([descriptor], [], [], max(0.0, deadline - time.monotonic()))[0]:
        part = os.read(descriptor, 65_536)
        if not part:
            return b"".join(parts)
        parts.append(part)
    return None


class _Changed(importlib.abc.MetaPathFinder):
    """Finds modules where they are, but gives some of them another text."""

    def __init__(self, sources: Mapping[str, str]) -> None:
        self._sources = sources

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,
        target: ModuleType | None = None,
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname not in self._sources:
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        assert spec is not None
        assert spec.origin is not None
        spec.loader = _Loader(fullname, spec.origin, self._sources[fullname])
        return spec


class _Loader(importlib.machinery.SourceFileLoader):
    """Loads a module from a text in memory."""

    def __init__(self, fullname: str, path: str, source: str) -> None:
        super().__init__(fullname, path)
        self._source = source

    def get_code(self, fullname: str) -> CodeType:
        return compile(
            self._source, self.get_filename(fullname), "exec", dont_inherit=True
        )
