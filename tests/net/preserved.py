"""The classic picture, carried by the kernel alone; members see the client, and routers bring their answers back."""

from __future__ import annotations

import dataclasses

from tests.net import balanced, talkers
from tests.net.balanced import VIP, VIP6, WEB1, WEB1_6
from tests.providers import trees
from vipool.core import returning
from vipool.model import spec

LISTENER = trees.identifier(2, 1)


class Picture(balanced.Balanced):
    """The picture, running; the router is told what the tree asks of it."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.one = talkers.Talker("web1", WEB1, "web1").start()
        self.six = talkers.Talker("web1", WEB1_6, "six").start()
        self.revision = 1

    def bring_back(self, wanted):
        """As the control plane does: the router passes on to the VIP of its family what members answer."""
        vips = {4: VIP, 6: VIP6}
        ends = [
            spec.Return(**dataclasses.asdict(each), via=vips[6 if ":" in each.address else 4])
            for each in returning.of(wanted)
        ]
        self.revision += 1
        self.router = dataclasses.replace(self.router, revision=self.revision, returns=tuple(ends))
        return self.site.make(self.router)

    def close(self):
        self.one.stop()
        self.six.stop()
        super().close()


def web(*members, protocol="TCP", **back):
    front = {"id": LISTENER, "protocol": protocol, "protocol_port": 80}
    return balanced.picture([front], protocol, members, **{"preserve_client_ip": True, **back})
