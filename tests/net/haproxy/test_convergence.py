"""From whatever state a load balancer's HAProxy is in, one pass leads to what is wanted, and the next does nothing.

`VIPOOL_FUZZ=N` makes N random steps in place of a few; the seed is in the name of the test.
"""

import dataclasses
import os
import random
import signal
from pathlib import Path

import pytest

from tests.net.haproxy.balancer import FIRST, LISTENER, POOL, SECOND, THIRD, Balancer, both, picture
from tests.net.members import eventually
from tests.providers import configuration, trees
from vipool.model import member, pool, tree
from vipool.providers.haproxy import generations, runtime, stats

pytestmark = configuration.needs_haproxy

STEPS = int(os.environ.get("VIPOOL_FUZZ", "30"))
KEPT = (None, {"type": "SOURCE_IP"}, {"type": "HTTP_COOKIE"}, {"type": "APP_COOKIE", "cookie_name": "session"})
PLACE = f"{POOL}:{LISTENER}"


def ends_tls(chance: random.Random) -> dict[str, object]:
    """What makes a listener end TLS, now and then, with one certificate or another."""
    if chance.random() < 0.6:
        return {}
    certificate = chance.choice(trees.CERTIFICATES)
    return {"protocol": "TERMINATED_HTTPS", "default_tls_container_ref": certificate}


def another(wanted: tree.Tree, chance: random.Random) -> tree.Tree:
    """The tree after a few changes of any kind."""
    whole = picture(
        *[{"address": each} for each in (FIRST, SECOND, THIRD) if chance.random() < 0.7],
        front={
            "connection_limit": chance.choice((-1, 50)),
            "admin_state_up": chance.random() < 0.9,
            **ends_tls(chance),
        },
        back={"lb_algorithm": chance.choice(list(pool.Algorithm)), "session_persistence": chance.choice(KEPT)}
        if chance.random() < 0.3
        else {},
        monitor={"type": chance.choice(("TCP", "PING"))} if chance.random() < 0.5 else None,
    )
    rows = [
        dataclasses.replace(
            each,
            id=trees.identifier(4, int(each.address.rsplit(".", 1)[1])),
            weight=chance.choice((0, 1, 5)),
            admin_state_up=chance.random() < 0.8,
        )
        for each in whole.members
    ]
    if chance.random() < 0.5:
        whole = wanted
    front = whole.listeners[0]
    if front.default_tls_container_ref:
        whole = whole.replacing(dataclasses.replace(front, default_tls_container_ref=chance.choice(trees.CERTIFICATES)))
    return dataclasses.replace(whole, members=tuple(rows))


def hurt(balancer: Balancer, chance: random.Random) -> None:
    """Do what crashes, people and full disks do."""
    directory = Path(balancer.place.directory)
    server = f"{PLACE}/{trees.identifier(4, 9)}"
    match chance.choice(
        ("nothing", "kill", "cut", "pid", "socket", "text", "weight", "ghost", "state", "maint", "keys")
    ):
        case "keys":
            for each in (directory / "tls").rglob("*.pem"):
                each.write_text("rubbish") if chance.random() < 0.5 else each.unlink()
        case "kill" if process := generations.serving(directory):
            os.kill(process.pid, signal.SIGKILL)
            eventually(lambda: generations.serving(directory) is None)
        case "cut":
            (directory / "haproxy.cfg.next").write_text("half of")
        case "pid" | "socket" | "text" | "state" as what:
            name = {"pid": "haproxy.pid", "socket": "stats.sock", "text": "haproxy.cfg", "state": "server-state"}[what]
            (directory / name).unlink(missing_ok=True)
        case "weight" | "ghost" | "maint" as what if (
            generations.serving(directory) and (directory / "stats.sock").exists()
        ):
            command = {"weight": f"set server {server} weight 9", "maint": f"set server {server} state maint"}
            runtime.ask(directory, command.get(what, f"add server {PLACE}/ghost {FIRST}:80 weight 1"))
        case _:
            pass


@pytest.mark.parametrize("seed", range(2))
def test_one_pass_leads_to_what_is_wanted_from_any_state(balancer, seed):
    chance = random.Random(seed)
    both(balancer)
    balancer.member(THIRD)
    balancer.materials.update(trees.materials())
    wanted = picture({"address": FIRST})
    for _ in range(STEPS):
        wanted = another(wanted, chance)
        hurt(balancer, chance)
        balancer.converge(wanted)
        assert running(balancer) == {each.id: (each.weight, not each.admin_state_up) for each in served(wanted)}
        balancer.settles(1 if enabled(wanted) else 0)


def enabled(wanted: tree.Tree) -> bool:
    return any(each.admin_state_up for each in wanted.listeners)


def served(wanted: tree.Tree) -> tuple[member.Member, ...]:
    return wanted.members if enabled(wanted) else ()


def running(balancer: Balancer) -> dict[str, tuple[int, bool]]:
    """The members as the process has them: weight, and whether in maintenance."""
    directory = Path(balancer.place.directory)
    if generations.serving(directory) is None:
        return {}
    found = stats.states(runtime.ask(directory, "show servers state"))
    return {name: (server.weight, server.maintenance) for (_, name), server in found.items()}
