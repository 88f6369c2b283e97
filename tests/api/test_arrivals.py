"""A look at what is on its way waits a moment: nothing is missed, nobody waits for long, nobody is held up."""

import asyncio
import contextlib

import httpx
import pytest

from tests.api import balancing
from vipool.api import arrivals, face
from vipool.api.octavia import routes

LONG = 60.0
SHORT = 0.01


def run(scene):
    """Play a scene, for at most as long as a test may take."""

    async def bounded():
        async with asyncio.timeout(30):
            return await scene

    return asyncio.run(bounded())


async def until(condition):
    """Wait until something is so."""
    while not condition():
        await asyncio.sleep(0.001)  # what another task does has no event


def test_what_arrives_wakes_those_who_wait_for_it_and_nobody_else():
    async def scene():
        arriving = arrivals.Arrivals(LONG)
        one, two, other = (asyncio.create_task(arriving.wait(name, 0, LONG)) for name in ("a", "a", "b"))
        await until(lambda: arriving.awaited == {"a", "b"})
        arriving.tell(["a"])
        assert (await one, await two, other.done()) == (True, True, False)
        assert arriving.awaited == {"b"}
        other.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await other
        assert arriving.awaited == frozenset()

    run(scene())


def test_what_arrived_between_the_look_and_the_wait_is_not_missed():
    async def scene():
        arriving = arrivals.Arrivals(LONG)
        since = arriving.latest
        arriving.tell(["a", "b"])
        assert await arriving.wait("a", since, SHORT)
        assert not await arriving.wait("a", arriving.latest, SHORT)
        assert not await arriving.wait("c", since, SHORT)

    run(scene())


def test_old_arrivals_are_forgotten():
    async def scene():
        arriving = arrivals.Arrivals(LONG)
        arriving.tell(["first"])
        arriving.tell(str(number) for number in range(arrivals.REMEMBERED))
        assert not await arriving.wait("first", 0, SHORT)
        assert await arriving.wait("0", 0, SHORT)

    run(scene())


@pytest.fixture
def arriving():
    return arrivals.Arrivals(LONG)


@pytest.fixture
def client(cloud, arriving):
    """A client of a service whose looks wait."""
    made = routes.face(cloud.writer, cloud.rules, authenticate=balancing.authenticate, arriving=arriving)
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(face.Service(made)),
        base_url="http://cloud.example" + balancing.PREFIX,
        headers={"X-Auth-Token": "member"},
        timeout=None,
    )


def looked(cloud, arriving, client, path, root):
    """What a look says that began before the load balancer was realised, and ended after that."""

    async def scene():
        async with client:
            look = asyncio.create_task(client.get(path))
            await until(lambda: arriving.awaited == {root})
            arriving.tell(["another"])
            # Something came of it, and it is not all.
            arriving.tell([root])
            await until(lambda: arriving.awaited == {root})
            assert not look.done()
            await asyncio.to_thread(cloud.settle)
            arriving.tell([root])
            return await look

    return run(scene())


def test_a_look_at_a_new_load_balancer_shows_it_active(cloud, arriving, client):
    root = cloud.balancer()["id"]
    reply = looked(cloud, arriving, client, f"/loadbalancers/{root}", root)
    assert reply.json()["loadbalancer"]["provisioning_status"] == "ACTIVE"


def test_a_look_at_any_part_of_a_tree_waits_for_the_tree(cloud, arriving, client):
    root = cloud.balancer()["id"]
    back = cloud.pool(root)["id"]
    made = cloud.member(back)["id"]
    path = f"/pools/{back}/members/{made}?fields=provisioning_status"
    assert looked(cloud, arriving, client, path, root).json() == {"member": {"provisioning_status": "ACTIVE"}}


def test_a_look_at_what_is_going_says_that_it_is_gone(cloud, arriving, client):
    root = cloud.balancer()["id"]
    cloud.settle()
    assert cloud.call("DELETE", f"/loadbalancers/{root}").status_code == 204
    assert looked(cloud, arriving, client, f"/loadbalancers/{root}", root).status_code == 404


def test_nobody_waits_for_more_than_a_moment(cloud, arriving, client):
    arriving.seconds = SHORT
    root = cloud.balancer()["id"]

    async def scene():
        async with client:
            return await client.get(f"/loadbalancers/{root}")

    assert run(scene()).json()["loadbalancer"]["provisioning_status"] == "PENDING_CREATE"


def test_writes_and_lists_and_what_is_settled_are_answered_at_once(cloud, arriving, client):
    root = cloud.balancer()["id"]

    async def scene():
        async with client:
            changed = await client.put(f"/loadbalancers/{root}", json={"loadbalancer": {"name": "new"}})
            assert changed.json()["loadbalancer"]["provisioning_status"].startswith("PENDING")
            listed = (await client.get("/loadbalancers")).json()["loadbalancers"]
            assert listed[0]["provisioning_status"].startswith("PENDING")
            await asyncio.to_thread(cloud.settle)
            return await client.get(f"/loadbalancers/{root}")

    assert run(scene()).json()["loadbalancer"]["provisioning_status"] == "ACTIVE"
    assert arriving.awaited == frozenset()
