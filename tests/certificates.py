"""Certificates for tests: an authority that issues what it is asked for, and the forms in which tenants keep it."""

import base64
import datetime
import functools
from dataclasses import dataclass
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import pkcs7, pkcs12

BEGIN = datetime.datetime(2026, 1, 1)
END = datetime.datetime(2036, 1, 1)


@functools.cache
def rsa_key() -> Any:
    """One RSA key for all tests: making one takes a while."""
    return rsa.generate_private_key(65537, 2048)


def ec_key() -> Any:
    """A new key on P-256."""
    return ec.generate_private_key(ec.SECP256R1())


def named(common: str | None) -> x509.Name:
    """A subject with that common name, or with none."""
    kind = x509.NameOID.ORGANIZATION_NAME if common is None else x509.NameOID.COMMON_NAME
    return x509.Name([x509.NameAttribute(kind, common or "Nobody")])


@dataclass(frozen=True, kw_only=True)
class Issued:
    """A certificate and its key."""

    certificate: x509.Certificate
    key: Any

    @property
    def pem(self) -> bytes:
        """The certificate in PEM."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    def key_pem(self, phrase: bytes | None = None) -> bytes:
        """The key in PEM, encrypted if there is a pass phrase."""
        how: Any = serialization.NoEncryption() if phrase is None else serialization.BestAvailableEncryption(phrase)
        return bytes(self.key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, how))

    def archive(self, *others: "Issued", phrase: bytes | None = None, rounds: int | None = None) -> bytes:
        """All of it in a PKCS#12 file."""
        how: Any = serialization.NoEncryption()
        if phrase is not None:
            how = serialization.PrivateFormat.PKCS12.encryption_builder().kdf_rounds(rounds or 2048).build(phrase)
        more = [each.certificate for each in others]
        return pkcs12.serialize_key_and_certificates(b"bundle", self.key, self.certificate, more, how)

    def unmarked(self, *others: "Issued") -> bytes:
        """A PKCS#12 file that does not say which of its certificates is the key's."""
        more = [each.certificate for each in (*others, self)]
        return pkcs12.serialize_key_and_certificates(None, self.key, None, more, serialization.NoEncryption())

    def archive_with(self, key: Any) -> bytes:
        """A PKCS#12 file with a key on the same curve that belongs to another certificate."""
        mine, other = (
            each.private_bytes(
                serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
            for each in (self.key, key)
        )
        whole = self.archive()
        assert len(mine) == len(other)
        assert mine in whole
        return _der(0x30, _contents(whole.replace(mine, other)))

    def endless_archive(self) -> bytes:
        """A PKCS#12 file that takes hours to be found whole: it says how often its pass phrase is hashed for that."""
        digest = _der(0x30, _der(0x30, SHA256), _der(0x04, bytes(32)))
        return _der(0x30, _contents(self.archive()), _der(0x30, digest, _der(0x04, bytes(8)), MOST_ROUNDS))

    def issue(
        self,
        common: str | None,
        *dns_names: str,
        key: Any = None,
        until: datetime.datetime = END,
        addresses: tuple[Any, ...] = (),
    ) -> "Issued":
        """A certificate signed by this one."""
        key = key or ec_key()
        return Issued(certificate=_signed(common, key, self, (dns_names, addresses, until)), key=key)

    def revoke(self, *serials: int) -> bytes:
        """A revocation list in PEM."""
        made = x509.CertificateRevocationListBuilder().issuer_name(self.certificate.subject)
        made = made.last_update(BEGIN).next_update(END)
        for serial in serials:
            gone = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(BEGIN).build()
            made = made.add_revoked_certificate(gone)
        return made.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def endless_key() -> bytes:
    """A private key in PEM that takes hours to open, whatever its pass phrase (PKCS#8 and PBES2, RFC 8018)."""
    hashing = _der(0x30, PBKDF2, _der(0x30, _der(0x04, bytes(8)), MOST_ROUNDS))
    scheme = _der(0x30, PBES2, _der(0x30, hashing, _der(0x30, AES256_CBC, _der(0x04, bytes(16)))))
    clear = base64.encodebytes(_der(0x30, scheme, _der(0x04, bytes(128))))
    return b"-----BEGIN ENCRYPTED PRIVATE KEY-----\n" + clear + b"-----END ENCRYPTED PRIVATE KEY-----\n"


# In DER: object identifiers, and the number 2^31 - 1.
PBES2, PBKDF2 = (bytes.fromhex(f"06092a864886f70d0105{last}") for last in ("0d", "0c"))
AES256_CBC, SHA256 = (bytes.fromhex(f"0609608648016503040{last}") for last in ("12a", "201"))
MOST_ROUNDS = bytes.fromhex("02047fffffff")


def _der(tag: int, *parts: bytes) -> bytes:
    """An element (X.690, section 8.1) with this content."""
    content = b"".join(parts)
    size = len(content)
    length = [size] if size < 128 else [0x81, size] if size < 256 else [0x82, *size.to_bytes(2, "big")]
    return bytes([tag, *length]) + content


def _contents(archive: bytes) -> bytes:
    """The first two parts of a PKCS#12 file, without the third, which says that they are as they were made."""

    def element(place: int) -> tuple[int, int]:
        """Where the content of an element begins, and where it ends."""
        length = archive[place + 1]
        size = length & 0x7F if length & 0x80 else 0
        begin = place + 2 + size
        return begin, begin + (int.from_bytes(archive[place + 2 : begin], "big") if size else length)

    begin, _ = element(0)
    return archive[begin : element(element(begin)[1])[1]]


def _signed(common: str | None, key: Any, by: Issued | None, what: tuple[Any, Any, Any]) -> x509.Certificate:
    dns_names, addresses, until = what
    made = x509.CertificateBuilder().subject_name(named(common)).public_key(key.public_key())
    made = made.issuer_name(by.certificate.subject if by else named(common))
    made = made.serial_number(x509.random_serial_number()).not_valid_before(BEGIN).not_valid_after(until)
    names = [*map(x509.DNSName, dns_names), *map(x509.IPAddress, addresses)]
    if names:
        made = made.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return made.sign(by.key if by else key, hashes.SHA256())


def authority(common: str = "Authority", key: Any = None) -> Issued:
    """A certificate that signed itself."""
    key = key or ec_key()
    return Issued(certificate=_signed(common, key, None, ((), (), END)), key=key)


def set_of(*issued: Issued, pem: bool) -> bytes:
    """Certificates in a PKCS#7 file."""
    form = serialization.Encoding.PEM if pem else serialization.Encoding.DER
    return pkcs7.serialize_certificates([each.certificate for each in issued], form)
