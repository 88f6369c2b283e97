"""The classic picture as real namespaces, for tests that watch its packets.

A client 10.10.10.4 outside, a router with the floating IP 10.10.10.7, a load balancer with the VIP 172.16.100.11 that
HAProxy carries, and the web servers WEB1 172.16.100.9 and WEB2 172.16.100.10. `described` tells the same to vipool.
Built with ip(8), nft(8) and haproxy alone, so that what is tested here does not test itself.
"""

from __future__ import annotations

import contextlib
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from vipool.host import namespaces, processes
from vipool.model import listener, loadbalancer, member, pool, spec, tree

CLIENT, FLOATING, VIP = "10.10.10.4", "10.10.10.7", "172.16.100.11"
WEB1, WEB2 = "172.16.100.9", "172.16.100.10"
OUTSIDE, INSIDE = spec.Segment(network_id="00000000-out"), spec.Segment(network_id="00000000-in")
BALANCER = "00000000-0000-4000-8000-000000000011"

_HAPROXY = """
global
    maxconn 100
defaults
    mode {mode}
    timeout connect {connect}
    timeout client 5s
    timeout server {server}
    retries {retries}
    option redispatch 1
    http-reuse always
frontend web
    bind {vip}:80
    default_backend webs
backend webs
    balance roundrobin
{servers}
"""

_IN_PLACE = """
table ip vipool_lb {{
    chain pre {{
        type nat hook prerouting priority dstnat
        ip daddr 172.16.100.11 tcp dport 80 dnat to {member}:80
    }}
    chain post {{
        type nat hook postrouting priority srcnat
        {source}
    }}
}}
"""

_RULES = """
table ip vipool_nat {{
    chain pre {{
        type nat hook prerouting priority dstnat
        ip daddr 10.10.10.7 dnat to {internal}
    }}
    chain post {{
        type nat hook postrouting priority srcnat
        ip saddr 172.16.100.11 snat to 10.10.10.7
    }}
}}
"""


def run(*words: str, stdin: str = "") -> None:
    """Run a program that must succeed."""
    done = subprocess.run(words, input=stdin, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(words)}: {done.stderr}{done.stdout}"


def within(namespace: str, *words: str, stdin: str = "") -> None:
    """Run a program that must succeed in a namespace."""
    run("ip", "netns", "exec", namespace, *words, stdin=stdin)


def attachment(name: str, address: str, segment: spec.Segment) -> spec.Attachment:
    """A port whose tap is called tap<name>."""
    return spec.Attachment(port_id=name, mac="", segment=segment, addresses=(f"{address}/24",))


