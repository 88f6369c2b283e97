"""Two who check the same members, inside the sandbox: an engine of the kernel's provider, and HAProxy by hand.

Each is in a namespace of its own with the same packet rules, joined by a link of its own to the namespace of the
members. The engine is in this process, driven as the agent drives it.
"""

import datetime
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from benchmarks import inside
from vipool.agent import pace
from vipool.contract import pictures
from vipool.host import namespaces, nft, processes
from vipool.model import tree
from vipool.providers import base
from vipool.providers.haproxy import checker, generations, runtime, stats
from vipool.providers.nftables import carried, engine, render

ADDRESSES, PORTS, TLS_PORTS = 2_500, (8001, 8002, 8003, 8004), (9001, 9002, 9003, 9004)
"""Few enough ports at one address that datagrams a second apart reach all of them in five."""

POOLS, DELAY, TIMEOUT = 10, 5, 2
SIDES = {"ours": "10.8.0", "theirs": "10.7.0"}
TLS = {"HTTPS", "TLS-HELLO"}

_FURNISH = """
ip link set lo up
ip route add local 10.9.0.0/16 dev lo
"""
_JOIN = """
ip link add {side} type veth peer name eth0 netns {side}
ip addr add {net}.1/24 dev {side}
ip link set {side} up
ip -n {side} link set lo up
ip -n {side} addr add {net}.11/24 dev eth0
ip -n {side} link set eth0 up
ip -n {side} route add 10.9.0.0/16 via {net}.1
"""
_SERVER = """
global
    maxconn 4000
    nbthread 1
defaults
    mode http
    timeout client 5s
frontend web
{binds}
    http-request return status 200 content-type text/plain string hello
"""
_GLOBAL = """
global
    nbthread 1
    maxconn 100
    stats socket unix@stats.sock level admin
    httpclient.ssl.verify none
defaults
    timeout connect {timeout}s
    timeout server {timeout}s
    timeout check {timeout}s
"""


class Ours:
    """An engine with a load balancer in a namespace, driven as by the agent."""

    def __init__(self, directory: Path, wanted: tree.Tree) -> None:
        self._place = base.Place(namespace="ours", directory=str(directory))
        self._wanted = wanted
        self._engine = engine.Engine(carried.WHOLE, checker.Checker())
        self._make()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()

    def _make(self) -> None:
        nft.load("ours", self._engine.rules(self._place, self._wanted).ruleset)
        self._engine.converge(self._place, self._wanted)

    def _watch(self) -> None:
        while not self._ended.wait(pace.WATCH):
            if self._engine.watch([self._place]):
                self._make()

    def up(self) -> int:
        """How many members are up."""
        seen = self._engine.observe(self._place, self._wanted)
        return list(seen.servers.values()).count("up") if seen else 0

    def down(self) -> int:
        """How many members are not."""
        return len(self._wanted.members) - self.up()

    def cost(self) -> tuple[float, float]:
        """Processor time of this process and of those that it started, in seconds."""
        inner = Path(self._place.directory) / checker.FOLDER
        others = generations.every(inner) if inner.exists() else ()
        return spent("self"), sum(spent(each.pid) for each in others)

    def close(self) -> None:
        """End it."""
        self._ended.set()
        self._thread.join()
        self._engine.remove(self._place)


class Theirs:
    """HAProxy with a configuration that checks and nothing else."""

    def __init__(self, directory: Path, wanted: tree.Tree, kind: str) -> None:
        self._directory = directory
        (directory / "haproxy.cfg").write_text("\n".join(by_hand(wanted, kind)) + "\n")
        command = generations.arguments(generations.binary(), directory, "haproxy.cfg")
        place = base.Place(namespace="theirs", directory=str(directory))
        complaint = generations.launch(command, place, ())
        if complaint:
            raise RuntimeError(complaint)

    def up(self) -> int:
        """How many members are up."""
        states = stats.states(runtime.ask(self._directory, "show servers state"))
        return sum(not each.down for each in states.values())

    def cost(self) -> float:
        """Its processor time in seconds."""
        return sum(spent(each.pid) for each in generations.every(self._directory))

    def close(self) -> None:
        """End it."""
        processes.stop(generations.every(self._directory))


def by_hand(wanted: tree.Tree, kind: str) -> Iterator[str]:
    """The lines of a configuration, as somebody would write it who knows how."""
    yield _GLOBAL.format(timeout=TIMEOUT)
    for back in wanted.pools:
        yield f"backend {back.id}:pool"
        if kind in {"HTTP", "HTTPS"}:
            yield "    option httpchk GET /"
        more = "check-ssl verify none" if kind in TLS else ""
        for each in wanted.members_of(back.id):
            end = f"{each.address}:{each.protocol_port} source {SIDES['theirs']}.11"
            yield f"    server {each.id} {end} check inter {DELAY}s {more}"


