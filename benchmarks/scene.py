"""Where benchmarks play: a vipool of its own in a sandbox, a tenant's network with members and a client on it.

Promises: started by the same command as people type, spoken to through the public API; nothing stays when it is closed.
The client and the members are namespaces plugged into ports of the tenant's network, so that a request passes the
bridge and the load balancer and nothing else.
"""

import http.client
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from vipool import settings
from vipool.cli import record
from vipool.cli.demo import stage
from vipool.host import sandbox

ROOT = Path(__file__).parents[1]
BALANCERS = "/load-balancer/v2.0/lbaas"
CIDR, CLIENT, WEBS = "10.7.0.0/20", "10.7.15.250", {"web1": "10.7.15.251", "web2": "10.7.15.252"}
"""The first addresses are left to the load balancers."""

LOOK_EVERY = 0.001
PATIENCE = 60.0
KEPT = 3.0
"""Seconds for which an idle connection is trusted: a server closes it some time after (uvicorn: 5 s)."""

WEB = """
global
  maxconn 4000
  nbthread 1
defaults
  mode http
  timeout client 1h
  timeout http-keep-alive 1h
frontend web
  bind {address}:80
  http-request return status 200 content-type text/plain string "hello" hdr X-Served-By {name}
"""


class Far:
    """A `benchmarks.inside`, or another that answers as it does, in a namespace of the sandbox."""

    def __init__(self, holder: sandbox.Holder, netns: str | None, module: str = "benchmarks.inside") -> None:
        words = (sys.executable, "-m", module)
        entered = ("ip", "netns", "exec", netns, *words) if netns else words
        self._process = subprocess.Popen(
            sandbox.entering(holder, entered),
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdin
        assert self._process.stdout
        self._asks, self._answers = self._process.stdin, self._process.stdout

    def ask(self, name: str, *arguments: object) -> None:
        """Have a function called, without waiting."""
        self._asks.write(json.dumps([name, *arguments]) + "\n")
        self._asks.flush()

    def answer(self) -> Any:
        """What the function returned."""
        line = self._answers.readline()
        told = json.loads(line) if line else {"error": "it has ended"}
        if "error" in told:
            raise RuntimeError(f"inside the sandbox: {told['error']}")
        return told["value"]

    def call(self, name: str, *arguments: object) -> Any:
        """Have a function called and return what it returned."""
        self.ask(name, *arguments)
        return self.answer()

    def close(self) -> None:
        """End the process."""
        self._asks.close()
        self._process.wait()
        self._answers.close()


class Api:
    """The public API over one kept connection, as the administrator."""

    def __init__(self, url: str, password: str) -> None:
        self._connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=PATIENCE)
        self._used = time.monotonic()
        domain = {"id": "default"}
        user = {"name": "admin", "domain": domain, "password": password}
        identity = {"methods": ["password"], "password": {"user": user}}
        auth = {"identity": identity, "scope": {"project": {"name": "admin", "domain": domain}}}
        self._headers = {"Content-Type": "application/json"}
        answer, _ = self._exchange("POST", "/identity/v3/auth/tokens", json.dumps({"auth": auth}))
        self._headers["X-Auth-Token"] = answer.headers["X-Subject-Token"]

    def _exchange(self, method: str, path: str, body: str | None) -> tuple[http.client.HTTPResponse, bytes]:
        if time.monotonic() - self._used > KEPT:
            self._connection.close()  # The next request connects anew.
        self._connection.request(method, path, body, self._headers)
        answer = self._connection.getresponse()
        content = answer.read()
        self._used = time.monotonic()
        if answer.status >= http.HTTPStatus.BAD_REQUEST:
            raise RuntimeError(f"{method} {path}: {answer.status} {content[:300]!r}")
        return answer, content

    def raw(self, method: str, path: str, body: str | None = None) -> bytes:
        """One exchange: what was answered, unread."""
        return self._exchange(method, path, body)[1]

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """One exchange with values."""
        content = self.raw(method, path, None if body is None else json.dumps(body))
        return json.loads(content) if content else None

    def make(self, path: str, wrapper: str, **values: Any) -> Any:
        """A new object."""
        return self.ask("POST", path, {wrapper: values})[wrapper]

    def active(self, identifier: str) -> float:
        """Wait until a load balancer is ACTIVE; when that was seen."""
        end = time.monotonic() + PATIENCE
        path = f"{BALANCERS}/loadbalancers/{identifier}?fields=provisioning_status"
        while (status := self.ask("GET", path)["loadbalancer"]["provisioning_status"]) != "ACTIVE":
            if status == "ERROR" or time.monotonic() > end:
                raise RuntimeError(f"load balancer {identifier} is {status}")
            time.sleep(LOOK_EVERY)
        return time.monotonic()

    def gone(self, identifier: str) -> None:
        """Delete a load balancer with all it has and wait until it is gone."""
        self.ask("DELETE", f"{BALANCERS}/loadbalancers/{identifier}?cascade=true")
        end = time.monotonic() + PATIENCE
        while self.ask("GET", f"{BALANCERS}/loadbalancers?id={identifier}&fields=id")["loadbalancers"]:
            if time.monotonic() > end:
                raise RuntimeError(f"load balancer {identifier} is not gone")
            time.sleep(LOOK_EVERY)


