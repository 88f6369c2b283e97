"""Octavia's policy actions, each with the rule that decides it unless an operator says otherwise.

The names are Octavia's own, so that a policy.yaml written for it can be taken along.
"""

from collections.abc import Mapping

PREFIX = "os_load-balancer_api"

READ, READ_GLOBAL = "rule:load-balancer:read", "rule:load-balancer:read-global"
WRITE, ADMIN = "rule:load-balancer:write", "rule:load-balancer:admin"
READ_QUOTA, READ_QUOTA_GLOBAL = "rule:load-balancer:read-quota", "rule:load-balancer:read-quota-global"
WRITE_QUOTA = "rule:load-balancer:write-quota"

_TREE = {
    "get_all": READ,
    "get_all-global": READ_GLOBAL,
    "get_one": READ,
    "post": WRITE,
    "put": WRITE,
    "delete": WRITE,
}
_NOUNS: Mapping[str, Mapping[str, str]] = {
    "loadbalancer": {
        **_TREE,
        "post:vip_sg_ids": WRITE,
        "put:vip_sg_ids": WRITE,
        "get_status": READ,
        "get_stats": READ,
        "put_failover": ADMIN,
        # vipool's own: what was done to a load balancer, and when.
        "get_history": READ,
        # Also its own: what is wrong with one, and with all of them.
        "get_conditions": READ,
        "get_metrics": READ_GLOBAL,
    },
    "listener": {**_TREE, "get_stats": READ},
    "pool": _TREE,
    # Services that look members up on behalf of users may list them.
    # `get_stats` of members is vipool's own.
    "member": {**_TREE, "get_all": f"{READ} or role:service", "get_stats": READ},
    "healthmonitor": _TREE,
    "l7policy": _TREE,
    "l7rule": _TREE,
    "quota": {
        "get_all": READ_QUOTA,
        "get_all-global": READ_QUOTA_GLOBAL,
        "get_one": READ_QUOTA,
        "get_defaults": READ_QUOTA,
        "put": WRITE_QUOTA,
        "delete": WRITE_QUOTA,
    },
    "provider": {"get_all": READ},
    "provider-flavor": {"get_all": ADMIN},
    "provider-availability-zone": {"get_all": ADMIN},
    "flavor": {"get_all": READ, "get_one": READ, "post": ADMIN, "put": ADMIN, "delete": ADMIN},
    "flavor-profile": dict.fromkeys(("get_all", "get_one", "post", "put", "delete"), ADMIN),
    "availability-zone": {"get_all": READ, "get_one": READ, "post": ADMIN, "put": ADMIN, "delete": ADMIN},
    "availability-zone-profile": dict.fromkeys(("get_all", "get_one", "post", "put", "delete"), ADMIN),
    "amphora": dict.fromkeys(
        ("get_all", "get_one", "get_stats", "put_failover", "put_config", "delete"), ADMIN
    ),
}  # fmt: skip

ACTIONS: Mapping[str, str] = {
    f"{PREFIX}:{noun}:{verb}": rule for noun, verbs in _NOUNS.items() for verb, rule in verbs.items()
}


def named(noun: str, verb: str) -> str:
    """The name of an action."""
    return f"{PREFIX}:{noun}:{verb}"
