"""Certificates, their keys, authorities and revocation lists: bytes in, values out.

Promises that the key of a bundle belongs to its certificate and that every text in it can be read.  It does not ask who
signed what, nor whether it has expired: those are the clients' questions.

Reading a key can be made to take hours (a PKCS#12 file says itself how often its pass phrase is to be hashed), with the
interpreter's lock held: what strangers sent is read where that hurts nobody (see ``vipool.host.confined``).
"""

import contextlib
import enum
from collections.abc import Iterator, Sequence
from typing import NoReturn, assert_never

from cryptography import exceptions, x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import pkcs7, pkcs12

from vipool.model import bundle, faults

# What the library raises for bytes that are not what they should be.
UNREADABLE = (
    ValueError,
    TypeError,
    NotImplementedError,
    OverflowError,
    exceptions.UnsupportedAlgorithm,
    exceptions.InternalError,
    x509.DuplicateExtension,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
)
SPKI = serialization.PublicFormat.SubjectPublicKeyInfo


class Kind(enum.StrEnum):
    """Why a bundle cannot be used."""

    ARCHIVE = "UnreadablePkcs12"
    PARTS = "UnusableParts"
    NAMELESS = "NoNames"


class Unusable(faults.Invalid):
    """A bundle that cannot be used; the sentence says why (400)."""

    def __init__(self, kind: Kind, sentence: str) -> None:
        super().__init__(sentence, kind=kind)


def opened(material: bundle.Material) -> bundle.Bundle:
    """The bundle in what a tenant keeps.  Raises Unusable."""
    match material:
        case bundle.Archive():
            return _from_archive(material.payload)
        case bundle.Parts():
            return _from_parts(material)
        case _:
            assert_never(material)


def _unreadable(reason: object) -> Unusable:
    return Unusable(
        Kind.ARCHIVE,
        "The PKCS12 bundle is unreadable. Please check the PKCS12 bundle validity. In addition, make sure it does not "
        f"require a pass phrase. Error: {reason}",
    )


def too_slow(material: bundle.Material) -> Unusable:
    """The refusal of what could not be opened in the time there is for it."""
    reason = "it takes too long to open: export it again with fewer rounds of hashing, or a shorter key."
    match material:
        case bundle.Archive():
            return _unreadable(reason)
        case bundle.Parts():
            return Unusable(Kind.PARTS, f"The private_key cannot be read: {reason}")
        case _:
            assert_never(material)


def _from_archive(payload: bytes) -> bundle.Bundle:
    try:
        key, marked, others = pkcs12.load_key_and_certificates(payload, None)
        found = [*([] if marked is None else [marked]), *others]
        if key is None:
            raise _unreadable("it holds no private key.")
        # Not every program marks which certificate is the key's.
        own = next((each for each in found if _belongs(key, each)), None)
        if own is None:
            raise _unreadable(f"its private key belongs to none of its {len(found)} certificates.")
        return _bundle(key, own, [each for each in found if each is not own])
    except UNREADABLE as error:
        raise _unreadable(error) from error


def _from_parts(parts: bundle.Parts) -> bundle.Bundle:
    with _reading("certificate"):
        own, *more = x509.load_pem_x509_certificates(parts.certificate)
    with _reading("private_key"):
        key = _key(parts)
    with _reading("intermediates"):
        more += _certificates(parts.intermediates or b"")
    with _reading("certificate"):
        if not _belongs(key, own):
            raise Unusable(Kind.PARTS, "The private_key does not belong to the certificate.")
        return _bundle(key, own, more)


@contextlib.contextmanager
def _reading(part: str) -> Iterator[None]:
    try:
        yield
    except UNREADABLE as error:
        raise Unusable(Kind.PARTS, f"The {part} cannot be read: {error}") from error


