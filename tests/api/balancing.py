"""The load-balancer face over a `World`, and calls to it as short as a sentence."""

from pathlib import Path
from typing import Any, ClassVar

from starlette import testclient

from tests.api import conformance
from tests.service import world
from vipool.api import face
from vipool.api.octavia import papers, routes
from vipool.api.openapi import document
from vipool.core import policy
from vipool.model import caller, deployment, faults
from vipool.service import write

CALLERS = {
    "reader": world.person(world.PROJECT, "reader"),
    "member": world.MEMBER,
    "admin": world.person(world.OTHER, "admin", "member", "reader"),
    "stranger": world.person(world.OTHER, "member", "reader"),
    "observer": world.person(world.OTHER, "load-balancer_global_observer"),
    "balancer": world.person(world.PROJECT, "load-balancer_member"),
    "root": world.person(None, "admin"),
    "service": world.person(world.OTHER, "service"),
    "nobody": world.person(world.PROJECT),
    "unscoped": world.person(None, "member", "reader"),
}
PREFIX = "/load-balancer/v2/lbaas"
LISTENER = {"protocol": "HTTP", "protocol_port": 80}
POOL = {"protocol": "HTTP", "lb_algorithm": "ROUND_ROBIN"}
MEMBER = {"address": "172.16.100.20", "protocol_port": 80}
MONITOR = {"type": "HTTP", "delay": 5, "timeout": 2, "max_retries": 2}


def authenticate(token: str) -> caller.Caller:
    if token not in CALLERS:
        raise faults.Unauthorized("The request you have made requires authentication.")
    return CALLERS[token]


class Cloud(world.World):
    """A service that answers HTTP, in process.  Every reply to a call is held to the OpenAPI document."""

    document: ClassVar[conformance.Document | None] = None  # that of any cloud: it does not depend on what is in it

    def __init__(
        self,
        directory: Path,
        providers: Any = None,
        rules: policy.Policy | None = None,
        allowed: deployment.Deployment = deployment.USUAL,
    ) -> None:
        super().__init__(directory, providers, allowed)
        self.rules = rules or world.RULES
        self.serve(self.writer)

    def serve(self, writer: write.Writer) -> None:
        """Answer with this writer from now on."""
        made = routes.face(writer, self.rules, authenticate=authenticate, healthy=True)
        served = face.Service(made)
        if Cloud.document is None:
            Cloud.document = conformance.Document(document.build(made.routes, papers.about(routes.MOUNT)))
        self.client = testclient.TestClient(served, base_url="http://cloud.example", follow_redirects=False)

    def call(self, method: str, path: str, body: Any = None, *, who: str = "member", **more: Any) -> Any:
        """One call under the usual prefix; the reply as it came."""
        headers = {"X-Auth-Token": who, **more.pop("headers", {})}
        sent = {} if body is None else {"json": body}
        where = path if path.startswith("/load-balancer") else PREFIX + path
        reply = self.client.request(method, where, headers=headers, **sent, **more)
        Cloud.document.check(method, where.partition("?")[0].removeprefix(routes.MOUNT), reply)
        return reply

    def get(self, path: str, **more: Any) -> Any:
        """The body of a reply that is 200."""
        reply = self.call("GET", path, **more)
        assert reply.status_code == 200, reply.text
        return reply.json()

    def make(self, noun: str, path: str, who: str = "member", **values: Any) -> Any:
        """A new object, from a call that is answered 201."""
        reply = self.call("POST", path, {noun: values}, who=who)
        assert reply.status_code == 201, reply.text
        return reply.json()[noun]

    def change(self, noun: str, path: str, **values: Any) -> Any:
        """A changed object, from a call that is answered 200."""
        reply = self.call("PUT", path, {noun: values})
        assert reply.status_code == 200, reply.text
        return reply.json()[noun]

    def balancer(self, **values: Any) -> Any:
        """A new load balancer on the usual subnet."""
        return self.make("loadbalancer", "/loadbalancers", **{"vip_subnet_id": world.SUBNET, **values})

    def listener(self, balancer_id: str, **values: Any) -> Any:
        """A new listener."""
        return self.make("listener", "/listeners", **{**LISTENER, "loadbalancer_id": balancer_id, **values})

    def pool(self, balancer_id: str, **values: Any) -> Any:
        """A new pool."""
        return self.make("pool", "/pools", **{**POOL, "loadbalancer_id": balancer_id, **values})

    def member(self, pool_id: str, **values: Any) -> Any:
        """A new member."""
        return self.make("member", f"/pools/{pool_id}/members", **{**MEMBER, **values})

    def monitor(self, pool_id: str, **values: Any) -> Any:
        """A new health monitor."""
        return self.make("healthmonitor", "/healthmonitors", **{**MONITOR, "pool_id": pool_id, **values})


def sentence(reply: Any) -> str:
    """The sentence of a refusal in the controllers' form, whose form is checked too."""
    body = reply.json()
    assert sorted(body) == ["debuginfo", "faultcode", "faultstring"], body
    assert body["faultcode"] == ("Client" if reply.status_code < 500 else "Server")
    assert body["debuginfo"] is None
    return str(body["faultstring"])
