"""The certificates, authorities and revocation lists that a tree refers to, as the PEM texts that its node needs."""

import logging
from collections.abc import Iterator, Mapping
from typing import assert_never

from vipool.cloud.secrets import base
from vipool.core import references
from vipool.model import bundle, faults, tree
from vipool.store import session

log = logging.getLogger(__name__)


def of(held: session.Session, secrets: base.Secrets, served: tree.Tree) -> Mapping[str, str]:
    """The texts by reference.  What cannot be had any more is left out and logged: the node serves the rest."""
    found: dict[str, str] = {}
    for reference in dict.fromkeys(_named(served)):
        try:
            found[reference.ref] = _text(held, secrets, reference)
        except faults.Refusal as refusal:
            log.warning("load balancer %s goes without %s: %s", served.loadbalancer.id, reference.ref, refusal.sentence)
    return found


def _named(served: tree.Tree) -> Iterator[references.Reference]:
    for front in served.listeners:
        yield from references.of(front)
    for back in served.pools:
        if back.tls_enabled:
            yield from references.of(back)


def _text(held: session.Session, secrets: base.Secrets, reference: references.Reference) -> str:
    match reference:
        case references.Bundle(ref=ref):
            return chained(secrets.kept_bundle(held, ref))
        case references.Authority(ref=ref) | references.Revocations(ref=ref):
            return secrets.kept_pem(held, ref)
        case _:
            assert_never(reference)


def chained(opened: bundle.Bundle) -> str:
    """A bundle as one text: the certificate, what issued it, and its key."""
    return "".join((opened.certificate, *opened.intermediates, opened.private_key))