def spent(pid: int | str) -> float:
    """The processor time of every thread of a process, in seconds (Documentation/scheduler/sched-stats)."""
    tasks = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(each.read_text().split()[0]) for each in tasks) / 1e9


def picture(kind: str, count: int) -> tree.Tree:
    """A load balancer of some pools with so many members between them."""
    speech = "UDP" if kind == "UDP-CONNECT" else "TCP"
    ports = TLS_PORTS if kind in TLS else PORTS
    http = {"http_method": "GET", "url_path": "/", "expected_codes": "200"} if kind in {"HTTP", "HTTPS"} else {}
    pools = [pictures.identifier("pool", at) for at in range(POOLS)]
    whole = pictures.load(
        {
            "listeners": [
                pictures.listener(speech, at + 1, protocol_port=100 + at, default_pool_id=back)
                for at, back in enumerate(pools)
            ],
            "pools": [{"id": back, "protocol": speech, "lb_algorithm": "ROUND_ROBIN"} for back in pools],
            "members": [
                {
                    "id": pictures.identifier("member", at),
                    "pool_id": pools[at % POOLS],
                    "address": f"10.9.{at % ADDRESSES // 250 + 1}.{at % ADDRESSES % 250 + 1}",
                    "protocol_port": ports[at // ADDRESSES],
                }
                for at in range(count)
            ],
            "healthmonitors": [
                {
                    "id": pictures.identifier("monitor", at), "pool_id": back, "type": kind,
                    "delay": DELAY, "timeout": TIMEOUT, "max_retries": 2, **http,
                }
                for at, back in enumerate(pools)
            ],
            "loadbalancer": {"vip_address": f"{SIDES['ours']}.11", "additional_vips": []},
        }
    )  # fmt: skip
    return whole


class Play:
    """Who is checked, and who checks at the moment."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._sinks: list[socket.socket] = []
        self._ours: Ours | None = None
        self._theirs: Theirs | None = None

    def furnish(self) -> None:
        """Make the namespaces, and have members answer in that of the sandbox itself."""
        script = _FURNISH
        for side, net in SIDES.items():
            namespaces.create(side, lambda: None)
            script += _JOIN.format(side=side, net=net)
        subprocess.run(["sh", "-ec", script], check=True)
        (self._home / "web.pem").write_text(certificate())
        binds = [f"    bind 0.0.0.0:{port}" for port in PORTS]
        binds += [f"    bind 0.0.0.0:{port} ssl crt web.pem" for port in TLS_PORTS]
        (self._home / "web.cfg").write_text(_SERVER.format(binds="\n".join(binds)))
        subprocess.run([generations.binary(), "-D", "-C", str(self._home), "-f", "web.cfg"], check=True)
        for port in PORTS:
            # Nobody reads: what finds no room is dropped, and nobody is told.
            sink = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            sink.bind(("", port))
            self._sinks.append(sink)

    def begin(self, kind: str, own: str, count: int) -> list[int]:
        """Have so many members checked by both; how many are up after each was checked twice."""
        ours, theirs = (Path(tempfile.mkdtemp(dir=self._home)) for _ in range(2))
        wanted = picture(kind, count)
        self._ours = Ours(ours, wanted)
        nft.load("theirs", render.render(wanted, (), carried.WHOLE))
        self._theirs = Theirs(theirs, wanted, own)
        time.sleep(2.5 * DELAY)  # what is measured is how it is once all is under way
        return [self._ours.up(), self._theirs.up()]

    def cost(self, seconds: float) -> dict[str, float]:
        """The processor time of both while so many seconds pass, as shares of a core."""
        assert self._ours is not None
        assert self._theirs is not None
        before, other = self._ours.cost(), self._theirs.cost()
        began = time.monotonic()
        time.sleep(seconds)  # the measurement itself
        after, theirs = self._ours.cost(), self._theirs.cost() - other
        passed = time.monotonic() - began
        agent, process = (now - then for now, then in zip(after, before, strict=True))
        return {"ours": (agent + process) / passed, "agent": agent / passed, "theirs": theirs / passed}

    def end(self) -> int:
        """Have nothing checked any more; how many members were thought down at the end."""
        assert self._ours is not None
        assert self._theirs is not None
        missed = self._ours.down()
        self._ours.close()
        self._theirs.close()
        return missed


def certificate() -> str:
    """A certificate that nobody vouches for, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "member")])
    now = datetime.datetime.now(datetime.UTC)
    made = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + datetime.timedelta(days=1))
    text = made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    form = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return (text + key.private_bytes(serialization.Encoding.PEM, *form)).decode()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="vipool-bench-") as directory:
        play = Play(Path(directory))
        inside.main({call.__name__: call for call in (play.furnish, play.begin, play.cost, play.end)})
