"""A load balancer whose listener ends TLS, the authority that its certificates come from, and its clients."""

import dataclasses
import ssl
from typing import Any

from cryptography.hazmat.primitives import serialization

from tests.net.haproxy.balancer import PAIR, Balancer, both, picture
from tests.net.members import Client, Tls
from tests.providers import certificates, trees
from vipool.model import deployment, tree

USUAL = deployment.USUAL_TLS
TERMS = {"tls_ciphers": USUAL.ciphers, "tls_versions": USUAL.versions, "alpn_protocols": USUAL.alpn}


class Town:
    """An authority, and certificates of it as materials: `web` for www.example.org, `wild` for *.wild.example."""

    def __init__(self, balancer: Balancer) -> None:
        both(balancer)
        self.balancer = balancer
        self.authority = certificates.Authority()
        self.web = self.authority.issue("www.example.org", "example.org")
        self.wild = self.authority.issue("*.wild.example")
        balancer.materials.update(web=self.web.pem, wild=self.wild.pem, authority=self.authority.pem)

    def client(self, context: ssl.SSLContext | None = None, name: str | None = None, **more: Any) -> Client:
        """A client of the listener; one that believes the authority where no other context is given."""
        return self.balancer.client(**{"port": 443, **more}, tls=Tls(context or self.authority.client(), name))

    def shown(self, name: str | None = None) -> bytes | None:
        """The certificate (DER) that a client is shown who asks for a name."""
        with self.client(name=name) as client:
            assert client.get()[0] == 200
            return client.agreed.getpeercert(binary_form=True)

    def admits(self, issued: certificates.Issued | None = None) -> bool:
        """Whether a client is let in who shows a certificate, or none."""
        try:
            with self.client(self.authority.client(issued)) as client:
                return client.get()[0] == 200
        except (ssl.SSLError, ConnectionError):
            return False


def der(issued: certificates.Issued) -> bytes:
    return issued.certificate.public_bytes(serialization.Encoding.DER)


def ending(**front: Any) -> tree.Tree:
    """A listener that ends TLS on port 443, and its two members; the terms are the API's defaults."""
    made = {"protocol": "TERMINATED_HTTPS", "protocol_port": 443, "default_tls_container_ref": "web", **TERMS, **front}
    wanted = picture(*PAIR, front=made)
    assert trees.accepted(wanted)
    return wanted


def with_front(wanted: tree.Tree, **values: Any) -> tree.Tree:
    return wanted.replacing(dataclasses.replace(wanted.listeners[0], **values))