class Scene:
    """The picture, running. Everything ends with `close`."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._stack = contextlib.ExitStack()
        self.served: list[str] = []
        for bridge in ("brqout", "brqin"):
            run("ip", "link", "add", bridge, "type", "bridge", "forward_delay", "0")
            run("ip", "link", "set", bridge, "up")
            self._stack.callback(run, "ip", "link", "delete", bridge)
        for name in ("client", "router", "balancer", "web1", "web2"):
            run("ip", "netns", "add", name)
            self._stack.callback(run, "ip", "netns", "delete", name)
            within(name, "ip", "link", "set", "lo", "up")
        self._plug("client", "client", f"{CLIENT}/24", "brqout")
        self._plug("router", "gate", "10.10.10.1/24", "brqout")
        self._plug("router", "door", "172.16.100.1/24", "brqin")
        self._plug("balancer", "vip", f"{VIP}/24", "brqin")
        self._plug("web1", "web1", f"{WEB1}/24", "brqin")
        self._plug("web2", "web2", f"{WEB2}/24", "brqin")
        within("router", "sysctl", "-qw", "net.ipv4.ip_forward=1")
        within("router", "ip", "address", "add", f"{FLOATING}/32", "dev", "gate")
        within("balancer", "ip", "route", "add", "default", "via", "172.16.100.1")
        for web in ("web1", "web2", "client"):
            gateway = "172.16.100.1" if web != "client" else "10.10.10.1"
            within(web, "ip", "route", "add", "default", "via", gateway)
        self.translate(VIP)

    def close(self) -> None:
        """End everything."""
        self._stack.close()

    def _plug(self, namespace: str, name: str, address: str, bridge: str) -> None:
        tap = f"tap{name}"
        run("ip", "link", "add", tap, "type", "veth", "peer", "name", name, "netns", namespace)
        # A socket that waits for a last answer keeps its namespace, and so the pair, for a while.
        self._stack.callback(run, "ip", "link", "delete", tap)
        run("ip", "link", "set", tap, "master", bridge, "up")
        within(namespace, "ip", "address", "add", address, "dev", name)
        within(namespace, "ip", "link", "set", name, "up")

    def translate(self, internal: str | None) -> None:
        """Load the floating IP's rules, or take them away."""
        within("router", "nft", "flush", "ruleset")
        if internal is not None:
            within("router", "nft", "-f", "-", stdin=_RULES.format(internal=internal))

    def serve(self, namespace: str, answer: bytes = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nyes") -> None:
        """Have a web server in the namespace; an empty answer closes the connection once the request is there."""
        server = namespaces.call(namespace, lambda: socket.create_server(("", 80)))
        self._stack.callback(server.close)
        self._stack.callback(server.shutdown, socket.SHUT_RDWR)

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = server.accept()
                    threading.Thread(target=self._answer, args=(connection, namespace, answer), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()

    def _answer(self, connection: socket.socket, name: str, answer: bytes) -> None:
        with connection, contextlib.suppress(OSError):
            connection.settimeout(5)
            while connection.recv(65536):
                self.served.append(name)
                if not answer:
                    return
                connection.sendall(answer)

    def balance(self, *members: str, mode: str = "http", connect: str = "300ms", retries: int = 1) -> None:
        """Start HAProxy with these members, and wait until it accepts."""
        servers = "\n".join(f"    server s{index} {address}:80" for index, address in enumerate(members))
        settings = {"mode": mode, "connect": connect, "retries": retries, "vip": VIP, "servers": servers}
        file = self._directory / "haproxy.cfg"
        file.write_text(_HAPROXY.format(server="500ms", **settings))
        log = self._directory / "haproxy.log"
        # -db: not in the background.
        process = processes.spawn(["haproxy", "-db", "-f", str(file)], log=log, reference="balancer")
        self._stack.callback(processes.stop, [process], grace=0.5)
        deadline = time.monotonic() + 5
        while not self._accepts():
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.01)  # a table of the kernel cannot be awaited

    def rewrite(self, member: str, *, keep_client: bool = False) -> None:
        """Have the kernel translate in place, as a provider without a proxy does; it may leave the client's address."""
        within("balancer", "sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv4.conf.all.send_redirects=0")
        source = "" if keep_client else f"ip daddr {member} masquerade"
        within("balancer", "nft", "-f", "-", stdin=_IN_PLACE.format(member=member, source=source))

    def drop(self, namespace: str, rule: str, *, hook: str = "input") -> None:
        """Have a namespace swallow what the rule says."""
        chain = f"chain c {{ type filter hook {hook} priority 0; {rule} drop; }}; "
        within(namespace, "nft", "-f", "-", stdin=f"table inet swallow {{ {chain} }}\n")

    def _accepts(self) -> bool:
        # Asked of the kernel's table: a connection would show up in captures.
        table = namespaces.call("balancer", lambda: Path("/proc/thread-self/net/tcp").read_text())
        return any(line.split()[1].endswith(":0050") and line.split()[3] == "0A" for line in table.splitlines()[1:])


def described(*members: tuple[str, str], algorithm: str = "ROUND_ROBIN") -> tuple[spec.Item, ...]:
    """The picture as vipool's server would describe it to the node; members are names with addresses."""
    router = spec.Router(
        id="router-1",
        revision=1,
        interfaces=(attachment("door", "172.16.100.1", INSIDE),),
        gateway=attachment("gate", "10.10.10.1", OUTSIDE),
        floating_ips=(spec.FloatingIp(id="f", external=FLOATING, internal=VIP),),
    )
    plugs = tuple(
        spec.Plug(id=name, revision=1, port=attachment(name, address, segment), target=f"netns:{name}", device=name)
        for name, address, segment in (("client", CLIENT, OUTSIDE), ("web1", WEB1, INSIDE), ("web2", WEB2, INSIDE))
    )
    return (router, *plugs, balancer(members, algorithm))


def balancer(members: tuple[tuple[str, str], ...], algorithm: str) -> spec.LoadBalancer:
    """The load balancer with one HTTP listener on port 80."""
    whole = tree.Tree(
        loadbalancer=loadbalancer.LoadBalancer(id=BALANCER, project_id="p", name="web", vip_address=VIP),
        listeners=(
            listener.Listener(
                id="l",
                project_id="p",
                name="http",
                loadbalancer_id=BALANCER,
                protocol=listener.Protocol.HTTP,
                protocol_port=80,
                default_pool_id="pool",
            ),
        ),
        pools=(
            pool.Pool(
                id="pool",
                project_id="p",
                loadbalancer_id=BALANCER,
                protocol=pool.Protocol.HTTP,
                lb_algorithm=pool.Algorithm(algorithm),
            ),
        ),
        members=tuple(
            member.Member(
                id=name,
                project_id="p",
                name=name,
                loadbalancer_id=BALANCER,
                pool_id="pool",
                address=address,
                protocol_port=80,
            )
            for name, address in members
        ),
    )
    return spec.LoadBalancer(id=BALANCER, revision=1, tree=whole, vip=attachment("vip", VIP, INSIDE))


@contextlib.contextmanager
def built(directory: Path) -> Iterator[Scene]:
    """The picture for as long as the block lasts, HAProxy and web servers not yet started."""
    scene = Scene(directory)
    try:
        yield scene
    finally:
        scene.close()