def _key(parts: bundle.Parts) -> PrivateKeyTypes:
    """The key, with the pass phrase if it needs one, whose last line end is a text file's and not the phrase's."""
    phrases = dict.fromkeys((parts.passphrase, (parts.passphrase or b"").rstrip(b"\r\n") or None, None))
    last: Exception | None = None
    for phrase in phrases:
        try:
            # Whether its primes are primes takes seconds to find out; that it is the certificate's is checked.
            return serialization.load_pem_private_key(parts.private_key, phrase, unsafe_skip_rsa_key_validation=True)
        except UNREADABLE as error:
            last = last or error
    raise ValueError(str(last))


def _certificates(content: bytes) -> list[x509.Certificate]:
    """The certificates of a PEM chain or of a PKCS#7 file; none at all of nothing."""
    if not content.strip():
        return []
    if b"-----BEGIN PKCS" in content:
        return pkcs7.load_pem_pkcs7_certificates(content)
    if b"-----BEGIN " in content:
        return x509.load_pem_x509_certificates(content)
    return pkcs7.load_der_pkcs7_certificates(content)


def _belongs(key: PrivateKeyTypes, certificate: x509.Certificate) -> bool:
    public = (key.public_key(), certificate.public_key())
    mine, its = (each.public_bytes(serialization.Encoding.DER, SPKI) for each in public)
    return mine == its


def _bundle(key: PrivateKeyTypes, own: x509.Certificate, others: Sequence[x509.Certificate]) -> bundle.Bundle:
    common, dns_names = _names(own)
    if not common and not dns_names:
        raise Unusable(Kind.NAMELESS, "No CN or DNSName(s) found in certificate. The certificate is invalid.")
    clear = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return bundle.Bundle(
        certificate=_pem(own),
        private_key=clear.decode(),
        intermediates=tuple(_pem(each) for each in _chained(own, others)),
        name=common or dns_names[0],
        dns_names=dns_names,
        not_after=own.not_valid_after_utc.replace(tzinfo=None),
    )


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def _names(certificate: x509.Certificate) -> tuple[str, tuple[str, ...]]:
    """The common name, or nothing, and the DNS names a certificate is for."""
    found = certificate.subject.get_attributes_for_oid(x509.oid.NameOID.COMMON_NAME)
    common = next((each.value for each in found if isinstance(each.value, str)), "")
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return common, ()
    return common, tuple(names.get_values_for_type(x509.DNSName))


def _chained(own: x509.Certificate, others: Sequence[x509.Certificate]) -> Iterator[x509.Certificate]:
    """The others in the order of issue, then the rest as it came: a PKCS#7 file is a set, and has no order."""
    left = list(others)
    last = own
    while (above := next((each for each in left if each.subject == last.issuer), None)) is not None:
        left.remove(above)
        yield above
        last = above
    yield from left


def check_authority(pem: bytes) -> None:
    """Refuse what are not certificates of authorities in PEM.  Raises faults.Invalid."""
    _authority(pem)


def _authority(pem: bytes) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificates(pem)[0]
    except UNREADABLE as error:
        raise faults.Invalid(
            "Validation failure: The client authentication CA certificate is invalid. It must be a valid x509 PEM "
            f"format certificate. Error: {error}"
        ) from error


def check_revocations(pem: bytes, authority: bytes) -> None:
    """Refuse what is no revocation list in PEM, signed by the first of these authorities.  Raises faults.Invalid."""
    issuer = _authority(authority)
    try:
        found = x509.load_pem_x509_crl(pem)
    except UNREADABLE as error:
        raise faults.Invalid(
            "Validation failure: The client authentication certificate revocation list is invalid. It must be a valid "
            f"x509 PEM format certificate revocation list. Error: {error}"
        ) from error
    try:
        if found.is_signature_valid(issuer.public_key()):  # type: ignore[arg-type]
            return
    except UNREADABLE as error:
        _refuse_revocations(error)
    _refuse_revocations(None)


def _refuse_revocations(cause: Exception | None) -> NoReturn:
    raise faults.Invalid(
        "Validation failure: The CRL specified is not valid for client certificate authority reference supplied."
    ) from cause
