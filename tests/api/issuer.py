"""Runs a real Better Auth, and has `todo serve --auth` take the JWTs that it issues.

python -m tests.api.issuer [--keep FOLDER] [--record FILE]

For each algorithm: two users sign up, sign in, and get a JWT each. One does the main job
with it, the other sees nothing of that, and a changed one opens nothing. Then Better Auth
stops. `--record` writes a JWT of each algorithm and its public key for `test_issuer.py`.

Better Auth comes from npm, into a temporary folder. Where it cannot be had, it is left
out and named; what fails ends with 1.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

import httpx

from tests.api.clients import JOBS, LIMIT_S, LeftOut, fetch
from tests.api.fuzz import process_on
from tests.api.served import Served, serving
from tests.api.support import data, error
from tests.api.tokens import bearing

NAME: Final = "better_auth"
PACKAGE: Final = "better-auth@1.7.25"
ALGORITHMS: Final = ("EdDSA", "ES256", "RS256")
KEYS: Final = "/api/auth/jwks"
FAILURES: Final = (
    *(AssertionError, LookupError, ValueError, OSError),
    *(httpx.HTTPError, subprocess.TimeoutExpired),
)
PASSWORD: Final = "correct horse battery staple"
NOTE: Final = (
    "Made by `python -m tests.api.issuer --record`. The JWTs expired 15 minutes later, and "
    "the private keys were never stored: they open nothing."
)


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody who has signed in: their id there, and a JWT."""

    id: str
    jwt: str


