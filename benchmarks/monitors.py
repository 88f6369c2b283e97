"""The checks of 10,000 members every five seconds: what they cost, beside HAProxy's own checks of as many.

In a sandbox, a namespace of members: 2,500 addresses of which each answers echo requests, datagrams, connections,
requests, and requests over TLS; and one for each side of the comparison, joined to it by a link. One side is an engine
of the kernel's provider as the agent drives it, with the processes it starts; the other is HAProxy with a backend that
somebody wrote by hand. Both check at once, so that whatever else the machine does happens to both. What is counted is
processor time of the processes: what the kernel does for a packet on its way to the member and back is part of it, on
both sides.
"""

import os
import statistics

from benchmarks import checking, harness, scene

MEMBERS = int(os.environ.get("VIPOOL_BENCH_MEMBERS", "10000"))
HANDSHAKES = 10
"""To shake hands costs both ends so much that two cores could not have it done for twice as many: a part of them."""
SECONDS, ROUNDS = 10.0, 3
"""How long processor time is counted, how often."""

OWN = {"TCP": "TCP", "PING": "TCP", "UDP-CONNECT": "TCP", "HTTP": "HTTP", "HTTPS": "HTTPS", "TLS-HELLO": "TLS-HELLO"}
"""What HAProxy checks beside each: where it has no such check, connections."""


def measure(report: harness.Report) -> None:
    """Check in each way, side by side."""
    with scene.sandboxed() as holder:
        far = scene.Far(holder, None, "benchmarks.checking")
        try:
            far.call("furnish")
            for kind, own in OWN.items():
                _side_by_side(report, far, kind, own)
        finally:
            far.close()


def _side_by_side(report: harness.Report, far: scene.Far, kind: str, own: str) -> None:
    members = MEMBERS // HANDSHAKES if own in checking.TLS else MEMBERS
    up = far.call("begin", kind, own, members)
    if up != [members, members]:
        raise RuntimeError(f"{kind}: of {members} members {up} are up")
    rounds = [far.call("cost", SECONDS) for _ in range(ROUNDS)]
    missed = far.call("end")
    ours, theirs = ([each[side] * 100 for each in rounds] for side in ("ours", "theirs"))
    agent = [each["agent"] * 100 for each in rounds]
    rows = {f"vipool, {kind}": ours, "  of it the agent": agent, f"HAProxy, {own}": theirs}
    report.table(f"per cent of a core for {members} members every 5 s", rows, baseline=f"HAProxy, {own}")
    if missed:
        report.say(f"{missed} members were thought down meanwhile")
    name = kind.lower().replace("-", "_")
    if kind in {"TCP", "PING", "UDP-CONNECT"}:
        report.bar(f"{name}_percent", statistics.median(ours) * 10_000 / members, "<=", 15)
    else:
        ratio = statistics.median([mine / other for mine, other in zip(ours, theirs, strict=True)])
        report.bar(f"{name}_ratio", ratio, "<=", 1.1)
