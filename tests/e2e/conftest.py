"""The classic picture on a vipool of a test's own, with a client that asks all the time."""

from pathlib import Path

import httpx
import pytest

from tests import live as lives
from vipool.cli.demo import cloud, picture


class City:
    """A live vipool with the picture on it: a router, a floating IP, a load balancer, two members, a client."""

    def __init__(self, live):
        self.live = live
        self.admin = self.session("admin", live.password)
        self.tenant = self.admin

    def session(self, user, password):
        """A user's session at the API where it is now, in the project of the same name."""
        return cloud.Cloud(self.live.url, user=user, password=password, project=user)

    def sign_in(self):
        """Both sessions anew."""
        self.close()
        self.admin = self.session("admin", self.live.password)
        self.tenant = self.session("demo", picture.PASSWORD)

    def close(self):
        """End both sessions."""
        for each in {self.admin, self.tenant}:
            each.close()

    def build(self):
        """Make the picture and wait until it serves."""
        self.ground = picture.prepare(self.admin)
        self.tenant = self.session("demo", picture.PASSWORD)
        self.site = picture.settle(self.tenant, self.ground)
        self.people()
        self.balancer = picture.balance(self.tenant, self.site)
        self.settled()
        self.floating = picture.publish(self.tenant, self.ground, self.balancer)
        self.serves()
        return self

    def people(self, *, plugged=False):
        """The client and the web servers, serving; where they were plugged in before, they are so again."""
        for name, port in {"client": self.ground.client_port, **self.site.ports}.items():
            self.live.inside("ip", "netns", "add", name)
            if not plugged:
                self.live.run("port attach", port, "--netns", name)
        for name in ("client", *picture.WEBS):
            lives.within(30, lambda name=name: "eth0" in self.live.inside("ip", "-o", "addr", netns=name), "plugged")
        for name, address in picture.WEBS.items():
            self.live.web(name, address)

    def settled(self, wanted="ACTIVE", seconds=30):
        """Wait until the load balancer has this provisioning status; return it."""

        def there():
            found = self.root()
            return found if found["provisioning_status"] == wanted else None

        return lives.within(seconds, there, f"the load balancer is {wanted}")

    def root(self):
        """The load balancer as the administrator sees it."""
        return self.admin.ask("GET", f"/load-balancer/v2.0/lbaas/loadbalancers/{self.balancer.id}")["loadbalancer"]

    def answers(self, count=4):
        """What requests of the client find."""
        return self.live.ask("client", self.floating, count)

    def serves(self, seconds=15):
        """Wait until the client is answered."""
        return lives.within(seconds, lambda: self.answers(1)["answers"], "the client is answered")

    @property
    def haproxy(self):
        """The process id of the load balancer's HAProxy, as the sandbox counts, or None."""
        pids = self.live.inside("ip", "netns", "pids", f"qlbaas-{self.balancer.id}", check=False).split()
        found = [pid for pid in pids if self.live.inside("cat", f"/proc/{pid}/comm", check=False).strip() == "haproxy"]
        return int(found[0]) if len(found) == 1 else None

    def agent(self):
        """The process id of the agent proper: in a sandbox it is below an nsenter."""
        above = self.live.pid("agent")
        try:
            below = Path(f"/proc/{above}/task/{above}/children").read_text().split()
        except FileNotFoundError:
            return None
        return int(below[0]) if below else None

    def log(self, name="agent"):
        """What a child has logged so far."""
        return (self.live.state_dir / "log" / f"{name}.log").read_text()

    def answers_api(self):
        """Whether the API answers."""
        try:
            return self.root()
        except (cloud.Refused, httpx.TransportError):
            return None


@pytest.fixture(scope="module")
def city():
    """The picture, shared by the tests of a module; each leaves it serving."""
    live = lives.Live()
    try:
        city = City(live.up())
        yield city.build()
        city.close()
    finally:
        live.end()


@pytest.fixture
def live():
    """A vipool that has not been started."""
    found = lives.Live()
    try:
        yield found
    finally:
        found.end()


def alive(pid):
    """Whether a process lives; one that only waits to be reaped does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False
