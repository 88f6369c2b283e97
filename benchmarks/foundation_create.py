"""From the POST of a whole tree to the first HTTP 200 through its VIP, against doing the same by hand.

By hand: a shell script that makes the namespace, the pair of devices, the address and the route with `ip -batch`, and
starts the same HAProxy on the configuration that vipool rendered. Rounds alternate; the client is the same.
"""

import time

from benchmarks import harness, scene

ROUNDS = 60
WARM = 3
RENDERED_FOR = "10.7.15.240"

SCRIPT = """
ip netns add bare
ip -batch - <<END
link add tapbare type veth peer name vip netns bare
link set tapbare master {bridge} up
END
ip -n bare -batch - <<END
link set lo up
addr add {vip}/20 dev vip
link set vip up
END
cd {directory}
ip netns exec bare haproxy -D -p haproxy.pid -f haproxy.cfg >/dev/null 2>&1
"""
CLEAR = """
kill -KILL $(cat {directory}/haproxy.pid)
ip link del tapbare
ip netns del bare
"""


def measure(report: harness.Report) -> None:
    """Alternate vipool and the script; show both."""
    with scene.opened() as play:
        bare = Bare(play)
        ours, theirs, to_active = [], [], []
        for turn in range(WARM + ROUNDS):
            first, active = _create(play, f"10.7.14.{turn + 1}")
            by_hand = bare.create(f"10.7.13.{turn + 1}")
            if turn >= WARM:
                ours.append(first)
                to_active.append(active)
                theirs.append(by_hand)
    rows = {"by hand": theirs, "vipool, POST to first 200": ours, "vipool, POST to ACTIVE": to_active}
    report.table("milliseconds to the first HTTP 200 through the VIP", rows, baseline="by hand")
    report.bar("p50_ms", harness.median(ours), "<=", 150)
    report.bar("p99_ms", harness.quantile(ours, 0.99), "<=", 400)


def _create(play: scene.Scene, vip: str) -> tuple[float, float]:
    """Milliseconds from the POST to the first answer, and until the API says ACTIVE."""
    play.client.ask("first_answer", vip, 80)
    began = time.monotonic()
    made = play.api.make(f"{scene.BALANCERS}/loadbalancers", "loadbalancer", **play.tree(vip_address=vip))
    active = play.api.active(made["id"])
    answered = play.client.answer()
    play.api.gone(made["id"])
    return (answered - began) * 1000, (active - began) * 1000


class Bare:
    """Doing it by hand, each time at another address: the client must not remember where the last one was."""

    def __init__(self, play: scene.Scene) -> None:
        self._play = play
        self._directory = play.stage.chosen.state_dir.parent / "bare"
        self._directory.mkdir()
        made = play.balance(vip_address=RENDERED_FOR)
        self._text = (play.stage.chosen.balancers_dir / made["id"] / "haproxy.cfg").read_text()
        (self._directory / "server-state").touch()
        play.api.gone(made["id"])

    def create(self, vip: str) -> float:
        """Milliseconds from the start of the script to the first answer."""
        (self._directory / "haproxy.cfg").write_text(self._text.replace(RENDERED_FOR, vip))
        values = {"bridge": f"brq{self._play.network_id[:11]}", "vip": vip, "directory": self._directory}
        self._play.client.ask("first_answer", vip, 80)
        began = time.monotonic()
        self._play.base.call("shell", SCRIPT.format(**values))
        answered = self._play.client.answer()
        self._play.base.call("shell", CLEAR.format(**values))
        return (answered - began) * 1000
