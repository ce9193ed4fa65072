"""Real nginx and Caddy, which speak TLS before a server of ours."""

import shutil
import signal
import socket
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import pytest

from tests.support.servers import ServerFolder, free_port

START_LIMIT_S: Final = 30
NGINX: Final = """\
daemon off;
pid {folder}/pid;
error_log stderr;
events {{ }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
{site}
}}
"""
CADDY: Final = """\
{{
    admin off
    auto_https off
    storage file_system {folder}/caddy
    servers {{
        protocols h1 h2
    }}
}}
{site}
"""


class TlsProxy:
    """A proxy that does what a part of a page says; use it in a `with`.

    `site` is that part, and `here` what stands for each text of it on this machine; there,
    `{port}`, `{folder}` and `{pem}` are those of the proxy.
    """

    def __init__(
        self, program: str, site: str, here: Mapping[str, str], pem: bytes
    ) -> None:
        found = shutil.which(program)
        assert found is not None, f"the test has to say `needs('{program}')`"
        for text in here:
            assert text in site, text
        # The server's account cannot enter the folders of a test.
        self._program = Path(found).resolve()
        self._name = program
        self._site = site
        self._here = here
        self._pem = pem.decode()
        self.port = 0

    def __enter__(self) -> Self:
        self._folder = ServerFolder(self._name, "pid", signal.SIGTERM)
        self._folder.write("tls.pem", self._pem)
        for _ in range(5):  # a port that was free may be taken a moment later
            self.port = free_port()
            self._process = self._folder.start(*self._command())
            if self._is_ready():
                return self
        log = self._folder.log_tail()
        self._folder.close()
        pytest.fail(f"{self._name} does not start:\n{log}", pytrace=False)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.terminate()
        self._process.wait()
        self._folder.close()

    def _command(self) -> list[str | Path]:
        """Write the settings; return the command that uses them."""
        folder = self._folder.path
        site = self._site
        for text, instead in self._here.items():
            new = instead.format(
                port=self.port, folder=folder, pem=folder / "tls.pem"
            )
            site = site.replace(text, new)
        if self._name == "nginx":
            text = NGINX.format(folder=folder, site=site)
            settings = self._folder.write("nginx.conf", text)
            return [self._program, "-p", folder, "-c", settings]
        text = CADDY.format(folder=folder, site=site)
        settings = self._folder.write("Caddyfile", text)
        pid = folder / "pid"
        return [self._program, "run", "--config", settings, "--pidfile", pid]

    def _is_ready(self) -> bool:
        """Wait until it listens; False when it ends instead."""
        deadline = time.monotonic() + START_LIMIT_S
        while time.monotonic() < deadline and self._process.poll() is None:
            with (
                suppress(OSError),
                socket.create_connection(("127.0.0.1", self.port)),
            ):
                return True
            time.sleep(0.01)
        self._process.kill()
        self._process.wait()
        return False
