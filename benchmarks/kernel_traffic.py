"""What a load balancer costs its traffic: a client outside, a router, and behind it five ways to the same two members.

Nothing at all in between; rules for nft(8) by hand that translate the same; vipool's provider `nftables`; its
usual provider (HAProxy); nginx's stream module. Each has a floating IP, so that all pass the same router by the same
rules. Measured are requests over kept connections, a connection for each request, bodies of ten million bytes (wrk for
all three), and datagrams in 256 flows: those that reach the members' devices. Rounds alternate, all namespaces have the
same congestion control. HAProxy has no datagrams.

Where the machine has other work, rates say little. So for the ways without a process the cost is measured too: the
processor time of client and members for each request, megabyte or datagram. It has the whole way in it, the router and
the load balancer included, because the kernel passes a packet on in the name of whoever sends it.
"""

import itertools
import os
import re
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from benchmarks import beyond, harness, scene

ROUNDS, SECONDS = 10, 1
CONNECTIONS, STREAMS, FLOWS = 32, 8, 256
HAND, NGINX = "10.7.15.240", "10.7.15.241"
HTTP, BULK, DATAGRAMS = 80, 81, 53
NONE, BY_HAND, OURS, HAPROXY, STREAM = "none", "nft by hand", "vipool nftables", "vipool haproxy", "nginx stream"
KINDS = ("keep-alive", "new connections", "bulk", "datagrams")
UNITS = {"keep-alive": "request", "new connections": "request", "bulk": "megabyte", "datagrams": "datagram"}
LEAST = {"keep-alive": 0.85, "new connections": 0.80, "bulk": 0.92, "datagrams": 0.75}
"""What may be left of the speed of nothing in between."""

RULES = """
table ip hand {
  chain prerouting { type nat hook prerouting priority dstnat;
    ip daddr %(vip)s tcp dport { 80, 81 } dnat to numgen inc mod 2 map { 0 : %(one)s, 1 : %(two)s }
    ip daddr %(vip)s udp dport 53 dnat to numgen inc mod 2 map { 0 : %(one)s, 1 : %(two)s }
  }
  chain postrouting { type nat hook postrouting priority srcnat; snat to %(vip)s; }
}
"""
NGINX_CONFIGURATION = """
load_module /usr/lib/nginx/modules/ngx_stream_module.so;
worker_processes 1; pid {directory}/nginx.pid; error_log {directory}/nginx.log emerg;
events {{ worker_connections 16384; }}
stream {{
{servers}
}}
"""
# wrk asks one address: each of its threads takes the next of these.
SPREAD = """
local addresses, turn = {{{addresses}}}, 0
function setup(thread)
  turn = turn + 1
  thread.addr = wrk.lookup(addresses[(turn - 1) % #addresses + 1], "{port}")[1]
end
"""


Found: TypeAlias = dict[str, dict[str, list[tuple[float, float]]]]
"""Rates and costs, by kind and way."""


@dataclass
class Paths:
    """The scene with everything in it: the floating IPs of each way."""

    play: scene.Scene
    directory: Path
    far: scene.Far
    addresses: dict[str, list[str]] = field(default_factory=dict)
    processes: tuple[int, ...] = ()

    def wrk(self, name: str, port: int, connections: int, *words: str) -> str:
        """What wrk says of a second of requests."""
        script = self.directory / f"{name.replace(' ', '-')}-{port}.lua"
        quoted = ", ".join(f'"{each}"' for each in self.addresses[name])
        script.write_text(SPREAD.format(addresses=quoted, port=port))
        more = " ".join(words)
        address = self.addresses[name][0]
        said: str = self.far.call(
            "shell", f"wrk -t 2 -c {connections} -d {SECONDS}s -s {script} {more} http://{address}:{port}/"
        )
        if wrong := re.search(r"(Socket errors: connect [1-9]|Non-2xx).*", said):
            raise RuntimeError(f"wrk through {name}: {wrong[0]}")
        return said

    def measure(self, name: str, kind: str) -> tuple[float, float]:
        """Requests, megabytes or datagrams a second, and the microseconds of processor time that each took."""
        before = self._spent()
        rate = self._rate(name, kind)
        return rate, (self._spent() - before) * 1e6 / rate / SECONDS

    def _spent(self) -> float:
        """Seconds of processor time of client and members so far, and of the programs they ran."""
        fields = [Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split() for pid in self.processes]
        return sum(int(number) for each in fields for number in each[11:15]) / os.sysconf("SC_CLK_TCK")

    def _rate(self, name: str, kind: str) -> float:
        match kind:
            case "keep-alive":
                return _number(self.wrk(name, HTTP, CONNECTIONS), r"Requests/sec: +([0-9.]+)")
            case "new connections":
                said = self.wrk(name, HTTP, CONNECTIONS, "-H 'Connection: close'")
                return _number(said, r"Requests/sec: +([0-9.]+)")
            case "bulk":
                found = re.search(r"Transfer/sec: +([0-9.]+)([KMG])B", self.wrk(name, BULK, STREAMS))
                assert found
                return float(found[1]) * {"K": 1e-3, "M": 1, "G": 1e3}[found[2]]
            case _:
                before, began = self._arrived(), time.monotonic()
                self.far.call("send", self.addresses[name], DATAGRAMS, FLOWS, SECONDS)
                return (self._arrived() - before) / (time.monotonic() - began)

    def _arrived(self) -> int:
        """How many packets have come to the members' devices."""
        each = "ip netns exec {} cat /sys/class/net/eth0/statistics/rx_packets"
        said = self.play.base.call("shell", "; ".join(each.format(name) for name in scene.WEBS))
        return sum(map(int, said.split()))


