"""What nodes must make of the network plane, and what they say about it."""

from collections.abc import Iterator, Sequence

from vipool.cloud.network.embedded import compiled
from vipool.model import device, floatingip, network, plug, port, router, spec
from vipool.store import rows, session


def items(held: session.Session, since: int) -> Iterator[spec.Item]:
    """Networks, routers and plugs changed after a revision; what must go comes first of its kind."""
    gone = [
        spec.load_item({**each.item, "revision": each.revision}) for each in rows.since(held, plug.Tombstone, since)
    ]
    yield from (each for each in gone if isinstance(each, spec.Plug))
    yield from (each for each in gone if isinstance(each, spec.Router))
    for net in rows.since(held, network.Network, since):
        yield spec.Network(id=net.id, revision=net.revision, segment=net.segment)
    for gate in rows.since(held, router.Router, since):
        yield compiled.router_item(held, gate)
    for each in rows.since(held, plug.Plug, since):
        yield _plug(held, each)
    yield from (each for each in gone if isinstance(each, spec.Network))


def _plug(held: session.Session, of: plug.Plug) -> spec.Plug:
    found = rows.get(held, port.Port, of.id)
    if found is None:
        raise LookupError(f"plug {of.id} has no port")
    return spec.Plug(
        id=of.id,
        revision=of.revision,
        port=compiled.attachment(held, found),
        target=of.target,
        device=of.device,
    )


def settle(held: session.Session, reports: Sequence[spec.Report]) -> None:
    """Keep what nodes say; late and doubled reports change nothing."""
    for report in reports:
        if report.gone:
            _bury(held, report)
        elif report.kind == "plug":
            _settle_plug(held, report)
        elif report.kind == "router":
            _settle_router(held, report)
        elif report.kind == "network":
            _settle_network(held, report)


def _bury(held: session.Session, report: spec.Report) -> None:
    identifier = f"{report.kind}:{report.id}"
    found = rows.get(held, plug.Tombstone, identifier)
    if found is not None and report.revision >= found.revision:
        rows.remove(held, plug.Tombstone, identifier)


def _settle_plug(held: session.Session, report: spec.Report) -> None:
    found = rows.get(held, plug.Plug, report.id)
    if found is None or report.revision < found.revision:
        return
    done = report.fault is None
    if (found.realised, found.fault) != (done, report.fault):
        rows.change(held, plug.Plug, report.id, {"realised": done, "fault": report.fault})
        rows.change(held, port.Port, report.id, {"status": "ACTIVE" if done else "DOWN"})


def _settle_network(held: session.Session, report: spec.Report) -> None:
    found = rows.get(held, network.Network, report.id)
    if found is None or report.revision < found.revision or found.fault == report.fault:
        return
    status = "ACTIVE" if report.fault is None else "ERROR"
    rows.change(held, network.Network, found.id, {"fault": report.fault, "status": status})


def _settle_router(held: session.Session, report: spec.Report) -> None:
    found = rows.get(held, router.Router, report.id)
    if found is None or report.revision < found.revision:
        return
    works = report.fault is None
    if found.fault != report.fault:
        status = "ACTIVE" if works else "ERROR"
        rows.change(held, router.Router, report.id, {"fault": report.fault, "status": status})
    owners = (device.ROUTER_INTERFACE, device.ROUTER_GATEWAY)
    _put_status(held, rows.find(held, port.Port, device_id=report.id, device_owner=owners), works=works)
    _put_status(held, rows.find(held, floatingip.FloatingIp, router_id=report.id), works=works)


def _put_status(held: session.Session, found: Sequence[port.Port | floatingip.FloatingIp], *, works: bool) -> None:
    status = "ACTIVE" if works else "DOWN"
    for each in found:
        if each.status != status:
            rows.change(held, type(each), each.id, {"status": status})
