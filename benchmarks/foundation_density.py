"""What many idle load balancers cost: time to make one more, memory of each, the control plane at rest.

They are spread over the networks of twenty tenants, 25 on each at last, and the new one comes to a network of its own.
On one single network the kernel's bridge is what grows: with 500 ports it takes 5 ms longer to add another, and every
ARP request of the client is copied 500 times; there the first answer took 1.5 times as long as among 100.

A load balancer counts here with everything a tenant's has: listener, pool, two members, an HAProxy of its own. Memory
is the sum of what the HAProxy processes have (PSS, so shared pages count once), what the kernel took for namespaces,
devices and processes (slab, stacks, page tables, per-processor data), and what the control plane grew by, divided by
their number. The difference of MemAvailable is shown too: it counts everything, and whatever the neighbours did.
"""

import os
import time
from pathlib import Path

from benchmarks import harness, scene

SIZES = (100, 500)
TENANTS = 20
ROUNDS = 30
IDLE_SECONDS = 15
KERNEL = ("Slab", "KernelStack", "PageTables", "Percpu")


def measure(report: harness.Report) -> None:
    """Fill to each size; measure there."""
    with scene.opened() as play:
        subnets = [_subnet(play, number) for number in range(TENANTS)]
        before = _Memory(play)
        times = {"none present": _create(play, 0)}
        made, per_balancer, available, idle = 0, [0.0], [0.0], 0.0
        for size in SIZES:
            began = time.monotonic()
            for each in [_fill(play, subnets[number % TENANTS]) for number in range(made, size)]:
                play.api.active(each)
            report.say(f"{size - made} more made and ACTIVE in {time.monotonic() - began:.1f} s")
            made = size
            after = _Memory(play)
            if after.count - before.count != size:
                raise RuntimeError(f"{after.count - before.count} processes of HAProxy for {size} load balancers")
            per_balancer.append((after.taken - before.taken) / size / 1024)
            available.append((before.available - after.available) / size / 1024)
            report.say(after.since(before, size))
            idle = _idle(play)
            report.say(f"{size} present: the control plane at rest takes {idle * 100:.1f} % of a core")
            times[f"{size} present"] = _create(play, size)
    report.table("milliseconds from the POST to the first HTTP 200", times, baseline="none present")
    base = harness.median(times["100 present"])
    report.bar("growth_100_to_500", harness.median(times["500 present"]) / base - 1, "<=", 0.25)
    report.bar("memory_mb", per_balancer[-1], "<=", 4.5)
    report.bar("idle_share_of_a_core", idle, "<=", 0.05)


def _subnet(play: scene.Scene, number: int) -> str:
    """A tenant's network with a subnet."""
    network = play.api.make("/network/v2.0/networks", "network", name=f"tenant-{number}")
    values = {"network_id": network["id"], "ip_version": 4, "cidr": scene.CIDR}
    return str(play.api.make("/network/v2.0/subnets", "subnet", **values)["id"])


def _fill(play: scene.Scene, subnet_id: str) -> str:
    """One more load balancer, not awaited."""
    values = play.tree(vip_subnet_id=subnet_id)
    return str(play.api.make(f"{scene.BALANCERS}/loadbalancers", "loadbalancer", **values)["id"])


class _Memory:
    """Memory in kB at one moment."""

    def __init__(self, play: scene.Scene) -> None:
        told = play.base.call("memory")
        self.count, self.haproxy = told["count"], told["pss"]
        lines = (line.split() for line in Path("/proc/meminfo").read_text().splitlines())
        info = {words[0].rstrip(":"): int(words[1]) for words in lines}
        self.kernel = float(sum(info[name] for name in KERNEL))
        self.available = float(info["MemAvailable"])
        self.control = float(sum(_pss(pid) for pid in play.pids()))

    @property
    def taken(self) -> float:
        """All of it."""
        return self.haproxy + self.kernel + self.control

    def since(self, before: "_Memory", count: int) -> str:
        """What each load balancer took, in words."""
        parts = {
            "HAProxy": self.haproxy - before.haproxy,
            "kernel": self.kernel - before.kernel,
            "control plane": self.control - before.control,
            "by MemAvailable": before.available - self.available,
        }
        return f"{count} present, MB each: " + ", ".join(f"{n} {kb / count / 1024:.2f}" for n, kb in parts.items())


def _pss(pid: int) -> int:
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return next(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:"))


def _idle(play: scene.Scene) -> float:
    """The share of a core that the control plane takes when nobody asks for anything."""
    pids = play.pids()
    began, before = time.monotonic(), sum(map(_processor, pids))
    time.sleep(IDLE_SECONDS)
    return (sum(map(_processor, pids)) - before) / (time.monotonic() - began)


def _processor(pid: int) -> float:
    """Seconds of processor time of a process and of the children it has waited for."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def _create(play: scene.Scene, present: int) -> list[float]:
    """Milliseconds from the POST to the first answer."""
    taken = []
    for turn in range(ROUNDS):
        vip = f"10.7.{10 + present // 100}.{turn + 1}"
        play.client.ask("first_answer", vip, 80)
        began = time.monotonic()
        made = play.api.make(f"{scene.BALANCERS}/loadbalancers", "loadbalancer", **play.tree(vip_address=vip))
        taken.append((play.client.answer() - began) * 1000)
        play.api.active(made["id"])
        play.api.gone(made["id"])
    return taken
