"""Certificates for the tests of TLS: an authority that issues them, and takes them back.

Keys are elliptic (P-256), which takes a millisecond each; every text is PEM.
"""

import datetime
import ipaddress
import ssl
import tempfile
from dataclasses import dataclass, field

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

BEGIN = datetime.datetime(2024, 1, 1, tzinfo=datetime.UTC)
# The last year whose end HAProxy can tell is 2049 (RFC 5280, section 4.1.2.5).
END = datetime.datetime(2044, 1, 1, tzinfo=datetime.UTC)


def _key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


@dataclass(frozen=True)
class Issued:
    """A certificate with its key."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @property
    def chain(self) -> str:
        """The certificate without its key."""
        return _pem(self.certificate)

    @property
    def pem(self) -> str:
        """The certificate, then its key: what HAProxy reads."""
        form = serialization.PrivateFormat.PKCS8
        key = self.key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
        return self.chain + key.decode()


@dataclass
class Authority:
    """A certificate authority."""

    name: str = "an authority"
    key: ec.EllipticCurvePrivateKey = field(default_factory=_key)

    def __post_init__(self) -> None:
        builder = self._builder(self.name, self.key.public_key(), authority=True)
        self.certificate = builder.sign(self.key, hashes.SHA256())

    @property
    def pem(self) -> str:
        """Its own certificate."""
        return _pem(self.certificate)

    def _builder(self, name: str, key: ec.EllipticCurvePublicKey, *, authority: bool) -> x509.CertificateBuilder:
        def called(text: str) -> x509.Name:
            unit = x509.NameAttribute(x509.NameOID.ORGANIZATIONAL_UNIT_NAME, "a unit")
            return x509.Name([unit, x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])

        builder = x509.CertificateBuilder(called(self.name), called(name), key, x509.random_serial_number(), BEGIN, END)
        return builder.add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)

    def issue(self, name: str, *others: str) -> Issued:
        """A certificate for these names, which may be addresses; the first is its common name."""
        key = _key()
        names = [_general(each) for each in (name, *others)]
        builder = self._builder(name, key.public_key(), authority=False)
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        return Issued(key, builder.sign(self.key, hashes.SHA256()))

    def server(self, *, client: bool = False) -> ssl.SSLContext:
        """How a server with a certificate of this authority speaks TLS; it asks for the client's where that is wanted.

        It is for any name.
        """
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        load(context, self.issue("any.example.org", "*.example.org"))
        if client:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(cadata=self.pem)
        return context

    def client(self, shown: Issued | None = None) -> ssl.SSLContext:
        """How a client speaks TLS that believes this authority alone, and can show a certificate."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.load_verify_locations(cadata=self.pem)
        if shown is not None:
            load(context, shown)
        return context

    def revocations(self, *revoked: Issued) -> str:
        """The list of those that are not to be believed any more."""
        builder = x509.CertificateRevocationListBuilder(self.certificate.subject, BEGIN, END)
        for each in revoked:
            gone = x509.RevokedCertificateBuilder(each.certificate.serial_number, BEGIN).build()
            builder = builder.add_revoked_certificate(gone)
        return builder.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def load(context: ssl.SSLContext, issued: Issued) -> None:
    """Have the context show the certificate."""
    with tempfile.NamedTemporaryFile("w", suffix=".pem") as file:
        file.write(issued.pem)
        file.flush()
        context.load_cert_chain(file.name)
