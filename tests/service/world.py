"""A load-balancer service in memory's reach: a temporary store, the embedded network, a provider that can do anything.

Promises a clock that moves only when told, identifiers in a known order, and one network with one subnet. `settle` is
a node that does everything at once; a node with faults is the stateful test's own. It opens no socket.
"""

import dataclasses
import datetime
import functools
import itertools
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from tests.service import kept
from vipool.cloud.network import embedded
from vipool.core import policy
from vipool.core.policy import actions
from vipool.model import caller, deployment, network, spec, subnet
from vipool.providers import base, fake
from vipool.service import act, certificates, desired, settle, write
from vipool.store import rows, session

START = datetime.datetime(2026, 11, 23, 12, 0, 0, 250)
NETWORK = "00000000-0000-4000-8000-0000000000aa"
SUBNET = "00000000-0000-4000-8000-0000000000bb"
SMALL = "00000000-0000-4000-8000-0000000000cc"
PROJECT = "11111111111111111111111111111111"
OTHER = "22222222222222222222222222222222"


def person(project: str | None, *roles: str) -> caller.Caller:
    return caller.Caller(user_id=f"user-of-{project}", project_id=project, roles=frozenset(roles))


MEMBER = person(PROJECT, "member", "reader")
RULES = policy.make()


def about(noun: str, verb: str, *also: str, who: caller.Caller = MEMBER) -> act.Act:
    """What a member of the project, or somebody else, is about to do."""
    return act.Act(
        who=who,
        action=actions.named(noun, verb),
        rules=RULES,
        also=tuple(actions.named(noun, each) for each in also),
    )


POST = about("loadbalancer", "post")
PUT = about("loadbalancer", "put")
DELETE = about("loadbalancer", "delete")


def identifiers() -> Callable[[], str]:
    numbers: Iterator[int] = itertools.count(1)
    return lambda: f"00000000-0000-4000-9000-{next(numbers):012x}"


@functools.cache
def empty_store() -> bytes:
    """A database with its tables, as the bytes of its file: made once, because that takes longer than most tests."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "empty.db"
        database = session.Database(session.sqlite_url(path), clock=lambda: START)
        database.create()
        with database.engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        database.close()
        return path.read_bytes()


class World:
    """The service, and what it stands on."""

    def __init__(
        self,
        directory: Path,
        providers: Mapping[str, base.Capabilities] | None = None,
        allowed: deployment.Deployment = deployment.USUAL,
    ) -> None:
        self.now = START
        self.told: list[int] = []
        self.new_id = identifiers()
        self.capabilities = fake.Capabilities()
        path = directory / "state.db"
        path.write_bytes(empty_store())
        url = session.sqlite_url(path)
        self.database = session.Database(url, clock=lambda: self.now, on_commit=self.told.append)
        self.networks = embedded.Network(new_id=self.new_id)
        self.secrets = kept.secrets()
        self.writer = write.Writer(
            database=self.database,
            networks=self.networks,
            certificates=certificates.Certificates(database=self.database, secrets=self.secrets),
            providers=providers or {"amphora": self.capabilities, "haproxy": self.capabilities},
            new_id=self.new_id,
            allowed=allowed,
        )
        self.add_subnet(NETWORK, SUBNET, "172.16.100.0/24")

    def add_subnet(self, network_id: str, subnet_id: str, cidr: str, *, first: int = 10, last: int = 250) -> None:
        """A subnet of a network, which is made when it is not there."""
        prefix = cidr.rsplit(".", 1)[0]
        with self.database.write() as held:
            if rows.get(held, network.Network, network_id) is None:
                rows.add(held, network.Network(id=network_id, project_id=PROJECT, created_at=self.now))
            rows.add(
                held,
                subnet.Subnet(
                    id=subnet_id,
                    network_id=network_id,
                    project_id=PROJECT,
                    created_at=self.now,
                    ip_version=4,
                    cidr=cidr,
                    gateway_ip=f"{prefix}.1",
                    allocation_pools=({"start": f"{prefix}.{first}", "end": f"{prefix}.{last}"},),
                ),
            )

    def pass_time(self, seconds: float) -> None:
        """Let the clock of the store move."""
        self.now += datetime.timedelta(seconds=seconds)

    def balancers(self, *, known: int = 0) -> tuple[spec.LoadBalancer, ...]:
        """What a node is asked of load balancers."""
        with self.database.read() as held:
            found = desired.desired(held, self.networks, self.secrets, known=known)
        return tuple(item for item in found.items if isinstance(item, spec.LoadBalancer))

    def report(self, *reports: spec.Report) -> None:
        """What a node says."""
        settle.take(self.database, self.networks, reports)

    def settle(self, *, fault: str | None = None, done: str = "") -> None:
        """A node does, or fails to do, all that is asked."""
        self.report(*(dataclasses.replace(realised(item, fault=fault), done=done) for item in self.balancers()))

    def count(self, cls: type[Any], **equals: object) -> int:
        """How many rows of a kind there are."""
        with self.database.read() as held:
            return rows.count(held, cls, **equals)


def realised(item: spec.LoadBalancer, *, fault: str | None = None) -> spec.Report:
    """The report of a node that did what was asked, or could not."""
    return spec.Report(
        kind="loadbalancer",
        id=item.id,
        revision=item.revision,
        generation=item.generation,
        fault=fault,
        gone=item.absent and fault is None,
        observation=None if fault else serving(item),
    )


def serving(item: spec.LoadBalancer) -> spec.Observation:
    """What a data plane says that serves all of a tree to everybody's content."""
    whole = item.tree
    return spec.Observation(
        frontends={each.id: "open" for each in whole.listeners},
        backends={each.id: "up" for each in whole.pools},
        servers={each.id: "up" for each in whole.members},
        counters={each.id: spec.Counters(total_connections=3, bytes_in=5) for each in whole.listeners},
        members={each.id: spec.Counters(total_connections=2, bytes_out=7) for each in whole.members},
    )
