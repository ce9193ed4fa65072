"""Certificates made for the tests: one that is right, and the ways to be wrong."""

import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec


@dataclass(frozen=True, slots=True)
class Certificate:
    """A server's certificate with its key, in one PEM file."""

    file: Path

    def server_context(self) -> ssl.SSLContext:
        """TLS as Neon's proxy speaks it: ALPN `postgresql`; no session tickets, which a
        client never waits for.
        """
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self.file)
        context.set_alpn_protocols(["postgresql"])
        context.num_tickets = 0
        return context


class Authority:
    """A certificate authority; name its file in SSL_CERT_FILE or `sslrootcert` to trust it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._issued = 0
        self._authority = trustme.CA()
        self.file = folder / "authority.pem"
        """The certificate of the authority."""
        self._authority.cert_pem.write_to_path(self.file)

    def issue(
        self,
        *names: str,
        not_before: datetime | None = None,
        not_after: datetime | None = None,
    ) -> Certificate:
        """A certificate for host names and addresses, now valid unless said otherwise."""
        leaf = self._authority.issue_cert(
            *names, not_before=not_before, not_after=not_after
        )
        return self._keep(leaf.private_key_and_cert_chain_pem.bytes())

    def impostors(self, name: str) -> dict[str, Certificate]:
        """Certificates to refuse for who asks for `name` and trusts this authority, by
        what is wrong.
        """
        now, day = datetime.now(UTC), timedelta(days=1)
        stranger = trustme.CA().issue_cert(name)
        return {
            "expired": self.issue(
                name, not_before=now - 30 * day, not_after=now - day
            ),
            "not yet valid": self.issue(
                name, not_before=now + day, not_after=now + 30 * day
            ),
            "wrong host": self.issue("elsewhere.example"),
            "self-signed": self._self_signed(name),
            "other authority": self._keep(
                stranger.private_key_and_cert_chain_pem.bytes()
            ),
        }

    def _self_signed(self, name: str) -> Certificate:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name(
            [x509.NameAttribute(x509.NameOID.COMMON_NAME, name)]
        )
        now = datetime.now(UTC)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(
                x509.SubjectAlternativeName([x509.DNSName(name)]),
                critical=False,
            )
            .sign(key, hashes.SHA256())
        )
        pem = serialization.Encoding.PEM
        secret = key.private_bytes(
            pem,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        return self._keep(secret + certificate.public_bytes(pem))

    def _keep(self, pem: bytes) -> Certificate:
        self._issued += 1
        file = self._folder / f"server-{self._issued}.pem"
        file.write_bytes(pem)
        return Certificate(file)
