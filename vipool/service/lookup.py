"""Where the parts of a new load balancer are looked up."""

from dataclasses import dataclass

from vipool.cloud.network import base
from vipool.model import caller, deployment
from vipool.store import session


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookup:
    """The network service, the transaction, who is asking, and what the deployment allows."""

    networks: base.Network
    held: session.Session
    who: caller.Caller
    allowed: deployment.Deployment
