"""One load balancer in a namespace of its own, carried by HAProxy, with its members and clients beside it."""

import collections
import dataclasses
import itertools
import subprocess
from pathlib import Path
from typing import Any

from tests.net.members import Client, Member, Tls, eventually
from tests.providers import trees
from vipool.host import namespaces
from vipool.model import tree
from vipool.providers import base
from vipool.providers.haproxy import engine, generations

VIP, VIP6 = "172.16.100.11", "fd00::b"


FIRST, SECOND, THIRD, SIXTH = "172.16.100.9", "172.16.100.10", "172.16.100.12", "fd00::9"


CLIENTS = [f"10.10.10.{last}" for last in range(4, 34)]


LISTENER, POOL = trees.identifier(2, 1), trees.identifier(3, 1)


PAIR = ({"address": FIRST}, {"address": SECOND})


ONE, TWO = f"{FIRST}:80", f"{SECOND}:80"


_numbers = itertools.count(1)


class Balancer:
    """One load balancer in a namespace of its own, with its members beside it."""

    def __init__(self, directory: Path) -> None:
        self.place = base.Place(namespace=f"qlbaas-{next(_numbers)}", directory=str(directory))
        self.engine = engine.Engine()
        self.members: dict[str, Member] = {}
        self.materials: dict[str, str] = {}
        namespaces.create(self.place.namespace, self._furnish)

    def _furnish(self) -> None:
        lines = ["link set lo up"]
        lines += [f"addr add {each}/32 dev lo" for each in (VIP, FIRST, SECOND, THIRD, *CLIENTS)]
        lines += [f"addr add {each}/128 dev lo nodad" for each in (VIP6, SIXTH)]
        subprocess.run(["ip", "-b", "-"], input="\n".join(lines), text=True, check=True)

    def ip(self, *lines: str) -> None:
        """Change the namespace as ip(8) would."""
        command = ["ip", "-n", self.place.namespace, "-b", "-"]
        subprocess.run(command, input="\n".join(lines), text=True, check=True)

    def member(self, address: str, port: int = 80, **more: Any) -> Member:
        made = Member(self.place.namespace, address, port, name=f"{address}:{port}", **more).start()
        self.members[made.name] = made
        return made

    def converge(self, wanted: tree.Tree) -> str:
        said = self.engine.converge(self.place, wanted, self.materials)
        assert self.engine.converge(self.place, wanted, self.materials) == ""
        return said

    def client(
        self,
        source: str | None = None,
        address: str = VIP,
        port: int = 80,
        *,
        source_port: int = 0,
        tls: Tls | None = None,
    ) -> Client:
        return Client(self.place.namespace, address, port, (source, source_port) if source else None, tls)

    def answers(self, count: int = 12) -> collections.Counter[str]:
        """Who answers, each time on a new connection."""
        found: collections.Counter[str] = collections.Counter()
        for _ in range(count):
            with self.client() as client:
                status, body = client.get()
                found[body if status == 200 else str(status)] += 1
        return found

    def state(self, wanted: tree.Tree, member_id: str) -> str | None:
        seen = self.engine.observe(self.place, wanted)
        return seen.servers.get(member_id) if seen else None

    def awaits(self, wanted: tree.Tree, at: int, state: str) -> None:
        """Wait until the member at that place has the state."""
        eventually(lambda: self.state(wanted, trees.identifier(4, at)) == state)

    def processes(self) -> int:
        return len(generations.every(Path(self.place.directory)))

    def settles(self, count: int) -> None:
        """Wait until exactly so many processes are left."""
        eventually(lambda: self.processes() == count)

    def pid(self) -> int:
        process = generations.serving(Path(self.place.directory))
        assert process is not None
        return process.pid

    def close(self) -> None:
        self.engine.remove(self.place)
        for each in self.members.values():
            each.stop()
        namespaces.delete(self.place.namespace)


def picture(*members: dict[str, Any], **more: Any) -> tree.Tree:
    """An HTTP listener, its pool and these members, checked when `monitor` is given."""
    monitor = more.pop("monitor", None)
    front = {"id": LISTENER, "protocol": "HTTP", "protocol_port": 80, "default_pool_id": POOL, **more.pop("front", {})}
    back = {"id": POOL, "protocol": "HTTP", "lb_algorithm": "ROUND_ROBIN", **more.pop("back", {})}
    common = {"pool_id": POOL, "protocol_port": 80}
    check = {"id": trees.identifier(5, 1), "pool_id": POOL, "type": "HTTP", "delay": 1, "timeout": 1, "max_retries": 1}
    return trees.load(
        {
            "listeners": [front],
            "pools": [back],
            "members": [{"id": trees.identifier(4, at), **common, **each} for at, each in enumerate(members)],
            "healthmonitors": [{**check, "max_retries_down": 1, **monitor}] if monitor is not None else [],
            **more,
        }
    )


def changed(wanted: tree.Tree, at: int, **values: Any) -> tree.Tree:
    return wanted.replacing(dataclasses.replace(wanted.members[at], **values))


def both(balancer: Balancer) -> None:
    balancer.member(FIRST)
    balancer.member(SECOND)