class Scene:
    """A running vipool with a tenant's network, two members that serve, and a client."""

    def __init__(self, chosen: settings.Settings) -> None:
        self.stage = stage.Stage(chosen=chosen)
        self._far: list[Far] = []
        self.ports: dict[str, str] = {}

    def open(self) -> None:
        """Start vipool, make the network, plug in who is on it."""
        chosen = self.stage.chosen
        self.stage.raise_curtain()
        holder = sandbox.find(chosen.sandbox_file)
        assert holder is not None
        self.holder = holder
        self.api = Api(self.stage.url, chosen.admin_password_file.read_text().strip())
        self.network_id = self.api.make("/network/v2.0/networks", "network", name="bench")["id"]
        subnet = {"network_id": self.network_id, "ip_version": 4, "cidr": CIDR}
        self.subnet_id = self.api.make("/network/v2.0/subnets", "subnet", **subnet)["id"]
        self.base = self.far(None)
        for name, address in {"client": CLIENT, **WEBS}.items():
            self._join(name, address)
        self.client = self.far("client")
        # Look for an address that is not there yet every 5 ms, not every second: the wait for ARP is not measured.
        self.client.call("shell", "echo 5 > /proc/sys/net/ipv4/neigh/eth0/retrans_time_ms")

    def host(self, name: str, address: str, network_id: str = "") -> str:
        """A namespace with an address on a network, the tenant's unless another is named; the id of its port."""
        values = {"network_id": network_id or self.network_id, "fixed_ips": [{"ip_address": address}]}
        port: str = self.api.make("/network/v2.0/ports", "port", **values)["id"]
        self.stage.add_host(name)
        self.stage.plug(port, name)
        return port

    def _join(self, name: str, address: str) -> None:
        self.ports[name] = self.host(name, address)
        if name in WEBS:
            text = self.stage.chosen.state_dir.parent / f"{name}.cfg"
            text.write_text(WEB.format(name=name, address=address))
            self.base.call("shell", f"ip netns exec {name} haproxy -D -f {text} >/dev/null 2>&1")

    def far(self, netns: str | None) -> Far:
        """A new far end in a namespace, ended with the scene."""
        self._far.append(Far(self.holder, netns))
        return self._far[-1]

    def tree(self, **values: Any) -> dict[str, Any]:
        """The body of a load balancer with a listener, a pool and two members, in one call."""
        members = [{"name": name, "address": address, "protocol_port": 80} for name, address in WEBS.items()]
        pool = {"name": "webs", "protocol": "HTTP", "lb_algorithm": "ROUND_ROBIN", "members": members}
        listener = {"name": "http", "protocol": "HTTP", "protocol_port": 80, "default_pool": pool}
        return {"vip_subnet_id": self.subnet_id, "listeners": [listener], **values}

    def balance(self, **values: Any) -> Any:
        """A load balancer that is ACTIVE."""
        made = self.api.make(f"{BALANCERS}/loadbalancers", "loadbalancer", **self.tree(**values))
        self.api.active(made["id"])
        return made

    def within(self, netns: str) -> list[int]:
        """The processes in a namespace, as the host counts."""
        inode = int(self.base.call("shell", f"stat -L -c %i /run/netns/{netns}"))
        found = []
        for directory in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                if (directory / "ns/net").stat().st_ino == inode:
                    found.append(int(directory.name))
        return found

    def pids(self) -> list[int]:
        """The processes of the control plane: `vipool up`, the server, the agent."""
        last = record.read(self.stage.chosen.up_file)
        assert last is not None
        found = [last.up.pid, *(pid for name in last.children if (pid := last.living(name)))]
        # In a sandbox the agent proper is below an nsenter.
        below = [int(each) for pid in found for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
        return sorted({*found, *below})

    def close(self) -> None:
        """End everything."""
        for far in self._far:
            far.close()
        words = (sys.executable, "-m", "vipool", "down", "--purge", "--state-dir", str(self.stage.chosen.state_dir))
        subprocess.run(words, check=True, capture_output=True, cwd=ROOT)


@contextmanager
def opened() -> Iterator[Scene]:
    """A scene, and its end."""
    home = Path(tempfile.mkdtemp(prefix="vb-"))
    chosen = settings.read(
        settings.Given(state_dir=home / "s", listen="127.0.0.1:0", sandbox=True), os.environ, os.geteuid()
    )
    scene = Scene(chosen)
    try:
        scene.open()
        yield scene
    finally:
        scene.close()
        shutil.rmtree(home)


@contextmanager
def sandboxed() -> Iterator[sandbox.Holder]:
    """A sandbox with nothing in it, and its end."""
    home = Path(tempfile.mkdtemp(prefix="vb-"))
    try:
        yield sandbox.hold(home / "sandbox.json")
    finally:
        sandbox.end(home / "sandbox.json")
        shutil.rmtree(home)
