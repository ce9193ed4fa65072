"""Where the server may listen, and what its certificate and key must be."""

import os
import ssl
import stat
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization

from tests.support.certificates import Authority
from todo_cli.api.exposure import Exposure, _check_rights
from todo_cli.errors import ConfigInvalid, InvalidInput, IoFailed, Usage

PROXIES = (ip_network("10.0.0.1"),)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """A certificate authority."""
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def pem(authority: Authority) -> Path:
    """A certificate with its key, which only we can read."""
    file = authority.issue("127.0.0.1").file
    file.chmod(0o600)
    return file


@pytest.mark.spec("003/FR-061")
def test_server_leaves_loopback_only_with_tokens_and_a_wall(pem: Path) -> None:
    for host in ("0.0.0.0", "::", "192.0.2.1", "fe80::1"):
        for allowed in (
            Exposure(host, auth=True, tls_cert=pem, tls_key=pem),
            Exposure(host, auth=True, proxies=PROXIES),
        ):
            assert allowed.address() == ip_address(host)
        for refused in (Exposure(host), Exposure(host, auth=True)):
            with pytest.raises(InvalidInput) as found:
                refused.address()
            hint = found.value.hint or ""
            assert "--auth" in hint
            assert "--tls-cert" in hint
            assert "--behind-proxy" in hint
    with pytest.raises(InvalidInput, match="--allowed-host"):
        Exposure("todo.example.org", auth=True, proxies=PROXIES).address()


@pytest.mark.spec("003/FR-061")
@pytest.mark.spec("003/FR-059")
def test_options_that_need_others_are_usage_errors(pem: Path) -> None:
    for wrong in (
        Exposure(auth=True, tls_cert=pem),
        Exposure(auth=True, tls_key=pem),
        Exposure(tls_cert=pem, tls_key=pem),
        Exposure(proxies=PROXIES),
        Exposure(names=frozenset({"todo.example.org"})),
    ):
        with pytest.raises(Usage):
            wrong.address()

    assert Exposure(auth=True, proxies=PROXIES).only_proxies
    both = Exposure(auth=True, proxies=PROXIES, tls_cert=pem, tls_key=pem)
    assert not both.only_proxies
    assert "127.0.0.1" in both.hosts(ip_address("127.0.0.1"), 443)
    assert "127.0.0.1" not in both.hosts(ip_address("127.0.0.1"), 80)


@pytest.mark.spec("003/FR-062")
def test_certificate_and_key_are_checked_before_the_start(
    authority: Authority, pem: Path, tmp_path: Path
) -> None:
    def load(certificate: Path, key: Path) -> ssl.SSLContext | None:
        return Exposure(tls_cert=certificate, tls_key=key).tls()

    context = load(pem, pem)
    assert context is not None
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2
    assert Exposure().tls() is None

    garbage = tmp_path / "garbage.pem"
    garbage.write_text("not a certificate")
    garbage.chmod(0o600)
    other = authority.issue("127.0.0.1").file
    other.chmod(0o600)
    for certificate, key in ((garbage, pem), (pem, garbage), (other, pem)):
        with pytest.raises(ConfigInvalid):
            load(certificate, key)
    with pytest.raises(ConfigInvalid, match="is not that of"):
        load(other, pem)
    for certificate, key in (
        (tmp_path / "none", pem),
        (pem, tmp_path / "none"),
        (tmp_path, pem),
    ):
        with pytest.raises(IoFailed, match="Cannot read"):
            load(certificate, key)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(IoFailed):
        load(pem, pipe)


@pytest.mark.spec("003/FR-062")
def test_key_is_for_its_owner_and_has_no_passphrase(
    pem: Path, tmp_path: Path
) -> None:
    for mode in (0o640, 0o604, 0o644, 0o620):
        pem.chmod(mode)
        with pytest.raises(ConfigInvalid, match="Others can read") as found:
            Exposure(tls_cert=pem, tls_key=pem).tls()
        assert found.value.hint == f"chmod 600 {pem}"
    pem.chmod(stat.S_IRUSR)
    mine = pem.stat()
    theirs = os.stat_result([*mine[:4], os.geteuid() + 1, *mine[5:]])
    with pytest.raises(ConfigInvalid, match="Another account owns"):
        _check_rights(pem, theirs)

    key = serialization.load_pem_private_key(pem.read_bytes(), None)
    encrypted = tmp_path / "encrypted.pem"
    encrypted.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"secret"),
        )
    )
    encrypted.chmod(0o600)
    with pytest.raises(ConfigInvalid, match="encrypted"):
        Exposure(tls_cert=pem, tls_key=encrypted).tls()
