"""The five sets of rules an operator may choose from: Octavia's defaults, and the four policy files it offers.

Each is written in the language of policy rules; the names of the rules are Octavia's (`etc/policy` of its repository).
"""

import enum
from collections.abc import Mapping


class Name(enum.StrEnum):
    """The sets by name."""

    DEFAULT = "default"
    ADMIN_OR_OWNER = "admin_or_owner"
    KEYSTONE_DEFAULT_ROLES = "keystone_default_roles"
    KEYSTONE_DEFAULT_ROLES_SCOPED = "keystone_default_roles_scoped"
    ADVANCED_RBAC = "advanced-rbac"


OWNER = "project_id:%(project_id)s"

_DEFAULT = {
    "context_is_admin": "role:admin",
    "load-balancer:admin": "is_admin:True or role:admin",
    "load-balancer:read": f"(role:reader and {OWNER}) or (role:member and {OWNER}) or role:admin",
    "load-balancer:read-global": "role:admin",
    "load-balancer:write": f"(role:member and {OWNER}) or role:admin",
    "load-balancer:read-quota": f"(role:reader and {OWNER}) or (role:member and {OWNER}) or role:admin",
    "load-balancer:read-quota-global": "role:admin",
    "load-balancer:write-quota": "role:admin",
}
_ADMIN_OR_OWNER = {
    "context_is_admin": "role:admin or role:load-balancer_admin",
    "admin_or_owner": f"is_admin:True or {OWNER}",
    "load-balancer:read": "rule:admin_or_owner",
    "load-balancer:read-global": "is_admin:True",
    "load-balancer:write": "rule:admin_or_owner",
    "load-balancer:read-quota": "rule:admin_or_owner",
    "load-balancer:read-quota-global": "is_admin:True",
    "load-balancer:write-quota": "is_admin:True",
}
_BY_ROLE = {
    "system_admin": "role:admin",
    "system_reader": "role:admin",
    "project_reader": f"role:reader and {OWNER}",
    "project_member": f"role:member and {OWNER}",
    "context_is_admin": "role:admin",
    "load-balancer:admin": "is_admin:True or rule:system_admin or role:load-balancer_admin",
    "load-balancer:read": "is_admin:True or rule:system_reader or rule:project_reader",
    "load-balancer:read-global": "is_admin:True or rule:system_reader",
    "load-balancer:write": "is_admin:True or rule:project_member",
    "load-balancer:read-quota": "is_admin:True or rule:system_reader or rule:project_reader",
    "load-balancer:read-quota-global": "is_admin:True or rule:system_reader",
    "load-balancer:write-quota": "is_admin:True",
}
_SCOPED = {
    "system_admin": "role:admin and system_scope:all",
    "system_reader": "role:reader and system_scope:all",
    "context_is_admin": "role:admin and system_scope:all",
}
_ADVANCED = {
    "context_is_admin": "role:admin or role:load-balancer_admin",
    "load-balancer:owner": OWNER,
    "load-balancer:admin": "is_admin:True or role:admin or role:load-balancer_admin",
    "load-balancer:observer_and_owner": "role:load-balancer_observer and rule:load-balancer:owner",
    "load-balancer:global_observer": "role:load-balancer_global_observer",
    "load-balancer:member_and_owner": "role:load-balancer_member and rule:load-balancer:owner",
    "load-balancer:quota_admin": "role:load-balancer_quota_admin or rule:load-balancer:admin",
    "load-balancer:read": (
        "rule:load-balancer:observer_and_owner or rule:load-balancer:global_observer or "
        "rule:load-balancer:member_and_owner or rule:load-balancer:admin"
    ),
    "load-balancer:read-global": "rule:load-balancer:global_observer or rule:load-balancer:admin",
    "load-balancer:write": "rule:load-balancer:member_and_owner or rule:load-balancer:admin",
    "load-balancer:read-quota": "rule:load-balancer:read or rule:load-balancer:quota_admin",
    "load-balancer:read-quota-global": "rule:load-balancer:global_observer or rule:load-balancer:quota_admin",
    "load-balancer:write-quota": "rule:load-balancer:quota_admin",
}

SETS: Mapping[Name, Mapping[str, str]] = {
    Name.DEFAULT: _DEFAULT,
    Name.ADMIN_OR_OWNER: {**_DEFAULT, **_ADMIN_OR_OWNER},
    Name.KEYSTONE_DEFAULT_ROLES: {**_DEFAULT, **_BY_ROLE},
    Name.KEYSTONE_DEFAULT_ROLES_SCOPED: {**_DEFAULT, **_BY_ROLE, **_SCOPED},
    Name.ADVANCED_RBAC: {**_DEFAULT, **_ADVANCED},
}