def measure(report: harness.Report) -> None:
    """Alternate the ways; show all."""
    for program, package in {"wrk": "wrk", "nginx": "nginx libnginx-mod-stream"}.items():
        if shutil.which(program) is None:
            raise RuntimeError(f"{program} is missing: `make bench` installs {package}")
    with scene.opened() as play:
        paths = _built(play)
        found: Found = {kind: {name: [] for name in paths.addresses} for kind in KINDS}
        del found["datagrams"][HAPROXY]
        for turn, kind in itertools.product(range(ROUNDS + 1), KINDS):
            for name in list(found[kind])[:: 1 if turn % 2 else -1]:
                seen = paths.measure(name, kind)
                if turn:
                    found[kind][name].append(seen)
    for kind, rows in found.items():
        _tell(report, kind, {name: [rate for rate, _ in seen] for name, seen in rows.items()})
        _tell_cost(report, kind, {name: [cost for _, cost in rows[name]] for name in (NONE, BY_HAND, OURS)})


def _tell(report: harness.Report, kind: str, rows: Mapping[str, list[float]]) -> None:
    what = {"bulk": "megabytes a second", "datagrams": "datagrams a second"}.get(kind, "requests a second")
    report.table(f"{kind}: {what}", rows, baseline=NONE)
    ratios = {each: _ratios(rows[OURS], rows[each]) for each in rows if each != OURS}
    report.table(f"{kind}: vipool nftables to the others, round by round", {f"to {k}": v for k, v in ratios.items()})
    word = kind.replace(" ", "_").replace("-", "_")
    report.bar(f"{word}_to_none", harness.median(ratios[NONE]), ">=", LEAST[kind])
    report.bar(f"{word}_to_by_hand", harness.median(ratios[BY_HAND]), ">=", 0.98)
    for each in (HAPROXY, STREAM):
        if each in ratios:
            report.bar(f"{word}_to_{each.split()[1 if each == HAPROXY else 0]}", harness.median(ratios[each]), ">=", 1)


def _tell_cost(report: harness.Report, kind: str, rows: Mapping[str, list[float]]) -> None:
    report.table(f"{kind}: microseconds of processor time for each {UNITS[kind]}", rows, baseline=NONE)
    word = kind.replace(" ", "_").replace("-", "_")
    for other, limit in ((NONE, LEAST[kind]), (BY_HAND, 0.98)):
        held = harness.median(_ratios(rows[other], rows[OURS]))
        report.bar(f"{word}_by_cost_to_{'none' if other == NONE else 'by_hand'}", held, ">=", limit)


def _ratios(ours: Sequence[float], theirs: Sequence[float]) -> list[float]:
    return [one / other for one, other in zip(ours, theirs, strict=True)]


def _number(said: str, pattern: str) -> float:
    found = re.search(pattern, said)
    assert found
    return float(found[1])


def _built(play: scene.Scene) -> Paths:
    """The router, the client outside, and the five ways."""
    directory = play.stage.chosen.state_dir.parent / "ways"
    directory.mkdir()
    outside = beyond.Outside(play)
    paths = Paths(play, directory, outside.client)
    ports = {NONE: [play.ports[name] for name in scene.WEBS]}
    ports[BY_HAND] = [play.host("byhand", HAND)]
    ports[STREAM] = [play.host("nginx", NGINX)]
    ports[OURS] = [
        play.balance(**beyond.tree("nftables", ("TCP", HTTP), ("TCP", BULK), ("UDP", DATAGRAMS)))["vip_port_id"]
    ]
    ports[HAPROXY] = [play.balance(**beyond.tree("amphora", ("TCP", HTTP), ("TCP", BULK)))["vip_port_id"]]
    for name, address in scene.WEBS.items():
        member = play.far(name)
        member.call("pour", address, BULK)
        member.call("swallow", address, DATAGRAMS)
    _by_hand(play, directory)
    _nginx(play, directory)
    for name in (NONE, BY_HAND, OURS, HAPROXY, STREAM):
        paths.addresses[name] = [outside.floating(each) for each in ports[name]]
    every = "for each in $(ip netns list | cut -d' ' -f1); do ip netns exec $each sysctl -qw {}; done"
    play.base.call("shell", every.format("net.ipv4.tcp_congestion_control=reno"))
    for addresses in paths.addresses.values():
        for each in addresses:
            paths.far.call("first_answer", each, HTTP)
    paths.processes = tuple(pid for name in ("far", *scene.WEBS) for pid in play.within(name))
    return paths


def _by_hand(play: scene.Scene, directory: Path) -> None:
    one, two = scene.WEBS.values()
    text = directory / "rules.nft"
    text.write_text(RULES % {"vip": HAND, "one": one, "two": two})
    inside = "ip netns exec byhand"
    play.base.call("shell", f"{inside} sysctl -qw net.ipv4.ip_forward=1; {inside} nft -f {text}")


def _nginx(play: scene.Scene, directory: Path) -> None:
    def server(port: int, kind: str) -> str:
        ends = " ".join(f"server {each}:{port};" for each in scene.WEBS.values())
        listening = f"server {{ listen {NGINX}:{port}{kind}; proxy_pass to_{port}; }}"
        return f"upstream to_{port} {{ {ends} }}\n{listening}"

    text = directory / "nginx.conf"
    servers = "\n".join([server(HTTP, ""), server(BULK, ""), server(DATAGRAMS, " udp")])
    text.write_text(NGINX_CONFIGURATION.format(directory=directory, servers=servers))
    play.base.call("shell", f"ip netns exec nginx nginx -c {text} >/dev/null 2>&1")
