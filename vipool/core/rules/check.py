"""Asks the rules of a row, whatever its kind."""

from typing import assert_never

from vipool.core.rules import listeners, members, monitors, policies, pools
from vipool.model import deployment, healthmonitor, l7policy, l7rule, listener, member, pool, tree


def check(whole: tree.Tree, row: tree.Child, allowed: deployment.Deployment) -> None:
    """Refuse a row that breaks a rule; the tree may hold its former state under the same id."""
    match row:
        case listener.Listener():
            listeners.check(whole, row, allowed)
        case pool.Pool():
            pools.check(whole, row, allowed)
        case member.Member():
            members.check(whole, (row,), allowed)
        case healthmonitor.HealthMonitor():
            monitors.check(whole, row, allowed)
        case l7policy.L7Policy():
            policies.check_policy(whole, row)
        case l7rule.L7Rule():
            policies.check_rule(whole, row)
        case _:
            assert_never(row)
