"""A vipool whose state directory is on a file system of a few megabytes, which fills up.

Run as `python -m tests.e2e.full_disk DIRECTORY` in a mount namespace of its own; ends with 0 when all is as it should.
"""

import contextlib
import dataclasses
import subprocess
import sys
from pathlib import Path

import httpx

from tests import live as lives
from tests.e2e import conftest

SIZE = "8m"


def fill(directory):
    """Leave no byte."""
    with contextlib.suppress(OSError), (directory / "ballast").open("wb", buffering=0) as ballast:
        while True:
            ballast.write(bytes(4096))


def main(directory):
    """Fill the disk under a running picture; look; make room; look again."""
    disk = Path(directory) / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE},mode=0700", "tmpfs", disk], check=True)
    live = lives.Live(state_dir=disk / "s")
    try:
        city = conftest.City(live.up()).build()
        before = city.admin.ask("GET", "/load-balancer/v2.0/lbaas/loadbalancers")
        ports = city.admin.ask("GET", "/network/v2.0/ports")
        fill(disk)
        refused(city)
        assert city.answers()["failures"] == [], "traffic goes on"
        assert city.admin.ask("GET", "/load-balancer/v2.0/lbaas/loadbalancers") == before
        assert city.admin.ask("GET", "/network/v2.0/ports") == ports
        (disk / "ballast").unlink()
        path, wrapper, values = new(city)
        made = city.tenant.make(path, wrapper, **values)
        city.balancer = dataclasses.replace(city.balancer, id=made["id"])
        city.settled()
        city.close()
    finally:
        live.end()


def new(city):
    """Another load balancer."""
    values = {"name": "n" * 200, "description": "d" * 200, "vip_subnet_id": city.site.subnet_id}
    listener = {"protocol": "HTTP", "protocol_port": 81}
    return "/load-balancer/v2.0/lbaas/loadbalancers", "loadbalancer", {**values, "listeners": [listener]}


def refused(city):
    """Writes until one is refused, as some bytes may be left in the files; then every one is."""
    path, wrapper, values = new(city)
    headers = dict(city.tenant._http.headers)
    for _ in range(200):
        answer = httpx.post(city.live.url + path, json={wrapper: values}, headers=headers)
        if answer.is_error:
            break
    assert answer.status_code == 507, f"{answer.status_code} {answer.text}\n{city.log('server')[-3000:]}"
    assert "The disk that keeps the database is full" in answer.text
    assert "Traceback" not in city.log("server")


if __name__ == "__main__":
    main(sys.argv[1])
