"""Generates clients of the API from its contract, and has each do the main job.

python -m tests.api.clients [NAME ...] [--keep FOLDER]

Each client adds a task, lists it, does it, deletes it, and asks for one that there is not:
once of `todo serve`, and once of a later version, whose answers have keys and codes that
the contract does not know. The generators come from the package indexes, into a temporary
folder. What cannot be had is left out and named; a client that fails ends with 1.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

from tests.api.contract import CONTRACT
from tests.api.fuzz import process_on
from tests.api.served import serving

JOBS: Final = Path(__file__).parent / "client_jobs"
LIMIT_S: Final = 300
NEW_CODE: Final = "BRAND_NEW"
GENERATOR: Final = "openapi-generator-cli==7.26.0"
NODE: Final = ("typescript@5.9.3", "@types/node@20.19.25")


@dataclass(frozen=True, slots=True)
class Client:
    """A generator, and how to have it make a client that is called `made`."""

    name: str
    packages: Sequence[str]
    command: Sequence[str]
    """`{contract}` is the contract; it runs in the folder of the client."""
    needs: Sequence[str] = ()
    """Programs that the machine must have."""

    @property
    def is_python(self) -> bool:
        """Whether the client is one for Python; else it is for Node."""
        return "node" not in self.needs


PYTHON: Final = [
    Client(
        "openapi_python_client",
        ["openapi-python-client==0.29.1"],
        [
            "openapi-python-client",
            "generate",
            "--path",
            "{contract}",
            "--output-path",
            "made",
            "--meta",
            "none",
        ],
    ),
    Client(
        "datamodel_code_generator",
        ["datamodel-code-generator==0.89.0", "httpx", "pydantic"],
        [
            "datamodel-codegen",
            "--input",
            "{contract}",
            "--input-file-type",
            "openapi",
            "--output",
            "made.py",
            "--output-model-type",
            "pydantic_v2.BaseModel",
        ],
    ),
    Client(
        "openapi_generator_python",
        [GENERATOR, "pydantic", "urllib3", "python-dateutil"],
        [
            "openapi-generator-cli",
            "generate",
            "-i",
            "{contract}",
            "-g",
            "python",
            "-o",
            ".",
            "--additional-properties",
            "packageName=made",
        ],
        ["java"],
    ),
]
TYPESCRIPT: Final = [
    Client(
        "openapi_typescript",
        ["openapi-typescript@7.13.0", "openapi-fetch@0.17.0"],
        ["openapi-typescript", "{contract}", "-o", "made.d.ts"],
        ["node", "npm"],
    ),
    Client(
        "orval",
        ["orval@8.38.0", "zod@4.6.7"],
        ["orval", "--config", "orval.config.cjs"],
        ["node", "npm"],
    ),
    Client(
        "openapi_generator_typescript",
        [],
        [
            "openapi-generator-cli",
            "generate",
            "-i",
            "{contract}",
            "-g",
            "typescript-fetch",
            "-o",
            "made",
        ],
        ["node", "npm", "java"],
    ),
]
CLIENTS: Final = [*PYTHON, *TYPESCRIPT]
ORVAL: Final = """\
const input = "{contract}";
module.exports = {{
  fetch: {{ input, output: {{ target: "made.ts", client: "fetch" }} }},
  zod: {{ input, output: {{ target: "zod.ts", client: "zod" }} }},
}};
"""
TSCONFIG: Final = {
    "compilerOptions": {
        "strict": True,
        "target": "es2022",
        "module": "commonjs",
        "moduleResolution": "node10",
        "esModuleInterop": True,
        "skipLibCheck": True,
        "lib": ["es2022", "dom", "dom.iterable"],
        "types": ["node"],
        "outDir": "out",
    },
    "files": ["job.ts"],
}


class LeftOut(Exception):
    """Something that a client needs cannot be had."""


def run(command: Sequence[str], folder: Path, *, path: str = "") -> str:
    """Run a program to its end; return what it wrote, or raise with it."""
    ran = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "PATH": f"{path}{os.pathsep}{os.environ['PATH']}"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    if ran.returncode != 0:
        raise AssertionError(f"{' '.join(command)}\n{ran.stdout[-4_000:]}")
    return ran.stdout


def fetch(command: Sequence[str], folder: Path, what: str) -> None:
    """Install packages."""
    try:
        run(command, folder)
    except (AssertionError, subprocess.TimeoutExpired) as error:
        last = str(error).strip().splitlines()[-1]
        raise LeftOut(f"{what} cannot be installed: {last[:200]}") from error


def python_of(folder: Path, packages: Sequence[str]) -> Path:
    """Make a Python that has packages; return the folder of its programs."""
    place = folder / "python"
    run([sys.executable, "-m", "venv", str(place)], folder)
    pip = [str(place / "bin" / "pip"), "install", "--quiet", *packages]
    fetch(pip, folder, ", ".join(packages))
    return place / "bin"


def make(client: Client, folder: Path) -> Sequence[str]:
    """Generate a client and its job; return the command that does the job."""
    for program in client.needs:
        if shutil.which(program) is None:
            raise LeftOut(f"{program} is not on this machine")
    if client.is_python:
        return make_python(client, folder, python_of(folder, client.packages))
    generated = [part.format(contract=CONTRACT) for part in client.command]
    path = str(folder / "node_modules" / ".bin")
    npm = ["npm", "install", "--silent", "--no-audit", "--no-fund"]
    fetch([*npm, *NODE, *client.packages], folder, "npm's packages")
    if "java" in client.needs:
        path = str(python_of(folder, [GENERATOR]))
    config = ORVAL.format(contract=CONTRACT)
    (folder / "orval.config.cjs").write_text(config, encoding="utf-8")
    run(generated, folder, path=path)
    shutil.copy(JOBS / f"{client.name}.ts.txt", folder / "job.ts")
    (folder / "tsconfig.json").write_text(json.dumps(TSCONFIG))
    run(["node_modules/.bin/tsc"], folder)
    return ["node", "out/job.js"]


def make_python(client: Client, folder: Path, programs: Path) -> Sequence[str]:
    """Do the same for one of Python, with the programs of a folder."""
    generated = [part.format(contract=CONTRACT) for part in client.command]
    run(generated, folder, path=str(programs))
    shutil.copy(JOBS / f"{client.name}.txt", folder / "job.py")
    return [str(programs / "python"), "job.py"]


def with_more(value: Any) -> Any:
    """Add a key to each object of an answer, and rename each code."""
    if isinstance(value, list):
        return [with_more(each) for each in value]
    if not isinstance(value, dict):
        return value
    more = {key: with_more(each) for key, each in value.items()}
    if "code" in more:
        more["code"] = NEW_CODE
    return {**more, "later": {"is": ["new", 1, None]}}


@contextmanager
def later(host: str, port: int) -> Iterator[str]:
    """A later version of a server, which has new keys and codes; yield its address."""

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            length = int(self.headers.get("content-length", 0))
            body = self.rfile.read(length)
            headers = {"content-type": "application/json"} if body else {}
            connection = HTTPConnection(host, port, timeout=LIMIT_S)
            connection.request(self.command, self.path, body or None, headers)
            answered = connection.getresponse()
            document = json.loads(answered.read())
            content = json.dumps(with_more(document)).encode()
            self.send_response(answered.status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)
            connection.close()

        do_GET = do_POST = do_PUT = do_DELETE = answer  # noqa: N815 - as the base calls them

        def log_message(self, format: str, *arguments: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def try_out(client: Client, folder: Path) -> None:
    """Have a client do its job with this version of the server and a later one."""
    command = make(client, folder)
    with (
        process_on("sqlite", folder) as process,
        serving(process) as served,
        later(served.host, served.port) as new,
    ):
        run([*command, served.url, "NOT_FOUND"], folder)
        run([*command, new, NEW_CODE], folder)


def main(arguments: Sequence[str]) -> int:
    """Try each client; 1 where one fails."""
    parser = argparse.ArgumentParser(prog="python -m tests.api.clients")
    names = [client.name for client in CLIENTS]
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=", ".join(names)
    )
    parser.add_argument("--keep", type=Path, help="a folder to work in")
    asked = parser.parse_args(arguments)
    if unknown := {*asked.names} - {*names}:
        parser.error(f"no client is called {min(unknown)}")
    status = 0
    with tempfile.TemporaryDirectory() as temporary:
        for client in CLIENTS:
            if asked.names and client.name not in asked.names:
                continue
            folder = (asked.keep or Path(temporary)).resolve() / client.name
            folder.mkdir(parents=True)
            try:
                try_out(client, folder)
            except LeftOut as reason:
                verdict = f"left out: {reason}"
            except AssertionError as error:
                verdict = f"FAILED\n{error}"
                status = 1
            else:
                verdict = "did the job, also of a later version"
            sys.stdout.write(f"{client.name}: {verdict}\n")
            sys.stdout.flush()
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
