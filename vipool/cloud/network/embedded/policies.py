"""QoS policies and their rules: kept, shown, and not removed while something names them."""

from collections.abc import Iterable, Mapping
from typing import Any

from vipool.cloud.network.embedded import visible
from vipool.model import attr, caller, faults, floatingip, network, port, qospolicy, qosrule
from vipool.store import rows, session

MOST_RULES = 20  # of one policy


def create(held: session.Session, made: qospolicy.QosPolicy) -> qospolicy.QosPolicy:
    """A new policy.  Raises faults.Conflict for a second default one of a project."""
    kept = made.having({"created_at": held.now, "updated_at": held.now})
    _check_default(held, kept)
    rows.add(held, kept)
    return kept


def change(held: session.Session, before: qospolicy.QosPolicy, values: Mapping[str, Any]) -> qospolicy.QosPolicy:
    """A changed policy.  Raises faults.Conflict for a second default one of a project."""
    after = before.having({**values, "updated_at": held.now, "revision_number": before.revision_number + 1})
    _check_default(held, after)
    rows.put(held, after)
    return after


def _check_default(held: session.Session, made: qospolicy.QosPolicy) -> None:
    if not made.is_default:
        return
    for other in rows.find(held, qospolicy.QosPolicy, project_id=made.project_id, is_default=True):
        if other.id != made.id:
            raise faults.Conflict(
                f"A default QoS policy exists for project {made.project_id}: it is {other.id}.",
                kind="QoSPolicyDefaultAlreadyExists",
            )


def check(held: session.Session, who: caller.Caller, identifier: str | None) -> None:
    """Refuse a policy that is not there or that the caller may not see; None is no policy."""
    if identifier is not None:
        visible.need(visible.get(held, who, qospolicy.QosPolicy, identifier), qospolicy.QosPolicy, identifier)


def remove(held: session.Session, gone: qospolicy.QosPolicy) -> None:
    """Remove a policy with its rules.  Raises faults.Conflict while it is used."""
    for cls in (port.Port, network.Network, floatingip.FloatingIp):
        used = rows.find(held, cls, qos_policy_id=gone.id)
        if used:
            raise faults.Conflict(
                f"QoS Policy {gone.id} is used by {cls.NOUN.wrapper} {used[0].id}: take it off first.",
                kind="QosPolicyInUse",
            )
    for kind in qosrule.KINDS:
        rows.remove_where(held, kind, qos_policy_id=gone.id)
    rows.remove(held, qospolicy.QosPolicy, gone.id)


def rules(held: session.Session, policy_ids: Iterable[str]) -> dict[str, list[qosrule.QosRule]]:
    """The rules of some policies, by policy, kind after kind."""
    found: dict[str, list[qosrule.QosRule]] = {each: [] for each in policy_ids}
    for kind in qosrule.KINDS:
        for rule in rows.among(held, kind, "qos_policy_id", found):
            found[rule.qos_policy_id].append(rule)
    return found


def add_rule(held: session.Session, of: qospolicy.QosPolicy, made: qosrule.QosRule) -> None:
    """Give a policy a rule.  Raises faults.Conflict for a second one of its kind that goes the same way."""
    present = rules(held, [of.id])[of.id]
    if len(present) >= MOST_RULES:
        raise faults.Conflict(f"QoS policy {of.id} has {MOST_RULES} rules, which is the most.", kind="QoSRulesConflict")
    _check_rule(present, made)
    rows.add(held, made)
    _touch(held, of)


def change_rule(held: session.Session, of: qospolicy.QosPolicy, changed: qosrule.QosRule) -> None:
    """Keep a changed rule.  Raises faults.Conflict as ``add_rule``."""
    _check_rule(rules(held, [of.id])[of.id], changed)
    rows.put(held, changed)
    _touch(held, of)


def remove_rule(held: session.Session, of: qospolicy.QosPolicy, gone: qosrule.QosRule) -> None:
    """Take a rule from a policy."""
    rows.remove(held, type(gone), gone.id)
    _touch(held, of)


def _check_rule(present: Iterable[qosrule.QosRule], made: qosrule.QosRule) -> None:
    for other in present:
        same = type(other) is type(made) and other.id != made.id
        if same and getattr(other, "direction", None) == getattr(made, "direction", None):
            raise faults.Conflict(
                f"Rule {qosrule.kind(type(made))} conflicts with rule {other.id} which already exists in QoS Policy "
                f"{made.qos_policy_id}: change that one.",
                kind="QoSRulesConflict",
            )


def _touch(held: session.Session, of: qospolicy.QosPolicy) -> None:
    values = {"updated_at": held.now, "revision_number": of.revision_number + 1}
    rows.change(held, qospolicy.QosPolicy, of.id, values)


def show(rule: qosrule.QosRule) -> dict[str, object]:
    """A rule as its policy shows it."""
    return {**attr.show(rule), "qos_policy_id": rule.qos_policy_id, "type": qosrule.kind(type(rule))}
