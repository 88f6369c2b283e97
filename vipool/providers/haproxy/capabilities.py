"""What HAProxy carries today, and the sentence for everything else.

Promises: pure; a tree that is not refused renders, and HAProxy accepts what was rendered. What would be stored and
have no effect on traffic is refused, never ignored; but for what Octavia's clients send where it has no meaning: terms
of TLS where none is spoken, cookies where bytes are carried (OCTAVIA-SPEC 4.3 and 4.4). Does not repeat what the API
refuses for every provider (unknown references, protocols that do not fit each other, expressions, ciphers).
"""

import enum
from collections.abc import Iterator, Mapping

from vipool.core import offers
from vipool.model import healthmonitor, l7policy, listener, pool, tree, types
from vipool.providers import refusals
from vipool.providers.haproxy import checks, served, tls

LISTENERS = frozenset(served.MODES)
POOLS = frozenset(
    {pool.Protocol.TCP, pool.Protocol.HTTP, pool.Protocol.HTTPS, pool.Protocol.PROXY, pool.Protocol.PROXYV2}
)
MONITORS = frozenset(
    {
        healthmonitor.Type.PING,
        healthmonitor.Type.TCP,
        healthmonitor.Type.HTTP,
        healthmonitor.Type.HTTPS,
        healthmonitor.Type.TLS_HELLO,
    }
)
# The longest time HAProxy's configuration takes: 2^31 - 1 milliseconds (configuration manual, section 2.5).
LONGEST_SECONDS = 2_147_483
BY = "the HAProxy provider"


class Topology(enum.StrEnum):
    """How many instances carry a load balancer."""

    SINGLE = "SINGLE"
    ACTIVE_STANDBY = "ACTIVE_STANDBY"


# Under the keys, and in the words, in which Octavia's amphora provider offers them: tools look for both.
FLAVORS: Mapping[str, offers.Offer] = {
    "loadbalancer_topology": offers.Offer(
        description=(
            "The load balancer topology. One of: SINGLE - One amphora per load balancer. ACTIVE_STANDBY - Two amphora "
            "per load balancer."
        ),
        kind=types.Choice(Topology),
    ),
    "compute_flavor": offers.Offer(
        description="The compute driver flavor ID. Kept and shown: nothing is booted.", kind=types.String()
    ),
    "amp_image_tag": offers.Offer(
        description="The amphora image tag. Kept and shown: nothing is booted.", kind=types.String()
    ),
    "sriov_vip": offers.Offer(
        description="When true, the VIP port will be created using an SR-IOV VF port.", kind=types.Boolean()
    ),
    "allow_member_sriov": offers.Offer(
        description="When true, members may ask for SR-IOV VF ports.", kind=types.Boolean()
    ),
}
ZONES: Mapping[str, offers.Offer] = {
    "compute_zone": offers.Offer(description="The compute availability zone.", kind=types.String()),
    "volume_zone": offers.Offer(description="The volume availability zone.", kind=types.String()),
    "management_network": offers.Offer(description="The management network ID for the amphora.", kind=types.Uuid()),
    "valid_vip_networks": offers.Offer(
        description="List of network IDs that are allowed for VIP use.", kind=types.ListOf(types.Uuid())
    ),
}


class Capabilities:
    """HAProxy's, as `vipool.providers.base.Capabilities` asks for them."""

    name = "haproxy"
    description = "Connections are carried by one HAProxy process per load balancer."
    flavors = FLAVORS
    zones = ZONES

    def refuse(self, wanted: tree.Tree) -> str | None:
        """The first reason why the tree cannot be carried, naming the object and the attribute; None when it can."""
        return next(reasons(wanted.live()), None)


def reasons(wanted: tree.Tree) -> Iterator[str]:
    """Every reason why the tree cannot be carried, in the order of its rows."""
    for row in wanted.rows():
        match row:
            case listener.Listener():
                yield from _listener(row)
            case pool.Pool():
                yield from _pool(row)
            case healthmonitor.HealthMonitor():
                yield from _monitor(row)
            case l7policy.L7Policy():
                yield from _policy(row, wanted)
            case _:
                pass


def _preserved(row: pool.Pool) -> Iterator[str]:
    if row.preserve_client_ip:
        yield (
            f"{refusals.called(row)}: preserve_client_ip is not served by {BY}, whose own connections members see; "
            "make the load balancer with the provider nftables, or use a PROXY or PROXYV2 pool."
        )


def _listener(row: listener.Listener) -> Iterator[str]:
    yield from refusals.choice(row, "protocol", row.protocol, LISTENERS, BY)
    if tls.ends(row):
        yield from _terms(row)


def _policy(row: l7policy.L7Policy, wanted: tree.Tree) -> Iterator[str]:
    front = wanted.find(listener.Listener, row.listener_id)
    if front is not None and served.MODES.get(front.protocol) != "http":
        yield f"{front.protocol} protocol listeners do not support L7 policies"


def _pool(row: pool.Pool) -> Iterator[str]:
    yield from refusals.choice(row, "protocol", row.protocol, POOLS, BY)
    yield from _preserved(row)
    if row.tls_enabled:
        yield from _terms(row)


def _terms(row: listener.Listener | pool.Pool) -> Iterator[str]:
    reason = tls.refuse(row)
    if reason is not None:
        yield f"{refusals.called(row)}: {reason}"


def _monitor(row: healthmonitor.HealthMonitor) -> Iterator[str]:
    yield from refusals.choice(row, "type", row.type, MONITORS, BY)
    yield from refusals.pace(row, LONGEST_SECONDS, BY)
    if not row.type.speaks_http:
        return
    yield from refusals.host(row)
    try:
        first, _, last = checks.expected(row.expected_codes or "200").partition("-")
    except ValueError:
        yield f"{refusals.called(row)}: expected_codes must be a list such as 200,202 or one range such as 200-204."
        return
    if last and int(last) < int(first):
        said = row.expected_codes
        yield f"{refusals.called(row)}: expected_codes {said} is an empty range; its first code is the higher."
