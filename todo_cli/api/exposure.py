"""Where `todo serve` listens, and what has to be there before it leaves loopback.

Everything is checked before the server listens on its port.
"""

import errno
import os
import ssl
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from typing import Final

from todo_cli.api.addresses import Network, in_url
from todo_cli.errors import ConfigInvalid, InvalidInput, IoFailed, Usage

_PLAIN_PORT: Final = 80
_TLS_PORT: Final = 443
_NEEDED: Final = (
    "`--auth`, and `--tls-cert` with `--tls-key` or `--behind-proxy ADDRESS`, "
    "allow it; or leave --host out"
)


@dataclass(frozen=True, slots=True)
class Exposure:
    """Where the server listens, and who may reach it."""

    host: str = "127.0.0.1"
    port: int = 8000
    auth: bool = False
    """Whether every request has to have a token."""
    tls_cert: Path | None = None
    tls_key: Path | None = None
    proxies: Sequence[Network] = ()
    """Whose `X-Forwarded-For` counts."""
    names: frozenset[str] = frozenset()
    """What `Host` may say besides the address, with any port."""

    @property
    def is_tls(self) -> bool:
        """Whether it speaks TLS itself."""
        return self.tls_cert is not None

    @property
    def scheme(self) -> str:
        """How its URLs begin."""
        return "https" if self.is_tls else "http"

    @property
    def only_proxies(self) -> bool:
        """Whether only proxies may connect: what others send can be read."""
        return bool(self.proxies) and not self.is_tls

    def address(self) -> IPv4Address | IPv6Address:
        """Return the address to listen on.

        Raises:
            Usage: options that belong together are not there together.
            InvalidInput: the host is none, or others could reach it without
                what protects them.
        """
        self._check_options()
        host = self.host
        if host == "localhost":
            host = "127.0.0.1"
        try:
            address = ip_address(host)
        except ValueError:
            address = None
        if address is None or not self._may_be_on(address):
            raise self._refuse(address)
        return address

    def _check_options(self) -> None:
        """Refuse options that say nothing without others."""
        if (self.tls_cert is None) != (self.tls_key is None):
            raise Usage("`--tls-cert` and `--tls-key` need each other")
        if self.auth:
            return
        for option, value in (
            ("--behind-proxy", self.proxies),
            ("--allowed-host", self.names),
            ("--tls-cert", self.tls_cert),
        ):
            if value:
                raise Usage(
                    f"`{option}` needs `--auth`",
                    hint="without it the server is for this machine only",
                )

    def _may_be_on(self, address: IPv4Address | IPv6Address) -> bool:
        if address.is_loopback:
            return True
        return self.auth and (self.is_tls or bool(self.proxies))

    def _refuse(
        self, address: IPv4Address | IPv6Address | None
    ) -> InvalidInput:
        """Make the error for a host that is not allowed."""
        wanted = "must be a loopback address"
        reason = (
            "there is no authentication, so anyone who reached the port could "
            "read and change the tasks of every user"
        )
        if self.auth:
            reason = "without TLS anyone on the way could read the tokens"
        if self.auth and address is None:
            wanted = "must be an address"
            reason = "names are for --allowed-host"
        return InvalidInput(
            f"host: {wanted} such as 127.0.0.1: {reason}",
            hint=_NEEDED,
            details=[{"field": "host", "message": wanted}],
        )

    def hosts(
        self, address: IPv4Address | IPv6Address, port: int
    ) -> frozenset[str]:
        """List the values of `Host` that mean this server."""
        names = {"127.0.0.1", "localhost", "[::1]", in_url(address)}
        hosts = {f"{name}:{port}" for name in names}
        if port == (_TLS_PORT if self.is_tls else _PLAIN_PORT):
            hosts |= names
        return frozenset(hosts)

    def tls(self) -> ssl.SSLContext | None:
        """Load certificate and key; None without TLS.

        Raises:
            IoFailed: a file cannot be read.
            ConfigInvalid: it cannot be used, or others can read the key.
        """
        if self.tls_cert is None or self.tls_key is None:
            return None
        _look_at(self.tls_cert, "--tls-cert")
        _check_rights(self.tls_key, _look_at(self.tls_key, "--tls-key"))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_alpn_protocols(["http/1.1"])
        try:
            context.load_cert_chain(
                self.tls_cert, self.tls_key, _no_passphrase
            )
        except ssl.SSLError as error:
            raise self._unusable(error) from None
        except OSError as error:
            raise _unreadable(self.tls_cert, "--tls-cert", error) from None
        return context

    def _unusable(self, error: ssl.SSLError) -> ConfigInvalid:
        """Make the error for files that are no certificate and its key."""
        if error.reason == "KEY_VALUES_MISMATCH":
            return ConfigInvalid(
                f"The key in {self.tls_key} is not that of {self.tls_cert}"
            )
        return ConfigInvalid(
            f"{self.tls_cert} and {self.tls_key} are not a certificate and its key",
            hint="both must be PEM; the certificate comes first, then those that "
            "signed it",
        )


def _look_at(path: Path, option: str) -> os.stat_result:
    """Open a file as a test, and return what the system knows of it.

    Raises:
        IoFailed: it cannot be read.
    """
    try:
        # A pipe without a writer would block for ever.
        file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            found = os.fstat(file)
        finally:
            os.close(file)
        if not stat.S_ISREG(found.st_mode):
            raise OSError(errno.EINVAL, "not a file")
    except OSError as error:
        raise _unreadable(path, option, error) from None
    return found


def _unreadable(path: Path, option: str, error: OSError) -> IoFailed:
    reason = os.strerror(error.errno or 0).lower()
    return IoFailed(f"Cannot read {path} ({option}): {reason}")


def _check_rights(path: Path, found: os.stat_result) -> None:
    """Refuse a key that others own or can read, as PostgreSQL does.

    That of root may be readable by a group, which is for such keys.

    Raises:
        ConfigInvalid: others own it, or can read it.
    """
    if found.st_uid not in (0, os.geteuid()):
        raise ConfigInvalid(
            f"Another account owns the key in {path}",
            hint=f"chown {os.geteuid()} {path}",
        )
    others = 0o077
    if found.st_uid == 0 and found.st_gid != os.getgid():
        others = 0o037
    if found.st_mode & others:
        raise ConfigInvalid(
            f"Others can read the key in {path}",
            hint=f"chmod 600 {path}",
        )


def _no_passphrase() -> str:
    """Refuse an encrypted key: OpenSSL would ask at the terminal."""
    raise ConfigInvalid(
        "The key in --tls-key is encrypted, and nobody can be asked",
        hint="decrypt it: openssl pkey -in KEY -out NEW",
    )
