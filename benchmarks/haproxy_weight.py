"""A member's weight changes through the API while requests flow: how long until it has its effect, and what fails.

One member's weight is set to 0 and back, the members in turn. The effect is there when the last request began that
the member answered; requests follow each other within a millisecond or two over several kept connections. Those
connections are the load at the same time: a request that fails anywhere counts.
"""

import time

from benchmarks import harness, scene

CHANGES = 60
CONNECTIONS, PAUSE = 4, 0.001
WATCHED = 0.3
"""Seconds in which a member that should not answer any more is looked out for, after the change."""


def measure(report: harness.Report) -> None:
    """Change weights under load."""
    with scene.opened() as play:
        made = play.balance()
        pool = made["pools"][0]
        members = {
            each["name"]: f"{scene.BALANCERS}/pools/{pool['id']}/members/{each['id']}" for each in pool["members"]
        }
        play.client.call("load_start", made["vip_address"], 80, CONNECTIONS, PAUSE)
        to_answer, to_effect = [], []
        for turn in range(CHANGES):
            name = list(members)[turn % len(members)]
            began = time.monotonic()
            play.api.ask("PUT", members[name], {"member": {"weight": 0}})
            to_answer.append((time.monotonic() - began) * 1000)
            time.sleep(WATCHED)
            last = play.client.call("load_last", name, began)
            if last and time.monotonic() - last < WATCHED / 2:
                raise RuntimeError(f"{name} answers {WATCHED} s after its weight was set to 0")
            to_effect.append(max(0.0, last - began) * 1000)
            play.api.ask("PUT", members[name], {"member": {"weight": 1}})
            play.api.active(made["id"])
        load = play.client.call("load_stop")
    rows = {"PUT to 200": to_answer, "PUT to the last request of the member": to_effect}
    report.table("milliseconds of a weight change", rows)
    report.say(f"{load['answered']} requests answered, {len(load['failures'])} failed {load['failures'][:3] or ''}")
    report.bar("effect_p50_ms", harness.median(to_effect), "<=", 50)
    report.bar("effect_p99_ms", harness.quantile(to_effect, 0.99), "<=", 50)
    report.bar("failed_requests", len(load["failures"]), "<=", 0)
