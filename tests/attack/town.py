"""The whole product in one process, and the people of two projects: `victim` and `mallory` are ordinary members."""

from pathlib import Path
from typing import Any

from starlette import testclient

from vipool import settings, wiring
from vipool.api import local

PASSWORD = "the administrator's, for this test"
DEFAULT = {"id": "default"}


class Town:
    """Every service behind one client; logs people in once."""

    def __init__(self, directory: Path) -> None:
        (directory / "admin-password").write_text(PASSWORD + "\n")
        self.settings = settings.Settings(
            state_dir=directory, listen=settings.parse_address(settings.DEFAULT_LISTEN), sandboxed=True
        )
        news = local.News()
        self.database = wiring.open_database(self.settings, news.tell)
        self.served = wiring.build_server(self.settings, news, self.database)
        self.client = testclient.TestClient(self.served, base_url="http://cloud.example", follow_redirects=False)
        self.admin = Person(self, self.login("admin", PASSWORD, "admin"), "")
        self.victim = self.tenant("victim")
        self.mallory = self.tenant("mallory")

    def auth(self, name: str, password: str, scope: Any) -> Any:
        """The reply to a login with a password."""
        user = {"name": name, "domain": DEFAULT, "password": password}
        identity = {"methods": ["password"], "password": {"user": user}}
        return self.client.post("/identity/v3/auth/tokens", json={"auth": {"identity": identity, "scope": scope}})

    def login(self, name: str, password: str, project: str) -> str:
        """A token of a project."""
        reply = self.auth(name, password, {"project": {"name": project, "domain": DEFAULT}})
        assert reply.status_code == 201, reply.text
        return str(reply.headers["X-Subject-Token"])

    def tenant(self, name: str) -> "Person":
        """A project, and a user of the same name who is a member of it."""
        project = self.admin.make("/identity/v3/projects", "project", name=name)["id"]
        user = self.admin.make("/identity/v3/users", "user", name=name, password=f"pw-{name}")["id"]
        role = self.admin.get("/identity/v3/roles?name=member").json()["roles"][0]["id"]
        given = self.admin.call("PUT", f"/identity/v3/projects/{project}/users/{user}/roles/{role}")
        assert given.status_code == 204, given.text
        return Person(self, self.login(name, f"pw-{name}", name), project)


class Person:
    """A client with a token, and what it makes in one line."""

    def __init__(self, town: Town, token: str, project: str) -> None:
        self.town = town
        self.token = token
        self.project = project

    def call(self, method: str, path: str, body: Any = None, **more: Any) -> Any:
        """One call; the reply as it came."""
        headers = {"X-Auth-Token": self.token, **more.pop("headers", {})}
        sent = {} if body is None else {"json": body}
        return self.town.client.request(method, path, headers=headers, **sent, **more)

    def get(self, path: str) -> Any:
        """One GET."""
        return self.call("GET", path)

    def make(self, path: str, noun: str, **values: Any) -> Any:
        """A new object, from a call that must be answered 201."""
        reply = self.call("POST", path, {noun: values})
        assert reply.status_code == 201, reply.text
        return reply.json()[noun]

    def net(self, noun: str, **values: Any) -> Any:
        """A new object of the network service."""
        return self.make(f"/network/v2.0/{noun}s".replace("_", "-"), noun, **values)

    def lb(self, noun: str, **values: Any) -> Any:
        """A new object of the load-balancer service."""
        return self.make(f"/load-balancer/v2/lbaas/{noun}s", noun, **values)

    def home(self, cidr: str = "10.1.0.0/24") -> tuple[str, str]:
        """A network with a subnet; their ids."""
        network = self.net("network", name="home")["id"]
        return network, self.net("subnet", network_id=network, cidr=cidr, ip_version=4)["id"]

    def router(self, subnet: str, **values: Any) -> str:
        """A router with an interface on a subnet; its id."""
        made = self.net("router", name="gate", **values)["id"]
        added = self.call("PUT", f"/network/v2.0/routers/{made}/add_router_interface", {"subnet_id": subnet})
        assert added.status_code == 200, added.text
        return str(made)

    def balancer(self, subnet: str, **values: Any) -> Any:
        """A load balancer with a listener and a pool; what the service said."""
        root = self.lb("loadbalancer", vip_subnet_id=subnet, name="shop", **values)
        listener = self.lb("listener", loadbalancer_id=root["id"], protocol="HTTP", protocol_port=80)
        pool = self.lb("pool", listener_id=listener["id"], protocol="HTTP", lb_algorithm="ROUND_ROBIN")
        return {**root, "listener": listener["id"], "pool": pool["id"]}
