"""What the key manager of a `World` holds, under references that are short."""

import functools

from tests import certificates
from vipool.cloud.secrets import fake
from vipool.core import certificate
from vipool.model import bundle


def secrets() -> fake.Secrets:
    """A key manager of its own for each world."""
    held = made()
    return fake.Secrets(certificates=dict(held.certificates), texts=dict(held.texts))


@functools.cache
def made() -> fake.Secrets:
    """A server certificate as ``x``, ``y`` and ``z``; authorities and revocation lists, of each a wrong one."""
    ours, theirs = certificates.authority("Ours"), certificates.authority("Theirs")
    own = ours.issue("www.example", "www.example")
    parts = bundle.Parts(certificate=own.pem, private_key=own.key_pem())
    opened = certificate.opened(parts)
    nameless = bundle.Parts(certificate=(blank := ours.issue(None)).pem, private_key=blank.key_pem())
    return fake.Secrets(
        certificates={
            "x": opened,
            "y": opened,
            "z": opened,
            "http://cloud.example/key-manager/v1/secrets/x": opened,
            "broken": refusal(bundle.Archive(payload=b"no archive")),
            "nameless": refusal(nameless),
        },
        texts={
            "ca": ours.pem.decode(),
            "ca-again": ours.pem.decode(),
            "other-ca": theirs.pem.decode(),
            "crl": ours.revoke().decode(),
            "crl-again": ours.revoke().decode(),
            "other-crl": theirs.revoke().decode(),
            "text": "no PEM",
        },
    )


def refusal(material: bundle.Material) -> certificate.Unusable:
    """Why it cannot be opened."""
    try:
        certificate.opened(material)
    except certificate.Unusable as refused:
        return refused
    raise AssertionError("It could be opened.")
