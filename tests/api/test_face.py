"""What holds for every service: requests that keep the processor busy keep nobody else waiting."""

import threading

import anyio
import httpx
import pytest

from vipool.api import exchange, face
from vipool.api.network import dialect
from vipool.model import caller


def light(call):
    return exchange.Answer(body={"light": True})


class Gate:
    """A heavy handler that waits until it is opened."""

    def __init__(self):
        self.open, self.inside, self.most = threading.Event(), 0, 0
        self._lock = threading.Lock()

    def __call__(self, call):
        with self._lock:
            self.inside += 1
            self.most = max(self.most, self.inside)
        assert self.open.wait(30)
        with self._lock:
            self.inside -= 1
        return exchange.Answer(body={"heavy": True})


def service(*routes):
    made = face.Face(
        mount="",
        routes=routes,
        dialect=dialect.NetworkDialect(),
        authenticate=lambda token: caller.NOBODY,
        allow=lambda policy, who: None,
        new_request_id=lambda: "req-1",
    )
    return face.Service(made)


@pytest.mark.parametrize("count", [face.HEAVY, 200])
def test_heavy_requests_wait_for_each_other_and_nobody_else_for_them(count):
    gate = Gate()
    served = service(
        exchange.Route(method="POST", path="/heavy", policy="", handler=gate, token=False, heavy=True),
        exchange.Route(method="GET", path="/light", policy="", handler=light, token=False),
    )

    async def flood():
        async with httpx.AsyncClient(transport=httpx.ASGITransport(served), base_url="http://x") as client:
            done = []

            async def knock():
                done.append((await client.post("/heavy")).status_code)

            async with anyio.create_task_group() as group:
                for _ in range(count):
                    group.start_soon(knock)
                while gate.inside < face.HEAVY:
                    await anyio.sleep(0.001)  # threads begin when the system lets them
                with anyio.fail_after(10):
                    for _ in range(50):
                        assert (await client.get("/light")).json() == {"light": True}
                gate.open.set()
            return done

    try:
        assert anyio.run(flood) == [200] * count
    finally:
        gate.open.set()
    assert gate.most == face.HEAVY
