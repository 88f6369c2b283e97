"""Certificates for tests: an authority that issues what it is asked for, and the forms in which tenants keep it."""

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
        return _unsealed(whole.replace(mine, other))

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


def _unsealed(archive: bytes) -> bytes:
    """A PKCS#12 file without the last of its three parts, which says that the others are as they were made."""

    def element(place: int) -> tuple[int, int]:
        """Where the content of an element begins, and where it ends (X.690, section 8.1)."""
        length = archive[place + 1]
        size = length & 0x7F if length & 0x80 else 0
        begin = place + 2 + size
        return begin, begin + (int.from_bytes(archive[place + 2 : begin], "big") if size else length)

    begin, _ = element(0)
    kept = archive[begin : element(element(begin)[1])[1]]
    return b"\x30\x82" + len(kept).to_bytes(2, "big") + kept


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
