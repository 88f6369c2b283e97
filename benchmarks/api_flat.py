"""What a read costs in a store of many load balancers, to what it costs in one of few: GET of one, and a page of 20.

Two servers, one with few and one with many, are asked in turns, so that whatever else the machine does troubles both.
Nothing carries the load balancers (`benchmarks.weightless`): only reading is measured.
"""

import contextlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks import harness, scene, weightless

MANY, PAGE = 10_000, 20
ROUNDS, READS = 40, 10
PATIENCE = 60.0
LIMIT = 1.10
CIDR = "10.8.0.0/16"


def measure(report: harness.Report) -> None:
    """Fill one store with one and one with many, then read of both."""
    with server() as few, server() as many:
        fill(few, 1)
        page = f"{scene.BALANCERS}/loadbalancers?limit={PAGE}"
        one = f"{scene.BALANCERS}/loadbalancers/{fill(many, PAGE)}"
        alone = f"{scene.BALANCERS}/loadbalancers/{first(few)}"
        began = time.monotonic()
        fill(many, MANY - PAGE)
        report.say(f"{MANY:,} load balancers made in {time.monotonic() - began:.0f} s")
        rows: dict[str, list[float]] = {}
        with server() as some:
            fill(some, PAGE + 1)  # so that its first page too has a link to a next one
            for _ in range(ROUNDS):
                for name, api, path in (
                    ("one of 1", few, alone),
                    (f"one of {MANY:,}", many, one),
                    (f"page of {PAGE + 1}", some, page),
                    (f"page of {MANY:,}", many, page),
                ):
                    rows.setdefault(name, []).extend(read(api, path) for _ in range(READS))
    report.table("milliseconds of a GET", rows)
    for what, small in (("one", "1"), ("page", str(PAGE + 1))):
        ratio = harness.median(rows[f"{what} of {MANY:,}"]) / harness.median(rows[f"{what} of {small}"])
        report.bar(f"{what}_of_many_to_few", ratio, "<=", LIMIT)


@contextlib.contextmanager
def server() -> Iterator[scene.Api]:
    """A server with an empty store."""
    state = Path(tempfile.mkdtemp(prefix="vipool-bench-"))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = (sys.executable, "-m", "benchmarks.weightless", str(state / "state"), str(port))
    process = subprocess.Popen(words, cwd=scene.ROOT, stderr=subprocess.DEVNULL)
    try:
        yield reached(f"http://127.0.0.1:{port}")
    finally:
        process.terminate()
        process.wait()
        shutil.rmtree(state)


def reached(url: str) -> scene.Api:
    """The API, as soon as it answers."""
    end = time.monotonic() + PATIENCE
    while True:
        try:
            return scene.Api(url, weightless.PASSWORD)
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(scene.LOOK_EVERY)


def fill(api: scene.Api, count: int) -> str:
    """Make load balancers; returns the id of the last when all are ACTIVE."""
    subnets = api.ask("GET", "/network/v2.0/subnets")["subnets"]
    if not subnets:
        network = api.make("/network/v2.0/networks", "network", name="bench")["id"]
        subnets = [api.make("/network/v2.0/subnets", "subnet", network_id=network, ip_version=4, cidr=CIDR)]
    for _ in range(count):
        made = api.make(f"{scene.BALANCERS}/loadbalancers", "loadbalancer", vip_subnet_id=subnets[0]["id"])["id"]
    api.active(made)
    return str(made)


def first(api: scene.Api) -> str:
    """The id of a load balancer."""
    return str(api.ask("GET", f"{scene.BALANCERS}/loadbalancers?limit=1")["loadbalancers"][0]["id"])


def read(api: scene.Api, path: str) -> float:
    """The milliseconds of one GET."""
    began = time.perf_counter()
    api.raw("GET", path)
    return (time.perf_counter() - began) * 1000
