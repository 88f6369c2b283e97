"""The parts of a load balancer made one by one through the API: until the 201, and until it is in force (ACTIVE).

The data plane is real: every ACTIVE means that HAProxy has taken it.
"""

import time
from typing import Any

from benchmarks import harness, scene

ROUNDS = 30
LIMITS = {
    "load balancer": (5.5, 59.6),
    "listener": (6.1, 49.7),
    "pool": (23.9, 65.5),
    "member": (21.7, 149.2),
}
"""Medians in milliseconds, to the 201 and to ACTIVE: a tenth of what Octavia 19 with Keystone 30 took on such a
machine, with a provider that does nothing."""


def measure(report: harness.Report) -> None:
    """Make load balancers, and on one of them listeners with a pool and a member each."""
    with scene.opened() as play:
        balancers = Timed(play)
        for _ in range(ROUNDS):
            made = balancers.post("/loadbalancers", "loadbalancer", None, vip_subnet_id=play.subnet_id)
            play.api.gone(made["id"])
        root = play.api.make(f"{scene.BALANCERS}/loadbalancers", "loadbalancer", vip_subnet_id=play.subnet_id)["id"]
        play.api.active(root)
        listeners, pools, members = Timed(play), Timed(play), Timed(play)
        for turn in range(ROUNDS):
            front = {"protocol": "HTTP", "protocol_port": 1000 + turn, "loadbalancer_id": root}
            listener = listeners.post("/listeners", "listener", root, **front)["id"]
            back = {"protocol": "HTTP", "lb_algorithm": "ROUND_ROBIN", "listener_id": listener}
            pool = pools.post("/pools", "pool", root, **back)["id"]
            members.post(f"/pools/{pool}/members", "member", root, address="10.7.15.251", protocol_port=80)
    kinds = {"load balancer": balancers, "listener": listeners, "pool": pools, "member": members}
    rows = {}
    for name, timed in kinds.items():
        rows[f"{name} → 201"] = timed.answered
        rows[f"{name} → ACTIVE"] = timed.active
    report.table("milliseconds of a POST", rows)
    for name, (answered, active) in LIMITS.items():
        what = name.replace(" ", "_")
        report.bar(f"{what}_to_201", harness.median(kinds[name].answered), "<=", answered)
        report.bar(f"{what}_to_active", harness.median(kinds[name].active), "<=", active)


class Timed:
    """POSTs of one kind, timed in milliseconds."""

    def __init__(self, play: scene.Scene) -> None:
        self._api = play.api
        self.answered: list[float] = []
        self.active: list[float] = []

    def post(self, path: str, wrapper: str, root: str | None, **values: Any) -> Any:
        """Make an object of the load balancer `root`, or one of its own, and wait until it is in force."""
        began = time.monotonic()
        made = self._api.make(scene.BALANCERS + path, wrapper, **values)
        self.answered.append((time.monotonic() - began) * 1000)
        self.active.append((self._api.active(root or made["id"]) - began) * 1000)
        return made