@dataclass(frozen=True, slots=True)
class Issuer:
    """A Better Auth that runs, and where."""

    url: str
    process: subprocess.Popen[str]

    def sign_in(self, name: str) -> Account:
        """Make an account, sign in to it, and get a JWT, as a web page does."""
        login = {"email": f"{name}@example.org", "password": PASSWORD}
        with self._client() as client:
            posted = client.post("sign-up/email", json={"name": name, **login})
            assert posted.status_code == 200, posted.text
        with self._client() as client:
            posted = client.post("sign-in/email", json=login)
            assert posted.status_code == 200, posted.text
            got = client.get("token")
            assert got.status_code == 200, got.text
        return Account(posted.json()["user"]["id"], got.json()["token"])

    def provider(self) -> dict[str, str | None]:
        """The settings with which `todo serve` takes its JWTs."""
        return {
            "TODO_JWKS_URL": self.url + KEYS,
            "TODO_JWT_ISSUER": self.url,
            "TODO_JWT_AUDIENCE": self.url,
        }

    def stop(self) -> None:
        """End it."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(LIMIT_S)

    def _client(self) -> httpx.Client:
        return httpx.Client(base_url=f"{self.url}/api/auth/", timeout=LIMIT_S)


def install(folder: Path) -> None:
    """Install Better Auth in a folder, with what runs it."""
    for program in ("node", "npm"):
        if shutil.which(program) is None:
            raise LeftOut(f"{program} is not on this machine")
    npm = ["npm", "install", "--silent", "--no-audit", "--no-fund"]
    fetch([*npm, PACKAGE], folder, PACKAGE)
    shutil.copy(JOBS / f"{NAME}.mjs.txt", folder / f"{NAME}.mjs")


@contextmanager
def better_auth(algorithm: str, folder: Path) -> Iterator[Issuer]:
    """Run Better Auth with a new key for an algorithm."""
    with subprocess.Popen(
        ["node", f"{NAME}.mjs", algorithm],
        cwd=folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            yield Issuer(read_url(process.stdout), process)
        finally:
            process.kill()


def read_url(stdout: IO[str] | None) -> str:
    """Read where it listens."""
    assert stdout is not None
    line = stdout.readline()
    if not line.startswith("http://"):
        raise AssertionError(f"{NAME} does not start\n{line}{stdout.read()}")
    return line.strip()


def do_job(client: httpx.Client, account: Account) -> Any:
    """Add a task, list it, do it, delete it; return another one."""
    headers = bearing(account.jwt)
    me = data(client.get("/api/me", headers=headers))
    assert (me["user_id"], me["read_only"]) == (account.id, False), me
    tasks = f"/api/{account.id}/tasks"
    added = client.post(tasks, json={"title": "Buy milk"}, headers=headers)
    task = data(added, 201)
    assert data(client.get(tasks, headers=headers)) == [task]
    place = f"{tasks}/{task['id']}"
    change = {"completed": True}
    done = data(client.patch(place, json=change, headers=headers))
    assert done["completed_at"] is not None, done
    gone = data(client.delete(place, headers=headers))
    assert gone["deleted_at"] is not None, gone
    assert data(client.get(tasks, headers=headers)) == []
    other = {"title": "Water the plants"}
    return data(client.post(tasks, json=other, headers=headers), 201)


def keep_apart(client: httpx.Client, other: Account, task: Any) -> None:
    """Look for a task of somebody else, in every way there is."""
    headers = bearing(other.jwt)
    theirs = f"/api/{task['user_id']}/tasks"
    for path in (theirs, f"{theirs}/{task['id']}"):
        error(client.get(path, headers=headers), 403, "FORBIDDEN")
        error(client.delete(path, headers=headers), 403, "FORBIDDEN")
    for path in (f"/api/{other.id}/tasks", "/api/me/tasks"):
        assert data(client.get(path, headers=headers)) == []
        for name in (task["id"], task["number"]):
            place = f"{path}/{name}"
            error(client.get(place, headers=headers), 404, "NOT_FOUND")
            error(client.delete(place, headers=headers), 404, "NOT_FOUND")


def changed(jwt: str) -> Iterator[str]:
    """Change one character in the middle of each part of a JWT."""
    parts = jwt.split(".")
    for place, part in enumerate(parts):
        middle = len(part) // 2
        letter = "B" if part[middle] == "A" else "A"
        other = part[:middle] + letter + part[middle + 1 :]
        yield ".".join([*parts[:place], other, *parts[place + 1 :]])


def check_log(served: Served, accounts: Sequence[Account]) -> None:
    """Look for users, who are in the log, and for JWTs, which are not."""
    served.wait_for(f"jwt:{accounts[-1].id} GET /api/me 200")
    log = "\n".join(served.lines)
    for account in accounts:
        assert f" jwt:{account.id} " in log, log
        for part in account.jwt.split("."):
            assert part not in log, log


def try_out(algorithm: str, installed: Path, folder: Path) -> None:
    """Have users of Better Auth do what users do."""
    folder.mkdir()
    with (
        better_auth(algorithm, installed) as issuer,
        process_on("sqlite", folder) as process,
        serving(process, "--auth", env=issuer.provider()) as served,
        served.client() as client,
    ):
        ada, bob, eve = map(issuer.sign_in, ("ada", "bob", "eve"))
        task = do_job(client, ada)
        keep_apart(client, bob, task)
        for jwt in changed(ada.jwt):
            refused = client.get("/api/me", headers=bearing(jwt))
            error(refused, 401, "UNAUTHORIZED")
        issuer.stop()
        # Eve's was never shown before, so nothing is remembered of it.
        data(client.get("/api/me", headers=bearing(eve.jwt)))
        check_log(served, [ada, bob, eve])
        with (
            serving(process, "--auth", env=issuer.provider()) as later,
            later.client() as client,
        ):
            refused = client.get("/api/me", headers=bearing(ada.jwt))
            error(refused, 503, "DATABASE_UNAVAILABLE")
            assert refused.headers["retry-after"], refused.headers


def record(installed: Path, file: Path) -> None:
    """Write a JWT of each algorithm, and its public key."""
    tokens = []
    for algorithm in ALGORITHMS:
        with better_auth(algorithm, installed) as issuer:
            account = issuer.sign_in("ada")
            keys = httpx.get(issuer.url + KEYS).json()
        tokens.append(
            {
                "algorithm": algorithm,
                "issuer": issuer.url,
                "user": account.id,
                "jwt": account.jwt,
                "keys": keys,
            }
        )
    written = {"note": NOTE, "package": PACKAGE, "tokens": tokens}
    file.write_text(f"{json.dumps(written, indent=2)}\n", encoding="utf-8")


def main(arguments: Sequence[str]) -> int:
    """Try each algorithm; 1 where one fails."""
    parser = argparse.ArgumentParser(prog="python -m tests.api.issuer")
    parser.add_argument("--keep", type=Path, help="a folder to work in")
    parser.add_argument("--record", type=Path, help="a file to write")
    asked = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as temporary:
        folder = (asked.keep or Path(temporary)).resolve() / NAME
        folder.mkdir(parents=True)
        try:
            install(folder)
            if asked.record:
                record(folder, asked.record)
            for algorithm in ALGORITHMS:
                try_out(algorithm, folder, folder / algorithm)
        except LeftOut as reason:
            verdict, status = f"left out: {reason}", 0
        except FAILURES:
            verdict, status = f"FAILED\n{traceback.format_exc()}", 1
        else:
            names = ", ".join(ALGORITHMS)
            verdict, status = f"its JWTs do the job ({names})", 0
    sys.stdout.write(f"{NAME}: {verdict}\n")
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
