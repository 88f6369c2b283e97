"""The four services there are and where they answer; made from the address the client itself used, never stored."""

import hashlib
from dataclasses import dataclass

REGION = "RegionOne"
INTERFACES = ("admin", "public", "internal")


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """One service of the catalog; ``path`` follows the scheme and host of the request."""

    type: str
    name: str
    path: str

    @property
    def id(self) -> str:
        """The same on every installation, as there is only one of each."""
        return _identifier(self.type)

    def endpoint_id(self, interface: str) -> str:
        """The id of the endpoint for an interface."""
        return _identifier(f"{self.type}:{interface}")


SERVICES = (
    Service(type="network", name="neutron", path="/network"),
    Service(type="load-balancer", name="octavia", path="/load-balancer"),
    Service(type="identity", name="keystone", path="/identity/v3"),
    Service(type="key-manager", name="barbican", path="/key-manager"),
)


def show(base: str) -> list[dict[str, object]]:
    """The catalog as tokens carry it; ``base`` is scheme and host."""
    return [
        {
            "endpoints": [
                {
                    "id": service.endpoint_id(interface),
                    "interface": interface,
                    "region_id": REGION,
                    "url": base + service.path,
                    "region": REGION,
                }
                for interface in INTERFACES
            ],
            "id": service.id,
            "type": service.type,
            "name": service.name,
        }
        for service in SERVICES
    ]


def _identifier(words: str) -> str:
    return hashlib.sha256(f"catalog:{words}".encode()).hexdigest()[:32]
