"""Reading through the API when the project has 1, 138 and 1,000 load balancers: one, a page of 20, all of them."""

import re
import time

from benchmarks import harness, scene

SIZES = (1, 138, 1000)
LIMITS = {
    "one of 1": 2.0,
    "one of 138": 2.0,
    "one of 1000": 2.0,
    "all 138": 9.7,
    "all 1000": 54.6,
    "limit=20 of 1000": 5.0,
}
"""Medians in milliseconds: a tenth of what Octavia 19 with Keystone 30 took on such a machine."""
READS, LONGEST = 200, 6.0
"""How many reads of each kind, or how many seconds of them."""


def measure(report: harness.Report) -> None:
    """Fill, read, fill, read."""
    rows = {}
    with scene.opened() as play:
        made: list[str] = []
        for size in SIZES:
            began, before = time.monotonic(), len(made)
            while len(made) < size:
                values = {"name": f"bench-{len(made)}", "vip_subnet_id": play.subnet_id}
                made.append(play.api.make(f"{scene.BALANCERS}/loadbalancers", "loadbalancer", **values)["id"])
            for each in made[before:]:
                play.api.active(each)
            took = time.monotonic() - began
            report.say(f"{size - before} load balancers made and ACTIVE in {took:.1f} s")
            path = f"{scene.BALANCERS}/loadbalancers"
            rows[f"one of {size}"] = _read(play, f"{path}/{made[0]}")
            if size > 20:
                rows[f"limit=20 of {size}"] = _read(play, f"{path}?limit=20")
            rows[f"all {size}"] = _read(play, path)
    report.table("milliseconds of a GET", rows)
    for name, limit in LIMITS.items():
        report.bar(re.sub(r"\W+", "_", name), harness.median(rows[name]), "<=", limit)


def _read(play: scene.Scene, path: str) -> list[float]:
    taken: list[float] = []
    play.api.raw("GET", path)
    end = time.monotonic() + LONGEST
    while len(taken) < READS and time.monotonic() < end:
        began = time.monotonic()
        play.api.raw("GET", path)
        taken.append((time.monotonic() - began) * 1000)
    return taken
