"""`vipool demo`: the story, told while it happens.

Promises: needs no root, touches nothing of the host but its own state directory and a port of the loopback, and leaves
everything running to look at; `vipool demo --down` takes all of it away.
"""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from vipool import settings
from vipool.cli import options
from vipool.cli.demo import cloud, picture, stage
from vipool.host import errors, listening, processes


def register(app: typer.Typer) -> None:
    """Add the command `demo`."""
    app.command("demo")(demo)


def demo(
    state_dir: options.StateDir = None,
    listen: options.Listen = None,
    down: Annotated[bool, typer.Option("--down", help="Remove everything that the demo left running.")] = False,
) -> None:
    """Build the classic picture in a sandbox, and show a request on its way through it.

    Its state is kept in vipool-demo beside the usual state directory, unless --state-dir names another one.
    """
    chosen = _choose(state_dir, listen)
    if down:
        _down(chosen)
        return
    if chosen.ready_file.exists() or chosen.sandbox_file.exists():
        _down(chosen)
    try:
        _tell(stage.Stage(chosen=chosen))
    except cloud.Refused as refusal:
        raise errors.Failed("the demo", reason=str(refusal)) from refusal


def _choose(state_dir: Path | None, listen: str | None) -> settings.Settings:
    usual = options.read(state_dir, listen, True)
    if state_dir is None:
        state_dir = usual.state_dir.parent / "vipool-demo"
    if listen is None and not _free(usual.listen):
        listen = f"{usual.listen.host}:0"
    return options.read(state_dir, listen, True)


def _free(address: settings.Address) -> bool:
    try:
        listening.bind(address.host, address.port).close()
    except errors.HostError:
        return False
    return True


def _down(chosen: settings.Settings) -> None:
    words = (sys.executable, "-m", "vipool", "down", "--purge", "--state-dir", str(chosen.state_dir))
    done = processes.run(words, seconds=60.0)
    print(done.output or done.complaint, end="")
    (chosen.state_dir.parent / f"{chosen.state_dir.name}.log").unlink(missing_ok=True)


@contextmanager
def _step(sentence: str) -> Iterator[None]:
    """Say what is done, and how long it took."""
    print(f"  {sentence} ", end="", flush=True)
    began = time.monotonic()
    yield
    print(f"({(time.monotonic() - began) * 1000:.0f} ms)", flush=True)


def _tell(scene: stage.Stage) -> None:
    print("Building the picture, through the public API only:")
    with _step("vipool starts in a sandbox that no packet can leave"):
        scene.raise_curtain()
    url = scene.url
    password = scene.chosen.admin_password_file.read_text(encoding="utf-8").strip()
    admin = cloud.Cloud(url, user="admin", password=password, project="admin")
    with _step(f"the administrator makes the tenant demo and the network outside, {picture.OUTSIDE}"):
        ground = picture.prepare(admin)
    tenant = cloud.Cloud(url, user="demo", password=picture.PASSWORD, project="demo")
    with _step(f"demo makes the network inside, {picture.INSIDE}, a router and two ports"):
        site = picture.settle(tenant, ground)
    with _step(f"a client {picture.CLIENT} outside, web servers inside at {' and '.join(picture.WEBS.values())}"):
        _people(scene, ground, site)
    with _step(f"demo makes a load balancer at {picture.VIP} with listener, pool, members and monitor in one call"):
        balancer = picture.balance(tenant, site)
        _active(tenant, balancer)
    with _step("demo puts a floating IP in front of it"):
        address = picture.publish(tenant, ground, balancer)
    with _step(f"the client's first answer from {address}"):
        _first_answer(scene, address)
    _requests(scene, address)
    print(f"\nOne request of the client, as its packets really went (vipool trace {address} --from client):\n")
    print(scene.trace(address))
    _failure(scene, tenant, balancer, address)
    print(_farewell(scene, balancer))


def _people(scene: stage.Stage, ground: picture.Ground, site: picture.Site) -> None:
    for name, port_id in {"client": ground.client_port, **site.ports}.items():
        scene.add_host(name)
        scene.plug(port_id, name)
    for name, address in picture.WEBS.items():
        scene.start_web(name, address)


def _active(tenant: cloud.Cloud, balancer: picture.Balancer) -> None:
    path = f"/load-balancer/v2.0/lbaas/loadbalancers/{balancer.id}"
    done = tenant.wait(
        path, "loadbalancer", lambda found: found["provisioning_status"] != "PENDING_CREATE", "making it"
    )
    found = tenant.ask("GET", path)["loadbalancer"]
    if found["provisioning_status"] != "ACTIVE":
        raise cloud.Refused(f"the load balancer is {found['provisioning_status']} after {done:.1f} s")


def _first_answer(scene: stage.Stage, address: str) -> None:
    began = time.monotonic()
    while not scene.ask(address, 1)["answers"]:
        if time.monotonic() - began > cloud.PATIENCE:
            raise cloud.Refused(f"{address} does not answer")


def _spread(found: dict[str, Any]) -> str:
    told = ", ".join(f"{name} answered {count}" for name, count in sorted(found["answers"].items()))
    failures = found["failures"]
    return f"{told}; {'none failed' if not failures else f'{len(failures)} FAILED ({failures[0]})'}"


def _requests(scene: stage.Stage, address: str) -> None:
    found = scene.ask(address, 20)
    print(f"\nThe client asks {address} 20 times: {_spread(found)}.")


def _failure(scene: stage.Stage, tenant: cloud.Cloud, balancer: picture.Balancer, address: str) -> None:
    member = f"/load-balancer/v2.0/lbaas/pools/{balancer.pool_id}/members/{balancer.members['web1']}"
    print("WEB1 is killed:")
    scene.stop_web("web1")
    took = tenant.wait(
        member, "member", lambda found: found["operating_status"] == "ERROR", "noticing that WEB1 is dead"
    )
    print(f"  the monitor took it out after {took * 1000:.0f} ms; 20 requests: {_spread(scene.ask(address, 20))}.")
    print("WEB1 is started again:")
    scene.start_web("web1", picture.WEBS["web1"])
    took = tenant.wait(
        member, "member", lambda found: found["operating_status"] == "ONLINE", "noticing that WEB1 is back"
    )
    print(f"  the monitor put it back after {took * 1000:.0f} ms; 20 requests: {_spread(scene.ask(address, 20))}.")


def _farewell(scene: stage.Stage, balancer: picture.Balancer) -> str:
    directory = scene.chosen.state_dir
    programs = Path(sys.executable).parent
    command, openstack = (
        str(programs / name) if (programs / name).exists() else name for name in ("vipool", "openstack")
    )
    return f"""
It stays up for you to explore. Try:
  export OS_CLIENT_CONFIG_FILE={directory}/clouds.yaml
  {openstack} --os-cloud vipool loadbalancer list
  {openstack} --os-cloud vipool loadbalancer status show {balancer.id}
  {openstack} --os-cloud vipool loadbalancer member set --weight 10 {balancer.pool_id} {balancer.members["web2"]}
  {command} exec --state-dir {directory} --netns client -- curl -s http://{picture.FLOATING}/
  {command} trace --state-dir {directory} {picture.FLOATING} --from client
  {command} exec --state-dir {directory} --netns qlbaas-{balancer.id} -- ip addr
Remove all of it with:
  {command} demo --down --state-dir {directory}"""
