"""What a body leaves out: the defaults that depend on the rest of it, on what is there, or on the deployment.

Every way of entry passes here between parsing and admission, so that an object made alone and one made in a tree are
the same.  Pure; raises refusals for what cannot go together whatever the tree.
"""

from collections.abc import Mapping
from typing import Any

from vipool.core import l7
from vipool.model import deployment, faults, healthmonitor, l7policy, listener, pool, tree

Values = Mapping[str, Any]
TIMEOUTS = ("timeout_client_data", "timeout_member_connect", "timeout_member_data", "timeout_tcp_inspect")


def new(cls: type[tree.Child], values: Values, allowed: deployment.Deployment) -> dict[str, Any]:
    """The values of a new row, from those a body gave."""
    found = dict(values)
    if cls is listener.Listener:
        return found | _timeouts(found, all_of_them=True, allowed=allowed) | _listener_tls(found, allowed)
    if cls is pool.Pool:
        pool.refuse_untyped(found)
        return found | (_tls(found, allowed.pool_tls) if found.get("tls_enabled") else {})
    if cls is healthmonitor.HealthMonitor:
        return healthmonitor.complete(healthmonitor.Type(str(found["type"])), found)
    if cls is l7policy.L7Policy:
        return l7.settle(_acting(found))
    return found


def changed(row: tree.Child, values: Values, allowed: deployment.Deployment) -> dict[str, Any]:
    """The changed values of a row, from those a body gave."""
    found = dict(values)
    match row:
        case listener.Listener():
            asked = {name: value for name, value in found.items() if name in TLS}
            return found | _timeouts(found, all_of_them=False, allowed=allowed) | _reset(asked, allowed.listener_tls)
        case pool.Pool():
            asked = {name: found[name] for name in ("tls_ciphers", "tls_versions") if name in found}
            return found | _persistence(row, found) | _reset(asked, allowed.pool_tls)
        case healthmonitor.HealthMonitor():
            return healthmonitor.restored(row.type, found)
        case l7policy.L7Policy():
            return l7.settle(_acting(found))
        case _:
            return found


def _acting(values: dict[str, Any]) -> dict[str, Any]:
    if "action" in values and values["action"] is None:
        raise faults.Invalid("Invalid L7 Policy action specified: None")
    return values


def _timeouts(values: Values, *, all_of_them: bool, allowed: deployment.Deployment) -> dict[str, int]:
    return {
        name: getattr(allowed, name)
        for name in TIMEOUTS
        if (all_of_them or name in values) and values.get(name) is None
    }


TLS = ("tls_ciphers", "tls_versions", "alpn_protocols")


def _listener_tls(values: Values, allowed: deployment.Deployment) -> dict[str, object]:
    ends_tls = values["protocol"] is listener.Protocol.TERMINATED_HTTPS
    return _tls(values, allowed.listener_tls) if ends_tls else {}


def _tls(values: Values, usual: deployment.Tls) -> dict[str, object]:
    return _reset({name: values.get(name) for name in TLS}, usual)


def _reset(asked: Values, usual: deployment.Tls) -> dict[str, object]:
    """The usual TLS options in place of those that are null."""
    defaults = {"tls_ciphers": usual.ciphers, "tls_versions": usual.versions, "alpn_protocols": usual.alpn}
    return {name: defaults[name] for name, value in asked.items() if value is None}


def _persistence(row: pool.Pool, values: Values) -> dict[str, object]:
    """A session persistence sent without a type keeps the stored type."""
    sent = values.get("session_persistence")
    if not isinstance(sent, dict) or sent.get("type") is not None or row.session_persistence is None:
        return {}
    return {"session_persistence": {**sent, "type": row.session_persistence["type"]}}
