"""What is behind a reference, gathered: the bytes that make a bundle, or the text of one secret."""

from collections.abc import Callable
from typing import TypeAlias

from vipool.cloud.secrets.embedded import containers, finding, storing
from vipool.cloud.secrets.embedded import vault as vaults
from vipool.model import bundle, container, faults, guarded, secret
from vipool.store import session

Check: TypeAlias = Callable[[guarded.Guarded], None]
"""Raises a refusal where an object is not for whoever asks."""


def of_bundle(held: session.Session, vault: vaults.Vault, ref: str, check: Check) -> bundle.Material:
    """The material of a bundle; each secret in a container is checked by itself.  Raises faults.Refusal."""
    place = _place(ref)
    if place.noun is secret.Secret:
        return bundle.Archive(payload=_payload(held, vault, place.id, check))
    found = finding.one(held, container.Container, place.id)
    check(found)
    if found.type is not container.Type.CERTIFICATE:
        raise faults.Invalid(f"Container {found.id} is of type {found.type}: a bundle is one of type certificate.")
    ids = {each.name: each.secret_id for each in containers.inside(held, found)[found.id]}
    missing = [name for name in (container.CERTIFICATE, container.PRIVATE_KEY) if name not in ids]
    if missing:
        raise faults.Invalid(f"Container {found.id} has no {' and no '.join(missing)}: add a secret of that name.")
    parts = {name: _payload(held, vault, identifier, check) for name, identifier in ids.items()}
    return bundle.Parts(
        certificate=parts[container.CERTIFICATE],
        private_key=parts[container.PRIVATE_KEY],
        passphrase=parts.get(container.PASSPHRASE),
        intermediates=parts.get(container.INTERMEDIATES),
    )


def of_text(held: session.Session, vault: vaults.Vault, ref: str, check: Check) -> str:
    """The text of a secret.  Raises faults.Refusal."""
    place = _place(ref)
    if place.noun is not secret.Secret:
        raise faults.Invalid(f"'{faults.said(ref)}' is the reference of a container: give that of a secret.")
    try:
        return _payload(held, vault, place.id, check).decode()
    except UnicodeDecodeError:
        # Without its cause, which holds the payload.
        raise faults.Invalid(f"Secret {place.id} is no text: PEM is needed, so store that.") from None


def _place(ref: str) -> finding.Place:
    found = finding.place(ref)
    if found is None:
        raise faults.Invalid(f"'{faults.said(ref)}' is no reference: one ends in secrets/ID or containers/ID.")
    return found


def _payload(held: session.Session, vault: vaults.Vault, identifier: str, check: Check) -> bytes:
    found = finding.one(held, secret.Secret, identifier)
    check(found)
    return storing.clear(held, vault, found)
