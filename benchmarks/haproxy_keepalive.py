"""Requests per second over kept connections: through vipool's HAProxy, and through one with a configuration by hand.

Both stand on the same bridge, in a namespace each, before the same two members, on one processor thread, with the
kernel's congestion control of that namespace set alike (the default of a machine may be BBR, which hurts short paths).
Rounds alternate. The client is wrk. Also shown: the processor time of each HAProxy per request, which no neighbour's
noise can hide.
"""

import os
import re
import shutil
from pathlib import Path

from benchmarks import harness, scene

ROUNDS, SECONDS = 24, 1
CONNECTIONS = 32
ADDRESS = "10.7.15.240"

BY_HAND = """
global
  nbthread 1
  maxconn 4000
defaults
  mode http
  timeout connect 5s
  timeout client 50s
  timeout server 50s
frontend http
  bind {address}:80
  default_backend webs
backend webs
  balance roundrobin
{servers}
"""
SET_UP = """
ip netns add byhand
ip link add tapbyhand type veth peer name vip netns byhand
ip link set tapbyhand master {bridge} up
ip -n byhand link set lo up
ip -n byhand addr add {address}/20 dev vip
ip -n byhand link set vip up
ip netns exec byhand haproxy -D -p {directory}/haproxy.pid -f {directory}/haproxy.cfg >/dev/null 2>&1
"""


def measure(report: harness.Report) -> None:
    """Alternate the two; show both."""
    if shutil.which("wrk") is None:
        raise RuntimeError("wrk is missing: `make bench` installs it")
    with scene.opened() as play:
        made = play.balance()
        directory = play.stage.chosen.state_dir.parent / "byhand"
        _by_hand(play, directory)
        paths = {
            "by hand": (ADDRESS, _process(play, "byhand")),
            "vipool": (made["vip_address"], _process(play, f"qlbaas-{made['id']}")),
        }
        rates: dict[str, list[float]] = {name: [] for name in paths}
        costs: dict[str, list[float]] = {name: [] for name in paths}
        for turn in range(ROUNDS + 1):
            for name, (address, pid) in list(paths.items())[:: 1 if turn % 2 else -1]:
                before = _processor(pid)
                rate, count = _wrk(play, address)
                if turn:
                    rates[name].append(rate)
                    costs[name].append((_processor(pid) - before) / count * 1e6)
    report.table("requests per second over kept connections", rates, baseline="by hand")
    report.table("microseconds of processor time of HAProxy per request", costs, baseline="by hand")
    pairs = [ours / theirs for ours, theirs in zip(rates["vipool"], rates["by hand"], strict=True)]
    report.table("vipool to by hand, round by round", {"ratio": pairs})
    report.bar("ratio", harness.median(pairs), ">=", 0.97)


def _by_hand(play: scene.Scene, directory: Path) -> None:
    directory.mkdir()
    servers = "\n".join(f"  server {name} {address}:80" for name, address in scene.WEBS.items())
    (directory / "haproxy.cfg").write_text(BY_HAND.format(address=ADDRESS, servers=servers))
    values = {"bridge": f"brq{play.network_id[:11]}", "address": ADDRESS, "directory": directory}
    play.base.call("shell", SET_UP.format(**values))
    play.base.call(
        "shell",
        'for each in $(ip netns list | cut -d" " -f1); do'
        " ip netns exec $each sysctl -qw net.ipv4.tcp_congestion_control=reno; done",
    )
    play.client.call("first_answer", ADDRESS, 80)


def _process(play: scene.Scene, netns: str) -> int:
    """The HAProxy of a namespace, as the host counts."""
    inode = play.base.call("shell", f"stat -L -c %i /run/netns/{netns}").strip()
    found = [
        int(directory.name)
        for directory in Path("/proc").glob("[0-9]*")
        if _read(directory / "comm").strip() == "haproxy" and _netns(directory) == inode
    ]
    if len(found) != 1:
        raise RuntimeError(f"{len(found)} processes of HAProxy in {netns}")
    return found[0]


def _netns(directory: Path) -> str:
    try:
        return str((directory / "ns/net").stat().st_ino)
    except OSError:
        return ""


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""


def _processor(pid: int) -> float:
    """Seconds of processor time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _wrk(play: scene.Scene, address: str) -> tuple[float, int]:
    """Requests per second, and how many."""
    said = play.client.call("shell", f"wrk -t 1 -c {CONNECTIONS} -d {SECONDS}s http://{address}/")
    if wrong := re.search(r"(Socket errors|Non-2xx).*", said):
        raise RuntimeError(f"wrk: {wrong[0]}")
    rate = re.search(r"Requests/sec: +([0-9.]+)", said)
    count = re.search(r"(\d+) requests in", said)
    assert rate
    assert count
    return float(rate[1]), int(count[1])
