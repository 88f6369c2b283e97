"""How soon the kernel does what the API was told, as a client beyond the router sees it.

A load balancer of the provider `nftables`: from the POST of a whole tree to the first answer at its floating IP; from
the POST and the DELETE of a member to the first new connection that meets it and the last; and the latter again where
there are a thousand listeners, and where the pool has a thousand members. Rounds of the sizes alternate.
"""

import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from benchmarks import beyond, harness, scene

CREATED, CHANGED, WARM = 30, 20, 2
MANY = 1000
NEW, OLD = "web2", "web1"


def measure(report: harness.Report) -> None:
    """Measure creation, then changes of small and large ones by turns."""
    with scene.opened() as play:
        outside = beyond.Outside(play)
        outside.impatient(play)
        created = [_create(play, outside) for _ in range(WARM + CREATED)][WARM:]
        report.table("milliseconds from POST to the first answer", {"created": created})
        report.bar("create_p50_ms", harness.median(created), "<=", 40)
        sizes = {
            "small": _opened(play, outside),
            f"{MANY} listeners": _opened(play, outside, listeners=MANY),
            f"{MANY} members": _opened(play, outside, members=MANY),
        }
        rows: dict[str, list[float]] = {f"{name}, {word}": [] for name in sizes for word in ("comes", "goes")}
        for turn in range(WARM + CHANGED):
            for name, subject in sizes.items():
                for word, found in zip(("comes", "goes"), subject.change(), strict=True):
                    if turn >= WARM:
                        rows[f"{name}, {word}"].append(found)
    report.table("milliseconds from a member's POST or DELETE to its effect", rows)
    for word in ("comes", "goes"):
        report.bar(f"member_{word}_p50_ms", harness.median(rows[f"small, {word}"]), "<=", 20)
    for name, word in itertools.product(list(sizes)[1:], ("comes", "goes")):
        found = harness.median(rows[f"{name}, {word}"]) / harness.median(rows[f"small, {word}"])
        report.bar(f"{name.replace(' ', '_')}_member_{word}", found, "<", 5)


def _create(play: scene.Scene, outside: beyond.Outside) -> float:
    """Milliseconds from the POST of a whole tree to the first answer."""
    port, address = _vip(play, outside)
    outside.client.ask("first_answer", address, 80)
    began = time.monotonic()
    tree = beyond.tree("nftables", ("TCP", 80), ("UDP", 53))
    made = play.api.make(f"{scene.BALANCERS}/loadbalancers", "loadbalancer", vip_port_id=port, **tree)
    answered: float = outside.client.answer()
    play.api.active(made["id"])
    play.api.gone(made["id"])
    return (answered - began) * 1000


def _vip(play: scene.Scene, outside: beyond.Outside) -> tuple[str, str]:
    """A port for a VIP, and its floating IP."""
    port: str = play.api.make("/network/v2.0/ports", "port", network_id=play.network_id)["id"]
    return port, outside.floating(port)


@dataclass
class Subject:
    """A load balancer whose pool gets a member and loses it again. `call` asks the client."""

    api: scene.Api
    root: str
    pool: str
    ask: Callable[[bool], None]
    answer: Callable[[], float]

    def change(self) -> tuple[float, float]:
        """Milliseconds until a new member has its first connection, and from its going to its last."""
        path = f"{scene.BALANCERS}/pools/{self.pool}/members"
        self.ask(True)
        began = time.monotonic()
        values = {"address": scene.WEBS[NEW], "protocol_port": 80, "weight": 256}
        made = self.api.make(path, "member", **values)["id"]
        came = (self.answer() - began) * 1000
        self.api.active(self.root)
        self.ask(False)
        # The client must have met it once to know when it meets it no longer.
        time.sleep(0.05)
        began = time.monotonic()
        self.api.ask("DELETE", f"{path}/{made}")
        went = (self.answer() - began) * 1000
        self.api.active(self.root)
        return came, max(0.0, went)


def _opened(play: scene.Scene, outside: beyond.Outside, *, listeners: int = 1, members: int = 1) -> Subject:
    """A load balancer with so many listeners and pools, the first of which has so many members."""
    port, address = _vip(play, outside)
    # Weights make the one that answers be met, whoever else is there: the others are drained.
    silent = [_member(f"10.6.{at // 250}.{at % 250 + 1}", 0) for at in range(members - 1)]
    fronts = [_front(80, [_member(scene.WEBS[OLD], 1), *silent])]
    fronts += [_front(port, [_member(scene.WEBS[OLD], 1)]) for port in range(10_000, 10_000 + listeners - 1)]
    values: dict[str, Any] = {"provider": "nftables", "vip_port_id": port, "listeners": fronts}
    made = play.api.make(f"{scene.BALANCERS}/loadbalancers", "loadbalancer", **values)
    play.api.active(made["id"])
    front = next(each for each in made["listeners"] if each["protocol_port"] == 80)
    client = outside.client
    return Subject(
        api=play.api,
        root=made["id"],
        pool=front["default_pool_id"],
        ask=lambda coming: client.ask("turned", address, 80, NEW, coming),
        answer=client.answer,
    )


def _front(port: int, members: list[dict[str, Any]]) -> dict[str, Any]:
    pool = {"name": f"at-{port}", "protocol": "TCP", "lb_algorithm": "ROUND_ROBIN", "members": members}
    return {"name": f"at-{port}", "protocol": "TCP", "protocol_port": port, "default_pool": pool}


def _member(address: str, weight: int) -> dict[str, Any]:
    return {"address": address, "protocol_port": 80, "weight": weight}
